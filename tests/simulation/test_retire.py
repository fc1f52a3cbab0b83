# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's end: out of DNS, drained, without its key, closed, as it was; whoever dies on the way or goes on."""

from __future__ import annotations

import copy
import datetime as dt
import pathlib
import typing as t

import pytest
from keyed import FAMILIES, TURNS, faulty_requests, key_state
from personas import PERSONAS
from rollout import Options, Run, run, wish_of
from simulated import OFFICE_KEY, ZONE, SimulatedWorld, Surroundings, srv_members, surroundings
from two_controllers import at_once

from emulated_windows.core import HostOptions

NAME = f"kms03.{ZONE}"
FOREIGN = f"foreign.{ZONE}"
TTL = 3600.0
SETTINGS: Options = {"activation_interval": 240, "renewal_interval": 20160, "low_priority": True}
RETIRE = ["srv_record.withdraw", "host.drain", "host_key.remove", "host_firewall.close", "host.restore"]
Personas = pytest.mark.parametrize("persona", FAMILIES)
_LATER = (1.0, 40.0, 600.0)  # seconds until somebody tries again
_RUNS = 6


def host(persona: str, **changes: t.Any) -> Surroundings:
    """A machine that lacks its host key alone."""
    updates = PERSONAS[persona].updates
    found: dict[str, t.Any] = {"name": "kms03", "persona": persona}
    found |= {"start": updates[-1]} if persona.startswith("server-2003") else {"updates": tuple(updates)}
    return surroundings(HostOptions(**{**found, **changes}))


def wishes(persona: str, packages: pathlib.Path, **changes: t.Any) -> Options:
    return wish_of(PERSONAS[persona], packages, **changes)


def serving(persona: str, packages: pathlib.Path, around: Surroundings | None = None, **changes: t.Any) -> Surroundings:
    """The same once it serves, is published and has settings of ours."""
    around = around or host(persona)
    done = run(around, packages, wishes(persona, packages, **{**SETTINGS, **changes}))
    assert done.converged, done.story
    assert NAME in srv_members(around.zone)
    around.clock.advance(86400.0)
    around.exchanges.clear()
    return around


def absent(persona: str, packages: pathlib.Path, **changes: t.Any) -> Options:
    """The variables of the rollout, and the host's end."""
    return {**wishes(persona, packages, **SETTINGS), "state": "absent", **changes}


def settings(around: Surroundings) -> dict[str, t.Any]:
    """What the registry has of the service's settings, without what says nothing; and nothing of ours."""
    registry = around.machine.show()["registry"]
    assert not any("activation.kms" in key for key in registry), registry
    return {
        name: value
        for key, values in registry.items()
        if not key.endswith("Activation")
        for name, value in values.items()
        if name not in ("KeyManagementServiceVersion",)
    }


AS_BEFORE = {
    "DisableDnsPublishing": 0,
    "VLActivationInterval": 120,
    "VLRenewalInterval": 10080,
    "EnableKmsLowPriority": 0,
}


def retired(around: Surroundings, told: str = "") -> None:
    """No client is sent there, nobody is served, nothing is open, nothing of ours is left, nothing more is spent."""
    state, keys = around.machine.show(), key_state(around)
    assert srv_members(around.zone) == {FOREIGN}, told
    assert (keys["keys"], keys["marks"], keys["record"], keys["manual"]) == ({}, set(), {}, None), told
    assert set(keys["spent"].values()) == {1}, told
    assert not [one for one in state["open_ports"] if one["port"] == 1688 and one["enabled"]], told
    assert {name: settings(around).get(name, value) for name, value in AS_BEFORE.items()} == AS_BEFORE, told


def drained_before(around: Surroundings, withdrawn: float, seconds: float = TTL) -> bool:
    """Whether the host had its key at least so long after it was last out of DNS."""
    removed = [one["time"] for one in around.machine.show()["key_history"] if one["what"] == "removed"]
    return bool(removed) and _moment(removed[-1]) - withdrawn >= seconds - 1


def _moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


