# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Server 2003 chain, whole: every start, with every wish, every set of packages, in three languages.

What is expected stands here in the words of the two articles the chain comes from (KB948003 and the one on KMS 1.2),
not in those of the catalogue: 1.1 and 1.2 stand on 1.0; 1.2 needs no 1.1; each serves what the one before it serves.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib

import pytest
from personas import HOST_KEYS
from rollout import run, wish
from simulated import PERSONA, Surroundings, surroundings

from emulated_windows.core import HostOptions
from emulated_windows.packages import catalogue, write_packages

VERSIONS = ("1.0", "1.1", "1.2")
UPDATE_OF = {"1.0": "kms_1_0", "1.1": "kms_1_1", "1.2": "kms_1_2"}
STARTS = ("bare", *(f"kms_{v.replace('.', '_')}{tail}" for v in VERSIONS for tail in ("", "_unrestarted")))
WISHES = {  # what is to be served: the lowest version that does it, and a key for it
    ("windows_vista",): ("1.0", "windows_vista"),
    ("windows_vista", "server_2008"): ("1.1", "server_2008_c"),
    ("windows_7", "server_2008_r2"): ("1.2", "server_2008_r2_c"),
}
PACKAGES = tuple(itertools.chain.from_iterable(itertools.combinations(VERSIONS, size) for size in range(4)))
LANGUAGES = ("ENU", "DEU", "JPN")
FILE_OF = {"1.0": "Kmsw2k3.exe", "1.1": "KB948003", "1.2": "KB968915"}


@dataclasses.dataclass(frozen=True)
class Expected:
    """The KMS version at the end, or the version whose package is missing."""

    version: str | None = None
    missing: frozenset[str] = frozenset()


def expected(start: str, lowest: str, packages: tuple[str, ...]) -> Expected:
    """What the articles say comes out of it."""
    there = None if start == "bare" else start[4:7].replace("_", ".")
    if there is not None and there >= lowest:
        return Expected(version=there)
    able = [version for version in VERSIONS if version >= lowest]
    if there is None and "1.0" not in packages:
        # The first of what is missing is named: 1.0 comes first, whatever comes after it.
        return Expected(missing=frozenset({"1.0"}))
    at_hand = [version for version in able if version in packages]
    if not at_hand:
        return Expected(missing=frozenset(able))
    return Expected(version=at_hand[0])


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, tuple[str, ...]], pathlib.Path]:
    """A folder for each language and set of packages."""
    folders = {}
    for language, packages in itertools.product(LANGUAGES, PACKAGES):
        folder = tmp_path_factory.mktemp(f"{language}-{len(packages)}")
        wanted = {UPDATE_OF[version] for version in packages}
        found = (p for p in catalogue(language, "update.exe") if p.update in wanted and p.architecture == "x86")
        for _written in write_packages(folder, found, 0):
            pass
        folders[language, packages] = folder
    return folders


def start_host(start: str, language: str) -> Surroundings:
    """A machine that was found like this."""
    return surroundings(HostOptions(name="kms03", persona=PERSONA, start=start, language=language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("packages", PACKAGES, ids=lambda packages: "with_" + "_and_".join(packages or ("nothing",)))
@pytest.mark.parametrize("serve", WISHES, ids=lambda serve: f"for_{serve[-1]}")
@pytest.mark.parametrize("start", STARTS)
def test_chain(
    start: str,
    serve: tuple[str, ...],
    packages: tuple[str, ...],
    language: str,
    shelf: dict[tuple[str, tuple[str, ...]], pathlib.Path],
) -> None:
    """It comes out as the articles say; what is refused has changed nothing; done twice is done once."""
    lowest, group = WISHES[serve]
    outlook = expected(start, lowest, packages)
    around, folder = start_host(start, language), shelf[language, packages]
    options = wish(folder, serve=list(serve), product_key=HOST_KEYS[group], key_group=group)
    first = run(around, folder, options)
    state = around.machine.show()
    if outlook.version is None:
        assert first.refusal is not None, first.story
        assert first.refusal.name == "package_missing"
        assert any(FILE_OF[version] in first.refusal.message for version in outlook.missing), first.refusal.message
        assert not any(exchange.mutation for exchange in around.exchanges)
        return
    assert first.converged, first.story
    assert state["kms_version"] == outlook.version
    assert [p["license_status"] for p in state["products"] if p["is_kms_host"] and p["partial_product_key"]] == [1]
    assert state["activations_spent"] == {HOST_KEYS[group][-5:]: 1}
    around.exchanges.clear()
    again = run(around, folder, options)
    assert again.converged and again.outcome is not None and not again.outcome.changed
    assert not any(exchange.mutation for exchange in around.exchanges)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "ENU"])
def test_an_english_package_is_refused_before_it_travels(
    language: str, shelf: dict[tuple[str, tuple[str, ...]], pathlib.Path]
) -> None:
    """Nothing is copied to a host of another language, even where `package_files` insists."""
    around, folder = start_host("kms_1_0", language), shelf["ENU", ("1.2",)]
    name = next(path.name for path in folder.iterdir())
    options = wish(folder, package_files={"kms_1_2": str(folder / name)})
    refused = run(around, folder, options)
    assert refused.refusal is not None, refused.story
    assert refused.refusal.name == "package_language"
    assert not any(exchange.mutation or exchange.operation == "shell" for exchange in around.exchanges)
