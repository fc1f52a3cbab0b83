# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every mistake of a Kerberos login that the controller can see, made on purpose before a real KDC.

The hosts of the realm exist as principals only: nobody is spoken to but the KDC. Where a test is about krb5.conf, it is
given another one by KRB5_CONFIG, as a container would have it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import dns_server
import kdc
import pytest
import yaml
from estate import Data, Run, serving
from publishing import INVENTORY
from sentences import judge

pytestmark = pytest.mark.once

LOCALHOST = INVENTORY["all"]["hosts"]["localhost"]
KMS1, OLD = "kms1.corp.example", "kms03.corp.example"
PASSWORD = "{{ kerberos_password }}"


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kdc.Kdc]:
    """A realm with two hosts, of which one takes tickets in RC4 only, as Windows Server 2003 does."""
    folder = tmp_path_factory.mktemp("realm")
    try:
        centre = kdc.start(folder / "kdc")
    except dns_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    try:
        centre.add(f"HTTP/{KMS1}")
        centre.add(f"HTTP/{OLD}", encryption="rc4-hmac")
        centre.add("locked", "Locked-1")
        centre.lock("locked")
        yield centre
    finally:
        kdc.stop(folder / "kdc")


def look(
    folder: Path, realm: kdc.Kdc, hosts: t.Mapping[str, Data], environment: t.Mapping[str, str] | None = None
) -> Data:
    """The results by host of the module for hosts with these variables; tickets at hand are none."""
    folder.mkdir(exist_ok=True)
    way = {
        "ansible_connection": "winrm",
        "ansible_winrm_transport": "kerberos",
        "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],
        "ansible_user": realm.user,
        "ansible_password": realm.password,
    }
    named = {name: {"ansible_host": KMS1, **variables} for name, variables in hosts.items()}
    inventory = {"all": {"hosts": {"localhost": LOCALHOST}, "children": {"kms": {"hosts": named, "vars": way}}}}
    task = {"activation.kms.kerberos_info": {}, "register": "r_kerberos"}
    play = {"name": "Look", "hosts": list(hosts), "gather_facts": False, "tasks": [task]}
    variables = {**realm.environment, "KRB5CCNAME": f"FILE:{folder}/no-tickets", **(environment or {})}
    played = Run(folder, [play], inventory, ("-vvv",), environment=variables).finish()
    assert realm.password not in played.output
    found: Data = played.results["r_kerberos"]
    assert not [result for result in found.values() if result.get("failed")], played.output
    return found


def names(result: Data) -> list[str]:
    """What is wrong, but for the Python library, which is no business of these tests."""
    troubles = [trouble for trouble in result["troubles"] if trouble["name"] != "kerberos_library"]
    for trouble in troubles:
        judge(trouble["msg"], "", [])
    return [trouble["name"] for trouble in troubles]


