# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world whose managed host answers from a script, and the words such answers are made of.

Knows SOAP well enough to write answers by hand. Shares no code with what it tests.
"""

from __future__ import annotations

import io
import os
import re
import typing as t
import xml.etree.ElementTree as ET
from pathlib import Path

from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import GssContext, NoAnswer, Stream

ROOT = Path(__file__).resolve().parents[3]
RECORDED = Path(os.environ.get("KMS_RECORDED") or ROOT.parent / "shared" / "recorded")

HOST = "kms01"
S = "{http://www.w3.org/2003/05/soap-envelope}"
A = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
W = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
RELATES = "uuid:THE-REQUEST"
"""Stands in an answer where the script puts the request's own id."""

_PREFIXES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "cim": "http://schemas.dmtf.org/wbem/wscim/1/common",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _PREFIXES.items())
_RELATES_TO = re.compile(rb"(<a:RelatesTo>)[^<]*(</a:RelatesTo>)")


def envelope(body: str, *, relates: str | None = RELATES) -> bytes:
    """An answer around a body; without RelatesTo when `relates` is None."""
    header = f"<a:RelatesTo>{relates}</a:RelatesTo>" if relates else ""
    return (
        f'<s:Envelope xml:lang="en-US" {_DECLARED}><s:Header><a:Action>any</a:Action>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def rows(class_name: str, *bodies: str) -> str:
    """Instances as SELECT * brings them."""
    uri = f"http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/{class_name}"
    return "".join(f'<c:{class_name} xmlns:c="{uri}">{body}</c:{class_name}>' for body in bodies)


def fragments(*bodies: str) -> str:
    """Instances as a column list brings them."""
    return "".join(f"<w:XmlFragment>{body}</w:XmlFragment>" for body in bodies)


def enumerated(items: str, context: str = "", *, ended: bool = True) -> bytes:
    """An EnumerateResponse."""
    end = "<w:EndOfSequence/>" if ended else ""
    body = f"<n:EnumerationContext>{context}</n:EnumerationContext><w:Items>{items}</w:Items>{end}"
    return envelope(f"<n:EnumerateResponse>{body}</n:EnumerateResponse>")


def pulled(items: str, context: str | None = None, *, ended: bool = True) -> bytes:
    """A PullResponse; its Items and its end stand in another namespace than those of an EnumerateResponse."""
    where = "" if context is None else f"<n:EnumerationContext>{context}</n:EnumerationContext>"
    end = "<n:EndOfSequence/>" if ended else ""
    return envelope(f"<n:PullResponse>{where}<n:Items>{items}</n:Items>{end}</n:PullResponse>")


def output(method: str, body: str) -> bytes:
    """The answer of a method."""
    return envelope(f'<c:{method}_OUTPUT xmlns:c="urn:any">{body}</c:{method}_OUTPUT>')


def fault(
    detail: str, *, subcode: str = "w:InternalError", reason: str = "Ein Fehler.", who: str = "s:Receiver"
) -> bytes:
    """A SOAP fault with this detail."""
    return envelope(
        f"<s:Fault><s:Code><s:Value>{who}</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="de-DE">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
    )


def wsman_fault(code: int, message: str = "Etwas ging schief.") -> str:
    """The detail most faults have."""
    return (
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
        f'Code="{code}" Machine="kms01"><f:Message>{message}</f:Message></f:WSManFault>'
    )


TIMED_OUT = (500, fault(wsman_fault(2150858793), subcode="w:TimedOut"))

Answer = tuple[int, bytes] | bytes | NoAnswer | t.Callable[["Sent"], "tuple[int, bytes] | bytes | NoAnswer"]


class Sent:
    """One message as it went out, parsed."""

    def __init__(self, data: bytes, timeout: float) -> None:
        self.data = data
        self.timeout = timeout
        self.root = ET.fromstring(data)

    def header(self, name: str) -> str:
        """The text of a header by local name, "" when it is not there."""
        return next((item.text or "" for item in self.root.iter() if item.tag.endswith("}" + name)), "")

    @property
    def action(self) -> str:
        """The last word of the action: Enumerate, Pull, GetStringValue, ..."""
        return self.header("Action").rpartition("/")[2]

    def named(self, kind: str) -> dict[str, str]:
        """Selectors or options by name."""
        return {item.attrib["Name"]: item.text or "" for item in self.root.iter(W + kind)}

    @property
    def body(self) -> ET.Element:
        """The one element in the body."""
        (only,) = t.cast(ET.Element, self.root.find(S + "Body"))
        return only

    def parameters(self) -> dict[str, str]:
        """The parameters of a method."""
        return {item.tag.rpartition("}")[2]: item.text or "" for item in self.body}


class FakeWorld:
    """The doors, of which only `send` and the clock lead anywhere."""

    def __init__(self, *script: Answer, tick: float = 0.0) -> None:
        self.host = HOST
        self.operation_timeout = 60.0
        self.script = list(script)
        self.sent: list[Sent] = []
        self.logged: list[str] = []
        self.clock = 1000.0
        self.tick = tick

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        self.clock += self.tick
        sent = Sent(message, timeout)
        self.sent.append(sent)
        if not self.script:
            raise AssertionError(f"nothing is left to answer {sent.action}")
        answer = self.script[0]
        if callable(answer):
            answer = answer(sent)  # a function answers for good
        else:
            self.script.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        status, body = (200, answer) if isinstance(answer, bytes) else answer
        own = sent.header("MessageID").encode()
        if RELATES.encode() in body:
            return status, body.replace(RELATES.encode(), own)
        return status, body

    def actions(self) -> list[str]:
        """The actions of everything sent."""
        return [sent.action for sent in self.sent]

    def disconnect(self) -> None:
        """There is no session to forget."""

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        raise NotImplementedError

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        raise NotImplementedError

    def resolve(self, name: str) -> list[str]:
        raise NotImplementedError

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        raise NotImplementedError

    def open_file(self, path: str) -> t.BinaryIO:
        return io.BytesIO()

    def list_folder(self, path: str) -> list[str]:
        return []

    def append(self, path: str, line: str) -> None:
        raise NotImplementedError

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def log(self, text: str) -> None:
        self.logged.append(text)


def recorded(path: Path) -> bytes:
    """A recorded answer, made to relate to the request that is answered with it."""
    return _RELATES_TO.sub(rb"\g<1>" + RELATES.encode() + rb"\g<2>", path.read_bytes())
