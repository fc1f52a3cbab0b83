# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SoftwareLicensingService and SoftwareLicensingProduct.

Knows what the members of every generation hold; which generation has which member is data (licensing_schemas). On
Vista's classes the state of a KMS host stands on the service only, from Windows 7 on on the host's product row too.
Methods fail by HRESULT; where that ends up in the answer is a dial.
"""

from __future__ import annotations

from collections.abc import Callable

from ..machine.errors import ProviderError
from ..machine.keyring import EVALUATION_DAYS
from ..machine.keys import LICENSED, NO_KEY, UNKNOWN_COUNT, HostKey, ProductKey
from ..machine.licensing import SL_E_NOT_A_KMS
from ..machine.machine import Machine
from ..machine.products import EVALUATION, ProductRow
from .licensing_schemas import schemas
from .provider import Arguments, Found, Outcome, WmiClass, number_of, returned, text_of
from .schema import Schema
from .values import Moment, Row
from .wql import Condition

FIRMWARE_KEY = "FWKFW-KFWKF-WKFWK-FWKFW-KFWKF"
"""The product key in the firmware of an emulated machine, in clear as Windows shows it (OA3xOriginalProductKey, from
8 / Server 2012 on). Made up; whoever finds it in a result or a log has found a leak."""
_NEVER = Moment(-11_644_473_600.0)
"""1601-01-01, how these classes say that a date is not set."""
_COUNTERS = ("Failed", "Licensed", "NonGenuineGrace", "Notification", "OOBGrace", "OOTGrace", "Total", "Unlicensed")
_OFFICE_CLIENTS = 5
"""The threshold of Office (error page of Microsoft)."""


def _generation(machine: Machine) -> str:
    """Whose members the classes have; on Server 2003 nobody knows."""
    return machine.persona.licensing.schema or f"server_2003_{machine.dials['licensing_members']}"


def _host_state(machine: Machine, counted: int) -> Row:
    """What is known of being a KMS host. The counters count requests: each client asks twice to be counted here."""
    licensing = machine.licensing
    count = 0 if counted == UNKNOWN_COUNT else counted
    row: Row = {f"KeyManagementService{name}Requests": 0 for name in _COUNTERS}
    row.update(
        {
            "KeyManagementServiceCurrentCount": counted,
            "KeyManagementServiceLicensedRequests": count,
            "KeyManagementServiceMachine": None,
            "KeyManagementServiceProductKeyID": None,
            "KeyManagementServiceTotalRequests": 2 * count,
            "KeyManagementServiceUnlicensedRequests": count,
            "RequiredClientCount": int(machine.dials["required_count"]),
            "VLActivationInterval": licensing.interval("VLActivationInterval"),
            "VLRenewalInterval": licensing.interval("VLRenewalInterval"),
        }
    )
    return row


class _LicensingClass(WmiClass):
    """What both classes have in common: they come with the licensing service, and need it to run."""

    def schema_for(self, machine: Machine) -> Schema:
        """The members of this release."""
        return schemas()[self.schema.name, _generation(machine)]

    def exists(self, machine: Machine) -> bool:
        """On Server 2003 they come with KMS 1.0."""
        return machine.licensing.there

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The rows, if the service runs or can be made to."""
        try:
            machine.licensing.ensure_running()
        except ProviderError:
            if machine.dials.get("licensing_stopped") == "no_rows":
                return Found([])
            raise
        return Found(self._rows(machine))

    def _rows(self, machine: Machine) -> list[Row]:
        raise NotImplementedError