def test_what_the_login_itself_gets_wrong(tmp_path: Path, realm: kdc.Kdc) -> None:
    wrong: dict[str, tuple[Data, list[str]]] = {
        "right": ({}, []),
        "overridden": ({"ansible_host": "192.0.2.1", "ansible_winrm_kerberos_hostname_override": KMS1}, []),
        "old": ({"ansible_host": OLD}, []),
        "ntlm": ({"ansible_winrm_transport": "ntlm", "ansible_host": "192.0.2.1"}, []),
        "address": ({"ansible_host": "192.0.2.1"}, ["kerberos_address"]),
        "short": ({"ansible_host": "kms1"}, ["kerberos_short_name"]),
        "unknown": ({"ansible_host": "nobody.corp.example"}, ["kerberos_service_unknown"]),
        "password": ({"ansible_password": "mistyped-7"}, ["kerberos_password_wrong"]),
        "user": ({"ansible_user": "nobody@CORP.EXAMPLE"}, ["kerberos_principal_unknown"]),
        "case": ({"ansible_user": realm.user.lower()}, ["kerberos_realm_unknown"]),
        "windows": ({"ansible_user": "CORP\\kmsadmin"}, ["kerberos_principal_unknown"]),
        "nobody": ({"ansible_user": ""}, ["kerberos_no_user"]),
        "fqcn": ({"ansible_connection": "ansible.builtin.winrm", "ansible_host": "kms1"}, ["kerberos_short_name"]),
        "locked": ({"ansible_user": "locked@CORP.EXAMPLE", "ansible_password": "Locked-1"}, ["kerberos_revoked"]),
        "ticket": ({"ansible_winrm_kinit_mode": "manual"}, ["kerberos_no_ticket"]),
        "kinit": ({"ansible_winrm_kinit_cmd": "/nowhere/kinit"}, ["kerberos_kinit"]),
        "unpassed": ({"ansible_winrm_kinit_env_vars": []}, ["kerberos_config_not_passed"]),
    }
    found = look(tmp_path, realm, {name: variables for name, (variables, expected) in wrong.items()})
    assert {name: names(result) for name, result in found.items()} == {
        name: expected for name, (variables, expected) in wrong.items()
    }
    assert not found["ntlm"]["used"] and found["right"]["used"]
    assert "ansible_winrm_kerberos_hostname_override" in found["address"]["troubles"][-1]["msg"]


def changed(folder: Path, realm: kdc.Kdc, **settings: str) -> dict[str, str]:
    """The environment with a krb5.conf that says this besides, before everything else."""
    lines = "".join(f"\n    {name} = {value}" for name, value in settings.items())
    text = realm.krb5_conf.read_text(encoding="utf-8").replace("[libdefaults]", f"[libdefaults]{lines}", 1)
    (folder / "krb5.conf").write_text(text, encoding="utf-8")
    return {"KRB5_CONFIG": str(folder / "krb5.conf")}


def test_no_rc4_for_server_2003(tmp_path: Path, realm: kdc.Kdc) -> None:
    """As the policy of Red Hat's and CentOS' images has it; hosts of later releases do not mind."""
    aes = changed(tmp_path, realm, permitted_enctypes="aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96")
    found = look(tmp_path, realm, {"new": {}, "old": {"ansible_host": OLD}}, aes)
    assert names(found["new"]) == [] and names(found["old"]) == ["kerberos_no_rc4"]
    judge(found["old"]["troubles"][-1]["msg"], "", ["arcfour-hmac", "permitted_enctypes", str(tmp_path)])


def test_a_realm_that_does_not_give_rc4(tmp_path: Path, realm: kdc.Kdc) -> None:
    realm.add("HTTP/kms04.corp.example", encryption="des3-cbc-sha1")
    aes = changed(tmp_path, realm, permitted_enctypes="aes256-cts-hmac-sha1-96 arcfour-hmac")
    found = look(tmp_path, realm, {"old": {"ansible_host": "kms04.corp.example"}}, aes)
    assert names(found["old"]) == ["kerberos_enctype"]


@pytest.mark.parametrize("cache", ["KEYRING:persistent:4321", "KCM:"])
def test_a_cache_that_a_container_cannot_use(tmp_path: Path, realm: kdc.Kdc, cache: str) -> None:
    """It matters only where there is no password: with one, Ansible keeps its ticket in a file of its own."""
    hosts: dict[str, Data] = {"managed": {}, "manual": {"ansible_winrm_kinit_mode": "manual"}}
    configured = {**changed(tmp_path, realm, default_ccache_name=cache), "KRB5CCNAME": ""}
    for number, environment in enumerate(({"KRB5CCNAME": cache}, configured)):
        found = look(tmp_path / str(number), realm, hosts, environment)
        assert names(found["managed"]) == []
        assert names(found["manual"]) == ["kerberos_cache_out_of_reach"]
        assert cache in found["manual"]["troubles"][-1]["msg"]


