# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of a KMS host: its key, its settings, what it publishes.

Knows host keys by group, the registry settings the service reads, and publishing itself in DNS. Refuses to know KMS
clients: nothing here answers an activation request.
What differs between releases is data (persona, data/key_groups.yml); what nobody has confirmed is a dial.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ..authority import installation_id, looks_like_key, partial_key
from ..key_groups import hosting
from .activation import Activation
from .errors import ProviderError
from .events import PUBLISHING_FAILED, PUBLISHING_SUCCEEDED
from .keys import LICENSED, REASONS, HostKey, KeyEvent, ProductKey
from .products import OWN_CHANNELS, ProductRow, own_product, product_rows
from .publishing import SL_KEY, SPP_KEY, Settings, configured_port, read, zones
from .registry import REG_DWORD, REG_SZ
from .services import Service

if TYPE_CHECKING:
    from .machine import Machine

UNKNOWN_COUNT = 0xFFFFFFFF
SECONDS_TO_INSTALL_KEY = 1.5
INTERVALS = {"VLActivationInterval": 120, "VLRenewalInterval": 10080}
"""Minutes, by default."""
GRACE_MINUTES, CLIENT_MINUTES = 43_200, 259_200

E_INVALIDARG = 0x80070057
ERROR_SERVICE_NOT_ACTIVE = 0x80070426
SL_E_PKEY_NOT_INSTALLED = 0xC004F014
SL_E_INVALID_PRODUCT_KEY = 0xC004F050
SL_E_MISMATCHED_PRODUCT_SKU = 0xC004F069
SL_E_VM_NOT_SUPPORTED = 0xC004F06B
SL_E_NOT_A_KMS = 0xC004F039
E_INVALID_DATA = 0x8007000D


