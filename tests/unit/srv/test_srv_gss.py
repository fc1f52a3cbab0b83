# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that Kerberos negotiates, with a realm and servers in memory."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Problem, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import client, signing
from ansible_collections.activation.kms.plugins.plugin_utils._srv.gss import GssKey
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Wish, ZoneState, member
from ansible_collections.activation.kms.plugins.plugin_utils._srv.place import Place
from ansible_collections.activation.kms.plugins.plugin_utils._world import KerberosTrouble
from ansible_collections.activation.kms.tests.unit.srv.fake_realm import USER
from ansible_collections.activation.kms.tests.unit.srv.fakes import SAMBA, WINDOWS, FakeDns, FakeWorld

PASSWORD = "Pass&word-of-nobody"
KMS1 = "3600 0 0 1688 kms1.corp.example."
KMS2 = "3600 0 0 1688 kms2.corp.example."
SERVERS = {"bind": frozenset[str](), "samba": SAMBA, "windows": WINDOWS}
EVERY_SERVER = pytest.mark.parametrize("habits", SERVERS.values(), ids=SERVERS.keys())


def place(**more: t.Any) -> Place:
    key = more.pop("key", None) or GssKey(USER, Secret(PASSWORD))
    return Place("corp.example", more.pop("server", "dns1.corp.example"), key=key, **more)


def wish(target: str = "kms1.corp.example", **more: t.Any) -> Wish:
    return Wish((member(target),), **more)


@EVERY_SERVER
@pytest.mark.parametrize("legs", [1, 2])
def test_one_negotiation_serves_a_whole_task(habits: frozenset[str], legs: int) -> None:
    server = FakeDns(KMS2, habits=habits)
    world, where = FakeWorld(server), place()
    world.realm.legs = legs
    state = client.read(world, where)
    client.apply(world, where, wish(), state)
    assert client.read(world, where).verified is not bool(habits & {"wrong_signature", "echoes_signature"})
    assert server.lines() == [KMS1, KMS2]
    assert world.realm.asked == [("dns1.corp.example", USER, PASSWORD, "")]
    assert len(server.tokens) == legs
    assert all(update.had_tsig for update in server.updates)


def test_another_task_negotiates_anew() -> None:
    server = FakeDns()
    for _task in range(2):
        client.read(FakeWorld(server), place())
    assert len(server.keys) == 3, "the shared one and two"


def test_the_credential_is_asked_for_as_the_user_wrote_it() -> None:
    world = FakeWorld(FakeDns())
    for key in (GssKey(), GssKey(USER), GssKey("kmsadmin", keytab="/etc/kms.keytab")):
        client.read(world, place(key=key))
    server = "dns1.corp.example"
    wanted = [(server, "", "", ""), (server, USER, "", ""), (server, "kmsadmin", "", "/etc/kms.keytab")]
    assert world.realm.asked == wanted


@pytest.mark.parametrize("at_the_end", [False, True], ids=["credential", "context"])
def test_somebody_elses_identity_is_never_used(at_the_end: bool) -> None:
    server = FakeDns()
    world = FakeWorld(server)
    if at_the_end:
        world.realm.signs_as = "other@CORP.EXAMPLE"
    else:
        world.realm.credential = "other@CORP.EXAMPLE"
    with pytest.raises(Refusal, match="as other@CORP.EXAMPLE, not as the principal kmsadmin@CORP.EXAMPLE") as caught:
        client.read(world, place())
    _is_helpful(caught.value)
    assert server.questions == 0 and bool(server.tokens) is at_the_end
    client.read(world, place(key=GssKey()))


def test_a_server_that_was_restarted_is_negotiated_with_anew() -> None:
    server = FakeDns()
    world, where = FakeWorld(server), place()
    state = client.read(world, where)
    server.keys.clear()
    client.apply(world, where, wish(), state)
    assert server.lines() == [KMS1] and len(world.realm.begun) == 2


def test_a_ticket_that_has_expired_meanwhile_is_renewed_where_that_is_possible() -> None:
    server = FakeDns()
    world, where = FakeWorld(server), place()
    state = client.read(world, where)
    world.realm.begun[0].expired = True
    client.apply(world, where, wish(), state)
    assert server.lines() == [KMS1]
    world.realm.begun[1].expired = True
    world.realm.trouble = [KerberosTrouble("ticket_expired")]
    with pytest.raises(Refusal, match="has expired"):
        client.read(world, where)


REASONS = [
    ("missing", "gssapi_missing", "pip install gssapi"),
    ("realm_unknown", "kerberos_realm_unknown", "krb5.conf"),
    ("kdc_unreachable", "kerberos_no_kdc", "port 88"),
    ("principal_unknown", "kerberos_principal_unknown", "does not know Kerberos principal kmsadmin@CORP.EXAMPLE"),
    ("secret_wrong", "kerberos_password_wrong", "Correct the option password"),
    ("password_expired", "kerberos_password_expired", "kpasswd"),
    ("revoked", "kerberos_revoked", "locked or disabled"),
    ("no_ticket", "kerberos_no_ticket", "kinit"),
    ("ticket_expired", "kerberos_ticket_expired", "kinit again"),
    ("keytab_missing", "kerberos_keytab_missing", "keytab"),
    ("service_unknown", "kerberos_service_unknown", "DNS/dns1.corp.example"),
    ("clock_skew", "clock_skew", "clocks"),
    ("failed", "kerberos_failed", "(said so)"),
    ("something new", "kerberos_failed", "kvno"),
]


