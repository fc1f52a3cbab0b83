# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mistake is named for what is found on a controller. What a real KDC answers is in
tests/integration/test_kerberos_info.py."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._windows.kerberos import (
    Kerberos,
    Login,
    libdefaults,
    troubles,
)

WHO = "kms@CORP.EXAMPLE"
HOST = "kms1.corp.example"
MANAGED = Login("winrm", HOST, "HTTP", WHO, Secret("secret word"), "kinit")
MANUAL = Login("winrm", HOST, "HTTP", WHO)
PSRP = Login("psrp", HOST, "WSMAN", WHO, Secret("secret word"))
AES = {"permitted_enctypes": "aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96"}


def named(login: Login | None = MANAGED, **seen: t.Any) -> list[str]:
    """The names of what is wrong; each is one sentence and its advice, without the password."""
    found = troubles(Kerberos(login, **seen))
    for trouble in found:
        assert trouble.message.endswith(trouble.advice) and trouble.advice.endswith(".")
        assert "{" not in trouble.message and "secret word" not in trouble.message
    return [trouble.name for trouble in found]


def at(host: str) -> Login:
    return Login("winrm", host, "HTTP", WHO)


def as_user(name: str) -> Login:
    return dataclasses.replace(MANAGED, principal=name)


@pytest.mark.parametrize("login", [None, MANAGED, MANUAL, PSRP])
def test_nothing_is_wrong_where_a_ticket_could_be_had(login: Login | None) -> None:
    assert named(login) == []
    assert named(login, config_found=False, cache="KEYRING:persistent:0", settings=AES) == []


def test_without_kerberos_nothing_of_it_is_wrong() -> None:
    assert named(None, library=False, program=False, tried="failed") == []


def test_nobody_could_try() -> None:
    assert named(tried="missing") == []


@pytest.mark.parametrize(
    ("login", "seen", "name"),
    [
        (MANAGED, {"library": False}, "kerberos_library"),
        (PSRP, {"library": False}, "kerberos_library"),
        (MANAGED, {"program": False}, "kerberos_kinit"),
        (MANAGED, {"chosen": True, "config": "/etc/other.conf"}, "kerberos_config_not_passed"),
        (dataclasses.replace(MANAGED, principal=""), {"tried": "missing"}, "kerberos_no_user"),
        (dataclasses.replace(PSRP, principal=""), {"tried": "missing"}, "kerberos_no_user"),
        (MANAGED, {"tried": "realm_unknown", "config_found": False}, "kerberos_no_config"),
        (MANAGED, {"tried": "kdc_unreachable", "config_found": False}, "kerberos_no_config"),
        (MANAGED, {"tried": "realm_unknown"}, "kerberos_realm_unknown"),
        (MANAGED, {"tried": "kdc_unreachable"}, "kerberos_no_kdc"),
        (MANUAL, {"tried": "no_ticket", "cache": "KEYRING:persistent:1000"}, "kerberos_cache_out_of_reach"),
        (MANUAL, {"tried": "failed", "cache": "KCM:"}, "kerberos_cache_out_of_reach"),
        (MANUAL, {"tried": "service_unknown", "cache": "KEYRING:persistent:1000"}, "kerberos_service_unknown"),
        (MANUAL, {"tried": "ticket_expired", "cache": "KCM:"}, "kerberos_ticket_expired"),
        (MANUAL, {"tried": "no_ticket", "cache": "FILE:/tmp/krb5cc_0"}, "kerberos_no_ticket"),
        (as_user("kms"), {"tried": "realm_unknown"}, "kerberos_realm_unknown"),
        (as_user("CORP\\kms"), {"tried": "principal_unknown"}, "kerberos_principal_unknown"),
        (as_user("CORP\\kms"), {"tried": "realm_unknown"}, "kerberos_principal_unknown"),
        (PSRP, {"tried": "service_unknown"}, "kerberos_service_unknown"),
        (MANUAL, {"tried": "ticket_expired"}, "kerberos_ticket_expired"),
        (MANAGED, {"tried": "secret_wrong", "cache": "KEYRING:persistent:1000"}, "kerberos_password_wrong"),
        (MANAGED, {"tried": "password_expired"}, "kerberos_password_expired"),
        (MANAGED, {"tried": "revoked"}, "kerberos_revoked"),
        (MANAGED, {"tried": "principal_unknown"}, "kerberos_principal_unknown"),
        (MANAGED, {"tried": "clock_skew"}, "clock_skew"),
        (MANAGED, {"tried": "configuration"}, "kerberos_config_unreadable"),
        (MANAGED, {"tried": "something new"}, "kerberos_failed"),
        (at("192.0.2.7"), {"tried": "service_unknown"}, "kerberos_address"),
        (at("2001:db8::7"), {"tried": "service_unknown"}, "kerberos_address"),
        (at("kms1"), {"tried": "service_unknown", "canonical": HOST}, "kerberos_short_name"),
        (at("kms.corp.example"), {"tried": "service_unknown", "canonical": HOST}, "kerberos_alias"),
        (MANAGED, {"tried": "service_unknown", "reverse": "dhcp7.corp.example"}, "kerberos_reverse_name"),
        (MANAGED, {"tried": "service_unknown", "canonical": HOST.upper()}, "kerberos_service_unknown"),
        (MANAGED, {"tried": "enctype", "settings": AES}, "kerberos_no_rc4"),
        (MANAGED, {"tried": "enctype", "settings": {"permitted_enctypes": "DEFAULT -rc4"}}, "kerberos_no_rc4"),
        (MANAGED, {"tried": "enctype", "settings": {"default_tgs_enctypes": "aes"}}, "kerberos_no_rc4"),
        (MANAGED, {"tried": "enctype", "settings": {"permitted_enctypes": "aes, RC4"}}, "kerberos_enctype"),
        (MANAGED, {"tried": "enctype", "settings": {"permitted_enctypes": "DEFAULT"}}, "kerberos_enctype"),
        (MANAGED, {"tried": "enctype"}, "kerberos_enctype"),
    ],
)
def test_the_mistake_is_named(login: Login, seen: dict[str, t.Any], name: str) -> None:
    assert named(login, **seen) == [name]


