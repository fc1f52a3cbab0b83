# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a machine looks when it is first met: bare, or with a KMS version installed, restarted or not.

Knows the keys, files and folders a fresh Windows has as far as anybody here asks for them. Refuses to know anything a
client would have to set up.
"""

from __future__ import annotations

from . import firewall_start
from .machine import Machine
from .registry import REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_SZ
from .updates import KBS, Hotfix

UNRESTARTED = "_unrestarted"
STARTS = {"bare": (), "kms_1_0": ("kms_1_0",), "kms_1_1": ("kms_1_0", "kms_1_1"), "kms_1_2": ("kms_1_0", "kms_1_2")}
CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
ENVIRONMENT = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment"
SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
TCPIP = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
DAY = 86_400.0

_FOLDERS = (
    r"C:\WINDOWS\system32\wbem",
    r"C:\WINDOWS\Temp",
    r"C:\WINDOWS\system32\drivers\etc",
    r"C:\Documents and Settings\Administrator\Local Settings\Temp",
    r"C:\Program Files",
)
_FILES = {
    r"C:\WINDOWS\system32\cmd.exe": 399_872,
    r"C:\WINDOWS\system32\netsh.exe": 90_112,
    r"C:\WINDOWS\system32\certutil.exe": 593_408,
    r"C:\WINDOWS\system32\cscript.exe": 114_688,
    r"C:\WINDOWS\system32\shutdown.exe": 21_504,
    r"C:\WINDOWS\explorer.exe": 1_053_184,
}


def prepare(machine: Machine) -> None:
    """Give a new machine its first state. ValueError, with a sentence, for a start nobody knows."""
    _registry(machine)
    _files(machine)
    firewall_start.prepare(machine)
    win_rm = machine.services.get("WinRM")
    if win_rm is not None:
        win_rm.mode = {"Automatic": "Auto"}.get(machine.options.winrm_start_mode, machine.options.winrm_start_mode)
    for fix in machine.persona.hotfixes:
        machine.updates.hotfixes.append(Hotfix(fix, "3/11/2012", "SP3"))
    _installed(machine)


def _registry(machine: Machine) -> None:
    release = machine.persona.release
    registry = machine.registry
    name = release.caption.replace("(R)", "").split(",")[0]
    for value, text in (
        ("ProductName", name),
        ("CSDVersion", f"Service Pack {release.service_pack}"),
        ("CurrentBuildNumber", release.build),
        ("CurrentVersion", release.version[:3]),
        ("SystemRoot", r"C:\WINDOWS"),
    ):
        registry.write(CURRENT_VERSION, value, REG_SZ, text)
    registry.make(rf"{CURRENT_VERSION}\HotFix")
    registry.make(r"SOFTWARE\Microsoft\Updates\Windows Server 2003")
    registry.write(ENVIRONMENT, "PROCESSOR_ARCHITECTURE", REG_SZ, release.architecture)
    registry.write(ENVIRONMENT, "TEMP", REG_EXPAND_SZ, r"%SystemRoot%\TEMP")
    registry.write(TCPIP, "Hostname", REG_SZ, machine.options.name)
    registry.write(TCPIP, "Domain", REG_SZ, machine.options.domain if machine.options.domain_member else "")
    registry.write(TCPIP, "NV Domain", REG_SZ, machine.options.domain)
    registry.write(TCPIP, "IPEnableRouter", REG_DWORD, 0)
    registry.make(SESSION_MANAGER)
    if machine.dials["pending_renames"] == "unrelated":
        registry.write(
            SESSION_MANAGER,
            "PendingFileRenameOperations",
            REG_MULTI_SZ,
            [r"\??\C:\WINDOWS\system32\spool\PRINTERS\old.tmp", ""],
        )


def _files(machine: Machine) -> None:
    when = machine.power.boot_time - 300 * DAY
    for folder in _FOLDERS:
        machine.disk.make_folder(folder, native=True)
    for path, size in _FILES.items():
        machine.disk.plant(path, size, when, "5.2.3790.3959 (srv03_sp2_rtm.070216-1710)")



def _installed(machine: Machine) -> None:
    start = machine.options.start
    waiting = start.endswith(UNRESTARTED)
    updates = STARTS.get(start[: -len(UNRESTARTED)] if waiting else start)
    if updates is None or (waiting and not updates):
        raise ValueError(
            f"{machine.options.name}: start can be {', '.join(STARTS)} (or with {UNRESTARTED} behind), not {start!r}"
        )
    before = updates[:-1] if waiting else updates
    for update in before:
        machine.updates.install(update, KBS.get(update), machine.power.boot_time - 3 * DAY)
    if before:
        machine.licensing.install_service()
        machine.registry.forget_volatile()
        machine.updates.after_boot()
        machine.licensing.start_now()
    if waiting:
        machine.updates.install(updates[-1], KBS.get(updates[-1]), machine.now() - 60)
        machine.licensing.install_service()
        if not machine.licensing.running:
            machine.licensing.start_now()
