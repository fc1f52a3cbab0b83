# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the licensing service: WMI classes, keyed products, and of the registry only what WMI does not show.

Internal to the collection activation.kms; not a public interface.

A raw Get of SoftwareLicensingService is never made: from Windows 8 on it carries the firmware's whole product key
(OA3xOriginalProductKey). Requests: one a settings key, one for the service, one for the products (and a Pull where
there are several), one for each setting that stands in the registry and is not shown by WMI.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._plan import Look, Reader
from ..._world import World
from ..._wsman.client import Client
from ..._wsman.faults import Fault
from ..._wsman.values import Row, literal
from ..registry import DWORD, MULTI_SZ, SZ, Registry
from ..system import System
from .generations import PRODUCT_CLASS, ROOTS, SERVICE_CLASS, SETTINGS, WINDOWS, Generation, Setting, generation
from .part import LICENSED, Keys, Licensing, Product, Root, Service, Values

SERVICE_ANSWERS = f"SELECT Version FROM {SERVICE_CLASS}"
VALUE_MANUAL = "Manual"
VALUE_MARK = "KeyManagementServiceVersion"

# The class is there but the service behind it is not: not active, disabled, did not start in time, server did not
# start, RPC server unavailable. So it is between the installation of KMS 1.0 and the restart.
_NOT_RUNNING = ("0x80070426", "0x80070422", "0x8007041D", "0x80080005", "0x800706BA")
_TYPES = {"text": SZ, "number": DWORD, "texts": MULTI_SZ}
_NOT_SET = (-1, 0xFFFFFFFF)  # how an unsigned column says "none", as a Windows 10 that is no KMS host does


def licensing_readers(
    with_manual: t.Callable[[Look, Licensing], bool], product_id: str | None = None
) -> dict[type, Reader]:
    """The readers of Licensing and of the two parts it is made of.

    Args:
        with_manual: whether Activation\\Manual matters, by what else was seen; it takes a request of its own a root.
        product_id: a product that is looked for by its ID, whether it has a key or not.
    """

    def keys(world: World, look: Look) -> Keys:
        return read_keys(world, look[System].version, product_id)

    def service(world: World, look: Look) -> Service:
        client = Client(world)
        found = _read_service(client, generation(look[System].version), look)
        if not with_manual(look, found):
            return Service(found)
        roots = {
            name: dataclasses.replace(root, manual=read_manual(client, name)) for name, root in found.roots.items()
        }
        return Service(dataclasses.replace(found, roots=roots))

    def whole(world: World, look: Look) -> Licensing:
        seen = look[Service].seen
        return with_keys(seen, look[Keys]) if seen.present and seen.answers else seen

    return {Keys: keys, Service: service, Licensing: whole}


def _read_service(client: Client, kind: Generation, look: Look) -> Licensing:
    """Service, settings keys and, where the service answers, the keys too: what the registry is asked goes by them."""
    registry = Registry(client)
    there = _roots_there(registry, kind)
    try:
        services = client.query_or_none("root/cimv2", kind.service_query)
    except Fault as fault:
        if fault.code in _NOT_RUNNING:
            return Licensing(True, answers=False, roots=_read_roots(registry, there, Values()))
        raise
    if not services:
        present = services is not None
        return Licensing(present, answers=not present, roots=_read_roots(registry, there, Values()))
    service = services[0]
    said = service.integer("IsKeyManagementServiceMachine")
    found = Licensing(
        present=True,
        version=service.text("Version") or "",
        is_kms_host=None if said is None else bool(said),
        current_count=_count(service, "KeyManagementServiceCurrentCount"),
        required_count=_count(service, "RequiredClientCount"),
    )
    found = with_keys(found, look[Keys])
    shown = _shown(service, kind) if found.is_kms_host else Values()
    return dataclasses.replace(found, roots=_read_roots(registry, there, shown), shown=shown)


def with_keys(found: Licensing, keys: Keys) -> Licensing:
    """The same with these keys. From 6.1 on a product has counts of its own, and slmgr.vbs shows those."""
    hosting = any(product.hosting for product in keys.products)
    found = dataclasses.replace(
        found, products=keys.products, named=keys.named, is_kms_host=hosting or found.is_kms_host
    )
    hosts = sorted(found.host_products(), key=lambda product: product.license_status != LICENSED)
    if not hosts:
        return found
    count, threshold = found.count_of(hosts[0]), found.threshold_of(hosts[0])
    return dataclasses.replace(found, current_count=count, required_count=threshold)


def read_keys(world: World, version: str, product_id: str | None = None) -> Keys:
    """The products that have a key, of a Windows of this version, and the one with this ID whether it has one or not.

    Where the service is there its products are: a query that fails is never taken for "no key".
    """
    kind = generation(version)
    also = "" if product_id is None else f" OR ID={literal(product_id)}"
    rows = [_product(row, kind) for row in Client(world).query("root/cimv2", kind.product_query + also)]
    named = next((row for row in rows if row.id == product_id), None)
    return Keys(tuple(row for row in rows if row.partial_product_key), named)


