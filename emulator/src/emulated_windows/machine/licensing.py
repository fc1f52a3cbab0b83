# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service of a KMS host: whether it runs, its settings, its verbs for keys.

Knows the registry settings the service reads, and when it publishes itself in DNS. Refuses to know KMS clients: nothing
here answers an activation request.
What differs between releases is data (persona, data/key_groups.yml); what nobody has confirmed is a dial.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ..authority import partial_key
from ..key_groups import hosting
from .activation import Activation
from .admission import Admission
from .errors import ProviderError
from .keyring import Keyring
from .keys import LICENSED, OUT_OF_TOLERANCE, UNKNOWN_COUNT, HostKey, ProductKey
from .products import ProductRow, product_rows
from .publishing import SL_KEY, SPP_KEY, VERSION_MARK, Settings, configured_port, read, wow6432
from .registry import REG_DWORD, REG_SZ
from .self_publication import SelfPublication
from .services import Service

if TYPE_CHECKING:
    from .machine import Machine

SECONDS_TO_INSTALL_KEY = 1.5
INTERVALS = {"VLActivationInterval": 120, "VLRenewalInterval": 10080}
"""Minutes, by default."""

E_INVALIDARG = 0x80070057
ERROR_SERVICE_NOT_ACTIVE = 0x80070426
SL_E_PKEY_NOT_INSTALLED = 0xC004F014
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
        self.keyring = Keyring(machine)
        self.admission = Admission(machine)
        self.settings = Settings()
        self.activation = Activation(machine, self)
        self.publication = SelfPublication(machine, self)
        self.client_machine_id = str(uuid.UUID(int=machine.rng.getrandbits(128), version=4))
        self.serving = False
        """Does the service know that it is a KMS host? It may learn both, that it is and that it is none, late."""

    def _root(self) -> str:
        named = self._style.registry or self._dials["licensing_registry"]
        return SPP_KEY if named in ("SPP", "both_SPP_effective", "SPP_made_at_first_start") else SL_KEY

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
    def version(self) -> str:
        """SoftwareLicensingService.Version."""
        if self._style.version is not None:
            return self._style.version
        if self._dials["service_version"] == "5.2":
            return "5.2.3790.1830"
        shown = self._machine.updates.shown_version or "1.0"
        return {"1.0": "6.0.6000.16386", "1.1": "6.0.6001.18000", "1.2": "6.0.6002.18005"}[shown]

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
        machine = self._machine
        return product_rows(machine.persona, machine.options, self.groups, self._dials)

    def key_of(self, row: ProductRow) -> ProductKey | None:
        """The key a product has."""
        return self.keyring.of(row)

    @property
    def key(self) -> HostKey | None:
        """The host key of Windows."""
        return self.keyring.windows

    @property
    def count(self) -> int:
        """How many clients the host key of Windows has counted. (That the service shows this one is assumed.)"""
        return UNKNOWN_COUNT if self.key is None else self.key.count

    def hosts(self, key: ProductKey | None) -> bool:
        """Does this key make its product a KMS host in the eyes of the service?"""
        if not isinstance(key, HostKey):
            return False
        return self._dials["host_flag"] == "at_installation" or key.status in (LICENSED, OUT_OF_TOLERANCE)

    def is_host(self) -> bool:
        """Is this machine a KMS host, for Windows or for Office?"""
        return any(self.hosts(key) for key in self.keyring.host_keys)

    def listening_port(self) -> int | None:
        """The TCP port that is open for KMS clients, None if none is."""
        if not self.running or not self.there:
            return None
        return self.settings.port if self.serving or self._dials["kms_listens"] == "always" else None

    def _judge_serving(self, *, at_start: bool) -> None:
        """The keys have changed, or the service has started. When a key counts, and when its end does, are dials."""
        late = self._dials["kms_listens"] == "after_service_start", self._dials["kms_ends"] == "at_service_start"
        hosting = bool(self.keyring.host_keys)
        if at_start or not late[0 if hosting else 1]:
            self.serving = hosting
        if not self.serving:
            self.publication.end()

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
            service.on_stop.extend([self.activation.stopped, self.publication.pause])
        dial = self._dials.get("licensing_registry", "")
        if not dial.endswith("at_first_start"):
            self._make_root()
        if dial.startswith("both"):
            self._machine.registry.make(SL_KEY)
            self._machine.registry.make(SPP_KEY)

    def _make_root(self) -> None:
        """The key the service reads; on x64 programs of 32 bits may have one of their own (a dial)."""
        machine = self._machine
        machine.registry.make(self.root)
        if machine.persona.release.architecture == "x64" and self._dials["wow6432_root"] == "present":
            machine.registry.make(wow6432(self.root))

    def starts_at_boot(self) -> bool:
        """From Windows 7 on the service runs only while somebody asks it, or while there is a host key."""
        return self._machine.persona.since < (6, 1) or bool(self.keyring.host_keys)

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
        """Read the settings; publish; activate keys that wait for it."""
        self._make_root()
        self.settings = read(self._machine.registry, self.root)
        self._judge_serving(at_start=True)
        self.publication.renew()
        self.activation.refresh()
        self._plan_activation()

    def _plan_activation(self) -> None:
        for key in self.keyring.in_use:
            self.activation.plan(key)

    def change_hardware(self) -> None:
        """The machine is on other hardware; what was accepted for the former is a licence for that."""
        self.activation.refresh()
        self._machine.hardware.change()
        self.keyring.change_hardware()
        if self.running:
            self._plan_activation()

    # -- publishing ----------------------------------------------------------------------------------------------

    def publishes(self) -> bool:
        """Would the service publish itself now?"""
        if self._dials["publishing_read"] == "at_service_start":
            return self.settings.publish
        return not self._machine.registry.number(self.root, "DisableDnsPublishing")

    # -- keys ----------------------------------------------------------------------------------------------------

    def row_of(self, group: str) -> ProductRow | None:
        """The product a key group belongs to, None where this machine does not know it."""
        return next((row for row in self.rows if row.group == group), None)

    def install_key(self, text: str) -> float:
        """InstallProductKey. Returns the seconds it takes; raises ProviderError."""
        self.ensure_running()
        seconds = self._machine.pace(SECONDS_TO_INSTALL_KEY)
        row = self.admission.judge(text)
        if isinstance(row, int):
            group = self.admission.group_of(text)
            if group is not None:
                self.keyring.note("refused", partial_key(text), group)
            raise ProviderError(row, seconds)
        if row.group is None:
            self.keyring.place_own(row, text)
            self._judge_serving(at_start=False)
            return seconds
        key = self.keyring.place_host(row, text)
        self._judge_serving(at_start=False)
        self.publication.renew()
        self.activation.plan(key)
        return seconds

    def given(self, text: str, count: int | None) -> None:
        """A host key that was installed and activated long ago. ValueError, with a sentence, where that cannot be."""
        machine = self._machine
        name, group = machine.options.name, machine.authority.group_of(text)
        row = self.row_of(group) if group is not None else None
        if row is None:
            raise ValueError(f"{name}: this machine takes no host key of group {group or 'unknown'}")
        refusal = machine.authority.activate(text, machine.hardware.host)
        if refusal:
            raise ValueError(f"{name}: its host key cannot be activated any more (0x{refusal:08X})")
        key = self.keyring.place_host(row, text)
        self.keyring.activated(key)
        key.count = key.count if count is None else count
        self.start_now()

    def uninstall_key(self, row_id: str) -> None:
        """UninstallProductKey. What slmgr has written into the registry stays: the script would erase it."""
        self.ensure_running()
        row, _ = self.keyed(row_id)
        self.keyring.remove(row)
        self._judge_serving(at_start=False)

    def keyed(self, row_id: str) -> tuple[ProductRow, ProductKey]:
        """A row and its key. Raises ProviderError where there is none."""
        row = next((row for row in self.rows if row.id == row_id), None)
        key = self.key_of(row) if row is not None else None
        if row is None or key is None:
            raise ProviderError(SL_E_PKEY_NOT_INSTALLED)
        return row, key

    def version_marks(self) -> dict[str, str | None]:
        """KeyManagementServiceVersion in both views of the registry, as far as they have the licensing key."""
        registry = self._machine.registry
        places = {"native": self.root, "wow6432node": wow6432(self.root)}
        return {view: registry.text(path, VERSION_MARK) for view, path in places.items() if registry.key(path)}

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
        self.activation.refresh()
