# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enumerate, Pull and Release.

Knows optimized and plain enumeration, WQL, selector filters, contexts that change with every Pull and expire, and how
an empty result looks (a dial), and addresses beside or instead of rows. Refuses addresses of column lists, which may
lack the keys, and event queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ..machine.errors import ProviderError
from ..soap import faults, names
from ..soap.faults import WsmanFault
from ..soap.request import Request, local
from ..soap.text import escape
from ..wmi.provider import WmiClass
from ..wmi.schema import Schema
from ..wmi.values import Row
from ..wmi.wql import Comparison, Condition, Junction, Query, WqlError, matches, parse
from . import rows as row_writer
from .associations import associated
from .context import Context

_N, _W = f"{{{names.ENUMERATION}}}", f"{{{names.WSMAN}}}"
_MODES = ("", "EnumerateObject", "EnumerateObjectAndEPR", "EnumerateEPR")
MAX_BATCH_ITEMS = 32000
ENVELOPE_OVERHEAD = 1024
_KNOWN_IN_ENUMERATE = frozenset(
    {
        f"{_W}OptimizeEnumeration",
        f"{_W}MaxElements",
        f"{_W}Filter",
        f"{_N}Filter",
        f"{_W}EnumerationMode",
        f"{_N}Expires",
    }
)


@dataclass
class _Open:
    """An enumeration that is not finished."""

    uri: str
    items: list[str]
    used: float


@dataclass(frozen=True)
class Answer:
    """Body of an answer and the seconds it takes."""

    body: str
    seconds: float = 0.0


def filter_text(request: Request) -> str:
    """The WQL of an Enumerate, for the journal; of another filter its selectors and the classes it names."""
    found = request.body.find(f"{_W}Filter") if request.body is not None else None
    if found is None:
        return ""
    words = (found.text or "").split()
    for element in found.iter():
        text = (element.text or "").strip()
        if local(element.tag) == "Selector" and text:
            words.append(f"{element.get('Name')}={text}")
        elif local(element.tag).endswith("ClassName") and text:
            words.append(text)
    return " ".join(words)


def queried_class(text: str) -> str:
    """The class a WQL text asks for, "" where it is no query."""
    try:
        return parse(text).class_name
    except WqlError:
        return ""


def _number(element: Element | None, default: int) -> int:
    if element is None:
        return default
    text = (element.text or "").strip()
    if not text.isdigit() or int(text) < 1:
        raise WsmanFault(faults.SCHEMA, "MaxElements must be a positive number.")
    return min(int(text), MAX_BATCH_ITEMS)


