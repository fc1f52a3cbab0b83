# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one public client setup key of a release and an edition, and none where there is none or several."""

from __future__ import annotations

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._kms import setup_keys
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._kms.setup_keys import SetupKey, setup_key_for
from ansible_collections.activation.kms.plugins.plugin_utils._windows import edition

LAST_FIVE = {
    "windows_vista": {6: "2V3X8", 16: "VMQBT", 4: "4BWMV", 27: "XJXKV"},
    "server_2008": {
        7: "BFGM2",
        36: "6FFFJ",
        10: "X4Q6V",
        38: "G3FPG",
        8: "TCBY3",
        37: "G3QQC",
        17: "M249D",
        15: "PDRHK",
    },
    "windows_7": {48: "GPDD4", 49: "QY7MG", 69: "GF7QX", 4: "HVTHH", 27: "XCKRJ", 70: "H9DH4"},
    "server_2008_r2": {7: "R7VHC", 10: "CPX3Y", 8: "7M648", 17: "6RTM4", 18: "9QCTX", 15: "CB83V"},
    "windows_8": {48: "J8CK4", 49: "2RYQQ", 4: "CWCK7", 27: "X2BQT"},
    "server_2012": {7: "92BT4", 8: "8W83P", 50: "J2MPV", 76: "CYQJJ", 77: "QGJ2G"},
    "windows_8_1": {48: "9D6T9", 49: "B4FXY", 4: "MKKG7", 27: "JFFXW"},
    "server_2012_r2": {7: "MDVJX", 8: "Q3VJ9", 50: "M4FWM"},
    "windows_10": {48: "T83GX", 49: "GCQG9", 4: "2YT43", 27: "KHJW4", 121: "VCFB2", 161: "6Q84J", 191: "PDQGT"},
    "windows_11": {48: "T83GX", 4: "2YT43", 122: "MDWWJ", 125: "J462D", 126: "7CG2H", 164: "J447Y", 191: "PDQGT"},
    "server_2016": {7: "KHKQY", 8: "8XDDG", 50: "4M63B"},
    "server_2019": {7: "J464C", 8: "63DFG", 50: "YY726"},
    "server_2022": {7: "VMK7H", 8: "6VM33", 407: "KHMXV"},
    "server_2025": {7: "MY832", 8: "YP6DF", 407: "8MCRC"},
}
"""By release and number of the edition, the last five characters of the key Microsoft publishes for it."""
CORES = {13: 7, 12: 8, 14: 10, 29: 17, 40: 36, 39: 37, 41: 38, 408: 407}
"""Core installations, and the number of the full one."""
SEVERAL = [("windows_10", 125), ("windows_10", 126), ("server_sac", 145), ("server_sac", 146)]
"""Editions whose key depends on which of several releases this is."""


def last_five(release: str, sku: int | None) -> str | None:
    found = setup_key_for(release, sku)
    return None if found is None else found.key[-5:]


def test_every_release_from_vista_on_is_told() -> None:
    assert set(LAST_FIVE) == set(STANDARD.hosts) - {"server_2003"}


@pytest.mark.parametrize(
    ("release", "sku", "key"), [(release, sku, key) for release, keys in LAST_FIVE.items() for sku, key in keys.items()]
)
def test_an_edition_has_its_key(release: str, sku: int, key: str) -> None:
    assert last_five(release, sku) == key


@pytest.mark.parametrize("release", [release for release in LAST_FIVE if release.startswith("server")])
@pytest.mark.parametrize(("core", "full"), CORES.items())
def test_a_core_installation_has_the_key_of_the_full_one(release: str, core: int, full: int) -> None:
    assert setup_key_for(release, core) == setup_key_for(release, full)


@pytest.mark.parametrize("release", [*LAST_FIVE, "server_2003", "server_sac", "unknown"])
def test_an_evaluation_and_an_unknown_edition_have_none(release: str) -> None:
    evaluations = [sku for sku, row in edition._EDITIONS.items() if row.get("evaluation")]
    assert evaluations
    assert {setup_key_for(release, sku) for sku in [*evaluations, None, 0, 99999]} == {None}


@pytest.mark.parametrize("sku", [None, *edition._EDITIONS])
@pytest.mark.parametrize("release", ["server_2003", "unknown", ""])
def test_server_2003_has_none(release: str, sku: int | None) -> None:
    assert setup_key_for(release, sku) is None


@pytest.mark.parametrize(("release", "sku"), SEVERAL)
def test_nothing_is_guessed_where_several_fit(release: str, sku: int) -> None:
    assert setup_key_for(release, sku) is None
    assert len([row for row in setup_keys._KEYS.values() if sku in row["skus"] and release in setup_keys._of(row)]) > 1


def test_several_fit_nowhere_else() -> None:
    fits = [
        (release, sku) for row in setup_keys._KEYS.values() for sku in row["skus"] for release in setup_keys._of(row)
    ]
    assert {one for one in fits if fits.count(one) > 1} == set(SEVERAL)


def test_the_table_knows_only_editions_and_releases_there_are() -> None:
    for row in setup_keys._KEYS.values():
        assert row["skus"] and set(row["skus"]) <= set(edition._EDITIONS)
        assert set(setup_keys._of(row)) <= {*STANDARD.hosts, "server_sac"}


def test_the_edition_is_named() -> None:
    assert setup_key_for("server_2012_r2", 13) == SetupKey(
        "D2N9P-3P6X9-2R39C-7RTCD-MDVJX", "Windows Server 2012 R2 Standard"
    )
