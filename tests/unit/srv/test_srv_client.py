# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and updating on servers with the habits of real ones."""

from __future__ import annotations

import typing as t

import dns.name
import dns.tsig
import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import (
    Failure,
    OutcomeUnknown,
    Problem,
    Refusal,
    Unreachable,
)
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import client, library, members
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Wish, member
from ansible_collections.activation.kms.plugins.plugin_utils._srv.place import Place, VerifyReply
from ansible_collections.activation.kms.plugins.plugin_utils._srv.tsig import TsigKey
from ansible_collections.activation.kms.tests.unit.srv.fakes import (
    KEY_NAME,
    KNOT,
    OTHER_SECRET,
    POWERDNS,
    SAMBA,
    SECRET,
    WINDOWS,
    FakeDns,
    FakeWorld,
)

KMS1 = "3600 0 0 1688 kms1.corp.example."
KMS2 = "3600 0 0 1688 kms2.corp.example."
SERVERS = {"bind": frozenset[str](), "knot": KNOT, "powerdns": POWERDNS, "samba": SAMBA, "windows": WINDOWS}
EVERY_SERVER = pytest.mark.parametrize("habits", SERVERS.values(), ids=SERVERS.keys())


def place(**more: t.Any) -> Place:
    key = more.pop("key", TsigKey(KEY_NAME, "hmac-sha256", Secret(SECRET)))
    return Place(more.pop("zone", "corp.example"), more.pop("server", "dns1.corp.example"), key=key, **more)


def trusting(habits: t.Collection[str]) -> Place:
    """A place as its administrator would describe it: servers known to sign wrongly are read back."""
    wrong = {"wrong_signature", "echoes_signature"} & set(habits)
    return place(verify_reply="readback" if wrong else "strict")


def wish(*targets: str, **more: t.Any) -> Wish:
    numbers = {name: more.pop(name) for name in ("port", "priority", "weight") if name in more}
    return Wish(tuple(member(target, **numbers) for target in targets), **more)


def make_so(server: FakeDns, wanted: Wish, where: Place) -> FakeWorld:
    world = FakeWorld(server)
    client.apply(world, where, wanted, client.read(world, where))
    return world


# --- reading


@EVERY_SERVER
def test_reading(habits: frozenset[str]) -> None:
    server = FakeDns("600 0 5 1688 KMS1.corp.example.", KMS2, habits=habits)
    state = client.read(FakeWorld(server), trusting(habits))
    assert [(one.target, one.weight, one.ttl) for one in state.members] == [
        ("KMS1.corp.example", 5, 600),
        ("kms2.corp.example", 0, 3600),
    ]
    assert (state.zone, state.serial, state.address) == ("corp.example", 1, "192.0.2.1")
    assert state.verified is not bool(habits & {"wrong_signature", "echoes_signature"})
    assert server.updates == []


def test_nothing_there_is_an_answer() -> None:
    server = FakeDns()
    state = client.read(FakeWorld(server), place())
    assert (state.members, state.zone, state.serial) == ((), "corp.example", 1)
    assert server.questions == 1, "an answer without records names the zone by itself"


def test_the_zone_is_looked_for_where_the_answer_does_not_name_it() -> None:
    server = FakeDns(KMS1, habits={"no_soa_in_answers"})
    assert client.read(FakeWorld(server), place()).zone == "corp.example"


def test_a_zone_cut_above_or_below_the_domain_is_found() -> None:
    below = FakeDns(zone="_tcp.corp.example")
    assert client.read(FakeWorld(below), place()).zone == "_tcp.corp.example"
    assert make_so(below, wish("kms1.corp.example"), place()) and below.lines() == [KMS1]
    above = FakeDns(zone="example")
    assert make_so(above, wish("kms1.corp.example"), place()) and above.lines() == [KMS1]


def test_an_address_needs_no_resolver_and_a_silent_one_is_passed_over() -> None:
    server = FakeDns(KMS1)
    world = FakeWorld(FakeDns(habits={"drops_requests"}), FakeDns(habits={"garbles"}), server)
    assert client.read(world, place()).address == "192.0.2.3"
    world.asked.clear()
    client.read(world, place(server="192.0.2.3"))
    assert set(world.asked) == {"192.0.2.3"}


