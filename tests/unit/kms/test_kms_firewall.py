# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port in the firewall: for whom it is opened, what is left alone, what is refused."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall import OpenPort
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall_wish import FirewallWish, remote_addresses
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.advfirewall import ADVFIREWALL
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.model import (
    Backend,
    Firewall,
    GroupPolicy,
    Profile,
    Rule,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.msft import MSFT, our_id
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import NETSH, OUR_NAME
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.rules import PROFILES
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.scopes import ANY, LOCAL_SUBNET
from ansible_collections.activation.kms.tests.unit.kms.hosts import predicts_only_what_it_touches, seen, trace

NETWORKS = frozenset(["10.0.0.0/8"])
WISH = FirewallWish(1688, open=True, scope=NETWORKS)
CLOSED = FirewallWish(1688, open=False)


def entry(*scope: str, profile: str = "domain", **changes: t.Any) -> Rule:
    """An entry of Server 2003 that we made."""
    made = Rule("1688:TCP", OUR_NAME, True, frozenset(scope or NETWORKS), frozenset([profile]), ours=True)
    return dataclasses.replace(made, **changes)


def foreign(*scope: str, profile: str = "domain", **changes: t.Any) -> Rule:
    """The same by somebody else."""
    return entry(*scope, profile=profile, name="KMS by hand", ours=False, **changes)


def standard(rule: Rule) -> Rule:
    return dataclasses.replace(rule, profiles=frozenset(["standard"]))


def firewall(*rules: Rule, **changes: t.Any) -> Firewall:
    """The firewall of Server 2003, on in both profiles."""
    profiles = (Profile("domain", True, True), Profile("standard", True, True))
    made = {"port": 1688, "backend": NETSH, "service_running": True, "profiles": profiles, "rules": rules}
    return Firewall(**{**made, **changes})


def off(**changes: t.Any) -> Firewall:
    return firewall(profiles=(Profile("domain", False), Profile("standard", False)), **changes)


ALL = frozenset(PROFILES)


def later(*rules: Rule, backend: Backend = MSFT, on: t.Collection[str] = PROFILES, **changes: t.Any) -> Firewall:
    """The firewall of a later Windows."""
    profiles = tuple(Profile(name, name in on) for name in PROFILES)
    made = {"port": 1688, "backend": backend, "service_running": True, "profiles": profiles, "rules": rules}
    return Firewall(**{**made, **changes})


def kms(*scope: str, enabled: bool = False, profiles: t.Collection[str] = ALL, **changes: t.Any) -> Rule:
    """Windows' own rule for KMS."""
    made = Rule("SPPSVC-In-TCP", "@x", enabled, frozenset(scope or [LOCAL_SUBNET]), frozenset(profiles))
    return dataclasses.replace(made, **changes)


def own(*scope: str, **changes: t.Any) -> Rule:
    """A rule that we made on a later Windows."""
    return dataclasses.replace(
        Rule(our_id(1688), "ours", True, frozenset(scope or NETWORKS), ALL, ours=True), **changes
    )


NO_SCOPE = kms(ANY, id="SPPSVC-In-TCP-NoScope", profiles=["domain"])
SPLIT = kms(profiles=["private", "public"])
NOTED = Record(former_firewall={"SPPSVC-In-TCP": {"enabled": False, "scope": [LOCAL_SUBNET]}})


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
        (["2001:DB8::/32", "10.0.0.0/8", "fe80::1"], {"2001:db8::/32", "10.0.0.0/8", "fe80::1/128"}),
        (["any"], {ANY}),
        (["ANY"], {ANY}),
        (["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"], {"10.0.0.0/8"}),
        (["2001:db8::/33", "2001:db8:8000::/33", "local_subnet"], {"2001:db8::/32", LOCAL_SUBNET}),
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
        (["fe80::1%eth0"], "bad_option"),
        (["fe80::1%x & calc"], "bad_option"),
        (["0.0.0.0/1", "128.0.0.0/1"], "bad_option"),
        (['10.0.0.0/8" & calc'], "bad_option"),
        (["0.0.0.0/0"], "bad_option"),
        (["1.2.3.4/0"], "bad_option"),
        (["::/0"], "bad_option"),
        (["2001:db8::/129"], "bad_option"),
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
        (WISH, firewall(entry(), standard(entry())), None, set()),
        (WISH, firewall(entry()), OPEN, {"standard"}),
        (WISH, firewall(entry(enabled=False), standard(entry())), OPEN, {"domain"}),
        (WISH, firewall(entry(ANY), standard(entry())), OPEN, {"domain"}),
        (WISH, firewall(entry("10.0.0.0/16"), standard(entry())), OPEN, {"domain"}),
        (WISH, firewall(foreign(ANY), standard(foreign("10.0.0.0/8", LOCAL_SUBNET))), None, set()),
        (WISH, firewall(foreign("8.0.0.0/5"), standard(entry())), None, set()),
        (WISH, firewall(foreign()), OPEN, {"standard"}),
        (WISH, firewall(service_running=False), None, set()),
        (WISH, off(), None, set()),
        (WISH, firewall(profiles=(Profile("domain", True), Profile("standard", False))), OPEN, {"domain"}),
        (WISH, firewall(policy=GroupPolicy(rules=(foreign(), standard(foreign())))), None, set()),
        (CLOSED, firewall(), None, set()),
        (CLOSED, firewall(entry(), standard(entry())), CLOSE, {"domain", "standard"}),
        (CLOSED, firewall(standard(entry(enabled=False))), CLOSE, {"standard"}),
        (CLOSED, firewall(foreign(), standard(foreign())), None, set()),
        (CLOSED, firewall(foreign(), standard(entry())), CLOSE, {"standard"}),
        (CLOSED, firewall(entry(), standard(entry()), service_running=False), None, set()),
    ],
)
def test_next_on_server_2003(wish: FirewallWish, state: Firewall, wanted: str | None, profiles: set[str]) -> None:
    resource, now = OpenPort(wish), seen(state)
    assert trace(resource, now) == ([wanted] if wanted else [])
    if wanted is None:
        return
    step = resource.next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)[Firewall]
    for name in ("domain", "standard"):
        there = [rule for rule in after.rules if name in rule.profiles]
        if name not in profiles:
            assert there == [rule for rule in state.rules if name in rule.profiles]
        else:
            assert there == ([entry(*wish.scope, profile=name)] if wish.open else [])


