# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building requests: a small typed Request becomes the bytes of a SOAP envelope.

Internal to the collection activation.kms; not a public interface.

Knows: headers, selectors, options and bodies of the operations this collection uses. A parameter may be a Secret; it is
revealed here, when the bytes are made, and nowhere before. Refuses to know who sends the bytes and what comes back.
"""

from __future__ import annotations

import base64
import dataclasses
import re
import typing as t
import uuid

from .._errors import Failure
from .._secret import Secret
from . import names

Scalar = str | int | bool | Secret | None
Value = Scalar | t.Sequence[Scalar]
"""A parameter: None becomes xsi:nil, a list becomes repeated elements (an empty list none)."""

MAX_ENVELOPE: t.Final = 153600
"""Bytes; the default limit of WinRM 2.0 (MaxEnvelopeSizekb 150), also what is asked of the answer."""

_VERBS = {"put": "changing", "create": "creating", "delete": "deleting"}
_PATIENCE = 60.0  # seconds: WinRM's own default (MaxTimeoutms)
_MAX_ITEMS = 32000  # WinRM's MaxBatchItems
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_ESCAPED = re.compile('[&<>"\r\n\t]')


@dataclasses.dataclass(frozen=True)
class Node:
    """One element to be written. Its text is not shown: it may be anything a user gave us."""

    name: str
    text: str | Secret = dataclasses.field(default="", repr=False)
    attributes: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    children: tuple[Node | str, ...] = ()  # a string is written already


_WITH_KEYS = Node("w:EnumerationMode", "EnumerateObjectAndEPR")


def _new_id() -> str:
    return f"uuid:{str(uuid.uuid4()).upper()}"


@dataclasses.dataclass(frozen=True)
class Request:
    """One message before it is bytes. Its text shows no parameters.

    Attributes:
        operation: get, put, create, delete, enumerate, pull, release, invoke, identify, shell.
        resource: the WMI class, or the shell's verb (create, command, send, receive, signal, delete).
        method: the WMI method of an invoke, else "".
        action, uri: the addressing headers.
        body: what stands in the SOAP body.
        selectors, options: the headers of these names.
        timeout: seconds the server may take (OperationTimeout).
        message_id: what the answer must relate to.
    """

    operation: str
    resource: str
    method: str
    action: str
    uri: str
    body: tuple[Node, ...] = dataclasses.field(default=(), repr=False)
    selectors: t.Mapping[str, Scalar] = dataclasses.field(default_factory=dict, repr=False)
    options: t.Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    timeout: float = _PATIENCE
    message_id: str = dataclasses.field(default_factory=_new_id)

    @property
    def doing(self) -> str:
        """What it does, for a sentence: "calling Win32_Process.Create"."""
        if self.operation == "invoke":
            return f"calling {self.resource}.{self.method}"
        if self.operation == "shell":
            return f"using the remote shell ({self.resource})"
        if self.operation == "identify":
            return "asking WinRM for its version"
        return f"{_VERBS.get(self.operation, 'reading')} {self.resource}"

    def secrets(self) -> t.Iterator[Secret]:
        """Every Secret inside, for scrubbing what the server says about it."""
        pending: list[Node | str] = list(self.body)
        while pending:
            node = pending.pop()
            if isinstance(node, str):
                continue
            if isinstance(node.text, Secret):
                yield node.text
            pending.extend(node.children)
        for value in self.selectors.values():
            if isinstance(value, Secret):
                yield value


# -- requests: WMI


def get(namespace: str, class_name: str, selectors: t.Mapping[str, Scalar], *, timeout: float = _PATIENCE) -> Request:
    """Read one instance; no selectors for a singleton."""
    uri = names.class_uri(namespace, class_name)
    return Request("get", class_name, "", names.GET, uri, selectors=selectors, timeout=timeout)


def put(
    namespace: str,
    class_name: str,
    values: t.Mapping[str, Value],
    selectors: t.Mapping[str, Scalar],
    *,
    timeout: float = _PATIENCE,
) -> Request:
    """Change these properties of one instance and no others.

    A body with some properties only is taken from Windows 8 and Server 2012 on; on older Windows nobody has shown it.
    """
    uri = names.class_uri(namespace, class_name)
    body = (_instance(class_name, uri, values),)
    return Request("put", class_name, "", names.PUT, uri, body, selectors, timeout=timeout)


def create(namespace: str, class_name: str, values: t.Mapping[str, Value], *, timeout: float = _PATIENCE) -> Request:
    """Make an instance. Not before Windows 8 and Server 2012: the older provider refuses (MS-WSMV, appendix B)."""
    uri = names.class_uri(namespace, class_name)
    body = (_instance(class_name, uri, values),)
    return Request("create", class_name, "", names.CREATE, uri, body, timeout=timeout)


def delete(
    namespace: str, class_name: str, selectors: t.Mapping[str, Scalar], *, timeout: float = _PATIENCE
) -> Request:
    """Delete an instance. Not before Windows 8 and Server 2012, as `create`."""
    uri = names.class_uri(namespace, class_name)
    return Request("delete", class_name, "", names.DELETE, uri, (), selectors, timeout=timeout)


def enumerate_wql(namespace: str, wql: str, *, keys: bool = False, timeout: float = _PATIENCE) -> Request:
    """Start a WQL query; as many rows as fit come with the answer (DSP0226 8.2.3).

    `keys`: with the keys of each row, for `SELECT *` only; what a list of columns would bring is not documented.
    """
    filtered = Node("w:Filter", wql, {"Dialect": names.WQL})
    return _enumerate(namespace, names.class_of(wql), ((_WITH_KEYS, filtered) if keys else (filtered,)), timeout)


def enumerate_associated(
    namespace: str,
    class_name: str,
    selectors: t.Mapping[str, Scalar],
    association: str,
    result: str,
    *,
    timeout: float = _PATIENCE,
) -> Request:
    """Start the enumeration of the instances that an association ties to one instance, with their keys (DSP0227 17)."""
    keys = tuple(Node("w:Selector", _scalar(value), {"Name": name}) for name, value in selectors.items())
    place = (
        Node("w:ResourceURI", names.class_uri(namespace, class_name)),
        Node("w:SelectorSet", children=keys),
    )
    object_ = Node(
        "b:Object",
        children=(Node("a:Address", names.ANONYMOUS), Node("a:ReferenceParameters", children=place)),
    )
    wanted = (object_, Node("b:AssociationClassName", association), Node("b:ResultClassName", result))
    tied = Node("b:AssociatedInstances", children=wanted)
    filtered = Node("w:Filter", "", {"Dialect": names.ASSOCIATION}, (tied,))
    return _enumerate(namespace, result, (_WITH_KEYS, filtered), timeout)


def _enumerate(namespace: str, class_name: str, wanted: tuple[Node, ...], timeout: float) -> Request:
    start = Node(
        "n:Enumerate",
        children=(Node("w:OptimizeEnumeration"), Node("w:MaxElements", str(_MAX_ITEMS)), *wanted),
    )
    uri = names.all_classes_uri(namespace)
    return Request("enumerate", class_name, "", names.ENUMERATE, uri, (start,), timeout=timeout)


def pull(started: Request, context: str) -> Request:
    """More rows of a query."""
    body = Node("n:Pull", children=(Node("n:EnumerationContext", context), Node("n:MaxElements", str(_MAX_ITEMS))))
    return Request("pull", started.resource, "", names.PULL, started.uri, (body,), timeout=started.timeout)


def release(started: Request, context: str) -> Request:
    """Give up a query; an unfinished one counts against the user's quota of operations."""
    body = Node("n:Release", children=(Node("n:EnumerationContext", context),))
    return Request("release", started.resource, "", names.RELEASE, started.uri, (body,), timeout=started.timeout)