def test_without_a_key_nothing_is_signed() -> None:
    server = FakeDns()
    server.needs_key = False
    server.keys.clear()
    make_so(server, wish("kms1.corp.example"), place(key=None))
    assert server.lines() == [KMS1]


READ_TROUBLE = [
    ("refuses_zone", Refusal, "zone_not_served", "REFUSED", "does not serve zone corp.example"),
    ("resolver", Refusal, "server_not_authoritative", "NOERROR", "it is a resolver, or does not hold"),
    ("delegates", Refusal, "server_not_authoritative", "NOERROR", "Give ns9.corp.example as server"),
    ("alias", Refusal, "owner_is_alias", "CNAME", "alias .CNAME. of elsewhere.example"),
    ("unsigned_replies", Refusal, "reply_unverified", None, "verify_reply: readback"),
    ("wrong_signature", Refusal, "reply_unverified", None, "its signature is wrong"),
    ("echoes_signature", Refusal, "reply_unverified", None, "its signature is wrong"),
    ("broken", Failure, "dns_failed", "SERVFAIL", "server's log"),
    ("garbles", Failure, "dns_garbage", None, "does a DNS server listen there"),
    ("wrong_question", Failure, "dns_garbage", None, "another question"),
    ("drops_requests", Failure, "dns_no_answer", None, "did not answer in time"),
]


@pytest.mark.parametrize(("habit", "kind", "name", "code", "hint"), READ_TROUBLE, ids=[row[0] for row in READ_TROUBLE])
def test_trouble_while_looking(habit: str, kind: type[Problem], name: str, code: str | None, hint: str) -> None:
    server = FakeDns(KMS1, habits={habit})
    with pytest.raises(kind, match=hint) as caught:
        client.read(FakeWorld(server), place())
    _is_helpful(caught.value)
    assert (caught.value.name, caught.value.code) == (name, code)
    assert server.updates == []


@pytest.mark.parametrize("habits", [(), tuple(POWERDNS)], ids=["said", "unsigned refusal"])
@pytest.mark.parametrize("key", ["wrong secret", "unknown name", "other algorithm"])
def test_a_key_the_server_does_not_accept_is_found_while_looking(habits: tuple[str, ...], key: str) -> None:
    server = FakeDns(KMS1, habits=habits)
    wrong = {
        "wrong secret": TsigKey(KEY_NAME, "hmac-sha256", Secret(OTHER_SECRET)),
        "unknown name": TsigKey("kms-other", "hmac-sha256", Secret(SECRET)),
        "other algorithm": TsigKey(KEY_NAME, "hmac-sha512", Secret(SECRET)),
    }[key]
    with pytest.raises(Refusal) as caught:
        client.read(FakeWorld(server), place(key=wrong))
    _is_helpful(caught.value)
    assert wrong.name in caught.value.message
    assert caught.value.code == ("REFUSED" if habits else {"unknown name": "BADKEY"}.get(key, "BADSIG"))
    assert not any(secret in f"{caught.value!r}{caught.value.as_data()}" for secret in (SECRET, OTHER_SECRET))
    assert server.updates == []


def test_a_resolver_is_told_from_a_primary_that_lacks_the_key() -> None:
    stranger = TsigKey("kms-other", "hmac-sha256", Secret(SECRET))
    with pytest.raises(Refusal) as caught:
        client.read(FakeWorld(FakeDns(habits={"resolver"})), place(key=stranger))
    assert caught.value.name == "server_not_authoritative"


@pytest.mark.parametrize(("offset", "word"), [(1000, "ahead"), (-1000, "behind")])
def test_clocks_that_differ(offset: int, word: str) -> None:
    server = FakeDns(KMS1)
    server.clock_offset = offset
    with pytest.raises(Refusal, match=f"differ by .* seconds .the server is {word}") as caught:
        client.read(FakeWorld(server), place())
    assert (caught.value.name, caught.value.code) == ("clock_skew", "BADTIME")


def test_a_zone_the_server_refuses_is_not_mistaken_for_a_bad_key() -> None:
    server = FakeDns(habits={"refuses_zone", "unsigned_replies"})
    with pytest.raises(Refusal) as caught:
        client.read(FakeWorld(server), place())
    assert caught.value.name == "zone_not_served"


