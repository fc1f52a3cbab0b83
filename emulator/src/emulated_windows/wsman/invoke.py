# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get and Invoke: operations on one resource.

Knows how an instance is addressed by selectors, the strict rules for `_INPUT` (exact names, exact case, the class's
namespace, right types), and `_OUTPUT`. Put, Create and Delete have a file of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ..machine.errors import CimError, ProviderError
from ..soap import faults, names
from ..soap.faults import WsmanFault
from ..soap.request import Request, local
from ..wmi.provider import Outcome, WmiClass
from ..wmi.schema import Method, Parameter, Schema
from ..wmi.values import Row, Scalar, Value, element
from ..wmi.wql import Comparison, Condition, Junction
from . import rows as row_writer
from .context import Context

_NIL = f"{{{names.XSI}}}nil"
_RANGES = {
    "uint8": (0, 0xFF),
    "uint16": (0, 0xFFFF),
    "uint32": (0, 0xFFFFFFFF),
    "uint64": (0, 2**64 - 1),
    "sint32": (-0x80000000, 0x7FFFFFFF),
    "number": (0, 2**64 - 1),
}
"""`number`: a column of a Put or a Create; nobody has modelled how wide each of them is."""


@dataclass(frozen=True)
class Answer:
    """Body of an answer and the seconds it takes."""

    body: str
    seconds: float = 0.0


def method_name(request: Request) -> str | None:
    """The method an Action asks for, None where the Action does not belong to the resource URI."""
    prefix, slash, name = request.action.rpartition("/")
    return name if slash and prefix.lower() == request.uri.lower() else None


