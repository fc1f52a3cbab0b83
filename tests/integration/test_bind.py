# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publications on a real BIND, seen with BIND's own tools. The doors are the controller's real ones."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from bind_server import BindServer

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import (
    Publication,
    PublishWish,
    Zones,
    read_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber, Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import client
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import ZoneState, member
from ansible_collections.activation.kms.plugins.plugin_utils._srv.tsig import TsigKey

PUBLISHERS = 30


def key_of(server: BindServer, **other: str) -> TsigKey:
    name = other.get("name", server.key_name)
    return TsigKey(name, other.get("algorithm", server.key_algorithm), Secret(other.get("secret", server.key_secret)))


def wish(server: BindServer, target: str | None = "kms1.corp.example", **more: t.Any) -> PublishWish:
    zone = more.pop("zone", server.zone)
    more = {"server_port": server.port, "key": key_of(server), **more}
    return PublishWish(zone, server.address, target, **more)


def run(wished: PublishWish, *, check: bool = False) -> Outcome:
    world = ControllerWorld("kms1", Scrubber())
    return converge(world, [Publication(wished)], {Zones: read_zones([wished])}, check=check)


def look(server: BindServer) -> ZoneState:
    return client.read(ControllerWorld("kms1", Scrubber()), wish(server).place)


def dig(server: BindServer, kind: str, name: str) -> list[str]:
    command = ["dig", "+short", "+norecurse", f"@{server.address}", "-p", str(server.port), kind, name]
    return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())


def records(server: BindServer) -> list[str]:
    return dig(server, "SRV", f"_vlmcs._tcp.{server.zone}")


def serial(server: BindServer) -> str:
    return dig(server, "SOA", server.zone)[0].split()[2]


def nsupdate(server: BindServer, *lines: str) -> None:
    key = f"{server.key_algorithm}:{server.key_name}:{server.key_secret}"
    script = "\n".join([f"server {server.address} {server.port}", f"zone {server.zone}", *lines, "send", ""])
    subprocess.run(["nsupdate", "-y", key], input=script, text=True, capture_output=True, check=True)


def test_published_once_changed_once_withdrawn_once(bind: BindServer) -> None:
    first = run(wish(bind))
    assert first.problem is None and first.changed
    assert records(bind) == ["0 0 1688 kms1.corp.example."]
    after = serial(bind)
    assert not run(wish(bind)).changed
    assert serial(bind) == after, "nothing was sent that counts"

    assert run(wish(bind, weight=20, ttl=600)).changed
    assert records(bind) == ["0 20 1688 kms1.corp.example."]
    assert look(bind).ttl == 600
    assert not run(wish(bind, weight=20)).changed, "no TTL in the wish: it stays as it is"

    assert run(wish(bind, state="absent")).changed
    assert records(bind) == []
    assert not run(wish(bind, state="absent")).changed


def test_foreign_members_stay_as_they_are(bind: BindServer) -> None:
    """Written by nsupdate in letters and numbers of its own; ours come, change and go beside them."""
    nsupdate(bind, "update add _vlmcs._tcp.corp.example. 1200 SRV 5 7 1689 KMS-Old.Corp.Example.")
    foreign = "5 7 1689 KMS-Old.Corp.Example."
    assert run(wish(bind)).changed
    assert records(bind) == ["0 0 1688 kms1.corp.example.", foreign]
    assert look(bind).ttl == 1200, "the TTL that was there is kept"
    assert run(wish(bind, priority=1)).changed
    assert records(bind) == ["1 0 1688 kms1.corp.example.", foreign]
    assert run(wish(bind, ttl=300, priority=1)).changed
    assert (records(bind), look(bind).ttl) == (["1 0 1688 kms1.corp.example.", foreign], 300)
    assert run(wish(bind, state="absent")).changed
    assert records(bind) == [foreign]
    both = (member("kms1.corp.example"), member("kms2.corp.example"))
    assert run(wish(bind, None, members=both, exclusive=True)).changed
    assert records(bind) == ["0 0 1688 kms1.corp.example.", "0 0 1688 kms2.corp.example."]