class Enumerations:
    """All enumerations of one host."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: dict[str, _Open] = {}

    def count(self) -> int:
        """How many are open, for the quota."""
        self._expire()
        return len(self._open)

    def clear(self) -> None:
        """The service has stopped."""
        self._open.clear()

    def _expire(self) -> None:
        now = self._context.machine.now()
        limit = self._context.style.enumeration_timeout_ms / 1000
        self._open = {key: item for key, item in self._open.items() if now - item.used <= limit}

    # -- Enumerate -----------------------------------------------------------------------------------------------

    def enumerate(self, request: Request) -> Answer:
        """Start one."""
        body = request.body
        if body is None or body.tag != f"{_N}Enumerate":
            raise WsmanFault(faults.SCHEMA, "Enumerate expected in the body.")
        unknown = [child for child in body if child.tag not in _KNOWN_IN_ENUMERATE]
        if unknown:
            raise WsmanFault(faults.SCHEMA, f"{local(unknown[0].tag)} is not expected in Enumerate.")
        if request.selectors:
            raise WsmanFault(faults.ENUMERATE_WITH_KEYS)
        mode = (body.findtext(f"{_W}EnumerationMode") or "").strip()
        if mode not in _MODES:
            raise WsmanFault(faults.UNSUPPORTED_FEATURE, f"EnumerationMode {mode} is not known.")
        items, seconds = self._items(request, body, mode)
        optimized = body.find(f"{_W}OptimizeEnumeration") is not None
        limit = _number(body.find(f"{_W}MaxElements"), 1)
        return Answer(self._first(request, items, optimized, limit), seconds)

    def _first(self, request: Request, items: list[str], optimized: bool, limit: int) -> str:
        dials = self._context.machine.dials
        if not optimized:
            return self._response("EnumerateResponse", self._keep(request, items), None, False)
        if not items:
            if dials["empty_enumeration"] == "context_then_pull":
                return self._response("EnumerateResponse", self._keep(request, []), None, False)
            shown: list[str] | None = [] if dials["empty_enumeration"] == "empty_items" else None
            return self._response("EnumerateResponse", "", shown, True)
        if dials["paging"] == "one_then_pull" and len(items) > 1:
            limit = 1
        batch, rest = self._batch(request, items, limit)
        return self._response("EnumerateResponse", self._keep(request, rest) if rest else "", batch, not rest)

    def _items(self, request: Request, body: Element, mode: str) -> tuple[list[str], float]:
        element = body.find(f"{_W}Filter")
        namespace, name = self._context.class_at(request)
        if element is None:
            if name == "*":
                raise WsmanFault(faults.CANNOT_PROCESS_FILTER, "A filter is needed with a star.")
            return self._select(self._context.class_of(request), Query(None, name, None), "", mode)
        dialect = element.get("Dialect") or names.WQL_DIALECT
        if dialect.lower() == names.SELECTOR_DIALECT.lower():
            return self._select(self._context.class_of(request), _selector_query(element, name), "", mode)
        if dialect.lower() == names.ASSOCIATION_DIALECT.lower():
            return self._associated(request, element, mode)
        if dialect.lower() != names.WQL_DIALECT.lower():
            raise WsmanFault(faults.DIALECT)
        if name != "*":
            raise WsmanFault(faults.WQL_ON_CLASS)
        text = (element.text or "").strip()
        try:
            query = parse(text)
        except WqlError as error:
            raise self._bad_query(text, f"Invalid query: {error}") from None
        found = self._context.catalogue.find(namespace, query.class_name)
        if found is None:
            raise self._context.class_missing(text)
        return self._select(found, query, text, mode)

    def _bad_query(self, text: str, message: str) -> WsmanFault:
        kind = faults.CANNOT_PROCESS_FILTER
        said = self._context.provider(message, code=kind.code, operation="ExecQuery", parameter=text)
        return WsmanFault(kind, provider=said, cim_status=faults.INVALID_QUERY)

    def _associated(self, request: Request, element: Element, mode: str) -> tuple[list[str], float]:
        machine = self._context.machine
        try:
            found = associated(self._context, request, element)
        except ProviderError as error:
            raise self._context.failed(error.hresult, "ExecQuery", "", error.seconds) from None
        items: list[str] = []
        for kind, rows in found:
            items += self._written(kind.schema_for(machine), Query(None, kind.schema.name, None), rows, mode)
        return items, 0.0

    def _select(self, found: WmiClass, query: Query, text: str, mode: str) -> tuple[list[str], float]:
        machine = self._context.machine
        schema = found.schema_for(machine)
        strict = schema.sourced or machine.dials["assumed_columns"] == "refused"
        unknown = [name for name in query.named() if name.lower() not in schema.by_name and not name.startswith("__")]
        if unknown and strict:
            raise self._bad_query(text, "Invalid query: the class has no such property.")
        try:
            offered = found.rows(machine, query.where)
        except ProviderError as error:
            raise self._context.failed(error.hresult, "ExecQuery", text, error.seconds) from None
        names_by_case = {key: item.name for key, item in schema.by_name.items()}
        kept = [row for row in offered.rows if matches(query.where, row, names_by_case)]
        return self._written(schema, query, kept, mode), offered.seconds

    def _written(self, schema: Schema, query: Query, kept: list[Row], mode: str) -> list[str]:
        zone = self._context.machine.dials["time_zone"]
        if mode == "EnumerateEPR":
            return [row_writer.reference(schema, row) for row in kept]
        if query.columns is None:
            whole = [row_writer.instance(schema, row, zone) for row in kept]
            if mode == "EnumerateObjectAndEPR":
                both = zip(whole, kept, strict=True)
                return [f"<w:Item>{item}{row_writer.reference(schema, row)}</w:Item>" for item, row in both]
            return whole
        if mode == "EnumerateObjectAndEPR":
            raise WsmanFault(faults.UNSUPPORTED_FEATURE, "A column list need not hold the keys of an address.")
        shown = row_writer.columns(schema, query.columns)
        return [row_writer.fragment(shown, row, zone) for row in kept]

    # -- batches and contexts ------------------------------------------------------------------------------------

    def _batch(self, request: Request, items: list[str], limit: int) -> tuple[list[str], list[str]]:
        """As many items as fit into one answer. One that never fits is a fault."""
        room = self._context.envelope_limit(request) - ENVELOPE_OVERHEAD
        taken = 0
        for item in items[:limit]:
            room -= self._context.weight(item)
            if room < 0:
                break
            taken += 1
        if items and not taken:
            raise WsmanFault(faults.TOO_LARGE)
        return items[:taken], items[taken:]

    def _keep(self, request: Request, items: list[str]) -> str:
        key = f"uuid:{self._context.new_id()}"
        self._open[key] = _Open(request.uri.lower(), items, self._context.machine.now())
        return key

    @staticmethod
    def _response(name: str, context: str | None, items: list[str] | None, end: bool) -> str:
        """Items and EndOfSequence stand in the wsman namespace after Enumerate, in their own after Pull."""
        prefix = "w" if name == "EnumerateResponse" else "n"
        shown = "" if context is None else f"<n:EnumerationContext>{escape(context)}</n:EnumerationContext>"
        if items is not None:
            shown += f"<{prefix}:Items>{''.join(items)}</{prefix}:Items>"
        return f"<n:{name}>{shown}{f'<{prefix}:EndOfSequence/>' if end else ''}</n:{name}>"

    # -- Pull and Release ----------------------------------------------------------------------------------------

    def _take(self, request: Request, verb: str) -> tuple[Element, _Open]:
        body = request.body
        if body is None or body.tag != f"{_N}{verb}":
            raise WsmanFault(faults.SCHEMA, f"{verb} expected in the body.")
        self._expire()
        key = (body.findtext(f"{_N}EnumerationContext") or "").strip()
        found = self._open.get(key)
        if found is None or found.uri != request.uri.lower():
            raise WsmanFault(faults.INVALID_CONTEXT)
        del self._open[key]
        return body, found

    def pull(self, request: Request) -> Answer:
        """Some more. The context of the answer is a new one; the old one is used up."""
        body, found = self._take(request, "Pull")
        limit = _number(body.find(f"{_N}MaxElements"), 1)
        batch, rest = self._batch(request, found.items, limit)
        context = self._keep(request, rest) if rest else None
        return Answer(self._response("PullResponse", context, batch, not rest))

    def release(self, request: Request) -> Answer:
        """No more, thank you."""
        self._take(request, "Release")
        return Answer("")


def _selector_query(element: Element, name: str) -> Query:
    parts: list[Condition] = [
        Comparison(selector.get("Name") or "", "=", selector.text or "") for selector in element.iter(f"{_W}Selector")
    ]
    return Query(None, name, Junction(True, tuple(parts)) if parts else None)
