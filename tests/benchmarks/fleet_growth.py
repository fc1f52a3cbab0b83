# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures every way of looking on one fleet of emulated Windows: CPU, traffic, time, memory.

Knows how start-up is cancelled: a play that looks several times against one that looks once. Refuses to know what is
good enough (see fleet_report.py).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import latency
from estates import Estate, EstateFailed, serving
from fleet_estate import TRANSPORTS, behind_relay, machines, zones
from fleet_plays import ways
from measured import Measured, any_changed, cpu_of_one, measured
from plays import Task, play
from processes import say
from traffic import Traffic

ENOUGH_LOOKS = 60  # host-looks that make a difference of CPU worth reading
IDLE = ("floor", "options")  # ways that meet no host
CONVERGING = ("host", "role", "modules")  # the others report what they like


@dataclass(frozen=True)
class Look:
    """One way on the hosts of one transport, a host.

    Attributes:
        cpu: seconds of the controller, one figure a round; cpu_median is the middle one.
        server_cpu: seconds of the emulated Windows, the middle of the rounds.
        traffic: what the hosts saw; None for a way that meets none.
    """

    cpu: Sequence[float]
    cpu_median: float
    server_cpu: float
    traffic: Traffic | None


@dataclass(frozen=True)
class Fleet:
    """One fleet.

    Attributes:
        looks: by way and transport; "" for the transport of what meets no host, the floor among it, on all of them.
        wall: seconds of a whole play on all hosts, start-up included, by way and latency in milliseconds.
        peak: bytes, the highest sum of proportional sizes of the controller's processes during `host` on all hosts.
        rollout: seconds of the play that brought all hosts there, keys and updates being installed before.
        changed: did anybody report a change once they were there.
    """

    hosts: int
    forks: int
    looks: Mapping[str, Mapping[str, Look]]
    wall: Mapping[str, Mapping[int, float]]
    peak: int
    rollout: float
    changed: bool

    @property
    def floor(self) -> Look:
        """What a task as such costs."""
        return self.looks["floor"][""]


def measure(
    folder: Path, collections: Path, packages: Path, hosts: int, forks: int, rounds: int, delays: Sequence[int]
) -> Fleet:
    """All of it on one estate, first to last. Raises EstateFailed, processes.CommandFailed, latency.RelayFailed."""
    fleet = machines(hosts)
    with serving(folder, collections, fleet, zones(hosts)) as estate:
        every = ways(str(packages))
        names = [host.name for host in fleet]
        say(f"{hosts} hosts: bringing them in spec")
        rollout = estate.play(play(every["host"], names, 1), forks)
        looks, changed = _looks(estate, every, forks, rounds)
        wall = {way: _walls(estate, task, names, forks, _delays(way, delays)) for way, task in every.items()}
        say(f"{hosts} hosts: memory")
        watched = estate.play(play(every["host"], names, 1), forks, watch_memory=True)
        return Fleet(hosts, forks, looks, wall, watched.tree, rollout.wall, changed)


def _looks(
    estate: Estate, every: Mapping[str, Task], forks: int, rounds: int
) -> tuple[dict[str, dict[str, Look]], bool]:
    """Every way on either transport, and the idle ones, in turn within each round, so that a busy moment meets all."""
    everybody = [host.name for host in estate.hosts]
    cases = {
        (way, transport): estate.names(transport) if transport else everybody
        for way in every
        for transport in (("",) if way in IDLE else TRANSPORTS)
    }
    pairs: dict[tuple[str, str], list[tuple[Measured, Measured]]] = {case: [] for case in cases}
    more = max(1, ENOUGH_LOOKS // len(estate.hosts))
    for number in range(rounds):
        for (way, transport), hosts in cases.items():
            say(f"{len(estate.hosts)} hosts, round {number + 1} of {rounds}: {way} {transport}")
            one, several = (measured(estate, every[way], hosts, often, forks) for often in (1, 1 + more))
            pairs[way, transport].append((one, several))
    looks: dict[str, dict[str, Look]] = {}
    for (way, transport), hosts in cases.items():
        looks.setdefault(way, {})[transport] = _look(pairs[way, transport], len(hosts) * more, way)
    changed = any(any_changed(several) for (way, _transport), several in pairs.items() if way in CONVERGING)
    return looks, changed


def _look(pairs: Sequence[tuple[Measured, Measured]], looks: int, way: str) -> Look:
    cpu, server = cpu_of_one(pairs, looks)
    return Look(cpu, statistics.median(cpu), server, None if way in IDLE else pairs[-1][1].traffic)


def _delays(way: str, delays: Sequence[int]) -> Sequence[int]:
    """Those that matter to a way: who meets no host has none of its network."""
    return delays[:1] if way in IDLE else delays


def _walls(estate: Estate, task: Task, names: list[str], forks: int, delays: Sequence[int]) -> dict[int, float]:
    """Seconds of one play on all hosts, by latency; without any there is no relay between."""
    found: dict[int, float] = {}
    for delay in delays:
        say(f"{len(names)} hosts, {delay} ms: {task['name']}")
        if not delay:
            found[delay] = estate.play(play(task, names, 1), forks).wall
            continue
        with latency.delayed(list(behind_relay(list(estate.hosts))), delay):
            variables = {"ansible_port": "{{ bench_port_behind_relay }}"}
            estate.journal.new()
            found[delay] = estate.play(play(task, names, 1), forks, variables).wall
        if not estate.journal.new():
            raise EstateFailed("no host was met behind the relay")
    return found
