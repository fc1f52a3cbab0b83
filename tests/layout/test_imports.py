# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house: who may import whom."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from sources import COLLECTION, Source, sources

UTILS = (*COLLECTION, "plugins", "plugin_utils")
CELLAR = "cellar"
# Each may import those of a lower floor, and itself; neighbours on a floor do not know each other.
FLOORS = {"_ansible": 4, "_kms": 3, "_windows": 2, "_wsman": 1, "_srv": 1, "_rpc": 1, CELLAR: 0}
# What needs Ansible, or speaks to the world, belongs into _ansible: the rest is handed its doors.
NO_ANSIBLE = {"_kms", "_windows", "_wsman", "_srv", "_rpc", CELLAR}
NO_DOORS = {"_wsman", "_srv", "_rpc", CELLAR}
DOORS = {
    *(("asyncio",), ("gssapi",), ("requests",), ("socket",), ("ssl",), ("subprocess",), ("urllib3",), ("winrm",)),
    *(("http", "client"), ("urllib", "request")),
    *(("dns", "query"), ("dns", "resolver"), ("dns", "asyncquery"), ("dns", "asyncresolver")),
}

UTIL_SOURCES = sources("plugins/plugin_utils/")


def home(source: Source) -> str:
    """The package of plugin_utils this file belongs to."""
    parts = PurePosixPath(source.name).parts
    return parts[2] if len(parts) > 3 else CELLAR


def target(imported: tuple[str, ...]) -> str | None:
    """The package of plugin_utils an import leads to, or None."""
    if imported[: len(UTILS)] != UTILS or len(imported) == len(UTILS):
        return None
    name = imported[len(UTILS)]
    return name if name in FLOORS else CELLAR


def named(source: Source) -> str:
    return source.name


def test_there_is_something_to_check() -> None:
    assert UTIL_SOURCES
    assert sources("emulator/")


@pytest.mark.parametrize("source", UTIL_SOURCES, ids=named)
def test_imports_point_downward(source: Source) -> None:
    floor = FLOORS[home(source)]
    wrong = [
        ".".join(imported)
        for imported in source.imports()
        for package in [target(imported)]
        if package is not None and package != home(source) and FLOORS[package] >= floor
    ]
    assert not wrong


@pytest.mark.parametrize("source", UTIL_SOURCES, ids=named)
def test_plugin_utils_import_no_plugin(source: Source) -> None:
    wrong = [imported for imported in source.imports() if imported[:3] == COLLECTION and imported[:5] != UTILS]
    assert not wrong


@pytest.mark.parametrize("source", [source for source in UTIL_SOURCES if home(source) in NO_ANSIBLE], ids=named)
def test_only_one_package_knows_ansible(source: Source) -> None:
    assert not [imported for imported in source.imports() if imported[0] == "ansible"]


@pytest.mark.parametrize("source", [source for source in UTIL_SOURCES if home(source) in NO_DOORS], ids=named)
def test_protocols_do_not_speak_to_the_world(source: Source) -> None:
    wrong = [imported for imported in source.imports() if imported[:1] in DOORS or imported[:2] in DOORS]
    assert not wrong


@pytest.mark.parametrize("source", sources("plugins/modules/"), ids=named)
def test_modules_are_documentation_only(source: Source) -> None:
    assert not [imported for imported in source.imports() if imported[0] != "__future__"]
    assert not list(source.functions())


@pytest.mark.parametrize("source", sources("plugins/"), ids=named)
def test_plugins_know_nothing_of_the_emulated_windows(source: Source) -> None:
    assert not [imported for imported in source.imports() if imported[0] == "emulated_windows"]


@pytest.mark.parametrize("source", sources("emulator/"), ids=named)
def test_the_emulated_windows_knows_nothing_of_the_plugins(source: Source) -> None:
    ours = (*COLLECTION, "emulator")  # where its relative imports lead
    wrong = [imported for imported in source.imports() if imported[0].startswith("ansible") and imported[:4] != ours]
    assert not wrong