@Personas
def test_the_whole_way(persona: str, packages: pathlib.Path) -> None:
    around = serving(persona, packages)
    options = absent(persona, packages)
    foreseen = run(around, packages, options, check=True)
    assert foreseen.outcome is not None and foreseen.outcome.changed
    assert [one.step.id for one in foreseen.outcome.plan] == RETIRE
    assert not any(exchange.mutation for exchange in around.exchanges) and NAME in srv_members(around.zone)
    began = around.clock.now()
    done = run(around, packages, options)
    assert done.converged and done.done == RETIRE, done.story
    retired(around)
    assert drained_before(around, began)
    assert any("count of" in told for told in done.outcome.warnings) if done.outcome else False
    around.exchanges.clear()
    again = run(around, packages, options)
    assert again.converged and again.outcome is not None and not again.outcome.changed and not again.done
    assert not any(exchange.mutation for exchange in around.exchanges)
    assert len(around.exchanges) <= PERSONAS[persona].most_reads + len(AS_BEFORE)
    back = run(around, packages, wishes(persona, packages))
    assert back.converged and NAME in srv_members(around.zone), back.story


@pytest.mark.parametrize(("persona", "turn"), TURNS)
def test_a_fault_at_every_request(persona: str, turn: int, packages: pathlib.Path) -> None:
    """Killed at any request, or with a lost answer, and run again: retired, and drained in any case."""
    options = absent(persona, packages)
    start = serving(persona, packages)
    clean = copy.deepcopy(start)
    assert run(clean, packages, options).converged
    for number, kind in faulty_requests(clean.exchanges, turn):
        around = copy.deepcopy(start)
        told, faults, last_seen = f"{kind} at {number}", {number: kind}, around.clock.now()
        for attempt in range(_RUNS):
            found = run(around, packages, options, faults)
            told, faults = f"{told}\n{found.story}", {}
            if NAME in srv_members(around.zone):
                last_seen = around.clock.now()
            if attempt and found.converged:  # what an upkeep has lost the next run does
                break
            around.clock.advance(_LATER[(number + attempt) % len(_LATER)])
        retired(around, told)
        assert drained_before(around, last_seen), told


@Personas
def test_a_drain_that_another_controller_takes_up(persona: str, packages: pathlib.Path) -> None:
    around = serving(persona, packages)
    options = absent(persona, packages, drain_wait=False)
    foreseen = run(around, packages, options, check=True)
    assert foreseen.outcome is not None
    assert [one.step.id for one in foreseen.outcome.plan] == [step for step in RETIRE if step != "host.drain"]
    assert "draining_until" in foreseen.outcome.extra
    first = run(around, packages, options)
    assert first.outcome is not None and first.done == ["srv_record.withdraw"], first.story
    assert [one.step.id for one in first.outcome.remaining] == RETIRE[2:]
    assert first.outcome.extra["draining_until"] in first.outcome.pauses[0].reason
    assert srv_members(around.zone) == {FOREIGN}
    around.clock.advance(TTL / 2)
    around.exchanges.clear()
    second = run(around, packages, options)
    assert second.outcome is not None and not second.outcome.changed and second.outcome.pauses, second.story
    assert second.outcome.extra == first.outcome.extra
    assert not any(exchange.mutation for exchange in around.exchanges)
    assert key_state(around)["keys"], "it still serves"
    around.clock.advance(TTL / 2 + 60)
    third = run(around, packages, options)
    assert third.converged and third.done == RETIRE[2:], third.story
    retired(around)


def test_an_end_that_is_given_up_leaves_no_note(packages: pathlib.Path) -> None:
    persona = FAMILIES[-1]
    around = serving(persona, packages)
    assert run(around, packages, absent(persona, packages, drain_wait=False)).done == ["srv_record.withdraw"]
    assert "draining" in str(key_state(around)["record"])
    options = wishes(persona, packages, **SETTINGS)
    back = run(around, packages, options)
    assert back.converged and back.done == ["srv_record.publish"], back.story
    assert "draining" not in str(key_state(around)["record"])
    around.exchanges.clear()
    assert run(around, packages, options).converged and not any(one.mutation for one in around.exchanges)
    began = around.clock.now()
    done = run(around, packages, absent(persona, packages))
    assert done.converged and drained_before(around, began), done.story
    retired(around)


