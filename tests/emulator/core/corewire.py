# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small WS-Management client for tests of the core: it writes plain envelopes and takes answers apart.

Knows as much of the protocol as the tests need. Refuses to be clever: nothing is retried and nothing is checked that a
test does not ask for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from emulated_windows.core import Authority, EmulatedHost, HostOptions, Reply, VirtualClock, Zone

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
VISTA_KEY = "BBBBB-CCCCC-DDDDD-FFFFF-GGGGG"
SERVER_2008_KEY = "HHHHH-JJJJJ-KKKKK-MMMMM-PPPPP"
WINDOWS_7_KEY = "QQQQQ-RRRRR-TTTTT-VVVVV-WWWWW"
KEYS = {
    KEY: "server_2008_r2_c",
    VISTA_KEY: "windows_vista",
    SERVER_2008_KEY: "server_2008_c",
    WINDOWS_7_KEY: "windows_7",
}

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
CMD = f"{SHELL}/cmd"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
HKLM = 2147483650
TIMED_OUT = 2150858793

_ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
    f' xmlns:n="{ENUMERATION}" xmlns:x="{TRANSFER}" xmlns:rsp="{SHELL}"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header>{headers}</s:Header>{body}</s:Envelope>'
)
MESSAGE_ID = "uuid:55F28C75-F63E-4F68-8360-A8C478003959"