def test_a_ticket_at_hand(tmp_path: Path, realm: kdc.Kdc) -> None:
    """Whether its principal is named or not."""
    environment = {**realm.environment, "KRB5CCNAME": f"FILE:{tmp_path}/tickets"}
    kinit = [dns_server.find("kinit", kdc.PACKAGES), realm.user]
    subprocess.run(kinit, input=f"{realm.password}\n", text=True, capture_output=True, check=True, env=environment)
    by_hand: Data = {"ansible_winrm_kinit_mode": "manual"}
    other = {**by_hand, "ansible_user": "other@CORP.EXAMPLE"}
    found = look(tmp_path, realm, {"mine": by_hand, "other": other}, {"KRB5CCNAME": f"FILE:{tmp_path}/tickets"})
    assert names(found["mine"]) == [] and names(found["other"]) == ["kerberos_no_ticket"]


def test_krb5_conf(tmp_path: Path, realm: kdc.Kdc) -> None:
    """Missing, unreadable, of a realm that does not answer."""
    (tmp_path / "broken").write_text("[libdefaults\n")
    text = realm.krb5_conf.read_text(encoding="utf-8")
    (tmp_path / "silent").write_text(text.replace(f":{realm.port}", f":{dns_server.free_port()}"))
    expected = {"missing": "no_config", "broken": "config_unreadable", "silent": "no_kdc"}
    for name, trouble in expected.items():
        found = look(tmp_path, realm, {"it": {}}, {"KRB5_CONFIG": str(tmp_path / name)})
        assert names(found["it"]) == [f"kerberos_{trouble}"], name
        assert str(tmp_path / name) in found["it"]["troubles"][-1]["msg"]


def test_a_user_without_a_realm(tmp_path: Path, realm: kdc.Kdc) -> None:
    """krb5.conf may have a realm for those who say none."""
    hosts: dict[str, Data] = {"it": {"ansible_user": realm.user.partition("@")[0]}}
    assert names(look(tmp_path / "with", realm, hosts)["it"]) == []
    text = realm.krb5_conf.read_text(encoding="utf-8").replace("default_realm", "no_realm", 1)
    (tmp_path / "krb5.conf").write_text(text, encoding="utf-8")
    found = look(tmp_path / "without", realm, hosts, {"KRB5_CONFIG": str(tmp_path / "krb5.conf")})
    assert names(found["it"]) == ["kerberos_realm_unknown"]
    assert "without a realm" in found["it"]["troubles"][-1]["msg"]


def test_preflight_names_the_mistake(tmp_path: Path, realm: kdc.Kdc) -> None:
    """Instead of what the login says of it; the host answers."""
    with serving(tmp_path / "estate", {"kms1": {"persona": "server-2019"}}) as estate:
        inventory = estate.inventory()
        group = inventory["all"]["children"]["kms_hosts"]
        group["vars"].update(ansible_user=realm.user, ansible_password=realm.password)
        group["vars"]["ansible_winrm_kinit_env_vars"] = ["KRB5_CONFIG"]
        group["hosts"]["kms1"]["ansible_winrm_transport"] = "kerberos"
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "activation.kms.preflight"]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **realm.environment, "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode != 0
    said = done.stdout.rpartition("TASK [Say what was found]")[2]
    assert f"Kerberos knows hosts by name, and {estate.network}.1 is an address." in said, done.stdout
    assert "could not be read" not in said and realm.password not in done.stdout


def test_a_clock_that_is_wrong(tmp_path: Path, realm: kdc.Kdc) -> None:
    """A ticket of tomorrow, as a controller has one whose clock is behind."""
    environment = {**realm.environment, "KRB5CCNAME": f"FILE:{tmp_path}/tickets"}
    kinit = [dns_server.find("kinit", kdc.PACKAGES), "-s", "1d", realm.user]
    subprocess.run(kinit, input=f"{realm.password}\n", text=True, capture_output=True, check=True, env=environment)
    hosts: dict[str, Data] = {"it": {"ansible_winrm_kinit_mode": "manual"}}
    found = look(tmp_path, realm, hosts, {"KRB5CCNAME": f"FILE:{tmp_path}/tickets"})
    assert names(found["it"]) == ["clock_skew"]
