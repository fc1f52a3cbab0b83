# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""shutdown, net, sc and reg: restarting, services and the registry from the command line.

Knows the switches an administrator's tool would use. Output is short and not what a client should read.
"""

from __future__ import annotations

from ..machine import services
from ..machine.machine import Machine
from ..machine.registry import (
    HKCR,
    HKCU,
    HKLM,
    HKU,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    Data,
)
from . import reg_query
from .line import Line
from .program import Call, Done, Program, Reads, Result, always, lines, never, switch
from .texts import said, word

_SHUTDOWN_DEFAULT = 30
_HIVES = {"hklm": HKLM, "hkey_local_machine": HKLM, "hkcr": HKCR, "hkcu": HKCU, "hku": HKU, "hkey_users": HKU}
_TYPES = {"REG_SZ": REG_SZ, "REG_EXPAND_SZ": REG_EXPAND_SZ, "REG_DWORD": REG_DWORD, "REG_MULTI_SZ": REG_MULTI_SZ}


def _shutdown(call: Call) -> Result:
    words = [switch(word) for word in call.arguments]
    longest = 600 if call.machine.persona.since < (6, 0) else 315_360_000  # shutdown /?
    told = {"/c": "", "/d": ""}
    if words == ["/a"]:
        stopped = call.machine.power.abort()
        return Done(0) if stopped else Done(1116, err=said(call.machine, "no_shutdown"))
    seconds, restart, position = _SHUTDOWN_DEFAULT, False, 0
    while position < len(words):
        name = words[position]
        if name in ("/t", "/c", "/d") and position + 1 < len(words):
            position += 1
            if name == "/t":
                if not words[position].isdigit() or int(words[position]) > longest:
                    return Done(1, err=said(call.machine, "shutdown_time", longest=longest))
                seconds = int(words[position])
            else:
                told[name] = call.arguments[position]
        elif name == "/r":
            restart = True
        elif name != "/f":
            return Done(1, said(call.machine, "shutdown_usage"))
        position += 1
    if not restart:
        return Done(1, said(call.machine, "shutdown_usage"))
    code = call.machine.power.restart_after(float(seconds), told["/c"], told["/d"])
    return Done(code, err=said(call.machine, "shutdown_runs") if code else "")


def _net(call: Call) -> Result:
    if len(call.arguments) != 2 or call.arguments[0].lower() not in ("start", "stop"):
        return Done(1, lines("NET START and NET STOP are the only commands modelled."))
    verb, name = call.arguments[0].lower(), call.arguments[1]
    service = call.machine.services.get(name)
    if service is None:
        return Done(2, err=said(call.machine, "service_unknown"))
    code = call.machine.services.start(service) if verb == "start" else call.machine.services.stop(service)
    if code:
        return Done(2, err=said(call.machine, "system_error", code=code))
    seconds = services.SECONDS_TO_START if verb == "start" else services.SECONDS_TO_STOP
    key = "service_started" if verb == "start" else "service_stopped"
    done = said(call.machine, key, service=_shown(call.machine, service))
    return Done(0, done, seconds=call.machine.pace(seconds))


def _sc(call: Call) -> Result:
    words = call.arguments
    if not words or words[0].lower() != "query" or len(words) > 2:
        return Done(1639, lines("SC QUERY, with the name of a service or without, is the only command modelled."))
    if len(words) == 1:  # sc query: "displays running services" (learn, sc query)
        running = [each for each in call.machine.services if each.state != "Stopped"]
        return Done(0, "".join(_state(each, _shown(call.machine, each)) for each in running))
    service = call.machine.services.get(words[1])
    return Done(1060, said(call.machine, "sc_unknown")) if service is None else Done(0, _state(service))


def _state(service: services.Service, display: str | None = None) -> str:
    number = {"Stopped": 1, "Start Pending": 2, "Stop Pending": 3, "Running": 4}[service.state]
    kind = "20  WIN32_SHARE_PROCESS" if service.shared else "10  WIN32_OWN_PROCESS"
    return lines(
        "",
        f"SERVICE_NAME: {service.name}",
        *([] if display is None else [f"DISPLAY_NAME: {display}"]),
        f"        TYPE               : {kind}",
        f"        STATE              : {number}  {service.state.upper().replace(' ', '_')}",
        f"        WIN32_EXIT_CODE    : {service.exit_code}  (0x{service.exit_code:x})",
    )


def _shown(machine: Machine, service: services.Service) -> str:
    """The display name, in the language of the host."""
    return machine.language.services.get(service.name.lower(), service.display)


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
        return Done(1, err=said(call.machine, "reg_syntax"))
    verb = call.arguments[0].lower()
    root, _, path = call.arguments[1].partition("\\")
    hive = _HIVES.get(root.lower())
    if hive is None or verb not in ("query", "add", "delete"):
        return Done(1, err=said(call.machine, "reg_syntax"))
    if verb == "query":
        return reg_query.query(call, hive, path, call.arguments[2:])
    options = _options(call.arguments[2:])
    if verb == "add":
        return _add(call, hive, path, options)
    return _delete(call, hive, path, options)


def _asks(machine: Machine, action: Done, question: str) -> Reads:
    """Without /f these commands want a yes, in their own language."""
    consent = word(machine, "yes_letter").encode()

    def feed(data: bytes, end: bool) -> Done | None:
        if data[:1].lower() == consent:
            if action.effect is not None:
                action.effect()
            return Done(0, action.out)
        return Done(1, err=said(machine, "reg_cancelled")) if end or data else None

    return Reads(feed, question)


def _add(call: Call, hive: int, path: str, options: dict[str, str]) -> Result:
    type_ = _TYPES.get(options.get("/t", "REG_SZ").upper())
    name, text = options.get("/v", ""), options.get("/d", "")
    if type_ is None or (type_ == REG_DWORD and not _is_number(text)):
        return Done(1, err=said(call.machine, "reg_syntax"))
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

    done = Done(0, said(call.machine, "reg_done"), effect=write)
    if "/f" not in options and registry.value(path, name, hive) is not None:
        return _asks(call.machine, done, word(call.machine, "reg_overwrite", name=name))
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
        return Done(1, err=said(call.machine, "reg_not_found"))

    def remove() -> None:
        if name is None:
            registry.remove(path, hive)
        else:
            registry.erase(path, name, hive)

    done = Done(0, said(call.machine, "reg_done"), effect=remove)
    return done if "/f" in options else _asks(call.machine, done, word(call.machine, "reg_delete"))


def _reg_mutates(line: Line) -> bool:
    return len(line.words) > 1 and line.words[1].lower() != "query"


PROGRAMS = {
    "shutdown": Program(_shutdown, always),
    "net": Program(_net, always),
    "sc": Program(_sc, never),
    "reg": Program(_reg, _reg_mutates),
}
