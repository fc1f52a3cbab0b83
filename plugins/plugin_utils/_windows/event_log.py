# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a classic event log, by the numbers of its events.

Internal to the collection activation.kms; not a public interface.

Never the message, which Windows translates: only the strings that were inserted into it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._world import World
from .._wsman.client import Client
from .._wsman.values import Row, literal

_COLUMNS = "EventCode,InsertionStrings,RecordNumber,SourceName,TimeGenerated"
_LONG_AGO = dt.datetime(1601, 1, 1, tzinfo=dt.timezone.utc)


@dataclasses.dataclass(frozen=True)
class LoggedEvent:
    """One event.

    Attributes:
        time: when it happened, by the host's clock.
        number: its place in the log.
        code: the number of its kind. Other sources use the same one.
        source: who logged it; Windows does not translate that.
        strings: what was inserted into the message, in Windows' order.
    """

    time: dt.datetime
    number: int
    code: int
    source: str
    strings: tuple[str, ...]


def read_events(world: World, log: str, codes: t.Iterable[int], since: dt.datetime) -> list[LoggedEvent]:
    """The events of these kinds since then, the newest first; one query. Raises Problem.

    Windows finds them by going through the whole log, which may take as many seconds as it is large.
    """
    kinds = " OR ".join(f"EventCode={code}" for code in codes)
    wql = (
        f"SELECT {_COLUMNS} FROM Win32_NTLogEvent WHERE Logfile={literal(log)} AND ({kinds}) "
        f"AND TimeGenerated>={literal(_dmtf(since))}"
    )
    found = [_event(row) for row in Client(world).query("root/cimv2", wql)]
    return sorted(found, key=lambda event: (event.time, event.number), reverse=True)


def _event(row: Row) -> LoggedEvent:
    return LoggedEvent(
        row.moment("TimeGenerated") or _LONG_AGO,
        row.integer("RecordNumber") or 0,
        row.integer("EventCode") or 0,
        row.text("SourceName") or "",
        row.texts("InsertionStrings"),
    )


def _dmtf(moment: dt.datetime) -> str:
    """A moment as WQL takes it (DSP0004, CIM datetime), in UTC."""
    return f"{moment.astimezone(dt.timezone.utc):%Y%m%d%H%M%S}.000000+000"
