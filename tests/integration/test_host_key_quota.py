# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how many hosts a key is meant, wherever the key comes from, and that a refusal comes before anybody is spoken to.

What is looked at is ansible-core's own doing as much as ours: `PlayVariable` rests on objects no plugin is promised.
The hosts are one port that must never be connected to.
"""

from __future__ import annotations

import socket
import sys
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from estate import Data, Play, Run
from sentences import judge

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
OTHER = "BCDFG-HJKMP-QRTVW-XY234-6789F"
SETUP_KEY = "YC6KT-GKW9T-YTKYR-T4X34-R7VHC"  # Microsoft's public one of Server 2008 R2: a client's
VAULT_PASSWORD = "correct horse"
SITES = {"kms1": "north", "kms2": "south", "kms3": "north", "kms4": "north", "kms5": "nowhere"}
KEYS = {"north": KEY, "south": OTHER}
BY_SITE = "{{ keys[site] }}"
NORTH = ["kms1", "kms3", "kms4"]


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """Where all hosts seem to be; the test fails when anybody calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def inventory(port: socket.socket, variables: Mapping[str, Data] | None = None) -> Data:
    """Five hosts, each with its site and what is given of further variables."""
    way = {"ansible_connection": "winrm", "ansible_winrm_transport": "ntlm", "ansible_winrm_scheme": "http"}
    way.update(ansible_host="127.0.0.1", ansible_port=port.getsockname()[1], ansible_user="u", ansible_password="p")
    way.update(ansible_winrm_operation_timeout_sec=2, ansible_winrm_read_timeout_sec=3)  # should anybody call
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {host: {"site": site, **(variables or {}).get(host, {})} for host, site in SITES.items()}
    return {
        "all": {
            "hosts": {"localhost": here},
            "children": {"kms_hosts": {"hosts": hosts, "vars": way}},
        }
    }


def role(variables: Data, **play: t.Any) -> Data:
    """A play of the role, the variables given to it."""
    return {
        "hosts": "kms_hosts",
        "gather_facts": False,
        "vars": {"keys": {**KEYS, "nowhere": ""}},
        "roles": [{"role": "activation.kms.kms_host", "vars": variables}],
        **play,
    }


def counting(name: str, **play: t.Any) -> Data:
    """A play of the module, its result registered under r_ and the name."""
    count = {"activation.kms.host_key_quota": {}, "run_once": True, "register": f"r_{name}", "ignore_errors": True}
    before = play.pop("before", [])
    return {"name": name, "hosts": list(SITES), "gather_facts": False, "tasks": [*before, count], **play}


def run(folder: Path, port: socket.socket, plays: Sequence[Data], *arguments: str, **hosts: Data) -> Play:
    """Run the plays as loud as it gets; no key may be written."""
    played = Run(folder, plays, inventory(port, hosts), ("-vvvvv", *arguments)).finish()
    for key in (KEY, OTHER):
        assert key not in played.output and key.replace("-", "") not in played.output
    return played


def found(played: Play, name: str) -> dict[str, list[str]]:
    """{last five: hosts} of a count, which must have seen everything there is."""
    result = played.results[f"r_{name}"]["kms1"]
    assert not result["failed"] and not result["changed"] and result["plan"] == [], result
    assert not result.get("warnings"), "hostvars had to do"
    assert result["observed"]["host_keys"] == result["host_keys"]
    return {entry["partial_product_key"]: entry["hosts"] for entry in result["host_keys"]}


REFUSING: tuple[tuple[str, Data], ...] = (
    ("one host after the other", {"serial": 1}),
    ("the last first", {"serial": 1, "order": "reverse_inventory"}),
    ("all at once", {}),
    ("each at its own pace", {"strategy": "free"}),
    ("whatever may come", {"ignore_errors": True, "ignore_unreachable": True, "max_fail_percentage": 100}),
    ("without the first", {"pre_tasks": [{"ansible.builtin.fail": {}, "when": "inventory_hostname == 'kms1'"}]}),
    ("check mode", {"check_mode": True}),
)


@pytest.mark.parametrize("play", [play for ignored, play in REFUSING], ids=[name for name, ignored in REFUSING])
def test_the_role_refuses_before_anybody_is_spoken_to(tmp_path: Path, port: socket.socket, play: Data) -> None:
    variables = {"kms_host_product_key": BY_SITE, "kms_host_max_hosts_per_key": 2}
    played = run(tmp_path, port, [role(variables, **play)])
    assert played.returncode != 0
    assert "too_many_hosts_for_key" in played.output
    assert "the host key *****-67892 is meant for 3 hosts of this play (kms1, kms3, kms4)" in played.output
    assert "TASK [activation.kms.kms_host : Set up and keep" not in played.output


