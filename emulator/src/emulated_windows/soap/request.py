# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a WS-Management request, strictly.

Knows the headers of DSP0226, which of them must be there and what may stand in them, durations, selectors and
options. Refuses to know what the request is about. What it refuses it refuses as a WsmanFault with Windows' numbers.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from xml.etree import ElementTree

from . import faults, names
from .faults import WsmanFault

Element = ElementTree.Element
_MESSAGE_ID = re.compile(r"(urn:)?uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?\Z"
)
_MUST_UNDERSTAND = f"{{{names.SOAP}}}mustUnderstand"
_A, _W, _P, _S = (f"{{{uri}}}" for uri in (names.ADDRESSING, names.WSMAN, names.MICROSOFT, names.SOAP))
_SHELL = f"{{{names.SHELL}}}"
_KNOWN = frozenset(
    {
        f"{_A}To",
        f"{_A}ReplyTo",
        f"{_A}From",
        f"{_A}FaultTo",
        f"{_A}Action",
        f"{_A}MessageID",
        f"{_A}RelatesTo",
        f"{_W}ResourceURI",
        f"{_W}SelectorSet",
        f"{_W}OptionSet",
        f"{_W}OperationTimeout",
        f"{_W}MaxEnvelopeSize",
        f"{_W}Locale",
        f"{_W}FragmentTransfer",
        f"{_W}RequestEPR",
        f"{_P}DataLocale",
        f"{_P}SessionId",
        f"{_P}OperationID",
        f"{_P}SequenceId",
        f"{_P}ActivityId",
        f"{_SHELL}CompressionType",
    }
)
_REQUIRED = (f"{_A}Action", f"{_A}To", f"{_A}MessageID", f"{_A}ReplyTo", f"{_W}ResourceURI")
SMALLEST_ENVELOPE = 8192
SMALLEST_TIMEOUT = 0.5


class NotSoapError(Exception):
    """The bytes are not an XML document a SOAP stack would look at (HTTP 400)."""


