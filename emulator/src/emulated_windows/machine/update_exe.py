# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What update.exe leaves on a machine: files, registry keys, the mark of a pending restart.

Knows the file table of KB948003 and where an installation can be seen, one dial a witness: they may disagree, as they
do where somebody has restored old files or cleaned the registry. Refuses to know what an update is good for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .disk import Disk
from .hotfixes import Hotfix, us_date
from .registry import REG_DWORD, REG_SZ, Registry

UPDATES_KEY = r"SOFTWARE\Microsoft\Updates"
UNINSTALL_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
# Sizes: those of KMS 1.1 from the table of KB948003 where it gives one; all others are made up and only differ.
_NUMBERED = {f"Kms{number}{kind}.xrm": 3_000 + 7 * number for number in (1, 2, 3, 4) for kind in ("oob", "phn", "pl")}
_POLICIES = {f"Kms{number}ppd.xrm": 21_000 + 7 * number for number in (1, 2, 3, 4)}
_FILES: Mapping[str, Mapping[str, int]] = {
    "kms_1_0": {"slmgr.vbs": 70_112, "slsvc.exe": 2_605_568},
    "kms_1_1": {
        **_NUMBERED,
        **_POLICIES,
        "Kms08cfg.xrm": 14_378,
        "Kmsphone.inf": 2_140,
        "Slmgr.ini": 40_216,
        "Slmgr.vbs": 73_934,
        "Sppwmi.mof": 25_432,
    },
    "kms_1_2": {
        **_NUMBERED,
        **_POLICIES,
        "Kms08cfg.xrm": 17_810,
        "Kmsphone.inf": 2_388,
        "Slmgr.ini": 41_004,
        "Slmgr.vbs": 75_204,
        "Sppwmi.mof": 25_500,
    },
}
_ORDER = tuple(_FILES)


class UpdateExe:
    """The traces of update.exe on one machine."""

    def __init__(
        self, registry: Registry, disk: Disk, dials: Mapping[str, str], host_time: Callable[[float], float]
    ) -> None:
        self._registry = registry
        self._disk = disk
        self._dials = dials
        self._host_time = host_time
        self._newest = ""
        self.hotfixes: list[Hotfix] = []

    def leave(self, update: str, kb: str | None, when: float, *, waiting: bool, marks: bool) -> None:
        """Everything an installation leaves that ends at this (true) time. `marks`: is it update.exe's own work?"""
        self._files(update, when)
        if kb is not None:
            self._register(kb, when, waiting)
            self._disk.make_folder(rf"C:\WINDOWS\$NtUninstall{kb}$", native=True)
        if waiting and marks:
            self._mark()

    def _files(self, update: str, when: float) -> None:
        """Newer files are never replaced by older ones."""
        if update not in _FILES or _ORDER.index(update) < (_ORDER.index(self._newest) if self._newest else 0):
            return
        if update == "kms_1_0" or self._dials["kms_files"] == "new":
            self._newest = update
            for name, size in _FILES[update].items():
                self._disk.plant(rf"{self._folder(name)}\{name}", size, when)

    def _folder(self, name: str) -> str:
        in_wbem = name.endswith(".mof") and self._dials["kms_mof_folder"] == "wbem"
        return r"C:\WINDOWS\system32\wbem" if in_wbem else r"C:\WINDOWS\system32"

    def _register(self, kb: str, when: float, waiting: bool) -> None:
        """Make an update visible where the dials say it is."""
        witness = self._dials["installed_witness"]
        shown = us_date(self._host_time(when))
        if witness in ("registry_sp3_and_qfe", "qfe_only") and all(fix.id != kb for fix in self.hotfixes):
            self.hotfixes.append(Hotfix(kb, shown, "SP3", waiting))
        folder = {"registry_sp3_and_qfe": "SP3", "registry_sp3_only": "SP3", "registry_sp2_only": "SP2"}.get(witness)
        title = f"Update for Windows Server 2003 ({kb})"
        if folder is not None:
            path = rf"{UPDATES_KEY}\Windows Server 2003\{folder}\{kb}"
            for name, text in (
                ("Description", title),
                ("InstalledBy", "Administrator"),
                ("InstalledDate", shown),
                ("InstallerName", "Update.exe"),
                ("Type", "Update"),
                ("PackageName", title),
            ):
                self._registry.write(path, name, REG_SZ, text)
            self._registry.write(rf"{path}\Filelist\0", "FileName", REG_SZ, "slmgr.vbs")
        if self._dials["uninstall_key"] == "present":
            self._registry.write(rf"{UNINSTALL_KEY}\{kb}", "DisplayName", REG_SZ, title)
            self._registry.write(rf"{UNINSTALL_KEY}\{kb}", "ParentKeyName", REG_SZ, "OperatingSystem")

    def _mark(self) -> None:
        shape = self._dials["volatile_mark"]
        if shape == "value":
            self._registry.write(UPDATES_KEY, "UpdateExeVolatile", REG_DWORD, 2, volatile=True)
        elif shape == "subkey":
            self._registry.make(rf"{UPDATES_KEY}\UpdateExeVolatile", volatile=True)
            self._registry.write(rf"{UPDATES_KEY}\UpdateExeVolatile", "Flags", REG_DWORD, 2, volatile=True)
