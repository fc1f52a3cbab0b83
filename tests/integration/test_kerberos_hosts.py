# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed hosts that are logged in to by Kerberos, in a private MIT realm: by password and by the ticket of a keytab.

A whole rollout over winrm and over psrp, sealed over HTTP and within TLS; and what is said when Kerberos does not give
what is needed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dns_server import CannotStart
from estate import PASSWORD, USER, Data, Estate, host_options, one_task, serving
from kdc import Kdc
from kdc import start as start_kdc
from kdc import stop as stop_kdc
from ways import described

KEYS = {f"byker{number}": f"BCDFG-HJKMP-QRTVW-XY234-BBBB{letter}" for number, letter in enumerate("BCD")}
WAY = {"byker0": "winrm", "byker1": "psrp", "byker2": "winrm"}
HOSTS = {
    "byker0": {"persona": "server-2003-sp2-x86", "transport": "kerberos"},
    "byker1": {"persona": "server-2003-sp2-x86", "transport": "kerberos", "scheme": "https"},
    "byker2": {"persona": "server-2019", "transport": "kerberos"},
    "look": {"persona": "server-2019", "transport": "kerberos"},
}


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kdc]:
    folder = tmp_path_factory.mktemp("realm") / "kdc"
    try:
        centre = start_kdc(folder)
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    centre.add(USER, PASSWORD)
    for name, host in HOSTS.items():
        principal = f"HTTP/{name}.corp.example"
        centre.add(principal, encryption="rc4-hmac" if "2003" in host["persona"] else "")
        centre.write_keytab(principal, folder / "keytab")
    yield centre
    stop_kdc(folder)


@pytest.fixture(scope="module")
def estate(realm: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    kerberos = {"realm": realm.realm, "keytab": f"{realm.folder}/keytab", "config": str(realm.krb5_conf)}
    groups = {key: "server_2019" if name == "byker2" else "server_2008_r2_c" for name, key in KEYS.items()}
    folder = tmp_path_factory.mktemp("kerberos")
    with serving(folder, HOSTS, kerberos=kerberos, host_keys=groups) as running:
        yield running


def inventory(estate: Estate) -> Data:
    """`look` over both ways, and the same host described wrongly."""
    tree = estate.inventory()
    hosts = tree["all"]["children"]["kms_hosts"]["hosts"]
    for name, way in WAY.items():
        hosts[name] = described(hosts[name], way)
    look = hosts["look"]
    for way in ("winrm", "psrp"):
        hosts[f"by_{way}"] = described(look, way)
        hosts[f"guess_{way}"] = {**hosts[f"by_{way}"], "ansible_password": "guessed"}
        stranger = {**look, "ansible_winrm_kerberos_hostname_override": "nobody.corp.example"}
        hosts[f"stranger_{way}"] = described(stranger, way)
        hosts[f"other_{way}"] = described(
            {**look, "ansible_winrm_kerberos_hostname_override": "byker2.corp.example"}, way
        )
    ticket = {"ansible_password": "", "ansible_winrm_kinit_mode": "manual"}
    hosts["ticket_winrm"] = {**hosts["by_winrm"], **ticket}
    hosts["ticket_psrp"] = {**hosts["by_psrp"], "ansible_password": None}
    return tree


def environment(realm: Kdc, cache: Path) -> dict[str, str]:
    return {**realm.environment, "KRB5CCNAME": f"FILE:{cache}"}


@pytest.fixture(scope="module")
def results(estate: Estate, realm: Kdc, tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Without a ticket at hand, but for those who are said to have one."""
    names = [f"{case}_{way}" for case in ("by", "guess", "stranger", "other") for way in ("winrm", "psrp")]
    plays = [one_task(name, "host_info", {"query": "system.release"}, f"r_{name}") for name in names]
    return estate.play(
        plays, inventory=inventory(estate), environment=environment(realm, tmp_path_factory.mktemp("no") / "tickets")
    ).results


@pytest.mark.parametrize("way", ["winrm", "psrp"])
def test_by_password(results: Data, way: str) -> None:
    assert results[f"r_by_{way}"].get("query_result") == "server_2019", results[f"r_by_{way}"].get("msg")


@pytest.mark.parametrize("way", ["winrm", "psrp"])
@pytest.mark.parametrize("case", ["guess", "stranger", "other"])
def test_what_kerberos_refuses_is_a_host_that_is_not_reached(results: Data, case: str, way: str) -> None:
    result = results[f"r_{case}_{way}"]
    assert result["unreachable"]
    if case == "other":  # the host itself, which cannot read a ticket for another one
        assert result["error"]["name"] == "login_refused"
    else:
        assert "run the playbook activation.kms.preflight" in result["msg"]
        assert ("not found in Kerberos database" in result["msg"]) is (case == "stranger")


@pytest.mark.parametrize("way", ["winrm", "psrp"])
def test_by_the_ticket_of_a_keytab(estate: Estate, realm: Kdc, tmp_path: Path, way: str) -> None:
    variables = environment(realm, tmp_path / "tickets")
    realm.write_keytab(USER, tmp_path / "keytab")
    subprocess.run(
        ["kinit", "-k", "-t", str(tmp_path / "keytab"), USER], check=True, capture_output=True, env=variables
    )
    task = [one_task(f"ticket_{way}", "host_info", {"query": "system.release"})]
    result = estate.play(task, inventory=inventory(estate), environment=variables).results["r_it"]
    assert result.get("query_result") == "server_2019", result.get("msg")


@pytest.mark.once
def test_whole_rollouts(estate: Estate, realm: Kdc, tmp_path: Path) -> None:
    packages = estate.packages()
    of_2019 = {"serve": ["server_2019"], "key_group": "server_2019"}
    plays = [
        one_task(
            name, "host", host_options(packages, product_key=key, **(of_2019 if name == "byker2" else {})), f"r_{name}"
        )
        for name, key in KEYS.items()
    ]
    for changed in (True, False):
        play = estate.play(plays, inventory=inventory(estate), environment=environment(realm, tmp_path / "tickets"))
        for name, key in KEYS.items():
            result = play.results[f"r_{name}"]
            assert not result.get("failed") and not result.get("unreachable"), result["msg"]
            assert result["changed"] is changed
            assert estate.show(name)["activations_spent"] == {key[-5:]: 1}
        assert PASSWORD not in play.output
