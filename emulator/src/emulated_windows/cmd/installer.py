# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a stand-in for an update package.

Knows the marker such a file carries, update.exe's switches (KB824687, KB832475, KB262841) and those of an engine
nobody has identified, what a package checks before it does anything, and its exit codes. The numbers 0xF0xx are made
up within update.exe's family: the white paper's table is not public any more. Refuses to know what an update changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..machine.disk import File
from ..machine.machine import Machine
from .builtins import write_text
from .program import Call, Done, Hangs, Result, lines, switch

MARKER = b"EMULATED-PACKAGE:"
LONGEST_DESCRIPTION = 4096

SUCCESS, RESTART_NEEDED, RESTART_BEGUN = 0, 3010, 1641
NOT_A_PROGRAM = 193
WRONG_LANGUAGE, WRONG_ARCHITECTURE, OLD_SERVICE_PACK = 0xF0DA, 0xF0E1, 0xF0F1
PREREQUISITE_MISSING, ANOTHER_RUNS, NO_DISK_SPACE = 0xF0F4, 0xF0EA, 112
SECONDS = (18.0, 55.0)
FAILURES = {
    WRONG_LANGUAGE: "The language of the package does not match the language of the system.",
    WRONG_ARCHITECTURE: "The package is for another processor architecture.",
    OLD_SERVICE_PACK: "The package needs a later service pack.",
    PREREQUISITE_MISSING: "Files this package updates are not installed.",
    ANOTHER_RUNS: "Another update installation is running.",
    NO_DISK_SPACE: "There is not enough space on the disk.",
}
_UPDATE_EXE = frozenset(
    {
        "/quiet",
        "/passive",
        "/norestart",
        "/forcerestart",
        "/warnrestart",
        "/promptrestart",
        "/log",
        "/uninstall",
        "/extract",
        "/overwriteoem",
        "/nobackup",
        "/forceappsclose",
        "/integrate",
        "/q",
        "/u",
        "/z",
        "/n",
        "/o",
        "/f",
        "/help",
        "/?",
    }
)


@dataclass(frozen=True)
class Package:
    """What a package says of itself."""

    update: str
    kb: str | None
    architecture: str
    language: str
    engine: str
    min_service_pack: int


@dataclass(frozen=True)
class _Switches:
    quiet: bool
    passive: bool
    no_restart: bool
    help: bool
    log: str | None


def _marker(chunks: Iterable[bytes]) -> bytes | None:
    """The line behind the marker, wherever in the file it stands."""
    window = b""
    for chunk in chunks:
        window += chunk
        found = window.find(MARKER)
        if found < 0:
            window = window[-len(MARKER) :]
            continue
        rest = window[found + len(MARKER) :]
        if b"\n" in rest:
            return rest.partition(b"\n")[0]
        if len(rest) > LONGEST_DESCRIPTION:
            return None
        window = window[found:]
    return None


def read_package(file: File) -> Package | None:
    """What a file says of itself; None if it is no program, or not one of ours."""
    first = next(iter(file.chunks()), b"")
    text = _marker(file.chunks()) if first.startswith(b"MZ") else None
    if text is None:
        return None
    try:
        data = json.loads(text)
        return Package(
            data["update"],
            data["kb"],
            data["architecture"],
            data["language"],
            data["engine"],
            int(data["min_service_pack"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _switches(package: Package, arguments: tuple[str, ...]) -> _Switches:
    if package.engine != "update.exe":
        words = {word.lower() for word in arguments}
        return _Switches("/q" in words, False, True, False, None)
    quiet = passive = no_restart = shows_help = False
    log = None
    for argument in arguments:
        name, _, value = argument.partition(":")
        name = switch(name)
        if name not in _UPDATE_EXE or name in ("/help", "/?", "/uninstall", "/extract"):
            shows_help = True
        quiet = quiet or name in ("/quiet", "/q")
        passive = passive or name in ("/passive", "/u")
        no_restart = no_restart or name in ("/norestart", "/z")
        log = value.strip('"') if name == "/log" else log
    return _Switches(quiet, passive, no_restart, shows_help, log)


def _objection(call: Call, package: Package, others: bool) -> int:
    """What speaks against this package on this machine, 0 for nothing."""
    release = call.machine.persona.release
    if others:
        return ANOTHER_RUNS
    if package.architecture != release.architecture:
        return WRONG_ARCHITECTURE
    if package.language != call.machine.language.code:
        return WRONG_LANGUAGE
    if release.service_pack < package.min_service_pack:
        return OLD_SERVICE_PACK
    if package.update != "kms_1_0" and "kms_1_0" not in call.machine.updates.installed:
        return PREREQUISITE_MISSING
    return NO_DISK_SPACE if call.machine.disk.full else 0


def _log(call: Call, package: Package, path: str | None, code: int) -> None:
    if package.engine != "update.exe":
        return
    default = rf"C:\WINDOWS\{package.kb}.log" if package.kb else r"C:\WINDOWS\update.log"
    target = call.path(path) if path else default
    said = FAILURES.get(code, "Installation has succeeded." if code in (0, 3010, 1641) else "Setup has failed.")
    write_text(call, target, lines("Update.exe (version 6.3.13.0)", said, f"Update.exe exit code = 0x{code:x}"))


def _finish(call: Call, package: Package, switches: _Switches, code: int) -> None:
    machine = call.machine
    if code in (SUCCESS, RESTART_NEEDED, RESTART_BEGUN):
        machine.updates.install(package.update, package.kb, machine.now())
        if package.update == "kms_1_0":
            machine.licensing.install_service()
            machine.licensing.start_now()
    _log(call, package, switches.log, code)
    if code == RESTART_BEGUN:
        machine.power.restart()


def _code(machine: Machine, package: Package, switches: _Switches) -> int:
    if not machine.updates.needs_restart(package.update):
        return SUCCESS
    if package.engine != "update.exe":
        return int(machine.dials["kms10_exit_code"])
    return RESTART_NEEDED if switches.no_restart else RESTART_BEGUN


def run(call: Call, file: File) -> Result:
    """Run a file of the emulated disk."""
    package = read_package(file)
    if package is None:
        return Done(NOT_A_PROGRAM, err=lines(f"{file.path} is not a valid Win32 application."))
    machine = call.machine
    others = bool(machine.processes.named("update.exe"))
    switches = _switches(package, call.arguments)
    call.processes.append(r"c:\3f2a8c11\update\update.exe " + " ".join(call.arguments))
    hangs, machine.faults.installer_hangs = machine.faults.installer_hangs, False
    if hangs or switches.help or not (switches.quiet or switches.passive):
        return Hangs()  # a window nobody sees waits for a click
    seconds = machine.pace(machine.rng.uniform(*SECONDS))
    forced, machine.faults.installer_exit = machine.faults.installer_exit, None
    objection = _objection(call, package, others)
    if forced is not None or objection:
        code = objection if forced is None else forced
        return Done(code, seconds=machine.pace(3.0), effect=lambda: _log(call, package, switches.log, code))
    code = _code(machine, package, switches)
    return Done(code, seconds=seconds, effect=lambda: _finish(call, package, switches, code))
