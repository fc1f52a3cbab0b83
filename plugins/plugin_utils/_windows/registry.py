# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of the managed host, HKEY_LOCAL_MACHINE only, through WMI's StdRegProv.

Internal to the collection activation.kms; not a public interface.

Knows: StdRegProv's methods in root/default, its home on Server 2003 and everywhere after. Missing keys and values are
None, never an error. Refuses to know what any key means. Sees the 64-bit view on a 64-bit Windows.
"""

from __future__ import annotations

import typing as t

from .._errors import Failure
from .._wsman.client import Client
from .._wsman.envelope import Value
from .._wsman.values import Output

NAMESPACE: t.Final = "root/default"
CLASS: t.Final = "StdRegProv"
HKLM: t.Final = 0x80000002

SZ, EXPAND_SZ, BINARY, DWORD, MULTI_SZ, QWORD = 1, 2, 3, 4, 7, 11
"""The types `values` gives."""

_MISSING = (1, 2)  # 2 is documented (file not found); Windows 10 says 1 for a value that is not there
_ACCESS_DENIED = 5


class Registry:
    """Reads and writes below HKEY_LOCAL_MACHINE. A key is a path without the root: "SOFTWARE\\activation.kms"."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # -- reading

    def values(self, key: str) -> dict[str, int] | None:
        """The names of a key's values with their types; None when the key does not exist."""
        output = self._read("EnumValues", key)
        if output is None:
            return None
        found = zip(output.raws("sNames"), output.raws("Types"), strict=False)  # parallel arrays, NULL without values
        return {str(name or ""): int(str(kind)) for name, kind in found if kind is not None}

    def keys(self, key: str) -> list[str] | None:
        """The names of a key's subkeys; None when the key does not exist."""
        output = self._read("EnumKey", key)
        return None if output is None else list(output.texts("sNames"))

    def text(self, key: str, name: str) -> str | None:
        """A REG_SZ value, or None."""
        output = self._read("GetStringValue", key, name)
        return None if output is None else output.text("sValue")

    def number(self, key: str, name: str) -> int | None:
        """A REG_DWORD value, or None."""
        output = self._read("GetDWORDValue", key, name)
        return None if output is None else output.integer("uValue")

    def texts(self, key: str, name: str) -> tuple[str, ...] | None:
        """A REG_MULTI_SZ value, or None."""
        output = self._read("GetMultiStringValue", key, name)
        return None if output is None else output.texts("sValue")

    # -- writing: mutating, so each may raise OutcomeUnknown

    def set_text(self, key: str, name: str, value: str, *, create: bool = True) -> None:
        """Write a REG_SZ value. Where the key is missing it is created, or (`create`: false) nothing is written."""
        self._set("SetStringValue", key, name, {"sValue": value}, create=create)

    def set_number(self, key: str, name: str, value: int) -> None:
        """Write a REG_DWORD value, creating the key where it is missing."""
        self._set("SetDWORDValue", key, name, {"uValue": value})

    def set_texts(self, key: str, name: str, value: t.Sequence[str]) -> None:
        """Write a REG_MULTI_SZ value, creating the key where it is missing."""
        self._set("SetMultiStringValue", key, name, {"sValue": list(value)})

    def create_key(self, key: str) -> None:
        """Create a key with all above it; no error when it exists."""
        self._done("CreateKey", key, self._call("CreateKey", key, {}, mutating=True))

    def delete_value(self, key: str, name: str) -> None:
        """Delete a value; no error when it does not exist."""
        output = self._call("DeleteValue", key, {"sValueName": name}, mutating=True)
        if output.return_value not in _MISSING:
            self._done("DeleteValue", key, output)

    def delete_key(self, key: str) -> None:
        """Delete a key without subkeys; no error when it does not exist."""
        output = self._call("DeleteKey", key, {}, mutating=True)
        if output.return_value not in _MISSING:
            self._done("DeleteKey", key, output)

    # -- the way there

    def _read(self, method: str, key: str, name: str | None = None) -> Output | None:
        parameters: dict[str, Value] = {} if name is None else {"sValueName": name}
        output = self._call(method, key, parameters, mutating=False)
        if output.return_value in _MISSING:
            return None
        self._done(method, key, output)
        return output

    def _set(self, method: str, key: str, name: str, value: t.Mapping[str, Value], *, create: bool = True) -> None:
        """SetXValue fails where the key is missing; the key is created only then, which saves a message otherwise."""
        parameters: dict[str, Value] = {"sValueName": name, **value}
        output = self._call(method, key, parameters, mutating=True)
        if output.return_value in _MISSING:
            if not create:
                return
            self.create_key(key)
            output = self._call(method, key, parameters, mutating=True)
        self._done(method, key, output)

    def _call(self, method: str, key: str, parameters: t.Mapping[str, Value], *, mutating: bool) -> Output:
        where: dict[str, Value] = {"hDefKey": HKLM, "sSubKeyName": key}
        return self._client.invoke(NAMESPACE, CLASS, method, {**where, **parameters}, mutating=mutating)

    def _done(self, method: str, key: str, output: Output) -> None:
        """Raises Failure unless the method succeeded."""
        code = output.return_value
        if code == 0:
            return
        denied = code == _ACCESS_DENIED
        remedy = "look at the key with regedit on the host"
        if denied:
            remedy = "the user may not; connect as a member of the host's Administrators group"
        host = self._client.world.host
        raise Failure(
            f"{host}: {method} on the registry key HKLM\\{key} failed with error 0x{code:08X}: {remedy}",
            name="access_denied" if denied else "registry_error",
            code=f"0x{code:08X}",
        )
