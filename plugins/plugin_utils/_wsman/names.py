# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names WS-Management is made of: namespaces, resource URIs, actions.

Internal to the collection activation.kms; not a public interface.

Knows: constants of DSP0226/DSP0227 and MS-WSMV. Refuses to know what a message looks like.
"""

from __future__ import annotations

import re
import typing as t

_MS = "http://schemas.microsoft.com/wbem/wsman/1"
_DMTF = "http://schemas.dmtf.org/wbem/wsman"

NAMESPACES: t.Final[t.Mapping[str, str]] = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "n": "http://schemas.xmlsoap.org/ws/2004/09/enumeration",
    "w": f"{_DMTF}/1/wsman.xsd",
    "p": f"{_MS}/wsman.xsd",
    "b": f"{_DMTF}/1/cimbinding.xsd",
    "rsp": f"{_MS}/windows/shell",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
"""The prefixes every message of ours declares."""

XSI_NIL: t.Final = f"{{{NAMESPACES['xsi']}}}nil"
IDENTITY: t.Final = f"{_DMTF}/identity/1/wsmanidentity.xsd"
ANONYMOUS: t.Final = f"{NAMESPACES['a']}/role/anonymous"
ENDPOINT: t.Final = "http://windows-host:5985/wsman"  # Windows does not look at the host name in a:To

GET: t.Final = f"{NAMESPACES['x']}/Get"
PUT: t.Final = f"{NAMESPACES['x']}/Put"
CREATE: t.Final = f"{NAMESPACES['x']}/Create"
DELETE: t.Final = f"{NAMESPACES['x']}/Delete"
ENUMERATE: t.Final = f"{NAMESPACES['n']}/Enumerate"
PULL: t.Final = f"{NAMESPACES['n']}/Pull"
RELEASE: t.Final = f"{NAMESPACES['n']}/Release"
WQL: t.Final = f"{_MS}/WQL"
ASSOCIATION: t.Final = f"{_DMTF}/1/cimbinding/associationFilter"

SHELL_CMD: t.Final = f"{_MS}/windows/shell/cmd"
SHELL_COMMAND: t.Final = f"{_MS}/windows/shell/Command"
SHELL_SEND: t.Final = f"{_MS}/windows/shell/Send"
SHELL_RECEIVE: t.Final = f"{_MS}/windows/shell/Receive"
SHELL_SIGNAL: t.Final = f"{_MS}/windows/shell/Signal"
SIGNAL_TERMINATE: t.Final = f"{_MS}/windows/shell/signal/terminate"
STATE_DONE: t.Final = f"{_MS}/windows/shell/CommandState/Done"

_FROM = re.compile(r"\bFROM\s+(\w+)", re.IGNORECASE)


def class_uri(namespace: str, class_name: str) -> str:
    """The resource URI of a WMI class; the namespace with / or \\ between its parts (MS-WSMV 3.1.4.1.1)."""
    folder = namespace.replace("\\", "/").strip("/")
    return f"{_MS}/wmi/{folder}/{class_name}"


def all_classes_uri(namespace: str) -> str:
    """The URI a WQL query goes to; a class URI with WQL is refused with 0x803380FB (MS-WSMV)."""
    return class_uri(namespace, "*")


def class_of(wql: str) -> str:
    """The class a WQL query reads, "" when it names none."""
    found = _FROM.search(wql)
    return found.group(1) if found else ""
