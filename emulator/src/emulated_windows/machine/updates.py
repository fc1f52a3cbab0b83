# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates a machine has installed, and which of them already work.

Knows the KMS versions for Server 2003 and the key groups each accepts (KB948003, KB968915), the updates of the
releases after it, when they begin to work, which later ones contain them, and what speaks against a package. Refuses
to know how an installer is run and what it leaves where (update_exe, servicing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..packages.description import Package
from ..persona import Persona
from .disk import Disk
from .hotfixes import Hotfix
from .registry import Registry
from .servicing import Servicing, mark_windows_update
from .update_exe import UpdateExe

KMS_VERSIONS = {"kms_1_0": "1.0", "kms_1_1": "1.1", "kms_1_2": "1.2"}
KBS = {"kms_1_1": "KB948003", "kms_1_2": "KB968915"}
# Monthly rollups contain what earlier ones brought ("or later" on Microsoft's planning page).
ROLLUPS = {"6.2": ("kb3172615",), "6.3": ("kb3172614", "kb4467695")}
# An update that contains another one; the older package is not applicable any more.
CONTAINED_IN = {
    "kb2757817": ("kb2885698", "kb3079821"),
    "kb2885698": ("kb3079821", "kb3172615"),
    "kb3058168": ("kb3172614", "kb3172615", "kb4467695"),
    "kb3172614": ("kb4467695",),
}


def kms_version(updates: set[str]) -> str | None:
    """The highest KMS version among some updates; 1.1 and 1.2 are nothing without 1.0."""
    if "kms_1_0" not in updates:
        return None
    return max(KMS_VERSIONS[update] for update in updates if update in KMS_VERSIONS)


class Updates:
    """Installed updates of one machine."""

    def __init__(
        self,
        persona: Persona,
        registry: Registry,
        disk: Disk,
        dials: Mapping[str, str],
        host_time: Callable[[float], float],
    ) -> None:
        self._persona = persona
        self._dials = dials
        self._traces: UpdateExe | Servicing = (
            Servicing(registry, dials, host_time)
            if persona.packages == "cbs"
            else UpdateExe(registry, disk, dials, host_time)
        )
        self.installed: set[str] = set()
        self.effective: set[str] = set()
        self.restart_pending = False
        self.busy_until = 0.0
        """Until when servicing works on an installation whose program has been ended."""
        if dials["foreign_windows_update"] == "pending":
            mark_windows_update(registry)

    @property
    def hotfixes(self) -> list[Hotfix]:
        """The rows of Win32_QuickFixEngineering."""
        return self._traces.hotfixes

    @property
    def version(self) -> str | None:
        """The KMS version for Server 2003 that works now."""
        return kms_version(self.effective)

    @property
    def shown_version(self) -> str | None:
        """The KMS version whose service and classes are there. KMS 1.0 may show itself before its restart (a dial)."""
        early = self._dials.get("kms10_before_restart") == "class_present" and "kms_1_0" in self.installed
        return self.version or ("1.0" if early else None)

    @property
    def unfinished(self) -> bool:
        """Has a KMS version for Server 2003 been installed that waits for a restart?"""
        return bool((self.installed - self.effective) & set(KMS_VERSIONS))

    def needs_restart(self, update: str) -> bool:
        """Does this update work only after a restart?"""
        if update not in KMS_VERSIONS:
            return self._dials["msu_effect"] == "after_restart"
        return update != "kms_1_0" or self._dials["kms10_restart"] == "required"

    def install(self, update: str, kb: str | None, when: float, *, marks: bool = True) -> None:
        """What an installer leaves behind that ends at this (true) time.

        `marks`: update.exe and servicing leave a mark while a restart is pending, other engines do not.
        """
        again = update in self.effective
        waiting = self.needs_restart(update)
        self.installed.add(update)
        self._traces.leave(update, kb, when, waiting=waiting, marks=marks)
        self.restart_pending = self.restart_pending or waiting
        if again or (not waiting and update in KMS_VERSIONS):
            self.effective.add(update)

    def have(self, name: str, when: float) -> None:
        """Something installed long ago: an id of the catalogue, or the KB number of any other update.

        A monthly rollup stands for all earlier ones of its release. Raises ValueError, with a sentence, for another
        name.
        """
        number = re.fullmatch(r"kb(\d{6,7})", name.lower())
        if name not in KMS_VERSIONS and number is None:
            raise ValueError(f"an update is called {', '.join(KMS_VERSIONS)}, or KB and its number, not {name!r}")
        kb = KBS.get(name) or (name.upper() if number else None)
        self._traces.leave(name, kb, when, waiting=False, marks=False)
        rollups = ROLLUPS.get(self._persona.generation, ())
        contained = {update for update in rollups if number and int(number.group(1)) >= int(update[2:])}
        self.installed |= {name.lower(), *contained}
        self.effective |= {name.lower(), *contained}

    def applicable(self, package: Package) -> bool:
        """Does servicing take a package here? One that is installed already counts as applicable."""
        release = self._persona.release
        if (package.windows, package.architecture) != (self._persona.generation, release.architecture):
            return False
        if release.service_pack < package.min_service_pack:
            return False
        present = self.installed | {fix.id for fix in self.hotfixes}
        if self._dials.get("rollup_prerequisite") == "checked" and not set(package.needs) <= present:
            return False
        kbs = {fix.id for fix in self.hotfixes}
        if package.update in self.installed:
            return package.kb in kbs  # otherwise a later rollup has brought it
        return not set(CONTAINED_IN.get(package.update, ())) & self.installed

    def licensing_started(self) -> None:
        """The licensing service reads its tables anew: what does not need a restart begins to work."""
        self.effective |= {update for update in self.installed if not self.needs_restart(update)}

    def after_boot(self) -> None:
        """A restart makes everything effective that was waiting for it."""
        self.effective |= self.installed
        self.restart_pending = False
        self.busy_until = 0.0
        for fix in self.hotfixes:
            fix.waiting = False