@pytest.mark.parametrize("settings", [{"rdns": "false"}, {"rdns": "no"}, {"dns_canonicalize_hostname": "False"}])
def test_the_reverse_name_does_not_count_where_kerberos_does_not_ask_for_it(settings: dict[str, str]) -> None:
    seen = {"tried": "service_unknown", "reverse": "dhcp7.corp.example", "settings": settings}
    assert named(**seen) == ["kerberos_service_unknown"]


def test_kinit_with_the_variable_reads_the_same_file() -> None:
    login = dataclasses.replace(MANAGED, passed=("KRB5_CONFIG",))
    assert named(login, chosen=True, config="/etc/other.conf") == []
    assert named(chosen=True) == [], "or where it names the one that kinit reads anyway"


def test_a_user_without_a_realm_is_told_so_where_no_realm_is_the_default() -> None:
    (trouble,) = troubles(Kerberos(as_user("kms"), tried="realm_unknown"))
    assert "kms is without a realm" in trouble.message and "user@REALM" in trouble.advice
    defaulted = Kerberos(as_user("kms"), tried="realm_unknown", settings={"default_realm": "CORP.EXAMPLE"})
    (trouble,) = troubles(defaulted)
    assert "without a realm" not in trouble.message


def test_causes_come_before_effects() -> None:
    seen = {"library": False, "program": False, "chosen": True, "config": "/other", "tried": "realm_unknown"}
    expected = ["kerberos_library", "kerberos_kinit", "kerberos_config_not_passed", "kerberos_realm_unknown"]
    assert named(**seen) == expected


def test_an_advice_names_the_variable_of_the_plugin() -> None:
    for login, variable in (
        (at("192.0.2.7"), "ansible_winrm_kerberos_hostname_override"),
        (Login("psrp", "192.0.2.7"), "ansible_psrp_negotiate_hostname_override"),
    ):
        (trouble,) = troubles(Kerberos(login, tried="service_unknown"))
        assert variable in trouble.message


def test_libdefaults() -> None:
    text = """
# default_ccache_name = KEYRING:commented
[logging]
  default = FILE:/var/log/krb5libs.log
[libdefaults]
  Default_Realm = "CORP.EXAMPLE"
  default_ccache_name = FILE:/tmp/one
  default_ccache_name = KEYRING:persistent:%{uid}
  CORP.EXAMPLE = {
    rdns = false
  }
  ; ticket_lifetime = 1h
  permitted_enctypes = aes rc4
[realms]
  permitted_enctypes = des
[libdefaults]
  udp_preference_limit=1
"""
    assert libdefaults(text.splitlines()) == {
        "default_realm": "CORP.EXAMPLE",
        "default_ccache_name": "FILE:/tmp/one",
        "permitted_enctypes": "aes rc4",
        "udp_preference_limit": "1",
    }