def test_nsupdate_and_this_agree(bind: BindServer) -> None:
    nsupdate(bind, "update add _vlmcs._tcp.corp.example. 3600 SRV 0 0 1688 kms1.corp.example.")
    assert not run(wish(bind)).changed
    run(wish(bind, "kms2.corp.example"))
    nsupdate(
        bind,
        "prereq yxrrset _vlmcs._tcp.corp.example. SRV 0 0 1688 kms1.corp.example.",
        "prereq yxrrset _vlmcs._tcp.corp.example. SRV 0 0 1688 kms2.corp.example.",
        "update delete _vlmcs._tcp.corp.example. SRV 0 0 1688 kms2.corp.example.",
    )
    assert records(bind) == ["0 0 1688 kms1.corp.example."]
    assert run(wish(bind, "kms2.corp.example")).changed


def test_check_mode_leaves_the_zone_alone(bind: BindServer) -> None:
    before = serial(bind)
    outcome = run(wish(bind), check=True)
    assert outcome.changed and [planned.step.id for planned in outcome.plan] == ["srv_record.publish"]
    assert (records(bind), serial(bind)) == ([], before)
    assert "updating zone" not in bind.log.read_text(encoding="utf-8")
    run(wish(bind))
    assert "updating zone" in bind.log.read_text(encoding="utf-8"), "the words this test relies on"


@pytest.mark.parametrize("ttl", [None, 600], ids=["as it is", "own TTL"])
def test_concurrent_publishers_all_arrive(bind: BindServer, ttl: int | None) -> None:
    start = threading.Barrier(PUBLISHERS)

    def publish(number: int) -> Outcome:
        wished = wish(bind, f"kms{number}.corp.example", ttl=ttl)
        start.wait()
        return run(wished)

    with concurrent.futures.ThreadPoolExecutor(PUBLISHERS) as pool:
        outcomes = list(pool.map(publish, range(PUBLISHERS)))
    assert [outcome.problem for outcome in outcomes] == [None] * PUBLISHERS
    assert records(bind) == sorted(f"0 0 1688 kms{number}.corp.example." for number in range(PUBLISHERS))
    assert all(outcome.changed for outcome in outcomes)


BAD_KEYS = {
    "wrong secret": ({"secret": "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMTI="}, "BADSIG", "secret of TSIG key"),
    "unknown name": ({"name": "kms-other"}, "BADKEY", "does not know a TSIG key kms-other"),
    "other algorithm": ({"algorithm": "hmac-sha512"}, "BADKEY", "with algorithm hmac-sha512"),
}


@pytest.mark.parametrize(("other", "code", "hint"), BAD_KEYS.values(), ids=BAD_KEYS.keys())
@pytest.mark.parametrize("check", [True, False], ids=["check mode", "real"])
def test_a_bad_key_is_refused_before_anything(
    bind: BindServer, other: dict[str, str], code: str, hint: str, check: bool
) -> None:
    before = serial(bind)
    with pytest.raises(Refusal, match=hint) as caught:
        run(wish(bind, key=key_of(bind, **other)), check=check)
    assert caught.value.code == code
    assert serial(bind) == before


