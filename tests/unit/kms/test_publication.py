# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publications: the table of next steps, and whole runs against a DNS server in memory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import (
    Publication,
    PublishWish,
    Zones,
    read_zones,
)
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Resource, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv.members import Member, ZoneState, member
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

KEY = TsigKey(KEY_NAME, "hmac-sha256", Secret(SECRET))
KMS1 = "3600 0 0 1688 kms1.corp.example."
KMS2 = "3600 0 0 1688 kms2.corp.example."
OWNER = "_vlmcs._tcp.corp.example."


def wish(target: str | None = "kms1.corp.example", **more: t.Any) -> PublishWish:
    return PublishWish("corp.example", "dns1.corp.example", target, **{"key": KEY, **more})


def seen(wished: PublishWish, *found: Member, verified: bool = True) -> Seen:
    state = ZoneState("corp.example", wished.place.owner, "dns1.corp.example", "192.0.2.1", 7, found, verified)
    return Seen({Zones: Zones({wished.place: state})})


def run(world: FakeWorld, *wishes: PublishWish, check: bool = False, **more: t.Any) -> Outcome:
    resources = [Publication(wished, **more) for wished in wishes]
    return converge(world, resources, {Zones: read_zones(wishes)}, check=check)


# --- the table


ONE = Member("KMS1.corp.example", ttl=600)


@pytest.mark.parametrize(
    ("found", "wished", "step", "summary"),
    [
        ([], wish(), "srv_record.publish", "publish kms1.corp.example in zone corp.example on dns1.corp.example"),
        ([ONE], wish(), None, ""),
        ([ONE], wish(port=1690), "srv_record.publish", "publish kms1.corp.example in zone corp.example"),
        ([ONE], wish("kms2.corp.example", exclusive=True), "srv_record.publish", "kms2.corp.example and nobody else"),
        ([ONE], wish(state="absent"), "srv_record.withdraw", "remove kms1.corp.example from zone corp.example"),
        ([], wish(state="absent"), None, ""),
    ],
)
def test_next(found: list[Member], wished: PublishWish, step: str | None, summary: str) -> None:
    item = Publication(wished).next(seen(wished, *found))
    if step is None:
        assert item is None
        return
    assert isinstance(item, Step)
    assert item.id == step
    assert summary in item.summary
    assert SECRET not in f"{item}"


def test_a_step_predicts_its_own_part_only_and_enough_of_it() -> None:
    wished = wish(port=1690)
    before = seen(wished, ONE).having("something else")
    step = Publication(wished).next(before)
    assert isinstance(step, Step) and step.touches == (Zones,)
    after = step.predict(before)
    assert Publication(wished).next(after) is None
    assert {part for part in after.parts() if after.parts()[part] is not before.parts()[part]} == {Zones}
    assert step.before == f"{OWNER} 600 IN SRV 0 0 1688 KMS1.corp.example.\n"
    assert step.after == f"{OWNER} 600 IN SRV 0 0 1690 kms1.corp.example.\n" == after[Zones][wished.place].lines()


def test_a_closed_gate_holds_everything_back() -> None:
    wished = wish()
    assert Publication(wished, gate=lambda at: at.get(str) == "licensed").next(seen(wished)) is None
    assert Publication(wished, gate=lambda at: True).next(seen(wished)) is not None


