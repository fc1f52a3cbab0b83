# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves an update: hotfixes, registry and files on Server 2003; hotfixes and rollups; builds."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD, catalogue
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import KeyWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates, read_updates
from ansible_collections.activation.kms.plugins.plugin_utils._kms.witnesses import UPDATES_KEY
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from ansible_collections.activation.kms.plugins.plugin_utils._windows.restart_care import COMPONENTS_SIGN
from ansible_collections.activation.kms.tests.unit.kms.hosts import BOOT_TEXT, licensing, product, seen, system
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

SLMGR, MOF = r"c:\windows\system32\slmgr.vbs", r"c:\windows\system32\wbem\sppwmi.mof"
STORE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"
VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"


KEY, OTHER_KEY = f"BCDFG-HJKMP-QRTVW-XY234-{product().partial_product_key}", "BCDFG-HJKMP-QRTVW-XY234-XXXXX"


def host(*hotfixes: str) -> SmallWindows:
    world = SmallWindows()
    world.classes["Win32_QuickFixEngineering"] = [{"HotFixID": name} for name in ("File 1", *hotfixes)]
    return world


def read(world: SmallWindows, *parts: t.Any, known: t.Any = STANDARD, **how: t.Any) -> Updates:
    return Look(world, {Updates: read_updates(known, **how)}, seen(*parts).without([Updates]))[Updates]


def registered(world: SmallWindows, name: str, product: str = "Windows Server 2003", pack: str = "SP3") -> None:
    world.set(rf"{UPDATES_KEY}\{product}\{pack}\{name}", "Description", "a hotfix")


def files(world: SmallWindows, slmgr: int, mof: int | None = None) -> None:
    world.files[SLMGR] = b"x" * slmgr
    if mof is not None:
        world.files[MOF] = b"x" * mof


# -- Server 2003: three witnesses


@pytest.mark.parametrize(
    ("wanted", "hotfixes", "further"),
    [
        ({"windows_7"}, ["KB968915"], False),
        ({"windows_vista"}, [], False),
        ({"server_2008"}, ["KB948003"], False),
        ({"windows_7"}, ["KB948003"], True),
        ({"windows_7"}, [], True),
        (None, ["KB948003"], False),
        (None, [], True),
    ],
)
def test_further_witnesses_are_asked_only_where_the_wish_is_not_met(
    wanted: set[str] | None, hotfixes: list[str], further: bool
) -> None:
    world = host(*hotfixes)
    read(world, licensing(), wanted=wanted)
    assert any("EnumKey" in word for word in world.asked) == further
    assert ("query CIM_DataFile" in world.asked) == further


def test_everything_is_asked_for_where_everything_is_to_be_known() -> None:
    world = host("KB968915")
    read(world, licensing(), wanted={"windows_7"}, thorough=True)
    assert world.asked.count("query CIM_DataFile") == 1
    assert sum("EnumKey" in word for word in world.asked) == 2


@pytest.mark.parametrize("key", ["KB968915", "kb968915", "KB968915-v2"])
@pytest.mark.parametrize("product", ["Windows Server 2003", "Windows XP Version 2003"])
def test_the_registry_proves_an_update(key: str, product: str) -> None:
    world = host()
    registered(world, key, product)
    found = read(world, licensing(), system(architecture="x64"), wanted={"windows_7"})
    assert found.installed == {"kms_1_0", "kms_1_2"}
    (text,) = found.disagreements
    assert "KB968915" in text and text.index("the registry") < text.index("does not")


def test_a_number_that_only_begins_alike_proves_nothing() -> None:
    world = host()
    registered(world, "KB9689159")
    assert read(world, licensing(), wanted={"windows_7"}).installed == {"kms_1_0"}


@pytest.mark.parametrize(
    ("slmgr", "mof", "proved"),
    [
        (73934, 25432, True),
        (80000, 30000, True),
        (73934, None, True),
        (73933, 25432, False),
        (73934, 25431, False),
    ],
)
def test_the_file_table_proves_kms_1_1_or_later(slmgr: int, mof: int | None, proved: bool) -> None:
    world = host()
    files(world, slmgr, mof)
    found = read(world, licensing(), wanted={"server_2008"})
    assert found.installed == {"kms_1_0", *(["kms_1_1"] if proved else [])}
    assert bool(found.disagreements) == proved
    assert all("73934" in text or "80000" in text for text in found.disagreements)


