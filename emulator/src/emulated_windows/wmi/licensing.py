# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SoftwareLicensingService and SoftwareLicensingProduct.

Knows the members of Vista's classes (slwmiprov pages) and those Windows 7 added (sppwmi pages); which of them the KMS
for Server 2003 has is a dial. Methods fail by HRESULT; where that ends up in the answer is a dial too.
"""

from __future__ import annotations

from collections.abc import Callable

from ..machine.errors import ProviderError
from ..machine.licensing import (
    LICENSED,
    REASONS,
    SL_E_NOT_A_KMS,
    ProductRow,
)
from ..machine.machine import Machine
from .provider import Arguments, Found, Outcome, WmiClass, number_of, returned, text_of
from .schema import Method, Parameter, Schema, methods, properties
from .values import Moment, Row
from .wql import Condition

_NEVER = Moment(-11_644_473_600.0)
"""1601-01-01, how these classes say that a date is not set."""
_COUNTERS = ("Failed", "Licensed", "NonGenuineGrace", "Notification", "OOBGrace", "OOTGrace", "Total", "Unlicensed")
_COUNTER_NAMES = " ".join(f"KeyManagementService{name}Requests:n" for name in _COUNTERS)

_SERVICE = f"""ClientMachineID IsKeyManagementServiceMachine:n KeyManagementServiceCurrentCount:n {_COUNTER_NAMES}
    KeyManagementServiceMachine KeyManagementServiceProductKeyID PolicyCacheRefreshRequired:n RequiredClientCount:n
    Version VLActivationInterval:n VLRenewalInterval:n"""
_SERVICE_7 = """DiscoveredKeyManagementServiceMachineName DiscoveredKeyManagementServiceMachinePort:n
    KeyManagementServiceActivationDisabled:b KeyManagementServiceDnsPublishing:b KeyManagementServiceHostCaching:b
    KeyManagementServiceListeningPort:n KeyManagementServiceLowPriority:b KeyManagementServicePort:n
    RemainingWindowsReArmCount:n TokenActivationAdditionalInfo TokenActivationCertificateThumbprint
    TokenActivationGrantNumber:n TokenActivationILID TokenActivationILVID:n"""
_PRODUCT = """ApplicationID Description EvaluationEndDate:d GracePeriodRemaining:n ID LicenseDependsOn LicenseFamily
    LicenseIsAddon:b LicenseStatus:n LicenseStatusReason:n MachineURL Name OfflineInstallationId PartialProductKey
    ProcessorURL ProductKeyID ProductKeyURL UseLicenseURL"""
_PRODUCT_7 = f"""DiscoveredKeyManagementServiceMachineName DiscoveredKeyManagementServiceMachinePort:n
    ExtendedGrace:n GenuineStatus:n IsKeyManagementServiceMachine:n KeyManagementServiceCurrentCount:n
    {_COUNTER_NAMES} KeyManagementServiceMachine KeyManagementServicePort:n KeyManagementServiceProductKeyID
    RequiredClientCount:n TokenActivationAdditionalInfo TokenActivationCertificateThumbprint
    TokenActivationGrantNumber:n TokenActivationILID TokenActivationILVID:n TrustedTime:d VLActivationInterval:n
    VLRenewalInterval:n"""

_SERVICE_METHODS = (
    Method("InstallProductKey", (Parameter("ProductKey", "string"),)),
    Method("InstallLicense", (Parameter("License", "string"),)),
    Method("InstallLicensePackage", (Parameter("LicensePackage", "string"),)),
    Method("RefreshLicenseStatus"),
    Method("ReArmWindows"),
    Method("ClearProductKeyFromRegistry"),
    Method("SetKeyManagementServiceMachine", (Parameter("MachineName", "string"),)),
    Method("ClearKeyManagementServiceMachine"),
    Method("SetVLActivationInterval", (Parameter("ActivationInterval", "uint32"),)),
    Method("SetVLRenewalInterval", (Parameter("RenewalInterval", "uint32"),)),
)
_SERVICE_METHODS_7 = (
    Method("SetKeyManagementServiceListeningPort", (Parameter("PortNumber", "uint32"),)),
    Method("ClearKeyManagementServiceListeningPort"),
    Method("DisableKeyManagementServiceDnsPublishing", (Parameter("DisablePublishing", "boolean"),)),
    Method("EnableKeyManagementServiceLowPriority", (Parameter("EnableLowPriority", "boolean"),)),
    Method("DisableKeyManagementServiceHostCaching", (Parameter("DisableCaching", "boolean"),)),
)


def _host_state(machine: Machine) -> Row:
    """What the service knows of its being a KMS host. Vista keeps it on the service, Windows 7 on both classes."""
    licensing = machine.licensing
    row: Row = {f"KeyManagementService{name}Requests": 0 for name in _COUNTERS}
    row.update(
        {
            "IsKeyManagementServiceMachine": int(licensing.is_host()),
            "KeyManagementServiceCurrentCount": licensing.count,
            "KeyManagementServiceMachine": None,
            "KeyManagementServiceProductKeyID": None,
            "RequiredClientCount": 25,
            "VLActivationInterval": licensing.interval("VLActivationInterval", 120),
            "VLRenewalInterval": licensing.interval("VLRenewalInterval", 10080),
        }
    )
    return row


class _LicensingClass(WmiClass):
    """What both classes have in common: they come with KMS 1.0, and need the service to run."""

    vista: Schema
    seven: Schema

    def schema_for(self, machine: Machine) -> Schema:
        """Vista's members or those of Windows 7."""
        return self.seven if machine.dials["licensing_members"] == "windows_7" else self.vista

    def exists(self, machine: Machine) -> bool:
        """They come with KMS 1.0."""
        return machine.licensing.there

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The rows, if the service runs or can be made to."""
        try:
            machine.licensing.ensure_running()
        except ProviderError:
            if machine.dials["licensing_stopped"] == "no_rows":
                return Found([])
            raise
        return Found(self._rows(machine))

    def _rows(self, machine: Machine) -> list[Row]:
        raise NotImplementedError


class LicensingService(_LicensingClass):
    """SoftwareLicensingService."""

    vista = Schema(
        "SoftwareLicensingService",
        properties=properties(_SERVICE),
        keys=("Version",),
        methods=methods(*_SERVICE_METHODS),
        sourced=False,
    )
    seven = Schema(
        "SoftwareLicensingService",
        properties=properties(f"{_SERVICE} {_SERVICE_7}"),
        keys=("Version",),
        methods=methods(*_SERVICE_METHODS, *_SERVICE_METHODS_7),
        sourced=False,
    )
    schema = vista

    def _rows(self, machine: Machine) -> list[Row]:
        settings = machine.licensing.settings
        row = _host_state(machine)
        row.update(
            {
                "ClientMachineID": machine.licensing.client_machine_id,
                "PolicyCacheRefreshRequired": 0,
                "Version": _version(machine),
                "DiscoveredKeyManagementServiceMachineName": None,
                "DiscoveredKeyManagementServiceMachinePort": 0,
                "KeyManagementServiceActivationDisabled": False,
                "KeyManagementServiceDnsPublishing": machine.licensing.publishes(),
                "KeyManagementServiceHostCaching": True,
                "KeyManagementServiceListeningPort": 0 if settings.port == 1688 else settings.port,
                "KeyManagementServiceLowPriority": settings.low_priority,
                "KeyManagementServicePort": 0,
                "RemainingWindowsReArmCount": 3,
                "TokenActivationILVID": 0xFFFFFFFF,
                "TokenActivationGrantNumber": 0xFFFFFFFF,
            }
        )
        return [row]

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Keys, settings, and what a KMS host has no use for."""
        licensing = machine.licensing
        if method == "InstallProductKey":
            seconds = licensing.install_key((text_of(arguments, "ProductKey") or "").strip())
            return Outcome({"ReturnValue": 0}, seconds)
        actions: dict[str, Callable[[], None]] = {
            "RefreshLicenseStatus": licensing.refresh,
            "ClearProductKeyFromRegistry": licensing.ensure_running,
            "SetVLActivationInterval": lambda: licensing.set_interval(
                "VLActivationInterval", number_of(arguments, "ActivationInterval")
            ),
            "SetVLRenewalInterval": lambda: licensing.set_interval(
                "VLRenewalInterval", number_of(arguments, "RenewalInterval")
            ),
            "SetKeyManagementServiceListeningPort": lambda: licensing.set_port(number_of(arguments, "PortNumber")),
            "ClearKeyManagementServiceListeningPort": lambda: licensing.set_port(None),
            "DisableKeyManagementServiceDnsPublishing": lambda: licensing.set_flag(
                "DisableDnsPublishing", bool(arguments.get("DisablePublishing"))
            ),
            "EnableKeyManagementServiceLowPriority": lambda: licensing.set_flag(
                "EnableKmsLowPriority", bool(arguments.get("EnableLowPriority"))
            ),
        }
        action = actions.get(method)
        if action is None:
            raise ProviderError(SL_E_NOT_A_KMS)
        action()
        return returned(0)


