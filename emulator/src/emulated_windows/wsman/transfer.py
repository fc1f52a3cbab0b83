# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put, Create and Delete of CIM instances, from 6.2 on.

Knows that a body may hold some of the columns only, spelled as the class spells them, that Create answers with the
address of the new instance, and what is refused: columns the class does not have, columns nobody can set, selectors
on Create. Up to 2008 R2 the plug-in has no Create and no Delete (MS-WSMV, appendix B), and Put is not modelled there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..machine.errors import CimError, ProviderError
from ..soap import faults, names
from ..soap.faults import WsmanFault
from ..soap.request import Element, Request, local
from ..wmi.provider import WmiClass
from ..wmi.schema import Parameter, Schema
from ..wmi.values import Row, Value
from . import rows as row_writer
from .context import Context
from .invoke import Answer, Instances, value_of

INVALID_PARAMETER, NOT_SUPPORTED = 4, 7
_Made = TypeVar("_Made")


class Transfer:
    """WS-Transfer on the classes of one host; Get is with the instances."""

    def __init__(self, context: Context, instances: Instances) -> None:
        self._context = context
        self._instances = instances

    def operate(self, request: Request, verb: str) -> Answer:
        """Put, create or delete."""
        found = self._context.class_of(request)
        refused = verb != "put" and self._context.machine.dials.get("instance_create") == "refused"
        if not self._context.style.cim_create or refused:
            raise self._refusal(verb)
        if verb not in found.writes:
            raise self._context.cim_failed(CimError(NOT_SUPPORTED, verb), verb, found.schema.name)
        if request.fragment:
            raise WsmanFault(faults.UNSUPPORTED_FEATURE, "Fragment transfer is not modelled.")
        return {"put": self._put, "create": self._create, "delete": self._delete}[verb](request, found)

    def _refusal(self, verb: str) -> WsmanFault:
        if verb == "put":
            said = self._context.provider(
                "The provider does not support changing instances.", code=faults.NOT_CAPABLE.code
            )
            return WsmanFault(faults.NOT_CAPABLE, provider=said)
        refused = self._context.machine.dials.get("cim_create_refusal") == "provider_not_capable"
        return WsmanFault(faults.NOT_CAPABLE if refused else faults.ACTION_NOT_SUPPORTED)

    def _put(self, request: Request, found: WmiClass) -> Answer:
        machine = self._context.machine
        schema = found.schema_for(machine)
        values = _columns(request, schema)
        row = self._instances.row(found, schema, request)
        changes = self._ask(schema, "PutInstance", lambda: _changes(found, row, values))
        after = self._ask(schema, "PutInstance", lambda: found.put(machine, row, changes))
        return Answer(row_writer.instance(schema, after, machine.dials["time_zone"]))

    def _create(self, request: Request, found: WmiClass) -> Answer:
        if request.selectors:
            raise WsmanFault(faults.UNEXPECTED_SELECTORS)
        machine = self._context.machine
        schema = found.schema_for(machine)
        values = _columns(request, schema)
        empty: Row = {item.name: None for item in schema.properties}
        given = self._ask(schema, "PutInstance", lambda: _changes(found, empty, values, more=("InstanceID",)))
        row = self._ask(schema, "PutInstance", lambda: found.create(machine, given))
        return Answer(f"<x:ResourceCreated>{row_writer.address(schema, row)}</x:ResourceCreated>")

    def _delete(self, request: Request, found: WmiClass) -> Answer:
        if request.body is not None:
            raise WsmanFault(faults.SCHEMA, "Delete has an empty body.")
        machine = self._context.machine
        schema = found.schema_for(machine)
        row = self._instances.row(found, schema, request)
        self._ask(schema, "DeleteInstance", lambda: found.delete(machine, row))
        return Answer("")

    def _ask(self, schema: Schema, operation: str, action: Callable[[], _Made]) -> _Made:
        """Let the provider do something; what it raises becomes a fault."""
        try:
            return action()
        except CimError as error:
            raise self._context.cim_failed(error, operation, schema.name) from None
        except ProviderError as error:
            raise self._context.failed(error.hresult, operation, schema.name, error.seconds) from None


def _columns(request: Request, schema: Schema) -> Row:
    """The columns in the body of a Put or a Create."""
    body, uri = request.body, f"{names.WMI_PREFIX}{schema.namespace}/{schema.name}"
    if body is None or not _is_of(body, uri) or local(body.tag) != schema.name:
        raise WsmanFault(faults.INVALID_REPRESENTATION, f"{schema.name} expected in the body.")
    known = {item.name: item for item in schema.properties}
    found: dict[str, Value] = {}
    for child in body:
        item = known.get(local(child.tag))
        if item is None or not _is_of(child, uri):
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{local(child.tag)} is no property of {schema.name}.")
        value = value_of(child, Parameter(item.name, item.type, item.array))
        before = found.get(item.name)
        if not item.array and item.name in found:
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{item.name} is given twice.")
        if item.array:
            kept = list(before) if isinstance(before, list) else []
            found[item.name] = kept if value is None else [*kept, value]
        else:
            found[item.name] = value
    return found


def _is_of(element: Element, uri: str) -> bool:
    return element.tag.lstrip("{").rpartition("}")[0].lower() == uri.lower()


def _changes(found: WmiClass, row: Row, values: Row, more: Sequence[str] = ()) -> Row:
    """Of the columns given, those that may be set. One that may not must be what it is already."""
    settable = found.settable | set(more)
    for name, value in values.items():
        if name not in settable and (value or None) != (row.get(name) or None):
            raise CimError(INVALID_PARAMETER, name)
    return {name: value for name, value in values.items() if name in settable}
