# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing by Kerberos, on a BIND with an MIT realm and on a Samba domain controller: whose identity is used, what is
left behind, and what goes wrong in one sentence each.

That the records come and go as they should is test_dns_servers.py's.
"""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

import dns_server
import kdc
import publishing
import pytest
import sentences
from bind_server import BindServer
from dns_server import DnsServer
from estate import Run
from publishing import INVENTORY, options_of, play_of, records, run, wish
from samba_server import SambaServer

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv.gss import GssKey

Data = dict[str, t.Any]
KMS1, KMS2 = "0 0 1688 kms1.corp.example.", "0 0 1688 kms2.corp.example."
BIND = pytest.mark.parametrize("server", ["bind_by_ticket"], indirect=True)
SAMBA = pytest.mark.parametrize("server", ["samba"], indirect=True)


@pytest.fixture(scope="session")
def realm(bind_by_ticket: BindServer) -> kdc.Kdc:
    """The realm, with somebody who may not publish, and whose tickets last for a second."""
    assert bind_by_ticket.kdc is not None
    bind_by_ticket.kdc.add("stranger", "Strange-password")
    bind_by_ticket.kdc.add("DNS/ns9.corp.example")
    return bind_by_ticket.kdc


def kinit(server: DnsServer, principal: str, password: str, cache: Path, *more: str) -> None:
    """A ticket in a cache of its own."""
    command = [dns_server.find("kinit", kdc.PACKAGES), "-c", f"FILE:{cache}", *more, principal]
    variables = {**os.environ, **server.environment}
    subprocess.run(command, input=f"{password}\n", text=True, capture_output=True, check=True, env=variables)


def problem_of(server: DnsServer, key: GssKey, **more: t.Any) -> Problem:
    """What a run in check mode, or for `check=False` a real one, complains about."""
    check = more.pop("check", True)
    try:
        problem = run(wish(server, key=key, **more), check=check).problem
    except Problem as refusal:
        return refusal
    assert problem is not None, "it worked"
    return problem


def published(folder: Path, server: DnsServer, wished: Data, environment: Data) -> Data:
    """The result of one task; nothing may be left in its temporary folders."""
    left = folder / "tmp"
    left.mkdir()
    task = {"name": "Publish", "activation.kms.srv_record": wished, "register": "r_it", "environment": environment}
    play = {**play_of(server, task), "module_defaults": {}, "vars": {"caches": str(folder)}}
    done = Run(folder, [play], INVENTORY, environment={"TMPDIR": str(left)}).finish()
    assert not [path for path in left.rglob("*") if path.is_file()]
    result: Data = done.results["r_it"]
    assert result["changed"], done.output
    return result


@BIND
@pytest.mark.parametrize("way", ["password", "keytab", "ticket", "whose ticket"])
def test_as_a_task(dns: BindServer, way: str, realm: kdc.Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache the environment of Ansible names belongs to a stranger, and stays as it is."""
    realm.write_keytab(realm.user, tmp_path / "kms.keytab")
    kinit(dns, "stranger", "Strange-password", tmp_path / "theirs")
    kinit(dns, realm.user, realm.password, tmp_path / "mine")
    before = (tmp_path / "theirs").read_bytes()
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/theirs")
    options = {**options_of(dns), "target": "kms1.corp.example", "principal": realm.user, "password": None}
    environment: Data = {}
    if way == "password":
        options["password"] = realm.password
    elif way == "keytab":
        options["keytab"] = "../kms.keytab"  # the playbook is in a folder of its own
    else:
        environment = {"KRB5CCNAME": "FILE:{{ caches }}/mine"}
        options["principal"] = realm.user if way == "whose ticket" else None
    result = published(tmp_path, dns, options, environment)
    assert result["verified"] and records(dns) == [KMS1]
    assert (tmp_path / "theirs").read_bytes() == before


