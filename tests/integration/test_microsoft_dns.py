# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft DNS by WMI as an administrator uses it: real plays against emulated DNS servers of three generations.

The witness is the embedded DNS server, which shows its zones; what a server may do otherwise is simulated elsewhere.
"""

from __future__ import annotations

import json
import socket
import typing as t
from collections.abc import Iterator, Mapping

import pytest
from estate import PASSWORD, Data, Estate, Play, one_task, serving

pytestmark = pytest.mark.once  # what depends on the core is looked at in test_connection.py

KMS1, KMS2, OLD = "kms1.corp.example", "kms2.corp.example", "old.corp.example"
ZONES = {"dc03": "corp.example", "dc08": "branch.example", "dc12": "lab.example"}
"""Each server works in a zone of its own, though all of them hold all."""
PERSONAS = {"dc03": "server-2003-sp2-x64", "dc08": "server-2008-r2-sp1", "dc12": "server-2012-r2"}
DNS = {"address": "127.0.0.1", "zone": "corp.example", "zones": ["branch.example", "lab.example"]}
CAN = {"dnscmd": "present", "dns_wmi_record": "static"}
HOSTS: dict[str, Data] = {
    **{name: {"persona": persona, "dns_server": True, "dials": CAN} for name, persona in PERSONAS.items()},
    "kms1": {"persona": "server-2022"},
}
WMI = {"provider": "microsoft_wmi", "zone": "{{ zone }}"}
BOTH = {**WMI, "members": [{"target": KMS1}, {"target": KMS2, "priority": 10}]}


def published(name: str, options: Mapping[str, t.Any], module: str = "srv_record", **task: t.Any) -> Data:
    return {
        "name": name,
        f"activation.kms.{module}": dict(options),
        "register": f"r_{name}",
        "ignore_errors": True,
        **task,
    }


def story(port: int) -> list[Data]:
    """A zone's life, on each server in its own zone."""
    by_dns = {"zone": "{{ zone }}", "target": OLD, "server": "127.0.0.1", "server_port": port}
    return [
        published("check", BOTH, check_mode=True, diff=True),
        published("both", BOTH, diff=True),
        published("again", BOTH),
        published("port", {**WMI, "target": KMS1.upper() + ".", "port": 1700, "ttl": 600}),
        published("only", {**WMI, "target": KMS1, "port": 1700, "exclusive": True}),
        published("absent", {**WMI, "target": KMS1, "state": "absent"}),
        published("absent_again", {**WMI, "target": KMS1, "state": "absent"}),
        published("by_dns", by_dns, delegate_to="localhost"),
        published("aged", {**WMI, "target": OLD}),
        published("aged_info", WMI, "srv_record_info"),
        published("static_check", {**WMI, "target": OLD, "static": True}, check_mode=True, diff=True),
        published("static", {**WMI, "target": OLD, "static": True}),
        published("static_again", {**WMI, "target": OLD, "static": True}),
        published("info", {**WMI, "check_members": True, "timeout": 1}, "srv_record_info"),
    ]


BAD: dict[str, tuple[Data, str, str]] = {
    "elsewhere": ({**WMI, "zone": "elsewhere.example", "target": KMS1}, "dc12", "no zone elsewhere.example"),
    "server": ({**WMI, "zone": "lab.example", "target": KMS1, "server": "ns1.corp.example"}, "dc12", "delegate_to"),
    "no_role": ({**WMI, "zone": "lab.example", "target": KMS1}, "kms1", "no Microsoft DNS server"),
    "name": ({**WMI, "zone": "lab.example", "target": "kms_1.corp.example"}, "dc12", "underscore"),
    "local": ({**WMI, "zone": "lab.example", "target": KMS1}, "localhost", "ansible_connection"),
}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, unused_port: int) -> Iterator[Estate]:
    dns = {**DNS, "port": unused_port, "flavour": "microsoft", "updates": "nonsecure", "aging": {"enabled": True}}
    with serving(tmp_path_factory.mktemp("microsoft-dns"), HOSTS, dns=dns) as running:
        yield running