class Licensing:
    """The licensing service of one machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._dials = machine.dials
        self._style = machine.persona.licensing
        self.service_name = self._style.service or machine.dials["licensing_service"]
        self.root = self._root()
        self.key: HostKey | None = None
        self.former: dict[str, HostKey] = {}
        """Host keys before this one that are still in their rows, by group (a dial)."""
        self.own: ProductKey | None = None
        self.own_channel = ""
        self.settings = Settings()
        self.activation = Activation(machine, self)
        self.count = UNKNOWN_COUNT
        self.published: list[tuple[str, int, float]] = []
        self.history: list[KeyEvent] = []
        self._too_early: set[str] = set()
        self.client_machine_id = str(uuid.UUID(int=machine.rng.getrandbits(128), version=4))
        product = own_product(machine.persona.release.id)
        if product is not None:
            self._key_own(product.key, machine.dials["own_product"])

    def _root(self) -> str:
        named = self._style.registry or self._dials["licensing_registry"]
        return SPP_KEY if named in ("SPP", "both_SPP_effective", "SPP_made_at_first_start") else SL_KEY

    def _key_own(self, key: str, dial: str) -> None:
        """The key the machine itself runs under."""
        self.own_channel = OWN_CHANNELS[dial]
        partial = partial_key(key) if dial == "kms_client" else "3V66T"
        minutes = CLIENT_MINUTES if dial == "kms_client" else 0
        self.own = ProductKey(partial, LICENSED, REASONS[LICENSED], minutes)

    # -- what is there -------------------------------------------------------------------------------------------

    @property
    def there(self) -> bool:
        """Is there a licensing service at all? Server 2003 gets it with KMS 1.0, later releases have their own."""
        return self._style.service is not None or self._machine.updates.shown_version is not None

    @property
    def running(self) -> bool:
        """Is the service at work?"""
        return self._machine.services.running(self.service_name)

    @property
    def groups(self) -> tuple[str, ...]:
        """The host key groups that are known now."""
        machine = self._machine
        hosts = hosting()[machine.persona.release.id]
        if machine.persona.packages == "update_exe":
            version = machine.updates.shown_version
            return hosts.updates[f"kms_{version.replace('.', '_')}"] if version else ()
        return hosts.groups(machine.updates.effective, machine.ubr)

    @property
    def rows(self) -> tuple[ProductRow, ...]:
        """The products known now."""
        return product_rows(self._machine.persona, self.groups, self._dials)

    def key_of(self, row: ProductRow) -> ProductKey | None:
        """The key a row has."""
        if row.group is not None:
            return self.key if self.key is not None and self.key.group == row.group else self.former.get(row.group)
        return self.own if self.own is not None and f"{self.own_channel} channel" in row.description else None

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

    def shown_port(self) -> int:
        """What KeyManagementServiceListeningPort shows: 0 for the usual one. Configured or in force is a dial."""
        in_force = self._dials["port_shown"] == "in_force"
        port = self.settings.port if in_force else configured_port(self._machine.registry, self.root)
        return 0 if port == 1688 else port

    def interval(self, name: str) -> int:
        """VLActivationInterval or VLRenewalInterval in minutes."""
        found = self._machine.registry.number(self.root, name)
        return INTERVALS[name] if found is None else found

    # -- coming and going ----------------------------------------------------------------------------------------

    def install_service(self) -> None:
        """Hook into the service there is, or add the one the installation of KMS 1.0 brings."""
        services = self._machine.services
        service = services.get(self.service_name)
        if service is None:
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
            services.add(service)
        if self._started not in service.on_start:
            service.on_start.append(self._started)
        dial = self._dials.get("licensing_registry", "")
        if not dial.endswith("at_first_start"):
            self._machine.registry.make(self.root)
        if dial.startswith("both"):
            self._machine.registry.make(SL_KEY)
            self._machine.registry.make(SPP_KEY)

    def starts_at_boot(self) -> bool:
        """From Windows 7 on the service runs only while somebody asks it, or while there is a host key."""
        return self._machine.persona.since < (6, 1) or self.key is not None

    def start_now(self) -> None:
        """Start the service without its usual delay, if it may run at all."""
        service = self._machine.services.get(self.service_name)
        if service is not None and service.mode != "Disabled" and self.there:
            self._machine.services.started(service)

    def ensure_running(self) -> None:
        """What a method or a query needs. Raises ProviderError where the service is down and stays so."""
        if self.running:
            return
        if self._dials.get("licensing_stopped", "starts_itself") == "starts_itself":
            self.start_now()
        if not self.running:
            raise ProviderError(ERROR_SERVICE_NOT_ACTIVE)

    def _started(self) -> None:
        """Read the settings; publish; activate a key that waits for it."""
        self._machine.registry.make(self.root)
        self.settings = read(self._machine.registry, self.root)
        self._publish()
        self.activation.plan()

    # -- publishing ----------------------------------------------------------------------------------------------

    def publishes(self) -> bool:
        """Would the service publish itself now?"""
        if self._dials["publishing_read"] == "at_service_start":
            return self.settings.publish
        return not self._machine.registry.number(self.root, "DisableDnsPublishing")

    def _publish(self) -> None:
        if self.key is None or not self.running or not self.publishes():
            return
        for zone in zones(self.settings, self._machine.options.domain, self._dials):
            self._publish_in(zone)

    def _publish_in(self, zone: str) -> None:
        machine, source = self._machine, self._style.event_source
        try:
            if machine.publish is not None:
                machine.publish(zone, machine.options.fqdn, self.settings.port)
        except OSError:
            said = f"Publishing in DNS failed. Info: 0x80072338, {zone}"
            machine.events.write(machine.now(), PUBLISHING_FAILED, source, 2, ("0x80072338", zone), said)
            return
        self.published.append((zone, self.settings.port, machine.now()))
        said = f"Publishing in DNS succeeded. Info: {zone}"
        machine.events.write(machine.now(), PUBLISHING_SUCCEEDED, source, 3, (zone,), said)

    # -- keys ----------------------------------------------------------------------------------------------------

    def row_of(self, group: str) -> ProductRow | None:
        """The product a key group belongs to, None where this machine does not know it."""
        return next((row for row in self.rows if row.group == group), None)

    def _note(self, what: str, partial: str, group: str | None) -> None:
        self.history.append(KeyEvent(what, partial, group, self._machine.now()))

    def install_key(self, text: str) -> float:
        """InstallProductKey. Returns the seconds it takes; raises ProviderError."""
        self.ensure_running()
        machine = self._machine
        seconds = machine.pace(SECONDS_TO_INSTALL_KEY)
        product = own_product(machine.persona.release.id)
        if product is not None and text.upper() == product.key:
            self._become_client(product.key)
            return seconds
        group = machine.authority.group_of(text) if looks_like_key(text) else None
        objection = self._objection(text, group)
        if objection or group is None:
            if group is not None:
                self._note("refused", partial_key(text), group)
            raise ProviderError(objection, seconds)
        self._place(text, group)
        self._publish()
        self.activation.plan()
        return seconds

    def _objection(self, text: str, group: str | None) -> int:
        """What speaks against a host key, 0 for nothing."""
        machine = self._machine
        if group is None:
            return SL_E_INVALID_PRODUCT_KEY
        if machine.options.evaluation:
            return SL_E_MISMATCHED_PRODUCT_SKU
        if machine.persona.packages == "update_exe" and machine.updates.unfinished:
            return SL_E_INVALID_PRODUCT_KEY
        if self.row_of(group) is None:
            self._too_early.add(text.upper())
            return int(self._dials.get("unknown_group", "0xC004F050"), 16)
        if text.upper() in self._too_early and self._dials.get("key_used_too_early") == "spoilt":
            return SL_E_INVALID_PRODUCT_KEY
        if machine.options.virtual and self._refuses_virtual():
            return SL_E_VM_NOT_SUPPORTED
        return 0

    def _place(self, text: str, group: str) -> None:
        """The key is in. It takes the place of the host key before it."""
        status = int(self._dials["status_after_key"])
        shown = installation_id(self._machine.options.fqdn, text, int(self._dials["installation_id_digits"]))
        if self.key is None or self.key.key != text.upper():
            self.count = UNKNOWN_COUNT if self._dials["count_after_new_key"] == "unknown" else 0
        if self.key is not None and self._dials["old_host_key"] == "stays":
            self.former[self.key.group] = self.key
        self.former.pop(group, None)
        self.key = HostKey(partial_key(text), status, REASONS[status], GRACE_MINUTES, text.upper(), group, shown)
        if self._dials.get("own_key_after_host_key") == "gone":
            self.own = None
        self._note("installed", self.key.partial, group)

    def given(self, text: str, count: int | None) -> None:
        """A host key that was installed and activated long ago. ValueError, with a sentence, where that cannot be."""
        machine = self._machine
        group = machine.authority.group_of(text)
        if group is None or self.row_of(group) is None:
            raise ValueError(f"{machine.options.name}: this machine takes no host key of group {group or 'unknown'}")
        refusal = machine.authority.activate(text, machine.options.fqdn)
        if refusal:
            raise ValueError(f"{machine.options.name}: its host key cannot be activated any more (0x{refusal:08X})")
        self._place(text, group)
        if self.key is not None:
            self.activated(self.key)
        self.count = count or 0
        self.start_now()

    def _become_client(self, setup_key: str) -> None:
        """The public client setup key of this edition: the machine is a KMS client again, and no host."""
        if self.key is not None:
            self._note("removed", self.key.partial, self.key.group)
        self.key, self.count = None, UNKNOWN_COUNT
        self.former.clear()
        self._key_own(setup_key, "kms_client")
        if self.own is not None:
            self.own.status, self.own.reason, self.own.minutes = 2, REASONS[2], GRACE_MINUTES
            self._note("installed", self.own.partial, None)

    def _refuses_virtual(self) -> bool:
        dial = self._dials.get("kms_in_vm", "allowed")
        return dial == "refused" or (dial == "refused_by_1_0" and self._machine.updates.version == "1.0")

    def uninstall_key(self, row_id: str) -> None:
        """UninstallProductKey."""
        self.ensure_running()
        row, key = self.keyed(row_id)
        self._note("removed", key.partial, row.group)
        if row.group is None:
            self.own = None
        elif key is self.key:
            self.key, self.count = None, UNKNOWN_COUNT
        else:
            del self.former[row.group]

    def keyed(self, row_id: str) -> tuple[ProductRow, ProductKey]:
        """A row and its key. Raises ProviderError where there is none."""
        row = next((row for row in self.rows if row.id == row_id), None)
        key = self.key_of(row) if row is not None else None
        if row is None or key is None:
            raise ProviderError(SL_E_PKEY_NOT_INSTALLED)
        return row, key

    def activated(self, key: HostKey) -> None:
        """A host key has been activated, if it is still there."""
        if key is self.key and self.count == UNKNOWN_COUNT:
            self.count = 0
        if key is self.key or key is self.former.get(key.group):
            key.status, key.reason, key.minutes = LICENSED, REASONS[LICENSED], 0
            self._note("activated", key.partial, key.group)

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
        if self._dials.get("refresh_license_status") == "fault":
            raise ProviderError(E_INVALID_DATA)
