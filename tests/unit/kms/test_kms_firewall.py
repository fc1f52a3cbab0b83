# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port in the firewall: for whom it is opened, what is left alone, what is refused."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall import (
    FirewallWish,
    OpenPort,
    remote_addresses,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import (
    ANY,
    LOCAL_SUBNET,
    OUR_NAME,
    Entry,
    Firewall,
    Profile,
)
from ansible_collections.activation.kms.tests.unit.kms.hosts import predicts_only_what_it_touches, seen, trace

NETWORKS = frozenset(["10.0.0.0/8"])
WISH = FirewallWish(1688, open=True, scope=NETWORKS)
CLOSED = FirewallWish(1688, open=False)


def entry(*scope: str, name: str = OUR_NAME, enabled: bool = True) -> Entry:
    return Entry(name, enabled, frozenset(scope or NETWORKS))


def foreign(*scope: str, enabled: bool = True) -> Entry:
    return entry(*scope, name="KMS by hand", enabled=enabled)


def firewall(domain: Entry | None = None, standard: Entry | None = None, **changes: t.Any) -> Firewall:
    profiles = (Profile("domain", True, entry=domain), Profile("standard", True, entry=standard))
    return Firewall(**{"port": 1688, "service_running": True, "profiles": profiles, **changes})


def off(**changes: t.Any) -> Firewall:
    return firewall(profiles=(Profile("domain", False), Profile("standard", False)), **changes)


# -- what the user may write


@pytest.mark.parametrize(
    ("items", "scope"),
    [
        (["10.0.0.0/8"], {"10.0.0.0/8"}),
        (["10.0.0.0/255.0.0.0", "10.0.0.0/8"], {"10.0.0.0/8"}),
        (["10.1.2.3/8"], {"10.0.0.0/8"}),
        (["192.168.1.7"], {"192.168.1.7/32"}),
        ([" 10.0.0.0/8 ", "local_subnet"], {"10.0.0.0/8", LOCAL_SUBNET}),
        (["LocalSubnet"], {LOCAL_SUBNET}),
        (["any"], {ANY}),
        (["ANY"], {ANY}),
    ],
)
def test_networks_have_one_form(items: list[str], scope: set[str]) -> None:
    assert remote_addresses(items) == scope


