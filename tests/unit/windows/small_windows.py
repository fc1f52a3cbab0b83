# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed host small enough for one test: a registry, WMI rows, methods, and a handful of commands, in bytes.

It says what a test tells it to say and keeps what it was told. Knows no rules of Windows; those are emulated Windows'.
Shares no code with what it helps to test.
"""

from __future__ import annotations

import base64
import io
import re
import typing as t
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import (
    GssContext,
    KerberosTrouble,
    NoAnswer,
    Resolver,
    Stream,
)

_S = "http://www.w3.org/2003/05/soap-envelope"
_W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_DECLARED = (
    f'xmlns:s="{_S}" xmlns:w="{_W}" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    f'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:rsp="{_SHELL}" '
    'xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_NO_CLASS = 2150859042  # the filter cannot be processed: what Server 2003 answers where a class is not there
_MISSING = 2

_KINDS = {str: 1, int: 4, tuple: 7}

Value = str | int | tuple[str, ...] | None
Method = t.Callable[[t.Mapping[str, str]], int]
Program = t.Callable[[str], "int | None"]


class Refused(Exception):
    """A fault with this number, to be raised by a method or a query."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class SmallWindows:
    """The host, and the doors that lead to it.

    Attributes:
        registry: values by key and name, both in lower case.
        classes: the rows of each WMI class; a callable is asked each time.
        methods: what "Class.Method" does with its parameters; returns the ReturnValue.
        programs: pairs of a pattern and what the command line that matches it does; returns the exit code,
            or None for a command that runs on.
        says: by a command's first word, what it writes to its standard output.
        files: by path, in lower case.
        files_here: the controller's files.
        deeds: everything that was asked for and may change something, in order.
        asked: every message in a word or two ("StdRegProv.SetStringValue record"), in order.
        queries: the text of every query, in order.
        before: called before each message with those words; may raise NoAnswer, or change things.
        after: called after each message was carried out; may raise NoAnswer.
    """

    host = "kms01"
    operation_timeout = 60.0

    def __init__(self) -> None:
        self.registry: dict[str, dict[str, str | int | tuple[str, ...]]] = {}
        self.classes: dict[str, list[dict[str, Value]] | t.Callable[[], list[dict[str, Value]]]] = {}
        self.methods: dict[str, Method] = {}
        self.programs: list[tuple[str, Program]] = []
        self.says: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.files_here: dict[str, bytes] = {}
        self.deeds: list[str] = []
        self.asked: list[str] = []
        self.queries: list[str] = []
        self.logged: list[str] = []
        self.before: t.Callable[[str], None] = lambda word: None
        self.after: t.Callable[[str], None] = lambda word: None
        self.clock = 1000.0
        self.disconnected = 0
        self._stdin = b""
        self._line = ""
        self._texts: tuple[str, ...] = ()

    # -- the doors

    def send(self, message: bytes, *, timeout: float) -> tuple[int, bytes]:
        root = ET.fromstring(message)
        action = self._header(root, "Action")
        body = t.cast(ET.Element, root.find(f"{{{_S}}}Body"))
        word = self._word(root, action, body)
        self.asked.append(word)
        self.before(word)
        try:
            status, text = 200, self._answer(root, action, body)
        except Refused as refused:
            status, text = 500, _fault(refused.number)
        self.after(word)
        relates = self._header(root, "MessageID")
        head = f"<s:Header><a:RelatesTo>{relates}</a:RelatesTo></s:Header>"
        return status, f"<s:Envelope {_DECLARED}>{head}<s:Body>{text}</s:Body></s:Envelope>".encode()

    def disconnect(self) -> None:
        self.disconnected += 1

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def log(self, text: str) -> None:
        self.logged.append(text)

    def open_file(self, path: str) -> t.BinaryIO:
        if path not in self.files_here:
            raise FileNotFoundError(2, "No such file or directory", path)
        return io.BytesIO(self.files_here[path])

    def list_folder(self, path: str) -> list[str]:
        found = [name.rpartition("/")[2] for name in self.files_here if name.rpartition("/")[0] == path]
        if not found:
            raise FileNotFoundError(2, "No such file or directory", path)
        return found

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        raise NoAnswer("refused", sent=False)

    def gss(self, host: str, principal: str, password: Secret | None, keytab: str) -> GssContext:
        raise KerberosTrouble("kdc_unreachable")

    def resolve(self, name: str) -> list[str]:
        return []

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        raise NoAnswer("refused", sent=False)

    def resolver(self, servers: t.Sequence[str], port: int, timeout: float) -> Resolver:
        raise NotImplementedError

    def append(self, path: str, line: str) -> None:
        raise NotImplementedError

    # -- for tests

    def value(self, key: str, name: str) -> str | int | tuple[str, ...] | None:
        """One registry value."""
        return self.registry.get(key.lower(), {}).get(name.lower())

    def set(self, key: str, name: str, value: str | int | tuple[str, ...]) -> None:
        """Set one registry value, its key included."""
        self.registry.setdefault(key.lower(), {})[name.lower()] = value

    # -- what a message means

    @staticmethod
    def _header(root: ET.Element, name: str) -> str:
        return next((item.text or "" for item in root.iter() if item.tag.endswith("}" + name)), "")

    def _word(self, root: ET.Element, action: str, body: ET.Element) -> str:
        last = action.rpartition("/")[2]
        if last == "Enumerate":
            return f"query {_class_of(self._header(root, 'Filter'))}"
        if last == "Command":
            return f"run {self._header(body, 'Command')}"
        if "/wmi/" in action:
            return " ".join([".".join(action.split("/")[-2:]), self._header(body, "sValueName")]).strip()
        return f"shell {last}"

    def _answer(self, root: ET.Element, action: str, body: ET.Element) -> str:
        last = action.rpartition("/")[2]
        if last == "Enumerate":
            return self._query(self._header(root, "Filter"))
        if "/wmi/" in action:
            parameters = {item.tag.rpartition("}")[2]: item.text or "" for item in next(iter(body))}
            self._texts = tuple(item.text or "" for item in next(iter(body)) if item.tag.endswith("}sValue"))
            selectors = {item.attrib["Name"]: item.text or "" for item in root.iter(f"{{{_W}}}Selector")}
            return self._call(".".join(action.split("/")[-2:]), last, {**selectors, **parameters})
        return self._shell(last, body)

    def _query(self, wql: str) -> str:
        self.queries.append(wql)
        name = _class_of(wql)
        if name == "CIM_DataFile":
            paths = [path.replace("\\\\", "\\").lower() for path in re.findall(r"Name='([^']*)'", wql)]
            rows: list[dict[str, Value]] = [
                {"Name": path, "FileSize": len(self.files[path])} for path in paths if path in self.files
            ]
        elif name in self.classes:
            found = self.classes[name]
            rows = found() if callable(found) else found
        else:
            raise Refused(_NO_CLASS)
        items = "".join(f"<w:XmlFragment>{''.join(map(_field, row.items()))}</w:XmlFragment>" for row in rows)
        return (
            f"<n:EnumerateResponse><n:EnumerationContext/><w:Items>{items}</w:Items><w:EndOfSequence/>"
            "</n:EnumerateResponse>"
        )

    def _call(self, word: str, method: str, parameters: t.Mapping[str, str]) -> str:
        if word.startswith("StdRegProv."):
            return _output(method, *self._registry(word, method, parameters))
        self.deeds.append(word)
        return _output(method, self.methods[word](parameters), "")

    def _registry(self, word: str, method: str, given: t.Mapping[str, str]) -> tuple[int, str]:
        key, name = given["sSubKeyName"].lower(), given.get("sValueName", "").lower()
        values = self.registry.get(key)
        if method == "EnumKey":
            prefix = key + "\\"
            below = sorted({one[len(prefix) :].split("\\")[0] for one in self.registry if one.startswith(prefix)})
            exists = values is not None or below
            return (0, "".join(f"<c:sNames>{one}</c:sNames>" for one in below)) if exists else (_MISSING, "")
        if not method.startswith(("Get", "Enum")):
            self.deeds.append(word)
            return self._write(method, key, name, given), ""
        if values is None or (method != "EnumValues" and name not in values):
            return _MISSING, ""
        if method == "EnumValues":
            kinds = "".join(f"<c:Types>{_KINDS[type(one)]}</c:Types>" for one in values.values())
            return 0, "".join(f"<c:sNames>{VALUE_NAMES.get(one, one)}</c:sNames>" for one in values) + kinds
        tag, found = "uValue" if method == "GetDWORDValue" else "sValue", values[name]
        texts = found if isinstance(found, tuple) else (found,)
        return 0, "".join(f"<c:{tag}>{escape(str(text))}</c:{tag}>" for text in texts)

    def _write(self, method: str, key: str, name: str, given: t.Mapping[str, str]) -> int:
        if method == "CreateKey":
            self.registry.setdefault(key, {})
            return 0
        if key not in self.registry:
            return _MISSING
        if method == "DeleteKey":
            del self.registry[key]
        elif method == "DeleteValue":
            return 0 if self.registry[key].pop(name, None) is not None else _MISSING
        elif method == "SetMultiStringValue":
            self.registry[key][name] = self._texts
        else:
            self.registry[key][name] = int(given["uValue"]) if method == "SetDWORDValue" else given["sValue"]
        return 0

    # -- the remote shell

    def _shell(self, last: str, body: ET.Element) -> str:
        if last == "Create":
            return '<rsp:Shell><w:SelectorSet><w:Selector Name="ShellId">S1</w:Selector></w:SelectorSet></rsp:Shell>'
        if last == "Command":
            self._line, self._stdin = self._header(body, "Command"), b""
            return "<rsp:CommandResponse><rsp:CommandId>C1</rsp:CommandId></rsp:CommandResponse>"
        if last == "Send":
            self._stdin += base64.b64decode(self._header(body, "Stream"))
            return "<rsp:SendResponse/>"
        if last == "Receive":
            code = self._run(self._line)
            state = "Running" if code is None else "Done"
            exited = "" if code is None else f"<rsp:ExitCode>{code}</rsp:ExitCode>"
            said = base64.b64encode(self.says.get(self._line.split()[0], "").encode()).decode()
            return (
                f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="C1">{said}</rsp:Stream>'
                f'<rsp:CommandState CommandId="C1" State="{_SHELL}/CommandState/{state}">'
                f"{exited}</rsp:CommandState></rsp:ReceiveResponse>"
            )
        return ""

    def _run(self, line: str) -> int | None:
        self.deeds.append(f"run {line}")
        for pattern, program in self.programs:
            if re.search(pattern, line):
                return program(line)
        words = line.lower().split()
        if words[0] == "findstr":
            self.files[words[-1]] = self._stdin
        elif words[0] == "certutil":
            text = self.files[words[-2]].split(b"-----")[2]
            self.files[words[-1]] = base64.b64decode(text)
        elif words[0] == "del":
            self.files.pop(words[-1], None)
        elif words[0] == "rmdir":
            self.files = {path: data for path, data in self.files.items() if not path.startswith(words[-1] + "\\")}
        elif words[0] != "mkdir":
            return 1
        return 0


