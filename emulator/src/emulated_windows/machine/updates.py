# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates a machine has installed, and which of them already work.

Knows the three KMS versions for Server 2003, the key groups each accepts (KB948003, KB968915), that they work only
after a restart, and where an installation leaves its traces. Refuses to know how an installer is run.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .disk import Disk
from .registry import REG_DWORD, REG_SZ, Registry

KMS_VERSIONS = {"kms_1_0": "1.0", "kms_1_1": "1.1", "kms_1_2": "1.2"}
_VISTA = ("windows_vista",)
_SERVER_2008 = ("server_2008_a", "server_2008_b", "server_2008_c")
_WINDOWS_7 = ("windows_7", "server_2008_r2_a", "server_2008_r2_b", "server_2008_r2_c")
KEY_GROUPS = {"1.0": _VISTA, "1.1": _VISTA + _SERVER_2008, "1.2": _VISTA + _SERVER_2008 + _WINDOWS_7}
KBS = {"kms_1_1": "KB948003", "kms_1_2": "KB968915"}

UPDATES_KEY = r"SOFTWARE\Microsoft\Updates"
SYSTEM32 = r"C:\WINDOWS\system32"
_FILES = {
    "kms_1_0": {rf"{SYSTEM32}\slmgr.vbs": 70_112, rf"{SYSTEM32}\slsvc.exe": 2_605_568},
    "kms_1_1": {
        rf"{SYSTEM32}\slmgr.vbs": 73_934,
        rf"{SYSTEM32}\Slmgr.ini": 40_216,
        rf"{SYSTEM32}\wbem\Sppwmi.mof": 25_432,
    },
    "kms_1_2": {rf"{SYSTEM32}\slmgr.vbs": 75_204, rf"{SYSTEM32}\wbem\Sppwmi.mof": 25_500},
}


@dataclass(frozen=True)
class Hotfix:
    """A row of Win32_QuickFixEngineering."""

    id: str
    installed_on: str
    service_pack: str = ""


def kms_version(updates: set[str]) -> str | None:
    """The highest KMS version among some updates; 1.1 and 1.2 are nothing without 1.0."""
    if "kms_1_0" not in updates:
        return None
    return max(KMS_VERSIONS[update] for update in updates if update in KMS_VERSIONS)


class Updates:
    """Installed updates of one machine."""

    def __init__(
        self, registry: Registry, disk: Disk, dials: Mapping[str, str], host_time: Callable[[float], float]
    ) -> None:
        self._registry = registry
        self._disk = disk
        self._dials = dials
        self._host_time = host_time
        self.installed: set[str] = set()
        self.effective: set[str] = set()
        self.restart_pending = False
        self.hotfixes: list[Hotfix] = []

    @property
    def version(self) -> str | None:
        """The KMS version that works now."""
        return kms_version(self.effective)

    @property
    def shown_version(self) -> str | None:
        """The KMS version whose service and classes are there. KMS 1.0 may show itself before its restart (a dial)."""
        early = self._dials["kms10_before_restart"] == "class_present" and "kms_1_0" in self.installed
        return self.version or ("1.0" if early else None)

    @property
    def unfinished(self) -> bool:
        """Has a KMS update been installed that waits for a restart?"""
        return bool(self.installed - self.effective)

    def needs_restart(self, update: str) -> bool:
        """Does this update work only after a restart?"""
        return update != "kms_1_0" or self._dials["kms10_restart"] == "required"

    def install(self, update: str, kb: str | None, when: float) -> None:
        """What an installer leaves behind that ends at this (true) time."""
        again = update in self.effective
        self.installed.add(update)
        for path, size in _FILES.get(update, {}).items():
            self._disk.plant(path, size, when)
        if kb is not None:
            self.register(kb, when)
            self._disk.make_folder(rf"C:\WINDOWS\$NtUninstall{kb}$", native=True)
        if not self.needs_restart(update) or again:
            self.effective.add(update)
        if self.needs_restart(update):
            self.restart_pending = True
            if kb is not None:
                self._mark_volatile()

    def register(self, kb: str, when: float) -> None:
        """Make an update visible where the dial says it is."""
        witness = self._dials["installed_witness"]
        day = datetime.datetime.fromtimestamp(self._host_time(when), datetime.timezone.utc)
        shown = f"{day.month}/{day.day}/{day.year}"
        if witness in ("registry_sp3_and_qfe", "qfe_only") and all(fix.id != kb for fix in self.hotfixes):
            self.hotfixes.append(Hotfix(kb, shown, "SP3"))
        folder = {"registry_sp3_and_qfe": "SP3", "registry_sp3_only": "SP3", "registry_sp2_only": "SP2"}.get(witness)
        if folder is None:
            return
        path = rf"{UPDATES_KEY}\Windows Server 2003\{folder}\{kb}"
        for name, text in (
            ("Description", f"Update for Windows Server 2003 ({kb})"),
            ("InstalledBy", "Administrator"),
            ("InstalledDate", shown),
            ("InstallerName", "Update.exe"),
            ("Type", "Update"),
            ("PackageName", f"Update for Windows Server 2003 ({kb})"),
        ):
            self._registry.write(path, name, REG_SZ, text)
        self._registry.write(rf"{path}\Filelist\0", "FileName", REG_SZ, "slmgr.vbs")

    def _mark_volatile(self) -> None:
        shape = self._dials["volatile_mark"]
        if shape == "value":
            self._registry.write(UPDATES_KEY, "UpdateExeVolatile", REG_DWORD, 2, volatile=True)
        elif shape == "subkey":
            self._registry.make(rf"{UPDATES_KEY}\UpdateExeVolatile", volatile=True)
            self._registry.write(rf"{UPDATES_KEY}\UpdateExeVolatile", "Flags", REG_DWORD, 2, volatile=True)

    def after_boot(self) -> None:
        """A restart makes everything effective that was waiting for it."""
        self.effective |= self.installed
        self.restart_pending = False
