# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cscript slmgr.vbs, as far as people use it: /ipk, /ato, /dli, /dlv.

Knows that /ipk leaves a mark for management packs (KeyManagementServiceVersion; read in the script of 8.1, assumed of
earlier ones), that /ato asks for consent before it goes online on Server 2003 and waits for an answer (walk-through of
KMS 1.0, 2007), that a failed activation still exits 0, and that a hard error exits with the HRESULT.
"""

from __future__ import annotations

import contextlib

from ..machine.errors import ProviderError
from ..machine.keys import HostKey
from ..machine.machine import Machine
from ..machine.products import ProductRow
from ..machine.publishing import VERSION_MARK, wow6432
from ..machine.registry import REG_SZ
from . import slmgr_show
from .line import Line
from .program import Call, Done, Program, Reads, Result, lines, switch

SYSTEM32 = r"c:\windows\system32"


def _words(line: Line) -> list[str]:
    return [word for word in line.words[1:] if not word.startswith("//")]


def _run(call: Call) -> Result:
    words = _words(call.line)
    if not words or not words[0].lower().endswith("slmgr.vbs"):
        return Done(1, lines("Input Error: this script is not modelled."))
    path = call.path(words[0]) if "\\" in words[0] or call.folder.lower() == SYSTEM32 else ""
    if call.machine.disk.file(path or call.path(words[0])) is None:
        return Done(1, lines(f'Input Error: Can not find script file "{words[0]}".'))
    verb = switch(words[1]) if len(words) > 1 else ""
    if verb == "/ipk" and len(words) == 3:
        return _install(call.machine, words[2])
    if verb == "/ato" and call.machine.persona.since >= (6, 0):
        return _activate(call.machine)
    if verb == "/ato":
        return Reads(
            lambda data, end: _consent(call.machine, data, end),
            "Activation goes online and sends information about this computer to Microsoft. Continue (y/n)? ",
        )
    if verb in ("/dli", "/dlv") and len(words) <= 3:
        return _show(call.machine, "".join(words[2:]), verbose=verb == "/dlv")
    return Done(0, lines("Usage: slmgr.vbs /ipk <key> | /ato | (/dli | /dlv) [<activation ID> | all]"))


def _told(machine: Machine, key: str, **parts: object) -> str:
    """What the script says, as lines of output."""
    return lines(*slmgr_show.word_of(machine, key, **parts).split("\n"))


def _error(machine: Machine, error: ProviderError) -> Done:
    told = _told(machine, "slmgr_error", code=f"0x{error.hresult:X}")
    return Done(error.hresult - 0x100000000, told, seconds=error.seconds)


def _install(machine: Machine, key: str) -> Done:
    try:
        seconds = machine.licensing.install_key(key)
    except ProviderError as error:
        return _error(machine, error)
    _refresh(machine)
    _mark(machine)
    return Done(0, _told(machine, "slmgr_installed", product_key=key), seconds=seconds)


def _refresh(machine: Machine) -> None:
    """With this the script follows every change, and takes no notice of errors."""
    with contextlib.suppress(ProviderError):
        machine.licensing.refresh()


def _mark(machine: Machine) -> None:
    """The script, not the service, writes down that there is a KMS host, in every view of the registry it finds."""
    registry, root = machine.registry, machine.licensing.root
    for path in (root, wow6432(root)):
        if not machine.licensing.keyring.host_keys:
            registry.erase(path, VERSION_MARK)
        elif registry.key(path) is not None:
            registry.write(path, VERSION_MARK, REG_SZ, machine.licensing.version)


def _consent(machine: Machine, data: bytes, end: bool) -> Done | None:
    if data[:1].lower() != b"y":
        return Done(0, lines("", "Activation was not attempted.")) if data or end else None
    return _activate(machine)


def _host_row(machine: Machine) -> tuple[HostKey, ProductRow] | None:
    """The host key and its product, None where there is no host key."""
    key = machine.licensing.key
    row = machine.licensing.row_of(key.group) if key is not None else None
    return (key, row) if key is not None and row is not None else None


def _activate(machine: Machine) -> Done:
    found = _host_row(machine)
    if found is None:
        return Done(0, _told(machine, "slmgr_no_key"))
    try:
        seconds = machine.licensing.activation.online(found[1].id)
    except ProviderError as error:
        return Done(0, _told(machine, "slmgr_failed", code=f"0x{error.hresult:X}"), seconds=error.seconds)
    machine.while_up(seconds, lambda: _refresh(machine))
    if machine.faults.without_effect is not None:
        return Done(0, _told(machine, "slmgr_failed", code="0xC004F200"), seconds=seconds)
    return Done(0, _told(machine, "slmgr_activated"), seconds=seconds)


def _show(machine: Machine, asked: str, *, verbose: bool) -> Done:
    try:
        return Done(0, slmgr_show.shown(machine, asked, verbose=verbose))
    except ProviderError as error:
        return _error(machine, error)


def _mutates(line: Line) -> bool:
    words = _words(line)
    return len(words) > 1 and switch(words[1]) not in ("/dli", "/dlv", "/xpr", "/dti")


PROGRAMS = {"cscript": Program(_run, _mutates)}