@pytest.fixture(scope="module")
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def told(estate: Estate, unused_port: int) -> Data:
    """What the story returned, by name and server."""
    inventory = estate.inventory()
    play = {
        "name": "A zone's life",
        "hosts": list(ZONES),
        "gather_facts": False,
        "vars": {"zone": "{{ zones_of_test[inventory_hostname] }}", "zones_of_test": ZONES},
        "tasks": story(unused_port),
    }
    done = estate.play([play], inventory=inventory)
    assert done.returncode == 0, done.output
    assert PASSWORD not in done.output
    return done.results


def members(estate: Estate, zone: str) -> list[tuple[str, int, bool]]:
    """`priority weight port target`, TTL and whether it ages, of each SRV record, as the DNS server has them."""
    zones = json.loads(estate.command("show", str(estate.file), "--dns", "--json"))["zones"]
    (found,) = (one for one in zones if one["zone"] == zone)
    records = [one for one in found["records"] if one["type"] == "SRV"]
    return sorted((one["data"], one["ttl"], one["time_stamp"] is not None) for one in records)


@pytest.mark.parametrize("server", ZONES)
def test_a_zones_life(server: str, told: Data, estate: Estate) -> None:
    result = {name: by_server[server] for name, by_server in told.items()}
    assert not [name for name, one in result.items() if one.get("failed")]
    changed = {name.removeprefix("r_") for name, one in result.items() if one["changed"]}
    assert changed == {"check", "both", "port", "only", "absent", "by_dns", "static_check", "static"}
    zone = ZONES[server]
    owner = f"_vlmcs._tcp.{zone}."
    lines = f"{owner} 3600 IN SRV 0 0 1688 {KMS1}.\n{owner} 3600 IN SRV 10 0 1688 {KMS2}.\n"
    for name in ("r_check", "r_both"):
        assert result[name]["diff"][0]["before"] == f"; no SRV record at {owner}\n"
        assert result[name]["diff"][0]["after"] == lines
        assert [one["target"] for one in result[name]["members"]] == [KMS1, KMS2]
    assert result["r_check"]["observed"]["zones"][0]["members"] == []
    of_port = {one["target"]: (one["port"], one["priority"], one["ttl"]) for one in result["r_port"]["members"]}
    assert of_port == {KMS1: (1700, 0, 600), KMS2: (1688, 10, 3600)}
    assert [(one["target"], one["port"]) for one in result["r_only"]["members"]] == [(KMS1, 1700)]
    assert result["r_absent"]["members"] == []
    assert result["r_both"]["zones"][0]["provider"] == "microsoft_wmi" and result["r_both"]["dns_zone"] == zone


@pytest.mark.parametrize("server", ZONES)
def test_a_member_that_ages(server: str, told: Data, estate: Estate) -> None:
    result = {name: by_server[server] for name, by_server in told.items()}
    (warning,) = result["r_aged"]["warnings"]
    assert OLD in warning and "static: true" in warning
    assert result["r_aged_info"]["warnings"] == [warning]
    (aged,) = result["r_aged_info"]["zones"][0]["members"]
    assert aged["timestamp"].endswith(":00:00Z")
    aging = {"enabled": True, "no_refresh_hours": 168, "refresh_hours": 168, "server_scavenging_hours": 168}
    assert result["r_aged_info"]["zones"][0]["aging"] == aging
    assert f"refreshed {aged['timestamp']}" in result["r_static_check"]["diff"][0]["before"]
    assert result["r_static"].get("warnings", []) == []
    assert [one["timestamp"] for one in result["r_static"]["members"]] == [None]
    assert members(estate, ZONES[server]) == [(f"0 0 1688 {OLD}.", 3600, False)]


@pytest.mark.parametrize("server", ZONES)
def test_what_was_sent(server: str, told: Data, estate: Estate) -> None:
    """Deletions by dnscmd before 2012 and by WS-Management since; nothing else opens a shell."""
    verbs = [(one["operation"], one["resource"], one["method"]) for one in estate.mutations(server)]
    by_wsman = [verb for verb in verbs if verb[0] == "delete"]
    assert len(by_wsman) == (2 if server == "dc12" else 0)
    assert len(estate.shells(server)) == (0 if server == "dc12" else 2)
    invoked = [verb[2] for verb in verbs if verb[0] == "invoke"]
    assert invoked == [*["CreateInstanceFromPropertyData"] * 2, *["Modify"] * 2]


