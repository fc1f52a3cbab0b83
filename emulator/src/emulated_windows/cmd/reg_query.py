# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reg query: showing keys and searching them.

Knows /v, /ve and /s of Server 2003's version 3.0, and what came with Vista: /f with /k, /d, /c and /e, /t, other
spacing and a closing line (reg query /?; learn, reg query). Exit code 0 with something to show, 1 with nothing.
Refuses remote machines, /se and /z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..machine.machine import Machine
from ..machine.registry import HIVES, REG_MULTI_SZ, TYPE_NAMES, Key, Value
from .program import Call, Done, Result, lines, switch
from .texts import said, word

_OLD_SWITCHES = frozenset({"/v", "/ve", "/s"})
_SWITCHES = _OLD_SWITCHES | {"/f", "/k", "/d", "/c", "/e", "/t"}
_BANNER = lines("", "! REG.EXE VERSION 3.0")
_TYPES = {name: number for number, name in TYPE_NAMES.items()}


class _BadLineError(Exception):
    pass


@dataclass(frozen=True)
class _Asked:
    """A command line of reg query."""

    name: str | None
    """The value it is about; "" for the default one, None for all."""
    names_only: bool
    below: bool
    text: str | None
    keys_only: bool
    data_only: bool
    case: bool
    exact: bool
    types: frozenset[int]

    def fits(self, text: str) -> bool:
        """Does a text contain (or equal) what is searched?"""
        wanted = self.text or ""
        if not self.case:
            wanted, text = wanted.lower(), text.lower()
        return wanted == text if self.exact else wanted in text


def _asked(words: tuple[str, ...], *, old: bool) -> _Asked:
    found: dict[str, str | None] = {}
    waiting = list(words)
    while waiting:
        name = switch(waiting.pop(0))
        if name not in (_OLD_SWITCHES if old else _SWITCHES) or name in found:
            raise _BadLineError
        takes = name in ("/v", "/f", "/t")
        found[name] = waiting.pop(0) if takes and waiting and not _is_switch(waiting[0]) else None
    if (found.get("/f", "") is None) or (found.get("/t", "") is None) or ("/v" in found and "/ve" in found):
        raise _BadLineError
    if found.get("/v", "") is None and "/f" not in found:
        raise _BadLineError
    if {"/k", "/d", "/c", "/e"} & set(found) and "/f" not in found:
        raise _BadLineError
    types = [part.strip().upper() for part in (found.get("/t") or "").split(",") if part.strip()]
    if not set(types) <= set(_TYPES):
        raise _BadLineError
    return _Asked(
        "" if "/ve" in found else found.get("/v"),
        "/v" in found and found["/v"] is None,
        "/s" in found,
        found.get("/f"),
        "/k" in found,
        "/d" in found,
        "/c" in found,
        "/e" in found,
        frozenset(_TYPES[name] for name in types),
    )


def _is_switch(text: str) -> bool:
    return switch(text) in _SWITCHES


def _data(value: Value) -> str:
    if isinstance(value.data, int):
        return f"0x{value.data:x}"
    if isinstance(value.data, bytes):
        return value.data.hex().upper()
    return r"\0".join(value.data) if value.type == REG_MULTI_SZ and isinstance(value.data, list) else str(value.data)


def _line(machine: Machine, value: Value, *, old: bool) -> str:
    name = value.name or word(machine, "reg_no_name" if old else "reg_default")
    gap = "\t" if old else "    "
    return lines(f"    {name}{gap}{TYPE_NAMES.get(value.type, 'REG_NONE')}{gap}{_data(value)}")


def _kept(asked: _Asked, key: Key) -> list[Value]:
    """The values of one key that are shown."""
    found = []
    for value in key.values.values():
        if asked.name is not None and value.name.lower() != asked.name.lower():
            continue
        if asked.types and value.type not in asked.types:
            continue
        if asked.text is not None and not _hit(asked, value):
            continue
        found.append(value)
    return found


def _hit(asked: _Asked, value: Value) -> bool:
    if asked.keys_only and not asked.data_only:
        return False
    in_name = not asked.data_only and asked.fits(value.name)
    in_data = not asked.names_only and asked.fits(_data(value))
    return in_name or in_data


def _walk(machine: Machine, hive: int, path: str, asked: _Asked) -> Iterator[tuple[str, Key]]:
    """The keys that are looked into: one, or the one with all below it."""
    for place, key in machine.registry.walk(path, hive):
        yield place, key
        if not asked.below:
            return


def _search(machine: Machine, hive: int, path: str, asked: _Asked, write: Callable[[str, list[Value]], None]) -> int:
    """Everything that fits; how many matches that is."""
    count = 0
    for place, key in _walk(machine, hive, path, asked):
        values = _kept(asked, key)
        if values:
            write(place, values)
        count += len(values)
        if asked.data_only or asked.names_only or asked.name is not None or asked.types:
            continue
        for below in key.keys.values():
            if asked.fits(below.name):
                write(f"{place}\\{below.name}", [])
                count += 1
    return count


def query(call: Call, hive: int, path: str, words: tuple[str, ...]) -> Result:
    """reg query."""
    machine = call.machine
    old = machine.persona.since < (6, 0)
    try:
        asked = _asked(words, old=old)
    except _BadLineError:
        return Done(1, err=said(machine, "reg_syntax"))
    key = machine.registry.key(path, hive)
    if key is None:
        return Done(1, err=said(machine, "reg_not_found"))
    shown: list[str] = [_BANNER] if old else []

    def write(place: str, values: list[Value]) -> None:
        full = f"{HIVES[hive]}\\{place}".rstrip("\\")
        shown.append(lines("", full) + "".join(_line(machine, value, old=old) for value in values))

    if asked.text is not None:
        count = _search(machine, hive, path, asked, write)
        end = lines("") + said(machine, "reg_end", count=count)
        return Done(0 if count else 1, "".join(shown) + end)
    found = False
    for place, here in _walk(machine, hive, path, asked):
        values = _kept(asked, here)
        found = found or bool(values)
        if values or (asked.name is None and not asked.types):
            write(place, values)
    if asked.name is None and not asked.types:
        if not asked.below:
            shown.append("".join(lines(f"{HIVES[hive]}\\{path}\\{below.name}") for below in key.keys.values()))
    elif not found:
        return Done(1, err=said(machine, "reg_not_found"))
    return Done(0, "".join(shown))
