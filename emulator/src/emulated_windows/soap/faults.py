# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP faults of WinRM: their numbers, their subcodes, and how they are written.

Knows wsmerror.h's numbers with the subcodes its comments give, DSP0226's fault details, the shapes of Detail recorded
on WinRM 1.x, on 2003 to 2008 R2 (with and without a provider), and MSFT_WmiError, which stands in its place from WinRM
3.0 on. Refuses to know when a fault is due. Texts are our own: clients must decide on numbers, texts are localized.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import names
from .text import escape, quote


@dataclass(frozen=True)
class Kind:
    """One sort of fault."""

    code: int
    subcode: str
    reason: str
    sender: bool = True
    detail: str = ""
    """Last part of the w:FaultDetail URI."""
    soap_code: str = ""
    """A SOAP code other than Sender and Receiver; such a fault has no subcode."""

    @property
    def action(self) -> str:
        """The Action header of the fault, by the family of its subcode."""
        return {
            "a": names.ADDRESSING_FAULT_ACTION,
            "n": names.ENUMERATION_FAULT_ACTION,
            "x": names.TRANSFER_FAULT_ACTION,
        }.get(self.subcode.partition(":")[0], names.WSMAN_FAULT_ACTION)


FAILED, INVALID_CLASS, INVALID_QUERY, SERVER_LIMITS = 1, 5, 15, 27
"""CIMStatusCodes (DSP0223)."""

NOT_FOUND = Kind(
    2150858752,
    "a:DestinationUnreachable",
    "Nothing is found under this resource URI and selectors.",
    detail="InvalidResourceURI",
)
VERSION_MISMATCH = Kind(2150858765, "", "This SOAP version is not supported.", soap_code="s:VersionMismatch")
INVALID_HEADER = Kind(2150858767, "a:InvalidMessageInformationHeader", "A SOAP header of the request is invalid.")
MUST_UNDERSTAND = Kind(
    2150858768, "", "A SOAP header marked mustUnderstand is not understood.", soap_code="s:MustUnderstand"
)
HEADER_REQUIRED = Kind(2150858769, "a:MessageInformationHeaderRequired", "A SOAP header is missing.")
ACTION_NOT_SUPPORTED = Kind(2150858771, "a:ActionNotSupported", "The action is not supported by the service.")
INVALID_REPRESENTATION = Kind(
    2150858773, "x:InvalidRepresentation", "The input XML does not fit the resource.", detail="InvalidNamespace"
)
DIALECT = Kind(2150858777, "n:FilterDialectRequestedUnavailable", "The filter dialect is not supported.")
CANNOT_PROCESS_FILTER = Kind(2150858778, "n:CannotProcessFilter", "The data source could not process the filter.")
INVALID_CONTEXT = Kind(2150858779, "n:InvalidEnumerationContext", "The enumeration context is not valid.", sender=False)
INVALID_BODY = Kind(2150858791, "w:SchemaValidationError", "The request has no valid SOAP body.")
TIMED_OUT = Kind(2150858793, "w:TimedOut", "The operation did not end within OperationTimeout.", sender=False)
ENCODING_LIMIT = Kind(2150858805, "w:EncodingLimit", "An encoding limit is exceeded.", detail="MinimumEnvelopeLimit")
TOO_LARGE = Kind(
    2150858824,
    "w:EncodingLimit",
    "The answer is larger than the maximum envelope size.",
    sender=False,
    detail="MaxEnvelopeSizeExceeded",
)
INVALID_RESOURCE_URI = Kind(
    2150858811, "a:DestinationUnreachable", "The resource URI is missing or malformed.", detail="InvalidResourceURI"
)
SCHEMA = Kind(2150858817, "w:SchemaValidationError", "The SOAP XML does not match the schema.")
UNSUPPORTED_FEATURE = Kind(2150858818, "w:UnsupportedFeature", "A requested feature is not supported.")
OPTIONS = Kind(2150858833, "w:InvalidOptions", "An option with MustComply is not supported.", detail="NotSupported")
INSUFFICIENT_SELECTORS = Kind(
    2150858842, "w:InvalidSelectors", "Not all required selectors are given.", detail="InsufficientSelectors"
)
UNEXPECTED_SELECTORS = Kind(
    2150858843,
    "w:InvalidSelectors",
    "The request has invalid selectors for the resource.",
    detail="UnexpectedSelectors",
)
DUPLICATE_SELECTORS = Kind(
    2150858847, "w:InvalidSelectors", "The request has duplicate selectors.", detail="DuplicateSelectors"
)
NO_KEYS = Kind(
    2150859002,
    "w:InvalidSelectors",
    "The class is not a singleton, so keys must be given.",
    detail="InsufficientSelectors",
)
WQL_ON_CLASS = Kind(
    2150859003, "a:DestinationUnreachable", "With WQL the resource URI must end in a star.", detail="InvalidResourceURI"
)
ENUMERATE_WITH_KEYS = Kind(
    2150859016, "w:InvalidSelectors", "Enumerate takes no selectors.", detail="UnexpectedSelectors"
)
RESOURCE_EXISTS = Kind(2150858803, "w:AlreadyExists", "The resource exists already.")
WMI_INVALID_PARAMETER = Kind(2150859038, "w:InvalidParameter", "The provider does not take a parameter.")
NOT_CAPABLE = Kind(2150859010, "a:ActionNotSupported", "The provider is not capable of the operation.")
WMI_ACCESS_DENIED = Kind(2150859012, "w:AccessDenied", "Access is denied by the WMI service.")
ACCESS_DENIED = Kind(5, "w:AccessDenied", "Access is denied.")
TOO_MANY_OPERATIONS = Kind(2150859174, "w:InternalError", "This user has too many operations at a time.", sender=False)
TOO_MANY_SHELLS = Kind(2150859173, "w:QuotaLimit", "This user has too many shells.")
USER_LOAD = Kind(2150859175, "w:QuotaLimit", "This user sends too many requests.")
SYSTEM_LOAD = Kind(2150859176, "w:QuotaLimit", "The service gets too many requests.")
TOO_MANY_PROCESSES = Kind(2150859241, "w:QuotaLimit", "This shell has too many commands.")
INVALID_PARAMETER = Kind(87, "w:InvalidParameter", "The parameter is incorrect.", detail="InvalidValue")
INTERNAL_ERROR = Kind(2150858755, "w:InternalError", "The provider of the resource has failed.", sender=False)


