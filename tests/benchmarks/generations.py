# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bare machine of each persona: what its rollout costs, and what it costs to find it as it shall be.

Knows one machine after the other, over NTLM, and the floor beside each of them. Refuses to know what is good enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estates import NETWORKS, Estate, Host, serving
from personas import PERSONAS, Wanted
from plays import FLOOR, Task, host, play
from processes import say
from traffic import Traffic, count


@dataclass(frozen=True)
class Generation:
    """One persona.

    Attributes:
        bare, spec: what the host saw of its rollout, and of one task once it is as it shall be.
        bare_cpu, spec_cpu: seconds of the controller for the same; start-up of ansible-playbook deducted.
        floor_cpu: seconds of the controller for a task that does nothing, on the same host.
        changed: did the task in spec report a change.
    """

    wanted: Wanted
    bare: Traffic
    spec: Traffic
    bare_cpu: float
    spec_cpu: float
    floor_cpu: float
    changed: bool


def measure(folder: Path, collections: Path, packages: Path, tasks: int) -> list[Generation]:
    """All personas, oldest first, in one estate. `tasks`: of the long plays, against which start-up is deducted."""
    machines = list(_machines())
    with serving(folder, collections, machines) as estate:
        return [_measured(estate, machine, PERSONAS[machine.persona], packages, tasks) for machine in machines]


def _machines() -> Iterator[Host]:
    for number, wanted in enumerate(PERSONAS.values(), 1):
        yield Host(
            f"persona{number:02}", "ntlm", f"{NETWORKS['ntlm']}.{number}", wanted.key, wanted.persona, wanted.key_group
        )


def _measured(estate: Estate, machine: Host, wanted: Wanted, packages: Path, tasks: int) -> Generation:
    say(f"{wanted.persona}: from bare, and in spec")
    task = host("ntlm", str(packages), wanted)
    bare_cpu, bare, _ = _play(estate, task, machine, 1)
    once_cpu, _, _ = _play(estate, task, machine, 1)
    often_cpu, spec, changed = _play(estate, task, machine, tasks)
    floor_once, _, _ = _play(estate, FLOOR, machine, 1)
    floor_often, _, _ = _play(estate, FLOOR, machine, tasks)
    spec_cpu = (often_cpu - once_cpu) / (tasks - 1)
    return Generation(
        wanted=wanted,
        bare=bare,
        spec=spec,
        bare_cpu=bare_cpu - (once_cpu - spec_cpu),
        spec_cpu=spec_cpu,
        floor_cpu=(floor_often - floor_once) / (tasks - 1),
        changed=changed,
    )


def _play(estate: Estate, task: Task, machine: Host, times: int) -> tuple[float, Traffic, bool]:
    """CPU of the controller, what the host saw of one task, and whether any reported a change."""
    estate.journal.new()
    cost = estate.play(play(task, [machine.name], times), 1)
    seen = count(estate.journal.new(), [machine.name], times)
    return cost.cpu, seen, bool(re.search(r"changed=[1-9]", cost.output))
