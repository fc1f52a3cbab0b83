# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup and the inventory plugin srv, through Ansible's own commands, against a real BIND. On every core.

The server is authoritative only. Its zone holds what administrators leave in one: members that do not resolve, a domain
that says no, an alias, a delegation, more members than fit into a datagram.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bind_server
import pytest
from sentences import judge

CROWD = range(60)
RECORDS = """
kms1 IN A 192.0.2.10
kms1 IN AAAA 2001:db8::10
kms2 IN A 192.0.2.11
_vlmcs._tcp IN SRV 0 3 1688 KMS1
_vlmcs._tcp IN SRV 0 1 1688 kms2
_vlmcs._tcp IN SRV 10 0 1689 gone
_vlmcs._tcp.branch IN SRV 5 0 1688 kms2
_vlmcs._tcp.closed IN SRV 0 0 0 .
_vlmcs._tcp.outside IN SRV 0 0 1688 kms.other.example.
_vlmcs._tcp.alias IN CNAME _vlmcs._tcp.branch
lab IN NS ns.lab
ns.lab IN A 192.0.2.53
""" + "".join(f"_vlmcs._tcp.crowd IN SRV 0 0 1688 a-rather-long-name-{number}.crowd\n" for number in CROWD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bind_server.BindServer]:
    """Not the fixture `bind`: these tests depend on the core, so they are not for one core only."""
    folder = tmp_path_factory.mktemp("bind")
    try:
        started = bind_server.start(folder, records=RECORDS)
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    yield started
    bind_server.stop(folder)