def test_a_server_without_an_address_or_a_listener() -> None:
    world = FakeWorld(FakeDns())
    with pytest.raises(Refusal, match="dns9.corp.example has no address") as refused:
        client.read(world, place(server="dns9.corp.example"))
    _is_helpful(refused.value, zone=False)
    with pytest.raises(Failure, match="192.0.2.9 .port 5301. .*connection refused"):
        client.read(world, place(server="192.0.2.9", port=5301))


def test_without_dnspython_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "HAVE_DNSPYTHON", False)
    with pytest.raises(Refusal, match="pip install dnspython"):
        client.read(FakeWorld(FakeDns()), place())


# --- updating


@EVERY_SERVER
def test_a_life_of_a_member(habits: frozenset[str]) -> None:
    """Published, again, heavier, with another TTL, alone, withdrawn, withdrawn again: one message a change."""
    server = FakeDns("3600 0 0 1688 OLD.corp.example.", habits=habits)
    where = trusting(habits)
    old = "0 0 1688 OLD.corp.example."
    story: list[tuple[Wish, list[str]]] = [
        (wish("kms1.corp.example"), [KMS1, f"3600 {old}"]),
        (wish("KMS1.corp.example"), [KMS1, f"3600 {old}"]),
        (wish("kms1.corp.example", weight=10), ["3600 0 10 1688 kms1.corp.example.", f"3600 {old}"]),
        (wish("kms1.corp.example", weight=10, ttl=600), ["600 0 10 1688 kms1.corp.example.", f"600 {old}"]),
        (wish("kms1.corp.example", exclusive=True), ["600 0 0 1688 kms1.corp.example."]),
        (wish("kms1.corp.example", weight=7, state="absent"), []),
        (wish("kms1.corp.example", state="absent"), []),
    ]
    for wanted, records in story:
        before, sent = server.lines(), len(server.updates)
        make_so(server, wanted, where)
        assert server.lines() == sorted(records)
        assert len(server.updates) == sent + (before != sorted(records))


@EVERY_SERVER
def test_several_members_go_in_one_message(habits: frozenset[str]) -> None:
    server = FakeDns(KMS1, habits=habits)
    make_so(server, wish(*[f"kms{number}.corp.example" for number in range(50)]), trusting(habits))
    assert (len(server.lines()), len(server.updates)) == (50, 1)


@EVERY_SERVER
def test_a_member_that_appears_meanwhile_is_kept(habits: frozenset[str]) -> None:
    for wanted in (wish("kms1.corp.example"), wish("kms1.corp.example", exclusive=True)):
        server = FakeDns("3600 0 9 1688 KMS1.corp.example.", habits=habits)
        server.before_update.append(lambda peer: peer.records.extend(FakeDns(KMS2).records))
        make_so(server, wanted, trusting(habits))
        assert server.lines() == [KMS1, KMS2]


@EVERY_SERVER
def test_a_member_removed_while_the_ttl_is_set_does_not_come_back(habits: frozenset[str]) -> None:
    server = FakeDns(KMS1, KMS2, habits=habits)
    server.before_update.append(lambda peer: peer.records.pop())
    world = make_so(server, wish("kms1.corp.example", ttl=60), trusting(habits))
    assert server.lines() == ["60 0 0 1688 kms1.corp.example."]
    assert len(server.updates) == 2 and world.slept > 0


def test_being_overtaken_for_ever_is_a_failure() -> None:
    server = FakeDns(KMS1, KMS2)

    def flip(peer: FakeDns) -> None:
        peer.records[-1:] = FakeDns(f"3600 0 {len(peer.updates)} 1688 kms2.corp.example.").records

    server.before_update += [flip] * client.ATTEMPTS
    with pytest.raises(Failure, match="changed by others 20 times") as caught:
        make_so(server, wish("kms1.corp.example", ttl=60), place())
    _is_helpful(caught.value, zone=False)


