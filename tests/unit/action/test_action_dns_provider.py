# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""srv_record and srv_record_info as tasks: which provider, which zones, over which connection."""

from __future__ import annotations

import typing as t

import pytest
import requests

from ansible_collections.activation.kms.plugins.action import srv_record, srv_record_info
from ansible_collections.activation.kms.tests.unit.action.tasks import HOST, Transport, connection, run
from ansible_collections.activation.kms.tests.unit.windows.dns_host import DnsHost

WMI = {"provider": "microsoft_wmi"}
KMS1 = "kms1.corp.example"
PUBLISH = {**WMI, "zone": "corp.example", "target": KMS1}
BY_DNS = {"zone": "corp.example", "target": KMS1}


def task(host: DnsHost, args: t.Mapping[str, t.Any], plugin: t.Any = srv_record, **more: t.Any) -> dict[str, t.Any]:
    return run(plugin.ActionModule, args, using=connection(over=Transport(host)), **more)


def refused(args: t.Mapping[str, t.Any], plugin: t.Any = srv_record, **more: t.Any) -> str:
    """The sentence; nothing was sent."""
    transport = Transport(DnsHost())
    result = run(plugin.ActionModule, args, using=more.pop("using", connection(over=transport)), **more)
    assert result["failed"] and not result["changed"] and not transport.sent
    return str(result["msg"])


def test_the_host_of_the_task_is_the_server() -> None:
    host = DnsHost()
    result = task(host, PUBLISH, diff=True, delegate_to="dc1")
    assert result["changed"] and host.published() == [f"0 0 1688 {KMS1}. 3600 *"]
    assert result["plan"][0]["summary"] == f"publish {KMS1} in zone corp.example on dc1"
    assert result["diff"][0]["after"] == f"_vlmcs._tcp.corp.example. 3600 IN SRV 0 0 1688 {KMS1}.\n"
    assert result["provider"] == "microsoft_wmi" and result["members"] == result["zones"][0]["members"]
    assert result["server"] == "dc1.corp.example" and result["zone"] == "corp.example"
    again = task(host, {**PUBLISH, "target": f"{KMS1.upper()}."})
    assert not again["changed"] and again["plan"] == []


def test_several_zones_have_no_flat_keys() -> None:
    host = DnsHost()
    host.add_zone("branch.example")
    zones = ["corp.example", "BRANCH.example.", "branch.example"]
    result = task(host, {**WMI, "zones": zones, "target": KMS1}, diff=True)
    assert [zone["zone"] for zone in result["zones"]] == ["corp.example", "branch.example"]
    assert "members" not in result and len(result["diff"]) == 2
    read = task(host, {**WMI, "zones": zones}, srv_record_info)
    assert [len(zone["members"]) for zone in read["zones"]] == [1, 1]
    assert {zone["provider"] for zone in read["zones"]} == {"microsoft_wmi"}


def test_one_zone_that_cannot_be_changed_keeps_the_others_unchanged() -> None:
    host = DnsHost()
    host.add_zone("branch.example", Paused="true")
    result = task(host, {**WMI, "zones": ["corp.example", "branch.example"], "target": KMS1})
    assert result["failed"] and result["error"]["name"] == "zone_halted" and host.changes() == []


def test_check_mode_changes_nothing() -> None:
    host = DnsHost()
    result = task(host, PUBLISH, check_mode=True)
    assert result["changed"] and host.changes() == []


