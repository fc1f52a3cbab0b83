# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every WMI class of a machine offers: a schema, rows, and methods.

Knows the interface between the WS-Management half and the classes. Refuses to know any class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..machine.machine import Machine
from .schema import RECORDED, Schema
from .values import Moment, Row, Value
from .wql import Condition


@dataclass(frozen=True)
class Found:
    """The rows a class offers for a query, and how long it took to find them."""

    rows: list[Row]
    seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What a method gives back."""

    outputs: Mapping[str, Value] = field(default_factory=dict)
    seconds: float = 0.0
    references: Mapping[str, tuple[Schema, Row]] = field(default_factory=dict)
    """Output parameters that are addresses of instances."""


def returned(value: int, **outputs: Value) -> Outcome:
    """An outcome with a ReturnValue."""
    return Outcome({"ReturnValue": value, **outputs})


Arguments = Mapping[str, Value]


class WmiClass:
    """One class on one kind of machine."""

    schema: Schema
    writes: frozenset[str] = frozenset()
    """Which of put, create and delete its instances know."""
    settable: frozenset[str] = frozenset()
    """Columns a Put or a Create may give another value."""
    associations: Mapping[str, str] = {}
    """Association classes that lead away from its instances, with the class they lead to."""

    def schema_for(self, machine: Machine) -> Schema:
        """The schema on this machine; some depend on a dial."""
        return self.schema

    def source(self, machine: Machine) -> str:
        """How we know the members on this machine. What was recorded on another generation is a document here."""
        found = self.schema_for(machine).source
        return "document" if found == "recording" and machine.persona.since not in RECORDED else found

    def exists(self, machine: Machine) -> bool:
        """Is the class registered on this machine?"""
        return True

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All instances that may satisfy a condition (it is applied afterwards)."""
        raise NotImplementedError

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Carry out a method. `row` is the addressed instance, None for a static method."""
        raise NotImplementedError

    def create(self, machine: Machine, values: Row) -> Row:
        """Make an instance of these columns; the whole row."""
        raise NotImplementedError

    def put(self, machine: Machine, row: Row, values: Row) -> Row:
        """Change these columns of an instance; the whole row afterwards."""
        raise NotImplementedError

    def delete(self, machine: Machine, row: Row) -> None:
        """Take an instance away."""
        raise NotImplementedError

    def associated(self, machine: Machine, row: Row, association: str) -> tuple[WmiClass, list[Row]]:
        """The instances one of `associations` leads to."""
        raise NotImplementedError


def moment(machine: Machine, when: float | None) -> Moment | None:
    """A true time as the machine's clock shows it."""
    return None if when is None else Moment(machine.host_time(when))


def text_of(arguments: Arguments, name: str) -> str | None:
    """A string argument; None where it is missing or NULL."""
    value = arguments.get(name)
    return value if isinstance(value, str) else None


def number_of(arguments: Arguments, name: str, default: int = 0) -> int:
    """A number argument; the default where it is missing or NULL."""
    value = arguments.get(name)
    return value if isinstance(value, int) else default


def strings_of(arguments: Arguments, name: str) -> list[str]:
    """An array of strings; a single one arrives as a scalar."""
    value = arguments.get(name)
    if value is None:
        return []
    items: Iterable[object] = value if isinstance(value, (list, tuple)) else [value]
    return [str(item) for item in items if item is not None]
