# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret anywhere: a rollout that works and one that fails, as loud as Ansible gets, and every byte searched.

The hosts are of three generations, so that a key takes every way there is: by WMI on Server 2003, sealed and in the
clear; beside dism on Server 2012 R2; on Server 2016, where Windows shows the key of the machine's firmware to whoever
asks for too much. Searched are standard output and error, the log, results that are printed by debug and written to a
file, a fact cache, whatever stands in the temporary folders and the working folder afterwards, and what the other side
wrote down. Not searched is the one file the secrets come from.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import bind_server
import pytest
from estate import HOST_KEY, KEY_GROUP, PASSWORD, Data, Estate, host_options, serving

from emulated_windows.core import FIRMWARE_KEY

LATER_KEY = "BCDFG-HJKMP-QRTVW-XY234-6789F"
LATER_GROUP = "server_2016"
UNKNOWN_KEY = "BCDFG-HJKMP-QRTVW-XY234-MMMMM"  # of the right form, but nobody's
WRONG_SECRET = "d3JvbmcsIGJ1dCBiYXNlNjQgYWxsIHRoZSBzYW1l"
SECRETS = ("host_key", "later_key", "unknown_key", "firmware_key", "password", "wrong_password", "tsig", "wrong_tsig")
WRONG_PASSWORD = "guessed & <wrong>%41"


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything that was written, by the name of where it stands, the secrets that must not be in it, and what the
    hosts were told to do: methods and command lines by host."""

    written: Mapping[str, bytes]
    results: Data
    secrets: Mapping[str, str]
    deeds: Mapping[str, list[str]]


def spellings(secret: str) -> set[bytes]:
    """How it could be written, in lower case. Base64 at each of its three alignments, without the characters that
    depend on neighbours: an Authorization header of Basic holds a password in the middle of one."""
    forms = {secret, secret.replace("-", "")}
    texts = set(forms)
    for form in forms:
        texts |= {escape(form), quoteattr(form)[1:-1], escape(form, {'"': "&quot;", "'": "&apos;"})}
        texts |= {urllib.parse.quote(form, safe=""), urllib.parse.quote_plus(form), json.dumps(form)[1:-1]}
        texts |= {repr(form)[1:-1], form.encode().hex()}
        for raw in (form.encode(), form.encode("utf-16-le"), form.lower().encode()):
            texts |= {base64.b64encode(bytes(shift) + raw).decode()[shift + (shift > 0) : -4] for shift in range(3)}
    return {text.lower().encode() for text in texts}


def found_in(content: bytes, secret: str) -> str:
    """The first spelling of the secret in a text with what stands around it; "" when there is none."""
    low = content.lower()
    for spelling in spellings(secret):
        at = low.find(spelling)
        if at >= 0:
            return content[max(0, at - 150) : at + 80].decode(errors="replace")
    return ""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    folder = tmp_path_factory.mktemp("secrets")
    try:
        dns = bind_server.start(folder / "bind")
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    hosts: dict[str, Data] = {
        "sealed": {},
        "plain": {"transport": "basic", "start": "kms_1_2"},
        "later": {"persona": "server-2012-r2"},
        "newest": {"persona": "server-2016", "transport": "basic"},
    }
    keys = {HOST_KEY: KEY_GROUP, LATER_KEY: LATER_GROUP}
    try:
        with serving(folder / "estate", hosts, host_keys=keys) as estate:
            yield collect(folder, estate, dns)
    finally:
        bind_server.stop(folder / "bind")


def collect(folder: Path, estate: Estate, dns: bind_server.BindServer) -> Evidence:
    """Run it all and gather what was written."""
    secrets = {"host_key": HOST_KEY, "unknown_key": UNKNOWN_KEY, "password": PASSWORD, "wrong_password": WRONG_PASSWORD}
    secrets.update(tsig=dns.key_secret, wrong_tsig=WRONG_SECRET, later_key=LATER_KEY)
    vault = folder / "vault.yml"
    vault.write_text(json.dumps({"vault": secrets}), encoding="utf-8")
    inventory = estate.inventory()
    group = inventory["all"]["children"]["kms_hosts"]
    group["vars"]["ansible_password"] = "{{ vault.password }}"
    group["hosts"]["stranger"] = {**group["hosts"]["sealed"], "ansible_password": "{{ vault.wrong_password }}"}
    plays = [*working(estate, dns), *failing(dns)]
    for play in plays:
        play.update(gather_facts=False, vars_files=[str(vault)], ignore_errors=True, ignore_unreachable=True)
    kept = folder / "kept"
    settings = {
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(kept / "facts"),
        "ANSIBLE_LOCAL_TEMP": str(kept / "ansible-tmp"),
        "ANSIBLE_LOG_PATH": str(kept / "log"),
        "TMPDIR": str(kept / "tmp"),
    }
    (kept / "tmp").mkdir(parents=True)
    run = estate.start(plays, "-vvvvv", "--diff", inventory=inventory, environment=settings)
    played = run.finish()
    roots = [run.folder, kept, estate.folder / "journal.jsonl", estate.folder / "emulator.log"]
    files = [path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()]
    written = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    deeds = {host: [str(entry["method"]) for entry in estate.journal(host)] for host in estate.hosts}
    return Evidence(written, played.results, {**secrets, "firmware_key": FIRMWARE_KEY}, deeds)


def working(estate: Estate, dns: bind_server.BindServer) -> list[Data]:
    """A rollout, its repetition, and the small modules."""
    rollout = host_options(estate.packages(), product_key="{{ vault.host_key }}", publish=[record(dns)])
    key = {"product_key": "{{ vault.host_key }}", "allow_unencrypted_key": True}
    later = {**rollout, "serve": ["server_2016"], "key_group": LATER_GROUP, "product_key": "{{ vault.later_key }}"}
    bare = {"product_key": "{{ vault.later_key }}", "allow_unencrypted_key": True}
    settings = {"port": 1689, "low_priority": True, "activation_interval": 30, "renewal_interval": 10000}
    return [
        {
            "name": "Later",
            "hosts": "later",
            "tasks": [*task("host", later, "later"), *task("host", later, "later_again")],
        },
        {"name": "Set", "hosts": "later", "tasks": [*task("host_settings", settings), *task("host_info", {}, "told")]},
        {
            "name": "New",
            "hosts": "newest",
            "tasks": [*task("host_key", bare, "new"), *task("host_info", {}, "new_told")],
        },
        {"name": "Old", "hosts": "plain", "tasks": task("host_settings", settings, "old_settings")},
        {"name": "Roll out", "hosts": "sealed", "tasks": [*task("host", rollout), *task("host", rollout, "again")]},
        {"name": "Key", "hosts": "plain", "tasks": [*task("host_key", key), *task("srv_record", named(dns), "named")]},
    ]


def failing(dns: bind_server.BindServer) -> list[Data]:
    """Keys nobody knows, secrets that are wrong or stand in the wrong place."""
    unknown = {"product_key": "{{ vault.unknown_key }}", "allow_unencrypted_key": True, "replace": True}
    wrong = {**named(dns), "key_secret": "{{ vault.wrong_tsig }}"}
    misplaced = {**named(dns), "auth": "{{ vault.tsig }}", "key_name": "{{ vault.tsig }}"}
    swapped = {**named(dns), "key_name": "{{ vault.tsig }}", "key_secret": dns.key_name}
    everywhere = {"product_key": "{{ vault.host_key[:-1] }}", "key_group": "{{ vault.host_key }}"}
    tasks = [
        *task("host_key", unknown, "unknown"),
        *task("srv_record", wrong, "wrong"),
        *task("srv_record", misplaced, "misplaced"),
        *task("srv_record", swapped, "swapped"),
        *task("host_key", everywhere, "everywhere"),
        *task("host", {"product_key": {"key": "{{ vault.host_key }}"}, "publish": "{{ vault.tsig }}"}, "shapes"),
        *task("host_info", {"query": "{{ vault.host_key }}"}, "query"),
    ]
    return [
        {"name": "Fail", "hosts": "plain", "tasks": tasks},
        {"name": "Fail later", "hosts": "later", "tasks": task("host_key", unknown, "later_unknown")},
        {"name": "Fail in the clear", "hosts": "newest", "tasks": task("host_key", unknown, "new_unknown")},
        {"name": "Knock", "hosts": "stranger", "tasks": task("host_info", {}, "stranger")},
    ]


def record(dns: bind_server.BindServer) -> Data:
    found = {"zone": dns.zone, "server": dns.address, "server_port": dns.port, "auth": "tsig"}
    return {**found, "key_name": dns.key_name, "key_secret": "{{ vault.tsig }}"}


def named(dns: bind_server.BindServer) -> Data:
    return {"target": "kms9.corp.example", **record(dns)}


def task(module: str, options: Data, name: str = "") -> list[Data]:
    """The module, its result printed and kept as a fact."""
    register = f"r_{name or module}"
    kept = f"{{{{ {register} }}}}"
    return [
        {"name": register, f"activation.kms.{module}": options, "register": register},
        {"name": f"Show {register}", "ansible.builtin.debug": {"var": register}},
        {"name": f"Keep {register}", "ansible.builtin.set_fact": {f"kept_{register}": kept, "cacheable": True}},
    ]


def test_the_runs_went_as_they_should(evidence: Evidence) -> None:
    """Or the search would prove nothing."""
    results = evidence.results
    worked = {"r_host": True, "r_again": False, "r_host_key": True, "r_named": True, "r_later": True}
    worked.update(r_later_again=False, r_host_settings=True, r_told=False, r_new=True, r_new_told=False)
    worked.update(r_old_settings=True)
    assert {name: results[name]["changed"] for name in worked} == worked
    assert not [results[name] for name in worked if results[name]["failed"]]
    failed = (
        "unknown",
        "wrong",
        "misplaced",
        "swapped",
        "everywhere",
        "shapes",
        "query",
        "later_unknown",
        "new_unknown",
    )
    assert all(results[f"r_{name}"]["failed"] for name in failed), results
    assert results["r_stranger"]["unreachable"]


def test_every_way_was_taken(evidence: Evidence) -> None:
    """dism where there is one, WMI methods for the settings from 2008 R2 on, the key by WMI everywhere."""
    later = evidence.deeds["later"]
    assert any(deed.lower().startswith("dism") for deed in later)
    assert {"SetKeyManagementServiceListeningPort", "SetVLActivationInterval", "SetVLRenewalInterval"} <= set(later)
    for host in ("sealed", "plain", "later", "newest"):
        assert "InstallProductKey" in evidence.deeds[host]


def test_everything_was_gathered(evidence: Evidence) -> None:
    """What may be shown of a key is there, in every place a result can get to."""
    told = {name for name, content in evidence.written.items() if b"67892" in content}
    for place in ("/stdout", "/results.json", "kept/log", "kept/facts/"):
        assert any(place in name for name in told), (place, sorted(evidence.written))
    assert any(name.endswith("journal.jsonl") for name in evidence.written)


@pytest.mark.parametrize("which", SECRETS)
def test_no_secret_is_written(evidence: Evidence, which: str) -> None:
    for name, content in evidence.written.items():
        leak = found_in(content, evidence.secrets[which])
        assert not leak, f"{which} in {name}: {leak}"


@pytest.mark.parametrize("secret", [HOST_KEY, FIRMWARE_KEY, PASSWORD, WRONG_SECRET])
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    """The searcher itself, on texts as they would leak."""
    basic = base64.b64encode(f"Administrator:{secret}".encode()).decode()
    leaks = [
        f"key {secret}.",
        secret.replace("-", "").lower(),
        f"<p:ProductKey>{escape(secret)}</p:ProductKey>",
        urllib.parse.quote(secret, safe=""),
        f"Authorization: Basic {basic}",
        base64.b64encode(secret.encode("utf-16-le")).decode(),
        json.dumps({"a": [secret]}),
    ]
    for leak in leaks:
        assert found_in(f"... {leak} ...".encode(), secret), leak
    assert not found_in(b"*****-67892 and ********", secret)