def invoke(
    namespace: str,
    class_name: str,
    method: str,
    parameters: t.Mapping[str, Value],
    selectors: t.Mapping[str, Scalar],
    *,
    timeout: float = _PATIENCE,
) -> Request:
    """Call a method: of an instance with selectors, static without."""
    uri = names.class_uri(namespace, class_name)
    body = _instance(f"{method}_INPUT", uri, parameters)
    return Request("invoke", class_name, method, f"{uri}/{method}", uri, (body,), selectors, timeout=timeout)


def identify(*, timeout: float = _PATIENCE) -> Request:
    """Ask for the WinRM version; the one message without addressing headers (DSP0226 11)."""
    return Request("identify", "", "", "", "", (Node("i:Identify", "", {"xmlns:i": names.IDENTITY}),), timeout=timeout)


def _instance(name: str, uri: str, values: t.Mapping[str, Value]) -> Node:
    """An instance, or the parameters of a method, as an element of the class's namespace."""
    children = tuple(node for key, value in values.items() for node in _parameter(key, value))
    return Node(f"c:{name}", "", {"xmlns:c": uri}, children)


def _parameter(name: str, value: Value) -> t.Iterator[Node]:
    """The elements of one parameter or property."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _parameter(name, item)
    elif value is None:
        yield Node(f"c:{name}", "", {"xsi:nil": "true"})
    elif isinstance(value, (str, int, Secret)):
        yield Node(f"c:{name}", _scalar(value))
    else:
        raise TypeError(f"parameter {name} has the type {type(value).__name__}, which WS-Management cannot carry")


def _scalar(value: Scalar) -> str | Secret:
    """The text of one value; booleans are lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        return value
    return "" if value is None else str(value)


