# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What activation.kms.host costs on hosts that are as they shall be, beside a task that does nothing.

Knows how start-up is cancelled: a play with several equal tasks against a play with one. Refuses to know what is good
enough (see report.py).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from estates import Estate
from measured import Measured, any_changed, cpu_of_one, measured
from plays import FLOOR, Task, host, play
from processes import say
from relay import relaying
from traffic import Traffic

WINRM = 5985


@dataclass(frozen=True)
class Plan:
    """How it is measured: tasks in the long play, rounds of all cases, hosts at a time."""

    tasks: int
    rounds: int
    forks: int


@dataclass(frozen=True)
class InSpec:
    """One case, a host-task.

    Attributes:
        cpu: seconds of the controller, one figure a round; cpu_median is the middle one.
        server_cpu: seconds of the emulated Windows, the middle of the rounds.
        startup: seconds of the controller for a whole play with one task, less that task on all hosts.
        single, many: what the hosts saw of one task, and on average of several; None for the floor.
        dns: messages to the DNS server by kind, a host-task.
        changed: did any host report a change.
    """

    cpu: Sequence[float]
    cpu_median: float
    server_cpu: float
    startup: float
    single: Traffic | None
    many: Traffic | None
    dns: dict[str, float]
    changed: bool


@dataclass(frozen=True)
class _Measured(Measured):
    """One play, with the messages to the DNS server."""

    dns: dict[str, int]


def measure(estate: Estate, transports: Sequence[str], packages: str, plan: Plan) -> dict[str, InSpec]:
    """All cases, in turn within each round, so that a busy moment of the machine meets all of them."""
    cases: dict[str, tuple[Task, list[str]]] = {"floor": (FLOOR, estate.names(transports[0]))}
    cases |= {transport: (host(transport, packages), estate.names(transport)) for transport in transports}
    pairs: dict[str, list[tuple[_Measured, _Measured]]] = {name: [] for name in cases}
    for number in range(plan.rounds):
        for name, (task, hosts) in cases.items():
            say(f"in spec, round {number + 1} of {plan.rounds}: {name}")
            one, several = (_play(estate, task, hosts, times, plan.forks) for times in (1, plan.tasks))
            pairs[name].append((one, several))
    return {name: _summary(name, pairs[name], len(cases[name][1]), plan.tasks) for name in cases}


def repeated_messages(estate: Estate, packages: str) -> tuple[int, int]:
    """One task on one host over Basic, with a relay between: messages, and those that were equal to an earlier one."""
    machine = next(machine for machine in estate.hosts if machine.transport == "basic")
    with relaying(machine.address, WINRM) as relay:
        content = play(host("basic", packages), [machine.name], 1)
        estate.play(content, 1, {"ansible_port": relay.port, "ansible_winrm_port": relay.port})
    return relay.messages, relay.repeated


def _play(estate: Estate, task: Task, hosts: list[str], times: int, forks: int) -> _Measured:
    before = estate.dns_counters()
    done = measured(estate, task, hosts, times, forks)
    after = estate.dns_counters()
    asked = {name: after[name] - before.get(name, 0) for name in after}
    return _Measured(done.cost, done.server_cpu, done.traffic, asked)


def _summary(name: str, pairs: Sequence[tuple[_Measured, _Measured]], hosts: int, tasks: int) -> InSpec:
    cpu, server = cpu_of_one(pairs, hosts * (tasks - 1))
    median = statistics.median(cpu)
    one, several = pairs[-1]
    quiet = name == "floor"
    return InSpec(
        cpu=cpu,
        cpu_median=median,
        server_cpu=server,
        startup=statistics.median(one.cost.cpu for one, _ in pairs) - hosts * median,
        single=None if quiet else one.traffic,
        many=None if quiet else several.traffic,
        dns={} if quiet else {kind: number / hosts / tasks for kind, number in several.dns.items()},
        changed=any_changed(pairs),
    )
