# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of a zone on an emulated Microsoft DNS server, by WMI: every release, every dial, faults at every request."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from simulated import DIALS_MET, Fault, Killed, SimulatedWorld, Surroundings, microsoft

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.microsoft_dns import HeldZones, read_held_zones
from ansible_collections.activation.kms.plugins.plugin_utils._kms.microsoft_members import MicrosoftPublication
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Wish, member
from emulated_windows.clock import VirtualClock
from emulated_windows.core import EmulatedHost, HostOptions
from emulated_windows.dns_server import Responder
from emulated_windows.dns_zone import Aging, Zone

ZONE = "corp.example"
KMS1, KMS2, OLD, RIVAL = (f"{name}.{ZONE}" for name in ("kms1", "kms2", "old", "rival"))
BEFORE_DELETE = ("server-2003-sp1-x86", "server-2003-sp2-x64", "server-2008-sp2", "server-2008-r2-sp1")
PERSONAS = (*BEFORE_DELETE, "server-2012", "server-2012-r2", "server-2016", "server-2022", "server-2025")
CAN = {"dnscmd": "present", "dns_wmi_record": "static"}
"""The dials of a server on which everything can be done; the others are drawn."""
SEEDS = range(4)
DAY = 86400.0
WITHOUT_ROLE = "dns_namespace_missing"
"""The dial of hosts that are no DNS servers."""


def dns_host(
    persona: str, seed: int | None = None, dials: t.Mapping[str, str] | None = None, **zone: t.Any
) -> Surroundings:
    """A DNS server whose zone ages, with one member that published itself."""
    clock, authority = VirtualClock(1_795_000_000.0), microsoft()
    zone = {"aging": Aging(enabled=True), "updates": "nonsecure", **zone}
    served = Zone(ZONE, "127.0.0.1", clock=clock, flavour="microsoft", **zone)
    options = HostOptions("dc1", persona=persona, seed=seed, dials=CAN if dials is None else dials, dns_server=True)
    machine = EmulatedHost(options, clock, authority, zones=[served])
    if zone.keys().isdisjoint({"kind", "paused"}):
        served.publish(ZONE, OLD, 1690, account="OLD$")
    return Surroundings(clock, machine, served, Responder(served, None), authority)


def wish(*targets: str, state: t.Any = "present", exclusive: bool = False, ttl: int | None = None, **of: int) -> Wish:
    return Wish(tuple(member(target, **of) for target in targets), state, exclusive, ttl)


def run(
    around: Surroundings,
    wished: Wish,
    *,
    static: bool = False,
    check: bool = False,
    faults: t.Mapping[int, Fault] | None = None,
) -> Outcome:
    world = SimulatedWorld(around, {}, faults)
    wanted = MicrosoftPublication(ZONE, wished, static=static, host=world.host)
    return converge(world, [wanted], {HeldZones: read_held_zones([ZONE])}, check=check)


def settled(around: Surroundings, wished: Wish, *, static: bool = False) -> None:
    """A run that goes well, as check mode foresaw it, and that leaves nothing to a second one."""
    before = len(around.exchanges)
    foreseen = run(around, wished, static=static, check=True)
    assert not any(one.mutation for one in around.exchanges[before:])
    outcome = run(around, wished, static=static)
    assert outcome.problem is None, outcome.problem
    assert outcome.changed == foreseen.changed
    assert members(around) == members_of(foreseen)
    again = run(around, wished, static=static)
    assert not again.changed and not again.done
    note(around)


def note(around: Surroundings) -> None:
    """Settings with which a DNS server did what was wished."""
    for dial, setting in around.machine.dials.items():
        if dial.startswith("dns") and dial != WITHOUT_ROLE:
            DIALS_MET[dial].add(setting)


def members(around: Surroundings) -> list[str]:
    """`ttl priority weight port target` of every SRV record, read from the zone itself."""
    lines = [line.split() for line in around.zone.to_text().splitlines()]
    return sorted(" ".join([fields[1], *fields[4:]]).lower() for fields in lines if "SRV" in fields)


