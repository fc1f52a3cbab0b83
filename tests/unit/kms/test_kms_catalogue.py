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
    catalogue,
    group_activates,
    group_hosted_on,
)

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
        chain = STANDARD.chain(RELEASE, wish, offered, installed)
        assert chain == sorted(chain), "oldest first"
        assert wish <= STANDARD.serves(RELEASE, [*installed, *chain])
        have = set(installed)
        for name in chain:
            needs = STANDARD.updates[name].needs
            assert not needs or have & set(needs) or name in installed
            have.add(name)
        if wish <= STANDARD.serves(RELEASE, installed):
            assert set(chain) <= set(installed), "nothing to do where the host serves them already"


@pytest.mark.parametrize(
    ("installed", "wish", "offered", "missing"),
    [
        ((), {"windows_vista"}, ALL, ["kms_1_0"]),
        ((), {"server_2008"}, ALL, ["kms_1_0", "kms_1_1"]),
        ((), {"windows_7"}, ALL, ["kms_1_0", "kms_1_2"]),
        ((), {"windows_7", "server_2008"}, ALL, ["kms_1_0", "kms_1_2"]),
        ((), {"server_2008"}, ("kms_1_0", "kms_1_2"), ["kms_1_0", "kms_1_2"]),
        ((), {"server_2008"}, ("kms_1_0",), ["kms_1_0", "kms_1_2"]),
        ((), {"windows_7"}, (), ["kms_1_0", "kms_1_2"]),
        (("kms_1_0",), {"windows_vista"}, ALL, []),
        (("kms_1_0",), {"windows_7"}, ALL, ["kms_1_2"]),
        (("kms_1_0", "kms_1_1"), {"windows_7"}, ALL, ["kms_1_2"]),
        (("kms_1_0", "kms_1_1"), {"server_2008"}, ALL, []),
        (("kms_1_0", "kms_1_2"), {"server_2008"}, ALL, []),
        (ALL, {"server_2008_r2"}, (), []),
    ],
)
def test_chains(installed: tuple[str, ...], wish: set[str], offered: tuple[str, ...], missing: list[str]) -> None:
    chain = STANDARD.chain(RELEASE, wish, offered, installed)
    assert [name for name in chain if name not in installed] == missing


@pytest.mark.parametrize("client", sorted(set(CLIENTS) - SERVED["kms_1_2"]))
def test_clients_that_no_update_can_serve_are_refused_by_name(client: str) -> None:
    with pytest.raises(Refusal, match=f"cannot serve {client}: ") as caught:
        STANDARD.chain(RELEASE, {"windows_7", client}, ALL, ())
    assert caught.value.name == "serve_impossible"
    assert "windows_7" in caught.value.message and "newer release" in caught.value.message


def test_a_release_of_which_nothing_is_known_serves_nobody() -> None:
    with pytest.raises(Refusal, match="nothing this collection knows of"):
        STANDARD.chain("server_1999", {"windows_7"}, (), ())


def test_wishing_for_nobody_needs_nothing() -> None:
    assert STANDARD.chain(RELEASE, (), (), ()) == []


@pytest.mark.parametrize("installed", STARTS)
def test_what_a_host_serves(installed: tuple[str, ...]) -> None:
    assert STANDARD.serves(RELEASE, installed) == set().union(*(SERVED[name] for name in installed))
    assert STANDARD.serves(RELEASE, [*installed, "kb4711"]) == STANDARD.serves(RELEASE, installed)


# -- the data itself


@pytest.mark.parametrize("name", ALL)
def test_updates_name_only_what_there_is(name: str) -> None:
    update = STANDARD.updates[name]
    assert set(update.needs) | set(update.supersedes) <= set(STANDARD.updates)
    assert update.serves <= set(CLIENTS)
    assert update.serves == SERVED[name]
    assert update.restart
    assert bool(update.hotfix) == (update.witness == "hotfix")
    order = list(STANDARD.updates)
    assert all(order.index(need) < order.index(name) for need in update.needs), "oldest first"


@pytest.mark.parametrize("group", KEY_GROUPS)
def test_key_groups_name_only_what_there_is(group: str) -> None:
    assert group_activates(group) <= set(CLIENTS)
    assert group_hosted_on(group)
    assert all(":" not in client for client in group_activates(group))


@pytest.mark.parametrize(
    ("name", "architecture", "language", "expected"),
    [
        ("kms_1_0", "x86", "DEU", "Kmsw2k3.exe"),
        ("kms_1_2", "x86", "ENU", "WindowsServer2003-KB968915-x86-ENU.exe"),
        ("kms_1_2", "x86", "", "WindowsServer2003-KB968915-x86-ENU.exe"),
        ("kms_1_2", "x64", "JPN", "WindowsServer2003.WindowsXP-KB968915-x64-JPN.exe"),
        ("kms_1_1", "x64", "DEU", "WindowsServer2003.WindowsXP-KB948003-x64-DEU.exe"),
        ("kms_1_2", "ia64", "ENU", None),
    ],
)
def test_file_names(name: str, architecture: str, language: str, expected: str | None) -> None:
    assert STANDARD.updates[name].file_name(architecture, language) == expected


# -- corrections


def test_a_correction_is_taken_and_the_standard_stays() -> None:
    corrected = catalogue({"kms_1_2": {"min_service_pack": 1, "files": {"x86": "kms12.exe"}}})
    assert corrected.updates["kms_1_2"].min_service_pack == 1
    assert corrected.updates["kms_1_2"].file_name("x86", "ENU") == "kms12.exe"
    assert corrected.updates["kms_1_2"].serves == STANDARD.updates["kms_1_2"].serves
    assert STANDARD.updates["kms_1_2"].min_service_pack == 2
    assert catalogue({"kms_1_2": {"min_service_pack": "1"}}).updates["kms_1_2"].min_service_pack == 1


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
    ],
    ids=str,
)
def test_a_correction_that_fits_nothing_is_refused(overrides: t.Any) -> None:
    with pytest.raises(Refusal, match="catalogue_overrides") as caught:
        catalogue(overrides)
    assert caught.value.name == "bad_override"


def test_the_catalogue_is_loaded_once_at_import() -> None:
    assert module.STANDARD is STANDARD
