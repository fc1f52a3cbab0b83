# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The licensing service as Windows shows it: WMI classes, keyed products, registry settings, and the calls on them.

Internal to the collection activation.kms; not a public interface.

Service name (sppsvc, slsvc), registry root (SoftwareProtectionPlatform, SL) and WMI members are probed each by itself:
on Server 2003 nobody has confirmed which belong together. A raw Get of SoftwareLicensingService is never returned: from
Windows 8 on it carries the firmware's whole product key (OA3xOriginalProductKey). Products are told apart by numbers,
ids and the untranslated channel token in Description (VOLUME_KMS...), as slmgr.vbs does.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._errors import Failure
from .._plan import Look, Reader
from .._secret import HostKey
from .._world import World
from .._wsman.client import Client
from .._wsman.faults import Fault
from .._wsman.values import Output, Row
from .registry import Registry
from .system import System

SERVICE_CLASS = "SoftwareLicensingService"
PRODUCT_CLASS = "SoftwareLicensingProduct"
# A class that lacks a named column fails the whole query, and which columns Server 2003's class has nobody has
# published: there all of them are asked for. From Windows 8 on that would bring the firmware's product key along.
SERVICE_QUERY_2003 = "SELECT * FROM SoftwareLicensingService"
SERVICE_QUERY = (
    "SELECT IsKeyManagementServiceMachine,KeyManagementServiceCurrentCount,RequiredClientCount,Version "
    "FROM SoftwareLicensingService"
)
SERVICE_ANSWERS = "SELECT Version FROM SoftwareLicensingService"
PRODUCT_QUERY = "SELECT * FROM SoftwareLicensingProduct WHERE PartialProductKey <> null"

_CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
ROOTS: t.Mapping[str, str] = {
    "SL": _CURRENT_VERSION + r"\SL",
    "SPP": _CURRENT_VERSION + r"\SoftwareProtectionPlatform",
}
"""Where the service may keep its settings; both are looked at."""

VALUE_PORT = "KeyManagementServiceListeningPort"
VALUE_NO_DNS = "DisableDnsPublishing"
VALUE_MANUAL = "Manual"
VALUE_MARK = "KeyManagementServiceVersion"

# The class is there but the service behind it is not: not active, disabled, did not start in time, server did not
# start, RPC server unavailable. So it is between the installation of KMS 1.0 and the restart.
_NOT_RUNNING = ("0x80070426", "0x80070422", "0x8007041D", "0x80080005", "0x800706BA")

LICENSED = 1
OUT_OF_TOLERANCE = 3
_CHANNEL = re.compile(r"VOLUME_KMS[A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class Product:
    """One licensed product that has a key."""

    id: str
    name: str
    description: str
    application_id: str
    partial_product_key: str
    license_status: int
    license_status_reason: int | None

    @property
    def channel(self) -> str:
        """The volume channel token, "VOLUME_KMS_R2_C" for instance; "" for other products."""
        found = _CHANNEL.search(self.description)
        return found.group(0) if found else ""

    @property
    def is_kms_host(self) -> bool:
        """A KMS host's product, by the rule of slmgr.vbs: VOLUME_KMS, but not VOLUME_KMSCLIENT."""
        return bool(self.channel) and not self.channel.startswith("VOLUME_KMSCLIENT")

    def as_data(self) -> dict[str, t.Any]:
        """Plain data; the partial key is what Windows itself shows."""
        return {**dataclasses.asdict(self), "channel": self.channel, "is_kms_host": self.is_kms_host}


@dataclasses.dataclass(frozen=True)
class Root:
    """One registry key of the licensing service's settings, as far as this collection reads it."""

    dns_publishing_disabled: bool = False
    port: int | None = None
    version_mark: bool = False
    manual: int | None = None


@dataclasses.dataclass(frozen=True)
class Licensing:
    """What the licensing service shows. `present` is False where its classes do not exist (Server 2003 before KMS).

    `answers` is False where the classes exist and the service behind them does not run.
    """

    key: t.ClassVar[str] = "licensing"

    present: bool
    answers: bool = True
    version: str = ""
    is_kms_host: bool | None = None
    current_count: int | None = dataclasses.field(default=None, compare=False)  # clients change it, we do not
    required_count: int | None = None
    products: tuple[Product, ...] = ()
    roots: t.Mapping[str, Root] = dataclasses.field(default_factory=dict)

    def host_product(self, last_five: str) -> Product | None:
        """The KMS host product that holds the key with these last five characters."""
        for product in self.host_products():
            if product.partial_product_key.upper() == last_five.upper():
                return product
        return None

    def host_products(self) -> tuple[Product, ...]:
        """Every KMS host product with a key."""
        return tuple(product for product in self.products if product.is_kms_host)

    @property
    def port(self) -> int:
        """The listening port; 1688 unless set."""
        return next((root.port for root in self.roots.values() if root.port), 1688)

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "present": self.present,
            "answers": self.answers,
            "version": self.version,
            "is_kms_host": self.is_kms_host,
            "current_count": self.current_count,
            "required_count": self.required_count,
            "products": [product.as_data() for product in self.products],
            "port": self.port,
            "self_publishing": not all(root.dns_publishing_disabled for root in self.roots.values())
            if self.roots
            else None,
            "registry_roots": {name: ROOTS[name] for name in self.roots},
        }


