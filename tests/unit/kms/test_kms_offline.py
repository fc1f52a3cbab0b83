# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline activation: two phases that days, crashes and another controller may lie between."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._kms.host_key import HostKeyResource
from ansible_collections.activation.kms.plugins.plugin_utils._kms.offline import (
    InstallationId,
    confirmation_id,
    grouped,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import Settings, SettingsWish
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Pause, Step
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    KEY,
    NOW_TEXT,
    WISH,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.kms.key_host import SPP, WINDOWS_ROW, KeyHost, key_run
from ansible_collections.activation.kms.tests.unit.windows.small_windows import lost_after, lost_before

FIVE = KEY[-5:]
CONFIRMATION = "123456" * 8
IID, OTHER_IID = 54 * "1", 63 * "2"
READY = updates("kms_1_0", "kms_1_2")
PHASE_ONE = dataclasses.replace(WISH, activation="offline")
PHASE_TWO = dataclasses.replace(PHASE_ONE, confirmation_id=CONFIRMATION)
TOLD = Record(confirming={FIVE: {"installation_id": IID, "at": NOW_TEXT}})


def run(host: KeyHost, wish: t.Any, check: bool = False) -> Outcome:
    return key_run(host, [Settings(SettingsWish(key=wish)), HostKeyResource(wish)], wish, check=check)


def done(outcome: Outcome) -> list[str]:
    return [planned.step.id for planned in outcome.done]


def host() -> KeyHost:
    found = KeyHost()
    found.rows[WINDOWS_ROW].takes = KEY
    found.confirmation = CONFIRMATION
    return found


# -- what is wanted


@pytest.mark.parametrize(
    ("parts", "wish", "wanted"),
    [
        ((licensing(),), PHASE_ONE, ["host_key.install", "pause"]),
        ((licensing(),), PHASE_TWO, ["host_key.install", "pause"]),
        ((licensing(product()), InstallationId(IID)), PHASE_ONE, ["host_key.tell", "pause"]),
        ((licensing(product()), InstallationId(IID), TOLD), PHASE_ONE, ["pause"]),
        ((licensing(product()), InstallationId(OTHER_IID), TOLD), PHASE_ONE, ["host_key.tell", "pause"]),
        ((licensing(product()), InstallationId(IID)), PHASE_TWO, ["host_key.tell", "host_key.deposit"]),
        ((licensing(product()), InstallationId(IID), TOLD), PHASE_TWO, ["host_key.deposit"]),
        ((licensing(product(1)),), PHASE_ONE, []),
        ((licensing(product(1)), TOLD), PHASE_TWO, []),
        (
            (licensing(product(3)), InstallationId(IID), TOLD),
            dataclasses.replace(PHASE_TWO, reactivate=True),
            ["host_key.deposit"],
        ),
    ],
)
def test_next(parts: tuple[t.Any, ...], wish: t.Any, wanted: list[str]) -> None:
    assert trace(HostKeyResource(wish), seen(READY, *parts)) == wanted


@pytest.mark.parametrize(
    ("parts", "wish", "name"),
    [
        ((licensing(product()), InstallationId(OTHER_IID), TOLD), PHASE_TWO, "installation_id_changed"),
        ((licensing(product()), InstallationId(None)), PHASE_ONE, "no_installation_id"),
        ((licensing(product(3)), InstallationId(IID)), PHASE_ONE, "reactivation_needed"),
        ((licensing(product(3)), InstallationId(IID)), PHASE_TWO, "reactivation_needed"),
    ],
)
def test_what_speaks_against_it(parts: tuple[t.Any, ...], wish: t.Any, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        HostKeyResource(wish).next(seen(READY, *parts))
    assert caught.value.name == name and caught.value.advice
    assert CONFIRMATION not in repr((caught.value.message, caught.value.advice))


def test_a_note_about_another_key_says_nothing_about_this_one() -> None:
    other = {"XXXXX": {"installation_id": OTHER_IID, "at": NOW_TEXT}}
    now = seen(
        READY, licensing(product()), InstallationId(IID), Record(confirming={**(TOLD.confirming or {}), **other})
    )
    assert trace(HostKeyResource(PHASE_TWO), now) == ["host_key.deposit"]


@pytest.mark.parametrize("wish", [PHASE_ONE, PHASE_TWO])
def test_predictions_change_only_what_is_read_again(wish: t.Any) -> None:
    for products in ((), (product(),)):
        now = seen(READY, licensing(*products), InstallationId(IID if products else None))
        step = HostKeyResource(wish).next(now)
        assert isinstance(step, Step)
        predicts_only_what_it_touches(step, now)
        assert CONFIRMATION not in repr((step.summary, step.before, step.after))


def test_the_pause_says_where_to_go_with_what() -> None:
    item = HostKeyResource(PHASE_ONE).next(seen(READY, licensing(product()), InstallationId(IID), TOLD))
    assert isinstance(item, Pause)
    assert item.result["awaiting_confirmation"] is True
    assert item.result["installation_id"] == IID
    assert item.result["installation_id_grouped"] == " ".join(9 * ["111111"])
    assert " ".join(9 * ["111111"]) in item.reason and "https://aka.ms/aoh" in item.reason
    assert item.result["offline_activation"]["partial_product_key"] == FIVE


# -- digits


@pytest.mark.parametrize(
    "text", [CONFIRMATION, " ".join(8 * ["123456"]), "-".join(8 * ["123456"]), f"  {CONFIRMATION}\n"]
)
def test_a_confirmation_id_may_be_written_in_groups(text: str) -> None:
    assert confirmation_id(text) == CONFIRMATION


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CONFIRMATION[:-1], "47 digits"),
        (CONFIRMATION + "1", "49 digits"),
        (CONFIRMATION[:-1] + "O", "other characters"),
        (CONFIRMATION[:-1] + "٣", "other characters"),
        ("", "other characters"),
        (KEY, "other characters"),
    ],
)
def test_what_is_no_confirmation_id_is_refused_without_being_repeated(text: str, found: str) -> None:
    with pytest.raises(Refusal, match=found) as caught:
        confirmation_id(text)
    assert caught.value.name == "confirmation_id_malformed"
    assert not text or text not in caught.value.message + caught.value.advice