@pytest.mark.parametrize(("reason", "name", "hint"), REASONS, ids=[row[0] for row in REASONS])
def test_trouble_with_kerberos(reason: str, name: str, hint: str) -> None:
    world = FakeWorld(FakeDns())
    world.realm.trouble = [KerberosTrouble(reason, "said so")]
    with pytest.raises(Failure if reason == "kdc_unreachable" else Refusal) as caught:
        client.read(world, place())
    _is_helpful(caught.value)
    assert caught.value.name == name and hint in caught.value.message
    assert PASSWORD not in f"{caught.value!r}{caught.value.as_data()}"


@pytest.mark.parametrize(
    ("reason", "name"), [("secret_wrong", "kerberos_keytab_stale"), ("no_ticket", "kerberos_keytab_without")]
)
def test_trouble_with_a_keytab(reason: str, name: str) -> None:
    world = FakeWorld(FakeDns())
    world.realm.trouble = [KerberosTrouble(reason)]
    with pytest.raises(Refusal, match="keytab /etc/kms.keytab") as caught:
        client.read(world, place(key=GssKey(USER, keytab="/etc/kms.keytab")))
    _is_helpful(caught.value)
    assert caught.value.name == name


NEGOTIATIONS = [
    ("no_gss", "gss_not_taken", "REFUSED"),
    ("no_tkey", "gss_not_taken", "no TKEY"),
    ("denies_tickets", "gss_not_accepted", "BADKEY"),
]


@pytest.mark.parametrize(("habit", "name", "code"), NEGOTIATIONS, ids=[row[0] for row in NEGOTIATIONS])
def test_trouble_with_the_negotiation(habit: str, name: str, code: str) -> None:
    server = FakeDns(habits={habit})
    with pytest.raises(Refusal) as caught:
        client.read(FakeWorld(server), place())
    _is_helpful(caught.value)
    assert (caught.value.name, caught.value.code) == (name, code)
    assert server.questions == 0


def test_a_negotiation_without_an_end_is_given_up() -> None:
    server = FakeDns(habits={"stubborn"})
    world = FakeWorld(server)
    world.realm.legs = 99
    with pytest.raises(Refusal, match="no end"):
        client.read(world, place())
    assert len(server.tokens) == signing.LEGS


def test_an_answer_that_cannot_be_verified_is_believed_unless_the_user_is_strict() -> None:
    assert (place().verify_reply, place(verify_reply="strict").verify_reply) == ("readback", "strict")
    assert Place("corp.example", "dns1.corp.example").verify_reply == "strict"
    server = FakeDns(habits=SAMBA)
    assert not client.read(FakeWorld(server), place()).verified
    with pytest.raises(Refusal, match="cannot be verified with Kerberos principal kmsadmin"):
        client.read(FakeWorld(server), place(verify_reply="strict"))
    assert server.questions == 1


@pytest.mark.parametrize("habits", [frozenset({"allows_nothing"}), SAMBA | {"allows_nothing"}])
@pytest.mark.parametrize(
    ("there", "hint"),
    [
        ((), "the account that once made _vlmcs._tcp.corp.example owns it, even when no member is left"),
        (
            ("3600 0 0 1688 kms7.corp.example.",),
            "has members already, .* the account that made the first of them owns it",
        ),
    ],
)
def test_an_account_without_rights_is_told_who_owns_the_record(
    habits: frozenset[str], there: tuple[str, ...], hint: str
) -> None:
    world, where = FakeWorld(FakeDns(*there, habits=habits)), place()
    with pytest.raises(Failure, match="give Kerberos principal kmsadmin@CORP.EXAMPLE, or better a group") as caught:
        client.apply(world, where, wish(), client.read(world, where))
    _is_helpful(caught.value)
    assert re.search(hint, caught.value.message)
    assert caught.value.name == ("update_failed" if habits & SAMBA else "update_refused")


def test_a_server_is_named_and_contacted_where_the_user_says() -> None:
    world = FakeWorld(FakeDns())
    world.names.clear()
    found = client.read(world, place(server_address="192.0.2.1"))
    assert (found.server, found.address, set(world.asked)) == ("dns1.corp.example", "192.0.2.1", {"192.0.2.1"})


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ({"server": "192.0.2.1"}, "needs the full name of the DNS server"),
        ({"server": "2001:db8::1"}, "needs the full name of the DNS server"),
        ({"server": "dns1"}, "needs the full name of the DNS server"),
        ({"server_address": "dns1.corp.example"}, "must be an IPv4 or IPv6 address"),
    ],
)
def test_places_that_cannot_be(more: dict[str, str], hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        place(**more)


def test_equal_keys_are_one_place_whatever_was_negotiated() -> None:
    one, other = place(), place()
    client.read(FakeWorld(FakeDns()), one)
    assert isinstance(one.key, GssKey) and one.key.negotiated
    states: dict[Place, ZoneState | None] = {one: None, other: None}
    assert len(states) == 1 and PASSWORD not in repr(one)


def _is_helpful(problem: Problem) -> None:
    """Names server or principal or what is missing, and the zone; says what to do."""
    assert any(name in problem.message for name in ("dns1", "kmsadmin", "gssapi"))
    assert "corp.example" in problem.message.lower()
    assert problem.advice and problem.advice in problem.message
    assert "{" not in problem.message.replace("{ grant", "")
