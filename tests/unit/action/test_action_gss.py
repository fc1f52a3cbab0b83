# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kerberos as tasks get to it. What real realms answer is in tests/integration/test_gss_tsig.py."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.action import srv_record, srv_record_info
from ansible_collections.activation.kms.plugins.plugin_utils._ansible import gss
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import KerberosTrouble
from ansible_collections.activation.kms.tests.unit.action.tasks import run

SERVER = {"server": "dns1.corp.example", "server_address": "127.0.0.1", "auth": "gss_tsig"}
PASSWORD = "Pass&word-of-nobody"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, Secret | None, str, str]]:
    """What the door was asked for; it gives nothing."""
    found: list[tuple[str, str, Secret | None, str, str]] = []

    def begin(*arguments: t.Any) -> t.NoReturn:
        found.append(arguments)
        raise KerberosTrouble("no_ticket")

    monkeypatch.setattr(gss, "begin", begin)
    return found


def test_without_the_library_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gss, "HAVE_GSSAPI", False)
    result = run(srv_record.ActionModule, {**SERVER, "zone": "corp.example", "target": "kms1.corp.example"})
    assert result["failed"] and result["error"]["name"] == "gssapi_missing"
    assert "pip install gssapi" in result["msg"]


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        (None, ""),
        ([{"KRB5CCNAME": "FILE:/tmp/one"}], "FILE:/tmp/one"),
        ([{"KRB5CCNAME": "FILE:/tmp/one"}, {"KRB5CCNAME": "FILE:/tmp/two"}, {"LANG": "C"}], "FILE:/tmp/two"),
    ],
)
def test_the_cache_is_the_one_of_the_task(environment: t.Any, cache: str, asked: list[t.Any]) -> None:
    result = run(srv_record_info.ActionModule, {**SERVER, "zone": "corp.example"}, environment=environment)
    assert result["error"]["name"] == "kerberos_no_ticket"
    assert asked == [("dns1.corp.example", "", None, "", cache)]


def test_what_the_options_come_down_to(asked: list[t.Any]) -> None:
    named = {**SERVER, "zones": ["corp.example", "branch.example"], "principal": "kms@A"}
    run(srv_record_info.ActionModule, {**named, "keytab": "kms.keytab"}, folder="/play")
    result = run(srv_record_info.ActionModule, {**named, "password": PASSWORD})
    server = "dns1.corp.example"
    assert asked == [(server, "kms@A", None, "/play/kms.keytab", ""), (server, "kms@A", Secret(PASSWORD), "", "")]
    assert PASSWORD not in str(result)