def moving(states: list[str], state: str, code: int = 0) -> Method:
    """A method that brings a new state and returns a number."""

    def do(given: t.Mapping[str, str]) -> int:
        states.append(state)
        return code

    return do


VALUE_NAMES = {
    name.lower(): name
    for name in (
        "KeyManagementServiceListeningPort",
        "KeyManagementServiceVersion",
        "DisableDnsPublishing",
        "Manual",
    )
}
"""Windows keeps the case of a value's name."""


def lost_before(word: str, times: int = 1) -> t.Callable[[str], None]:
    """For `before`: the first messages of this word never arrive, and nobody can tell."""
    return _silence(word, times)


def lost_after(word: str, times: int = 1) -> t.Callable[[str], None]:
    """For `after`: the first messages of this word are carried out, and their answers are lost."""
    return _silence(word, times)


def _silence(word: str, times: int) -> t.Callable[[str], None]:
    left = [times]

    def silent(asked: str) -> None:
        if asked.startswith(word) and left[0]:
            left[0] -= 1
            raise NoAnswer("no answer within the time-out")

    return silent


def _class_of(wql: str) -> str:
    return t.cast("re.Match[str]", re.search(r"FROM (\w+)", wql)).group(1)


def _field(item: tuple[str, Value]) -> str:
    name, value = item
    if value is None:
        return f'<p:{name} xmlns:p="urn:p" xsi:nil="true"/>'
    values = value if isinstance(value, tuple) else (value,)
    return "".join(f'<p:{name} xmlns:p="urn:p">{escape(str(one))}</p:{name}>' for one in values)


def _output(method: str, code: int, values: str) -> str:
    return f'<c:{method}_OUTPUT xmlns:c="urn:c">{values}<c:ReturnValue>{code}</c:ReturnValue></c:{method}_OUTPUT>'


def _fault(number: int) -> str:
    return (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode>"
        '</s:Code><s:Reason><s:Text xml:lang="de">Fehler</s:Text></s:Reason><s:Detail><f:WSManFault '
        'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Machine="kms01" '
        f'Code="{number}"><f:Message>Etwas ging schief.</f:Message></f:WSManFault></s:Detail></s:Fault>'
    )