@dataclass
class Request:
    """One request, its headers checked."""

    action: str = ""
    uri: str = ""
    message_id: str = ""
    to: str = ""
    body: Element | None = None
    """The only element inside s:Body, None where the body is empty."""
    selectors: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    max_envelope: int | None = None
    fragment: bool = False

    @property
    def host(self) -> str:
        """The host name the client has used."""
        return urllib.parse.urlsplit(self.to).hostname or ""


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def parse(data: bytes) -> Element:
    """The envelope element. NotSoapError for malformed XML and for a document with a DTD."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise NotSoapError("a document type declaration is not allowed in SOAP")
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NotSoapError(str(error)) from None
    if local(root.tag) != "Envelope":
        raise NotSoapError(f"{root.tag} is not an envelope")
    return root


def is_identify(root: Element) -> bool:
    """Is this the one request without headers?"""
    body = root.find(f"{_S}Body")
    return body is not None and len(body) == 1 and body[0].tag == f"{{{names.IDENTITY}}}Identify"


def duration(text: str) -> float | None:
    """Seconds of an XML duration, None where it is not one (a negative one is none either)."""
    match = _DURATION.match(text.strip())
    if match is None or text.strip() in ("P", "PT"):
        return None
    parts = {name: float(number) for name, number in match.groupdict().items() if number}
    return (
        parts.get("days", 0.0) * 86400
        + parts.get("hours", 0.0) * 3600
        + parts.get("minutes", 0.0) * 60
        + parts.get("seconds", 0.0)
    )


def _headers(root: Element) -> dict[str, Element]:
    header = root.find(f"{_S}Header")
    found: dict[str, Element] = {}
    for element in header if header is not None else ():
        if element.tag in _KNOWN:
            if element.tag in found:
                raise WsmanFault(faults.INVALID_HEADER, f"{local(element.tag)} is given twice.")
            found[element.tag] = element
        elif element.get(_MUST_UNDERSTAND) in ("true", "1"):
            raise WsmanFault(faults.MUST_UNDERSTAND, f"{local(element.tag)} is not understood.")
    return found


def selectors_of(element: Element | None) -> dict[str, str]:
    """Selectors by name. The value of a reference is the address it holds, written out."""
    found: dict[str, str] = {}
    for selector in element if element is not None else ():
        name = selector.get("Name")
        if selector.tag != f"{_W}Selector" or name is None:
            raise WsmanFault(faults.SCHEMA, "A SelectorSet holds selectors with a name.")
        if name.lower() in (other.lower() for other in found):
            raise WsmanFault(faults.DUPLICATE_SELECTORS)
        found[name] = _reference(selector[0]) if len(selector) else selector.text or ""
    return found


def _reference(element: Element) -> str:
    parameters = element.find(f"{_A}ReferenceParameters")
    if element.tag != f"{_A}EndpointReference" or parameters is None:
        raise WsmanFault(faults.SCHEMA, "A selector holds text or an endpoint reference.")
    selectors = selectors_of(parameters.find(f"{_W}SelectorSet"))
    shown = "+".join(f"{name}={value}" for name, value in sorted(selectors.items()))
    return f"{(parameters.findtext(f'{_W}ResourceURI') or '').strip()}?{shown}"


def _options(element: Element | None) -> dict[str, str]:
    found = {}
    for option in element if element is not None else ():
        name = option.get("Name")
        if option.tag != f"{_W}Option" or not name:
            raise WsmanFault(faults.SCHEMA, "An OptionSet holds options with a name.")
        if option.get("MustComply", "").lower() == "true" and not name.startswith(("WINRS_", "WSMAN_")):
            raise WsmanFault(faults.OPTIONS, f"Option {name} is not supported.")
        found[name] = (option.text or "").strip()
    return found


def _text(headers: dict[str, Element], tag: str) -> str:
    element = headers.get(tag)
    return (element.text or "").strip() if element is not None else ""


def _timeout(headers: dict[str, Element]) -> float | None:
    text = _text(headers, f"{_W}OperationTimeout")
    if not text:
        return None
    seconds = duration(text)
    if seconds is None:
        raise WsmanFault(faults.INVALID_HEADER, f"The time-out in the SOAP header is invalid: {text}.")
    return max(seconds, SMALLEST_TIMEOUT)


def _max_envelope(headers: dict[str, Element]) -> int | None:
    text = _text(headers, f"{_W}MaxEnvelopeSize")
    if not text:
        return None
    if not text.isdigit():
        raise WsmanFault(faults.INVALID_HEADER, f"MaxEnvelopeSize {text} is not a number.")
    if int(text) < SMALLEST_ENVELOPE:
        raise WsmanFault(faults.ENCODING_LIMIT, "MaxEnvelopeSize must be 8192 at least.")
    return int(text)


def _body(root: Element) -> Element | None:
    body = root.find(f"{_S}Body")
    if body is None or len(body) > 1:
        raise WsmanFault(faults.INVALID_BODY)
    return body[0] if len(body) else None


def read(root: Element, request: Request) -> None:
    """Fill in a request, or throw the first objection. What is filled in already serves to write the fault."""
    if root.tag != f"{_S}Envelope":
        raise WsmanFault(faults.VERSION_MISMATCH)
    headers = _headers(root)
    request.message_id = _text(headers, f"{_A}MessageID")
    request.to = _text(headers, f"{_A}To")
    request.action = _text(headers, f"{_A}Action")
    request.uri = _text(headers, f"{_W}ResourceURI")
    for tag in _REQUIRED:
        if tag not in headers:
            kind = faults.INVALID_RESOURCE_URI if tag == f"{_W}ResourceURI" else faults.HEADER_REQUIRED
            raise WsmanFault(kind, f"{local(tag)} is missing.")
    if not _MESSAGE_ID.match(request.message_id):
        raise WsmanFault(faults.INVALID_HEADER, f"MessageID {request.message_id} is not a uuid.")
    reply_to = headers[f"{_A}ReplyTo"].find(f"{_A}Address")
    if reply_to is None or (reply_to.text or "").strip() != names.ANONYMOUS:
        raise WsmanFault(faults.INVALID_HEADER, "ReplyTo must be the anonymous address.")
    request.timeout = _timeout(headers)
    request.max_envelope = _max_envelope(headers)
    request.selectors = selectors_of(headers.get(f"{_W}SelectorSet"))
    request.options = _options(headers.get(f"{_W}OptionSet"))
    request.fragment = f"{_W}FragmentTransfer" in headers
    request.body = _body(root)