UPDATE_TROUBLE = [
    ("allows_nothing", "update_refused", "REFUSED", "grant KEY name _vlmcs._tcp.corp.example SRV"),
    ("denial_is_servfail", "update_failed", "SERVFAIL", "somebody else owns the record"),
    ("no_updates", "update_not_supported", "NOTIMP", "switch on dynamic updates"),
    ("outside_zone", "not_in_zone", "NOTZONE", "does not lie in the zone .* Check the option zone"),
]


@pytest.mark.parametrize(("habit", "name", "code", "hint"), UPDATE_TROUBLE, ids=[row[0] for row in UPDATE_TROUBLE])
@pytest.mark.parametrize("signed", ["signed", "wrong_signature_on_updates"])
def test_trouble_while_updating(habit: str, name: str, code: str, hint: str, signed: str) -> None:
    server = FakeDns(KMS2, habits={habit, signed, "allows_nothing"})
    with pytest.raises(Failure, match=hint) as caught:
        make_so(server, wish("kms1.corp.example"), place())
    _is_helpful(caught.value)
    assert (caught.value.name, caught.value.code) == (name, code)
    assert ("could not be verified" in caught.value.message) is (signed != "signed")
    assert server.lines() == [KMS2]


# --- refreshing


@EVERY_SERVER
def test_a_refresh_changes_nothing_not_even_the_spelling(habits: frozenset[str]) -> None:
    server = FakeDns("600 0 0 1688 KMS1.Corp.Example.", "600 0 0 1688 kms2.corp.example.", habits=habits)
    before = server.lines()
    refreshed(server, trusting(habits))
    (update,) = server.updates
    assert server.lines() == before
    assert [str(rrset[0]) for rrset in update.update] == ["0 0 1688 KMS1.Corp.Example."]
    assert update.update[0].ttl == 600 and not update.prerequisite


@pytest.mark.parametrize(("habit", "code"), [("allows_nothing", "REFUSED"), ("denial_is_servfail", "SERVFAIL")])
@pytest.mark.parametrize("verify_reply", ["strict", "readback"])
def test_a_refused_refresh_says_so_whatever_the_signature(habit: str, code: str, verify_reply: VerifyReply) -> None:
    unsure = "wrong_signature_on_updates" if verify_reply == "readback" else "signed"
    server = FakeDns(KMS1, habits={habit, "allows_nothing", unsure})
    with pytest.raises(Failure, match="were not refreshed, and disappear in time") as caught:
        refreshed(server, place(verify_reply=verify_reply))
    _is_helpful(caught.value)
    assert caught.value.code == code and "reading back" not in caught.value.message


@pytest.mark.parametrize("habit", ["loses_answers", "wrong_signature_on_updates"])
def test_a_refresh_without_an_answer_is_no_refresh(habit: str) -> None:
    with pytest.raises(Failure, match="were refreshed is not known") as caught:
        refreshed(FakeDns(KMS1, habits={habit}), place())
    _is_helpful(caught.value)
    assert caught.value.name == "dns_answer_lost"


def refreshed(server: FakeDns, where: Place) -> None:
    world = FakeWorld(server)
    state = client.read(world, where)
    client.refresh(world, where, members.there(state, wish("kms1.corp.example")), state)


def test_a_server_that_is_not_the_primary() -> None:
    server = FakeDns()
    world = FakeWorld(server)
    state = client.read(world, place())
    server.zone = dns.name.from_text("other.example")
    with pytest.raises(Failure, match="not the primary server") as caught:
        client.apply(world, place(), wish("kms1.corp.example"), state)
    assert caught.value.code == "NOTAUTH"


def test_a_key_changed_between_look_and_update() -> None:
    server = FakeDns()
    world = FakeWorld(server)
    state = client.read(world, place())
    server.keys = {dns.name.from_text(KEY_NAME): dns.tsig.Key(KEY_NAME, OTHER_SECRET, "hmac-sha256")}
    with pytest.raises(Failure) as caught:
        client.apply(world, place(), wish("kms1.corp.example"), state)
    assert (caught.value.name, caught.value.code) == ("key_secret_wrong", "BADSIG")


def test_a_key_that_was_known_a_moment_ago_is_no_unknown_key() -> None:
    """Knot says BADKEY of a key it knows, when that key may not update."""
    with pytest.raises(Failure, match="has no right to") as caught:
        make_so(FakeDns(habits={"denial_is_badkey", "allows_nothing"}), wish("kms1.corp.example"), place())
    _is_helpful(caught.value)
    assert (caught.value.name, caught.value.code) == ("update_refused", "BADKEY")


