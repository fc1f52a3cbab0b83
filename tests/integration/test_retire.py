# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks rollout and retire with real Ansible: hosts published together, and a host's end, whatever fails.

Judged are the machines, and the zone as its server has it.
"""

from __future__ import annotations

import datetime
import re
import socket
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from estate import DOMAIN, HOST_KEY, Data, Estate, Play, serving

SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQ="
OTHER_SECRET = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI="
WRONG_KEY = f"{HOST_KEY[:-5]}BBBBB"  # no emulated Microsoft knows it
HOSTS = ("kms1", "kms2", "kms3")
ROLLOUT, RETIRE = "activation.kms.rollout", "activation.kms.retire"


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def estate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Estate]:
    """Three hosts, and a zone. They lack their host key, but for those that the parameter names."""
    zone = {"address": "127.0.0.1", "port": free_port(), "zone": DOMAIN}
    zone["tsig"] = {"name": "kms-rollout", "algorithm": "hmac-sha256", "secret": SECRET}
    hosts: dict[str, Data] = {name: {"persona": "server-2022"} for name in HOSTS}
    for name in getattr(request, "param", ()):
        hosts[name]["host_key"] = HOST_KEY
    with serving(tmp_path, hosts, host_keys={HOST_KEY: "server_2022"}, dns=zone) as served:
        yield served


def publish(estate: Estate, **changes: t.Any) -> list[Data]:
    """Into the estate's zone, with the estate's key."""
    zone = yaml.safe_load(estate.file.read_text(encoding="utf-8"))["dns"]
    way = {"server": "127.0.0.1", "server_port": zone["port"], "auth": "tsig", "key_name": "kms-rollout"}
    return [{"zone": DOMAIN, **way, "key_secret": SECRET, **changes}]


def inventory(estate: Estate, hosts: dict[str, Data] | None = None) -> Data:
    """The estate's own, with these variables of the group and of hosts."""
    found = estate.inventory()
    group = found["all"]["children"]["kms_hosts"]
    group.setdefault("vars", {}).update(
        kms_host_product_key=HOST_KEY,
        kms_host_firewall="open",
        kms_host_firewall_remote_addresses=["127.0.0.0/8"],
        kms_host_publish=publish(estate),
        kms_host_publish_together=True,
    )
    for name, variables in (hosts or {}).items():
        group["hosts"][name].update(variables)
    return found


def run(estate: Estate, playbook: str, *arguments: str, hosts: dict[str, Data] | None = None) -> Play:
    """A playbook of the collection, by its name. No secret may be told, however loud it is."""
    called = [{"name": playbook, "ansible.builtin.import_playbook": playbook}]
    played = estate.play(called, "-vvv", *arguments, inventory=inventory(estate, hosts))
    assert SECRET not in played.output and OTHER_SECRET not in played.output
    assert HOST_KEY not in played.output
    return played


def members(estate: Estate) -> list[str]:
    """The targets of the zone, without the domain."""
    lines = [line.split() for line in estate.command("show", str(estate.file), "--dns").splitlines()]
    targets = [line[-1] for line in lines if line and line[0].startswith("_vlmcs._tcp") and "SRV" in line]
    return sorted(target.partition(".")[0] for target in targets)


def answered_before_its_key_went(estate: Estate, host: str) -> float:
    """For how many seconds nothing was done to it before that: its drain."""
    deeds = estate.mutations(host)
    (at,) = (number for number, deed in enumerate(deeds) if deed["method"] == "UninstallProductKey")
    before, then = (datetime.datetime.fromisoformat(deed["time"]) for deed in deeds[at - 1 : at + 1])
    return (then - before).total_seconds()


def unchanged(played: Play) -> bool:
    """Whether the run came through and changed nothing on any host."""
    return played.returncode == 0 and not re.search(r"^kms\d .*changed=[1-9]", played.output, re.MULTILINE)


def activated(estate: Estate, host: str) -> bool:
    """Whether it has its host key, activated."""
    products = estate.show(host)["products"]
    return any(one["partial_product_key"] == HOST_KEY[-5:] and one["license_status"] == 1 for one in products)