def test_without_its_first_file_the_table_says_nothing() -> None:
    world = host()
    world.files[MOF] = b"x" * 25432
    found = read(world, licensing(), wanted={"server_2008"})
    assert found.installed == {"kms_1_0"} and found.disagreements == ()


@pytest.mark.parametrize(
    ("hotfixes", "keys", "slmgr", "disagreements"),
    [
        (["KB948003"], ["KB948003"], 73934, []),
        (["KB968915"], ["KB968915"], 80000, []),
        (["KB948003", "KB968915"], ["KB948003", "KB968915"], 80000, []),
        (["KB968915"], [], 80000, ["KB968915"]),
        ([], ["KB968915"], 80000, ["KB968915"]),
        (["KB948003"], ["KB948003"], 50000, ["slmgr.vbs has 50000 bytes, fewer than the 73934"]),
        (["KB968915"], ["KB968915"], 50000, ["slmgr.vbs has 50000 bytes"]),
        (["KB948003"], [], 50000, ["KB948003", "slmgr.vbs has 50000 bytes"]),
    ],
)
def test_witnesses_that_disagree_are_told(
    hotfixes: list[str], keys: list[str], slmgr: int, disagreements: list[str]
) -> None:
    world = host(*hotfixes)
    for key in keys:
        registered(world, key)
    files(world, slmgr)
    found = read(world, licensing(), thorough=True)
    assert len(found.disagreements) == len(disagreements)
    assert all(words in text for words, text in zip(disagreements, found.disagreements, strict=True))
    named = {"KB948003": "kms_1_1", "KB968915": "kms_1_2"}
    assert found.installed == {"kms_1_0", *(named[number] for number in (*hotfixes, *keys))}, "any one proves it"


def test_what_the_host_serves_after_which_update() -> None:
    found = read(host("KB948003"), licensing(), wanted={"server_2008"})
    assert found.as_data()["serves"] == ["server_2008", "windows_vista"]
    assert found.as_data()["serves_after"] == {
        "kms_1_2": ["server_2008", "server_2008_r2", "windows_7", "windows_vista"]
    }


# -- Vista to Server 2012 R2: hotfixes, rollups, the component store


@pytest.mark.parametrize(
    ("release", "hotfixes", "accepted", "installed", "unknown"),
    [
        ("server_2008_r2", ["KB2757817"], [], {"kb2757817"}, set()),
        ("server_2008_r2", ["KB2885698"], [], {"kb2757817", "kb2885698"}, set()),
        ("server_2008_r2", ["KB3079821"], [], {"kb2757817", "kb2885698", "kb3079821"}, set()),
        ("server_2008", ["KB2885698"], [], {"kb2885698"}, set()),
        ("server_2008_r2", ["KB968912", "KB4711"], [], set(), set()),
        ("server_2012_r2", [], [], set(), {"kb3172614", "kb4467695"}),
        ("server_2012_r2", ["KB3172614"], [], {"kb3058168", "kb3172614"}, {"kb4467695"}),
        ("server_2012_r2", ["KB4467695"], [], {"kb3058168", "kb3172614", "kb4467695"}, set()),
        ("server_2012_r2", ["KB5012345"], [], set(), {"kb3172614", "kb4467695"}),
        ("server_2012_r2", ["KB5012345"], ["KB5012345"], {"kb3058168", "kb3172614", "kb4467695"}, set()),
        ("server_2012_r2", [], ["KB5012345"], set(), {"kb3172614", "kb4467695"}),
        ("server_2012", ["KB5012345"], ["KB5012345"], {"kb2885698", "kb3058168", "kb3172615"}, set()),
        ("server_2012", ["KB3172615"], [], {"kb2885698", "kb3058168", "kb3172615"}, set()),
        ("windows_8_1", ["KB3058168"], [], {"kb3058168"}, {"kb3172614"}),
        ("server_2008_r2", ["KB5012345"], ["KB5012345"], set(), set()),
    ],
)
def test_hotfixes_and_rollups(
    release: str, hotfixes: list[str], accepted: list[str], installed: set[str], unknown: set[str]
) -> None:
    world = host(*hotfixes)
    found = read(world, system(release=release), licensing(), known=catalogue(accepted=accepted))
    assert (found.installed, found.unknown) == (installed, unknown)
    assert found.serves == STANDARD.serves(release, installed)
    # Without a KMS update the component store's mark is of others.
    assert world.asked == ["query Win32_QuickFixEngineering", *(["StdRegProv.EnumValues"] if installed else [])]
    assert found.kms_version is None and not found.restart_pending


