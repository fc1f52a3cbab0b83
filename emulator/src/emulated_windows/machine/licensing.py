# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of a KMS host: its key, its activation, its settings, what it publishes.

Knows host keys by group, activation at the emulated Microsoft (online and by confirmation ID), the registry settings
it reads, and publishing itself in DNS. Refuses to know KMS clients: nothing here answers an activation request.
Everything nobody has confirmed about the KMS for Server 2003 is a dial.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..authority import CONFIRMATION_DIGITS, confirmation_id, installation_id, looks_like_key
from .errors import ProviderError
from .events import PUBLISHING_FAILED, PUBLISHING_SUCCEEDED
from .registry import REG_DWORD, REG_SZ
from .services import Service
from .updates import KEY_GROUPS

if TYPE_CHECKING:
    from .machine import Machine

SL_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SL"
SPP_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
DEFAULT_PORT = 1688
UNKNOWN_COUNT = 0xFFFFFFFF
SHORT_ACTIVATION, LONG_ACTIVATION = 8.0, 75.0
SECONDS_TO_INSTALL_KEY = 1.5
SECONDS_TO_AUTO_ACTIVATION = 25.0

E_INVALIDARG = 0x80070057
ERROR_SERVICE_NOT_ACTIVE = 0x80070426
SL_E_PKEY_NOT_INSTALLED = 0xC004F014
SL_E_INVALID_PRODUCT_KEY = 0xC004F050
SL_E_ACTIVATION_IN_PROGRESS = 0xC004E028
SL_E_VM_NOT_SUPPORTED = 0xC004F06B
SL_E_NOT_A_KMS = 0xC004F039
SL_E_CID_DATA, SL_E_CID_LENGTH = 0xC004F02C, 0xC004F02E
SL_E_CID_MISMATCH, SL_E_CID_CHECK_DIGITS = 0xC004F031, 0xC004F04D
E_INVALID_DATA = 0x8007000D
UNREACHABLE = {"name_not_resolved": 0x80072EE7, "timed_out": 0x80072EE2}

LICENSED = 1
REASONS = {0: 0xC004F014, 1: 0x4004F040, 2: 0x4004F00C, 5: 0xC004F009}
_WINDOWS_APPLICATION = "55c92734-d682-4d71-983e-d6ec3f16059f"
_OTHER_APPLICATION = "8c762649-97d1-4953-ad27-b7e2c25b972e"
_TOKENS = {
    "windows_vista": "VOLUME_KMS",
    "server_2008_a": "VOLUME_KMS_A",
    "server_2008_b": "VOLUME_KMS_B",
    "server_2008_c": "VOLUME_KMS_C",
    "windows_7": "VOLUME_KMS_WIN7",
    "server_2008_r2_a": "VOLUME_KMS_R2_A",
    "server_2008_r2_b": "VOLUME_KMS_R2_B",
    "server_2008_r2_c": "VOLUME_KMS_R2_C",
}


@dataclass
class HostKey:
    """The key that is installed."""

    key: str
    group: str
    installation_id: str
    status: int
    reason: int

    @property
    def partial(self) -> str:
        """The last five characters."""
        return self.key[-5:]


@dataclass(frozen=True)
class ProductRow:
    """A product the licensing service knows licences for: one for each key group it accepts."""

    id: str
    group: str
    name: str
    description: str
    application_id: str


@dataclass
class Settings:
    """What the service has read from the registry at its start."""

    port: int = DEFAULT_PORT
    publish: bool = True
    low_priority: bool = False
    zones: tuple[str, ...] = ()


def product_rows(version: str | None, dials: Mapping[str, str]) -> tuple[ProductRow, ...]:
    """The rows SoftwareLicensingProduct shows for a KMS version."""
    application = _WINDOWS_APPLICATION if dials["application_id"] == "windows_55c9" else _OTHER_APPLICATION
    rows = []
    for group in KEY_GROUPS.get(version or "", ()):
        token = _TOKENS[group] if dials["description_form"] == "with_group" else "VOLUME_KMS"
        rows.append(
            ProductRow(
                str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{group}.emulated.example")),
                group,
                "Windows(TM) Server 2003 KMS, KmsW2k3Prs edition",
                f"Windows(TM) Server 2003 KMS, {token} channel",
                application,
            )
        )
    return tuple(rows)