@pytest.mark.parametrize(
    ("digits", "groups"),
    [(54 * "1", 9 * ["111111"]), (63 * "1", 9 * ["1111111"]), (50 * "1", [50 * "1"]), ("1", ["1"])],
)
def test_groups(digits: str, groups: list[str]) -> None:
    assert grouped(digits).split(" ") == groups


# -- carrying it out


def test_two_phases_two_controllers() -> None:
    world = host()
    first = run(world, PHASE_ONE)
    assert (first.problem, first.changed, done(first)) == (None, True, ["host_settings.hold", "host_key.install"])
    assert first.extra["installation_id"] == IID and first.extra["awaiting_confirmation"]
    assert load_record(world).installation_id_told(FIVE) == IID
    assert world.value(SPP + r"\Activation", "Manual") == 1, "Windows must not activate it meanwhile"
    again = run(world, PHASE_ONE)
    assert (again.problem, again.changed) == (None, False)
    assert again.extra["installation_id"] == IID
    world.clock += 5 * 86400
    second = run(world, PHASE_TWO)
    assert (second.problem, done(second), second.extra) == (None, ["host_key.deposit"], {})
    assert world.deposited == [(IID, CONFIRMATION)]
    assert world.rows[WINDOWS_ROW].status == 1
    assert load_record(world) == Record(), "nothing is left to be remembered"
    assert world.value(SPP + r"\Activation", "Manual") is None
    last = run(world, PHASE_TWO)
    assert (last.problem, last.changed, len(world.deposited)) == (None, False, 1)


def test_check_mode_tells_what_can_be_known() -> None:
    world = host()
    ahead = run(world, PHASE_ONE, check=True)
    assert [planned.step.id for planned in ahead.plan] == ["host_settings.hold", "host_key.install"]
    assert ahead.extra["awaiting_confirmation"] is True and ahead.extra["installation_id"] is None
    assert world.deeds == []
    run(world, PHASE_ONE)
    ahead = run(world, PHASE_ONE, check=True)
    assert (ahead.changed, ahead.extra["installation_id"]) == (False, IID)
    ahead = run(world, PHASE_TWO, check=True)
    assert [planned.step.id for planned in ahead.plan] == ["host_key.deposit"] and world.deposited == []


def test_a_stale_confirmation_id_is_refused_until_the_new_installation_id_was_told() -> None:
    world = host()
    run(world, PHASE_ONE)
    world.rows[WINDOWS_ROW].installation_id = OTHER_IID
    with pytest.raises(Refusal) as caught:
        run(world, PHASE_TWO)
    assert caught.value.name == "installation_id_changed" and world.deposited == []
    told = run(world, PHASE_ONE)
    assert told.extra["installation_id"] == OTHER_IID and not told.changed
    assert run(world, PHASE_TWO).problem is None
    assert world.deposited == [(OTHER_IID, CONFIRMATION)]


def test_a_confirmation_id_of_another_host_is_explained_and_the_hold_stays() -> None:
    world = host()
    world.confirmation = "654321" * 8
    run(world, PHASE_ONE)
    outcome = run(world, PHASE_TWO)
    assert isinstance(outcome.problem, Failure) and outcome.problem.code == "0xC004F031"
    assert not outcome.changed and done(outcome) == []
    assert world.value(SPP + r"\Activation", "Manual") == 1
    assert load_record(world).installation_id_told(FIVE) == IID
    world.confirmation = CONFIRMATION
    assert run(world, PHASE_TWO).problem is None, "the right one may follow at once"


def test_a_confirmation_id_that_came_by_another_way_needs_no_note() -> None:
    world = host()
    outcome = run(world, PHASE_TWO)
    assert outcome.problem is None
    assert done(outcome) == ["host_settings.hold", "host_key.install", "host_key.deposit"]


@pytest.mark.parametrize("silence", [lost_after, lost_before])
@pytest.mark.parametrize("nth", range(1, 22))
@pytest.mark.parametrize("wish", [PHASE_ONE, PHASE_TWO], ids=["one", "two"])
def test_a_lost_answer_anywhere_changes_nothing_about_the_end(silence: t.Any, nth: int, wish: t.Any) -> None:
    world = host()
    if wish is PHASE_TWO:
        run(world, PHASE_ONE)
    count = [0]

    def lose(word: str) -> None:
        count[0] += 1
        if count[0] == nth:
            silence(word)(word)

    setattr(world, "after" if silence is lost_after else "before", lose)
    try:
        outcome = run(world, wish)
    except Unreachable:  # the first look
        outcome = run(world, wish)
    if outcome.problem is not None:
        outcome = run(world, wish)
    assert outcome.problem is None
    assert bool(outcome.extra.get("awaiting_confirmation")) == (wish is PHASE_ONE)
    assert world.rows[WINDOWS_ROW].status == (0 if wish is PHASE_ONE else 1)