@pytest.mark.parametrize(
    ("items", "name"),
    [
        (None, "remote_addresses_missing"),
        ([], "remote_addresses_missing"),
        (["any", "10.0.0.0/8"], "bad_option"),
        (["*"], "bad_option"),
        (["all"], "bad_option"),
        (["corp.example"], "bad_option"),
        (["10.0.0.0/33"], "bad_option"),
        (["10.0.0"], "bad_option"),
        ([""], "bad_option"),
        (["10.0.0.1-10.0.0.9"], "bad_option"),
        (["10.0.0.0/8,11.0.0.0/8"], "bad_option"),
        (['10.0.0.0/8" & calc'], "bad_option"),
        (["0.0.0.0/0"], "bad_option"),
        (["1.2.3.4/0"], "bad_option"),
        (["2001:db8::/32"], "ipv6_not_supported"),
        (["::/0"], "ipv6_not_supported"),
        (["10.0.0.0/8", "fe80::1"], "ipv6_not_supported"),
    ],
)
def test_networks_that_are_refused(items: list[str] | None, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        remote_addresses(items)
    assert caught.value.name == name


# -- what is done

OPEN, CLOSE = "host_firewall.open", "host_firewall.close"


@pytest.mark.parametrize(
    ("wish", "state", "wanted", "profiles"),
    [
        (WISH, firewall(), OPEN, {"domain", "standard"}),
        (WISH, firewall(entry(), entry()), None, set()),
        (WISH, firewall(entry(), None), OPEN, {"standard"}),
        (WISH, firewall(entry(enabled=False), entry()), OPEN, {"domain"}),
        (WISH, firewall(entry(ANY), entry()), OPEN, {"domain"}),
        (WISH, firewall(entry("10.0.0.0/16"), entry()), OPEN, {"domain"}),
        (WISH, firewall(foreign(ANY), foreign("10.0.0.0/8", LOCAL_SUBNET)), None, set()),
        (WISH, firewall(foreign("8.0.0.0/5"), entry()), None, set()),
        (WISH, firewall(foreign(), None), OPEN, {"standard"}),
        (WISH, firewall(service_running=False), None, set()),
        (WISH, off(), None, set()),
        (WISH, firewall(profiles=(Profile("domain", True), Profile("standard", False))), OPEN, {"domain"}),
        (CLOSED, firewall(), None, set()),
        (CLOSED, firewall(entry(), entry()), CLOSE, {"domain", "standard"}),
        (CLOSED, firewall(None, entry(enabled=False)), CLOSE, {"standard"}),
        (CLOSED, firewall(foreign(), foreign()), None, set()),
        (CLOSED, firewall(foreign(), entry()), CLOSE, {"standard"}),
        (CLOSED, firewall(entry(), entry(), service_running=False), None, set()),
    ],
)
def test_next(wish: FirewallWish, state: Firewall, wanted: str | None, profiles: set[str]) -> None:
    resource, now = OpenPort(wish), seen(state)
    assert trace(resource, now) == ([wanted] if wanted else [])
    if wanted is None:
        return
    step = resource.next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    for before, after in zip(state.profiles, step.predict(now)[Firewall].profiles, strict=True):
        if before.name not in profiles:
            assert after == before
        else:
            assert after.entry == (Entry(OUR_NAME, True, wish.scope) if wish.open else None)


@pytest.mark.parametrize(
    "entries",
    [
        (foreign("192.168.0.0/16"), None),
        (None, foreign("10.0.0.0/9")),
        (foreign(enabled=False), None),
        (entry(), foreign(LOCAL_SUBNET)),
    ],
)
def test_a_foreign_entry_that_is_not_enough_is_never_overwritten(entries: tuple[Entry | None, Entry | None]) -> None:
    with pytest.raises(Refusal, match="'KMS by hand'.*change or remove it by hand") as caught:
        OpenPort(WISH).next(seen(firewall(*entries)))
    assert caught.value.name == "foreign_firewall_entry"


def test_a_foreign_entry_in_a_profile_that_is_off_does_not_matter() -> None:
    profiles = (Profile("domain", True, entry=entry()), Profile("standard", False, entry=foreign(LOCAL_SUBNET)))
    assert OpenPort(WISH).next(seen(firewall(profiles=profiles))) is None


@pytest.mark.parametrize(
    ("wanted", "has", "admitted"),
    [
        ({"10.1.0.0/16"}, {"10.0.0.0/8"}, True),
        ({"10.1.0.0/16", LOCAL_SUBNET}, {"10.0.0.0/8"}, False),
        ({"10.1.0.0/16", LOCAL_SUBNET}, {"10.0.0.0/8", LOCAL_SUBNET}, True),
        ({LOCAL_SUBNET}, {ANY}, True),
        ({ANY}, {"0.0.0.0/1", "128.0.0.0/1"}, False),
        ({"10.0.0.0/8"}, {"10.1.0.0/16"}, False),
        ({"10.0.0.0/8"}, {"nonsense", "fe80::/10"}, False),
        ({"10.0.0.0/8"}, set(), False),
    ],
)
def test_who_gets_through(wanted: set[str], has: set[str], admitted: bool) -> None:
    assert Entry("x", True, frozenset(has)).admits(frozenset(wanted)) is admitted
    assert Entry("x", False, frozenset(has)).admits(frozenset(wanted)) is False


# -- what the user is told


@pytest.mark.parametrize(
    ("wish", "state", "words"),
    [
        (WISH, firewall(entry(), entry()), []),
        (WISH, firewall(service_running=False), ["SharedAccess does not run"]),
        (WISH, off(), ["off in every profile"]),
        (WISH, firewall(entry(), entry(), group_policy=True), ["Group Policy"]),
        (WISH, firewall(profiles=(Profile("domain", True, False, entry()),)), ["domain profile .* stays shut"]),
        (WISH, firewall(profiles=(Profile("domain", True, True, entry()), Profile("standard", False, False))), []),
        (CLOSED, firewall(foreign(), None), ["in the domain profile is not ours"]),
        (CLOSED, firewall(), []),
    ],
)
def test_warnings(wish: FirewallWish, state: Firewall, words: list[str]) -> None:
    found = OpenPort(wish).warnings(seen(state))
    assert len(found) == len(words)
    assert all(re.search(word, text) for word, text in zip(words, found, strict=True))