@pytest.mark.parametrize(
    ("state", "record", "rules"),
    [
        # nothing there, or not enough of it: a rule of ours alone
        (later(), Record(), {own()}),
        (later(SPLIT), Record(), {SPLIT, own()}),
        (later(kms(enabled=True)), Record(), {kms(enabled=True), own()}),
        (later(kms(action="block")), Record(), {kms(action="block"), own()}),
        (later(kms(fit="other")), Record(), {kms(fit="other"), own()}),
        (later(kms(fit="wider")), Record(), {kms(fit="wider"), own()}),
        (later(kms(LOCAL_SUBNET, "rmtintranet")), Record(), {kms(LOCAL_SUBNET, "rmtintranet"), own()}),
        # Windows' own rules, where they do
        (later(kms()), Record(), {kms(*NETWORKS, enabled=True)}),
        (later(SPLIT, NO_SCOPE), Record(), {SPLIT, NO_SCOPE}),
        (later(SPLIT, NO_SCOPE, on=["domain"]), Record(), {SPLIT, NO_SCOPE}),
        # what an interrupted run, another wish or other hands left
        (later(kms()), NOTED, {kms(*NETWORKS, enabled=True)}),
        (later(kms("10.0.0.0/16", enabled=True)), NOTED, {kms(*NETWORKS, enabled=True)}),
        (later(kms(ANY, enabled=True)), NOTED, {kms(*NETWORKS, enabled=True)}),
        (later(own(ANY)), Record(), {own()}),
        (later(own(fit="wider")), Record(), {own()}),
        (later(own(enabled=False)), Record(), {own()}),
        (later(own(action="block"), kms()), Record(), {own(), kms()}),
        (later(kms(action="block"), own("10.0.0.0/16")), NOTED, {kms(action="block"), own()}),
    ],
)
def test_opening_on_a_later_windows(state: Firewall, record: Record, rules: set[Rule]) -> None:
    resource, now = OpenPort(WISH), seen(state, record)
    assert trace(resource, now) == [OPEN]
    step = resource.next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)
    assert not after[Firewall].unmet(WISH.scope)
    expected = {rule.id for rule in rules}
    assert {rule.id for rule in after[Firewall].rules} == expected
    changed = {rule.id for rule in after[Firewall].rules if not rule.ours and rule not in state.rules}
    assert changed <= set(after[Record].former_firewall or {})
    ours = [rule for rule in after[Firewall].rules if rule.ours]
    assert all(rule.scope == WISH.scope and rule.enabled for rule in ours)
    assert len(ours) == len([rule for rule in rules if rule.ours])


