# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS updates of Server 2003: every start, every wish, every set of packages at hand."""

from __future__ import annotations

import itertools
import pathlib

import pytest
from rollout import Run, restart, update
from simulated import PERSONA, Surroundings, surroundings

from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from emulated_windows.core import HostOptions

STEPS = ("kms_1_0", "kms_1_1", "kms_1_2")
GOAL = {"windows_vista": 0, "server_2008": 1, "windows_7": 2, "server_2008_r2": 2}
"""The oldest KMS that serves a client, as an index of STEPS (KB948003, KB968915)."""
NAMES = {"kms_1_0": "Kmsw2k3", "kms_1_1": "KB948003", "kms_1_2": "KB968915"}
STARTS = {"bare": -1, "kms_1_0": 0, "kms_1_1": 1, "kms_1_2": 2, "kms_1_2_unrestarted": 2}
WISHES = [wish for size in range(1, 5) for wish in itertools.combinations(GOAL, size)]
OFFERS = [offer for size in range(4) for offer in itertools.combinations(STEPS, size)]


def needed(level: int, wish: tuple[str, ...], offer: tuple[str, ...]) -> list[str] | None:
    """What is to be installed; None where a package for it is missing."""
    goal = max(GOAL[client] for client in wish)
    if level >= goal:
        return []
    able = [name for name in STEPS[goal:] if name in offer] if goal else ["kms_1_0"]
    first = ["kms_1_0"] if level < 0 and goal else []
    steps = [*first, *able[:1]]
    return steps if able and set(steps) <= set(offer) else None


def installed(run: Run) -> list[str]:
    """The updates a run installed, in order."""
    assert run.outcome is not None and run.outcome.problem is None, run.story
    return [planned.step.id.rpartition(".")[2] for planned in run.outcome.done]


def check(
    around: Surroundings, folder: pathlib.Path, start: str, wish: tuple[str, ...], offer: tuple[str, ...]
) -> None:
    """One host from its start to the end of its chain, and once more without a change."""
    files = {file.name: file for file in folder.iterdir() if any(NAMES[name] in file.name for name in offer)}
    wanted = needed(STARTS[start], wish, offer)
    first = update(around, files, wish)
    if wanted is None:
        assert first.refusal is not None and first.refusal.name == "package_missing", first.story
        assert not any(exchange.mutation for exchange in around.exchanges)
        return
    assert installed(first) == wanted
    if wanted or start.endswith("unrestarted"):
        installed(restart(around))
    second = update(around, files, wish)
    assert installed(second) == []
    assert second.outcome is not None
    found = second.outcome.observed[Updates]
    assert set(wish) <= found.serves and not found.restart_pending


@pytest.mark.parametrize("wish", WISHES, ids=",".join)
@pytest.mark.parametrize("start", STARTS)
def test_every_set_of_packages(start: str, wish: tuple[str, ...], packages: pathlib.Path) -> None:
    for seed, offer in enumerate(OFFERS):
        around = surroundings(HostOptions(name="kms03", persona=PERSONA, start=start, seed=seed))
        check(around, packages, start, wish, offer)
