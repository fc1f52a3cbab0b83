# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StdRegProv: the registry through WMI.

Knows the provider's methods with their exact parameter names (class pages, MOF of later releases) and return values:
0, 2 (key missing), 1 or 2 (value missing: a dial), 5, 6, and 0x80041005 for a value of another type. GetQWORDValue and
SetQWORDValue came with Vista. On Server 2003 the class lives in root\\default.
"""

from __future__ import annotations

import re

from ..machine.machine import Machine
from ..machine.registry import (
    HIVES,
    HKLM,
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    Data,
    Value,
)
from .provider import (
    Arguments,
    Found,
    Outcome,
    WmiClass,
    number_of,
    returned,
    strings_of,
    text_of,
)
from .schema import Method, Parameter, Schema, methods
from .values import Row
from .values import Value as WmiValue
from .wql import Condition

KEY_MISSING, ACCESS_DENIED, INVALID_HANDLE, INVALID_PARAMETER = 2, 5, 6, 87
TYPE_MISMATCH = 0x80041005

_KEY = (Parameter("hDefKey", "uint32"), Parameter("sSubKeyName", "string"))
_VALUE = (*_KEY, Parameter("sValueName", "string"))
_NAMES = Parameter("sNames", "string", True)
_KINDS = {
    "String": (REG_SZ, Parameter("sValue", "string")),
    "ExpandedString": (REG_EXPAND_SZ, Parameter("sValue", "string")),
    "DWORD": (REG_DWORD, Parameter("uValue", "uint32")),
    "QWORD": (REG_QWORD, Parameter("uValue", "uint64")),
    "MultiString": (REG_MULTI_SZ, Parameter("sValue", "string", True)),
    "Binary": (REG_BINARY, Parameter("uValue", "uint8", True)),
}


def _methods(*, before_vista: bool) -> dict[str, Method]:
    found = [
        Method("CreateKey", _KEY, static=True),
        Method("DeleteKey", _KEY, static=True),
        Method("EnumKey", _KEY, (_NAMES,), static=True, mutation=False),
        Method("EnumValues", _KEY, (_NAMES, Parameter("Types", "sint32", True)), static=True, mutation=False),
        Method("DeleteValue", _VALUE, static=True),
        Method(
            "CheckAccess",
            (*_KEY, Parameter("uRequired", "uint32")),
            (Parameter("bGranted", "boolean"),),
            static=True,
            mutation=False,
        ),
    ]
    for kind, (_, parameter) in _KINDS.items():
        if kind == "QWORD" and before_vista:
            continue
        found.append(Method(f"Get{kind}Value", _VALUE, (parameter,), static=True, mutation=False))
        found.append(Method(f"Set{kind}Value", (*_VALUE, parameter), static=True))
    return methods(*found)


def expanded(text: str, windows: str) -> str:
    """What GetExpandedStringValue makes of a REG_EXPAND_SZ."""
    known = {
        "systemroot": windows,
        "windir": windows,
        "systemdrive": "C:",
        "programfiles": r"C:\Program Files",
    }
    return re.sub(r"%([^%]+)%", lambda match: known.get(match.group(1).lower(), match.group()), text)


class RegistryProvider(WmiClass):
    """StdRegProv. Static methods only."""

    def __init__(self, namespace: str = "root/default") -> None:
        self.schema = Schema("StdRegProv", namespace, methods=_methods(before_vista=True))
        self._newer = Schema("StdRegProv", namespace, methods=_methods(before_vista=False))

    def schema_for(self, machine: Machine) -> Schema:
        """The methods of this release."""
        return self.schema if machine.persona.since < (6, 0) else self._newer

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The class has no instances."""
        return Found([])

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Read or write."""
        hive = number_of(arguments, "hDefKey", HKLM)
        path = (text_of(arguments, "sSubKeyName") or "").strip("\\")
        if hive not in HIVES:
            return returned(INVALID_HANDLE)
        if method == "EnumKey" or method == "EnumValues":
            return self._enumerate(machine, method, hive, path)
        if method == "CreateKey":
            machine.registry.make(path, hive)
            return returned(0)
        if method == "DeleteKey":
            return self._delete_key(machine, hive, path)
        if method == "CheckAccess":
            found = machine.registry.key(path, hive) is not None
            return returned(0 if found else KEY_MISSING, bGranted=found)
        name = text_of(arguments, "sValueName") or ""
        if method == "DeleteValue":
            return self._delete_value(machine, hive, path, name)
        kind = method[3 : -len("Value")]
        if method.startswith("Get"):
            return self._get(machine, hive, path, name, kind)
        return self._set(machine, hive, path, name, kind, arguments)

    @staticmethod
    def _enumerate(machine: Machine, method: str, hive: int, path: str) -> Outcome:
        key = machine.registry.key(path, hive)
        if key is None:
            return returned(KEY_MISSING, sNames=None, **({"Types": None} if method == "EnumValues" else {}))
        if method == "EnumKey":
            return returned(0, sNames=[below.name for below in key.keys.values()] or None)
        values = list(key.values.values())
        return returned(
            0, sNames=[value.name for value in values] or None, Types=[value.type for value in values] or None
        )

    @staticmethod
    def _delete_key(machine: Machine, hive: int, path: str) -> Outcome:
        key = machine.registry.key(path, hive)
        if key is None:
            return returned(KEY_MISSING)
        if key.keys or not path:
            return returned(ACCESS_DENIED)
        machine.registry.remove(path, hive)
        return returned(0)

    @staticmethod
    def _delete_value(machine: Machine, hive: int, path: str, name: str) -> Outcome:
        if machine.registry.key(path, hive) is None:
            return returned(KEY_MISSING)
        gone = machine.registry.erase(path, name, hive)
        return returned(0 if gone else KEY_MISSING)

    def _get(self, machine: Machine, hive: int, path: str, name: str, kind: str) -> Outcome:
        wanted, parameter = _KINDS[kind]
        missing: dict[str, WmiValue] = {parameter.name: None}
        if machine.registry.key(path, hive) is None:
            return returned(KEY_MISSING, **missing)
        value = machine.registry.value(path, name, hive)
        if value is None:
            return returned(int(machine.dials["value_missing"]), **missing)
        if value.type != wanted:
            return returned(TYPE_MISMATCH, **missing)
        return returned(0, **{parameter.name: _shown(value, machine.persona.windows)})

    @staticmethod
    def _set(machine: Machine, hive: int, path: str, name: str, kind: str, arguments: Arguments) -> Outcome:
        if machine.registry.key(path, hive) is None:
            return returned(KEY_MISSING)
        type_, parameter = _KINDS[kind]
        data: Data
        if kind == "MultiString":
            data = strings_of(arguments, parameter.name)
        elif kind == "Binary":
            numbers = arguments.get(parameter.name)
            items = numbers if isinstance(numbers, (list, tuple)) else [numbers]
            data = bytes(int(item) for item in items if isinstance(item, int) and 0 <= item < 256)
        elif kind in ("DWORD", "QWORD"):
            data = number_of(arguments, parameter.name)
        else:
            data = text_of(arguments, parameter.name) or ""
        machine.registry.write(path, name, type_, data, hive)
        return returned(0)


def _shown(value: Value, windows: str) -> WmiValue:
    if isinstance(value.data, bytes):
        return list(value.data)
    if isinstance(value.data, list):
        return list(value.data)
    if value.type == REG_EXPAND_SZ and isinstance(value.data, str):
        return expanded(value.data, windows)
    return value.data
