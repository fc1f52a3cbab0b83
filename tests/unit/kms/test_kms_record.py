# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record on the host: what is written is read again, whatever lies there instead counts as nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import (
    ABSENT,
    KEY,
    VALUE,
    Record,
    load_record,
    note,
    save,
)
from ansible_collections.activation.kms.tests.unit.kms.hosts import BOOT, BOOT_TEXT, NOW, NOW_TEXT
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

FULL = Record(
    former_manual={"SL": 0, "SPP": ABSENT},
    former_settings={"self_publishing": False, "port": 1689, "self_publishing_domains": ["corp.example"]},
    activating={"67892": {"at": NOW_TEXT, "until": NOW_TEXT, "by": "1.0"}},
    awaiting_restart={"boot": BOOT_TEXT, "updates": {"kms_1_0": "done", "kms_1_2": "started"}},
    staging=r"C:\WINDOWS\Temp\activation.kms",
    service_restart=BOOT_TEXT,
    former_firewall={"SPPSVC-In-TCP": {"enabled": False, "scope": ["local_subnet"]}},
    confirming={"67892": {"installation_id": 54 * "1", "at": NOW_TEXT}},
    draining={"at": NOW_TEXT, "ttl": 3600},
)
TOLERANCE = dt.timedelta(seconds=5)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Record) if field.name != "unreadable"])
def test_each_note_comes_back_as_it_was(field: str) -> None:
    world = SmallWindows()
    written = dataclasses.replace(Record(), **{field: getattr(FULL, field)})
    save(world, written)
    assert load_record(world) == written
    assert list(json.loads(str(world.value(KEY, VALUE)))) == [field]


def test_a_full_record_comes_back() -> None:
    world = SmallWindows()
    save(world, FULL)
    assert load_record(world) == FULL
    assert json.loads(json.dumps(FULL.as_data())) == FULL.as_data()


def test_noting_changes_what_it_says_and_nothing_else() -> None:
    world = SmallWindows()
    save(world, FULL)
    assert note(world, staging=None) == load_record(world) == dataclasses.replace(FULL, staging=None)


def test_an_empty_record_leaves_no_trace_on_the_host() -> None:
    world = SmallWindows()
    save(world, FULL)
    save(world, Record())
    assert KEY.lower() not in world.registry
    assert load_record(world) == Record()
    save(world, Record())  # nothing there: no error


def test_reading_writes_nothing() -> None:
    world = SmallWindows()
    load_record(world)
    assert world.deeds == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "5",
        '"text"',
        '{"awaiting_restart": "soon"}',
        '{"awaiting_restart": {"boot": "yesterday", "updates": {}}}',
        '{"awaiting_restart": {"updates": {}}}',
        '{"awaiting_restart": {"boot": "2026-03-01T06:00:00Z", "updates": 5}}',
        '{"activating": true}',
        '{"activating": {"67892": true}}',
        '{"activating": {"67892": {"at": "2026-03-01T08:00:00Z"}}}',
        '{"activating": {"67892": {"at": "2026-03-01T08:00:00Z", "until": "now"}}}',
        '{"former_manual": 5}',
        '{"former_manual": {"SPP": "zero"}}',
        '{"former_manual": {"elsewhere": 1}}',
        '{"unreadable": true, "staging": 5, "activating": 5}',
        '{"former_settings": 5}',
        '{"service_restart": true}',
        '{"service_restart": "soon"}',
        '{"former_firewall": 5}',
        '{"confirming": "67892"}',
        '{"confirming": {"67892": {"at": "2026-03-01T08:00:00Z"}}}',
        '{"confirming": {"67892": {"installation_id": 5, "at": "2026-03-01T08:00:00Z"}}}',
        '{"confirming": {"67892": {"installation_id": "5", "at": "now"}}}',
        '{"draining": {"at": "2026-03-01T08:00:00Z"}}',
        '{"draining": {"at": "soon", "ttl": 60}}',
        '{"draining": {"at": "2026-03-01T08:00:00Z", "ttl": "long"}}',
        '{"former_firewall": {"SPPSVC-In-TCP": false}}',
        '{"former_firewall": {"SPPSVC-In-TCP": {"enabled": false}}}',
        '{"former_firewall": {"SPPSVC-In-TCP": {"enabled": false, "scope": [5]}}}',
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(text: str) -> None:
    world = SmallWindows()
    world.set(KEY, VALUE, text)
    assert load_record(world) == Record(unreadable=bool(text))
    assert load_record(world).as_data() == ({"unreadable": True} if text else {})


def test_what_cannot_be_read_is_never_written_over() -> None:
    world = SmallWindows()
    world.set(KEY, VALUE, "{")
    with pytest.raises(Failure, match="look at it"):
        note(world, staging=None)
    assert world.value(KEY, VALUE) == "{" and world.deeds == []


def test_notes_of_a_later_release_are_passed_over() -> None:
    world = SmallWindows()
    world.set(KEY, VALUE, '{"staging": "C:\\\\x", "invented_later": [1]}')
    assert load_record(world) == Record(staging=r"C:\x")


@pytest.mark.parametrize(("shift", "same"), [(0, True), (4, True), (-4, True), (6, False), (-6, False), (90000, False)])
def test_updates_belong_to_the_boot_in_which_they_were_installed(shift: int, same: bool) -> None:
    found = FULL.updates_of_boot(BOOT + dt.timedelta(seconds=shift), TOLERANCE)
    assert found == ({"kms_1_0": "done", "kms_1_2": "started"} if same else {})
    assert Record().updates_of_boot(BOOT, TOLERANCE) == {}
    assert FULL.service_restart_due(BOOT + dt.timedelta(seconds=shift), TOLERANCE) is same
    assert not Record().service_restart_due(BOOT, TOLERANCE)


@pytest.mark.parametrize(
    ("record", "key", "asked"),
    [(FULL, "67892", (NOW, NOW)), (FULL, "XXXXX", None), (Record(), "67892", None)],
    ids=["asked", "another key", "never"],
)
def test_an_activation_that_was_asked_for(record: Record, key: str, asked: t.Any) -> None:
    assert record.activation_asked(key) == asked