def test_a_target_that_is_found_in_what_was_seen() -> None:
    wished = wish(None)
    step = Publication(wished, target=lambda at: at[str]).next(seen(wished).having("KMS7.corp.example"))
    assert isinstance(step, Step) and "kms7.corp.example" in step.summary
    with pytest.raises(Refusal, match="single label"):
        Publication(wished, target=lambda at: "KMS7").next(seen(wished))
    for nobody in (None, lambda at: None):
        with pytest.raises(Refusal, match="zone corp.example: no target is named"):
            Publication(wished, target=nobody).next(seen(wished))


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: wish("kms1"), "single label"),
        (lambda: wish(port=0), "port is 0"),
        (lambda: wish(None, weight=-1), "weight is -1"),
        (lambda: wish(ttl=-1), "ttl is -1"),
        (lambda: wish(state="gone"), "present, absent"),
        (lambda: wish(state="absent", exclusive=True), "exclusive goes with"),
        (lambda: wish(members=(member("kms2.corp.example"),)), "either target or members"),
        (lambda: wish(verify_reply="maybe"), "strict, readback"),
        (lambda: wish(server_port=70000), "server_port is 70000"),
        (lambda: wish(aging="maybe"), "unknown, no, yes"),
        (lambda: PublishWish("corp..example", "dns1", "kms1.corp.example"), "empty label"),
        (lambda: PublishWish("corp.example", "dns 1", "kms1.corp.example"), "server"),
    ],
)
def test_impossible_wishes_are_refused_when_made(make: t.Callable[[], PublishWish], hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        make()


def test_a_zone_that_ages_wants_one_of_three_ways() -> None:
    with pytest.raises(Refusal) as caught:
        wish(aging="yes")
    assert caught.value.name == "zone_ages"
    for word in ("zone corp.example", "activation.kms.srv_record", "microsoft_wmi", "refresh: true", "self_publishing"):
        assert word in caught.value.message
    assert wish(aging="yes", refresh=True).refresh
    assert wish(aging="yes", state="absent").state == "absent", "what goes need not be refreshed"
    assert not wish(aging="no").refresh and not wish().refresh


def test_warnings() -> None:
    wished = wish()
    assert Publication(wished).warnings(Seen()) == []
    assert Publication(wished).warnings(seen(wished, ONE)) == []
    assert "no KMS host" in Publication(wished).warnings(seen(wished, Member(".", 0, 0, 0, 60)))[0]
    assert "readback" in Publication(wished).warnings(seen(wished, verified=False))[0]


def test_the_part_as_data_tells_everything_but_the_key() -> None:
    wished = wish()
    data = seen(wished, ONE)[Zones].as_data()
    assert data == [
        {
            "zone": "corp.example",
            "owner": "_vlmcs._tcp.corp.example",
            "dns_zone": "corp.example",
            "server": "dns1.corp.example",
            "serial": 7,
            "verified": True,
            "members": [{"target": "kms1.corp.example", "port": 1688, "priority": 0, "weight": 0, "ttl": 600}],
        }
    ]
    assert Publication.needs == (Zones,) and Zones.key == "zones"


# --- refreshing


@pytest.mark.parametrize("there", [KMS1, "3600 0 0 1688 KMS1.Corp.Example."], ids=["as wished", "other letters"])
def test_a_member_that_is_there_is_refreshed_once_a_run_and_nothing_has_changed(there: str) -> None:
    server = FakeDns(there, KMS2)
    outcome = run(FakeWorld(server), wish(aging="yes", refresh=True))
    assert outcome.problem is None and not outcome.changed
    assert (outcome.plan, outcome.done, outcome.remaining, outcome.warnings) == ([], [], [], [])
    (update,) = server.updates
    assert [str(rrset[0]) for rrset in update.update] == [there.partition(" ")[2]]
    assert server.lines() == sorted([there, KMS2])


def test_it_is_published_first_and_the_plan_speaks_of_that_alone() -> None:
    server = FakeDns()
    outcome = run(FakeWorld(server), wish(refresh=True))
    assert (
        [planned.step.id for planned in outcome.plan]
        == ["srv_record.publish"]
        == [planned.step.id for planned in outcome.done]
    )
    assert outcome.changed and server.lines() == [KMS1]


def test_every_zone_is_refreshed_and_every_host_of_one() -> None:
    one, two = FakeDns(KMS1, KMS2), FakeDns(KMS1)
    world = FakeWorld(one, two)
    world.names = {"dns1.corp.example": ["192.0.2.1"], "dns2.corp.example": ["192.0.2.2"]}
    elsewhere = PublishWish("corp.example", "dns2.corp.example", "kms1.corp.example", key=KEY, refresh=True)
    outcome = run(world, wish(refresh=True), wish("kms2.corp.example", refresh=True), elsewhere)
    assert outcome.problem is None and not outcome.changed
    assert (len(one.updates), len(two.updates)) == (2, 1)


def test_nothing_is_refreshed_in_check_mode_nor_when_it_goes_nor_unasked() -> None:
    for more, check in (({"refresh": True}, True), ({"refresh": True, "state": "absent"}, False), ({}, False)):
        server = FakeDns(KMS2 if "state" in more else KMS1)
        outcome = run(FakeWorld(server), wish(**more), check=check)
        assert outcome.problem is None and not outcome.changed and server.updates == []


def test_a_refused_refresh_fails_the_run_and_has_changed_nothing() -> None:
    outcome = run(FakeWorld(FakeDns(KMS1, habits={"allows_nothing"})), wish(refresh=True))
    assert outcome.problem is not None and "were not refreshed" in outcome.problem.message
    assert (outcome.problem.name, outcome.changed, outcome.done) == ("update_refused", False, [])


# --- runs


@pytest.mark.parametrize(
    "habits", [(), KNOT, POWERDNS, SAMBA, WINDOWS], ids=["bind", "knot", "powerdns", "samba", "windows"]
)
def test_a_run_publishes_and_a_second_one_does_nothing(habits: t.Collection[str]) -> None:
    server = FakeDns(KMS2, habits=habits)
    unsigned = "readback" if {"wrong_signature", "echoes_signature"} & set(habits) else "strict"
    wished = wish(verify_reply=unsigned)
    first = run(FakeWorld(server), wished)
    assert first.problem is None and first.changed
    assert first.observed[Zones][wished.place].lines().count("kms") == 2
    second = run(FakeWorld(server), wished)
    assert not second.changed and second.plan == []
    assert server.lines() == [KMS1, KMS2] and len(server.updates) == 1


def test_check_mode_asks_and_never_updates() -> None:
    server = FakeDns(KMS2)
    wished = wish()
    outcome = run(FakeWorld(server), wished, check=True)
    assert outcome.changed and [planned.step.id for planned in outcome.plan] == ["srv_record.publish"]
    assert len(outcome.seen[Zones][wished.place].members) == 2
    assert len(outcome.observed[Zones][wished.place].members) == 1
    assert server.updates == [] and server.lines() == [KMS2]


def test_several_zones_are_several_steps() -> None:
    one, two = FakeDns(), FakeDns(KMS1)
    world = FakeWorld(one, two)
    world.names = {"dns1.corp.example": ["192.0.2.1"], "dns2.corp.example": ["192.0.2.2"]}
    away = PublishWish("corp.example", "dns2.corp.example", "kms1.corp.example", state="absent", key=KEY)
    outcome = run(world, wish(), away)
    assert [planned.step.id for planned in outcome.done] == ["srv_record.publish", "srv_record.withdraw"]
    assert (one.lines(), two.lines()) == ([KMS1], [])


def test_equal_places_are_read_once_a_look() -> None:
    server = FakeDns()
    run(FakeWorld(server), wish("kms1.corp.example"), wish("kms2.corp.example"), check=True)
    assert server.questions == 1


def test_a_wrong_secret_in_any_zone_comes_before_the_first_change() -> None:
    good, bad = FakeDns(), FakeDns()
    world = FakeWorld(good, bad)
    world.names = {"dns1.corp.example": ["192.0.2.1"], "dns2.corp.example": ["192.0.2.2"]}
    wrong = TsigKey(KEY_NAME, "hmac-sha256", Secret(OTHER_SECRET))
    with pytest.raises(Refusal, match="secret of TSIG key kms-rollout"):
        run(world, wish(), PublishWish("corp.example", "dns2.corp.example", "kms1.corp.example", key=wrong))
    assert good.updates == []


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice() -> None:
    server = FakeDns(habits={"loses_answers"})
    outcome = run(FakeWorld(server), wish())
    assert outcome.problem is None and outcome.changed
    assert server.lines() == [KMS1] and len(server.updates) == 1


def test_a_refused_update_is_a_failure_with_nothing_done() -> None:
    outcome = run(FakeWorld(FakeDns(habits={"allows_nothing"})), wish())
    assert outcome.problem is not None and outcome.problem.name == "update_refused"
    assert not outcome.changed and [planned.step.id for planned in outcome.remaining] == ["srv_record.publish"]


def test_a_run_stays_with_the_server_that_answered_first() -> None:
    server = FakeDns()
    world = FakeWorld(server, FakeDns())
    told = world.names["dns1.corp.example"]

    def resolve(name: str) -> list[str]:
        answer = list(told)
        told.reverse()  # a name with several addresses turns them round at every question
        return answer

    world.resolve = resolve  # type: ignore[method-assign]  # the one door this test is about
    assert run(world, wish()).problem is None
    assert set(world.asked) == {"192.0.2.1"}
    assert server.lines() == [KMS1]


def test_what_it_comes_after_is_the_callers_to_say() -> None:
    class Other(Resource):
        name = "other"

    assert Publication(wish(), after=(Other,)).after == (Other,)


def test_a_gate_that_stayed_shut_is_told() -> None:
    wished = wish()
    shut = Publication(wished, gate=lambda seen: False, waits_for="an activated host key")
    assert shut.next(seen(wished)) is None
    assert shut.warnings(seen(wished)) == [
        "nothing was published in zone corp.example: that waits for an activated host key"
    ]
