# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small licensing service with products and keys: what it is told is done to them, and counted."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.offline import InstallationId, read_installation_id
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import licensing_readers
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Reader, Resource
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import NOW, system, updates
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"  # the application ID of Office 2013 and later
WINDOWS_ROW, CLIENT_ROW, OFFICE_ROW, MAK_ROW = (
    f"{number}{number}{number}{number}0000-0000-4000-8000-000000000000" for number in "1234"
)


@dataclasses.dataclass
class Row:
    """One product; `takes` is the key that goes in there."""

    application: str
    description: str
    takes: str
    key: str = ""
    status: int = 0
    installation_id: str = 54 * "1"


class KeyHost(SmallWindows):
    """A Server 2019 that knows a KMS host product, a client's, a MAK's, and one of Office.

    Attributes:
        confirmation: what the deposit of a confirmation ID wants.
        deposited: installation ID and confirmation ID of each deposit.
        refuses: a number with which the next method but RefreshLicenseStatus fails.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = NOW.timestamp()
        self.registry[SPP.lower()] = {}
        self.rows = {
            WINDOWS_ROW: Row(WINDOWS, "Windows(R) Operating System, VOLUME_KMS_WS19 channel", ""),
            CLIENT_ROW: Row(WINDOWS, "Windows(R) Operating System, VOLUME_KMSCLIENT channel", ""),
            MAK_ROW: Row(WINDOWS, "Windows(R) Operating System, VOLUME_MAK channel", ""),
            OFFICE_ROW: Row(OFFICE, "Office 16, VOLUME_KMS channel", ""),
        }
        self.confirmation = ""
        self.deposited: list[tuple[str, str]] = []
        self.refuses = 0
        self.classes["SoftwareLicensingService"] = [{"Version": "10.0.17763.1"}]
        self.classes["SoftwareLicensingProduct"] = self._products
        service, product = "SoftwareLicensingService.", "SoftwareLicensingProduct."
        self.methods[service + "InstallProductKey"] = self._install
        self.methods[service + "RefreshLicenseStatus"] = lambda given: 0
        self.methods[product + "Activate"] = self._activate
        self.methods[product + "DepositOfflineConfirmationId"] = self._deposit
        self.methods[product + "UninstallProductKey"] = self._uninstall

    def _products(self) -> list[dict[str, t.Any]]:
        wql = self.queries[-1]
        return [
            {
                "ID": number,
                "ApplicationID": row.application,
                "Description": row.description,
                "Name": row.description,
                "PartialProductKey": row.key[-5:] or None,
                "LicenseStatus": row.status,
                "OfflineInstallationId": row.installation_id,
            }
            for number, row in self.rows.items()
            if number in wql or (row.key and "PartialProductKey" in wql)
        ]

    def _refuse(self) -> None:
        code, self.refuses = self.refuses, 0
        if code:
            raise Refused(code)

    def _install(self, given: t.Mapping[str, str]) -> int:
        self._refuse()
        row = next(row for row in self.rows.values() if row.takes == given["ProductKey"])
        row.key, row.status = given["ProductKey"], 0
        return 0

    def _activate(self, given: t.Mapping[str, str]) -> int:
        self._refuse()
        self.rows[given["ID"]].status = 1
        return 0

    def _deposit(self, given: t.Mapping[str, str]) -> int:
        self._refuse()
        row = self.rows[given["ID"]]
        self.deposited.append((given["InstallationId"], given["ConfirmationId"]))
        if given["InstallationId"] != row.installation_id or given["ConfirmationId"] != self.confirmation:
            raise Refused(0xC004F031)
        row.status = 1
        return 0

    def _uninstall(self, given: t.Mapping[str, str]) -> int:
        self._refuse()
        row = self.rows[given["ID"]]
        row.key, row.status = "", 0
        return 0


def key_run(
    host: KeyHost, resources: list[Resource], wish: KeyWish | None, named: str | None = None, check: bool = False
) -> Outcome:
    """One run of these resources. `named`: the product that is asked for by its ID."""
    readers: dict[type, Reader] = {
        System: lambda world, look: system(
            release="server_2019", version="10.0.17763", build=17763, architecture="x64", services={}
        ),
        Record: lambda world, look: load_record(world),
        Updates: lambda world, look: updates(release="server_2019"),
        Edition: lambda world, look: Edition(7),
        **licensing_readers(wish, named),
    }
    if wish is not None:
        readers[InstallationId] = read_installation_id(wish)
    return converge(host, resources, readers, check=check)
