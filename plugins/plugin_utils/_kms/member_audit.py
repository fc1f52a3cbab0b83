# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether published members are what they should be: they resolve, the inventory knows them, they answer as KMS.

Internal to the collection activation.kms; not a public interface.

Works on zones as plain data, so it is the same whichever way they were read. Which inventory host a target is is judged
by names and addresses alone; nothing is asked of that host.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._plan import Look, Reader
from .._srv.names import is_address
from .._world import World
from .endpoint import Endpoint, read_endpoint

ZoneData = t.Sequence[t.Mapping[str, t.Any]]
Addresses = t.Callable[[str], t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class InventoryHost:
    """A host of the inventory: its name, and where Ansible connects to ("" where that is its name)."""

    name: str
    address: str = ""

    def called(self) -> list[str]:
        """What it is called, in lower case and without a final dot."""
        return [one.rstrip(".").lower() for one in (self.name, self.address) if one]


@dataclasses.dataclass(frozen=True)
class Checked:
    """What was found out about one target and port.

    Attributes:
        addresses: as the controller resolves it; none where it does not resolve.
        inventory_host: the host of the inventory that it is, or None.
        endpoint: what its port answered.
    """

    addresses: tuple[str, ...]
    inventory_host: str | None
    endpoint: Endpoint

    def as_data(self) -> dict[str, t.Any]:
        """{addresses, inventory_host, endpoint}."""
        return {
            "addresses": list(self.addresses),
            "inventory_host": self.inventory_host,
            "endpoint": self.endpoint.state,
        }


@dataclasses.dataclass(frozen=True)
class MemberAudit:
    """What was found out, by zone, target and port. Tells nothing by itself: it belongs to the members."""

    key: t.ClassVar[str] = "member_audit"

    checked: t.Mapping[tuple[str, str, int], Checked]
    group: str = "all"

    def as_data(self) -> None:
        """It is told with the members."""

    def told(self, zones: ZoneData) -> list[dict[str, t.Any]]:
        """The zones, with what was found out at each of their members."""
        return [
            {**zone, "members": [{**one, **self._of(zone, one).as_data()} for one in zone["members"]]} for zone in zones
        ]

    def findings(self, zones: ZoneData) -> list[dict[str, str]]:
        """What is wrong, one sentence each; a member that means "no KMS host" is none."""
        return [
            {"zone": zone["zone"], "target": one["target"], "finding": finding, "message": message}
            for zone in zones
            for one in zone["members"]
            if one["target"] != "."
            for finding, message in self._wrong(zone["zone"], one["target"], self._of(zone, one))
        ]

    def _of(self, zone: t.Mapping[str, t.Any], one: t.Mapping[str, t.Any]) -> Checked:
        return self.checked[zone["zone"], one["target"], one["port"]]

    def _wrong(self, zone: str, target: str, checked: Checked) -> t.Iterator[tuple[str, str]]:
        if not checked.addresses:
            yield (
                "does_not_resolve",
                f"{target} is published in zone {zone}, but the controller finds no address for it; mend its address "
                "record, or remove the member with activation.kms.srv_record and state: absent",
            )
        if checked.inventory_host is None:
            yield (
                "not_in_inventory",
                f"{target} is published in zone {zone}, but is no host of the inventory group {self.group}; add it to "
                "the inventory, or find out whose it is and remove the member",
            )
        complaint = checked.endpoint.complaint() if checked.addresses else None
        if complaint is not None:
            yield "does_not_answer", f"{target} is published in zone {zone}. {complaint}"


def read_member_audit(
    part: type, hosts: t.Callable[[], t.Sequence[InventoryHost]], group: str, timeout: float
) -> Reader:
    """A reader of MemberAudit.

    Args:
        part: the part of the world that has the zones.
        hosts: those that members may be, asked once.
        group: what they are called together.
        timeout: seconds for the connection to a member, and again for its answer.
    """

    def reader(world: World, look: Look) -> MemberAudit:
        known, resolve = hosts(), functools.cache(world.resolve)
        found: dict[tuple[str, int], tuple[tuple[str, ...], Endpoint]] = {}
        checked: dict[tuple[str, str, int], Checked] = {}
        zones: ZoneData = t.cast(t.Any, look[part]).as_data()
        domains = list(dict.fromkeys(zone[name] for zone in zones for name in ("zone", "dns_zone")))
        for zone in zones:
            for one in zone["members"]:
                target, port = one["target"], one["port"]
                if (target, port) not in found:
                    found[target, port] = _visited(world, look, target, port, timeout)
                addresses, endpoint = found[target, port]
                host = inventory_host(target, addresses, known, domains, resolve)
                checked[zone["zone"], target, port] = Checked(addresses, host, endpoint)
        return MemberAudit(checked, group)

    return reader


def inventory_host(
    target: str, addresses: t.Collection[str], hosts: t.Sequence[InventoryHost], domains: t.Sequence[str], of: Addresses
) -> str | None:
    """The inventory host that a target is, or None.

    By name first: its inventory name or ansible_host, with a domain added where that is a single label. Then by an
    address that Ansible connects to, and last by the addresses of the names it connects to, found with `of`.
    """
    for host in hosts:
        called = host.called()
        full = [f"{one}.{domain}" for one in called if "." not in one for domain in domains]
        if target in (*called, *full):
            return host.name
    for host in hosts:
        if not set(host.called()).isdisjoint(addresses):
            return host.name
    for host in hosts if addresses else ():
        where = host.called()[-1]
        if not is_address(where) and not set(of(where)).isdisjoint(addresses):
            return host.name
    return None


def _visited(world: World, look: Look, target: str, port: int, timeout: float) -> tuple[tuple[str, ...], Endpoint]:
    """The addresses of one target, and what its port answers; it is not asked where it has none."""
    addresses = tuple(world.resolve(target)) if target != "." else ()
    if not addresses:
        return (), Endpoint("not_looked", target=target, port=port)
    endpoint: Endpoint = read_endpoint(target, port, timeout)(world, look)
    return addresses, endpoint
