# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a host key out: the one that is meant, its mark in both views, and the setup key in its place if wished."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record, save
from ansible_collections.activation.kms.plugins.plugin_utils._kms.removal import Removal, RemovalWish, removed
from ansible_collections.activation.kms.plugins.plugin_utils._kms.setup_keys import setup_key_for
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Root
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    KEY,
    NO_LICENSING,
    NOW_TEXT,
    licensing,
    predicts_only_what_it_touches,
    product,
    seen,
    system,
    trace,
)
from ansible_collections.activation.kms.tests.unit.kms.key_host import (
    CLIENT_ROW,
    OFFICE_ROW,
    SPP,
    WINDOWS_ROW,
    KeyHost,
    key_run,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import lost_after, lost_before

FIVE = KEY[-5:]
OFFICE_KEY = "BCDFG-HJKMP-QRTVW-XY234-BBBBB"
UNMARKED = {"SL": Root()}
OFFICE = dataclasses.replace(product(1, "BBBBB", "VOLUME_KMS channel"), foreign=True, application_id="office")
CLIENT = product(1, "MY832", "VOLUME_KMSCLIENT channel")
MAK = product(1, "MAKMA", "VOLUME_MAK channel")
OFFICE_CLIENT = dataclasses.replace(CLIENT, foreign=True, application_id="office")
OFFICE_TOLD = Record(former_manual={"SL": 0}, confirming={"BBBBB": {"installation_id": "1", "at": NOW_TEXT}})
LATER = system(release="server_2022", version="10.0.20348")
HELD = Record(former_manual={"SL": 0}, activating={FIVE: {"at": NOW_TEXT, "until": NOW_TEXT, "by": "1.0"}})
MARK = "KeyManagementServiceVersion"
WOW = SPP.replace("SOFTWARE", r"SOFTWARE\Wow6432Node")


def run(host: KeyHost, wish: RemovalWish, check: bool = False) -> Outcome:
    return key_run(host, [Removal(wish)], None, wish.activation_id, check)


def host() -> KeyHost:
    """With a host key of Windows, one of Office, and the marks."""
    found = KeyHost()
    found.rows[WINDOWS_ROW].key = KEY
    found.rows[OFFICE_ROW].key = OFFICE_KEY
    found.rows[WINDOWS_ROW].status = found.rows[OFFICE_ROW].status = 1
    found.rows[CLIENT_ROW].takes = _setup_key()
    found.set(SPP, MARK, "10.0")
    found.set(WOW, MARK, "10.0")
    return found


def _setup_key() -> str:
    known = setup_key_for("server_2019", 7)
    assert known is not None
    return known.key


@pytest.mark.parametrize(
    ("wish", "parts", "wanted"),
    [
        (RemovalWish(), (NO_LICENSING,), []),
        (RemovalWish(), (licensing(roots=UNMARKED),), []),
        (RemovalWish(), (licensing(),), ["host_key.unmark"]),
        (RemovalWish(), (licensing(product(1)),), ["host_key.remove", "host_key.unmark"]),
        (RemovalWish(), (licensing(product(0, "XXXXX")),), ["host_key.remove", "host_key.unmark"]),
        (RemovalWish(FIVE), (licensing(product(1)),), ["host_key.remove", "host_key.unmark"]),
        (RemovalWish(FIVE), (licensing(product(1, "XXXXX")),), []),
        (RemovalWish(FIVE), (licensing(product(1), product(1, "XXXXX")),), ["host_key.remove"]),
        (RemovalWish(), (licensing(CLIENT, roots=UNMARKED),), []),
        (RemovalWish(), (licensing(product(1), OFFICE),), ["host_key.remove"]),
        (RemovalWish(), (licensing(OFFICE),), []),
        (
            RemovalWish(activation_id=OFFICE.id),
            (licensing(product(1), OFFICE, named=OFFICE),),
            ["host_key.remove"],
        ),
        (RemovalWish(), (licensing(roots=UNMARKED), HELD), ["host_settings.release"]),
        (RemovalWish(), (licensing(dataclasses.replace(OFFICE, license_status=0), roots=UNMARKED), OFFICE_TOLD), []),
        (RemovalWish(setup_key=True), (licensing(product(1), MAK), LATER), ["host_key.remove", "host_key.unmark"]),
        (RemovalWish(setup_key=True), (licensing(MAK, roots=UNMARKED), LATER, Edition(7)), []),
        (
            RemovalWish(setup_key=True),
            (licensing(product(1), OFFICE_CLIENT), LATER, Edition(7)),
            ["host_key.remove", "host_key.setup_key", "host_key.unmark"],
        ),
        (
            RemovalWish(setup_key=True),
            (licensing(product(1)), LATER, Edition(7)),
            ["host_key.remove", "host_key.setup_key", "host_key.unmark"],
        ),
        (RemovalWish(setup_key=True), (licensing(CLIENT, roots=UNMARKED), LATER, Edition(7)), []),
    ],
)
def test_next(wish: RemovalWish, parts: tuple[t.Any, ...], wanted: list[str]) -> None:
    assert trace(Removal(wish), seen(*parts)) == wanted


@pytest.mark.parametrize(
    ("wish", "parts", "name"),
    [
        (RemovalWish(), (licensing(answers=False),), "licensing_service_stopped"),
        (RemovalWish(setup_key=True), (licensing(product(1)),), "setup_key_unknown"),
        (RemovalWish(setup_key=True), (licensing(product(1)), LATER, Edition(9999)), "setup_key_unknown"),
        (RemovalWish(FIVE, setup_key=True), (licensing(product(1, "XXXXX")), LATER, Edition(7)), "other_key_installed"),
        (RemovalWish(activation_id="unknown"), (licensing(product(1)),), "activation_id_unknown"),
        (
            RemovalWish(activation_id=OFFICE.id, setup_key=True),
            (licensing(product(1), OFFICE, named=OFFICE), LATER, Edition(7)),
            "bad_option",
        ),
    ],
)
def test_what_speaks_against_it_is_said_before_the_key_is_gone(
    wish: RemovalWish, parts: tuple[t.Any, ...], name: str
) -> None:
    with pytest.raises(Refusal) as caught:
        Removal(wish).next(seen(*parts))
    assert caught.value.name == name and caught.value.advice


@pytest.mark.parametrize("products", [(product(1),), (CLIENT,)], ids=["key", "mark"])
def test_a_prediction_changes_only_what_is_read_again(products: tuple[t.Any, ...]) -> None:
    now = seen(licensing(*products))
    step = Removal(RemovalWish()).next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)