def test_clocks_that_differ_are_told_with_the_distance(bind: BindServer, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ControllerWorld.now
    monkeypatch.setattr(ControllerWorld, "now", lambda world: real(world) - 1000)
    with pytest.raises(Refusal, match=r"differ by (999|1000|1001) seconds \(the server is ahead\)") as caught:
        run(wish(bind))
    assert caught.value.code == "BADTIME"


def test_a_zone_that_is_not_served(bind: BindServer) -> None:
    with pytest.raises(Refusal, match="does not serve zone other.example") as caught:
        run(wish(bind, zone="other.example"))
    assert caught.value.code == "REFUSED"


def test_a_record_the_key_has_no_right_to(bind: BindServer) -> None:
    """A domain below the zone: its records would lie in the zone, but the key is for another name."""
    outcome = run(wish(bind, zone="branch.corp.example"))
    assert isinstance(outcome.problem, Failure)
    assert (outcome.problem.name, outcome.problem.code) == ("update_refused", "REFUSED")
    assert "grant KEY name _vlmcs._tcp.branch.corp.example. SRV" in outcome.problem.message
    assert not outcome.changed


def test_unsigned_updates_are_told_to_sign(bind: BindServer) -> None:
    outcome = run(wish(bind, key=None))
    assert outcome.problem is not None and "auth: tsig" in outcome.problem.message


def test_nobody_listening(bind: BindServer) -> None:
    with pytest.raises(Failure, match="nothing listens there"):
        run(wish(bind, server_port=1))


def test_more_members_than_bind_keeps_at_one_name(bind: BindServer) -> None:
    """BIND 9.18.28 and newer: max-records-per-type 100; one message is all or nothing."""
    crowd = tuple(member(f"kms{number}.corp.example") for number in range(101))
    assert run(wish(bind, None, members=crowd[:100])).problem is None
    problem = run(wish(bind, None, members=crowd)).problem
    assert problem is not None and problem.code == "SERVFAIL" and "max-records-per-type" in problem.message
    assert len(records(bind)) == 100


# --- as a task. The host of the play is a Windows machine nobody can reach, and become is set: neither matters.

PLAY = """
- name: Publish
  hosts: kms1
  gather_facts: false
  become: true
  module_defaults:
    activation.kms.srv_record: {{zone: {zone}, server: {address}, server_port: {port}, target: kms1.corp.example,
                                auth: tsig, key_name: {key_name}, key_secret: "{key_secret}"}}
  tasks:
    - activation.kms.srv_record:
      check_mode: true
      diff: true
      register: planned
    - activation.kms.srv_record:
      diff: true
      register: first
    - activation.kms.srv_record:
      register: second
    - activation.kms.srv_record:
        target: "{{{{ omit }}}}"
        port: 1690
        members: [{{target: kms1.corp.example}}, {{target: kms2.corp.example, port: 1691, priority: 5}}]
        exclusive: true
      register: crowd
    - activation.kms.srv_record:
        key_secret: "{wrong}"
      register: refused
      ignore_errors: true
    - activation.kms.srv_record:
        auth: none
      register: contradiction
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{{{ {{'planned': planned, 'first': first, 'second': second, 'crowd': crowd, 'refused': refused,
                   'contradiction': contradiction}} | to_json }}}}"
        dest: "{results}"
        mode: "0600"
      delegate_to: localhost
      become: false
"""


def play(server: BindServer, folder: Path) -> tuple[dict[str, t.Any], str]:
    """Run the play; (the registered results, everything that was printed)."""
    wrong = "b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3RoZXItMTI="
    results = folder / "results.json"
    (folder / "play.yml").write_text(PLAY.format(**dataclasses.asdict(server), wrong=wrong, results=results))
    (folder / "hosts.ini").write_text(
        "kms1 ansible_connection=winrm ansible_host=192.0.2.1 ansible_user=nobody ansible_password=secret\n"
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"
    )
    command = [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "hosts.ini", "play.yml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(results.read_text()), done.stdout + done.stderr


def test_as_a_task(bind: BindServer, tmp_path: Path) -> None:
    results, printed = play(bind, tmp_path)
    line = "_vlmcs._tcp.corp.example. 3600 IN SRV 0 0 1688 kms1.corp.example.\n"

    planned, first, second = results["planned"], results["first"], results["second"]
    assert planned["changed"] and planned["plan"] == first["plan"]
    assert planned["diff"][0]["after"] == first["diff"][0]["after"] == line
    assert planned["members"] == first["members"]
    assert planned["observed"]["zones"][0]["members"] == []
    assert (first["changed"], first["zone"], first["dns_zone"]) == (True, "corp.example", "corp.example")
    assert not second["changed"] and second["plan"] == []

    assert [(one["target"], one["port"], one["priority"]) for one in results["crowd"]["members"]] == [
        ("kms1.corp.example", 1690, 0),
        ("kms2.corp.example", 1691, 5),
    ]
    assert results["refused"]["failed"] and not results["refused"]["changed"]
    assert results["refused"]["error"]["name"] == "key_secret_wrong"
    assert results["refused"]["error"]["code"] == "BADSIG"
    assert results["contradiction"]["failed"]
    assert "b3RoZXIt" not in printed and bind.key_secret not in printed
    assert records(bind) == ["0 0 1690 kms1.corp.example.", "5 0 1691 kms2.corp.example."]
