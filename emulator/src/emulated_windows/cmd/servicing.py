# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dism and pkgmgr: asking Component Based Servicing for an installation.

Knows the switches of both (DISM and Package Manager command-line options), what servicing objects to, its exit codes
(table of common CBS errors, cc732334; wuerror.h) and its logs. dism says HRESULTs of the system as the plain error
number. pkgmgr is a program with windows: whoever does not wait for it by `start /w` misses its end. Refuses to know
what an update changes, and packages that are not stand-ins.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace

from ..machine.disk import DiskFullError, File
from ..machine.machine import Machine
from ..packages.cabinet import MARKER_FILE, CabinetError, read_cabinet
from ..packages.description import MARKER, Package, read_marker
from .program import Call, Done, Hangs, Program, Reads, Result, always, switch
from .texts import said, word

SUCCESS, RESTART_NEEDED = 0, 3010
FILE_NOT_FOUND, NOT_SUPPORTED, BAD_SWITCH, NO_DISK_SPACE = 2, 50, 87, 112
NOT_APPLICABLE, INVALID_PACKAGE = 0x800F081E, 0x800F0805
SECONDS = (25.0, 90.0)
SECONDS_TO_REFUSE = 5.0
_DISM_HOST = r"C:\Windows\Temp\5C1A2E0B-7F3D-4C55-9A61-0D3B6B9C1E77\dismhost.exe {8F3C9E52-6C1B-4C29-A1A8-3C4E2C6F1B0D}"
_DISM_SWITCHES = frozenset(
    {"/online", "/add-package", "/packagepath", "/quiet", "/norestart", "/logpath", "/loglevel", "/english",
     "/scratchdir", "/ignorecheck"}
)  # fmt: skip
_PKGMGR_SWITCHES = frozenset({"/ip", "/m", "/quiet", "/norestart", "/l", "/s", "/p", "/n", "/o", "/iu", "/uu", "/up"})


@dataclass(frozen=True)
class _Wish:
    """What a command line asks for."""

    package: str
    quiet: bool
    no_restart: bool
    log: str | None


class _Refused(Exception):
    """Servicing does not install this."""

    def __init__(self, code: int) -> None:
        super().__init__(hex(code))
        self.code = code


# -- the two programs -------------------------------------------------------------------------------------------------


def _options(arguments: tuple[str, ...]) -> dict[str, str]:
    """Switches with what stands behind their colon."""
    found = {}
    for argument in arguments:
        name, _, value = argument.partition(":")
        found[switch(name)] = value
    return found


def _dism(call: Call) -> Result:
    options = _options(call.arguments)
    needed = "/online" in options and "/add-package" in options and options.get("/packagepath")
    if not needed or not set(options) <= _DISM_SWITCHES:
        return Done(BAD_SWITCH, said(call.machine, "dism_syntax"))
    wish = _Wish(options["/packagepath"], "/quiet" in options, "/norestart" in options, options.get("/logpath"))
    call.begin(_DISM_HOST)
    result = _service(call, wish, rf"{call.machine.persona.windows}\Logs\DISM\dism.log")
    if isinstance(result, Done) and result.code not in (SUCCESS, RESTART_NEEDED) and not wish.quiet:
        return replace(result, out=said(call.machine, "dism_error", code=_shown(result.code)))
    return result


def _pkgmgr(call: Call) -> Result:
    options = _options(call.arguments)
    quiet = "/quiet" in options
    if not quiet:
        return Hangs()  # a window nobody sees waits for a click
    if not set(options) <= _PKGMGR_SWITCHES or "/ip" not in options or not options.get("/m"):
        return Done(BAD_SWITCH)
    wish = _Wish(options["/m"], quiet, "/norestart" in options, options.get("/l"))
    return _service(call, wish, rf"{call.machine.persona.windows}\Logs\CBS\CBS.log")


# -- servicing --------------------------------------------------------------------------------------------------------


def _service(call: Call, wish: _Wish, log: str) -> Result:
    machine = call.machine
    target = call.path(wish.log) if wish.log else log
    _log(machine, target, f"Info   Adding package {call.path(wish.package)}")
    hangs, machine.faults.installer_hangs = machine.faults.installer_hangs, False
    if hangs:
        _log(machine, target, "Info   Waiting for TrustedInstaller to finish")
        return Hangs()
    forced, machine.faults.installer_exit = machine.faults.installer_exit, None
    try:
        package = _judged(call, wish)
        if forced is not None:
            raise _Refused(forced)
    except _Refused as refused:
        code = refused.code
        mark = f"Error  Failed to add the package. [HRESULT = {_shown(code)}]"
        return Done(code, seconds=machine.pace(SECONDS_TO_REFUSE), effect=lambda: _log(machine, target, mark))
    return _installation(machine, package, wish, target)


