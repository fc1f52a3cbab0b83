# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of properties and how they look in XML.

Knows the encodings recorded on Server 2003: nil, lower-case booleans, repeated elements for arrays (a NULL array has
no element at all), date and time with trimmed fractions, cim:Datetime in typed rows and Datetime in fragments.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from ..soap.text import escape

_UTC = datetime.timezone.utc
_ZONES = {"utc": _UTC, "offset": datetime.timezone(datetime.timedelta(hours=2))}


class Moment(float):
    """Date and time as a CIM datetime: seconds since the epoch by the machine's own clock."""


Scalar = str | int | bool | Moment | None
Value = Scalar | Sequence[Scalar]
Row = dict[str, Value]


def iso(moment: Moment, zone: str) -> str:
    """As in recorded answers: `2013-04-15T16:28:38.376625Z`, trailing zeros of the fraction left out."""
    when = datetime.datetime.fromtimestamp(round(float(moment), 6), _UTC).astimezone(_ZONES[zone])
    fraction = f".{when.microsecond:06d}".rstrip("0") if when.microsecond else ""
    offset = when.strftime("%z")
    return f"{when:%Y-%m-%dT%H:%M:%S}{fraction}{'Z' if zone == 'utc' else f'{offset[:3]}:{offset[3:]}'}"


def dmtf(moment: Moment) -> str:
    """As in WQL: `20130415162838.376625+000`."""
    when = datetime.datetime.fromtimestamp(round(float(moment), 6), _UTC)
    return f"{when:%Y%m%d%H%M%S}.{when.microsecond:06d}+000"


def from_dmtf(text: str) -> Moment | None:
    """Read a WQL date and time, None where it is not one."""
    try:
        when = datetime.datetime.strptime(text[:21], "%Y%m%d%H%M%S.%f").replace(tzinfo=_UTC)
        minutes = int(text[21:25])
    except ValueError:
        return None
    return Moment(when.timestamp() - minutes * 60)


def plain(value: Scalar, zone: str, datetime_tag: str) -> str:
    """What stands inside the element of one scalar that is not NULL."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Moment):
        return f"<{datetime_tag}>{iso(value, zone)}</{datetime_tag}>"
    return escape(value) if isinstance(value, str) else str(value)


def element(name: str, value: Value, zone: str, *, typed: bool, array: bool = False, nil_array: bool = False) -> str:
    """The element or elements of one property. `typed`: with the prefixes p: and cim:, as in a whole instance."""
    tag = f"p:{name}" if typed else name
    datetime_tag = "cim:Datetime" if typed else "Datetime"
    if value is None:
        return "" if array and not nil_array else f'<{tag} xsi:nil="true"/>'
    if isinstance(value, (list, tuple)):
        return "".join(f"<{tag}>{plain(item, zone, datetime_tag)}</{tag}>" for item in value)
    return f"<{tag}>{plain(value, zone, datetime_tag)}</{tag}>"  # type: ignore[arg-type]  # no sequence is left here