def service_answers(world: World) -> bool:
    """Whether the licensing service's WMI class gives its instance; one request. Raises Problem otherwise.

    From 6.1 on the service starts on demand, and this demands it.
    """
    return bool(Client(world).query_or_none("root/cimv2", SERVICE_ANSWERS))


def read_manual(client: Client, root: str) -> int | None:
    """Activation\\Manual under one settings key: 1 stops automatic activation; None where it is not set."""
    return Registry(client).number(ROOTS[root] + r"\Activation", VALUE_MANUAL)


def read_installation_id(world: World, product_id: str) -> str | None:
    """The digits that Microsoft wants for an offline activation; None where the product shows none. One request.

    Asked for by itself: the service computes it from the hardware for each product that shows it.
    """
    wql = f"SELECT OfflineInstallationId FROM {PRODUCT_CLASS} WHERE ID={literal(product_id)}"
    rows = Client(world).query("root/cimv2", wql)
    return (rows[0].text("OfflineInstallationId") or None) if rows else None


def _product(row: Row, kind: Generation) -> Product:
    application = (row.text("ApplicationID") or row.text("ApplicationId") or "").lower()
    hosting = row.integer("IsKeyManagementServiceMachine")
    return Product(
        id=(row.text("ID") or "").lower(),
        name=row.text("Name") or "",
        description=row.text("Description") or "",
        application_id=application,
        partial_product_key=row.text("PartialProductKey") or "",
        license_status=row.integer("LicenseStatus"),
        license_status_reason=row.integer("LicenseStatusReason"),
        foreign=kind.foreign_products and application not in ("", WINDOWS),
        hosting=None if hosting is None else hosting == 1,
        required_count=_count(row, "RequiredClientCount"),
        current_count=_count(row, "KeyManagementServiceCurrentCount"),
    )


def _count(row: Row, column: str) -> int | None:
    """A number of clients; 4294967295 (-1) means no KMS host, or nobody has asked yet."""
    count = row.integer(column)
    return None if count in _NOT_SET else count


def _shown(service: Row, kind: Generation) -> Values:
    """The settings the service's row shows; a port of 0 is the default one (slmgr.vbs)."""
    found: dict[str, t.Any] = {}
    for name in kind.by_wmi:
        column, default = SETTINGS[name].column, SETTINGS[name].default
        found[name] = service.boolean(column) if isinstance(default, bool) else _count(service, column)
        if found[name] == 0 and name == "port":
            found[name] = default
    return Values(**found)


def _roots_there(registry: Registry, kind: Generation) -> dict[str, dict[str, int]]:
    """The settings keys that exist, with the names of their values in lower case and the types."""
    found = {root: registry.values(ROOTS[root]) for root in kind.roots}
    return {
        root: {name.lower(): value_type for name, value_type in values.items()}
        for root, values in found.items()
        if values is not None
    }


def _read_roots(registry: Registry, there: t.Mapping[str, t.Mapping[str, int]], shown: Values) -> dict[str, Root]:
    """The settings keys that exist. Values are asked for only where they are there: a missing one costs nothing."""
    wanted = [setting for setting in SETTINGS.values() if getattr(shown, setting.name) is None]
    return {
        root: Root(
            values=Values(
                **{
                    setting.name: _value(registry, ROOTS[root], setting)
                    for setting in wanted
                    if names.get(setting.value.lower()) == _TYPES[setting.type]
                }
            ),
            version_mark=VALUE_MARK.lower() in names,
        )
        for root, names in there.items()
    }


def _value(registry: Registry, key: str, setting: Setting) -> t.Any:
    """One setting as the registry has it; None where it is empty or cannot be meant."""
    if setting.type == "texts":
        return tuple(normal_domain(text) for text in registry.texts(key, setting.value) or () if text.strip())
    if setting.type == "text":
        digits = (registry.text(key, setting.value) or "").strip()
        return int(digits) or None if digits.isascii() and digits.isdecimal() else None
    number = registry.number(key, setting.value)
    if number is None or not isinstance(setting.default, bool):
        return number
    return bool(number) is not setting.negated


def normal_domain(text: str) -> str:
    """One line of DnsDomainPublishList: "domain", or "domain, priority, weight" where one of them is not 0.

    The form is that of Microsoft's "Registry Settings for Volume Activation": `domain_name, <priority>, <weight>`.
    Lines that are of another form are left as they are, in lower case.
    """
    name, *numbers = [piece.strip() for piece in text.lower().split(",")]
    name = name.rstrip(".")
    if len(numbers) > 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
        return text.strip().lower()
    priority, weight = (*map(int, numbers), 0, 0)[:2]
    return f"{name}, {priority}, {weight}" if priority or weight else name
