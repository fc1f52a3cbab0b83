# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's real doors, with somebody who counts what passes.

Knows the header of a DNS message. Refuses to know what is published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber
from ansible_collections.activation.kms.plugins.plugin_utils._world import Stream

UPDATE = 5  # the opcode, RFC 2136 section 1.3


@dataclass(frozen=True)
class Sent:
    """What was sent: DNS messages by their kind, negotiations of a key among the queries, and TCP connections."""

    queries: int = 0
    updates: int = 0
    connections: int = 0


class CountingWorld(ControllerWorld):
    """Counts DNS messages and connections.

    Args:
        before_update: called before the first update leaves.
    """

    def __init__(self, before_update: Callable[[], object] = lambda: None) -> None:
        super().__init__("bench", Scrubber())
        self._before_update = before_update
        self._updates = 0
        self._messages = 0
        self._connections = 0

    @property
    def sent(self) -> Sent:
        """So far."""
        return Sent(self._messages - self._updates, self._updates, self._connections)

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        """One DNS message, and its answer."""
        is_update = message[2] >> 3 & 0xF == UPDATE
        if is_update and not self._updates:
            self._before_update()
        self._messages += 1
        self._updates += is_update
        return super().exchange(message, server, port, timeout=timeout)

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        """A TCP connection from the controller."""
        self._connections += 1
        return super().dial(address, port, timeout=timeout)


def total(counted: Iterable[Sent]) -> Sent:
    """Of several."""
    counts = list(counted)
    return Sent(
        sum(one.queries for one in counts), sum(one.updates for one in counts), sum(one.connections for one in counts)
    )