def members_of(outcome: Outcome) -> list[str]:
    """The same, as a run foresees it."""
    return sorted(f"{one.ttl} {one.data()}".lower() for one in outcome.seen[HeldZones][ZONE].state.members)


# -- what comes out, on every release and whatever nobody has documented


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("persona", PERSONAS)
def test_a_life_of_members(persona: str, seed: int) -> None:
    around = dns_host(persona, len(SEEDS) * PERSONAS.index(persona) + seed)  # a draw of its own for each
    settled(around, wish(KMS1, KMS2, ttl=3600))
    assert [one.split()[-1] for one in members(around)] == [f"{KMS1}.", f"{KMS2}.", f"{OLD}."]
    settled(around, wish(KMS1, priority=3, port=1700))
    assert f"3600 3 0 1700 {KMS1}." in members(around)
    others = [one for one in members(around) if KMS1 not in one]
    settled(around, wish(KMS1, ttl=60))
    assert members(around) == sorted([f"60 0 0 1688 {KMS1}.", *others]), "and the others' records are not touched"
    settled(around, wish(KMS2, state="absent"))
    settled(around, wish(KMS1, OLD, port=1690), static=True)
    around.clock.advance(40 * DAY)
    assert sorted(one.split()[-2:] for one in members(around)) == [["1690", f"{KMS1}."], ["1690", f"{OLD}."]]
    settled(around, wish(KMS1, exclusive=True))
    assert members(around) == [f"60 0 0 1688 {KMS1}."]


@pytest.mark.parametrize("setting", ["0x80041003", "0x80070005"])
@pytest.mark.parametrize("persona", PERSONAS)
def test_without_rights_nothing_is_changed_until_somebody_gives_them(persona: str, setting: str) -> None:
    around = dns_host(persona, dials={**CAN, "dns_access": setting})
    before = members(around)
    for check in (True, False):
        with pytest.raises(Problem) as refused:
            outcome = run(around, wish(KMS1), check=check)
            raise outcome.problem or AssertionError("it was let in")
        assert refused.value.name == "dns_access_denied" and setting in str(refused.value.code)
    assert members(around) == before
    DIALS_MET["dns_access"].add(setting)
    around.machine.dials["dns_access"] = "granted"
    settled(around, wish(KMS1))


@pytest.mark.parametrize("persona", PERSONAS)
def test_what_ages_is_told_and_goes_unless_it_is_made_static(persona: str) -> None:
    left, mended = dns_host(persona), dns_host(persona)
    outcome = run(left, wish(OLD, port=1690))
    assert not outcome.changed and OLD in outcome.warnings[0] and "static: true" in outcome.warnings[0]
    settled(mended, wish(OLD, port=1690), static=True)
    assert run(mended, wish(OLD, port=1690)).warnings == []
    for around in (left, mended):
        around.clock.advance(30 * DAY)
    assert members(left) == [] and [one.split()[-1] for one in members(mended)] == [f"{OLD}."]


@pytest.mark.parametrize("persona", ["server-2003-sp2-x64", "server-2022"])
def test_where_wmi_makes_records_that_age_it_is_told(persona: str) -> None:
    around = dns_host(persona, dials={**CAN, "dns_wmi_record": "ages", "dns_modified_record": "new"})
    outcome = run(around, wish(KMS1))
    assert outcome.problem is None and f"{KMS1} is published" in outcome.warnings[0]
    note(around)
    outcome = run(around, wish(KMS1), static=True)
    assert outcome.problem is not None and outcome.problem.name == "record_not_static"
    assert f"3600 0 0 1688 {KMS1}." in members(around)