class Instances:
    """Get and Invoke on the classes of one host."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # -- addressing ----------------------------------------------------------------------------------------------

    def row(self, found: WmiClass, schema: Schema, request: Request) -> Row:
        """The addressed instance."""
        selectors = {name.lower(): value for name, value in request.selectors.items()}
        keys = [key.lower() for key in schema.keys]
        if not selectors and not schema.singleton:
            raise WsmanFault(faults.NO_KEYS)
        if set(selectors) - set(keys):
            raise WsmanFault(faults.UNEXPECTED_SELECTORS)
        if selectors and set(keys) - set(selectors):
            raise WsmanFault(faults.INSUFFICIENT_SELECTORS)
        parts: list[Condition] = [Comparison(key, "=", selectors[key.lower()]) for key in schema.keys if selectors]
        where = Junction(True, tuple(parts)) if parts else None
        try:
            rows = found.rows(self._context.machine, where).rows
        except ProviderError as error:
            raise self._context.failed(error.hresult, "GetObject", schema.name, error.seconds) from None
        for row in rows:
            if all(str(row.get(key)).lower() == selectors[key.lower()].lower() for key in schema.keys if selectors):
                return row
        shown = ",".join(f'{key}="{value}"' for key, value in request.selectors.items())
        raise WsmanFault(
            faults.NOT_FOUND,
            provider=self._context.provider(
                "Nothing is found under these selectors.", operation="GetObject", parameter=f"{schema.name}.{shown}"
            ),
        )

    # -- Get -----------------------------------------------------------------------------------------------------

    def get(self, request: Request) -> Answer:
        """One whole instance."""
        if request.body is not None:
            raise WsmanFault(faults.SCHEMA, "Get has an empty body.")
        if request.fragment:
            raise WsmanFault(faults.UNSUPPORTED_FEATURE, "Fragment transfer is not modelled.")
        found = self._context.class_of(request)
        schema = found.schema_for(self._context.machine)
        row = self.row(found, schema, request)
        return Answer(row_writer.instance(schema, row, self._context.machine.dials["time_zone"]))

    # -- Invoke --------------------------------------------------------------------------------------------------

    def method_of(self, request: Request) -> Method | None:
        """The method, where class and method exist; for the journal."""
        name = method_name(request)
        try:
            found = self._context.class_of(request) if name else None
        except WsmanFault:
            return None
        return found.schema_for(self._context.machine).methods.get(name or "") if found else None

    def invoke(self, request: Request) -> Answer:
        """Carry out a method."""
        name = method_name(request)
        if name is None:
            raise WsmanFault(faults.ACTION_NOT_SUPPORTED)
        found = self._context.class_of(request)
        schema = found.schema_for(self._context.machine)
        method = schema.methods.get(name)
        if method is None:
            raise WsmanFault(faults.ACTION_NOT_SUPPORTED)
        arguments = self._arguments(request, schema, method)
        if method.static:
            if request.selectors:
                raise WsmanFault(faults.UNEXPECTED_SELECTORS)
            row = None
        else:
            row = self.row(found, schema, request)
        try:
            outcome = found.invoke(self._context.machine, name, row, arguments)
        except ProviderError as error:
            if method.void or self._context.machine.dials["hresult_place"] != "return_value":
                raise self._context.failed(error.hresult, "ExecMethod", schema.name, error.seconds) from None
            outcome = Outcome({"ReturnValue": error.hresult}, error.seconds)
        except CimError as error:
            raise self._context.cim_failed(error, "ExecMethod", schema.name) from None
        return Answer(self._output(schema, method, outcome), outcome.seconds)

    def _arguments(self, request: Request, schema: Schema, method: Method) -> dict[str, Value]:
        body = request.body
        if body is None:
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{method.name}_INPUT is missing.")
        namespace, _, tag = body.tag.lstrip("{").rpartition("}")
        uri = f"{names.WMI_PREFIX}{schema.namespace}/{schema.name}"
        if tag != f"{method.name}_INPUT" or (namespace and namespace.lower() != uri.lower()):
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{local(body.tag)} is not {method.name}_INPUT.")
        arguments: dict[str, Value] = {}
        for child in body:
            namespace, _, tag = child.tag.lstrip("{").rpartition("}")
            parameter = method.input(tag)
            if parameter is None or namespace.lower() != uri.lower():
                raise WsmanFault(faults.INVALID_REPRESENTATION, f"{tag} is no parameter of {method.name}.")
            self._add(arguments, parameter, value_of(child, parameter))
        return arguments

    @staticmethod
    def _add(arguments: dict[str, Value], parameter: Parameter, value: Scalar) -> None:
        if not parameter.array:
            if parameter.name in arguments:
                raise WsmanFault(faults.INVALID_REPRESENTATION, f"{parameter.name} is given twice.")
            arguments[parameter.name] = value
            return
        before = arguments.get(parameter.name)
        items: list[Scalar] = list(before) if isinstance(before, list) else []
        arguments[parameter.name] = items if value is None else [*items, value]

    def _output(self, schema: Schema, method: Method, outcome: Outcome) -> str:
        arrays = {item.name for item in method.outputs if item.array}
        dials = self._context.machine.dials
        nil = dials["null_array_output"] == "nil"
        written = {
            name: element(name, value, dials["time_zone"], typed=True, array=name in arrays, nil_array=nil)
            for name, value in outcome.outputs.items()
        }
        for name, (of, row) in outcome.references.items():
            written[name] = f"<p:{name}>{row_writer.address(of, row)}</p:{name}>"
        inside = "".join(written[name] for name in sorted(written, key=str.lower))
        return (
            f'<p:{method.name}_OUTPUT xmlns:xsi="{names.XSI}"'
            f' xmlns:p="{names.WMI_PREFIX}{schema.namespace}/{schema.name}" xmlns:cim="{names.CIM}">'
            f"{inside}</p:{method.name}_OUTPUT>"
        )


def value_of(child: Element, parameter: Parameter) -> Scalar:
    """The value of one input element, by the parameter's type."""
    if child.get(_NIL) in ("true", "1"):
        return None
    text = child.text or ""
    if parameter.type in _RANGES:
        low, high = _RANGES[parameter.type]
        stripped = text.strip()
        if not stripped.lstrip("-").isdigit() or not low <= int(stripped) <= high:
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{parameter.name} must be a {parameter.type}.")
        return int(stripped)
    if parameter.type == "boolean":
        if text.strip().lower() not in ("true", "false", "1", "0"):
            raise WsmanFault(faults.INVALID_REPRESENTATION, f"{parameter.name} must be true or false.")
        return text.strip().lower() in ("true", "1")
    if len(child) and parameter.type != "object":
        raise WsmanFault(faults.INVALID_REPRESENTATION, f"{parameter.name} must hold text.")
    return text