# -- requests: the remote shell


def create_shell(codepage: int, *, timeout: float = _PATIENCE) -> Request:
    """Open a shell without loading the user's profile."""
    streams = (Node("rsp:InputStreams", "stdin"), Node("rsp:OutputStreams", "stdout stderr"))
    options = {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": str(codepage)}
    body = (Node("rsp:Shell", children=streams),)
    return Request("shell", "create", "", names.CREATE, names.SHELL_CMD, body, options=options, timeout=timeout)


def _in_shell(verb: str, action: str, shell_id: str, body: tuple[Node, ...], timeout: float) -> Request:
    selectors = {"ShellId": shell_id}
    return Request("shell", verb, "", action, names.SHELL_CMD, body, selectors, timeout=timeout)


def run_command(
    shell_id: str,
    command: str | Secret,
    arguments: t.Sequence[str | Secret],
    *,
    piped: bool,
    skip_cmd_shell: bool,
    timeout: float = _PATIENCE,
) -> Request:
    """Start a command; `piped` when its standard input will be sent."""
    line = (Node("rsp:Command", command), *(Node("rsp:Arguments", argument) for argument in arguments))
    started = _in_shell("command", names.SHELL_COMMAND, shell_id, (Node("rsp:CommandLine", children=line),), timeout)
    options = {
        "WINRS_CONSOLEMODE_STDIN": "FALSE" if piped else "TRUE",
        "WINRS_SKIP_CMD_SHELL": "TRUE" if skip_cmd_shell else "FALSE",
    }
    return dataclasses.replace(started, options=options)


def send_input(shell_id: str, command_id: str, data: bytes, *, last: bool, timeout: float = _PATIENCE) -> Request:
    """A piece of standard input; `last` closes it."""
    attributes = {"Name": "stdin", "CommandId": command_id, **({"End": "true"} if last else {})}
    stream = Node("rsp:Stream", base64.b64encode(data).decode("ascii"), attributes)
    return _in_shell("send", names.SHELL_SEND, shell_id, (Node("rsp:Send", children=(stream,)),), timeout)


def receive(shell_id: str, command_id: str, *, timeout: float = _PATIENCE) -> Request:
    """Wait for output or the end of a command."""
    wanted = Node("rsp:DesiredStream", "stdout stderr", {"CommandId": command_id})
    return _in_shell("receive", names.SHELL_RECEIVE, shell_id, (Node("rsp:Receive", children=(wanted,)),), timeout)


def terminate(shell_id: str, command_id: str, *, timeout: float = _PATIENCE) -> Request:
    """End a command, or free what a finished one still holds."""
    signal = Node("rsp:Signal", "", {"CommandId": command_id}, (Node("rsp:Code", names.SIGNAL_TERMINATE),))
    return _in_shell("signal", names.SHELL_SIGNAL, shell_id, (signal,), timeout)


def delete_shell(shell_id: str, *, timeout: float = _PATIENCE) -> Request:
    """Close a shell; every process in it dies."""
    return _in_shell("delete", names.DELETE, shell_id, (), timeout)


# -- bytes


def to_bytes(request: Request, host: str) -> bytes:
    """The message as it goes out. Raises Failure (naming `host`) when it is too large or XML cannot carry it."""
    header = () if request.operation == "identify" else _header(request)
    parts = (Node("s:Header", children=header), Node("s:Body", children=request.body))
    text = _written(Node("s:Envelope", "", _DECLARED, parts))
    if _FORBIDDEN.search(text):
        raise Failure(
            f"{host}: {request.doing}: a value holds a control character, which WS-Management cannot carry; "
            "remove it from the module's options",
            name="unsendable_character",
        )
    data = text.encode("utf-8")
    if len(data) > MAX_ENVELOPE:
        raise Failure(
            f"{host}: {request.doing}: the message has {len(data)} bytes and WinRM accepts {MAX_ENVELOPE}; "
            "shorten the module's options",
            name="message_too_large",
        )
    return data


def _header(request: Request) -> tuple[Node | str, ...]:
    """The headers that Windows from Server 2003 R2 on accepts, in the order its own clients use."""
    header: list[Node | str] = [
        _ROUTE,
        Node("w:ResourceURI", request.uri, _UNDERSTAND),
        Node("a:Action", request.action, _UNDERSTAND),
        Node("a:MessageID", request.message_id),
        _SIZE,
        Node("w:OperationTimeout", duration(request.timeout)),
        _LANGUAGE,
    ]
    if request.selectors:
        entries = request.selectors.items()
        nodes = tuple(Node("w:Selector", _scalar(value), {"Name": name}) for name, value in entries)
        header.append(Node("w:SelectorSet", children=nodes))
    if request.options:
        nodes = tuple(Node("w:Option", value, {"Name": name}) for name, value in request.options.items())
        header.append(Node("w:OptionSet", children=nodes))
    return tuple(header)


def duration(seconds: float) -> str:
    """Seconds as an XML duration; never under the half second below which WinRM does not go."""
    milliseconds = max(round(seconds * 1000), 500)
    whole, rest = divmod(milliseconds, 1000)
    return f"PT{whole}.{rest:03}S" if rest else f"PT{whole}S"


def _written(*nodes: Node) -> str:
    pieces: list[str] = []
    for node in nodes:
        _write(node, pieces)
    return "".join(pieces)


def _write(node: Node | str, pieces: list[str]) -> None:
    """The element as text. Secrets are revealed here."""
    if isinstance(node, str):
        pieces.append(node)
        return
    attributes = "".join(f' {name}="{_escape(value)}"' for name, value in node.attributes.items())
    text = _escape(node.text.reveal() if isinstance(node.text, Secret) else node.text)
    if not text and not node.children:
        pieces.append(f"<{node.name}{attributes}/>")
        return
    pieces.append(f"<{node.name}{attributes}>{text}")
    for inner in node.children:
        _write(inner, pieces)
    pieces.append(f"</{node.name}>")


def _escape(text: str) -> str:
    """Text for an element or an attribute; line ends as references, or a parser would change them (XML 1.0, 2.11)."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], text)


# -- what is the same in every message, written once

_DECLARED = {f"xmlns:{prefix}": uri for prefix, uri in names.NAMESPACES.items()}
_UNDERSTAND = {"s:mustUnderstand": "true"}
_LOCALE = {"xml:lang": "en-US", "s:mustUnderstand": "false"}  # the host may not have English texts
_ROUTE = _written(
    Node("a:To", names.ENDPOINT),
    Node("a:ReplyTo", children=(Node("a:Address", names.ANONYMOUS, _UNDERSTAND),)),
)
_SIZE = _written(Node("w:MaxEnvelopeSize", str(MAX_ENVELOPE), _UNDERSTAND))
_LANGUAGE = _written(Node("w:Locale", "", _LOCALE), Node("p:DataLocale", "", _LOCALE))