@dataclass(frozen=True)
class Provider:
    """The part of Detail in which a plug-in speaks."""

    name: str
    path: str
    code: int | None = None
    """Number of a nested WSManFault, None where the provider speaks plain text."""
    message: str = ""
    operation: str = ""
    """With an __ExtendedStatus: its Operation."""
    parameter: str = ""
    status: int | None = None


class WsmanFault(Exception):
    """Thrown anywhere while a request is looked at; becomes the answer."""

    def __init__(
        self,
        kind: Kind,
        message: str = "",
        provider: Provider | None = None,
        *,
        code: int | None = None,
        seconds: float = 0.0,
        cim_status: int | None = None,
    ) -> None:
        """`cim_status`: CIMStatusCode (DSP0223) of an error WMI itself gives; it may become an MSFT_WmiError."""
        super().__init__(message or kind.reason)
        self.kind = kind
        self.code = kind.code if code is None else code
        self.message = message or kind.reason
        self.provider = provider
        self.seconds = seconds
        self.cim_status = cim_status


@dataclass(frozen=True)
class Manner:
    """How the WinRM of one machine writes faults."""

    computer: str
    """The machine's own name."""
    tag: str = "en-US"
    """Its language."""
    text: str = ""
    """What every fault says in that language, "" for English."""
    old: bool = False
    """WinRM 1.x."""
    activity: str = ""
    """ActivityId, from WinRM 3.0 on."""
    error_namespace: str = ""
    """Where MSFT_WmiError takes the place of WSManFault: its namespace."""


_DECLARED = (
    f' xmlns:s="{names.SOAP}" xmlns:a="{names.ADDRESSING}" xmlns:x="{names.TRANSFER}"'
    ' xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing"'
    f' xmlns:n="{names.ENUMERATION}" xmlns:w="{names.WSMAN}"'
)
_NEWER = f' xmlns:p="{names.MICROSOFT}"'
_NUMBER = re.compile(r"HRESULT 0x[0-9a-f]+")
_STATUS_NAMESPACE = f"{names.WMI_PREFIX}root/cimv2/__ExtendedStatus"


def _extended(provider: Provider) -> str:
    status = (
        '<p:StatusCode xsi:nil="true"/>'
        if provider.status is None
        else f"<p:StatusCode>{provider.status}</p:StatusCode>"
    )
    return (
        f'<f:ExtendedError><p:__ExtendedStatus xmlns:p="{_STATUS_NAMESPACE}" xmlns:cim="{names.CIM}"'
        f' xmlns:xsi="{names.XSI}" xsi:type="p:__ExtendedStatus_Type"><p:Description xsi:nil="true"/>'
        f"<p:Operation>{escape(provider.operation)}</p:Operation>"
        f"<p:ParameterInfo>{escape(provider.parameter)}</p:ParameterInfo>"
        f"<p:ProviderName>WinMgmt</p:ProviderName>{status}</p:__ExtendedStatus></f:ExtendedError>"
    )


def _in_language(text: str, manner: Manner) -> str:
    """A text as this machine says it. Numbers in it stay: they are the same in every language."""
    if not manner.text:
        return escape(text)
    return escape(" ".join([manner.text, *_NUMBER.findall(text)]))