@pytest.mark.parametrize("server", ZONES)
def test_the_audit_of_members(server: str, told: Data) -> None:
    info = told["r_info"][server]
    (member,) = info["zones"][0]["members"]
    assert (member["addresses"], member["inventory_host"], member["endpoint"]) == ([], None, "not_looked")
    assert [one["finding"] for one in info["findings"]] == ["does_not_resolve", "not_in_inventory"]
    assert {(one["zone"], one["target"]) for one in info["findings"]} == {(ZONES[server], OLD)}


def test_delegated_for_several_zones_and_checked_against_the_inventory(estate: Estate, told: Data) -> None:
    inventory = estate.inventory()
    inventory["all"].setdefault("children", {})["kms_servers"] = {"hosts": {"kms1": {}}}
    options = {"provider": "microsoft_wmi", "zones": ["corp.example", "lab.example"]}
    wanted = {**options, "target": "{{ inventory_hostname_short }}.corp.example", "exclusive": True}
    look = {**options, "check_members": True, "inventory_group": "kms_servers", "timeout": 1}
    plays = [
        one_task("kms1", "srv_record", wanted, "r_set", delegate_to="dc12"),
        one_task("localhost", "srv_record_info", look, "r_seen", delegate_to="dc12"),
    ]
    done = estate.play(plays, inventory=inventory)
    assert done.returncode == 0, done.output
    published = done.results["r_set"]
    assert published["changed"] and "members" not in published
    assert [[one["target"] for one in zone["members"]] for zone in published["zones"]] == [[KMS1], [KMS1]]
    seen = done.results["r_seen"]
    assert [zone["members"][0]["inventory_host"] for zone in seen["zones"]] == ["kms1", "kms1"]
    assert [(one["zone"], one["finding"]) for one in seen["findings"]] == [
        ("corp.example", "does_not_resolve"),
        ("lab.example", "does_not_resolve"),
    ]
    for zone in options["zones"]:
        assert members(estate, zone) == [(f"0 0 1688 {KMS1}.", 3600, False)]


def test_several_zones_by_dns_as_well(estate: Estate, told: Data, unused_port: int) -> None:
    by_dns = {"server": "127.0.0.1", "server_port": unused_port, "zones": ["branch.example", "corp.example"]}
    look = {**by_dns, "check_members": True, "inventory_group": "all", "timeout": 1}
    play = one_task("localhost", "srv_record", {**by_dns, "target": KMS2, "port": 1700}, "r_set", diff=True)
    play["tasks"] += one_task("localhost", "srv_record_info", look, "r_seen")["tasks"]
    done = estate.play([play])
    assert done.returncode == 0, done.output
    published, seen = done.results["r_set"], done.results["r_seen"]
    assert published["changed"] and len(published["plan"]) == len(published["diff"]) == 2
    assert [zone["zone"] for zone in published["zones"]] == by_dns["zones"]
    for zone in by_dns["zones"]:
        assert (f"0 0 1700 {KMS2}.", 3600, True) in members(estate, zone)
    assert {zone["provider"] for zone in seen["zones"]} == {"dns"}
    of_kms2 = [one["finding"] for one in seen["findings"] if one["target"] == KMS2]
    assert of_kms2 == ["does_not_resolve", "not_in_inventory"] * 2


@pytest.fixture(scope="module")
def refused(estate: Estate, told: Data) -> Play:
    plays = [one_task(host, "srv_record", options, f"r_{name}") for name, (options, host, _words) in BAD.items()]
    plays.append(one_task("dc12", "srv_record", {**BAD["name"][0], "target": KMS1}, "r_become", become=True))
    return estate.play(plays)


@pytest.mark.parametrize("name", [*BAD, "become"])
def test_bad_input_is_a_sentence_and_no_change(name: str, refused: Play) -> None:
    words = "become" if name == "become" else BAD[name][2]
    result = refused.results[f"r_{name}"]
    assert result["failed"] and not result["changed"] and "unreachable" not in result
    assert words in result["msg"] and "Traceback" not in refused.output
    assert result["error"]["advice"]