def headers(
    uri: str,
    action: str,
    *,
    timeout: str = "PT20S",
    selectors: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The header elements of a request by name, so that a test can leave one out or change it."""
    found = {
        "To": "<a:To>http://kms03:5985/wsman</a:To>",
        "ReplyTo": f'<a:ReplyTo><a:Address s:mustUnderstand="true">{ANONYMOUS}</a:Address></a:ReplyTo>',
        "ResourceURI": f'<w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>',
        "Action": f'<a:Action s:mustUnderstand="true">{action}</a:Action>',
        "MessageID": f"<a:MessageID>{MESSAGE_ID}</a:MessageID>",
        "MaxEnvelopeSize": '<w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize>',
        "OperationTimeout": f"<w:OperationTimeout>{timeout}</w:OperationTimeout>",
        "Locale": '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>',
    }
    if selectors:
        found["SelectorSet"] = (
            "<w:SelectorSet>"
            + "".join(
                f"<w:Selector Name={quoteattr(name)}>{escape(value)}</w:Selector>" for name, value in selectors.items()
            )
            + "</w:SelectorSet>"
        )
    if options:
        found["OptionSet"] = (
            "<w:OptionSet>"
            + "".join(f"<w:Option Name={quoteattr(name)}>{escape(value)}</w:Option>" for name, value in options.items())
            + "</w:OptionSet>"
        )
    return found


def envelope(parts: Mapping[str, str], body: str) -> bytes:
    """Bytes of a request."""
    return _ENVELOPE.format(headers="".join(parts.values()), body=f"<s:Body>{body}</s:Body>").encode()


def enumerate_body(text: str, *, elements: int = 32000, dialect: str = WQL) -> str:
    """An optimized Enumerate with WQL."""
    return (
        f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>{elements}</w:MaxElements>"
        f'<w:Filter Dialect="{dialect}">{escape(text)}</w:Filter></n:Enumerate>'
    )


def local(tag: str) -> str:
    """A tag without namespace."""
    return tag.rpartition("}")[2]


def parse(body: bytes) -> ElementTree.Element:
    """An answer as an element."""
    return ElementTree.fromstring(body)


def content(reply: Reply) -> ElementTree.Element:
    """The element inside the body of an answer."""
    return parse(reply.body)[1][0]


def codes(reply: Reply) -> list[int]:
    """The numbers of all WSManFault elements of a fault, the outer one first, or that of its MSFT_WmiError."""
    elements = list(parse(reply.body).iter())
    wsman = [int(element.get("Code", "0")) for element in elements if local(element.tag) == "WSManFault"]
    return wsman + [int(element.text or "0") for element in elements if local(element.tag) == "error_Code"]


def cim_status(reply: Reply) -> int | None:
    """CIMStatusCode of the MSFT_WmiError of a fault, None where there is none."""
    elements = parse(reply.body).iter() if reply.body else ()
    return next((int(element.text or "0") for element in elements if local(element.tag) == "CIMStatusCode"), None)


def subcode(reply: Reply) -> str:
    """The subcode of a fault, or its code where it has none."""
    found = [element.text or "" for element in parse(reply.body).iter("{http://www.w3.org/2003/05/soap-envelope}Value")]
    return found[-1]


def values(element: ElementTree.Element) -> dict[str, Any]:
    """Properties by local name: text, None for nil, a list where an element is repeated."""
    found: dict[str, Any] = {}
    for child in element:
        value: Any = child[0].text if len(child) else child.text or ""
        if child.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true":
            value = None
        name = local(child.tag)
        if name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    return found


@dataclass
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str
    mutation: bool
    seconds: float


class Wire:
    """One host and its clock."""

    def __init__(
        self,
        *,
        authority: Authority | None = None,
        clock: VirtualClock | None = None,
        zones: Sequence[Zone] = (),
        **options: Any,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.waits = True
        """Does it let the time go by that an answer takes?"""
        self.authority = authority or Authority(KEYS)
        self.published: list[tuple[str, str, int]] = []
        self.host = EmulatedHost(
            HostOptions(**{"name": "kms03", **options}),
            self.clock,
            self.authority,
            publish=lambda *args, **how: self.published.append(args),
            zones=zones,
        )

    @property
    def shown(self) -> dict[str, Any]:
        """The state, through JSON as a user gets it."""
        found: dict[str, Any] = json.loads(json.dumps(self.host.show()))
        return found

    def raw(self, data: bytes, **how: Any) -> Reply:
        """Send bytes; wait as long as the answer takes."""
        reply = self.host.handle(data, **{"user": "Administrator", "encrypted": True, **how})
        if self.waits:
            self.clock.advance(reply.delay)
        return reply

    def send(self, uri: str, action: str, body: str, **how: Any) -> Reply:
        """Send one request with all its headers."""
        return self.raw(envelope(headers(uri, action, **how), body))

    def pass_time(self, seconds: float) -> None:
        """Let time go by and the host catch up."""
        self.clock.advance(seconds)
        self.host.reachable()

    # -- WMI -----------------------------------------------------------------------------------------------------

    def enumerate(self, text: str, namespace: str = "root/cimv2", **how: Any) -> Reply:
        """Enumerate with WQL, one message."""
        return self.send(f"{WMI}{namespace}/*", f"{ENUMERATION}/Enumerate", enumerate_body(text), **how)

    def rows(self, text: str, namespace: str = "root/cimv2") -> list[dict[str, Any]]:
        """All rows of a query, pulling as long as there are more."""
        reply = self.enumerate(text, namespace)
        assert reply.status == 200, codes(reply)
        found, context = self._items(reply)
        while context:
            reply = self.send(
                f"{WMI}{namespace}/*",
                f"{ENUMERATION}/Pull",
                f"<n:Pull><n:EnumerationContext>{context}</n:EnumerationContext>"
                "<n:MaxElements>32000</n:MaxElements></n:Pull>",
            )
            assert reply.status == 200, codes(reply)
            more, context = self._items(reply)
            found += more
        return found

    @staticmethod
    def _items(reply: Reply) -> tuple[list[dict[str, Any]], str]:
        found: list[dict[str, Any]] = []
        context = ""
        for child in content(reply):
            if local(child.tag) == "Items":
                found = [values(row) for row in child]
            elif local(child.tag) == "EnumerationContext":
                context = child.text or ""
        return found, context

    def invoke(
        self,
        class_name: str,
        method: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        namespace: str = "root/cimv2",
        **how: Any,
    ) -> Reply:
        """Invoke a method."""
        uri = f"{WMI}{namespace}/{class_name}"
        inside = ""
        for name, value in (arguments or {}).items():
            for item in value if isinstance(value, (list, tuple)) else [value]:
                inside += f"<p:{name}>{escape(str(item))}</p:{name}>"
        return self.send(
            uri, f"{uri}/{method}", f'<p:{method}_INPUT xmlns:p="{uri}">{inside}</p:{method}_INPUT>', **how
        )

    def output(
        self, class_name: str, method: str, arguments: Mapping[str, Any] | None = None, **how: Any
    ) -> dict[str, Any]:
        """The output parameters of a method."""
        reply = self.invoke(class_name, method, arguments, **how)
        assert reply.status == 200, codes(reply)
        return values(content(reply))

    def registry(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """A method of StdRegProv below HKLM."""
        return self.output(
            "StdRegProv", method, {"hDefKey": HKLM, "sSubKeyName": path, **arguments}, namespace="root/default"
        )

    def licensing(self, method: str, **arguments: Any) -> Reply:
        """A method of SoftwareLicensingService."""
        version = self.rows("SELECT * FROM SoftwareLicensingService")[0]["Version"]
        return self.invoke("SoftwareLicensingService", method, arguments, selectors={"Version": version})

    def product(self) -> dict[str, Any]:
        """The product row with a key."""
        return self.rows("SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL")[0]

    def on_product(self, method: str, **arguments: Any) -> Reply:
        """A method of the product row with a key."""
        return self.invoke("SoftwareLicensingProduct", method, arguments, selectors={"ID": self.product()["ID"]})

    # -- shells --------------------------------------------------------------------------------------------------

    def open_shell(self, code_page: str | None = "65001") -> str:
        """A shell. `code_page`: of its console; None where the client does not say."""
        reply = self.send(
            CMD,
            f"{TRANSFER}/Create",
            "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
            options={} if code_page is None else {"WINRS_CODEPAGE": code_page},
        )
        assert reply.status == 200, codes(reply)
        return next(element.text or "" for element in parse(reply.body).iter() if local(element.tag) == "Selector")

    def command(self, shell: str, line: str, *, direct: bool = False) -> Reply:
        """Start a command."""
        return self.send(
            CMD,
            f"{SHELL}/Command",
            f"<rsp:CommandLine><rsp:Command>{escape(line)}</rsp:Command></rsp:CommandLine>",
            selectors={"ShellId": shell},
            options={"WINRS_SKIP_CMD_SHELL": "TRUE" if direct else "FALSE"},
        )

    def command_id(self, shell: str, line: str, *, direct: bool = False) -> str:
        """Start a command that is accepted."""
        reply = self.command(shell, line, direct=direct)
        assert reply.status == 200, codes(reply)
        return content(reply)[0].text or ""

    def type_in(self, shell: str, command: str, data: bytes, *, end: bool = True) -> Reply:
        """Standard input."""
        mark = ' End="true"' if end else ""
        return self.send(
            CMD,
            f"{SHELL}/Send",
            f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}"{mark}>'
            f"{base64.b64encode(data).decode()}</rsp:Stream></rsp:Send>",
            selectors={"ShellId": shell},
        )

    def receive(self, shell: str, command: str, **how: Any) -> Reply:
        """One Receive."""
        return self.send(
            CMD,
            f"{SHELL}/Receive",
            f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">stdout stderr</rsp:DesiredStream></rsp:Receive>',
            selectors={"ShellId": shell},
            **how,
        )

    def signal(self, shell: str, command: str, code: str = "terminate") -> Reply:
        """A signal."""
        return self.send(
            CMD,
            f"{SHELL}/Signal",
            f'<rsp:Signal CommandId="{command}"><rsp:Code>{SHELL}/signal/{code}</rsp:Code></rsp:Signal>',
            selectors={"ShellId": shell},
        )

    def close_shell(self, shell: str) -> Reply:
        """Delete a shell."""
        return self.send(CMD, f"{TRANSFER}/Delete", "", selectors={"ShellId": shell})

    def run(self, line: str, stdin: Sequence[bytes] | None = None, *, patience: int = 12, direct: bool = False) -> Ran:
        """Run a command in a shell of its own until it ends. AssertionError if it does not within `patience` tries."""
        shell = self.open_shell()
        started = self.clock.now()
        reply = self.command(shell, line, direct=direct)
        assert reply.status == 200, codes(reply)
        command = content(reply)[0].text or ""
        for number, piece in enumerate(stdin or ()):
            sent = self.type_in(shell, command, piece, end=number == len(stdin or ()) - 1)
            assert sent.status == 200, codes(sent)
        streams = {"stdout": b"", "stderr": b""}
        for _ in range(patience):
            said = self.receive(shell, command)
            if said.status != 200:
                assert codes(said)[0] == TIMED_OUT, codes(said)
                continue
            code = collect(said, streams)
            if code is not None:
                self.close_shell(shell)
                return Ran(
                    code,
                    streams["stdout"].decode(),
                    streams["stderr"].decode(),
                    reply.event.mutation,
                    self.clock.now() - started,
                )
        raise AssertionError(f"{line} does not end")


def collect(reply: Reply, streams: dict[str, bytes]) -> int | None:
    """Add what a ReceiveResponse says to the streams; the exit code if it is the last one."""
    code = None
    for element in content(reply):
        if local(element.tag) == "Stream":
            streams[element.get("Name", "")] += base64.b64decode(element.text or "")
        elif element.get("State", "").endswith("/Done"):
            code = int(element[0].text or "")
    return code


def package(**changes: Any) -> bytes:
    """The bytes of a stand-in package: KMS 1.2, unless said otherwise."""
    described = {
        "update": "kms_1_2",
        "kb": "KB968915",
        "architecture": "x86",
        "language": "ENU",
        "engine": "update.exe",
        "min_service_pack": 1,
        **changes,
    }
    return b"MZ" + bytes(70_000) + b"EMULATED-PACKAGE:" + json.dumps(described).encode() + b"\n" + bytes(5_000)


KMS_1_0 = {"update": "kms_1_0", "kb": None, "engine": "unknown"}
KMS_1_1 = {"update": "kms_1_1", "kb": "KB948003"}