class LicensingService(_LicensingClass):
    """SoftwareLicensingService."""

    schema = schemas()["SoftwareLicensingService", "vista"]

    def _rows(self, machine: Machine) -> list[Row]:
        licensing = machine.licensing
        row = _host_state(machine, licensing.count)
        row.update(
            {
                "IsKeyManagementServiceMachine": int(licensing.is_host()),
                "ClientMachineID": licensing.client_machine_id,
                "PolicyCacheRefreshRequired": 0,
                "Version": licensing.version,
                "DiscoveredKeyManagementServiceMachineIpAddress": "",
                "DiscoveredKeyManagementServiceMachineName": None,
                "DiscoveredKeyManagementServiceMachinePort": 0,
                "KeyManagementServiceActivationDisabled": False,
                "KeyManagementServiceDnsPublishing": licensing.publishes(),
                "KeyManagementServiceHostCaching": True,
                "KeyManagementServiceListeningPort": licensing.shown_port(),
                "KeyManagementServiceLowPriority": licensing.settings.low_priority,
                "KeyManagementServicePort": 0,
                "OA2xBiosMarkerMinorVersion": 1,
                "OA2xBiosMarkerStatus": 1,
                "OA3xOriginalProductKey": FIRMWARE_KEY,
                "OA3xOriginalProductKeyDescription": "[4.0] Professional OEM:DM",
                "OA3xOriginalProductKeyPkPn": "[4.0]X19-00000",
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
            seconds = licensing.install_key(text_of(arguments, "ProductKey") or "")
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


def _product_key_id(machine: Machine, product: ProductRow) -> str:
    """An extended PID: its fields are fixed by the row, nothing in it is of a real key."""
    serial, build = int(product.id[:5], 16) % 1000, machine.persona.release.build
    return f"55041-00142-{serial:03d}-000001-03-{machine.language.lcid}-{build}.0000-0012010"


def _evaluation_end(machine: Machine) -> Moment:
    """When an evaluation that was installed with the machine is over; yesterday where it has expired."""
    days = -1 if machine.options.evaluation == "expired" else EVALUATION_DAYS
    return Moment(machine.host_time(machine.first_seen + days * 86_400.0))


class LicensingProduct(_LicensingClass):
    """SoftwareLicensingProduct: a row for each host key group, for what the machine itself is, for each Office pack."""

    schema = schemas()["SoftwareLicensingProduct", "vista"]

    def _rows(self, machine: Machine) -> list[Row]:
        return [self._row(machine, product, machine.licensing.key_of(product)) for product in machine.licensing.rows]

    @staticmethod
    def _row(machine: Machine, product: ProductRow, key: ProductKey | None) -> Row:
        if isinstance(key, HostKey):
            row = _host_state(machine, key.count)
        else:
            row = {f"KeyManagementService{name}Requests": 0 for name in _COUNTERS}
        row.update(
            {
                "ApplicationID": product.application_id,
                "Description": product.description,
                "EvaluationEndDate": _evaluation_end(machine) if product.word == EVALUATION else _NEVER,
                "GracePeriodRemaining": key.minutes if key else 0,
                "ID": product.id,
                "LicenseDependsOn": None,
                "LicenseFamily": product.family,
                "LicenseIsAddon": False,
                "LicenseStatus": key.status if key else 0,
                "LicenseStatusReason": key.reason if key else NO_KEY,
                "MachineURL": None,
                "Name": product.name,
                "OfflineInstallationId": machine.licensing.keyring.installation_id(product),
                "PartialProductKey": key.partial if key else None,
                "ProcessorURL": None,
                "ProductKeyChannel": product.channel if key else None,
                "ProductKeyID": _product_key_id(machine, product) if key else None,
                "ProductKeyURL": None,
                "RemainingAppReArmCount": 1000,
                "RemainingSkuReArmCount": 1001,
                "UseLicenseURL": None,
                "IsKeyManagementServiceMachine": int(machine.licensing.hosts(key)),
                "GenuineStatus": 0,
                "ExtendedGrace": 0xFFFFFFFF,
                "TokenActivationILVID": 0xFFFFFFFF,
                "TokenActivationGrantNumber": 0xFFFFFFFF,
                "TrustedTime": Moment(machine.host_time(machine.now())) if key and key.status == LICENSED else _NEVER,
                "VLActivationType": 0,
                "VLActivationTypeEnabled": 0,
            }
        )
        if product.office and "RequiredClientCount" in row:
            row["RequiredClientCount"] = _OFFICE_CLIENTS
        return row

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Activate online, activate offline, remove the key; nothing else is modelled."""
        product = str(row["ID"]) if row else ""
        if method == "Activate":
            return Outcome({"ReturnValue": 0}, machine.licensing.activation.online(product))
        if method == "UninstallProductKey":
            machine.licensing.uninstall_key(product)
        elif method == "DepositOfflineConfirmationId":
            machine.licensing.activation.offline(
                product, text_of(arguments, "InstallationId") or "", text_of(arguments, "ConfirmationId") or ""
            )
        else:
            raise ProviderError(SL_E_NOT_A_KMS)
        return returned(0)