def read_licensing(with_manual: t.Callable[[Look], bool]) -> Reader:
    """A reader of classes and settings.

    Args:
        with_manual: whether Activation\\Manual matters now; it takes a request of its own a root.
    """

    def read(world: World, look: Look) -> Licensing:
        client = Client(world)
        query = SERVICE_QUERY_2003 if look[System].is_server_2003 else SERVICE_QUERY
        roots = _read_roots(Registry(client), with_manual(look))
        try:
            services = client.query_or_none("root/cimv2", query)
        except Fault as fault:
            if fault.code in _NOT_RUNNING:
                return Licensing(present=True, answers=False, roots=roots)
            raise
        if services is None:
            return Licensing(present=False, roots=roots)
        return _licensing(world, services[0], roots) if services else Licensing(True, answers=False, roots=roots)

    return read


def _licensing(world: World, service: Row, roots: t.Mapping[str, Root]) -> Licensing:
    flag = service.integer("IsKeyManagementServiceMachine")
    return Licensing(
        present=True,
        version=service.text("Version") or "",
        is_kms_host=None if flag is None else bool(flag),
        current_count=_count(service),
        required_count=service.integer("RequiredClientCount"),
        products=read_products(world),
        roots=roots,
    )


def read_products(world: World) -> tuple[Product, ...]:
    """The products that have a key; one request."""
    rows = Client(world).query_or_none("root/cimv2", PRODUCT_QUERY) or []
    return tuple(_product(row) for row in rows)


def service_answers(world: World) -> bool:
    """Whether the licensing service's WMI class gives its instance; one request. Raises Problem otherwise."""
    return bool(Client(world).query_or_none("root/cimv2", SERVICE_ANSWERS))


def _count(service: Row) -> int | None:
    """KeyManagementServiceCurrentCount; 4294967295 (-1) means no KMS host, or nobody has asked yet."""
    count = service.integer("KeyManagementServiceCurrentCount")
    return None if count is None or count in (-1, 0xFFFFFFFF) else count


def _product(row: Row) -> Product:
    return Product(
        id=(row.text("ID") or "").lower(),
        name=row.text("Name") or "",
        description=row.text("Description") or "",
        application_id=(row.text("ApplicationID") or row.text("ApplicationId") or "").lower(),
        partial_product_key=row.text("PartialProductKey") or "",
        license_status=row.integer("LicenseStatus") or 0,
        license_status_reason=row.integer("LicenseStatusReason"),
    )


def _read_roots(registry: Registry, with_manual: bool) -> dict[str, Root]:
    """The settings keys that exist. Values are asked for only where they are there: a missing one costs nothing."""
    roots = {}
    for name, key in ROOTS.items():
        values = registry.values(key)
        if values is not None:
            roots[name] = Root(
                dns_publishing_disabled=VALUE_NO_DNS in values and bool(registry.number(key, VALUE_NO_DNS)),
                port=_port(registry.text(key, VALUE_PORT)) if VALUE_PORT in values else None,
                version_mark=VALUE_MARK in values,
                manual=registry.number(key + r"\Activation", VALUE_MANUAL) if with_manual else None,
            )
    return roots


def _port(text: str | None) -> int | None:
    """The port a setting names; None where it is empty or no number, as when it is not there."""
    digits = (text or "").strip()
    return int(digits) or None if digits.isascii() and digits.isdecimal() else None


def read_manual(world: World, root: str) -> int | None:
    """Activation\\Manual under one settings key: 1 stops automatic activation; None where it is not set."""
    registry = Registry(Client(world))
    return registry.number(ROOTS[root] + r"\Activation", VALUE_MANUAL)


def write_manual(world: World, root: str, value: int | None) -> None:
    """Set Activation\\Manual, or remove it (None)."""
    registry = Registry(Client(world))
    if value is None:
        registry.delete_value(ROOTS[root] + r"\Activation", VALUE_MANUAL)
    else:
        registry.set_number(ROOTS[root] + r"\Activation", VALUE_MANUAL, value)


def write_settings(world: World, root: str, *, dns_publishing_disabled: bool | None, port: int | None) -> None:
    """Write what is not None. Takes effect when the licensing service starts next."""
    registry = Registry(Client(world))
    if dns_publishing_disabled is not None:
        registry.set_number(ROOTS[root], VALUE_NO_DNS, int(dns_publishing_disabled))
    if port is not None:
        registry.set_text(ROOTS[root], VALUE_PORT, str(port))


def write_version_mark(world: World, roots: t.Iterable[str], version: str) -> None:
    """Keep slmgr.vbs' side effect: MOM and SCOM find a KMS host by this value, in both registry views."""
    registry = Registry(Client(world))
    for root in roots:
        registry.set_text(ROOTS[root], VALUE_MARK, version)
        wow = ROOTS[root].replace("SOFTWARE\\", "SOFTWARE\\Wow6432Node\\", 1)
        if registry.values(wow) is not None:
            registry.set_text(wow, VALUE_MARK, version)


def install_key(world: World, version: str, key: HostKey) -> Output:
    """SoftwareLicensingService.InstallProductKey; the key travels inside the message body only."""
    return _service(world, version, "InstallProductKey", {"ProductKey": key})


def refresh(world: World, version: str) -> None:
    """RefreshLicenseStatus, as slmgr.vbs does after each change; its failure means nothing (slmgr ignores it too)."""
    try:
        _service(world, version, "RefreshLicenseStatus", {})
    except Failure as problem:
        world.log(f"RefreshLicenseStatus: {problem.message}")


def activate(world: World, product_id: str, timeout: float) -> Output:
    """SoftwareLicensingProduct.Activate: spends one activation of the key."""
    client = Client(world)
    return client.invoke(
        "root/cimv2", PRODUCT_CLASS, "Activate", {}, selectors={"ID": product_id}, mutating=True, timeout=timeout
    )


def _service(world: World, version: str, method: str, parameters: t.Mapping[str, t.Any]) -> Output:
    client = Client(world)
    return client.invoke("root/cimv2", SERVICE_CLASS, method, parameters, selectors={"Version": version}, mutating=True)
