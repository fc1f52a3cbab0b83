# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of each kind of fault on the wire that test_bad_days.py does not have; `make faults` injects a handful of all."""

from __future__ import annotations

import pytest
from wire_faults import Told, cases, inject

pytestmark = pytest.mark.once

KINDS = ("stale encryption (400)", "quota", "unknown outcome", "killed in an installation")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    return {one.case.kind: one for one in inject(tmp_path_factory.mktemp("faults"), cases(1, KINDS))}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_survived_at_the_cost_of_one_activation(told: dict[str, Told], kind: str) -> None:
    one = told[kind]
    assert one.met and one.survived, one.why
    assert one.spent == 1
