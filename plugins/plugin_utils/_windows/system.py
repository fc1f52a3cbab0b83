# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What machine this is: release, edition, service pack, architecture, language, names, clock, services.

Internal to the collection activation.kms; not a public interface.

Read with four requests, none of which changes anything. Decides on numbers; `caption` is carried along for people only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from .._data import load
from .._errors import Failure
from .._plan import Look
from .._world import World
from .._wsman.client import Client
from .._wsman.values import Row
from .registry import Registry

_NAMES = load(__file__, "data", "names.yml")

OPERATING_SYSTEM = (
    "SELECT BuildNumber,Caption,LastBootUpTime,LocalDateTime,OSLanguage,OSProductSuite,OtherTypeDescription,"
    "ProductType,ServicePackMajorVersion,Version,WindowsDirectory FROM Win32_OperatingSystem"
)
COMPUTER = (
    "SELECT DNSHostName,Domain,DomainRole,Manufacturer,Model,Name,PartOfDomain,SystemType FROM Win32_ComputerSystem"
)
SERVICES: t.Mapping[bool, tuple[str, ...]] = {
    True: ("sppsvc", "slsvc", "SharedAccess"),
    False: ("MpsSvc",),
}
"""The services every run looks at, on Server 2003 and on everything later.

On Server 2003 nobody has confirmed what the licensing service is called, so all are asked for in one query. From 6.0 on
its name follows from the release, and a query with a single row costs a single request: WinRM sends the first row with
the answer to Enumerate, and every further row takes a Pull.
"""
TCPIP = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"

BOOT_TOLERANCE = dt.timedelta(seconds=5)
"""LastBootUpTime wobbles by fractions of a second to two seconds when the clock is corrected."""


@dataclasses.dataclass(frozen=True)
class Service:
    """A Windows service. `state` and `start_mode` are words that Windows does not translate."""

    name: str
    state: str
    start_mode: str

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.state == "Running"


@dataclasses.dataclass(frozen=True)
class System:
    """The machine. Times are the machine's own, in UTC; `clock_ahead`: of the controller's clock, in seconds."""

    key: t.ClassVar[str] = "system"

    release: str
    edition: str
    caption: str
    version: str
    build: int
    service_pack: int
    architecture: str
    language: int
    language_code: str
    workstation: bool
    domain_controller: bool
    virtual: bool
    boot_time: dt.datetime = dataclasses.field(compare=False)  # wobbles from look to look; see booted_since
    clock: dt.datetime = dataclasses.field(compare=False)
    clock_ahead: float = dataclasses.field(compare=False)
    windows_directory: str
    hostname: str
    dns_suffix: str
    services: t.Mapping[str, Service]

    def time(self, world: World) -> dt.datetime:
        """What the machine's own clock shows now, without asking it."""
        return dt.datetime.fromtimestamp(world.now() + self.clock_ahead, dt.timezone.utc)

    @property
    def is_server_2003(self) -> bool:
        """Whether it is of the Server 2003 generation (5.2): other update engine, firewall and WMI columns."""
        return self.version.startswith("5.2.")

    @property
    def fqdn(self) -> str:
        """The host's own full name in DNS, lower case; the bare name where it has no primary suffix."""
        return f"{self.hostname}.{self.dns_suffix}".rstrip(".").lower()

    def booted_since(self, moment: dt.datetime) -> bool:
        """Whether this boot is another one than the boot at that moment."""
        return abs(self.boot_time - moment) > BOOT_TOLERANCE

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        data = dataclasses.asdict(self)
        data["boot_time"] = moment_text(self.boot_time)
        data["clock"] = moment_text(self.clock)
        data["clock_ahead"] = round(self.clock_ahead)
        data["services"] = {s.name: {"state": s.state, "start_mode": s.start_mode} for s in self.services.values()}
        data["fqdn"] = self.fqdn
        return data


