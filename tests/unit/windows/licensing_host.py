# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a licensing service of a chosen generation, after the public class schemas and registry tables.

The service reads its settings when it starts and shows those; a query that names a column the class lacks is refused.
Shares no code with what it helps to test.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows, Value, moving

_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"
FIRMWARE_KEY = "FIRMW-AREKE-YFIRM-WAREK-EYFIR"
UNSET = 4294967295

VISTA = {
    *("ClientMachineID", "IsKeyManagementServiceMachine", "KeyManagementServiceCurrentCount"),
    *("KeyManagementServiceMachine", "RequiredClientCount", "VLActivationInterval", "VLRenewalInterval", "Version"),
}
SEVEN = VISTA | {
    *("KeyManagementServiceListeningPort", "KeyManagementServiceDnsPublishing", "KeyManagementServiceLowPriority"),
    *("KeyManagementServiceHostCaching", "RemainingWindowsReArmCount"),
}
TEN = SEVEN | {"KeyManagementServiceLookupDomain", "OA3xOriginalProductKey"}
PRODUCT_VISTA = {
    *("ID", "Name", "Description", "ApplicationID", "PartialProductKey", "LicenseStatus", "LicenseStatusReason"),
}
PRODUCT_SEVEN = PRODUCT_VISTA | {
    *("IsKeyManagementServiceMachine", "KeyManagementServiceCurrentCount", "RequiredClientCount"),
}
# version: settings key, service, columns of the service, columns of a product
GENERATIONS: dict[str, tuple[str, str, set[str], set[str]]] = {
    "5.2.3790": ("SL", "sppsvc", VISTA, PRODUCT_VISTA),
    "6.0.6002": ("SL", "slsvc", VISTA, PRODUCT_VISTA),
    "6.1.7601": ("SoftwareProtectionPlatform", "sppsvc", SEVEN, PRODUCT_SEVEN),
    "10.0.17763": ("SoftwareProtectionPlatform", "sppsvc", TEN, PRODUCT_SEVEN),
}
METHODS = {
    "SetKeyManagementServiceListeningPort": ("PortNumber", "KeyManagementServiceListeningPort"),
    "DisableKeyManagementServiceDnsPublishing": ("DisablePublishing", "DisableDnsPublishing"),
    "EnableKeyManagementServiceLowPriority": ("EnableLowPriority", "EnableKmsLowPriority"),
    "SetVLActivationInterval": ("ActivationInterval", "VLActivationInterval"),
    "SetVLRenewalInterval": ("RenewalInterval", "VLRenewalInterval"),
}


class LicensingHost(SmallWindows):
    """The host.

    Attributes:
        key: where its settings are.
        host: whether the service counts as a KMS host; its methods demand it.
        refusal: what a method of a service that refuses does: a fault with this number, or for a small one its return.
        products: the rows of keyed products.
    """

    def __init__(self, version: str, *, host: bool = True, refusal: int = 0xC004F038, **values: t.Any) -> None:
        super().__init__()
        root, self.service, self._columns, self._product_columns = GENERATIONS[version]
        self.key = rf"{_KEY}\{root}"
        self.host_flag = host
        self.refusal = refusal
        self.products: list[dict[str, Value]] = [keyed()] if host else []
        self.registry[self.key.lower()] = {}
        self.registry[(self.key + r"\Activation").lower()] = {}
        for name, value in values.items():
            self.set(self.key, name, value)
        self.running: dict[str, t.Any] = {}
        self.state = ["Running"]
        self._start()
        self.classes["SoftwareLicensingService"] = lambda: self._rows([self._service_row()], self._columns)
        self.classes["SoftwareLicensingProduct"] = lambda: self._rows(self.products, self._product_columns)
        self.classes["Win32_Service"] = lambda: [{"Name": self.service, "State": self.state[-1], "ProcessId": None}]
        self.methods["Win32_Service.StopService"] = moving(self.state, "Stopped")
        self.methods["Win32_Service.StartService"] = self._started
        for method in METHODS if self._columns >= SEVEN else list(METHODS)[3:]:
            self.methods[f"SoftwareLicensingService.{method}"] = lambda given, method=method: self._set(method, given)

    def _started(self, given: t.Mapping[str, str]) -> int:
        assert given["Name"] == self.service
        self.state.append("Running")
        self._start()
        return 0

    def _start(self) -> None:
        self.running = dict(self.registry[self.key.lower()])

    def _set(self, method: str, given: t.Mapping[str, str]) -> int:
        parameter, value = METHODS[method]
        if not self.host_flag or self.refusal < 0:
            if abs(self.refusal) > 0x80000000:
                raise Refused(abs(self.refusal))
            return abs(self.refusal)
        text = given[parameter]
        kept: str | int = text if value.endswith("Port") else {"true": 1, "false": 0}.get(text) or int(text or 0)
        self.set(self.key, value, kept)
        return 0

    def _service_row(self) -> dict[str, Value]:
        def number(name: str, default: int) -> int:
            text = str(self.running.get(name.lower(), default)).strip()
            return (int(text) if text.isdecimal() else default) if self.host_flag else UNSET

        return {
            "Version": "6.1.7600",
            "IsKeyManagementServiceMachine": int(self.host_flag),
            "KeyManagementServiceCurrentCount": 7 if self.host_flag else UNSET,
            "RequiredClientCount": 25 if self.host_flag else UNSET,
            "VLActivationInterval": number("VLActivationInterval", 120),
            "VLRenewalInterval": number("VLRenewalInterval", 10080),
            "KeyManagementServiceListeningPort": number("KeyManagementServiceListeningPort", 0)
            if self.host_flag
            else 0,
            "KeyManagementServiceDnsPublishing": _said(not self.running.get("disablednspublishing")),
            "KeyManagementServiceLowPriority": _said(self.running.get("enablekmslowpriority")),
            "OA3xOriginalProductKey": FIRMWARE_KEY,
        }

    def _rows(self, rows: t.Sequence[dict[str, Value]], columns: set[str]) -> list[dict[str, Value]]:
        asked = t.cast("re.Match[str]", re.match(r"SELECT (\S+) FROM", self.queries[-1])).group(1)
        wanted = columns if asked == "*" else set(asked.split(","))
        if not wanted <= columns:
            raise Refused(2150859042)
        return [{name: value for name, value in row.items() if name in wanted} for row in rows]


def keyed(last_five: str = "67892", **changes: Value) -> dict[str, Value]:
    """The row of an activated KMS host product."""
    row: dict[str, Value] = {
        "ID": f"id-{last_five}".lower(),
        "Name": "Windows",
        "Description": "Windows(R) Operating System, VOLUME_KMS_R2_C channel",
        "ApplicationID": WINDOWS,
        "PartialProductKey": last_five,
        "LicenseStatus": 1,
        "IsKeyManagementServiceMachine": 1,
        "KeyManagementServiceCurrentCount": 12,
        "RequiredClientCount": 5,
    }
    return {**row, **changes}


def _said(value: object) -> str:
    return "true" if value else "false"
