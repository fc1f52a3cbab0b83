# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates a host needs to serve which clients, and what users may correct."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import catalogue as module
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import (
    CLIENTS,
    KEY_GROUPS,
    STANDARD,
    THRESHOLDS,
    Update,
    catalogue,
    group_activates,
    group_hosted_on,
    group_stands_for,
    is_client,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms.serving import chain

RELEASE = "server_2003"
SERVED = {
    "kms_1_0": {"windows_vista"},
    "kms_1_1": {"windows_vista", "server_2008"},
    "kms_1_2": {"windows_vista", "server_2008", "windows_7", "server_2008_r2"},
}
ALL = tuple(SERVED)
STARTS: tuple[tuple[str, ...], ...] = ((), ("kms_1_0",), ("kms_1_0", "kms_1_1"), ("kms_1_0", "kms_1_2"), ALL)
WISHES = [set(wish) for size in range(1, 5) for wish in itertools.combinations(sorted(SERVED["kms_1_2"]), size)]
OFFERS = [offer for size in range(4) for offer in itertools.combinations(ALL, size)]


@pytest.mark.parametrize("installed", STARTS)
@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: ",".join(sorted(wish)))
def test_every_chain_leads_to_a_host_that_serves_the_wish(installed: tuple[str, ...], wish: set[str]) -> None:
    for offered in OFFERS:
        names = chain(STANDARD, RELEASE, wish, offered, installed)
        assert names == sorted(names), "oldest first"
        assert not set(names) & set(installed), "only what is missing"
        assert wish <= STANDARD.serves(RELEASE, [*installed, *names])
        have = set(installed)
        for name in names:
            needs = STANDARD.updates[name].needs
            assert not needs or have & set(needs)
            have.add(name)
        if wish <= STANDARD.serves(RELEASE, installed):
            assert names == [], "nothing to do where the host serves them already"


def test_a_release_of_which_nothing_is_known_serves_nobody() -> None:
    with pytest.raises(Refusal, match="nothing this collection knows of"):
        chain(STANDARD, "server_1999", {"windows_7"}, (), ())


@pytest.mark.parametrize("release", [*STANDARD.hosts, "server_1999"])
def test_wishing_for_nobody_needs_nothing(release: str) -> None:
    assert chain(STANDARD, release, (), (), ()) == []


@pytest.mark.parametrize("installed", STARTS)
def test_what_a_host_serves(installed: tuple[str, ...]) -> None:
    assert STANDARD.serves(RELEASE, installed) == set().union(*(SERVED[name] for name in installed))
    assert STANDARD.serves(RELEASE, [*installed, "kb4711"]) == STANDARD.serves(RELEASE, installed)


# -- the data itself


@pytest.mark.parametrize("update", STANDARD.updates.values(), ids=lambda update: update.id)
def test_updates_name_only_what_there_is(update: Update) -> None:
    order = list(STANDARD.updates)
    assert all(order.index(need) < order.index(update.id) for need in update.needs), "oldest first"
    assert update.serves and update.serves <= set(CLIENTS)
    assert update.releases and set(update.releases) <= set(STANDARD.hosts)
    assert update.restart
    assert bool(update.hotfix) == (update.witness != "licensing_class")
    assert (update.kind == "build") == (update.witness == "build") == (update.build > (0, 0)) == (not update.files)
    assert bool(update.log) == (update.kind != "build"), "an installer is told where to write its log"
    assert not update.or_later or update.kind == "msu"
    for release in update.releases:
        engine = STANDARD.hosts[release].engine
        assert engine in {"update_exe": ("update_exe",), "msu": ("dism", "pkgmgr"), "build": ("none",)}[update.kind]


@pytest.mark.parametrize("name", ALL)
def test_what_each_kms_of_server_2003_serves(name: str) -> None:
    assert STANDARD.updates[name].serves == SERVED[name]


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("kb4478877", (14393, 2641)),
        ("kb5003638", (14393, 4467)),
        ("kb5003646", (17763, 1999)),
        ("kb5034768", (17763, 5458)),
        ("kb5034770", (20348, 2322)),
    ],
)
def test_builds(name: str, build: tuple[int, int]) -> None:
    assert STANDARD.updates[name].build == build


def test_the_catalogue_is_complete() -> None:
    assert len(STANDARD.updates) == 16
    rollups = [name for name, update in STANDARD.updates.items() if update.or_later]
    assert rollups == ["kb3172614", "kb3172615", "kb4467695"]


def test_thresholds() -> None:
    assert THRESHOLDS == {"client": 25, "server": 5}
    assert all(is_client(client) == client.startswith("windows_") for client in CLIENTS)


@pytest.mark.parametrize("group", KEY_GROUPS)
def test_a_key_activates_what_it_stands_for(group: str) -> None:
    assert group_stands_for(group) and group_stands_for(group) <= group_activates(group)


@pytest.mark.parametrize("group", KEY_GROUPS)
def test_key_groups_name_only_what_there_is(group: str) -> None:
    assert group_activates(group) <= set(CLIENTS)
    assert group_hosted_on(group)
    assert all(":" not in client for client in group_activates(group))