def test_the_key_goes_with_its_marks_and_the_one_of_office_stays() -> None:
    world = host()
    outcome = run(world, RemovalWish())
    assert outcome.problem is None
    assert world.rows[WINDOWS_ROW].key == "" and world.rows[OFFICE_ROW].key == OFFICE_KEY
    assert world.value(SPP, MARK) == "10.0", "Office is still a KMS host"
    assert removed(outcome, RemovalWish())["removed"][0]["partial_product_key"] == FIVE
    assert any("no product key" in text for text in outcome.warnings)
    assert any("spent stay spent" in text for text in outcome.warnings)
    office = RemovalWish(activation_id=OFFICE_ROW)
    assert run(world, office).changed
    assert world.rows[OFFICE_ROW].key == "" and world.value(SPP, MARK) is None and world.value(WOW, MARK) is None
    again = run(world, office)
    assert not again.changed and removed(again, office) == {"removed": []}


def test_check_mode_tells_what_would_be_removed() -> None:
    world = host()
    outcome = run(world, RemovalWish(FIVE), check=True)
    assert [one["partial_product_key"] for one in removed(outcome, RemovalWish(FIVE))["removed"]] == [FIVE]
    assert world.deeds == []


def test_the_machine_becomes_a_client_again() -> None:
    world = host()
    outcome = run(world, RemovalWish(setup_key=True))
    assert outcome.problem is None
    assert [planned.step.id for planned in outcome.done] == ["host_key.remove", "host_key.setup_key"]
    assert world.rows[CLIENT_ROW].key == _setup_key()
    assert not any("no product key" in text for text in outcome.warnings)
    assert not run(world, RemovalWish(setup_key=True)).changed


def test_what_was_held_for_the_key_is_given_back() -> None:
    world = host()
    save(
        world,
        Record(former_manual={"SPP": "absent"}, activating={FIVE: {"at": NOW_TEXT, "until": NOW_TEXT, "by": "1.0"}}),
    )
    world.set(SPP + r"\Activation", "Manual", 1)
    assert run(world, RemovalWish()).problem is None
    assert world.value(SPP + r"\Activation", "Manual") is None and load_record(world) == Record()


def test_several_keys_go_together() -> None:
    world = host()
    world.rows[CLIENT_ROW] = dataclasses.replace(world.rows[WINDOWS_ROW], key=KEY[:-5] + "XXXXX")
    outcome = run(world, RemovalWish())
    assert [planned.step.id for planned in outcome.done] == ["host_key.remove"]
    assert (world.rows[WINDOWS_ROW].key, world.rows[CLIENT_ROW].key) == ("", "")
    assert {one["partial_product_key"] for one in removed(outcome, RemovalWish())["removed"]} == {FIVE, "XXXXX"}


def test_a_host_that_goes_away_right_after_it_loses_nothing_of_the_result() -> None:
    world = host()

    def gone(word: str) -> None:
        if world.rows[WINDOWS_ROW].key == "":
            raise NoAnswer("the connection was refused", sent=False)

    world.before = gone
    outcome = run(world, RemovalWish())
    assert outcome.problem is not None
    assert [one["partial_product_key"] for one in removed(outcome, RemovalWish())["removed"]] == [FIVE]


@pytest.mark.parametrize("silence", [lost_after, lost_before])
@pytest.mark.parametrize(
    "word", ["SoftwareLicensingProduct.UninstallProductKey", "SoftwareLicensingService.InstallProductKey"]
)
def test_a_lost_answer_is_looked_after(silence: t.Any, word: str) -> None:
    world = host()
    setattr(world, "after" if silence is lost_after else "before", silence(word))
    assert run(world, RemovalWish(setup_key=True)).problem is None
    assert (world.rows[WINDOWS_ROW].key, world.rows[CLIENT_ROW].key) == ("", _setup_key())


def test_a_refused_removal_is_explained() -> None:
    world = host()
    world.refuses = 0xC004F025
    outcome = run(world, RemovalWish())
    assert outcome.problem is not None and outcome.problem.code == "0xC004F025"
    assert f"removing the host key *****-{FIVE}" in outcome.problem.message