class Licensing:
    """The licensing service of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._dials = machine.dials
        self.service_name = machine.dials.get("licensing_service") or (
            "slsvc" if machine.persona.generation == "6.0" else "sppsvc"
        )
        self.key: HostKey | None = None
        self.settings = Settings()
        self.busy_until = 0.0
        self.count = UNKNOWN_COUNT
        self.published: list[tuple[str, int, float]] = []
        self.activation_requests = 0
        root = machine.dials.get("licensing_registry") or ("SL" if self.service_name == "slsvc" else "SPP")
        self.root = SPP_KEY if root in ("SPP", "both_SPP_effective", "SPP_made_at_first_start") else SL_KEY
        self.client_machine_id = str(uuid.UUID(int=machine.rng.getrandbits(128), version=4))

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Is the service at work?"""
        return self._machine.services.running(self.service_name)

    @property
    def there(self) -> bool:
        """Is there a licensing service at all? Server 2003 gets it with KMS 1.0, later releases have their own."""
        return self._machine.persona.packages != "update_exe" or self._machine.updates.shown_version is not None

    @property
    def rows(self) -> tuple[ProductRow, ...]:
        """The products known now."""
        return product_rows(self._machine.updates.shown_version, self._dials)

    def is_host(self) -> bool:
        """Is this machine a KMS host in the eyes of the service?"""
        if self.key is None:
            return False
        return self._dials["host_flag"] == "at_installation" or self.key.status == LICENSED

    def listening_port(self) -> int | None:
        """The TCP port that is open for KMS clients, None if none is."""
        if not self.running or not self.there:
            return None
        if self.key is None and self._dials["kms_listens"] == "with_key":
            return None
        return self.settings.port

    def interval(self, name: str, default: int) -> int:
        """VLActivationInterval or VLRenewalInterval in minutes."""
        found = self._machine.registry.number(self.root, name)
        return default if found is None else found

    # -- coming and going ----------------------------------------------------------------------------------------

    def install_service(self) -> None:
        """What the installation of KMS 1.0 adds."""
        services = self._machine.services
        if services.get(self.service_name) is None:
            program = rf"C:\WINDOWS\system32\{self.service_name}.exe"
            service = Service(
                self.service_name,
                "Software Licensing",
                "Auto",
                "Stopped",
                "LocalSystem",
                program,
                False,
                True,
                False,
                exit_code=1077,
            )
            service.on_start.append(self._started)
            services.add(service)
        dial = self._dials["licensing_registry"]
        if not dial.endswith("at_first_start"):
            self._machine.registry.make(self.root)
        if dial.startswith("both"):
            self._machine.registry.make(SL_KEY)
            self._machine.registry.make(SPP_KEY)

    def start_now(self) -> None:
        """Start the service without its usual delay, if it may run at all."""
        service = self._machine.services.get(self.service_name)
        if service is not None and service.mode != "Disabled" and self.there:
            self._machine.services.started(service)

    def ensure_running(self) -> None:
        """What a method or a query needs. Raises ProviderError where the service is down and stays so."""
        if self.running:
            return
        if self._dials["licensing_stopped"] == "starts_itself":
            self.start_now()
        if not self.running:
            raise ProviderError(ERROR_SERVICE_NOT_ACTIVE)

    def _started(self) -> None:
        """Read the settings; publish; activate a key that waits for it."""
        self._machine.registry.make(self.root)
        self.read_settings()
        self._publish()
        self._plan_auto_activation()

    def read_settings(self) -> None:
        """The registry is read at the start of the service and not again."""
        registry = self._machine.registry
        text = registry.text(self.root, "KeyManagementServiceListeningPort") or ""
        port = int(text) if text.isdigit() and 0 < int(text) < 65536 else DEFAULT_PORT
        listed = tuple(line.split(",")[0].strip() for line in registry.strings(self.root, "DnsDomainPublishList"))
        self.settings = Settings(
            port,
            not registry.number(self.root, "DisableDnsPublishing"),
            bool(registry.number(self.root, "EnableKmsLowPriority")),
            tuple(zone for zone in listed if zone),
        )

    # -- publishing ----------------------------------------------------------------------------------------------

    def publishes(self) -> bool:
        """Would the service publish itself now?"""
        if self._dials["publishing_read"] == "at_service_start":
            return self.settings.publish
        return not self._machine.registry.number(self.root, "DisableDnsPublishing")

    def _publish(self) -> None:
        machine = self._machine
        if self.key is None or not self.running or not self.publishes():
            return
        zones = self.settings.zones or ((machine.options.domain,) if machine.options.domain else ())
        for zone in zones:
            try:
                if machine.publish is not None:
                    machine.publish(zone, machine.options.fqdn, self.settings.port)
            except OSError:
                machine.events.write(
                    machine.now(),
                    PUBLISHING_FAILED,
                    "Software Licensing Service",
                    2,
                    ("0x80072338", zone),
                    f"Publishing in DNS failed. Info: 0x80072338, {zone}",
                )
                continue
            self.published.append((zone, self.settings.port, machine.now()))
            machine.events.write(
                machine.now(),
                PUBLISHING_SUCCEEDED,
                "Software Licensing Service",
                3,
                (zone,),
                f"Publishing in DNS succeeded. Info: {zone}",
            )

    # -- keys ----------------------------------------------------------------------------------------------------

    def row_of(self, group: str) -> ProductRow | None:
        """The product a key group belongs to, None where this KMS version does not know it."""
        return next((row for row in self.rows if row.group == group), None)

    def install_key(self, text: str) -> float:
        """InstallProductKey. Returns the seconds it takes; raises ProviderError."""
        self.ensure_running()
        machine = self._machine
        seconds = machine.pace(SECONDS_TO_INSTALL_KEY)
        group = machine.authority.group_of(text) if looks_like_key(text) else None
        if group is None or machine.updates.unfinished or self.row_of(group) is None:
            raise ProviderError(SL_E_INVALID_PRODUCT_KEY, seconds)
        if machine.options.virtual and self._refuses_virtual():
            raise ProviderError(SL_E_VM_NOT_SUPPORTED, seconds)
        status = int(self._dials["status_after_key"])
        shown = installation_id(machine.options.fqdn, text, int(self._dials["installation_id_digits"]))
        self.key = HostKey(text.upper(), group, shown, status, REASONS[status])
        self.count = UNKNOWN_COUNT
        self._publish()
        self._plan_auto_activation()
        return seconds

    def _refuses_virtual(self) -> bool:
        dial = self._dials["kms_in_vm"]
        return dial == "refused" or (dial == "refused_by_1_0" and self._machine.updates.version == "1.0")

    def uninstall_key(self, row_id: str) -> None:
        """UninstallProductKey."""
        self.ensure_running()
        self._keyed(row_id)
        self.key = None
        self.count = UNKNOWN_COUNT

    def _keyed(self, row_id: str) -> HostKey:
        row = next((row for row in self.rows if row.id == row_id), None)
        if self.key is None or row is None or row.group != self.key.group:
            raise ProviderError(SL_E_PKEY_NOT_INSTALLED)
        return self.key

    # -- activation ----------------------------------------------------------------------------------------------

    def activate(self, row_id: str) -> float:
        """Activate. Returns the seconds it takes; raises ProviderError, whose `seconds` count too."""
        self.ensure_running()
        key = self._keyed(row_id)
        if self._machine.now() < self.busy_until:
            raise ProviderError(SL_E_ACTIVATION_IN_PROGRESS)
        seconds, hresult = self._go_online(key)
        if hresult:
            raise ProviderError(hresult, seconds)
        return seconds

    def _go_online(self, key: HostKey) -> tuple[float, int]:
        """Ask the emulated Microsoft now; the answer takes effect when it has come back."""
        machine = self._machine
        beyond = self._dials["activation_duration"] == "beyond_timeout"
        seconds = LONG_ACTIVATION if beyond else machine.pace(SHORT_ACTIVATION)
        hresult = machine.faults.microsoft or UNREACHABLE.get(self._dials["microsoft"], 0)
        if not hresult:
            self.activation_requests += 1
            hresult = machine.authority.activate(key.key, machine.options.fqdn)
        self.busy_until = machine.now() + seconds
        if not hresult:
            machine.while_up(seconds, lambda: self._activated(key))
        return seconds, hresult

    def _activated(self, key: HostKey) -> None:
        if key is self.key:
            key.status, key.reason = LICENSED, REASONS[LICENSED]
            self.count = 0

    def _plan_auto_activation(self) -> None:
        """Windows activates a host key by itself unless Activation\\Manual forbids it ("all, not just KMS")."""
        if self.key is not None and self.key.status != LICENSED and self._dials["auto_activation"] == "on":
            key = self.key
            self._machine.while_up(self._machine.pace(SECONDS_TO_AUTO_ACTIVATION), lambda: self._auto_activate(key))

    def _auto_activate(self, key: HostKey) -> None:
        manual = self._machine.registry.number(rf"{self.root}\Activation", "Manual")
        busy = self._machine.now() < self.busy_until
        if key is self.key and key.status != LICENSED and not manual and not busy and self.running:
            self._go_online(key)

    def deposit(self, row_id: str, shown: str, confirmation: str) -> None:
        """DepositOfflineConfirmationId. Raises ProviderError."""
        self.ensure_running()
        key = self._keyed(row_id)
        digits = confirmation.replace("-", "").replace(" ", "")
        if not digits.isdigit():
            raise ProviderError(SL_E_CID_DATA)
        if len(digits) != CONFIRMATION_DIGITS:
            raise ProviderError(SL_E_CID_LENGTH)
        if shown != key.installation_id:
            raise ProviderError(SL_E_CID_MISMATCH)
        if digits != confirmation_id(key.installation_id):
            raise ProviderError(SL_E_CID_CHECK_DIGITS)
        self._activated(key)

    # -- settings ------------------------------------------------------------------------------------------------

    def _needs_host(self) -> None:
        self.ensure_running()
        if not self.is_host():
            raise ProviderError(SL_E_NOT_A_KMS)

    def set_interval(self, name: str, minutes: int) -> None:
        """SetVLActivationInterval and SetVLRenewalInterval: 15 to 43200 minutes, on a KMS host only."""
        self._needs_host()
        if not 15 <= minutes <= 43200:
            raise ProviderError(E_INVALIDARG)
        self._machine.registry.write(self.root, name, REG_DWORD, minutes)

    def set_port(self, port: int | None) -> None:
        """Set- and ClearKeyManagementServiceListeningPort (from Windows 7). Takes effect at the next start."""
        self._needs_host()
        if port is None:
            self._machine.registry.erase(self.root, "KeyManagementServiceListeningPort")
        elif 0 < port < 65536:
            self._machine.registry.write(self.root, "KeyManagementServiceListeningPort", REG_SZ, str(port))
        else:
            raise ProviderError(E_INVALIDARG)

    def set_flag(self, name: str, on: bool) -> None:
        """DisableDnsPublishing and EnableKmsLowPriority through WMI (from Windows 7)."""
        self._needs_host()
        self._machine.registry.write(self.root, name, REG_DWORD, int(on))

    def refresh(self) -> None:
        """RefreshLicenseStatus."""
        self.ensure_running()
        if self._dials["refresh_license_status"] == "fault":
            raise ProviderError(E_INVALID_DATA)
