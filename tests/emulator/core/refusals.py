# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong requests and how Windows refuses them: one row each, with the numbers and where they come from.

`documented`: the number and the subcode are wsmerror.h's or DSP0226's. `recorded`: seen in a recorded exchange.
`assumed`: the number exists, but nobody has confirmed that this mistake leads to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from corewire import (
    CMD,
    ENUMERATION,
    HKLM,
    SHELL,
    TRANSFER,
    WMI,
    Wire,
    enumerate_body,
    envelope,
    headers,
)

OS = f"{WMI}root/cimv2/Win32_OperatingSystem"
SERVICE = f"{WMI}root/cimv2/Win32_Service"
REGISTRY = f"{WMI}root/default/StdRegProv"
STAR = f"{WMI}root/cimv2/*"
ENUMERATE = f"{ENUMERATION}/Enumerate"
GET = f"{TRANSFER}/Get"
QUERY = enumerate_body("SELECT Version FROM Win32_OperatingSystem")

DUMMY_SHELL = "8C5FBD64-5CFB-4FD2-A7D2-8A954C718A8D"


@dataclass(frozen=True)
class Refusal:
    """A wrong request and its answer."""

    name: str
    make: Callable[[Wire], bytes]
    status: int
    code: int | None
    subcode: str
    source: str
    how: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `handle` other than the usual ones."""
    dials: Mapping[str, str] = field(default_factory=dict)
    persona: str = "server-2003-sp2-x86"
    cim_status: int | None = None
    """CIMStatusCode of MSFT_WmiError, None where there is none."""
    dns_server: bool = False
    """Is the host the DNS server of corp.example, with one SRV record in it?"""


def changed(
    uri: str, action: str, body: str, *, leave_out: str = "", add: str = "", replace: str = "", by: str = "", **how: Any
) -> Callable[[Wire], bytes]:
    """A request whose headers are not what they should be."""

    def make(_wire: Wire) -> bytes:
        parts = headers(uri, action, **how)
        if leave_out:
            del parts[leave_out]
        if replace:
            parts[replace] = by
        parts["extra"] = add
        return envelope(parts, body)

    return make


def query(text: str, uri: str = STAR, **how: Any) -> Callable[[Wire], bytes]:
    """An Enumerate with WQL."""
    return changed(uri, ENUMERATE, enumerate_body(text, **how))


def invocation(
    uri: str, method: str, inside: str, *, tag: str = "", namespace: str = "", **how: Any
) -> Callable[[Wire], bytes]:
    """An Invoke."""
    tag = tag or f"{method}_INPUT"
    body = f'<q:{tag} xmlns:q="{namespace or uri}">{inside}</q:{tag}>'
    return changed(uri, f"{uri}/{method}", body, **how)


def in_shell(
    action: str,
    body: str,
    *,
    shell: bool = True,
    command: str = "",
    more: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Callable[[Wire], bytes]:
    """A request to a shell that exists; `{command}` in the body is a command that runs in it."""

    def make(wire: Wire) -> bytes:
        selectors = {"ShellId": wire.open_shell() if shell else DUMMY_SHELL, **(more or {})}
        started = wire.command_id(selectors["ShellId"], command) if command else ""
        parts = headers(CMD, action, selectors=selectors, options=options)
        return envelope(parts, body.replace("{command}", started))

    return make


def after_the_end(wire: Wire) -> bytes:
    """A Receive for a command whose end has been told already."""
    shell = wire.open_shell()
    command = wire.command_id(shell, "hostname")
    wire.receive(shell, command)
    return envelope(headers(CMD, f"{SHELL}/Receive", selectors={"ShellId": shell}), receive_body(command))


def sixth_shell(wire: Wire) -> bytes:
    """One shell more than a user may have."""
    for _ in range(5):
        wire.open_shell()
    return envelope(headers(CMD, f"{TRANSFER}/Create"), "<rsp:Shell/>")


def receive_body(command: str = "{command}", streams: str = "stdout stderr") -> str:
    """The body of a Receive."""
    return f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">{streams}</rsp:DesiredStream></rsp:Receive>'


def send_body(text: str = "eA==", name: str = "stdin", command: str = "{command}") -> str:
    """The body of a Send."""
    return f'<rsp:Send><rsp:Stream Name="{name}" CommandId="{command}">{text}</rsp:Stream></rsp:Send>'


def registry_input(key: str = "hDefKey", sub_key: str = "sSubKeyName", value: str = str(HKLM)) -> str:
    """The inside of an EnumKey_INPUT."""
    return f"<q:{key}>{value}</q:{key}><q:{sub_key}>SOFTWARE</q:{sub_key}>"


def words(line: str) -> str:
    """The body of a Command."""
    return f"<rsp:CommandLine><rsp:Command>{line}</rsp:Command></rsp:CommandLine>"


DOCUMENTED = "wsmerror.h names number and subcode"
DSP = "DSP0226"
ASSUMED = "assumed: the number is wsmerror.h's"

_BYTES = (
    Refusal("malformed XML", lambda _: b"<s:Envelope", 400, None, "", "assumed: HTTP 400 as for anything unreadable"),
    Refusal("no XML at all", lambda _: b"hello", 400, None, "", "assumed: HTTP 400 as for anything unreadable"),
    Refusal(
        "a document type declaration",
        lambda _: b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>",
        400,
        None,
        "",
        "SOAP 1.2, 5: no document type declaration",
    ),
    Refusal("not an envelope", lambda _: b"<letter/>", 400, None, "", "assumed: HTTP 400 as for anything unreadable"),
    Refusal(
        "SOAP 1.1",
        lambda _: b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        500,
        2150858765,
        "s:VersionMismatch",
        DOCUMENTED,
    ),
    Refusal(
        "unencrypted",
        changed(STAR, ENUMERATE, QUERY),
        500,
        None,
        "",
        "HTTP 500 without a body: seen from 2003 on",
        how={"encrypted": False},
    ),
    Refusal(
        "larger than MaxEnvelopeSizekb",
        changed(STAR, ENUMERATE, QUERY + "<!--" + "x" * 153_600 + "-->"),
        413,
        None,
        "",
        "HTTP 413: wsmerror.h, ...REQUEST_TOO_LARGE_STATUS",
    ),
    Refusal(
        "nobody logged in",
        changed(STAR, ENUMERATE, QUERY),
        401,
        None,
        "",
        "only Identify may be anonymous",
        how={"anonymous": True},
    ),
)

_HEADERS = (
    Refusal(
        "no Action",
        changed(STAR, ENUMERATE, QUERY, leave_out="Action"),
        500,
        2150858769,
        "a:MessageInformationHeaderRequired",
        DOCUMENTED,
    ),
    Refusal(
        "no To",
        changed(STAR, ENUMERATE, QUERY, leave_out="To"),
        500,
        2150858769,
        "a:MessageInformationHeaderRequired",
        DOCUMENTED,
    ),
    Refusal(
        "no MessageID",
        changed(STAR, ENUMERATE, QUERY, leave_out="MessageID"),
        500,
        2150858769,
        "a:MessageInformationHeaderRequired",
        DOCUMENTED,
    ),
    Refusal(
        "no ReplyTo",
        changed(STAR, ENUMERATE, QUERY, leave_out="ReplyTo"),
        500,
        2150858769,
        "a:MessageInformationHeaderRequired",
        DOCUMENTED,
    ),
    Refusal(
        "no ResourceURI",
        changed(STAR, ENUMERATE, QUERY, leave_out="ResourceURI"),
        500,
        2150858811,
        "a:DestinationUnreachable",
        DSP,
    ),
    Refusal(
        "a MessageID that is no uuid",
        changed(STAR, ENUMERATE, QUERY, replace="MessageID", by="<a:MessageID>first</a:MessageID>"),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        DOCUMENTED,
    ),
    Refusal(
        "two Actions",
        changed(STAR, ENUMERATE, QUERY, add=f"<a:Action>{ENUMERATE}</a:Action>"),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        DOCUMENTED,
    ),
    Refusal(
        "an answer to be sent elsewhere",
        changed(
            STAR,
            ENUMERATE,
            QUERY,
            replace="ReplyTo",
            by="<a:ReplyTo><a:Address>http://elsewhere.example</a:Address></a:ReplyTo>",
        ),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        DSP,
    ),
    Refusal(
        "a negative OperationTimeout",
        changed(STAR, ENUMERATE, QUERY, timeout="PT-1S"),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        "recorded on 2008 R2",
    ),
    Refusal(
        "an OperationTimeout that is no duration",
        changed(STAR, ENUMERATE, QUERY, timeout="60"),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        DOCUMENTED,
    ),
    Refusal(
        "a header that must be understood and is not",
        changed(
            STAR, ENUMERATE, QUERY, add='<q:Trace xmlns:q="http://example.com/q" s:mustUnderstand="true">1</q:Trace>'
        ),
        500,
        2150858768,
        "s:MustUnderstand",
        DOCUMENTED,
    ),
    Refusal(
        "a MaxEnvelopeSize that is no number",
        changed(STAR, ENUMERATE, QUERY, replace="MaxEnvelopeSize", by="<w:MaxEnvelopeSize>big</w:MaxEnvelopeSize>"),
        500,
        2150858767,
        "a:InvalidMessageInformationHeader",
        DOCUMENTED,
    ),
    Refusal(
        "a MaxEnvelopeSize below 8192",
        changed(STAR, ENUMERATE, QUERY, replace="MaxEnvelopeSize", by="<w:MaxEnvelopeSize>4096</w:MaxEnvelopeSize>"),
        500,
        2150858805,
        "w:EncodingLimit",
        DSP,
    ),
    Refusal(
        "an unknown Action",
        changed(STAR, "http://example.com/Do", QUERY),
        500,
        2150858771,
        "a:ActionNotSupported",
        DOCUMENTED,
    ),
    Refusal(
        "an option that must be complied with",
        changed(
            STAR,
            ENUMERATE,
            QUERY,
            add='<w:OptionSet><w:Option Name="Speed" MustComply="true">9</w:Option></w:OptionSet>',
        ),
        500,
        2150858833,
        "w:InvalidOptions",
        DOCUMENTED,
    ),
    Refusal(
        "a selector without a name",
        changed(OS, GET, "", add="<w:SelectorSet><w:Selector>x</w:Selector></w:SelectorSet>"),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "two elements in the body",
        changed(STAR, ENUMERATE, QUERY + QUERY),
        500,
        2150858791,
        "w:SchemaValidationError",
        ASSUMED,
    ),
    Refusal(
        "another user",
        changed(STAR, ENUMERATE, QUERY),
        500,
        2150859012,
        "w:AccessDenied",
        "wsmerror.h: ERROR_WSMAN_WMI_SVC_ACCESS_DENIED",
        how={"user": "guest"},
    ),
    Refusal(
        "another user's shell",
        changed(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>"),
        500,
        5,
        "w:AccessDenied",
        "public reports: code 5",
        how={"user": "CORP\\guest"},
    ),
)

_RESOURCES = (
    Refusal(
        "a resource that is no WMI class",
        changed("http://example.com/thing", GET, ""),
        500,
        2150858811,
        "a:DestinationUnreachable",
        DSP,
    ),
    Refusal(
        "a resource URI without a class",
        changed(f"{WMI}root", GET, ""),
        500,
        2150858811,
        "a:DestinationUnreachable",
        DSP,
    ),
    Refusal(
        "an unknown namespace",
        query("SELECT * FROM X", f"{WMI}root/nowhere/*"),
        500,
        2150858752,
        "a:DestinationUnreachable",
        ASSUMED,
    ),
    Refusal(
        "an unknown class by URI",
        changed(f"{WMI}root/cimv2/Win32_Nothing", GET, ""),
        500,
        2150858752,
        "a:DestinationUnreachable",
        ASSUMED,
    ),
    Refusal(
        "StdRegProv in root/cimv2",
        invocation(f"{WMI}root/cimv2/StdRegProv", "EnumKey", registry_input()),
        500,
        2150858752,
        "a:DestinationUnreachable",
        "class page: there from Vista on",
    ),
    Refusal(
        "a licensing class on a bare machine",
        query("SELECT * FROM SoftwareLicensingService"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        "recorded on 2008 R2 for another class",
    ),
    Refusal(
        "no selectors where a key is needed",
        changed(SERVICE, GET, ""),
        500,
        2150859002,
        "w:InvalidSelectors",
        "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_SINGLETON",
    ),
    Refusal(
        "a wrong selector",
        changed(SERVICE, GET, "", selectors={"State": "Running"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "one selector too many",
        changed(SERVICE, GET, "", selectors={"Name": "WinRM", "State": "Running"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "one selector too few",
        changed(f"{WMI}root/cimv2/Win32_QuickFixEngineering", GET, "", selectors={"HotFixID": "KB968930"}),
        500,
        2150858842,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "the same selector twice",
        changed(SERVICE, GET, "", selectors={"Name": "WinRM", "name": "WinRM"}),
        500,
        2150858847,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "a selector that finds nothing",
        changed(SERVICE, GET, "", selectors={"Name": "none"}),
        500,
        2150858752,
        "a:DestinationUnreachable",
        "recorded on 2012 R2",
    ),
    Refusal("a body in Get", changed(OS, GET, "<q/>"), 500, 2150858817, "w:SchemaValidationError", ASSUMED),
    Refusal(
        "Create of an instance",
        changed(SERVICE, f"{TRANSFER}/Create", f'<q:Win32_Service xmlns:q="{SERVICE}"/>'),
        500,
        2150858771,
        "a:ActionNotSupported",
        "MS-WSMV, appendix B: not up to 2008 R2; number assumed",
    ),
    Refusal(
        "Create of an instance, by dial",
        changed(SERVICE, f"{TRANSFER}/Create", f'<q:Win32_Service xmlns:q="{SERVICE}"/>'),
        500,
        2150859010,
        "a:ActionNotSupported",
        ASSUMED,
        dials={"cim_create_refusal": "provider_not_capable"},
    ),
    Refusal(
        "Delete of an instance",
        changed(SERVICE, f"{TRANSFER}/Delete", "", selectors={"Name": "Spooler"}),
        500,
        2150858771,
        "a:ActionNotSupported",
        "MS-WSMV, appendix B: not up to 2008 R2; number assumed",
    ),
    Refusal(
        "Put of an instance",
        changed(SERVICE, f"{TRANSFER}/Put", f'<q:Win32_Service xmlns:q="{SERVICE}"/>', selectors={"Name": "Spooler"}),
        500,
        2150859010,
        "a:ActionNotSupported",
        ASSUMED,
    ),
)

_QUERIES = (
    Refusal(
        "WQL on a class URI",
        query("SELECT Version FROM Win32_OperatingSystem", OS),
        500,
        2150859003,
        "a:DestinationUnreachable",
        "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL",
    ),
    Refusal(
        "an unknown class",
        query("SELECT * FROM Win32_Nothing"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        "recorded on 2008 R2",
    ),
    Refusal(
        "a class nobody has modelled",
        query("SELECT * FROM Win32_WindowsProductActivation"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        "a class that is not modelled does not exist",
    ),
    Refusal(
        "an unknown column",
        query("SELECT Version,OSArchitecture FROM Win32_OperatingSystem"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    Refusal(
        "an unknown column in WHERE",
        query("SELECT Name FROM Win32_Service WHERE Colour='red'"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    Refusal("no SELECT", query("DELETE FROM Win32_Service"), 500, 2150858778, "n:CannotProcessFilter", ASSUMED),
    Refusal(
        "half a WHERE",
        query("SELECT Name FROM Win32_Service WHERE Name="),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    Refusal(
        "a string that does not end",
        query("SELECT Name FROM Win32_Service WHERE Name='x"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    Refusal(
        "associators",
        query("ASSOCIATORS OF {Win32_Service.Name='WinRM'}"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        "Learn: only SELECT data queries",
    ),
    Refusal(
        "an unknown dialect",
        query("SELECT * FROM Win32_Service", dialect="http://example.com/SQL"),
        500,
        2150858777,
        "n:FilterDialectRequestedUnavailable",
        DOCUMENTED,
    ),
    Refusal(
        "a star without a filter",
        changed(STAR, ENUMERATE, "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    Refusal(
        "Enumerate without Enumerate",
        changed(STAR, ENUMERATE, ""),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "Enumerate with selectors",
        changed(STAR, ENUMERATE, QUERY, selectors={"Name": "x"}),
        500,
        2150859016,
        "w:InvalidSelectors",
        "wsmerror.h: ERROR_WSMAN_ENUMERATE_WMI_INVALID_KEY",
    ),
    Refusal(
        "something unknown in Enumerate",
        changed(STAR, ENUMERATE, QUERY.replace("</n:Enumerate>", "<w:Faster/></n:Enumerate>")),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "MaxElements of nothing",
        changed(STAR, ENUMERATE, enumerate_body("SELECT * FROM Win32_Service", elements=0)),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "an enumeration context nobody gave",
        changed(STAR, f"{ENUMERATION}/Pull", "<n:Pull><n:EnumerationContext>uuid:0</n:EnumerationContext></n:Pull>"),
        500,
        2150858779,
        "n:InvalidEnumerationContext",
        DOCUMENTED,
    ),
    Refusal(
        "Release of nothing",
        changed(
            STAR, f"{ENUMERATION}/Release", "<n:Release><n:EnumerationContext>uuid:0</n:EnumerationContext></n:Release>"
        ),
        500,
        2150858779,
        "n:InvalidEnumerationContext",
        DOCUMENTED,
    ),
    Refusal(
        "a column the licensing class may not have, by dial",
        query("SELECT ProductKeyChannel FROM SoftwareLicensingProduct"),
        500,
        2150858778,
        "n:CannotProcessFilter",
        ASSUMED,
        dials={"assumed_columns": "refused", "start": "kms_1_2"},
    ),
)

_INPUT = "wsmerror.h: ERROR_WSMAN_INVALID_REPRESENTATION; Learn: names must match exactly"
_METHODS = (
    Refusal("an unknown method", invocation(REGISTRY, "ReadKey", ""), 500, 2150858771, "a:ActionNotSupported", ASSUMED),
    Refusal(
        "a method in the wrong case",
        invocation(REGISTRY, "enumkey", registry_input()),
        500,
        2150858771,
        "a:ActionNotSupported",
        "Learn: case of method names counts; number assumed",
    ),
    Refusal(
        "a method of another class",
        changed(OS, f"{SERVICE}/StartService", "<StartService_INPUT/>"),
        500,
        2150858771,
        "a:ActionNotSupported",
        ASSUMED,
    ),
    Refusal(
        "a method of Vista",
        invocation(OS, "Win32ShutdownTracker", ""),
        500,
        2150858771,
        "a:ActionNotSupported",
        "class page: not on Server 2003; number assumed",
    ),
    Refusal(
        "no _INPUT",
        changed(REGISTRY, f"{REGISTRY}/EnumKey", ""),
        500,
        2150858773,
        "x:InvalidRepresentation",
        "Learn: Session.Invoke needs it; number by analogy",
    ),
    Refusal(
        "the _INPUT of another method",
        invocation(REGISTRY, "EnumKey", registry_input(), tag="EnumValues_INPUT"),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "_INPUT in the wrong namespace",
        invocation(REGISTRY, "EnumKey", registry_input(), namespace=OS),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "an unknown parameter",
        invocation(REGISTRY, "EnumKey", registry_input(sub_key="sKey")),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "a parameter in the wrong case",
        invocation(REGISTRY, "EnumKey", registry_input(key="hdefkey")),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "a parameter without namespace",
        invocation(REGISTRY, "EnumKey", f"<hDefKey>{HKLM}</hDefKey>"),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "a parameter twice",
        invocation(REGISTRY, "EnumKey", registry_input() + f"<q:hDefKey>{HKLM}</q:hDefKey>"),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "text where a number belongs",
        invocation(REGISTRY, "EnumKey", registry_input(value="HKLM")),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "a number beyond 32 bits",
        invocation(REGISTRY, "EnumKey", registry_input(value="4294967296")),
        500,
        2150858773,
        "x:InvalidRepresentation",
        _INPUT,
    ),
    Refusal(
        "selectors for a static method",
        invocation(REGISTRY, "EnumKey", registry_input(), selectors={"Name": "x"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "no selectors for a method of an instance",
        invocation(SERVICE, "StartService", ""),
        500,
        2150859002,
        "w:InvalidSelectors",
        "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_SINGLETON",
    ),
    Refusal(
        "a method of an instance that is not there",
        invocation(SERVICE, "StartService", "", selectors={"Name": "none"}),
        500,
        2150858752,
        "a:DestinationUnreachable",
        "recorded on 2012 R2",
    ),
)

_SHELLS = (
    Refusal(
        "an unknown ShellId",
        in_shell(f"{SHELL}/Command", words("ver"), shell=False),
        500,
        2150858843,
        "w:InvalidSelectors",
        "recorded on 2008 R2",
    ),
    Refusal(
        "no ShellId", changed(CMD, f"{SHELL}/Command", words("ver")), 500, 2150858842, "w:InvalidSelectors", DOCUMENTED
    ),
    Refusal(
        "another selector than ShellId",
        changed(CMD, f"{SHELL}/Command", words("ver"), selectors={"Id": "1"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "a selector beside ShellId",
        in_shell(f"{SHELL}/Command", words("ver"), more={"Name": "x"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        DOCUMENTED,
    ),
    Refusal(
        "Create with a selector",
        changed(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>", selectors={"ShellId": "x"}),
        500,
        2150858843,
        "w:InvalidSelectors",
        ASSUMED,
    ),
    Refusal(
        "Create without Shell",
        changed(CMD, f"{TRANSFER}/Create", ""),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "a stream that does not exist",
        changed(CMD, f"{TRANSFER}/Create", "<rsp:Shell><rsp:OutputStreams>stdlog</rsp:OutputStreams></rsp:Shell>"),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal(
        "a code page that does not exist",
        changed(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>", options={"WINRS_CODEPAGE": "65432"}),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal("a sixth shell", sixth_shell, 500, 2150859173, "w:QuotaLimit", "recorded on a later Windows"),
    Refusal(
        "a CommandLine without Command",
        in_shell(f"{SHELL}/Command", "<rsp:CommandLine/>"),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "an option that is neither TRUE nor FALSE",
        in_shell(f"{SHELL}/Command", words("ver"), options={"WINRS_SKIP_CMD_SHELL": "maybe"}),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal(
        "a program that does not exist, without cmd.exe",
        in_shell(f"{SHELL}/Command", words("nothing.exe"), options={"WINRS_SKIP_CMD_SHELL": "TRUE"}),
        500,
        2147942402,
        "w:InternalError",
        "recorded on 2008 R2",
    ),
    Refusal(
        "a built-in command without cmd.exe",
        in_shell(f"{SHELL}/Command", words("type x"), options={"WINRS_SKIP_CMD_SHELL": "TRUE"}),
        500,
        2147942402,
        "w:InternalError",
        "recorded on 2008 R2",
    ),
    Refusal(
        "Receive for an unknown command",
        in_shell(f"{SHELL}/Receive", receive_body("none")),
        500,
        2150858843,
        "w:InvalidSelectors",
        "recorded on 2012 R2",
    ),
    Refusal(
        "Receive without DesiredStream",
        in_shell(f"{SHELL}/Receive", "<rsp:Receive/>"),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "Receive of a stream that does not exist",
        in_shell(f"{SHELL}/Receive", receive_body(streams="stdlog"), command="ver"),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal("Receive after the end", after_the_end, 500, 87, "w:InvalidParameter", "recorded on 2008 R2"),
    Refusal(
        "Send to an unknown command",
        in_shell(f"{SHELL}/Send", send_body(command="none")),
        500,
        2150858843,
        "w:InvalidSelectors",
        "recorded on 2012 R2 for Receive",
    ),
    Refusal(
        "Send to a command that has ended",
        in_shell(f"{SHELL}/Send", send_body(), command="ver"),
        500,
        2147942509,
        "w:InternalError",
        "assumed: ERROR_BROKEN_PIPE",
    ),
    Refusal(
        "Send of what is not base64",
        in_shell(f"{SHELL}/Send", send_body("***"), command="pause"),
        500,
        2150858817,
        "w:SchemaValidationError",
        DOCUMENTED,
    ),
    Refusal(
        "Send to another stream than stdin",
        in_shell(f"{SHELL}/Send", send_body(name="stdout"), command="pause"),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal(
        "an unknown signal",
        in_shell(
            f"{SHELL}/Signal",
            f'<rsp:Signal CommandId="{{command}}"><rsp:Code>{SHELL}/signal/hangup</rsp:Code></rsp:Signal>',
            command="pause",
        ),
        500,
        87,
        "w:InvalidParameter",
        ASSUMED,
    ),
    Refusal(
        "a signal for an unknown command",
        in_shell(f"{SHELL}/Signal", '<rsp:Signal CommandId="none"/>'),
        500,
        2150858843,
        "w:InvalidSelectors",
        "recorded on 2012 R2 for Receive",
    ),
    Refusal(
        "Delete of an unknown shell",
        in_shell(f"{TRANSFER}/Delete", "", shell=False),
        500,
        2150858843,
        "w:InvalidSelectors",
        "recorded on 2008 R2",
    ),
    Refusal(
        "an unknown Action on the shell",
        changed(CMD, f"{SHELL}/Connect", ""),
        500,
        2150858771,
        "a:ActionNotSupported",
        DOCUMENTED,
    ),
    Refusal(
        "a shell of another kind",
        changed(f"{SHELL}/PowerShell", f"{TRANSFER}/Create", "<rsp:Shell/>"),
        500,
        2150858811,
        "a:DestinationUnreachable",
        DSP,
    ),
)

REFUSALS: tuple[Refusal, ...] = _BYTES + _HEADERS + _RESOURCES + _QUERIES + _METHODS + _SHELLS
