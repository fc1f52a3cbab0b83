# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of a machine: hives, keys, typed values, and keys that do not outlive a restart.

Knows names (which keep their spelling and are compared without case) and the seven value types. Refuses to know who
may do what: everybody who gets this far is an administrator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

HKCR, HKCU, HKLM, HKU, HKCC = 0x80000000, 0x80000001, 0x80000002, 0x80000003, 0x80000005
HIVES = {
    HKCR: "HKEY_CLASSES_ROOT",
    HKCU: "HKEY_CURRENT_USER",
    HKLM: "HKEY_LOCAL_MACHINE",
    HKU: "HKEY_USERS",
    HKCC: "HKEY_CURRENT_CONFIG",
}

REG_SZ, REG_EXPAND_SZ, REG_BINARY, REG_DWORD, REG_MULTI_SZ, REG_QWORD = 1, 2, 3, 4, 7, 11
TYPE_NAMES = {
    REG_SZ: "REG_SZ",
    REG_EXPAND_SZ: "REG_EXPAND_SZ",
    REG_BINARY: "REG_BINARY",
    REG_DWORD: "REG_DWORD",
    REG_MULTI_SZ: "REG_MULTI_SZ",
    REG_QWORD: "REG_QWORD",
}

Data = str | int | bytes | list[str]


@dataclass
class Value:
    """One named value."""

    name: str
    type: int
    data: Data
    volatile: bool = False


@dataclass
class Key:
    """One key, its values and what is below it."""

    name: str
    keys: dict[str, Key] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    volatile: bool = False

    def child(self, name: str) -> Key | None:
        """A key directly below."""
        return self.keys.get(name.lower())


def _parts(path: str) -> list[str]:
    return [part for part in path.split("\\") if part]


class Registry:
    """All hives of one machine. Paths are below a hive, separated by backslashes."""

    def __init__(self) -> None:
        self._hives = {hive: Key(name) for hive, name in HIVES.items()}

    def key(self, path: str, hive: int = HKLM) -> Key | None:
        """The key at a path, None where there is none (or no such hive)."""
        key = self._hives.get(hive)
        for part in _parts(path):
            if key is None:
                return None
            key = key.keys.get(part.lower())
        return key

    def make(self, path: str, hive: int = HKLM, *, volatile: bool = False) -> Key:
        """The key at a path, created with everything above it where it is missing.

        `volatile`: a key that is created does not survive a restart; those above it do, for a real Windows has them.
        """
        key, parts = self._hives[hive], _parts(path)
        for number, part in enumerate(parts, 1):
            below = key.keys.get(part.lower())
            if below is None:
                below = key.keys[part.lower()] = Key(part, volatile=volatile and number == len(parts))
            key = below
        return key

    def remove(self, path: str, hive: int = HKLM) -> bool:
        """Take a key away with everything below. False if it was not there."""
        parts = _parts(path)
        above = self.key("\\".join(parts[:-1]), hive) if parts else None
        return above is not None and above.keys.pop(parts[-1].lower(), None) is not None

    def value(self, path: str, name: str, hive: int = HKLM) -> Value | None:
        """One value, None where key or value is missing."""
        key = self.key(path, hive)
        return None if key is None else key.values.get(name.lower())

    def number(self, path: str, name: str) -> int | None:
        """A DWORD below HKLM; None where there is no such number."""
        value = self.value(path, name)
        return value.data if value is not None and isinstance(value.data, int) else None

    def text(self, path: str, name: str) -> str | None:
        """A string below HKLM; None where there is no such string."""
        value = self.value(path, name)
        return value.data if value is not None and isinstance(value.data, str) else None

    def strings(self, path: str, name: str) -> list[str]:
        """A list of strings below HKLM; empty where there is none."""
        value = self.value(path, name)
        return list(value.data) if value is not None and isinstance(value.data, list) else []

    def write(self, path: str, name: str, type_: int, data: Data, hive: int = HKLM, *, volatile: bool = False) -> None:
        """Set one value, creating its key."""
        key = self.make(path, hive)
        old = key.values.get(name.lower())
        key.values[name.lower()] = Value(old.name if old else name, type_, data, volatile)

    def erase(self, path: str, name: str, hive: int = HKLM) -> bool:
        """Remove one value. False if it was not there."""
        key = self.key(path, hive)
        return key is not None and key.values.pop(name.lower(), None) is not None

    def forget_volatile(self) -> None:
        """What a restart does."""
        for hive in self._hives.values():
            _forget(hive)

    def walk(self, path: str, hive: int = HKLM) -> Iterator[tuple[str, Key]]:
        """Every key from a path downwards with its path, parents first; nothing where the path is missing."""
        top = self.key(path, hive)
        if top is None:
            return
        waiting = [(path, top)]
        while waiting:
            here, key = waiting.pop(0)
            yield here, key
            waiting.extend((f"{here}\\{below.name}", below) for below in key.keys.values())


def _forget(key: Key) -> None:
    key.keys = {name: below for name, below in key.keys.items() if not below.volatile}
    key.values = {name: value for name, value in key.values.items() if not value.volatile}
    for below in key.keys.values():
        _forget(below)
