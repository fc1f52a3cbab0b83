# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of emulated Windows, read and counted: what went over the wire, host by host.

Knows the journal's fields. Refuses to know what the requests were for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Exchange = dict[str, Any]
Span = tuple[float, float, float]
"""Smallest, mean and largest of the hosts."""


@dataclass(frozen=True)
class Traffic:
    """What was exchanged with some hosts.

    Attributes:
        operations: requests that reached the machine, a host.
        requests: HTTP requests, the legs of logins included, a host.
        bytes_in, bytes_out: whole HTTP messages to and from a host.
        mutations, shells, refused: in all: requests that could change a host, shells opened, answers other than 200
            to anything but a login.
        repeated: in all: enumerations with a WQL text that the same host had been asked before.
        tasks: how many equal tasks a host was counted over.
    """

    operations: Span
    requests: Span
    bytes_in: Span
    bytes_out: Span
    mutations: int
    shells: int
    refused: int
    repeated: int
    tasks: int


class Journal:
    """A journal that is being written; read piece by piece."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    def new(self) -> list[Exchange]:
        """What was written since the last call."""
        with self._file.open(encoding="utf-8") as lines:
            lines.seek(self._read)
            text = lines.read()
            self._read = lines.tell()
        return [json.loads(line) for line in text.splitlines()]


def count(exchanges: Sequence[Exchange], hosts: Iterable[str], tasks: int) -> Traffic:
    """Count what some hosts saw of `tasks` equal tasks: figures of one task; `repeated` only of a single one."""
    by_host = {host: [exchange for exchange in exchanges if exchange["host"] == host] for host in hosts}
    mine = [exchange for seen in by_host.values() for exchange in seen]
    return Traffic(
        operations=_span([len(_operations(seen)) / tasks for seen in by_host.values()]),
        requests=_span([len(seen) / tasks for seen in by_host.values()]),
        bytes_in=_span([sum(exchange["bytes_in"] for exchange in seen) / tasks for seen in by_host.values()]),
        bytes_out=_span([sum(exchange["bytes_out"] for exchange in seen) / tasks for seen in by_host.values()]),
        mutations=sum(exchange["mutation"] for exchange in mine),
        shells=sum((exchange["operation"], exchange["resource"]) == ("shell", "create") for exchange in mine),
        refused=sum(not exchange["auth_only"] and exchange["status"] != 200 for exchange in mine),
        repeated=sum(_repeated(seen) for seen in by_host.values()),
        tasks=tasks,
    )


def _operations(exchanges: Sequence[Exchange]) -> list[Exchange]:
    return [exchange for exchange in exchanges if exchange["operation"] and not exchange["auth_only"]]


def _repeated(exchanges: Sequence[Exchange]) -> int:
    """Equal queries; calls of methods are left out, since the journal keeps no parameters (see relay.py)."""
    asked = Counter(
        (exchange["operation"], exchange["resource"], exchange["method"])
        for exchange in exchanges
        if exchange["operation"] in ("enumerate", "identify")
    )
    return sum(times - 1 for times in asked.values())


def _span(figures: Sequence[float]) -> Span:
    return min(figures), sum(figures) / len(figures), max(figures)
