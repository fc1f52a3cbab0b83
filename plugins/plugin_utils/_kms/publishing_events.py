# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the licensing service says about publishing itself: events 12293 (failed) and 12294 (done).

Internal to the collection activation.kms; not a public interface.

Numbers decide. Both events are of the level "information", the failure too. Microsoft's texts name the strings of 12293
in the order HRESULT, domain, its message shows them the other way round: they are told apart by their looks.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t

from .._data import load
from .._windows.event_log import LoggedEvent, read_events
from .._windows.system import moment_text
from .._world import World
from .errors import normal_code

FAILED, DONE = 12293, 12294
LOG = "Application"
ERRORS: t.Final[t.Mapping[str, t.Mapping[str, str]]] = load(__file__, "data", "publishing.yml")["errors"]
"""By HRESULT: name, meaning, advice."""

_HRESULT = re.compile(r"0x[0-9a-f]{8}", re.IGNORECASE)
# Software Licensing Service (Vista, 2008), Software Protection Platform Service (from 7 and 2008 R2 on), and the names
# of the providers behind them (Microsoft-Windows-Security-Licensing-SLC, -SPP). On Server 2003 nobody has confirmed it.
# Others use the same numbers: 12293 of VSS is about shadow copies.
_SOURCE = re.compile(r"software (licensing|protection)|security-(licensing|spp)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class PublishingEvent:
    """What came of one attempt in one domain.

    Attributes:
        code: 12293 (failed) or 12294 (done).
        time: by the host's clock.
        hresult: why it failed; None where it did not, or does not say.
    """

    code: int
    time: dt.datetime
    hresult: str | None = None

    def as_data(self) -> dict[str, t.Any]:
        """{code, time, hresult}."""
        return {"code": self.code, "time": moment_text(self.time), "hresult": self.hresult}


def publishing_events(world: World, since: dt.datetime) -> dict[str, PublishingEvent]:
    """The newest attempt in each domain; one query. Raises Problem."""
    found: dict[str, PublishingEvent] = {}
    for event in read_events(world, LOG, (FAILED, DONE), since):
        domain = _domain(event)
        if domain and _SOURCE.search(event.source):
            found.setdefault(domain, PublishingEvent(event.code, event.time, _hresult(event)))
    return found


def _hresult(event: LoggedEvent) -> str | None:
    given = (_HRESULT.search(text) for text in event.strings)
    return next((normal_code(one.group()) for one in given if one is not None), None)


def _domain(event: LoggedEvent) -> str:
    """The domain as names are compared here; "" where none is named."""
    given = (text.strip().rstrip(".").lower() for text in event.strings if not _HRESULT.search(text))
    return next((name for name in given if name), "")