@pytest.mark.parametrize(
    ("state", "record"),
    [
        (later(own()), Record()),
        (later(own(profiles=frozenset(["domain"])), on=["domain"]), Record()),
        (later(kms(*NETWORKS, enabled=True)), NOTED),
        (later(kms(ANY, enabled=True)), Record()),
        (later(kms(*NETWORKS, enabled=True, fit="wider")), NOTED),
        (later(kms(enabled=True, action="block"), own()), NOTED),
        (later(kms(enabled=True), own()), Record()),
        (later(service_running=False), Record()),
        (later(on=[]), NOTED),
    ],
)
def test_what_is_enough_on_a_later_windows(state: Firewall, record: Record) -> None:
    assert OpenPort(WISH).next(seen(state, record)) is None


@pytest.mark.parametrize(
    ("state", "record", "left"),
    [
        ([own()], Record(), []),
        ([own(enabled=False), foreign()], Record(), [foreign()]),
        ([kms(*NETWORKS, enabled=True)], NOTED, [kms()]),
        ([kms(), own()], NOTED, [kms()]),
        ([kms(*NETWORKS, enabled=True, action="block")], NOTED, [kms(*NETWORKS, enabled=True, action="block")]),
        ([kms(*NETWORKS, enabled=True, fit="other")], NOTED, [kms(*NETWORKS, enabled=True, fit="other")]),
        ([kms(*NETWORKS, enabled=True, narrowed_by=("if",))], NOTED, [kms(narrowed_by=("if",))]),
        ([], NOTED, []),
    ],
)
def test_closing_on_a_later_windows(state: list[Rule], record: Record, left: list[Rule]) -> None:
    resource, now = OpenPort(CLOSED), seen(later(*state), record)
    step = resource.next(now)
    assert isinstance(step, Step) and step.id == CLOSE
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)
    assert list(after[Firewall].rules) == left and after[Record] == Record()
    assert resource.next(after) is None


def test_closing_another_port_gives_back_nothing_and_says_so() -> None:
    resource, state = OpenPort(FirewallWish(1700, open=False)), seen(later(port=1700), NOTED)
    assert resource.next(state) is None
    (said,) = resource.warnings(state)
    assert "SPPSVC-In-TCP" in said and "1688" in said


@pytest.mark.parametrize("rule", [kms(), kms(enabled=True)])
def test_netsh_gives_windows_own_rules_no_other_state(rule: Rule) -> None:
    state = later(rule, backend=ADVFIREWALL)
    opened = OpenPort(WISH).next(seen(state))
    assert isinstance(opened, Step)
    after = opened.predict(seen(state))
    assert rule in after[Firewall].rules and after[Record] == Record()
    closed = OpenPort(CLOSED).next(after)
    assert isinstance(closed, Step) and closed.predict(after)[Firewall] == state


@pytest.mark.parametrize(
    "entries",
    [
        [foreign("192.168.0.0/16")],
        [standard(foreign("10.0.0.0/9"))],
        [foreign(enabled=False)],
        [entry(), standard(foreign(LOCAL_SUBNET))],
    ],
)
def test_a_foreign_entry_that_is_not_enough_is_never_overwritten(entries: list[Rule]) -> None:
    with pytest.raises(Refusal, match="'KMS by hand'.*change or remove it by hand") as caught:
        OpenPort(WISH).next(seen(firewall(*entries)))
    assert caught.value.name == "foreign_firewall_entry"