@BIND
def test_no_ticket_at_hand_is_taken_for_the_principal_that_was_named(
    dns: BindServer, realm: kdc.Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is logged in may publish, and is not asked."""
    kinit(dns, realm.user, realm.password, tmp_path / "tickets")
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    stranger = GssKey(f"stranger@{realm.realm}", Secret("Strange-password"))
    problem = problem_of(dns, stranger, check=False)
    assert (problem.name, problem.code) == ("update_refused", "REFUSED")
    sentences.judge(problem.message, "", ["stranger@CORP.EXAMPLE has no right to", "grant PRINCIPAL name _vlmcs"])
    assert problem_of(dns, GssKey(f"stranger@{realm.realm}")).name == "kerberos_no_ticket"
    assert records(dns) == []


Wrong = Callable[[kdc.Kdc, Path], GssKey]


def with_password(principal: str, password: str) -> Wrong:
    return lambda realm, folder: GssKey(principal, Secret(password))


def with_keytab(realm: kdc.Kdc, folder: Path) -> GssKey:
    """Keys from before the password was changed."""
    realm.add("careless", "First-password")
    realm.write_keytab("careless", folder / "kms.keytab")
    realm.set_password("careless", "Second-password")
    return GssKey("careless", keytab=str(folder / "kms.keytab"))


def without_key(realm: kdc.Kdc, folder: Path) -> GssKey:
    realm.write_keytab("stranger", folder / "kms.keytab")
    return GssKey(realm.user, keytab=str(folder / "kms.keytab"))


MISTAKES: list[tuple[str, Wrong, tuple[str, ...]]] = [
    ("kerberos_password_wrong", with_password("kmsadmin@CORP.EXAMPLE", "wrong"), ("kmsadmin@CORP.EXAMPLE", "wrong")),
    ("kerberos_principal_unknown", with_password("nobody", "wrong"), ("does not know", "nobody")),
    ("kerberos_realm_unknown", with_password("kmsadmin@OTHER.EXAMPLE", "wrong"), ("OTHER.EXAMPLE", "krb5.conf")),
    ("kerberos_keytab_missing", lambda realm, folder: GssKey(realm.user, keytab=f"{folder}/none"), ("none", "keytab")),
    ("kerberos_keytab_without", without_key, ("kms.keytab has no key of",)),
    ("kerberos_keytab_stale", with_keytab, ("kms.keytab are not those of the realm",)),
    ("kerberos_no_ticket", lambda realm, folder: GssKey(), ("there is no ticket", "kinit")),
]


@BIND
@pytest.mark.parametrize(("name", "key", "words"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_one_sentence(
    dns: BindServer,
    name: str,
    key: Wrong,
    words: tuple[str, ...],
    realm: kdc.Kdc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/no-tickets")
    problem = problem_of(dns, key(realm, tmp_path))
    assert problem.name == name, problem.message
    sentences.judge(problem.message, "", words)


@BIND
def test_a_ticket_that_has_expired(
    dns: BindServer, realm: kdc.Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinit(dns, realm.user, realm.password, tmp_path / "tickets", "-l", "1s")
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/tickets")
    time.sleep(2)
    problem = problem_of(dns, GssKey(realm.user))
    assert problem.name == "kerberos_ticket_expired"
    sentences.judge(problem.message, "", ["kmsadmin@CORP.EXAMPLE has expired", "kinit again"])


@BIND
def test_a_realm_whose_kdc_does_not_answer(dns: BindServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dns.kdc is not None
    elsewhere = dns.kdc.krb5_conf.read_text(encoding="utf-8").replace(f":{dns.kdc.port}", ":1")
    (tmp_path / "krb5.conf").write_text(elsewhere, encoding="utf-8")
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
    problem = problem_of(dns, GssKey(*secretly(dns)))
    assert problem.name == "kerberos_no_kdc"
    sentences.judge(problem.message, "", ["no KDC of the realm", "port 88"])


def secretly(server: DnsServer) -> tuple[str, Secret]:
    principal, password = server.login
    return principal, Secret(password)


@BIND
def test_a_server_without_a_service_in_the_realm(dns: BindServer, realm: kdc.Kdc) -> None:
    """By another name than its own: nobody's service, or another machine's."""
    wished = publishing.wish(dns)
    unknown = problem_under_name(wished, "ns2.corp.example")
    assert unknown.name == "kerberos_service_unknown"
    sentences.judge(unknown.message, "", ["no service DNS/ns2.corp.example", "server_address"])
    other = problem_under_name(wished, "ns9.corp.example")
    assert (other.name, other.code) == ("gss_not_accepted", "BADKEY")
    sentences.judge(other.message, "", ["does not accept the ticket", "DNS/ns9.corp.example"])


def problem_under_name(wished: publishing.PublishWish, name: str) -> Problem:
    renamed = {**vars(wished), "server": name}
    with pytest.raises(Problem) as caught:
        run(publishing.PublishWish(**renamed), check=True)
    return caught.value


@BIND
def test_a_server_that_takes_no_tickets(dns: BindServer, shared_bind: DnsServer) -> None:
    problem = problem_of(shared_bind, GssKey(*secretly(dns)))
    assert problem.name == "gss_not_taken"
    sentences.judge(problem.message, "", ["negotiates no key by Kerberos", "tkey-gssapi-keytab"])


@SAMBA
def test_the_record_of_another_account(dns: SambaServer) -> None:
    """The trap of secure zones: the first to publish owns the record, however many members it has later."""
    other = GssKey(dns.other_user, Secret(dns.password))
    zone = f"branch.{dns.zone}"
    assert run(wish(dns, zone=zone, key=other)).changed
    problem = problem_of(dns, GssKey(*secretly(dns)), zone=zone, target="kms2.corp.example", check=False)
    assert (problem.name, problem.code) == ("update_failed", "SERVFAIL")
    sentences.judge(problem.message, "", ["has members already", "owns it", "kmsadmin@AD.EXAMPLE", "full control"])
    faded = problem_of(dns, GssKey(*secretly(dns)), zone=zone, refresh=True, check=False)
    assert (faded.name, faded.code) == ("update_failed", "SERVFAIL")
    sentences.judge(faded.message, "", ["were not refreshed", "owns it", "kmsadmin@AD.EXAMPLE"])
    assert run(wish(dns, zone=zone, key=other, state="absent")).changed
    assert problem_of(dns, GssKey(*secretly(dns)), zone=zone, check=False).code == "SERVFAIL", (
        "a tombstone is owned too"
    )


@SAMBA
def test_answers_of_samba_are_believed_unless_one_is_strict(dns: SambaServer) -> None:
    outcome = run(wish(dns))
    assert outcome.changed and any("could not be verified" in warning for warning in outcome.warnings)
    problem = problem_of(dns, GssKey(*secretly(dns)), verify_reply="strict")
    assert problem.name == "reply_unverified"
    sentences.judge(problem.message, "", ["kmsadmin@AD.EXAMPLE", "readback"])


@BIND
def test_members_of_several_zones(dns: BindServer, tmp_path: Path) -> None:
    """Signed by the ticket; one name has members, the other has none, and a third is nobody's here."""
    publishing.foreign(dns, KMS2, KMS1, ttl=600)
    info = "activation.kms.srv_record_info"
    asked = {"zones": [dns.zone, f"branch.{dns.zone}"]}
    tasks: list[Data] = [
        {info: asked, "register": "r_told"},
        {info: {}, "register": "r_one", "check_mode": True},
        {info: {"zones": [dns.zone, "other.example"]}, "register": "r_not", "ignore_errors": True},
    ]
    play = {**play_of(dns, *tasks), "module_defaults": {"group/activation.kms.dns": options_of(dns)}}
    done = Run(tmp_path, [play], INVENTORY).finish()
    told, one, failed = (done.results[name] for name in ("r_told", "r_one", "r_not"))
    assert not told["changed"] and told["plan"] == [], done.output
    first, second = told["zones"]
    assert (first["zone"], first["owner"], first["verified"]) == (dns.zone, f"_vlmcs._tcp.{dns.zone}", True)
    assert [member["target"] for member in first["members"]] == ["kms1.corp.example", "kms2.corp.example"]
    assert first["members"][0] == {"target": "kms1.corp.example", "port": 1688, "priority": 0, "weight": 0, "ttl": 600}
    assert (second["zone"], second["dns_zone"], second["members"]) == (f"branch.{dns.zone}", dns.zone, [])
    assert one["zones"] == [first]
    assert failed["failed"] and failed["error"]["name"] == "zone_not_served"