@pytest.mark.parametrize("persona", BEFORE_DELETE)
def test_without_dnscmd_nothing_is_lost(persona: str) -> None:
    around = dns_host(persona, dials={**CAN, "dnscmd": "absent", "dns_modified_record": "kept"})
    before = members(around)
    outcome = run(around, wish(OLD, state="absent"))
    assert outcome.problem is not None and "dnscmd" in outcome.problem.message and not outcome.changed
    outcome = run(around, wish(OLD, port=1690), static=True)
    assert outcome.problem is not None and members(around) == before


@pytest.mark.parametrize("persona", BEFORE_DELETE)
def test_a_record_that_is_changed_in_place_needs_no_dnscmd(persona: str) -> None:
    around = dns_host(persona, dials={**CAN, "dnscmd": "absent", "dns_modified_record": "static"})
    settled(around, wish(OLD, port=1690), static=True)


# -- faults


@pytest.mark.parametrize("fault", ["drop", "lost", "kill", "kill_after"])
@pytest.mark.parametrize(("static", "modified"), [(False, "static"), (True, "static"), (True, "kept")])
@pytest.mark.parametrize("persona", ["server-2008-r2-sp1", "server-2016"])
def test_a_fault_at_any_request_leaves_a_state_that_the_next_run_completes(
    persona: str, static: bool, modified: str, fault: str
) -> None:
    wished = wish(KMS1, KMS2, OLD, exclusive=True)
    for number in range(1, 40):
        around = dns_host(persona, dials={**CAN, "dns_modified_record": modified})
        around.zone.publish(ZONE, RIVAL, 1688, account="RIVAL$")
        around.zone.publish(ZONE, KMS2, 1700, account="KMS2$")
        world = SimulatedWorld(around, {}, {number: fault})
        wanted = MicrosoftPublication(ZONE, wished, static=static, host=world.host)
        try:
            converge(world, [wanted], {HeldZones: read_held_zones([ZONE])}, check=False)
        except (Killed, Exception) as error:
            assert not isinstance(error, Refusal)
        if not world.met:
            assert number > 8
            break
        assert len(members(around)) >= 3 - (modified == "kept"), "nobody is lost, and never two at a time"
        settled(around, wished, static=static)
        assert [one.split()[-1] for one in members(around)] == [f"{KMS1}.", f"{KMS2}.", f"{OLD}."]
    else:
        raise AssertionError("the run has no end")


def test_a_rival_at_any_request_is_no_failure() -> None:
    wished = wish(KMS1, KMS2, OLD)
    for seed in SEEDS:
        for number in range(1, 12):
            around = dns_host("server-2012", seed, {**CAN, "dns_record_exists": "0x80041001"})

            def rival(around: Surroundings = around) -> None:
                around.zone.publish(ZONE, KMS1, 1688, account="KMS1$")
                around.zone.publish(ZONE, OLD, 1690, account="OLD$", withdrawn=True)

            outcome = run(around, wished, faults={number: rival})
            assert outcome.problem is None, (seed, number, outcome.problem)
            settled(around, wished)


# -- what cannot be


def refused(around: Surroundings) -> Refusal:
    with pytest.raises(Refusal) as caught:
        run(around, wish(KMS1))
    assert not any(one.mutation for one in around.exchanges)
    return caught.value


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("seed", range(5))
def test_a_host_without_the_role_is_told_where_to_delegate(persona: str, seed: int) -> None:
    around = dns_host(persona)
    machine = EmulatedHost(HostOptions("dc1", persona=persona, seed=seed), around.clock, around.authority)
    assert refused(dataclasses.replace(around, machine=machine)).name == "no_dns_server"
    DIALS_MET[WITHOUT_ROLE].add(machine.dials[WITHOUT_ROLE])


@pytest.mark.parametrize("persona", PERSONAS)
@pytest.mark.parametrize("seed", range(5))
def test_a_zone_of_another_kind_is_refused(persona: str, seed: int) -> None:
    assert refused(dns_host(persona, seed, CAN, kind="secondary")).name == "zone_not_primary"
    assert refused(dns_host(persona, seed, CAN, paused=True)).name == "zone_halted"