def _version(machine: Machine) -> str:
    if machine.dials["service_version"] == "5.2":
        return "5.2.3790.1830"
    shown = machine.updates.shown_version or "1.0"
    return {"1.0": "6.0.6000.16386", "1.1": "6.0.6001.18000", "1.2": "6.0.6002.18005"}[shown]


class LicensingProduct(_LicensingClass):
    """SoftwareLicensingProduct: a row for each key group this KMS version accepts; at most one has a key."""

    _METHODS = methods(
        Method("Activate"),
        Method("UninstallProductKey"),
        Method(
            "DepositOfflineConfirmationId",
            (Parameter("InstallationId", "string"), Parameter("ConfirmationId", "string")),
        ),
    )
    vista = Schema(
        "SoftwareLicensingProduct", properties=properties(_PRODUCT), keys=("ID",), methods=_METHODS, sourced=False
    )
    seven = Schema(
        "SoftwareLicensingProduct",
        properties=properties(f"{_PRODUCT} {_PRODUCT_7}"),
        keys=("ID",),
        methods=_METHODS,
        sourced=False,
    )
    schema = vista

    def _rows(self, machine: Machine) -> list[Row]:
        return [self._row(machine, product) for product in machine.licensing.rows]

    @staticmethod
    def _row(machine: Machine, product: ProductRow) -> Row:
        key = machine.licensing.key if machine.licensing.key and machine.licensing.key.group == product.group else None
        row: Row = {f"KeyManagementService{name}Requests": 0 for name in _COUNTERS}
        if key is not None:
            row.update(_host_state(machine))
        row.update(
            {
                "ApplicationID": product.application_id,
                "Description": product.description,
                "EvaluationEndDate": _NEVER,
                "GracePeriodRemaining": 0 if key is None or key.status == LICENSED else 43_200,
                "ID": product.id,
                "LicenseDependsOn": None,
                "LicenseFamily": "KmsW2k3Prs",
                "LicenseIsAddon": False,
                "LicenseStatus": key.status if key else 0,
                "LicenseStatusReason": key.reason if key else REASONS[0],
                "MachineURL": None,
                "Name": product.name,
                "OfflineInstallationId": key.installation_id if key else None,
                "PartialProductKey": key.partial if key else None,
                "ProcessorURL": None,
                "ProductKeyID": f"55041-00142-{int(product.id[:5], 16) % 1000:03d}-000001-03-1033-3790.0000-0012010"
                if key
                else None,
                "ProductKeyURL": None,
                "UseLicenseURL": None,
                "IsKeyManagementServiceMachine": int(key is not None and machine.licensing.is_host()),
                "GenuineStatus": 0,
                "ExtendedGrace": 0xFFFFFFFF,
                "TrustedTime": _NEVER,
            }
        )
        return row

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Activate online, activate offline, remove the key."""
        product = str(row["ID"]) if row else ""
        if method == "Activate":
            return Outcome({"ReturnValue": 0}, machine.licensing.activate(product))
        if method == "UninstallProductKey":
            machine.licensing.uninstall_key(product)
        else:
            machine.licensing.deposit(
                product, text_of(arguments, "InstallationId") or "", text_of(arguments, "ConfirmationId") or ""
            )
        return returned(0)
