# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is ready to be published, by somebody else and later: which members it would be of which zones.

Internal to the collection activation.kms; not a public interface.

No DNS server is asked here. So nobody knows whether the record is there yet, and a host that serves and publishes
itself goes on doing so until whoever publishes it says otherwise.
"""

from __future__ import annotations

import typing as t

from .._plan import Outcome, Resource, Seen
from .._windows.licensing import Licensing
from .._windows.system import System
from .publication import Gate, PublishWish


class PublishLater(Resource):
    """Wants nothing; knows what is to be published once the gate is open.

    Args:
        wishes: a zone each.
        gate: whether the host may be published.
        target: its name, where a wish names none.
        waits_for: what opens the gate, in words.
    """

    name = "publish_later"
    needs: tuple[type, ...] = (System, Licensing)

    def __init__(
        self, wishes: t.Sequence[PublishWish], *, gate: Gate, target: t.Callable[[Seen], str], waits_for: str
    ) -> None:
        self._wishes = wishes
        self._gate = gate
        self._target = target
        self._waits_for = waits_for

    def next(self, seen: Seen) -> None:
        """Never a step; a Refusal for what could not be published."""
        if self._gate(seen):
            self.members(seen)

    def warnings(self, seen: Seen) -> list[str]:
        """Where nothing is to be published."""
        if self._gate(seen):
            return []
        return [
            f"nothing is to be published in zone {one.zone} yet: that waits for {self._waits_for}"
            for one in self._wishes
        ]

    def members(self, seen: Seen) -> list[dict[str, t.Any]]:
        """What is to be published: {zone, server, server_port, target, port, priority, weight}. Raises Refusal."""
        found = []
        for wish in self._wishes:
            (member,) = wish.aimed_at(wish.target or self._target(seen)).members
            data = member.as_data()
            del data["ttl"]  # of the whole record set, so it belongs to whoever publishes
            found.append({"zone": wish.zone, "server": wish.place.server, "server_port": wish.server_port, **data})
        return found

    def report(self, outcome: Outcome) -> dict[str, t.Any]:
        """The result's `to_publish` and `publishes_itself`. What did not come to its end is not published."""
        seen = outcome.seen
        stopped = outcome.problem is not None or (outcome.pauses and not outcome.check)
        if stopped or not self._gate(seen):
            return {"to_publish": [], "publishes_itself": False}
        return {
            "to_publish": self.members(seen),
            "publishes_itself": bool(seen[Licensing].setting("self_publishing")),
        }