@pytest.mark.parametrize(("drain", "seconds"), [("ttl", TTL), ("120", 120.0), ("0", 0.0)])
def test_as_long_as_is_said(drain: str, seconds: float, packages: pathlib.Path) -> None:
    persona = FAMILIES[-1]
    around = serving(persona, packages)
    began = around.clock.now()
    done = run(around, packages, absent(persona, packages, drain=drain))
    assert done.converged, done.story
    assert seconds <= around.clock.now() - began < seconds + 60
    retired(around)


@pytest.mark.parametrize("publish", [True, False])
def test_somebody_else_took_it_out_of_dns(publish: bool, packages: pathlib.Path) -> None:
    """By WMI on the DNS server, for instance: a drain in seconds holds all the same, whoever goes on."""
    persona = FAMILIES[-1]
    around = serving(persona, packages)
    around.zone.publish(ZONE, NAME, 1688, withdrawn=True)
    assert srv_members(around.zone) == {FOREIGN}
    options = absent(persona, packages, drain="120", drain_wait=False)
    if not publish:
        del options["publish"]
    began = around.clock.now()
    first = run(around, packages, options)
    assert first.outcome is not None and first.done == [] and "draining_until" in first.outcome.extra, first.story
    around.clock.advance(60)
    assert run(around, packages, options).done == [] and key_state(around)["keys"]
    done = run(around, packages, {**options, "drain_wait": True})
    assert done.converged and done.done[0] == "host.drain" and drained_before(around, began, 120), done.story
    retired(around)
    again = run(around, packages, options)
    assert again.converged and not again.done, again.story


class SlowDns(SimulatedWorld):
    """Doors to a DNS server that takes its time."""

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        self.sleep(25.0)
        return super().exchange(message, server, port, timeout=timeout)


def test_the_drain_begins_when_the_records_have_gone(packages: pathlib.Path) -> None:
    persona = FAMILIES[-1]
    around = serving(persona, packages)
    began = around.clock.now()
    done = run(around, packages, absent(persona, packages, drain_wait=False), doors=SlowDns)
    assert done.outcome is not None and done.done == ["srv_record.withdraw"], done.story
    until = _moment(done.outcome.extra["draining_until"].replace("Z", "+00:00"))
    assert until - TTL >= began + 50, "a look, and then the update"


HOURS = 7 * 3600.0


@pytest.mark.parametrize("offset", [-HOURS, HOURS])
def test_by_the_hosts_own_clock(offset: float, packages: pathlib.Path) -> None:
    """Which may be off by hours, as those of the controllers may; whoever comes later knows no other."""
    persona = FAMILIES[-1]
    around = serving(persona, packages, host(persona, clock_offset=offset))
    around.ahead = -offset / 2
    options = absent(persona, packages, drain_wait=False)
    began = around.clock.now()
    first = run(around, packages, options)
    assert first.done == ["srv_record.withdraw"] and first.outcome is not None, first.story
    until = _moment(first.outcome.extra["draining_until"].replace("Z", "+00:00"))
    assert abs(until - (began + offset + TTL)) < 60
    around.ahead = offset
    around.clock.advance(TTL - 60)
    assert run(around, packages, options).done == []
    around.clock.advance(120)
    done = run(around, packages, options)
    assert done.converged and drained_before(around, began), done.story
    retired(around)


def test_a_clock_that_is_set_back_begins_the_drain_anew(packages: pathlib.Path) -> None:
    """How much of it is over nobody knows then; waiting for a clock that is days behind would be no way out."""
    persona = FAMILIES[-1]
    around = serving(persona, packages)
    options = absent(persona, packages, drain_wait=False)
    assert run(around, packages, options).done == ["srv_record.withdraw"]
    around.clock.advance(TTL / 2)
    around.machine.options.clock_offset = -HOURS
    assert run(around, packages, options).done == [], "an upkeep, and no change"
    around.clock.advance(TTL / 2 + 60)
    assert run(around, packages, options).done == []
    around.clock.advance(TTL / 2)
    done = run(around, packages, options)
    assert done.converged, done.story
    retired(around)


