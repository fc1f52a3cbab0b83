# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""shutdown, net, sc and reg: restarting, services and the registry from the command line.

Knows the switches an administrator's tool would use. Output is short and not what a client should read.
"""

from __future__ import annotations

from ..machine import services
from ..machine.registry import (
    HKCR,
    HKCU,
    HKLM,
    HKU,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    TYPE_NAMES,
    Data,
    Key,
)
from .line import Line
from .program import Call, Done, Program, Reads, Result, always, lines, never, switch

_SHUTDOWN_DEFAULT = 30
_HIVES = {"hklm": HKLM, "hkey_local_machine": HKLM, "hkcr": HKCR, "hkcu": HKCU, "hku": HKU, "hkey_users": HKU}
_TYPES = {"REG_SZ": REG_SZ, "REG_EXPAND_SZ": REG_EXPAND_SZ, "REG_DWORD": REG_DWORD, "REG_MULTI_SZ": REG_MULTI_SZ}


def _shutdown(call: Call) -> Result:
    words = [switch(word) for word in call.arguments]
    longest = 600 if call.machine.persona.since < (6, 0) else 315_360_000  # shutdown /?
    said = {"/c": "", "/d": ""}
    if words == ["/a"]:
        stopped = call.machine.power.abort()
        return Done(0) if stopped else Done(1116, err=lines("No shutdown is in progress."))
    seconds, restart, position = _SHUTDOWN_DEFAULT, False, 0
    while position < len(words):
        word = words[position]
        if word in ("/t", "/c", "/d") and position + 1 < len(words):
            position += 1
            if word == "/t":
                if not words[position].isdigit() or int(words[position]) > longest:
                    return Done(1, err=lines(f"The time must be a number of seconds from 0 to {longest}."))
                seconds = int(words[position])
            else:
                said[word] = call.arguments[position]
        elif word == "/r":
            restart = True
        elif word != "/f":
            return Done(1, lines("Usage: shutdown [-r | -a] [-f] [-t xx] [-c comment] [-d [p]:xx:yy]"))
        position += 1
    if not restart:
        return Done(1, lines("Usage: shutdown [-r | -a] [-f] [-t xx] [-c comment] [-d [p]:xx:yy]"))
    code = call.machine.power.restart_after(float(seconds), said["/c"], said["/d"])
    return Done(code, err=lines("A system shutdown is in progress.") if code else "")


def _net(call: Call) -> Result:
    if len(call.arguments) != 2 or call.arguments[0].lower() not in ("start", "stop"):
        return Done(1, lines("NET START and NET STOP are the only commands modelled."))
    verb, name = call.arguments[0].lower(), call.arguments[1]
    service = call.machine.services.get(name)
    if service is None:
        return Done(2, err=lines("The service name is invalid."))
    code = call.machine.services.start(service) if verb == "start" else call.machine.services.stop(service)
    if code:
        return Done(2, err=lines(f"System error {code} has occurred."))
    seconds = services.SECONDS_TO_START if verb == "start" else services.SECONDS_TO_STOP
    done = "started" if verb == "start" else "stopped"
    return Done(0, lines(f"The {service.display} service was {done} successfully."), seconds=call.machine.pace(seconds))


def _sc(call: Call) -> Result:
    if len(call.arguments) != 2 or call.arguments[0].lower() != "query":
        return Done(1639, lines("SC QUERY is the only command modelled."))
    service = call.machine.services.get(call.arguments[1])
    if service is None:
        return Done(1060, lines("[SC] EnumQueryServicesStatus:OpenService FAILED 1060:"))
    number = {"Stopped": 1, "Start Pending": 2, "Stop Pending": 3, "Running": 4}[service.state]
    return Done(
        0,
        lines(
            "",
            f"SERVICE_NAME: {service.name}",
            f"        STATE              : {number}  {service.state.upper().replace(' ', '_')}",
            f"        WIN32_EXIT_CODE    : {service.exit_code}",
        ),
    )


def _options(words: tuple[str, ...]) -> dict[str, str]:
    found, position = {}, 0
    while position < len(words):
        word = words[position].lower()
        if word in ("/v", "/t", "/d") and position + 1 < len(words):
            position += 1
            found[word] = words[position]
        else:
            found[word] = ""
        position += 1
    return found


def _reg(call: Call) -> Result:
    if len(call.arguments) < 2:
        return Done(1, err=lines("ERROR: Invalid syntax."))
    verb = call.arguments[0].lower()
    root, _, path = call.arguments[1].partition("\\")
    hive = _HIVES.get(root.lower())
    options = _options(call.arguments[2:])
    if hive is None or verb not in ("query", "add", "delete"):
        return Done(1, err=lines("ERROR: Invalid syntax."))
    if verb == "query":
        return _query(call, hive, path, options)
    if verb == "add":
        return _add(call, hive, path, options)
    return _delete(call, hive, path, options)


def _query(call: Call, hive: int, path: str, options: dict[str, str]) -> Result:
    key = call.machine.registry.key(path, hive)
    wanted = options.get("/v", "").lower()
    if key is None or (wanted and wanted not in key.values):
        return Done(1, err=lines("ERROR: The system was unable to find the specified registry key or value."))
    shown = _values(key, wanted) + "".join(lines(f"{path}\\{below.name}") for below in key.keys.values() if not wanted)
    return Done(0, lines("", path) + shown)


def _values(key: Key, wanted: str) -> str:
    shown = ""
    for name, value in key.values.items():
        if not wanted or name == wanted:
            data = f"0x{value.data:x}" if isinstance(value.data, int) else str(value.data)
            shown += lines(f"    {value.name}\t{TYPE_NAMES.get(value.type, 'REG_NONE')}\t{data}")
    return shown


def _asks(action: Done, question: str) -> Reads:
    """Without /f these commands want a yes."""

    def feed(data: bytes, end: bool) -> Done | None:
        if data[:1].lower() == b"y":
            if action.effect is not None:
                action.effect()
            return Done(0, action.out)
        return Done(1, err=lines("The operation was cancelled.")) if end or data else None

    return Reads(feed, question)


def _add(call: Call, hive: int, path: str, options: dict[str, str]) -> Result:
    type_ = _TYPES.get(options.get("/t", "REG_SZ").upper())
    name, text = options.get("/v", ""), options.get("/d", "")
    if type_ is None or (type_ == REG_DWORD and not _is_number(text)):
        return Done(1, err=lines("ERROR: Invalid syntax."))
    data: Data = text
    if type_ == REG_DWORD:
        data = int(text, 0)
    elif type_ == REG_MULTI_SZ:
        data = text.split("\\0")
    registry = call.machine.registry

    def write() -> None:
        registry.make(path, hive)
        if "/v" in options:
            registry.write(path, name, type_, data, hive)

    done = Done(0, lines("The operation completed successfully."), effect=write)
    if "/f" not in options and registry.value(path, name, hive) is not None:
        return _asks(done, f"Value {name} exists, overwrite (Yes/No)? ")
    return done


def _is_number(text: str) -> bool:
    try:
        return 0 <= int(text, 0) <= 0xFFFFFFFF
    except ValueError:
        return False


def _delete(call: Call, hive: int, path: str, options: dict[str, str]) -> Result:
    registry = call.machine.registry
    name = options.get("/v")
    found = registry.key(path, hive) if name is None else registry.value(path, name, hive)
    if found is None:
        return Done(1, err=lines("ERROR: The system was unable to find the specified registry key or value."))

    def remove() -> None:
        if name is None:
            registry.remove(path, hive)
        else:
            registry.erase(path, name, hive)

    done = Done(0, lines("The operation completed successfully."), effect=remove)
    return done if "/f" in options else _asks(done, "Delete (Yes/No)? ")


def _reg_mutates(line: Line) -> bool:
    return len(line.words) > 1 and line.words[1].lower() != "query"


PROGRAMS = {
    "shutdown": Program(_shutdown, always),
    "net": Program(_net, always),
    "sc": Program(_sc, never),
    "reg": Program(_reg, _reg_mutates),
}