def publishes_itself(estate: Estate, host: str) -> bool:
    """Whether Windows would publish it."""
    return not any(values.get("DisableDnsPublishing") for values in estate.show(host)["registry"].values())


@pytest.mark.parametrize("estate", [("kms3",)], indirect=True)
def test_published_together_and_retired(estate: Estate) -> None:
    """The third host serves and publishes itself at the beginning; its record is there all the time."""
    assert members(estate) == ["kms3"] and publishes_itself(estate, "kms3")
    arguments = ("-e", "kms_rollout_serial=2")
    assert run(estate, ROLLOUT, "--check", *arguments).returncode == 0
    assert members(estate) == ["kms3"]
    played = run(estate, ROLLOUT, *arguments)
    assert played.returncode == 0, played.output
    assert members(estate) == list(HOSTS)
    assert not any(publishes_itself(estate, host) for host in HOSTS)
    assert all(activated(estate, host) for host in HOSTS)
    again = run(estate, ROLLOUT, *arguments)
    assert unchanged(again), again.output
    retire = ("-e", "kms_retire_hosts=kms1,kms3", "-e", "kms_host_drain_wait=false")
    paused = run(estate, RETIRE, *retire)
    assert paused.returncode == 0 and "clients and resolvers may remember it until" in paused.output, paused.output
    assert members(estate) == ["kms2"]
    assert all(activated(estate, host) for host in HOSTS)
    done = run(estate, RETIRE, *retire, "-e", "kms_host_drain=0")
    assert done.returncode == 0 and "kms3 is retired." in done.output, done.output
    assert [host for host in HOSTS if activated(estate, host)] == ["kms2"]


def test_what_could_be_set_up_is_published_all_the_same(estate: Estate) -> None:
    """The second of three fails: the first is published, the third not begun, and the playbook fails for both."""
    played = run(estate, ROLLOUT, hosts={"kms2": {"kms_host_product_key": WRONG_KEY}})
    assert played.returncode != 0
    assert members(estate) == ["kms1"]
    assert "kms3 was not set up, since kms2 could not be" in played.output
    assert activated(estate, "kms1") and not activated(estate, "kms3")
    assert "kms1                       : ok=" in played.output


def test_a_host_that_is_not_reached_holds_nobody_else_back(estate: Estate) -> None:
    away = {"kms2": {"ansible_port": free_port()}}
    played = run(estate, ROLLOUT, "-e", "kms_rollout_serial=3", hosts=away)
    assert played.returncode != 0
    assert members(estate) == ["kms1", "kms3"]
    gone = run(estate, RETIRE, "-e", "kms_retire_hosts=kms_hosts", "-e", "kms_host_drain=3", hosts=away)
    assert gone.returncode != 0
    assert members(estate) == []
    assert all(answered_before_its_key_went(estate, host) >= 2 for host in ("kms1", "kms3"))
    assert "Its records go without it by activation.kms.srv_record" in gone.output
    assert f"(for {DOMAIN})" in gone.output


@pytest.mark.once
def test_hosts_that_do_not_agree_are_not_published(estate: Estate) -> None:
    other = publish(estate, key_secret=OTHER_SECRET)
    played = run(estate, ROLLOUT, "-e", "kms_rollout_serial=3", hosts={"kms2": {"kms_host_publish": other}})
    assert played.returncode != 0 and "do not agree on auth and the key" in played.output, played.output
    assert members(estate) == []


@pytest.mark.once
def test_one_after_the_other_without_it(estate: Estate) -> None:
    """As ever: the first that fails ends the playbook."""
    hosts = {"kms2": {"kms_host_product_key": WRONG_KEY}}
    played = run(estate, ROLLOUT, "-e", "kms_host_publish_together=false", hosts=hosts)
    assert played.returncode != 0
    assert members(estate) == ["kms1"] and not activated(estate, "kms3")
    assert "PLAY [Publish the hosts that were set up]" not in played.output


def test_nobody_is_retired_by_default(estate: Estate) -> None:
    played = run(estate, RETIRE)
    assert played.returncode != 0
    assert "Name the hosts to be retired in kms_retire_hosts" in played.output
    assert not estate.journal()
