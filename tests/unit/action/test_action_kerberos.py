# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a connection's options, of the environment and of krb5.conf gets to the judgement of Kerberos; no KDC is
asked. What real ones answer is in tests/integration/test_kerberos_info.py."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.activation.kms.plugins.action import kerberos_info
from ansible_collections.activation.kms.plugins.plugin_utils._ansible import gss, kerberos
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._windows.kerberos import Login
from ansible_collections.activation.kms.plugins.plugin_utils._world import KerberosTrouble
from ansible_collections.activation.kms.tests.unit.action.tasks import HOST, PASSWORD, connection, run

UPN = "kms@CORP.EXAMPLE"
TICKET = Login("winrm", HOST, "HTTP", UPN)
MANAGED = Login("winrm", HOST, "HTTP", UPN, Secret(PASSWORD), "kinit")


@pytest.fixture(autouse=True)
def refusing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A KDC that knows nobody, a krb5.conf that is not there, a Python library that is."""

    def try_login(*arguments: t.Any) -> t.NoReturn:
        raise KerberosTrouble("principal_unknown")

    monkeypatch.setattr(gss, "try_login", try_login)
    monkeypatch.setattr(kerberos, "_has_library", lambda plugin: True)
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
    monkeypatch.delenv("KRB5CCNAME", raising=False)


@pytest.mark.parametrize(
    ("options", "login"),
    [
        ({"transport": ["ntlm"]}, None),
        ({"transport": ["ntlm"], "remote_user": UPN}, None),
        ({"transport": None, "remote_user": "Administrator"}, None),
        ({"transport": None, "remote_user": UPN}, MANAGED),
        ({"transport": ["kerberos"], "remote_user": UPN}, MANAGED),
        ({"transport": ["ntlm", "kerberos"], "remote_user": UPN}, MANAGED),
        ({"transport": ["kerberos"], "remote_user": UPN, "remote_password": None}, TICKET),
        ({"transport": ["kerberos"], "remote_user": UPN, "kerberos_mode": "manual"}, TICKET),
        (
            {"remote_user": UPN, "remote_password": None, "kerberos_mode": "managed", "transport": ["kerberos"]},
            Login("winrm", HOST, "HTTP", UPN, None, "kinit"),
        ),
        (
            {
                "transport": ["kerberos"],
                "remote_user": UPN,
                "kerberos_command": "/opt/kinit",
                "kinit_env_vars": ["KRB5_CONFIG"],
                "_extras": {
                    "ansible_winrm_kerberos_hostname_override": "kms1.corp.example",
                    "ansible_winrm_service": "WSMAN",
                },
            },
            Login("winrm", "kms1.corp.example", "WSMAN", UPN, Secret(PASSWORD), "/opt/kinit", ("KRB5_CONFIG",)),
        ),
    ],
)
def test_how_winrm_logs_in(options: dict[str, t.Any], login: Login | None) -> None:
    assert kerberos.login_of(connection(**options)) == login


@pytest.mark.parametrize(
    ("options", "login"),
    [
        ({"auth": "negotiate"}, None),
        (
            {"auth": "kerberos", "negotiate_service": "WSMAN"},
            Login("psrp", HOST, "WSMAN", UPN, Secret(PASSWORD)),
        ),
        (
            {"auth": "kerberos", "negotiate_hostname_override": "kms1", "negotiate_service": "HTTP"},
            Login("psrp", "kms1", "HTTP", UPN, Secret(PASSWORD)),
        ),
    ],
)
def test_how_psrp_logs_in(options: dict[str, t.Any], login: Login | None) -> None:
    made = connection("psrp")
    known = {"remote_addr": HOST, "remote_user": UPN, "remote_password": PASSWORD, **options}
    made.set_options(var_options={"_extras": {}}, direct=known)
    assert kerberos.login_of(made) == login


def test_the_service_of_psrp_is_the_plugin_s_own() -> None:
    """WSMAN, and since ansible-core 2.21 host: WSMAN is no service of some hosts."""
    made = connection("psrp")
    made.set_options(var_options={"_extras": {}}, direct={"remote_addr": HOST, "auth": "kerberos"})
    login = kerberos.login_of(made)
    assert login is not None and login.service in ("WSMAN", "host")


def test_another_connection_has_no_kerberos_of_ours() -> None:
    result = run(kerberos_info.ActionModule, using=connection("local"))
    assert not result["failed" if "failed" in result else "used"] and result["troubles"] == []
    assert result["observed"] == {"kerberos": {"used": False}}


def test_what_a_task_tells() -> None:
    using = connection(transport=["kerberos"], remote_user=UPN, kinit_env_vars=["KRB5_CONFIG"])
    result = run(kerberos_info.ActionModule, using=using)
    assert result["used"] and not result["changed"]
    (trouble,) = result["troubles"]
    assert trouble["name"] == "kerberos_principal_unknown" and UPN in trouble["msg"]
    assert trouble["msg"].endswith(trouble["advice"])
    seen = result["observed"]["kerberos"]
    assert seen["service"] == f"HTTP/{HOST}" and seen["tried"] and not seen["config_found"]
    assert PASSWORD not in str(result)


def test_kinit_that_has_its_own_way_is_not_tried() -> None:
    using = connection(transport=["kerberos"], remote_user=UPN, remote_password=None, kerberos_mode="managed")
    using.set_option("kinit_env_vars", ["KRB5_CONFIG"])
    result = run(kerberos_info.ActionModule, using=using)
    assert result["troubles"] == [] and not result["observed"]["kerberos"]["tried"]


def test_a_kinit_that_is_not_there() -> None:
    using = connection(transport=["kerberos"], remote_user=UPN, kerberos_command="/nowhere/kinit")
    result = run(kerberos_info.ActionModule, using=using)
    assert "kerberos_kinit" in [trouble["name"] for trouble in result["troubles"]]


def test_krb5_conf_is_read_with_what_it_includes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red Hat's default: the cache in a file of its own. Names that Kerberos passes over are passed over."""
    more = tmp_path / "krb5.conf.d"
    more.mkdir()
    (more / "kcm_default_ccache").write_text("[libdefaults]\n default_ccache_name = KCM:\n")
    (more / "old.rpmsave").write_text("[libdefaults]\n rdns = true\n")
    (more / "more.conf").write_text("[libdefaults]\n rdns = false\n")
    (tmp_path / "one.conf").write_text("[libdefaults]\n permitted_enctypes = aes\n")
    (tmp_path / "krb5.conf").write_text(
        f"includedir {more}/\ninclude {tmp_path}/one.conf\ninclude {tmp_path}/krb5.conf\n"
        "[libdefaults]\n default_ccache_name = FILE:/tmp/later\n"
    )
    seen = kerberos.look(TICKET)
    assert seen.config_found and seen.chosen and seen.config == str(tmp_path / "krb5.conf")
    assert seen.settings == {"default_ccache_name": "KCM:", "rdns": "false", "permitted_enctypes": "aes"}
    assert seen.cache == "KCM:"
    monkeypatch.setenv("KRB5CCNAME", "FILE:/tmp/mine")
    assert kerberos.look(TICKET).cache == "FILE:/tmp/mine"


def test_what_cannot_be_read_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = kerberos.look(TICKET)
    assert not seen.config_found and seen.settings == {} and seen.cache == ""
    (tmp_path / "krb5.conf").write_text(f"includedir {tmp_path}/nowhere\ninclude {tmp_path}/nothing\n")
    assert kerberos.look(TICKET).settings == {}
    monkeypatch.setenv("KRB5_CONFIG", f"{tmp_path}/nothing:{tmp_path}/krb5.conf")
    assert kerberos.look(TICKET).config_found
