# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after a host's end: self-publishing off, and what was there before this collection came back again."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.removal import RemovalWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.retirement import Quiet, Restoration
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing, Root, Values
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT_TEXT,
    NO_LICENSING,
    NOW_TEXT,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    system,
    trace,
)

LATER = system(release="server_2022", version="10.0.20348")
OFFICE = dataclasses.replace(product(1, "BBBBB", "VOLUME_KMS channel"), foreign=True, application_id="office")
STOPPED = Licensing(present=True, answers=False, roots={"SL": Root()})
RULES = {"SPPSVC-In-TCP": {"enabled": False, "scope": ["local_subnet"]}}
AN_HOUR_AGO = "2026-03-01T05:00:00Z"


def having(*products: t.Any, **values: t.Any) -> Licensing:
    """A licensing service with these keys and settings."""
    return licensing(*products, roots={"SL": Root(Values(**values))})


def quiet(*, zones: t.Collection[str] = ("corp.example",), port_guessed: bool = False) -> Quiet:
    return Quiet(RemovalWish(), zones=zones, port_guessed=port_guessed)


def owing(**former: t.Any) -> Record:
    return Record(former_settings=former)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ((NO_LICENSING,), []),
        ((having(),), []),
        ((having(product(1)),), ["host_settings.apply"]),
        ((having(product(0)),), ["host_settings.apply"]),
        ((having(OFFICE),), ["host_settings.apply"]),
        ((having(product(1), self_publishing=False),), []),
        ((STOPPED,), []),
        ((STOPPED, Record(service_restart=BOOT_TEXT)), ["host_settings.apply"]),
        ((STOPPED, Record(service_restart=AN_HOUR_AGO)), []),
    ],
)
def test_it_publishes_itself_no_more_while_it_has_a_host_key(parts: tuple[t.Any, ...], wanted: list[str]) -> None:
    assert trace(quiet(), seen(*parts)) == wanted


def test_a_port_that_nobody_named_is_not_guessed() -> None:
    with pytest.raises(Refusal, match="say port: 1700, or firewall: unmanaged"):
        quiet(port_guessed=True).next(seen(having(product(1), port=1700)))
    assert quiet(port_guessed=True).next(seen(having(product(1), self_publishing=False))) is None
    assert quiet(port_guessed=True).next(seen(having(port=1700))) is None
    assert quiet().next(seen(having(product(1), port=1700, self_publishing=False))) is None


@pytest.mark.parametrize(
    ("parts", "zones", "told"),
    [
        ((having(product(1)),), (), ["corp.example"]),
        ((having(product(1)),), ("corp.example",), []),
        ((having(product(1), self_publishing=False),), (), []),
        ((having(),), (), []),
        (
            (having(product(1), self_publishing_domains=("corp.example", "branch.example, 1, 2")),),
            ("corp.example",),
            ["branch.example"],
        ),
    ],
)
def test_a_record_that_stays_is_told(parts: tuple[t.Any, ...], zones: tuple[str, ...], told: list[str]) -> None:
    notices = quiet(zones=zones).notices(seen(*parts, LATER))
    assert [one for one in notices if "published itself" in one] == notices
    assert [any(f"in {name}," in one for one in notices) for name in told] == [True] * len(notices)


@pytest.mark.parametrize(
    ("parts", "told"), [((having(product(1)),), True), ((having(),), False), ((having(product(1)), LATER), False)]
)
def test_updates_of_server_2003_stay(parts: tuple[t.Any, ...], told: bool) -> None:
    assert any("KMS updates of Server 2003" in one for one in quiet().notices(seen(*parts))) == told


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ((having(),), []),
        ((having(port=1700),), []),
        ((having(), owing(port=1688)), ["host.forget"]),
        ((having(port=1700), owing(port=1688)), ["host.restore", "host.forget"]),
        ((having(port=1700), owing(port=1688), NO_LICENSING), ["host.forget"]),
        ((having(self_publishing=False), owing(self_publishing=True)), ["host.restore", "host.forget"]),
        ((having(OFFICE, self_publishing=False), owing(self_publishing=True)), []),
        (
            (having(OFFICE, self_publishing=False, port=1700), owing(self_publishing=True, port=1688)),
            ["host.restore", "host.forget"],
        ),
        ((having(OFFICE), owing(self_publishing=False)), ["host.restore", "host.forget"]),
        (
            (having(self_publishing_domains=("a.example",)), owing(self_publishing_domains=[])),
            ["host.restore", "host.forget"],
        ),
        (
            (having(self_publishing_domains=("a.example",)), owing(self_publishing_domains=["a.example"])),
            ["host.forget"],
        ),
        ((having(), Record(draining={"at": NOW_TEXT, "ttl": 60})), ["host.forget"]),
        ((having(), Record(service_restart=BOOT_TEXT)), ["host.restore"]),
        ((having(), Record(service_restart=AN_HOUR_AGO)), ["host.forget"]),
        ((having(), Record(staging="C:\\Temp\\x")), ["host_update.tidy"]),
        ((having(), Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {"kms_1_2": "done"}})), []),
        ((having(), Record(awaiting_restart={"boot": AN_HOUR_AGO, "updates": {"kms_1_2": "done"}})), ["host.forget"]),
        ((having(), Record(former_firewall=RULES)), []),
    ],
)
def test_what_is_given_back(parts: tuple[t.Any, ...], wanted: list[str]) -> None:
    resource = Restoration(firewall_left=False)
    assert trace(resource, seen(*parts)) == wanted
    step = resource.next(seen(*parts))
    if isinstance(step, Step):
        predicts_only_what_it_touches(step, seen(*parts))


def test_everything_in_one_step_with_one_restart() -> None:
    former = {
        "port": 1688,
        "self_publishing": True,
        "activation_interval": 120,
        "self_publishing_domains": ["b.example"],
    }
    now = having(port=1700, self_publishing=False, activation_interval=15, self_publishing_domains=())
    step = Restoration(firewall_left=False).next(seen(now, Record(former_settings=former)))
    assert isinstance(step, Step)
    after = step.predict(seen(now, Record(former_settings=former)))[Licensing]
    wanted = {name: tuple(was) if isinstance(was, list) else was for name, was in former.items()}
    assert {name: after.setting(name) for name in former} == wanted
    assert step.summary.startswith(
        "as before: listen on TCP 1688; turn self-publishing on; publish itself in b.example"
    )


def test_another_key_that_stays_is_told_and_so_are_rules_that_are_nobodys_business() -> None:
    found = Restoration(firewall_left=True).warnings(seen(having(OFFICE), Record(former_firewall=RULES)))
    assert ["*****-BBBBB" in found[0], f"activation_id: {OFFICE.id}" in found[0], "SPPSVC-In-TCP" in found[1]] == [
        True
    ] * 3
    assert not Restoration(firewall_left=False).warnings(seen(having(), Record(former_firewall=RULES)))
