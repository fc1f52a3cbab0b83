# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS updates of Server 2003: every start, every wish, every set of packages at hand, in three languages.

What is expected stands here in the words of the two articles the chain comes from (KB948003, KB968915), not in those of
the catalogue: 1.1 and 1.2 stand on 1.0; 1.2 needs no 1.1; each serves what the one before it serves, and more.
"""

from __future__ import annotations

import itertools
import pathlib

import pytest
from personas import HOST_KEYS
from rollout import Run, restart, run, update
from rollout import wish as whole
from simulated import PERSONA, Surroundings, surroundings

from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates
from emulated_windows.core import HostOptions
from emulated_windows.packages import catalogue, write_packages

STEPS = ("kms_1_0", "kms_1_1", "kms_1_2")
GOAL = {"windows_vista": 0, "server_2008": 1, "windows_7": 2, "server_2008_r2": 2}
"""The oldest KMS that serves a client, as an index of STEPS."""
GROUPS = ("windows_vista", "server_2008_c", "server_2008_r2_c")
"""A key group for each of them."""
NAMES = {"kms_1_0": "Kmsw2k3", "kms_1_1": "KB948003", "kms_1_2": "KB968915"}
STARTS = {"bare": -1} | {name + tail: level for level, name in enumerate(STEPS) for tail in ("", "_unrestarted")}
WISHES = [wish for size in range(1, 5) for wish in itertools.combinations(GOAL, size)]
OFFERS = [offer for size in range(4) for offer in itertools.combinations(STEPS, size)]
LANGUAGES = ("ENU", "DEU", "JPN")

Shelf = dict[str, pathlib.Path]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A folder with all three packages for each language."""
    folders = {language: tmp_path_factory.mktemp(language) for language in LANGUAGES}
    for language, folder in folders.items():
        for _written in write_packages(folder, catalogue(language, "update.exe", STEPS, ("x86",)), 0):
            pass
    return folders


def needed(level: int, wish: tuple[str, ...], offer: tuple[str, ...]) -> list[str] | None:
    """What is to be installed; None where a package for it is missing."""
    goal = max(GOAL[client] for client in wish)
    if level >= goal:
        return []
    able = [name for name in STEPS[goal:] if name in offer] if goal else ["kms_1_0"]
    first = ["kms_1_0"] if level < 0 and goal else []
    steps = [*first, *able[:1]]
    return steps if able and set(steps) <= set(offer) else None


def shown(around: Surroundings, start: str) -> int:
    """How far the chain can be seen to be. Nothing registers KMS 1.0: it may show itself only after its restart."""
    dials = around.machine.dials
    hidden = (dials["kms10_restart"], dials["kms10_before_restart"]) == ("required", "class_absent")
    return -1 if start == "kms_1_0_unrestarted" and hidden else STARTS[start]


def installed(done: Run) -> list[str]:
    """The updates a run installed, in order."""
    assert done.outcome is not None and done.outcome.problem is None, done.story
    return [planned.step.id.rpartition(".")[2] for planned in done.outcome.done]


def check(
    around: Surroundings, folder: pathlib.Path, start: str, wish: tuple[str, ...], offer: tuple[str, ...]
) -> None:
    """One host from its start to the end of its chain, and once more without a change."""
    files = {file.name: file for file in folder.iterdir() if any(NAMES[name] in file.name for name in offer)}
    wanted = needed(shown(around, start), wish, offer)
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


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wish", WISHES, ids=",".join)
@pytest.mark.parametrize("start", STARTS)
def test_every_set_of_packages(start: str, wish: tuple[str, ...], language: str, shelf: Shelf) -> None:
    """It comes out as the articles say; what is refused has changed nothing; the dials differ from set to set."""
    for seed, offer in enumerate(OFFERS):
        host = HostOptions(name="kms03", persona=PERSONA, start=start, language=language, seed=seed)
        check(surroundings(host), shelf[language], start, wish, offer)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("goal", range(3), ids=lambda goal: f"for_{GROUPS[goal]}")
@pytest.mark.parametrize("start", STARTS)
def test_whole_host(start: str, goal: int, language: str, shelf: Shelf) -> None:
    """The same starts with key, activation and all the rest: one activation, and nothing to do the second time."""
    serve = [client for client, level in GOAL.items() if level <= goal]
    key = HOST_KEYS[GROUPS[goal]]
    around = surroundings(HostOptions(name="kms03", persona=PERSONA, start=start, language=language))
    options = whole(shelf[language], serve=serve, product_key=key, key_group=GROUPS[goal])
    first = run(around, shelf[language], options)
    assert first.converged, first.story
    state = around.machine.show()
    hosting = [product for product in state["products"] if product["is_kms_host"] and product["partial_product_key"]]
    assert [product["license_status"] for product in hosting] == [1]
    assert state["activations_spent"] == {key[-5:]: 1}
    around.exchanges.clear()
    again = run(around, shelf[language], options)
    assert again.converged and again.outcome is not None and not again.outcome.changed
    assert not any(exchange.mutation for exchange in around.exchanges)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "ENU"])
def test_an_english_package_is_refused_before_it_travels(language: str, shelf: Shelf) -> None:
    """Nothing is copied to a host of another language, even where `package_files` insists."""
    host = HostOptions(name="kms03", persona=PERSONA, start="kms_1_0", language=language)
    around, folder = surroundings(host), shelf["ENU"]
    name = next(path for path in folder.iterdir() if NAMES["kms_1_2"] in path.name)
    refused = run(around, folder, whole(folder, package_files={"kms_1_2": str(name)}))
    assert refused.refusal is not None, refused.story
    assert refused.refusal.name == "package_language"
    assert not any(exchange.mutation or exchange.operation == "shell" for exchange in around.exchanges)
