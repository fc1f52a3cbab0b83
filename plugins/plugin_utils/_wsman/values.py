# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading answers: rows with typed access, pages of an enumeration, and the quoting of WQL literals.

Internal to the collection activation.kms; not a public interface.

Knows: how WinRM writes CIM values as XML (DSP0230, MS-WSMV), in whole instances and in the fragments a column list
brings. Refuses to know which class has which property: the caller asks by name and by type.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t
import xml.etree.ElementTree as ET

from .._errors import Failure
from . import names, tree

Raw = t.Union[str, "Row", None]
"""One value: its text, an embedded object, or None for NULL (xsi:nil)."""

T = t.TypeVar("T")
R = t.TypeVar("R", bound="Row")

_TIMES = ("Datetime", "Interval", "Date", "Time", "CIM_DateTime")
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?\s*(?:(Z)|([+-])(\d\d):?(\d\d))?", re.IGNORECASE | re.ASCII
)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class Row(t.Mapping[str, "Raw | tuple[Raw, ...]"]):
    """The properties of one instance, immutable. `name in row` tells a missing property from a NULL one.

    Attributes:
        class_name: the instance's real class; "" where a column list was asked for (WinRM does not say it then).
    """

    __slots__ = ("_properties", "class_name")

    def __init__(self, properties: t.Mapping[str, t.Sequence[Raw]], class_name: str = "") -> None:
        self._properties = {name: tuple(values) for name, values in properties.items()}
        self.class_name = class_name

    @classmethod
    def of(cls: type[R], element: ET.Element) -> R:
        """The row an instance element or a fragment holds."""
        found: dict[str, list[Raw]] = {}
        for item in element:
            found.setdefault(tree.local(item), []).append(_raw(item))
        name = tree.local(element)
        return cls(found, "" if name == "XmlFragment" else name)

    def __getitem__(self, name: str) -> Raw | tuple[Raw, ...]:
        values = self._properties[name]
        return values[0] if len(values) == 1 else values

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and other._properties == self._properties

    def __hash__(self) -> int:
        return hash(frozenset(self._properties.items()))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.class_name or 'fragment'}: {', '.join(self._properties)}>"

    def names(self) -> tuple[str, ...]:
        """The properties that are there, NULL ones included."""
        return tuple(self._properties)

    def text(self, name: str) -> str | None:
        """The text; "" is an empty string, None is NULL or not there. Of an array the first element."""
        for value in self._properties.get(name, ()):
            return value if isinstance(value, str) else None
        return None

    def texts(self, name: str) -> tuple[str, ...]:
        """The elements of an array; () when it is NULL, empty or not there."""
        return tuple(value for value in self._properties.get(name, ()) if isinstance(value, str))

    def raws(self, name: str) -> tuple[Raw, ...]:
        """The elements of an array as they are, NULL ones included; () when it is not there."""
        return self._properties.get(name, ())

    def integer(self, name: str) -> int | None:
        """The number, of any CIM integer type. Raises Failure when the text is none."""
        return self._read(name, int, "a whole number")

    def integers(self, name: str) -> tuple[int, ...]:
        """The elements of an array of numbers."""
        try:
            return tuple(int(text) for text in self.texts(name))
        except ValueError:
            raise _unreadable(self.class_name, name, "whole numbers") from None

    def boolean(self, name: str) -> bool | None:
        """The truth value. Raises Failure when the text is none."""
        return self._read(name, lambda text: _BOOLEANS[text.lower()], "a truth value")

    def moment(self, name: str) -> dt.datetime | None:
        """The date and time in UTC (aware). Raises Failure when the text is none."""
        return self._read(name, _moment, "a date and time")

    def row(self, name: str) -> Row | None:
        """The embedded object, or the keys of a reference."""
        for value in self._properties.get(name, ()):
            return value if isinstance(value, Row) else None
        return None

    def _read(self, name: str, convert: t.Callable[[str], T], kind: str) -> T | None:
        text = (self.text(name) or "").strip()
        if not text:
            return None
        try:
            return convert(text)
        except (ValueError, KeyError, OverflowError):
            raise _unreadable(self.class_name, name, kind) from None


class Output(Row):
    """What a method gave back: its out parameters and its return value."""

    __slots__ = ()

    @property
    def return_value(self) -> int:
        """ReturnValue as an unsigned number; 0 for a method that has none."""
        return (self.integer("ReturnValue") or 0) & 0xFFFFFFFF


def _raw(element: ET.Element) -> Raw:
    """One value. A date stands in an element of its own inside the property's."""
    if (element.get(names.XSI_NIL) or "").strip() in ("true", "1"):
        return None
    if len(element) == 0:
        return element.text or ""
    if len(element) == 1 and tree.local(element[0]) in _TIMES:
        return element[0].text or ""
    return _keys(element) or Row.of(element)


def _keys(place: ET.Element) -> Row:
    """The keys in an EPR; an EPR without any has none, whatever else stands in it."""
    selectors = tree.descendants(place, "Selector")
    return Row({tree.attribute(item, "Name") or "": (_raw(item),) for item in selectors})


def _moment(text: str) -> dt.datetime:
    """ISO 8601 as WinRM writes it; digits beyond microseconds are cut, a missing zone is UTC."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(found.group(position)) for position in range(1, 7))
    microsecond = int(((found.group(7) or "") + "000000")[:6])
    offset = dt.timedelta()
    if found.group(9):
        offset = dt.timedelta(hours=int(found.group(10)), minutes=int(found.group(11)))
        offset = -offset if found.group(9) == "-" else offset
    return dt.datetime(year, month, day, hour, minute, second, microsecond, dt.timezone.utc) - offset


def _unreadable(class_name: str, name: str, kind: str) -> Failure:
    where = f"{class_name}.{name}" if class_name else name
    return Failure(
        f"Windows answered the property {where} with something that is not {kind}; "
        "please report it with the Windows release",
        name="unreadable_value",
    )


@dataclasses.dataclass(frozen=True)
class Page:
    """What one message of an enumeration brought.

    Attributes:
        rows: its instances.
        context: where to go on; None when the message does not say ("" ends the enumeration).
        ended: nothing follows.
        references: the keys of each row where object and EPR were asked for, else None for each.
    """

    rows: tuple[Row, ...]
    context: str | None
    ended: bool
    references: tuple[Row | None, ...] = ()


def page(response: ET.Element) -> Page:
    """Read an EnumerateResponse or a PullResponse. Items and EndOfSequence stand in different namespaces in the two."""
    items, context = tree.child(response, "Items"), tree.child(response, "EnumerationContext")
    rows = tuple(Row.of(_instance(item)) for item in items) if items is not None else ()
    name = None if context is None else tree.text(context)
    ended = tree.child(response, "EndOfSequence") is not None or name == ""
    references = tuple(map(_reference, items)) if items is not None else ()
    return Page(rows, name, ended, references)


def _instance(item: ET.Element) -> ET.Element:
    """The instance in an item; where object and EPR were asked for, a w:Item holds both."""
    return item[0] if tree.local(item) == "Item" and len(item) else item


def _reference(item: ET.Element) -> Row | None:
    """The keys in the EPR that stands beside the instance of a w:Item."""
    place = tree.child(item, "EndpointReference") if tree.local(item) == "Item" else None
    return None if place is None else _keys(place)


def literal(text: str) -> str:
    """A WQL string literal with its quotes: backslash and quote are escaped by a backslash (Learn, "WQL")."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