def test_an_included_role_is_counted_too(tmp_path: Path, port: socket.socket) -> None:
    variables = {"kms_host_product_key": BY_SITE, "kms_host_max_hosts_per_key": 2}
    include = {"ansible.builtin.include_role": {"name": "activation.kms.kms_host"}, "vars": variables}
    play = {"hosts": "kms_hosts", "gather_facts": False, "vars": {"keys": {**KEYS, "nowhere": ""}}, "tasks": [include]}
    played = run(tmp_path, port, [play])
    assert played.returncode != 0
    assert "is meant for 3 hosts of this play (kms1, kms3, kms4)" in played.output


def test_wherever_a_key_comes_from(tmp_path: Path, port: socket.socket) -> None:
    """Inventory, play, files of the play, both kinds of vault, facts that a host set; lower case is the same key."""
    secret = VaultSecret(VAULT_PASSWORD.encode())
    vault = VaultLib([("default", secret)])
    whole, single, password = (tmp_path / name for name in ("whole.yml", "single.yml", "password"))
    password.write_text(VAULT_PASSWORD)
    whole.write_bytes(vault.encrypt(f"kms_host_product_key: {KEY}\n", secret))
    lines = vault.encrypt(KEY, secret).decode().splitlines()
    single.write_text("kms_host_product_key: !vault |\n" + "".join(f"  {line}\n" for line in lines))
    own = {
        "ansible.builtin.set_fact": {"kms_host_product_key": BY_SITE.lower()},
        "when": "site in keys",
        "no_log": True,
    }
    plays = [
        counting("inventory"),
        counting("play", vars={"keys": KEYS, "kms_host_product_key": BY_SITE}, serial=2),
        counting("omitted", vars={"keys": KEYS, "kms_host_product_key": "{{ keys[site] | default(omit) }}"}),
        counting("whole", vars_files=[str(whole)]),
        counting("single", vars_files=[str(single)]),
        counting("fact", before=[own], vars={"keys": KEYS}),
    ]
    hosts = {
        "kms2": {"kms_host_product_key": f" {KEY.lower()} "},
        "kms4": {"kms_host_product_key": KEY.replace("-", "")},
    }
    played = run(tmp_path, port, plays, "--vault-password-file", str(password), **hosts)
    assert found(played, "inventory") == {"67892": ["kms2", "kms4"]}
    assert found(played, "play") == found(played, "omitted") == {"67892": NORTH, "6789F": ["kms2"]}
    assert found(played, "whole") == found(played, "single") == {"67892": list(SITES)}
    assert found(played, "fact") == {"67892": NORTH, "6789F": ["kms2"]}


def test_what_is_no_host_key_does_not_count(tmp_path: Path, port: socket.socket) -> None:
    values = ["", None, 5, SETUP_KEY, KEY[:-1]]
    hosts = {host: {"kms_host_product_key": value} for host, value in zip(SITES, values, strict=True)}
    plays = [counting("none")]
    assert found(run(tmp_path, port, plays, **hosts), "none") == {}


def test_a_host_that_is_to_be_retired_does_not_count(tmp_path: Path, port: socket.socket) -> None:
    """Nothing is activated there, and many may share a key that is on its way out."""
    state = "{{ 'absent' if site == 'north' else 'present' }}"
    plays = [
        counting("retired", vars={"kms_host_product_key": KEY, "kms_host_state": state}),
        counting("served", vars={"kms_host_product_key": KEY, "kms_host_state": "present"}),
    ]
    played = run(tmp_path, port, plays)
    assert found(played, "retired") == {"67892": ["kms2", "kms5"]}
    assert found(played, "served") == {"67892": list(SITES)}


def test_a_host_that_is_left_out_is_not_seen(tmp_path: Path, port: socket.socket) -> None:
    plays = [counting("limited", vars={"kms_host_product_key": KEY})]
    played = run(tmp_path, port, plays, "--limit", "localhost,kms1,kms3")
    assert found(played, "limited") == {"67892": ["kms1", "kms3"]}


def test_a_key_that_cannot_be_told_is_refused(tmp_path: Path, port: socket.socket) -> None:
    """Not counted would mean: not protected. Ansible's own words may hold the value, so they are not repeated."""
    broken = {"kms_host_product_key": "{{ '" + KEY[:20] + "' | int('x', 'y', 'z') }}"}
    plays = [counting("broken")]
    result = run(tmp_path, port, plays, kms3=broken).results["r_broken"]["kms1"]
    assert result["error"]["name"] == "variable_unreadable"
    judge(result["msg"], "kms1", ["the variable kms_host_product_key of kms3 cannot be evaluated"])
    assert KEY[:10] not in result["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_hosts": 0}, "max_hosts must be at least 1"),
        ({"variable": KEY}, "variable must be the name of a variable, not its value"),
    ],
)
def test_an_impossible_wish_is_refused(tmp_path: Path, port: socket.socket, options: Data, words: str) -> None:
    play = counting("it")
    play["tasks"][0]["activation.kms.host_key_quota"] = options
    result = run(tmp_path, port, [play]).results["r_it"]["kms1"]
    assert result["failed"] and result["error"]["name"] == "bad_option"
    judge(result["msg"], "kms1", [words])