def moment_text(moment: dt.datetime) -> str:
    """A moment as ISO 8601 in UTC with Z."""
    return moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_system(world: World, look: Look) -> System:
    """Read the machine. Raises Problem."""
    client = Client(world)
    row = _only(client.query("root/cimv2", OPERATING_SYSTEM), "Win32_OperatingSystem", world.host)
    now = world.now()
    computer = _only(client.query("root/cimv2", COMPUTER), "Win32_ComputerSystem", world.host)
    version, build = row.text("Version") or "", row.integer("BuildNumber") or 0
    services = read_services(client, SERVICES[version.startswith("5.2.")])
    suffix = Registry(client).text(TCPIP, "Domain") or ""
    boot, clock = row.moment("LastBootUpTime"), row.moment("LocalDateTime")
    if boot is None or clock is None:
        raise _no_boot_time(world)
    language = row.integer("OSLanguage") or 0
    product_type = row.integer("ProductType") or 0
    return System(
        release=release_of(version, build, product_type),
        edition=edition_of(row.integer("OSProductSuite") or 0),
        caption=row.text("Caption") or "",
        version=version,
        build=build,
        service_pack=row.integer("ServicePackMajorVersion") or 0,
        architecture=architecture_of(computer.text("SystemType") or ""),
        language=language,
        language_code=_NAMES["languages"].get(language, ""),
        workstation=product_type == 1,
        domain_controller=product_type == 2,
        virtual=_is_virtual(computer),
        boot_time=boot,
        clock=clock,
        clock_ahead=clock.timestamp() - now,
        windows_directory=(row.text("WindowsDirectory") or r"C:\WINDOWS").rstrip("\\"),
        hostname=computer.text("DNSHostName") or computer.text("Name") or "",
        dns_suffix=suffix,
        services=services,
    )


def read_boot_time(world: World) -> dt.datetime:
    """When the machine was started, by its own clock; one request. Raises Problem."""
    rows = Client(world).query("root/cimv2", "SELECT LastBootUpTime FROM Win32_OperatingSystem")
    moment = rows[0].moment("LastBootUpTime") if rows else None
    if moment is None:
        raise _no_boot_time(world)
    return moment


def read_services(client: Client, names: t.Sequence[str]) -> dict[str, Service]:
    """These services, as far as the host has them, by lower-case name; one query. Raises Problem."""
    where = " OR ".join(f"Name='{name}'" for name in names)
    rows = client.query("root/cimv2", f"SELECT Name,StartMode,State FROM Win32_Service WHERE {where}")
    found = [Service(row.text("Name") or "", row.text("State") or "", row.text("StartMode") or "") for row in rows]
    return {service.name.lower(): service for service in found}


def release_of(version: str, build: int, product_type: int) -> str:
    """The release's id, "unknown" for one the table does not have."""
    for row in _NAMES["releases"]:
        if version.startswith(row["version"]) and product_type in row["product_types"] and build >= row.get("build", 0):
            return str(row["id"])
    return "unknown"


def edition_of(suite: int) -> str:
    """The edition's id from the product suite bits."""
    for row in _NAMES["editions"]:
        if suite & row["bit"]:
            return str(row["id"])
    return "standard"


def architecture_of(system_type: str) -> str:
    """x86, x64, ia64 or arm64. OSArchitecture does not exist on Server 2003, SystemType does and is not translated."""
    text = system_type.lower()
    if "arm" in text:
        return "arm64"
    if "x64" in text or "amd64" in text:
        return "x64"
    return "ia64" if "itanium" in text or "ia64" in text else "x86"


def _is_virtual(computer: Row) -> bool:
    text = f"{computer.text('Manufacturer') or ''} {computer.text('Model') or ''}".lower()
    return any(piece in text for piece in _NAMES["virtual"])


def _no_boot_time(world: World) -> Failure:
    return Failure(
        f"{world.host}: Windows does not say when it was started (Win32_OperatingSystem)", name="no_boot_time"
    )


def _only(rows: t.Sequence[Row], class_name: str, host: str) -> Row:
    if not rows:
        raise Failure(f"{host}: {class_name} has no instance; WMI on the host is damaged", name="wmi_damaged")
    return rows[0]