def test_a_foreign_entry_in_a_profile_that_is_off_does_not_matter() -> None:
    profiles = (Profile("domain", True, True), Profile("standard", False))
    state = firewall(entry(), standard(foreign(LOCAL_SUBNET)), profiles=profiles)
    assert OpenPort(WISH).next(seen(state)) is None


def test_an_entry_of_ours_in_a_profile_that_is_off_is_mended_and_closed() -> None:
    profiles = (Profile("domain", True, True), Profile("standard", False))
    state = firewall(entry(), standard(entry(ANY)), profiles=profiles)
    mending = OpenPort(WISH).next(seen(state))
    assert isinstance(mending, Step)
    mended = mending.predict(seen(state))
    assert set(mended[Firewall].rules) == {entry(), standard(entry())}
    closing = OpenPort(CLOSED).next(mended)
    assert isinstance(closing, Step) and closing.predict(mended)[Firewall].rules == ()


UNREADABLE = Record(unreadable=True)


@pytest.mark.parametrize(("wish", "state"), [(WISH, later(kms())), (CLOSED, later(kms(enabled=True)))])
def test_notes_that_cannot_be_read_are_not_written_over(wish: FirewallWish, state: Firewall) -> None:
    with pytest.raises(Refusal, match="has to be restored one day") as caught:
        OpenPort(wish).next(seen(state, UNREADABLE))
    assert caught.value.name == "record_unreadable"


def test_notes_that_cannot_be_read_matter_to_windows_own_rules_only() -> None:
    assert trace(OpenPort(WISH), seen(later(), UNREADABLE)) == [OPEN]
    assert trace(OpenPort(WISH), seen(firewall(), UNREADABLE)) == [OPEN]
    assert trace(OpenPort(CLOSED), seen(firewall(entry()), UNREADABLE)) == [CLOSE]
    other_port = FirewallWish(1700, open=False)
    assert trace(OpenPort(other_port), seen(later(own(), port=1700), UNREADABLE)) == [CLOSE]


def test_ipv6_is_for_windows_that_knows_it() -> None:
    wish = FirewallWish(1688, open=True, scope=frozenset(["10.0.0.0/8", "2001:db8::/32"]))
    with pytest.raises(Refusal) as caught:
        OpenPort(wish).next(seen(off()))
    assert caught.value.name == "ipv6_not_supported"
    assert trace(OpenPort(wish), seen(later())) == [OPEN]


@pytest.mark.parametrize(
    ("state", "refused"), [(firewall(), True), (later(backend=ADVFIREWALL), True), (later(), False)]
)
def test_more_networks_than_a_command_line_holds(state: Firewall, refused: bool) -> None:
    wish = FirewallWish(
        1688, open=True, scope=frozenset(f"10.{one}.{two}.0/30" for one in range(24) for two in range(30))
    )
    if not refused:
        assert trace(OpenPort(wish), seen(state)) == [OPEN]
        return
    with pytest.raises(Refusal, match="720 networks") as caught:
        OpenPort(wish).next(seen(state))
    assert caught.value.name == "too_many_networks"


@pytest.mark.parametrize("wish", [WISH, CLOSED])
def test_a_firewall_nobody_knows_is_refused(wish: FirewallWish) -> None:
    with pytest.raises(Refusal) as caught:
        OpenPort(wish).next(seen(Firewall(1688, None, False)))
    assert caught.value.name == "firewall_not_known"