def _installation(machine: Machine, package: Package, wish: _Wish, log: str) -> Result:
    seconds = machine.pace(machine.rng.uniform(*SECONDS))
    restart = machine.updates.needs_restart(package.update)

    def finish() -> None:
        machine.updates.install(package.update, package.kb, machine.now())
        state = "restart required" if restart else "installed"
        _log(machine, log, f"Info   Package_for_{package.kb}: {state} [HRESULT = 0x00000000]")
        if restart and wish.quiet and not wish.no_restart:
            machine.power.restart()  # /norestart "keeps it from restarting automatically if /quiet is used"

    code = RESTART_NEEDED if restart else SUCCESS
    if restart and not wish.no_restart and not wish.quiet:
        machine.while_up(seconds, finish)
        return Reads(lambda data, end: _answered(machine, data, end), word(machine, "dism_question"))
    if machine.dials["servicing_goes_on"] == "yes":
        machine.updates.busy_until = machine.now() + seconds
        machine.while_up(seconds, finish)
        return Done(code, seconds=seconds)
    return Done(code, seconds=seconds, effect=finish)


def _answered(machine: Machine, data: bytes, end: bool) -> Done | None:
    answer = data[:1].lower()
    if answer == word(machine, "yes_letter").encode():
        machine.power.restart()
        return Done(RESTART_NEEDED)
    return Done(RESTART_NEEDED) if end or answer == b"n" else None


def _judged(call: Call, wish: _Wish) -> Package:
    """The package, if servicing takes it. Raises _Refused, for one that is installed already too."""
    machine = call.machine
    others = len(machine.processes.named("dism.exe")) + len(machine.processes.named("pkgmgr.exe")) > 1
    if others or machine.now() < machine.updates.busy_until:
        raise _Refused(int(machine.dials["servicing_busy"], 0))
    package = _package(call, call.path(wish.package))
    if not machine.updates.applicable(package):
        raise _Refused(NOT_APPLICABLE)
    if package.update in machine.updates.installed:
        waits = package.update not in machine.updates.effective
        raise _Refused(RESTART_NEEDED if waits else int(machine.dials["already_installed"], 0))
    if machine.disk.full:
        raise _Refused(NO_DISK_SPACE if call.line.name == "dism" else 0x80070000 + NO_DISK_SPACE)
    return package


def _package(call: Call, path: str) -> Package:
    """The package in a .cab file or in a folder with its files. Raises _Refused."""
    disk = call.machine.disk
    file = disk.file(path)
    if file is None and not disk.has_folder(path):
        raise _Refused(FILE_NOT_FOUND)
    if file is not None and file.path.lower().endswith(".msu"):
        raise _Refused(NOT_SUPPORTED)  # only for an offline image
    package = _in_cabinet(file) if file is not None else _in_file(disk.file(rf"{path}\{MARKER_FILE}"))
    if package is None:
        raise _Refused(INVALID_PACKAGE)
    return package


def _in_cabinet(file: File) -> Package | None:
    try:
        return read_marker(read_cabinet(file.read()).get(MARKER_FILE, b"").removeprefix(MARKER))
    except CabinetError:
        return None


def _in_file(file: File | None) -> Package | None:
    return read_marker(file.read().removeprefix(MARKER)) if file is not None else None


def _shown(code: int) -> str:
    """Small numbers as they are, HRESULTs in hexadecimal digits."""
    return str(code) if code < 0x10000 else f"0x{code:08x}"


def _log(machine: Machine, path: str, text: str) -> None:
    """One line, as servicing writes it in every language: into the program's log and into its own."""
    moment = datetime.datetime.fromtimestamp(machine.host_time(machine.now()), datetime.timezone.utc)
    line = f"{moment:%Y-%m-%d %H:%M:%S}, {text}\r\n".encode()
    own = rf"{machine.persona.windows}\Logs\CBS\CBS.log"
    for target in dict.fromkeys((own, path)):
        _append(machine, target, line)


def _append(machine: Machine, path: str, line: bytes) -> None:
    """Lost where there is no room or no folder."""
    disk = machine.disk
    if path.startswith(rf"{machine.persona.windows}\Logs" + "\\"):
        disk.make_folder(path.rpartition("\\")[0], native=True)
    file = disk.file(path) or disk.create(path, machine.now(), native=True)
    if file is not None:
        try:
            disk.append(file, line, machine.now())
        except DiskFullError:
            return


PROGRAMS = {
    "dism": Program(_dism, always),
    "pkgmgr": Program(_pkgmgr, always, windowed=True),
}
