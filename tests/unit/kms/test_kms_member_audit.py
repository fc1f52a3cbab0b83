# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which inventory host a published target is, and what is told of members."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._kms.member_audit import (
    InventoryHost,
    MemberAudit,
    inventory_host,
    read_member_audit,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer, Stream
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

TARGET = "kms1.corp.example"


def found(
    *hosts: tuple[str, str], addresses: t.Collection[str] = (), known: t.Mapping[str, list[str]] | None = None
) -> str | None:
    inventory = [InventoryHost(name, address) for name, address in hosts]
    names = known or {}
    return inventory_host(
        TARGET, addresses, inventory, ["branch.corp.example", "corp.example"], lambda name: names.get(name, [])
    )


@pytest.mark.parametrize(
    "host",
    [
        ("kms1.corp.example", ""),
        ("KMS1.Corp.Example.", ""),
        ("kms1", ""),
        ("front", "KMS1.corp.example"),
        ("front", "kms1"),
        ("front", "192.0.2.1"),
        ("192.0.2.1", ""),
        ("front", "2001:db8::1"),
        ("front", "admin.example"),
        ("admin.example", ""),
    ],
)
def test_a_target_is_the_host(host: tuple[str, str]) -> None:
    addresses = ["192.0.2.1", "2001:db8::1"]
    known = {"admin.example": ["192.0.2.9", "192.0.2.1"]}
    assert found(("other", "192.0.2.7"), host, addresses=addresses, known=known) == host[0]


@pytest.mark.parametrize(
    "host",
    [
        ("kms11", ""),
        ("kms1.other.example", ""),
        ("corp.example", ""),
        ("kms1.corp.example.org", ""),
        ("front", "192.0.2.11"),
        ("front", "admin.example"),
        ("front", "nowhere.example"),
    ],
)
def test_a_target_is_another_host(host: tuple[str, str]) -> None:
    assert found(host, addresses=["192.0.2.1"], known={"admin.example": ["192.0.2.9"]}) is None


def test_a_name_counts_before_an_address() -> None:
    hosts = (("gateway", "192.0.2.1"), ("kms1", "192.0.2.5"))
    assert found(*hosts, addresses=["192.0.2.1"]) == "kms1"


def test_a_target_without_an_address_is_known_by_name_only() -> None:
    assert found(("kms1", "")) == "kms1"
    assert found(("front", "admin.example"), known={"admin.example": []}) is None


def test_nobody_is_resolved_where_a_name_or_an_address_tells() -> None:
    def never(name: str) -> t.NoReturn:
        raise AssertionError(name)

    hosts = [InventoryHost("a", "admin.example"), InventoryHost("kms1", "192.0.2.1")]
    assert inventory_host(TARGET, ["192.0.2.1"], hosts, ["corp.example"], never) == "kms1"
    assert inventory_host(TARGET, ["192.0.2.1"], [hosts[0], InventoryHost("b", "192.0.2.1")], [], never) == "b"


# -- what is told


class Zones:
    """A part of the world that has zones."""

    def __init__(self, zones: list[dict[str, t.Any]]) -> None:
        self.zones = zones

    def as_data(self) -> list[dict[str, t.Any]]:
        return self.zones


class World(SmallWindows):
    """Names resolve to addresses in `known`; nobody listens anywhere."""

    def __init__(self, known: t.Mapping[str, list[str]]) -> None:
        super().__init__()
        self.known = known
        self.dialled: list[tuple[str, int]] = []

    def resolve(self, name: str) -> list[str]:
        return self.known.get(name, [])

    def dial(self, address: str, port: int, *, timeout: float) -> Stream:
        assert timeout == 3.0
        self.dialled.append((address, port))
        raise NoAnswer("refused", sent=False)


def audited(zones: list[dict[str, t.Any]], world: World, *hosts: str) -> MemberAudit:
    reader = read_member_audit(Zones, lambda: [InventoryHost(host) for host in hosts], "kms_hosts", 3.0)
    audit: MemberAudit = reader(world, Look(world, {}, Seen({Zones: Zones(zones)})))
    return audit


def zone(*members: tuple[str, int], name: str = "corp.example") -> dict[str, t.Any]:
    return {"zone": name, "dns_zone": name, "members": [{"target": target, "port": port} for target, port in members]}


def test_members_get_what_was_found_out() -> None:
    zones = [zone((TARGET, 1688), ("gone.corp.example", 1688), (".", 1688)), zone((TARGET, 1688), name="b.example")]
    world = World({TARGET: ["192.0.2.1"]})
    audit = audited(zones, world, TARGET)
    told = audit.told(zones)
    assert told[0]["members"] == [
        {
            "target": TARGET,
            "port": 1688,
            "addresses": ["192.0.2.1"],
            "inventory_host": TARGET,
            "endpoint": "refused",
        },
        {
            "target": "gone.corp.example",
            "port": 1688,
            "addresses": [],
            "inventory_host": None,
            "endpoint": "not_looked",
        },
        {"target": ".", "port": 1688, "addresses": [], "inventory_host": None, "endpoint": "not_looked"},
    ]
    assert world.dialled == [("192.0.2.1", 1688)], "one look for a host that is in two zones"
    found = [(one["zone"], one["target"], one["finding"]) for one in audit.findings(zones)]
    assert found == [
        ("corp.example", TARGET, "does_not_answer"),
        ("corp.example", "gone.corp.example", "does_not_resolve"),
        ("corp.example", "gone.corp.example", "not_in_inventory"),
        ("b.example", TARGET, "does_not_answer"),
    ]
    for one in audit.findings(zones):
        assert one["target"] in one["message"] and one["zone"] in one["message"]
    assert "kms_hosts" in audit.findings(zones)[2]["message"]
    assert audit.as_data() is None
