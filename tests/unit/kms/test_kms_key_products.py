# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several keys on one machine: which product a wish is about, and keys that landed where they do not belong."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.host_key import HostKeyResource
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish, activation_id
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.settings import Settings, SettingsWish
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import Edition
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    KEY,
    WISH,
    licensing,
    product,
    seen,
    system,
    updates,
)
from ansible_collections.activation.kms.tests.unit.kms.key_host import (
    MAK_ROW,
    OFFICE_ROW,
    SPP,
    WINDOWS_ROW,
    KeyHost,
    key_run,
)

FIVE = KEY[-5:]
OFFICE_KEY = "BCDFG-HJKMP-QRTVW-XY234-BBBBB"
READY = updates("kms_1_0", "kms_1_2")
OFFICE_WISH = KeyWish(key=HostKey(OFFICE_KEY), activation_id=OFFICE_ROW)
MAK = product(1, FIVE, "VOLUME_MAK channel")
OFFICE = dataclasses.replace(product(1, FIVE), foreign=True, application_id="office")


def run(host: KeyHost, wish: KeyWish) -> Outcome:
    resources = [Settings(SettingsWish(key=wish)), HostKeyResource(wish)]
    return key_run(host, resources, wish, wish.activation_id)


def done(outcome: Outcome) -> list[str]:
    return [planned.step.id for planned in outcome.done]


def host() -> KeyHost:
    """A KMS host of Windows, activated, that knows Office's product too."""
    found = KeyHost()
    found.rows[WINDOWS_ROW].takes = found.rows[WINDOWS_ROW].key = KEY
    found.rows[WINDOWS_ROW].status = 1
    found.rows[OFFICE_ROW].takes = OFFICE_KEY
    return found


def test_a_key_of_office_stands_beside_the_one_of_windows() -> None:
    world = host()
    outcome = run(world, OFFICE_WISH)
    assert outcome.problem is None
    assert done(outcome) == ["host_settings.hold", "host_key.install", "host_key.activate"]
    assert [(row.key, row.status) for row in (world.rows[WINDOWS_ROW], world.rows[OFFICE_ROW])] == [
        (KEY, 1),
        (OFFICE_KEY, 1),
    ]
    assert not outcome.warnings, "nothing was replaced"
    assert not run(world, OFFICE_WISH).changed
    assert not run(world, WISH).changed


def test_a_product_the_host_does_not_know_is_refused_before_anything_is_changed() -> None:
    world = host()
    del world.rows[OFFICE_ROW]
    with pytest.raises(Refusal) as caught:
        run(world, OFFICE_WISH)
    assert caught.value.name == "activation_id_unknown" and world.deeds == []


def test_a_product_that_makes_no_kms_host_is_refused() -> None:
    world = host()
    with pytest.raises(Refusal) as caught:
        run(world, dataclasses.replace(OFFICE_WISH, activation_id=MAK_ROW))
    assert caught.value.name == "activation_id_no_host" and world.deeds == []


def test_a_mak_is_recognised_once_it_is_installed_and_never_activated() -> None:
    world = KeyHost()
    world.rows[MAK_ROW].takes = KEY
    outcome = run(world, WISH)
    assert outcome.problem is not None and outcome.problem.name == "key_is_no_host_key"
    assert MAK_ROW in outcome.problem.message and KEY not in outcome.problem.message
    assert done(outcome) == ["host_settings.hold", "host_key.install"] and outcome.changed
    assert world.rows[MAK_ROW].status == 0
    with pytest.raises(Refusal, match="no host key"):
        run(world, WISH)


