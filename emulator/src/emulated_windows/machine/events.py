# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Application event log, as far as licensing writes to it.

Knows event 12293 (publishing in DNS failed) and 12294 (it succeeded) and their insertion strings (volume activation
operations guide). Refuses to know the log of requests: no client is ever answered.
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLISHING_FAILED = 12293
PUBLISHING_SUCCEEDED = 12294


@dataclass(frozen=True)
class LogEntry:
    """One event."""

    record: int
    time: float
    code: int
    source: str
    type: int
    """1 error, 2 warning, 3 information, as Win32_NTLogEvent.EventType."""
    strings: tuple[str, ...]
    message: str
    logfile: str = "Application"


class EventLog:
    """What has been written so far."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def write(self, time: float, code: int, source: str, type_: int, strings: tuple[str, ...], message: str) -> None:
        """One more event."""
        self.entries.append(LogEntry(len(self.entries) + 1, time, code, source, type_, strings, message))