@pytest.mark.parametrize(
    ("name", "architecture", "language", "expected"),
    [
        ("kb3079821", "x64", "DEU", "Windows6.1-KB3079821-x64.msu"),
        ("kb4467695", "x86", "ENU", None),
        ("kb5034770", "x64", "ENU", None),
        ("kms_1_0", "x86", "DEU", "Kmsw2k3.exe"),
        ("kms_1_2", "x86", "ENU", "WindowsServer2003-KB968915-x86-ENU.exe"),
        ("kms_1_2", "x86", "", "WindowsServer2003-KB968915-x86-ENU.exe"),
        ("kms_1_2", "x64", "JPN", "WindowsServer2003.WindowsXP-KB968915-x64-JPN.exe"),
        ("kms_1_1", "x64", "DEU", "WindowsServer2003.WindowsXP-KB948003-x64-DEU.exe"),
        ("kms_1_2", "ia64", "ENU", None),
    ],
)
def test_file_names(name: str, architecture: str, language: str, expected: str | None) -> None:
    assert STANDARD.updates[name].file_name(architecture, language, "Windows6.1") == expected


@pytest.mark.parametrize(
    ("release", "name", "expected"),
    [
        ("server_2008", "kb2885698", "Windows6.0-KB2885698-x64.msu"),
        ("windows_7", "kb2885698", "Windows6.1-KB2885698-x64.msu"),
        ("server_2012", "kb2885698", "Windows8-RT-KB2885698-x64.msu"),
        ("server_2012_r2", "kb3058168", "Windows8.1-KB3058168-x64.msu"),
    ],
)
def test_file_names_follow_the_release(release: str, name: str, expected: str) -> None:
    assert STANDARD.updates[name].file_name("x64", "ENU", STANDARD.hosts[release].platform) == expected


# -- corrections


def test_a_correction_is_taken_and_the_standard_stays() -> None:
    corrected = catalogue({"kms_1_2": {"min_service_pack": 1, "files": {"x86": "kms12.exe"}}})
    assert corrected.updates["kms_1_2"].min_service_pack == 1
    assert corrected.updates["kms_1_2"].file_name("x86", "ENU") == "kms12.exe"
    assert corrected.updates["kms_1_2"].serves == STANDARD.updates["kms_1_2"].serves
    assert STANDARD.updates["kms_1_2"].min_service_pack == 2
    assert catalogue({"kms_1_2": {"min_service_pack": "1"}}).updates["kms_1_2"].min_service_pack == 1
    assert catalogue({"kms_1_2": {"log": "KMS-1.2.log"}}).updates["kms_1_2"].log == "KMS-1.2.log"


@pytest.mark.parametrize("nothing", [None, {}])
def test_no_correction(nothing: t.Any) -> None:
    assert catalogue(nothing) == STANDARD


@pytest.mark.parametrize(
    "overrides",
    [
        {"kms_9": {}},
        {"kms_1_2": 5},
        {"kms_1_2": None},
        {"kms_1_2": {"color": "red"}},
        {"kms_1_2": {7: "red"}},
        {"kms_1_2": {"min_service_pack": "two"}},
        {"kms_1_2": {"min_service_pack": True}},
        {"kms_1_2": {"min_service_pack": None}},
        {"kms_1_2": {"serves": "windows_7"}},
        {"kms_1_2": {"serves": [7]}},
        {"kms_1_2": {"files": "kms.exe"}},
        {"kms_1_2": {"needs": ["kms_9"]}},
        {"kms_1_2": {"needs": ["kms_1_2"]}},
        {"kms_1_2": {"releases": None}},
        {"kms_1_2": {"localized": "no"}},
        {"kms_1_2": {"serves": ["windows_95"]}},
        {"kms_1_2": {"releases": ["server_1999"]}},
        {"kms_1_2": {"log": "x & del *"}},
        {"kms_1_2": {"log": ""}},
        {"kms_1_2": {"log": "system32"}},
        {"kms_1_2": {"log": "..log"}},
        {"kms_1_2": {"hotfix": "KB1' OR '1'='1"}},
        {"kms_1_2": {"warnings": []}},
        {"kms_1_2": {"files": {"x86": 5}}},
        {"kms_1_1": {"proof": {"system32\\slmgr.vbs": "large"}}},
        {"kb5034770": {"build": "20348"}},
        {"kb5034770": {"kind": "exe"}},
    ],
    ids=str,
)
def test_a_correction_that_fits_nothing_is_refused(overrides: t.Any) -> None:
    with pytest.raises(Refusal, match="catalogue_overrides") as caught:
        catalogue(overrides)
    assert caught.value.name == "bad_override"


@pytest.mark.parametrize(
    ("given", "taken"), [(["KB5012345"], ("KB5012345",)), (["kb5012345 ", "5012345"], ("KB5012345",)), ([], ())]
)
def test_later_rollups_that_are_accepted(given: list[str], taken: tuple[str, ...]) -> None:
    assert catalogue(accepted=given).accepted == taken


@pytest.mark.parametrize("given", ["rollup", "KB1", "KB5012345' OR '1'='1", ""])
def test_what_is_no_number_of_an_update_is_refused(given: str) -> None:
    with pytest.raises(Refusal, match="accepted_updates"):
        catalogue(accepted=[given])


def test_the_catalogue_is_loaded_once_at_import() -> None:
    assert module.STANDARD is STANDARD