def _provider(provider: Provider, manner: Manner) -> str:
    inside = _in_language(provider.message, manner)
    if provider.code is not None:
        language = f' xml:lang="{manner.tag}"' if manner.old else ""
        computer = "" if manner.old else quote(manner.computer)
        inside = (
            f'<f:WSManFault xmlns:f="{names.FAULT}" Code="{provider.code}" Machine="{computer}"{language}>'
            f"<f:Message>{inside}</f:Message></f:WSManFault>"
        )
    extended = _extended(provider) if provider.operation and not manner.old else ""
    return (
        f'<f:ProviderFault provider="{quote(provider.name)}" path="{quote(provider.path)}">{inside}{extended}'
        "</f:ProviderFault>"
    )


def _wsman_fault(fault: WsmanFault, addressed: str, manner: Manner) -> str:
    said = _provider(fault.provider, manner) if fault.provider else _in_language(fault.message, manner)
    machine = "" if manner.old else quote(addressed)
    return (
        f'<f:WSManFault xmlns:f="{names.FAULT}" Code="{fault.code}" Machine="{machine}">'
        f"<f:Message>{said}</f:Message></f:WSManFault>"
    )


def _wmi_error(fault: WsmanFault, cim_status: int, manner: Manner) -> str:
    """MSFT_WmiError as recorded with a quota fault: typed columns, the number as unsigned decimal."""
    provider = fault.provider
    code = fault.code if provider is None else provider.status or provider.code or fault.code
    text = _in_language(provider.message if provider else fault.message, manner)

    def column(name: str, type_: str, value: str | None) -> str:
        head = f'<p:{name} xsi:type="cim:{type_}"'
        return f'{head} xsi:nil="true"/>' if value is None else f"{head}>{value}</p:{name}>"

    columns = (
        column("CIMStatusCode", "cimUnsignedInt", str(cim_status)),
        column("CIMStatusCodeDescription", "cimString", None),
        column("ErrorSource", "cimString", None),
        column("ErrorSourceFormat", "cimUnsignedShort", "0"),
        column("ErrorType", "cimUnsignedShort", "0"),
        column("Message", "cimString", text),
        column("MessageID", "cimString", f"HRESULT 0x{code:08x}"),
        column("OtherErrorSourceFormat", "cimString", None),
        column("OtherErrorType", "cimString", None),
        column("OwningEntity", "cimString", None),
        column("PerceivedSeverity", "cimUnsignedShort", "0"),
        column("ProbableCause", "cimUnsignedShort", "0"),
        column("ProbableCauseDescription", "cimString", None),
        column("error_Category", "cimUnsignedInt", "0"),
        column("error_Code", "cimUnsignedInt", str(code)),
        column("error_Type", "cimString", "HRESULT"),
        column("error_WindowsErrorMessage", "cimString", text),
    )
    return (
        f'<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:p="{quote(manner.error_namespace)}MSFT_WmiError"'
        f' xmlns:b="{names.BINDING}" xmlns:cim="{names.CIM}" xmlns:xsi="{names.XSI}"'
        f' xsi:type="p:MSFT_WmiError_Type">{"".join(columns)}</p:MSFT_WmiError>'
    )


def render(fault: WsmanFault, message_id: str, relates_to: str | None, addressed: str, manner: Manner) -> bytes:
    """The envelope of a fault. `addressed` is the host name the client used."""
    kind = fault.kind
    code = kind.soap_code or ("s:Sender" if kind.sender else "s:Receiver")
    subcode = f"<s:Subcode><s:Value>{kind.subcode}</s:Value></s:Subcode>" if kind.subcode else ""
    detail = f"<w:FaultDetail>{names.FAULT_DETAIL}{kind.detail}</w:FaultDetail>" if kind.detail else ""
    if manner.error_namespace and fault.cim_status is not None:
        detail += _wmi_error(fault, fault.cim_status, manner)
    else:
        detail += _wsman_fault(fault, addressed, manner)
    relates = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    activity = f"<p:ActivityId>{manner.activity}</p:ActivityId>" if manner.activity else ""
    return (
        f'<s:Envelope xml:lang="{manner.tag}"{_DECLARED}{"" if manner.old else _NEWER}><s:Header><a:Action>'
        f"{kind.action}</a:Action><a:MessageID>{message_id}</a:MessageID>{activity}<a:To>{names.ANONYMOUS}</a:To>"
        f"{relates}</s:Header><s:Body><s:Fault><s:Code><s:Value>{code}</s:Value>{subcode}</s:Code>"
        f'<s:Reason><s:Text xml:lang="{manner.tag}">{_in_language(kind.reason, manner)} </s:Text></s:Reason>'
        f"<s:Detail>{detail}</s:Detail></s:Fault></s:Body></s:Envelope>"
    ).encode()
