# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a stand-in for an update.exe package.

Knows update.exe's switches (KB824687, KB832475, KB262841) and those of an engine nobody has identified, what a package
checks before it does anything, its exit codes and its log, which is written in the language of the machine and in its
ANSI code page. The numbers 0xF0xx are made up within update.exe's family: the white paper's table is not public any
more. Refuses to know what an update changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..machine.disk import DiskFullError, File
from ..machine.machine import Machine
from ..packaged import read
from ..packages.description import MARKER, Package, read_marker
from .program import Call, Done, Hangs, Result, lines, switch
from .texts import said

LONGEST_DESCRIPTION = 4096

SUCCESS, RESTART_NEEDED, RESTART_BEGUN = 0, 3010, 1641
NOT_A_PROGRAM = 193
WRONG_LANGUAGE, WRONG_ARCHITECTURE, OLD_SERVICE_PACK = 0xF0DA, 0xF0E1, 0xF0F1
WRONG_SYSTEM, PREREQUISITE_MISSING, ANOTHER_RUNS, NO_DISK_SPACE = 0xF0E0, 0xF0F4, 0xF0EA, 112
SECONDS = (18.0, 55.0)
TEXTS = {
    SUCCESS: "done",
    RESTART_NEEDED: "done",
    RESTART_BEGUN: "done",
    WRONG_LANGUAGE: "language",
    WRONG_ARCHITECTURE: "architecture",
    WRONG_SYSTEM: "system",
    OLD_SERVICE_PACK: "service_pack",
    PREREQUISITE_MISSING: "prerequisite",
    ANOTHER_RUNS: "running",
    NO_DISK_SPACE: "disk",
}
_TEXTS = "data/setup_logs.yml"
_UPDATE_EXE = frozenset(
    {"/quiet", "/passive", "/norestart", "/forcerestart", "/warnrestart", "/promptrestart", "/log", "/uninstall",
     "/extract", "/overwriteoem", "/nobackup", "/forceappsclose", "/integrate", "/q", "/u", "/z", "/n", "/o", "/f",
     "/help", "/?"}
)  # fmt: skip


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
    return None if text is None else read_marker(text)


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


def _floor(machine: Machine, package: Package) -> int:
    """The service pack a package needs."""
    disputed = package.update == "kms_1_2" and machine.dials["kms12_service_pack"] == "1"
    return min(1, package.min_service_pack) if disputed else package.min_service_pack


def _objection(call: Call, package: Package, others: bool) -> int:
    """What speaks against this package on this machine, 0 for nothing."""
    machine, release = call.machine, call.machine.persona.release
    if others:
        return ANOTHER_RUNS
    if package.windows != machine.persona.generation:
        return WRONG_SYSTEM
    if package.architecture != release.architecture:
        return WRONG_ARCHITECTURE
    if package.language != machine.language.code:
        return WRONG_LANGUAGE
    if release.service_pack < _floor(machine, package):
        return OLD_SERVICE_PACK
    if package.update == "kms_1_2" and machine.dials["kms12_edition"] == "refused":
        return WRONG_SYSTEM
    if package.update != "kms_1_0" and "kms_1_0" not in machine.updates.installed:
        return PREREQUISITE_MISSING
    return NO_DISK_SPACE if machine.disk.full else 0


def _log(call: Call, package: Package, path: str | None, text: str, code: int | None = None) -> None:
    """Write the log of an installation so far; lost where there is no room or no folder."""
    if package.engine != "update.exe":
        return
    machine = call.machine
    default = rf"C:\WINDOWS\{package.kb}.log" if package.kb else r"C:\WINDOWS\update.log"
    told = ["Update.exe (version 6.3.13.0)", read(_TEXTS)[machine.language.code][text]]
    if code is not None:
        told.append(f"Update.exe exit code = 0x{code:x}")
    data = lines(*told).encode(f"cp{machine.language.code_page}")
    try:
        machine.disk.write(call.path(path) if path else default, data, machine.now(), native=True)
    except DiskFullError:
        return


def _finish(call: Call, package: Package, switches: _Switches, code: int) -> None:
    machine = call.machine
    if code in (SUCCESS, RESTART_NEEDED, RESTART_BEGUN):
        known = package.engine == "update.exe"
        machine.updates.install(package.update, package.kb, machine.now(), marks=known)
        if package.update == "kms_1_0":
            machine.licensing.install_service()
            machine.licensing.start_now()
    _log(call, package, switches.log, TEXTS.get(code, "failed"), code)
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
        return Done(NOT_A_PROGRAM, err=said(call.machine, "not_a_program", path=file.path))
    machine = call.machine
    others = bool(machine.processes.named("update.exe"))
    switches = _switches(package, call.arguments)
    call.begin(r"c:\3f2a8c11\update\update.exe " + " ".join(call.arguments))
    hangs, machine.faults.installer_hangs = machine.faults.installer_hangs, False
    if hangs or switches.help or not (switches.quiet or switches.passive):
        _log(call, package, switches.log, "waiting")
        return Hangs()  # a window nobody sees waits for a click
    seconds = machine.pace(machine.rng.uniform(*SECONDS))
    forced, machine.faults.installer_exit = machine.faults.installer_exit, None
    objection = _objection(call, package, others)
    if forced is not None or objection:
        code = objection if forced is None else forced
        text = TEXTS.get(code, "failed")
        return Done(code, seconds=machine.pace(3.0), effect=lambda: _log(call, package, switches.log, text, code))
    code = _code(machine, package, switches)
    _log(call, package, switches.log, "begun")
    return Done(code, seconds=seconds, effect=lambda: _finish(call, package, switches, code))
