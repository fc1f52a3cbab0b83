# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the way from a bare host to a KMS host costs: traffic, CPU, and memory with small and with large packages.

Knows whole rollouts. Refuses to know what is good enough (see report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from estates import Estate, EstateFailed, Host, serving
from plays import host, play
from processes import cpu_of, peak_of, say
from traffic import Traffic, count


@dataclass(frozen=True)
class Rollout:
    """One play that made bare hosts KMS hosts.

    Attributes:
        cpu: seconds of the controller for the whole play, its start-up included.
        server_cpu: seconds of the emulated Windows.
        largest: bytes, the highest resident size of any process of the controller.
        tree: bytes, the highest sum of proportional sizes of the controller's processes; 0 if not watched.
        server_peak: bytes, the highest resident size of the emulated Windows since its start.
    """

    hosts: int
    cpu: float
    server_cpu: float
    largest: int
    tree: int
    server_peak: int
    traffic: Traffic


def roll_out(estate: Estate, transport: str, packages: str, *, watch_memory: bool = False) -> Rollout:
    """Make every host of one transport a KMS host, all at a time: they spend their time restarting."""
    names = estate.names(transport)
    say(f"rollout of {len(names)} bare hosts over {transport}")
    estate.journal.new()
    server = cpu_of(estate.pid)
    cost = estate.play(play(host(transport, packages), names, 1), len(names), watch_memory=watch_memory)
    for name in names:
        _expect_served(estate, name)
    return Rollout(
        hosts=len(names),
        cpu=cost.cpu,
        server_cpu=cpu_of(estate.pid) - server,
        largest=cost.largest,
        tree=cost.tree,
        server_peak=peak_of(estate.pid),
        traffic=count(estate.journal.new(), names, 1),
    )


def with_packages(folder: Path, collections: Path, machines: Sequence[Host], packages: Path) -> Rollout:
    """A rollout in an estate of its own, with the memory of both sides watched."""
    with serving(folder, collections, machines) as estate:
        return roll_out(estate, machines[0].transport, str(packages), watch_memory=True)


def _expect_served(estate: Estate, name: str) -> None:
    """The machine itself is the witness."""
    state = estate.show(name)
    licensed = [product for product in state["products"] if product["license_status"] == 1]
    if not (licensed and state["listening"]):
        raise EstateFailed(f"{name} is no KMS host after its rollout: {state['products']}, {state['listening']}")