def test_what_an_update_replaced_is_not_asked_for_beside_it() -> None:
    """Windows would refuse KB2885698 beside the rollup of July 2016 (0x800F081E)."""
    found = read(host("KB3172615"), system(release="server_2012"), licensing())
    assert "windows_8_1" in found.serves
    bare = read(host(), system(release="server_2012"), licensing())
    assert "windows_8_1" not in bare.serves and "windows_8_1" in bare.serves_after["kb3172615"]


def noted(name: str) -> Record:
    return Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {name: "done"}})


@pytest.mark.parametrize(
    ("hotfixes", "record", "status", "store", "pending"),
    [
        (["KB3079821"], Record(), 0, True, True),
        (["KB3079821"], Record(), 1, True, False),
        ([], Record(), 0, True, False),
        (["KB3079821"], Record(), 0, False, False),
        ([], noted("kb3079821"), 1, False, True),
        ([], noted("kb3079821"), 1, True, True),
    ],
    ids=["perhaps ours", "a serving host", "not ours", "no mark", "noted", "noted and marked"],
)
def test_the_mark_of_the_component_store(
    hotfixes: list[str], record: Record, status: int, store: bool, pending: bool
) -> None:
    world = host(*hotfixes)
    if store:
        world.set(STORE, "x", 1)
    parts = (system(release="server_2008_r2"), licensing(product(status)), record)
    assert read(world, *parts).restart_pending == pending
    found = read(world, *parts, thorough=True)
    assert found.restart_pending == pending
    assert (COMPONENTS_SIGN in found.pending_signs) == store, "host_info tells it even where it does not count"


@pytest.mark.parametrize(("key", "pending"), [(None, False), (KEY, False), (OTHER_KEY, True)])
@pytest.mark.parametrize("release", ["server_2003", "server_2008_r2"])
def test_a_mark_of_any_update_counts_until_the_wished_key_is_activated(
    release: str, key: str | None, pending: bool
) -> None:
    world = host("KB968915", "KB3079821")
    world.set(STORE, "x", 1)
    world.set(UPDATES_KEY, "UpdateExeVolatile", 2)
    wish = None if key is None else KeyWish(key=HostKey(key))
    assert read(world, system(release=release), licensing(product(1)), key=wish).restart_pending == pending


def test_on_a_host_that_serves_the_component_store_is_not_asked() -> None:
    world = host("KB3079821")
    read(world, system(release="server_2008_r2"), licensing(product(1)))
    assert world.asked == ["query Win32_QuickFixEngineering"]


# -- builds


@pytest.mark.parametrize(
    ("release", "build", "revision", "installed"),
    [
        ("server_2016", 14393, 2640, set()),
        ("server_2016", 14393, 2641, {"kb4478877"}),
        ("server_2016", 14393, 4467, {"kb4478877", "kb5003638"}),
        ("server_2016", 16299, 15, {"kb4478877", "kb5003638"}),
        ("server_2019", 17763, 1998, set()),
        ("server_2019", 17763, 1999, {"kb5003646"}),
        ("server_2019", 17763, 5458, {"kb5003646", "kb5034768"}),
        ("server_2022", 20348, 2321, set()),
        ("server_2022", 20348, 2322, {"kb5034770"}),
        ("server_2022", 20348, None, set()),
    ],
)
def test_builds(release: str, build: int, revision: int | None, installed: set[str]) -> None:
    world = SmallWindows()
    if revision is not None:
        world.set(VERSION, "UBR", revision)
    found = read(world, system(release=release, build=build), licensing(product(1)))
    assert found.installed == installed
    assert found.build == ("" if revision is None else f"{build}.{revision}")
    assert world.asked == ["StdRegProv.GetDWORDValue UBR"], "one request, and nothing else of a host that has its key"


@pytest.mark.parametrize(("edition", "excluded"), [("ServerTurbine", True), ("ServerDatacenter", False), (None, False)])
def test_an_edition_that_can_be_no_host_shows_before_there_is_a_key(edition: str | None, excluded: bool) -> None:
    world = SmallWindows()
    if edition is not None:
        world.set(VERSION, "EditionID", edition)
    found = read(world, system(release="server_2025", build=26100), licensing())
    assert found.excluded == found.as_data()["excluded"] == excluded
    assert bool(found.serves) == (not excluded)


def test_the_build_is_told_where_everything_is_to_be_known() -> None:
    world = SmallWindows()
    world.set(VERSION, "UBR", 1742)
    found = read(world, system(release="server_2025", build=26100), licensing(product(1)), thorough=True)
    assert found.as_data()["build"] == "26100.1742"