def ansible(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ansible", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


# --- the lookup

PLAY = """
- name: Look
  hosts: localhost
  gather_facts: false
  vars:
    asked: {{server: {address}, server_port: {port}, timeout: 2}}
  tasks:
    - ansible.builtin.set_fact:
        one: "{{{{ lookup('activation.kms.srv', 'Corp.Example.', **asked) }}}}"
        missing: "{{{{ lookup('activation.kms.srv', 'none.corp.example', **asked) }}}}"
        closed: "{{{{ lookup('activation.kms.srv', 'closed.corp.example', **asked) }}}}"
        several: "{{{{ query('activation.kms.srv', ['corp.example', 'none.corp.example'], 'alias.corp.example',
                      resolve=false, **asked) }}}}"
        crowd: "{{{{ lookup('activation.kms.srv', 'crowd.corp.example', wantlist=true, **asked) }}}}"
        ignored: "{{{{ lookup('activation.kms.srv', 'other.example', errors='ignore', wantlist=true, **asked) }}}}"
    - ansible.builtin.copy:
        content: "{{{{ {{'one': one, 'missing': missing, 'closed': closed, 'several': several, 'crowd': crowd,
                   'ignored': ignored}} | to_json }}}}"
        dest: "{results}"
        mode: "0600"
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', 'none.corp.example', fail_on_missing=true, **asked) }}}}"
      ignore_errors: true
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', 'other.example', **asked) }}}}"
      ignore_errors: true
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', 'lab.corp.example', **asked) }}}}"
      ignore_errors: true
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', 'outside.corp.example', **asked) }}}}"
      ignore_errors: true
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', 'corp.example', server=asked.server, server_port=1, timeout=0.5) }}}}"
      ignore_errors: true
    - ansible.builtin.debug:
        msg: "{{{{ lookup('activation.kms.srv', '_vlmcs._tcp.corp.example', **asked) }}}}"
      ignore_errors: true
"""
REFUSALS = (
    ("knows no KMS host for none.corp.example",),
    ("could not tell the SRV records of _vlmcs._tcp.other.example (127.0.0.1: REFUSED)",),
    ("could not tell the SRV records of _vlmcs._tcp.lab.corp.example", "other servers"),
    ("could not tell the A records of kms.other.example (127.0.0.1: REFUSED)",),
    ("DNS server 127.0.0.1 (port 1) did not answer", "within 0.5 seconds"),
    ("is the name of the record itself; write the domain it is for: corp.example",),
)


@pytest.fixture(scope="module")
def looked(server: bind_server.BindServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the play found."""
    folder = tmp_path_factory.mktemp("play")
    results = folder / "results.json"
    play = PLAY.format(address=server.address, port=server.port, results=results)
    (folder / "play.yml").write_text(play, encoding="utf-8")
    (folder / "hosts.ini").write_text(
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n", encoding="utf-8"
    )
    done = ansible("playbook", "-i", "hosts.ini", "play.yml", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    results_of_tasks = (line.partition("FAILED! => ")[2] for line in done.stdout.splitlines())
    return {**found, "refused": [json.loads(result)["msg"] for result in results_of_tasks if result]}


def test_what_a_client_finds(looked: dict[str, Any]) -> None:
    common = {"domain": "corp.example", "ttl": 3600}
    kms1 = {**common, "target": "kms1.corp.example", "port": 1688, "priority": 0, "weight": 3, "probability": 0.7}
    kms2 = {**common, "target": "kms2.corp.example", "port": 1688, "priority": 0, "weight": 1, "probability": 0.3}
    gone = {**common, "target": "gone.corp.example", "port": 1689, "priority": 10, "weight": 0, "probability": 0}
    assert looked["one"] == [
        {**kms1, "addresses": ["192.0.2.10", "2001:db8::10"]},
        {**kms2, "addresses": ["192.0.2.11"]},
        {**gone, "addresses": []},
    ]


def test_a_domain_without_an_offer_has_an_empty_list(looked: dict[str, Any]) -> None:
    assert (looked["missing"], looked["closed"]) == ([], [])


def test_one_list_a_domain(looked: dict[str, Any]) -> None:
    assert [[one["target"] for one in found] for found in looked["several"]] == [
        ["kms1.corp.example", "kms2.corp.example", "gone.corp.example"],
        [],
        ["kms2.corp.example"],
    ]
    assert {one["addresses"] for found in looked["several"] for one in found} == {None}


def test_more_than_fits_into_a_datagram(looked: dict[str, Any]) -> None:
    (found,) = looked["crowd"]
    assert len(found) == len(CROWD)
    assert {one["probability"] for one in found} == {1 / len(CROWD)}


def test_trouble_is_an_error_in_one_sentence(looked: dict[str, Any]) -> None:
    assert looked["ignored"] == []
    for said, words in zip(looked["refused"], REFUSALS, strict=True):
        judge(said.partition("\n")[0], "", words)  # older cores add where in the playbook


# --- the inventory plugin

SOURCE = """
plugin: activation.kms.srv
domains: [corp.example, branch.corp.example, none.corp.example]
server: {address}
server_port: {port}
timeout: 2
"""
CONSTRUCTED = """
hostname: short
ansible_host: address
strict: true
compose:
  ansible_connection: "'winrm'"
  usual: kms_srv_port == 1688
groups:
  shared: kms_srv_domains | length > 1
keyed_groups:
  - prefix: kms
    key: "'weight_' ~ kms_srv_weight"
"""


def written(server: bind_server.BindServer, folder: Path, more: str = "", name: str = "corp.kms_srv.yml") -> Path:
    file = folder / name
    file.write_text(SOURCE.format(address=server.address, port=server.port) + more, encoding="utf-8")
    return file


def plain(value: dict[str, Any]) -> Any:
    """From ansible-core 2.19 on, texts that must never be taken for a template are marked, as these are."""
    return value.get("__ansible_unsafe", value)


def listed(file: Path, **variables: str) -> dict[str, Any]:
    done = ansible("inventory", "-i", str(file), "--list", folder=file.parent, **variables)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout, object_hook=plain)
    return found


def test_hosts_and_their_variables(server: bind_server.BindServer, tmp_path: Path) -> None:
    found = listed(written(server, tmp_path, name="corp.kms_srv.yaml"))
    variables = found["_meta"]["hostvars"]
    assert set(variables) == {"kms1.corp.example", "kms2.corp.example", "gone.corp.example"}
    kms2 = variables["kms2.corp.example"]
    assert [record.pop("domain") for record in kms2.pop("kms_srv_records")] == ["corp.example", "branch.corp.example"]
    assert kms2 == {
        "kms_srv_target": "kms2.corp.example",
        "kms_srv_port": 1688,
        "kms_srv_priority": 0,
        "kms_srv_weight": 1,
        "kms_srv_ttl": 3600,
        "kms_srv_domains": ["corp.example", "branch.corp.example"],
    }


def test_groups_by_domain_and_priority(server: bind_server.BindServer, tmp_path: Path) -> None:
    file = written(server, tmp_path)
    done = ansible("inventory", "-i", str(file), "--graph", folder=tmp_path)
    assert [line.strip() for line in done.stdout.splitlines()] == [
        "@all:",
        "|--@ungrouped:",
        "|--@kms_corp_example:",
        "|  |--@kms_corp_example_priority_0:",
        "|  |  |--kms1.corp.example",
        "|  |  |--kms2.corp.example",
        "|  |--@kms_corp_example_priority_10:",
        "|  |  |--gone.corp.example",
        "|--@kms_branch_corp_example:",
        "|  |--@kms_branch_corp_example_priority_5:",
        "|  |  |--kms2.corp.example",
        "|--@kms_none_corp_example:",
    ]


def test_constructed_groups_and_variables(server: bind_server.BindServer, tmp_path: Path) -> None:
    found = listed(written(server, tmp_path, CONSTRUCTED))
    variables = found["_meta"]["hostvars"]
    assert {name: (one.get("ansible_host"), one["usual"]) for name, one in variables.items()} == {
        "kms1": ("192.0.2.10", True),
        "kms2": ("192.0.2.11", True),
        "gone": (None, False),
    }
    assert {one["ansible_connection"] for one in variables.values()} == {"winrm"}
    assert found["shared"]["hosts"] == ["kms2"]
    assert {name: found[name]["hosts"] for name in found if name.startswith("kms_weight_")} == {
        "kms_weight_3": ["kms1"],
        "kms_weight_1": ["kms2"],
        "kms_weight_0": ["gone"],
    }


def test_a_cache_answers_the_same_question_only(server: bind_server.BindServer, tmp_path: Path) -> None:
    settings = {
        "ANSIBLE_INVENTORY_CACHE": "true",
        "ANSIBLE_INVENTORY_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_INVENTORY_CACHE_CONNECTION": str(tmp_path / "cache"),
    }
    listed(written(server, tmp_path), **settings)
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text(kept.read_text(encoding="utf-8").replace("kms1.corp", "cached.corp"), encoding="utf-8")
    second = listed(written(server, tmp_path), **settings)
    assert set(second["_meta"]["hostvars"]) == {"cached.corp.example", "kms2.corp.example", "gone.corp.example"}
    with_addresses = listed(written(server, tmp_path, "ansible_host: address\n"), **settings)
    assert with_addresses["_meta"]["hostvars"]["kms1.corp.example"]["ansible_host"] == "192.0.2.10"
    (tmp_path / "play.yml").write_text("- hosts: kms_corp_example\n", encoding="utf-8")
    kept.write_text(kept.read_text(encoding="utf-8").replace("kms1.corp", "cached.corp"), encoding="utf-8")
    command = ("playbook", "-i", "corp.kms_srv.yml", "play.yml", "--list-hosts")
    assert "cached.corp.example" in ansible(*command, folder=tmp_path, **settings).stdout
    assert "kms1.corp.example" in ansible(*command, "--flush-cache", folder=tmp_path, **settings).stdout


BAD_FILES = {
    "empty": ("domains: []", ("the option domains is empty",)),
    "unknown": ("domain: corp.example", ("there is no option domain;",)),
    "number": ("server_port: many", ("server_port",)),
    "choice": ("hostname: long", ("hostname", "long")),
    "name": ("domains: [a b]", ("domain 'a b' is not a DNS name",)),
    "port": ("server_port: 0", ("server_port is 0",)),
    "refused": ("domains: [corp.example, other.example]", ("_vlmcs._tcp.other.example (127.0.0.1: REFUSED)",)),
    "expression": ("strict: true\ndomains: [crowd.corp.example]\ncompose: {x: no_such + 1}", ("x", "no_such")),
}


@pytest.fixture(scope="module")
def complaints(server: bind_server.BindServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], set[str]]:
    """What is said about the bad files, all given at once, and the hosts that came of it."""
    folder = tmp_path_factory.mktemp("bad")
    sources: list[str] = []
    for name, (more, _words) in BAD_FILES.items():
        ours = {line.partition(":")[0] for line in more.splitlines()}
        kept = "\n".join(line for line in SOURCE.splitlines() if line.partition(":")[0] not in ours)
        text = f"{kept.format(address=server.address, port=server.port)}\n{more}\n"
        (folder / f"{name}.kms_srv.yml").write_text(text, encoding="utf-8")
        sources += ["-i", f"{name}.kms_srv.yml"]
    written(server, folder, name="misnamed.yml")
    done = ansible("inventory", "--list", *sources, "-i", "misnamed.yml", folder=folder)
    assert "Traceback" not in done.stderr
    # Older cores wrap lines, newer ones say it a second time.
    said = [" ".join(part.split()) for part in done.stderr.replace("<<< caused by >>>", "[WARNING]").split("[WARNING]")]
    return said, set(json.loads(done.stdout)["_meta"]["hostvars"])


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_with_its_option(complaints: tuple[list[str], set[str]], name: str) -> None:
    said = [text for text in complaints[0] if f"/{name}.kms_srv.yml: " in text]
    assert said
    for text in said:
        assert all(word in text for word in BAD_FILES[name][1]) and "ansible_collections." not in text, text


def test_nothing_is_added_unless_every_domain_was_told(complaints: tuple[list[str], set[str]]) -> None:
    assert not [host for host in complaints[1] if ".crowd." not in host]


def test_a_file_of_another_name_is_declined(complaints: tuple[list[str], set[str]]) -> None:
    assert any(
        "misnamed.yml' could not be verified by inventory plugin 'activation.kms.srv'" in text for text in complaints[0]
    )


def test_a_play_over_the_inventory(server: bind_server.BindServer, tmp_path: Path) -> None:
    written(server, tmp_path)
    (tmp_path / "play.yml").write_text(
        "- hosts: kms_branch_corp_example\n"
        "  gather_facts: false\n"
        "  connection: local\n"
        "  tasks:\n"
        '    - ansible.builtin.debug: {msg: "served by {{ kms_srv_target }}"}\n',
        encoding="utf-8",
    )
    done = ansible("playbook", "-i", "corp.kms_srv.yml", "play.yml", folder=tmp_path)
    assert done.returncode == 0 and "served by kms2.corp.example" in done.stdout, done.stdout + done.stderr
