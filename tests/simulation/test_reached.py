# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of refusals that no simulation reaches is true: they exist, and the test that is named exists too."""

from __future__ import annotations

import pathlib
import re

from reached import Item, excuses, there_are

ROOT = pathlib.Path(__file__).parents[2]


def test_what_is_excused_exists() -> None:
    known = there_are()
    assert [item for item in excuses() if item.kind != "Dial" and item not in known] == []


def test_each_has_a_reason_and_a_test() -> None:
    for item, row in excuses().items():
        file, _sign, function = row["test"].partition("::")
        assert row["why"], item
        assert re.search(rf"^def {function}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), row["test"]


def test_refusals_and_pauses_are_found_in_the_source() -> None:
    found = there_are()
    assert Item("Refusal", "reactivation_needed") in found and Item("Pause", "drain") in found
    assert len(found) > 60
