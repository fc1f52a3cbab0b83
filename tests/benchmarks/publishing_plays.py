# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What publishing costs as tasks: one task with all members, a loop over them, and a play that publishes nobody.

Knows ansible-playbook's CPU, and that start-up is the same for all plays. Refuses to know what is good enough.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import publishing
import yaml
from dns_server import DnsServer
from player import run_play
from plays import FLOOR
from processes import say
from publishing_speed import MEMBERS, NotPublished


@dataclass(frozen=True)
class Plays:
    """Seconds of the controller's CPU for a whole play, one figure a round.

    Attributes:
        nothing: one task that does nothing; this is the start-up.
        fat: one task with all members.
        loop: a task for each member, in a loop.
    """

    nothing: Sequence[float]
    fat: Sequence[float]
    loop: Sequence[float]

    def beyond_start_up(self, plays: Sequence[float]) -> float:
        """Median seconds of some of them, without start-up; loading the collection counts."""
        return statistics.median(whole - start_up for whole, start_up in zip(plays, self.nothing, strict=True))

    @property
    def ratio(self) -> float | None:
        """How many times the fat task the loop costs; None where that is too little to tell."""
        fat = self.beyond_start_up(self.fat)
        return self.beyond_start_up(self.loop) / fat if fat > 0 else None


def measure(server: DnsServer, folder: Path, collections: Path, rounds: int) -> Plays:
    """All plays, in turn within each round. Raises processes.CommandFailed and NotPublished."""
    folder.mkdir()
    (folder / "inventory.yml").write_text(yaml.safe_dump(publishing.INVENTORY), encoding="utf-8")
    targets = [f"kms{number}.{server.zone}" for number in range(MEMBERS)]
    plays: dict[str, dict[str, Any]] = {
        "nothing": FLOOR,
        "fat": {"activation.kms.srv_record": {"members": [{"target": target} for target in targets]}},
        "loop": {"activation.kms.srv_record": {"target": "{{ item }}"}, "loop": targets},
    }
    found: dict[str, list[float]] = {name: [] for name in plays}
    for number in range(rounds):
        say(f"publishing by tasks, round {number + 1} of {rounds}")
        for name, task in plays.items():
            publishing.clear(server)
            cost = run_play(folder, collections, [publishing.play_of(server, task)], 1)
            published = len(publishing.records(server))
            if published != (0 if name == "nothing" else MEMBERS):
                raise NotPublished(f"{published} instead of {MEMBERS} members, after this play:\n{cost.output}")
            found[name].append(cost.cpu)
    return Plays(**found)