@pytest.mark.parametrize(
    ("found", "wish", "name"),
    [
        (licensing(MAK), WISH, "key_is_no_host_key"),
        (licensing(OFFICE), WISH, "activation_id_other_product"),
        (
            licensing(product(1), named=dataclasses.replace(OFFICE, partial_product_key="")),
            dataclasses.replace(WISH, activation_id=OFFICE.id + "x"),
            "activation_id_other_product",
        ),
        (licensing(product(0), named=MAK), dataclasses.replace(WISH, activation_id=MAK.id), "activation_id_no_host"),
        (licensing(), dataclasses.replace(WISH, activation_id="x"), "activation_id_unknown"),
    ],
)
def test_where_a_key_does_not_belong(found: t.Any, wish: KeyWish, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        HostKeyResource(wish).next(seen(READY, found))
    assert caught.value.name == name and caught.value.advice


@pytest.mark.parametrize("text", [OFFICE_ROW, OFFICE_ROW.upper(), f"{{{OFFICE_ROW}}}", f" {OFFICE_ROW} "])
def test_an_activation_id_is_a_guid(text: str) -> None:
    assert activation_id(text) == OFFICE_ROW


@pytest.mark.parametrize("text", ["", "office", OFFICE_ROW[:-1], OFFICE_ROW + "0", KEY])
def test_what_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        activation_id(text)
    assert caught.value.name == "activation_id_malformed"
    assert not text or text == "office" or text not in caught.value.message


@pytest.mark.parametrize(
    ("parts", "wish", "name"),
    [
        ((licensing(), Edition(79)), WISH, "evaluation_edition"),
        ((licensing(product(2, "EVALU", "TIMEBASED_EVAL channel")),), WISH, "evaluation_edition"),
        ((licensing(), system(clock_ahead=86401.0)), WISH, "clock_wrong"),
        ((licensing(product()), system(clock_ahead=-3e6)), WISH, "clock_wrong"),
        (
            (licensing(product(0, channel="VOLUME_KMS_R2_B channel")),),
            dataclasses.replace(WISH, serve=frozenset(["server_2012"])),
            "key_group_too_low",
        ),
        ((licensing(product(0)),), dataclasses.replace(WISH, key_group="server_2008_r2_a"), "key_group_differs"),
        ((licensing(dataclasses.replace(product(0), license_status=None)),), WISH, "license_status_unknown"),
    ],
)
def test_what_is_known_of_the_host_is_judged_before_an_activation_is_spent(
    parts: tuple[t.Any, ...], wish: KeyWish, name: str
) -> None:
    with pytest.raises(Refusal) as caught:
        HostKeyResource(wish).next(seen(READY, *parts))
    assert caught.value.name == name and caught.value.advice


@pytest.mark.parametrize(
    ("parts", "changes"),
    [
        ((licensing(product(1)), Edition(79)), {}),
        ((licensing(product(1)), system(clock_ahead=1e6)), {}),
        ((licensing(), system(clock_ahead=1e6)), {"activation": "offline"}),
        ((licensing(), system(clock_ahead=1e6)), {"activation": "unmanaged"}),
        ((licensing(), system(clock_ahead=14400.0)), {}),
        ((licensing(product(0, channel="VOLUME_KMS channel")),), {"serve": frozenset(["server_2012"])}),
        ((licensing(product(1, channel="VOLUME_KMS_R2_B channel")),), {"serve": frozenset(["server_2012"])}),
    ],
)
def test_and_only_then(parts: tuple[t.Any, ...], changes: dict[str, t.Any]) -> None:
    HostKeyResource(dataclasses.replace(WISH, **changes)).next(seen(READY, *parts))


def test_a_second_version_of_office_takes_nobodys_place() -> None:
    world = host()
    other = "55550000-0000-4000-8000-000000000000"
    world.rows[other] = dataclasses.replace(world.rows[OFFICE_ROW], takes=KEY[:-5] + "CCCCC")
    assert run(world, OFFICE_WISH).problem is None
    outcome = run(world, KeyWish(key=HostKey(KEY[:-5] + "CCCCC"), activation_id=other))
    assert outcome.problem is None and not outcome.warnings
    assert (world.rows[OFFICE_ROW].status, world.rows[other].status) == (1, 1)


def test_notes_of_one_key_are_not_those_of_another() -> None:
    """Windows' key waits for its confirmation ID; Office's is activated meanwhile, and Windows stays on hold."""
    world = host()
    world.rows[WINDOWS_ROW].status = 0
    offline = dataclasses.replace(WISH, activation="offline")
    assert run(world, offline).extra["awaiting_confirmation"]
    assert run(world, OFFICE_WISH).problem is None
    record = load_record(world)
    assert record.installation_id_told(FIVE) == 54 * "1" and record.former_manual is not None
    assert world.value(SPP + r"\Activation", "Manual") == 1
    world.confirmation = 48 * "1"
    assert run(world, dataclasses.replace(offline, confirmation_id=48 * "1")).problem is None
    assert load_record(world) == Record() and world.value(SPP + r"\Activation", "Manual") is None


@pytest.mark.parametrize("other", ["online", "unmanaged"])
def test_another_way_than_the_one_that_was_begun_is_refused(other: t.Any) -> None:
    world = host()
    world.rows[WINDOWS_ROW].status = 0
    run(world, dataclasses.replace(WISH, activation="offline"))
    with pytest.raises(Refusal) as caught:
        run(world, dataclasses.replace(WISH, activation=other))
    assert caught.value.name == "confirmation_awaited" and world.rows[WINDOWS_ROW].status == 0
    if other == "online":
        assert run(world, dataclasses.replace(WISH, reactivate=True)).problem is None
        assert world.rows[WINDOWS_ROW].status == 1 and load_record(world) == Record()


def test_a_key_of_another_group_than_was_said_is_told_where_it_is_activated() -> None:
    wish = dataclasses.replace(WISH, key_group="server_2008_r2_a")
    told = HostKeyResource(wish).warnings(seen(READY, licensing(product(1))))
    assert len(told) == 1 and "server_2008_r2_c" in told[0] and "server_2008_r2_a" in told[0]
    assert HostKeyResource(WISH).warnings(seen(READY, licensing(product(1)))) == []