@Personas
def test_a_host_that_was_never_ours(persona: str, packages: pathlib.Path) -> None:
    """It published itself: that ends first, or Windows would bring the record back; and is as it was at the end."""
    around = host(persona, host_key=PERSONAS[persona].key)
    assert NAME in srv_members(around.zone)
    before = settings(around)
    done = run(around, packages, absent(persona, packages))
    assert done.converged, done.story
    assert done.done[0] == "host_settings.apply" and done.done[-1] == "host.restore", done.story
    assert srv_members(around.zone) == {FOREIGN} and key_state(around)["keys"] == {}
    assert {**before, "DisableDnsPublishing": 0} == {**settings(around), "DisableDnsPublishing": 0}


def test_the_zone_of_a_host_that_publishes_itself_has_to_be_named(packages: pathlib.Path) -> None:
    persona = FAMILIES[-1]
    around = host(persona, host_key=PERSONAS[persona].key)
    options = {name: value for name, value in absent(persona, packages).items() if name != "publish"}
    done = run(around, packages, options)
    assert done.converged and done.outcome is not None, done.story
    assert any(f"published itself in {ZONE}" in told for told in done.outcome.warnings)
    assert "host.drain" not in done.done, "nobody has been taken out of DNS"


def test_another_host_key_stays_and_keeps_the_host_out_of_dns(packages: pathlib.Path) -> None:
    """The key of Office is not named: it stays, and Windows must not publish the host for it."""
    persona = FAMILIES[-1]
    office = {"office_licences": ("office_2016",), "office_key": OFFICE_KEY}
    around = serving(persona, packages, host(persona, **office))
    done = run(around, packages, absent(persona, packages))
    assert done.converged and done.outcome is not None, done.story
    assert any(f"*****-{OFFICE_KEY[-5:]}" in told and "stays" in told for told in done.outcome.warnings)
    assert srv_members(around.zone) == {FOREIGN}
    assert list(key_state(around)["keys"]) == [OFFICE_KEY[-5:]]
    around.exchanges.clear()
    again = run(around, packages, absent(persona, packages))
    assert again.converged and not again.done and not any(one.mutation for one in around.exchanges), again.story
    product = next(
        one["activation_id"]
        for one in around.machine.show()["products"]
        if one["partial_product_key"] == OFFICE_KEY[-5:]
    )
    rest = absent(persona, packages, activation_id=product)
    del rest["product_key"]
    done = run(around, packages, rest)
    assert done.converged and done.done == ["host_key.remove", "host.restore"], done.story
    retired(around)


@Personas
def test_a_bare_host_is_retired_already(persona: str, packages: pathlib.Path) -> None:
    around = host(persona)
    if persona.startswith("server-2003"):
        around = surroundings(HostOptions(name="kms03", persona=persona))
    done = run(around, packages, absent(persona, packages))
    assert done.converged and not done.done, done.story
    assert not any(exchange.mutation for exchange in around.exchanges)


@pytest.mark.parametrize("seed", range(12))
def test_two_controllers_at_once(seed: int, packages: pathlib.Path) -> None:
    """Both retire it; whoever comes second sees what the first has noted, and nobody skips the drain."""
    persona = FAMILIES[seed % len(FAMILIES)]
    around = serving(persona, packages)
    options = absent(persona, packages)
    began = around.clock.now()

    def controller(doors: t.Any) -> Run:
        return run(around, packages, options, doors=doors)

    runs = at_once(around, [controller, controller], seed, (0.0, 0.5, 3.0), 5.0)
    told = "\n".join(one.story for one in runs)
    assert any(one.converged for one in runs), told
    last = run(around, packages, options)
    assert last.converged, told + last.story
    retired(around, told)
    assert drained_before(around, began), told