def test_only_a_silent_winrm_is_an_unreachable_host() -> None:
    transport = Transport(DnsHost())
    transport.answers = [requests.exceptions.ConnectTimeout()]
    result = run(srv_record.ActionModule, PUBLISH, using=connection(over=transport))
    assert result["unreachable"] and not result["changed"]
    result = run(srv_record.ActionModule, {**BY_DNS, "server": "127.0.0.1", "server_port": 1})
    assert result["failed"] and "unreachable" not in result


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"server": "dns1.corp.example"}, "server is given"),
        ({"server_port": 5353, "auth": "tsig"}, "server_port, auth are given"),
        ({"key_name": "k", "key_secret": "c2VjcmV0IHNlY3JldCBzZWNyZXQ="}, "key_name, key_secret are given"),
        ({"verify_reply": "strict"}, "verify_reply is given"),
        ({"server_address": "192.0.2.1"}, "server_address is given"),
    ],
)
@pytest.mark.parametrize("plugin", [srv_record, srv_record_info])
def test_how_to_speak_dns_has_no_place_beside_wmi(given: dict[str, t.Any], words: str, plugin: t.Any) -> None:
    args = PUBLISH if plugin is srv_record else {**WMI, "zone": "corp.example"}
    sentence = refused({**args, **given}, plugin)
    assert words in sentence and "delegate_to" in sentence and "c2VjcmV0" not in sentence


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({**PUBLISH, "refresh": True}, "refresh is given"),
        ({**BY_DNS, "server": "dns1.corp.example", "static": True}, "static goes with provider: microsoft_wmi"),
        (BY_DNS, "server"),
        ({**WMI, "target": KMS1}, "zone, zones"),
        ({**PUBLISH, "zones": ["b.example"]}, "zone|zones"),
        ({**WMI, "zones": [], "target": KMS1}, "zones is empty"),
        ({**PUBLISH, "target": "kms_1.corp.example"}, "underscore"),
        ({**PUBLISH, "target": "kms1"}, "single label"),
        ({**PUBLISH, "operation_timeout": 0}, "operation_timeout"),
        ({**PUBLISH, "ttl": -1}, "ttl"),
        ({**PUBLISH, "state": "absent", "exclusive": True}, "exclusive"),
        ({**WMI, "zone": "192.0.2.1", "target": KMS1}, "is an address"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(args: dict[str, t.Any], words: str) -> None:
    assert words in refused(args)


def test_the_connection_is_judged_with_wmi_only() -> None:
    assert "become" in refused(PUBLISH, become=True)
    assert "ansible_connection" in refused(PUBLISH, using=connection("local"))
    by_dns = {**BY_DNS, "server": "127.0.0.1", "server_port": 1}
    result = run(srv_record.ActionModule, by_dns, become=True, using=connection("local"))
    assert result["failed"] and "127.0.0.1 (port 1)" in result["msg"]


def test_aging_may_be_said_of_a_server_that_tells_it() -> None:
    host = DnsHost(Aging="true")
    assert task(host, {**PUBLISH, "aging": "yes"})["changed"]
    assert task(host, PUBLISH)["aging"]["enabled"] is True


def test_the_info_module_warns_of_every_member_that_ages() -> None:
    host = DnsHost(Aging="true")
    host.add(f"{KMS1}.", stamp=3_700_000)
    host.add("kms2.corp.example.", stamp=3_700_000)
    host.add(".", stamp=0)
    result = task(host, {**WMI, "zone": "corp.example"}, srv_record_info)
    assert len(result["warnings"]) == 3 and "no KMS host" in result["warnings"][0]
    stamps = {one["target"]: one["timestamp"] for one in result["zones"][0]["members"]}
    assert stamps == {".": None, KMS1: "2023-02-04T16:00:00Z", "kms2.corp.example": "2023-02-04T16:00:00Z"}


@pytest.mark.parametrize(
    ("given", "words"), [({"timeout": 0}, "timeout"), ({"inventory_group": "nobody"}, "inventory_group")]
)
def test_how_to_look_at_members_is_judged(given: dict[str, t.Any], words: str) -> None:
    class Templar:
        available_variables: t.ClassVar[dict[str, t.Any]] = {"groups": {"all": [HOST]}}

    args = {**WMI, "zone": "corp.example", "check_members": True, **given}
    assert words in refused(args, srv_record_info, templar=Templar())