@pytest.mark.parametrize(
    ("wanted", "has", "admitted"),
    [
        ({"10.1.0.0/16"}, {"10.0.0.0/8"}, True),
        ({"10.1.0.0/16", LOCAL_SUBNET}, {"10.0.0.0/8"}, False),
        ({"10.1.0.0/16", LOCAL_SUBNET}, {"10.0.0.0/8", LOCAL_SUBNET}, True),
        ({LOCAL_SUBNET}, {ANY}, True),
        ({ANY}, {"0.0.0.0/1", "128.0.0.0/1"}, False),
        ({"10.0.0.0/8"}, {"10.1.0.0/16"}, False),
        ({"10.0.0.0/8"}, {"10.0.0.0/9", "10.128.0.0/9"}, True),
        ({"10.0.0.0/8"}, {"nonsense", "fe80::/10"}, False),
        ({"10.0.0.0/8"}, set(), False),
        ({"2001:db8:1::/48"}, {"2001:db8::/32"}, True),
        ({"2001:db8::/32"}, {"0.0.0.0/0"}, False),
    ],
)
def test_who_gets_through(wanted: set[str], has: set[str], admitted: bool) -> None:
    rule = kms(*has, enabled=True, scope=frozenset(has))
    assert (later(rule).unmet(wanted) == []) is admitted
    assert later(dataclasses.replace(rule, enabled=False)).unmet(wanted) == list(PROFILES)


def test_several_rules_admit_together() -> None:
    one, other = kms("10.0.0.0/9", enabled=True), kms("192.168.0.0/16", enabled=True, id="other")
    assert later(one, other).unmet({"10.1.0.0/16", "192.168.3.0/24"}) == []
    assert later(one).unmet({"10.1.0.0/16", "192.168.3.0/24"}) == list(PROFILES)


# -- what the user is told

BLOCKS = kms(ANY, enabled=True, action="block", name="No KMS")
SHUT = Profile("domain", True, False)


@pytest.mark.parametrize(
    ("wish", "state", "words"),
    [
        (WISH, firewall(entry(), standard(entry())), []),
        (WISH, firewall(service_running=False), ["SharedAccess does not run"]),
        (WISH, later(service_running=False), ["MpsSvc does not run"]),
        (WISH, off(), ["off in every profile"]),
        (WISH, firewall(entry(), standard(entry()), policy=GroupPolicy()), ["Group Policy sets"]),
        (WISH, firewall(entry(), profiles=(SHUT,)), [r"no exceptions \(profile domain\): TCP 1688 stays shut"]),
        (WISH, firewall(entry(), profiles=(Profile("domain", True, True), Profile("standard", False, False))), []),
        (WISH, later(own(), BLOCKS), ["No KMS blocks TCP 1688"]),
        (WISH, later(own(), dataclasses.replace(BLOCKS, enabled=False)), []),
        (WISH, later(own(), dataclasses.replace(BLOCKS, fit="other")), []),
        (WISH, later(own(), policy=GroupPolicy(rules=(BLOCKS,))), ["No KMS blocks", "Group Policy sets"]),
        (
            WISH,
            later(own(), policy=GroupPolicy(ignores_local=frozenset(["public"]), rules=())),
            ["Group Policy sets", r"the effect .* \(profile public\)"],
        ),
        (
            WISH,
            later(own(), policy=GroupPolicy(ignores_local=ALL, rules=None)),
            ["Group Policy sets", "could not be looked at without a remote shell"],
        ),
        (
            WISH,
            later(own(), policy=GroupPolicy(ignores_local=ALL, rules=(kms(ANY, enabled=True),))),
            ["Group Policy sets"],
        ),
        (CLOSED, firewall(foreign()), [r"KMS by hand .* was not made by .* \(profile domain\)"]),
        (CLOSED, firewall(foreign(enabled=False)), []),
        (CLOSED, firewall(), []),
        (CLOSED, firewall(entry(), service_running=False), ["nothing was closed"]),
    ],
)
def test_warnings(wish: FirewallWish, state: Firewall, words: list[str]) -> None:
    found = OpenPort(wish).warnings(seen(state))
    assert len(found) == len(words), found
    assert all(re.search(word, text) for word, text in zip(words, found, strict=True))


def test_what_else_filters_is_told_before_the_port_is_opened() -> None:
    state = firewall(profiles=(SHUT,), others=("IPsec is at work",))
    assert OpenPort(WISH).notices(seen(state))[1:] == ["IPsec is at work"]
    assert OpenPort(CLOSED).notices(seen(state)) == []