@pytest.mark.parametrize(("there", "owned"), [((), False), ((KMS2,), True)])
def test_an_unsigned_update_that_is_refused_says_how_to_sign(there: tuple[str, ...], owned: bool) -> None:
    """A zone that takes secure updates only looks like this; who made its name is of interest once there is one."""
    with pytest.raises(Failure, match="auth: tsig .* auth: gss_tsig") as caught:
        make_so(FakeDns(*there), wish("kms1.corp.example"), place(key=None))
    _is_helpful(caught.value)
    assert ("made _vlmcs._tcp.corp.example and so owns it" in caught.value.message) is owned


def test_a_lost_answer_leaves_the_outcome_open() -> None:
    server = FakeDns(habits={"loses_answers"})
    with pytest.raises(OutcomeUnknown, match="did not answer in time"):
        make_so(server, wish("kms1.corp.example"), place())
    assert server.lines() == [KMS1], "it was done all the same"


def test_a_request_that_never_left_is_a_plain_failure() -> None:
    world = FakeWorld(FakeDns())
    state = client.read(world, place())
    world.servers.clear()
    with pytest.raises(Failure, match="nothing listens there"):
        client.apply(world, place(), wish("kms1.corp.example"), state)


def test_an_unverified_yes_counts_only_where_the_user_said_so() -> None:
    server = FakeDns(habits={"wrong_signature_on_updates"})
    with pytest.raises(OutcomeUnknown, match="signature is wrong"):
        make_so(server, wish("kms1.corp.example"), place())
    make_so(server, wish("kms2.corp.example"), place(verify_reply="readback"))
    assert server.lines() == [KMS1, KMS2]


def test_an_unverified_no_is_a_hint_and_the_records_decide() -> None:
    """Somebody refused in the server's name, or in error, while the records are as wished."""
    server = FakeDns(habits={"wrong_signature_on_updates", "allows_nothing"})
    server.before_update.append(lambda peer: peer.records.extend(FakeDns(KMS1).records))
    make_so(server, wish("kms1.corp.example"), place())
    assert server.lines() == [KMS1]


def test_reading_again_happens_where_the_update_goes() -> None:
    server = FakeDns(KMS1, KMS2)
    server.before_update.append(lambda peer: peer.records.pop())
    world = FakeWorld(FakeDns(habits={"drops_requests"}), server)
    state = client.read(world, place())
    world.asked.clear()
    client.apply(world, place(), wish("kms1.corp.example", ttl=60), state)
    assert set(world.asked) == {"192.0.2.2"}


def test_targets_travel_whole_and_in_their_own_spelling() -> None:
    """RFC 2782 forbids compressing them; a compressed one would take over the letter case of another name."""
    server = FakeDns("3600 0 9 1688 KMS1.Corp.EXAMPLE.", habits=POWERDNS)
    make_so(server, wish("kms1.corp.example"), place())
    assert b"\x04KMS1\x04Corp\x07EXAMPLE\x00" in server.wires[-1]
    assert b"\x04kms1\x04corp\x07example\x00" in server.wires[-1]
    assert server.lines() == [KMS1]


def test_planning_and_message_agree() -> None:
    """What is predicted is what a server does."""
    server = FakeDns("3600 0 1 1688 KMS1.corp.example.", KMS2)
    world = FakeWorld(server)
    state = client.read(world, place())
    wanted = wish("kms1.corp.example", "kms3.corp.example", ttl=60)
    change = members.plan(state, wanted)
    assert change is not None
    client.apply(world, place(), wanted, state)
    assert client.read(world, place()).members == change.applied_to(state).members


def _is_helpful(problem: Problem, *, zone: bool = True) -> None:
    """Names the server and the zone, says what to do, and is not about the managed host's WinRM."""
    assert not isinstance(problem, Unreachable)
    assert "dns" in problem.message and ("corp.example" in problem.message if zone else True)
    assert problem.advice and problem.advice in problem.message
    assert problem.message[0] != " " and "{" not in problem.message.replace("{ grant", "")
