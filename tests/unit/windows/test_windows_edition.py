# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which edition a machine runs, by number, asked only where it can answer and somebody needs it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows import edition
from ansible_collections.activation.kms.plugins.plugin_utils._windows.edition import SKU, Edition, read_edition
from ansible_collections.activation.kms.tests.unit.kms.hosts import SYSTEM
from ansible_collections.activation.kms.tests.unit.windows.small_windows import Refused, SmallWindows

EVALUATIONS = {72, 79, 80, 84, 95, 96, 129, 130, 159, 160, 207}


def look_at(host: SmallWindows, version: str) -> Look:
    return Look(host, {}, Seen().having(dataclasses.replace(SYSTEM, version=version)))


def answering(sku: int | None) -> SmallWindows:
    host = SmallWindows()
    host.classes["Win32_OperatingSystem"] = [{"OperatingSystemSKU": sku}]
    return host


@pytest.mark.parametrize("version", ["6.0.6002", "6.1.7601", "6.3.9600", "10.0.26100", "11.0.1"])
def test_from_vista_on_one_narrow_question_is_asked(version: str) -> None:
    host = answering(7)
    assert read_edition(lambda look: True)(host, look_at(host, version)) == Edition(7)
    assert host.queries == [SKU]


@pytest.mark.parametrize("version", ["5.2.3790", "5.1.2600", "", "unknown"])
def test_where_the_column_does_not_exist_nothing_is_asked(version: str) -> None:
    host = answering(7)
    assert read_edition(lambda look: True)(host, look_at(host, version)) == Edition(None)
    assert host.asked == []


def test_nothing_is_asked_where_nobody_needs_it() -> None:
    host = answering(7)
    assert read_edition(lambda look: False)(host, look_at(host, "10.0.26100")) == Edition(None)
    assert host.asked == []


def test_the_need_is_judged_by_what_was_seen() -> None:
    host = answering(80)
    look = look_at(host, "10.0.26100")
    reader = read_edition(lambda seen: seen[type(SYSTEM)].version == "10.0.26100")
    assert reader(host, look) == Edition(80)


def test_a_machine_that_does_not_say_has_no_number() -> None:
    for host in (answering(None), SmallWindows()):
        host.classes.setdefault("Win32_OperatingSystem", [])
        assert read_edition(lambda look: True)(host, look_at(host, "6.1.7601")) == Edition(None)


def test_a_refused_question_is_a_problem() -> None:
    def refuse() -> list[dict[str, str | int | None]]:
        raise Refused(5)

    host = SmallWindows()
    host.classes["Win32_OperatingSystem"] = refuse
    with pytest.raises(Failure):
        read_edition(lambda look: True)(host, look_at(host, "6.1.7601"))


@pytest.mark.parametrize("sku", sorted(edition._EDITIONS))
def test_evaluations_are_told_by_number(sku: int) -> None:
    found = Edition(sku)
    assert found.evaluation is (sku in EVALUATIONS)
    assert found.as_data() == {"sku": sku, "name": edition._EDITIONS[sku]["name"], "evaluation": sku in EVALUATIONS}
    json.dumps(found.as_data())


def test_every_evaluation_is_in_the_table() -> None:
    assert set(edition._EDITIONS) >= EVALUATIONS


@pytest.mark.parametrize("sku", [0, 99999])
def test_what_is_not_known_is_no_evaluation_and_has_no_name(sku: int) -> None:
    assert Edition(sku).as_data() == {"sku": sku, "name": None, "evaluation": False}
    assert Edition().as_data() is None and not Edition().evaluation
    assert Edition.key == "edition"
