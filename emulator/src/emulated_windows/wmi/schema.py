# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a WMI class looks like: properties, keys, methods.

Knows names, types and how sure we are of them. A class whose schema is `sourced` refuses columns it does not have; one
that is only assumed refuses nothing by itself. Refuses to know instances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

RECORDED = ((5, 2), (6, 1))
"""The generations there are recordings of: Server 2003 and Server 2008 R2."""


@dataclass(frozen=True)
class Parameter:
    """An input or output parameter of a method."""

    name: str
    type: str
    """string, uint64, uint32, uint16, sint32, uint8, boolean, object."""
    array: bool = False


@dataclass(frozen=True)
class Method:
    """A method of a class."""

    name: str
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    static: bool = False
    mutation: bool = True
    void: bool = False
    """It has no ReturnValue an error could stand in."""

    def input(self, name: str) -> Parameter | None:
        """An input parameter by its exact name: WS-Management is case sensitive where WMI is not."""
        return next((parameter for parameter in self.inputs if parameter.name == name), None)


@dataclass(frozen=True)
class Property:
    """A property of a class."""

    name: str
    type: str
    """string, number, boolean, datetime."""
    array: bool = False


def properties(text: str) -> tuple[Property, ...]:
    """Read a compact list: `Name`, `Name:n` (number), `:b` (boolean), `:d` (date and time), each with `[]`."""
    kinds = {"": "string", "n": "number", "b": "boolean", "d": "datetime"}
    found = []
    for word in text.split():
        name, _, rest = word.partition(":")
        array = word.endswith("[]")
        found.append(Property(name.removesuffix("[]"), kinds[rest.removesuffix("[]")], array))
    return tuple(sorted(found, key=lambda item: item.name.lower()))


def changed(base: tuple[Property, ...], more: str = "", less: str = "") -> tuple[Property, ...]:
    """Properties with some more (a compact list) and some less (names)."""
    gone = set(less.split())
    kept = [item for item in base if item.name not in gone]
    return tuple(sorted([*kept, *properties(more)], key=lambda item: item.name.lower()))


@dataclass(frozen=True)
class Schema:
    """A WMI class."""

    name: str
    namespace: str = "root/cimv2"
    properties: tuple[Property, ...] = ()
    keys: tuple[str, ...] = ()
    methods: Mapping[str, Method] = field(default_factory=dict)
    source: str = "document"
    """How we know its members: recording (of RECORDED), dump, document or assumed; inherited ones included."""
    singleton: bool = False
    """May be addressed without selectors although it has a key."""

    @property
    def sourced(self) -> bool:
        """Does it refuse columns it does not have?"""
        return self.source != "assumed"

    @cached_property
    def by_name(self) -> dict[str, Property]:
        """Properties by lower-case name; WQL does not mind case."""
        return {item.name.lower(): item for item in self.properties}


def methods(*items: Method) -> dict[str, Method]:
    """Methods by name."""
    return {item.name: item for item in items}
