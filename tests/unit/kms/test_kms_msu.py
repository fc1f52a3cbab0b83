# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Vista to Server 2012 R2, builds of what came after: planned, judged, installed, refused."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD, catalogue
from ansible_collections.activation.kms.plugins.plugin_utils._kms.installers import INSTALLED, outcome
from ansible_collections.activation.kms.plugins.plugin_utils._kms.packages import Packages, UpdateWish, read_packages
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record, note
from ansible_collections.activation.kms.plugins.plugin_utils._kms.restart import restarted
from ansible_collections.activation.kms.plugins.plugin_utils._kms.update_chain import UpdateChain
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import Updates, read_updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.authenticode import Signature
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import MSU, UNKNOWN, PackageFile
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT_TEXT,
    licensing,
    packages,
    predicts_only_what_it_touches,
    seen,
    system,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

FOLDER = r"C:\WINDOWS\Temp\activation.kms"
BUILDS = {"server_2016": 14393, "server_2019": 17763, "server_2022": 20348}


def msu(name: str, release: str, **changes: t.Any) -> PackageFile:
    """The package of an update for the x64 machines of a release."""
    row, host = STANDARD.updates[name], STANDARD.hosts[release]
    given = str(row.file_name("x64", "ENU", host.platform))
    found = PackageFile(f"/packages/{given}", 500, "a" * 64, MSU, "x64", given.replace(".msu", ".cab"), kb=row.hotfix)
    return dataclasses.replace(found, **changes)


def on(release: str, *names: str, installed: str = "", **changed: t.Any) -> Seen:
    """A host of a release with these packages at hand and these updates installed."""
    rows = STANDARD.for_release(release)
    expected = {
        row.id: given for row in rows if (given := row.file_name("x64", "ENU", STANDARD.hosts[release].platform))
    }
    found = {name: msu(name, release) for name in names}
    more = {"build": f"{BUILDS[release]}.1"} if release in BUILDS else {}
    return seen(
        system(release=release, architecture="x64", service_pack=1, build=BUILDS.get(release, 7601), virtual=False),
        licensing(),
        updates(*installed.split(), release=release, **more),
        Packages(expected, {**found, **changed}),
    )


def chain(*serve: str, **wishes: t.Any) -> UpdateChain:
    return UpdateChain(UpdateWish(frozenset(serve), packages="/packages", **wishes))


def refused(resource: UpdateChain, now: Seen) -> Refusal:
    with pytest.raises(Refusal) as caught:
        trace(resource, now)
    return caught.value


# -- the plan


@pytest.mark.parametrize(
    ("release", "serve", "group", "names", "wanted"),
    [
        ("server_2008", "windows_7", None, "kb968912", "kb968912"),
        ("server_2008_r2", "windows_10", None, "kb3079821 kb2885698", "kb3079821"),
        ("server_2008_r2", "windows_7", "server_2012_r2", "kb2885698", "kb2885698"),
        ("server_2008_r2", "windows_7", "server_2008_r2_c", "", ""),
        ("server_2012", "windows_8_1 windows_10", None, "kb2885698 kb3172615", "kb2885698 kb3172615"),
        ("server_2012_r2", "server_2019", None, "kb4467695", "kb4467695"),
        ("server_2022", "windows_10", "server_2022", "", ""),
        ("windows_10", "windows_10", "windows_10", "", ""),
    ],
)
def test_the_plan(release: str, serve: str, group: str | None, names: str, wanted: str) -> None:
    now = on(release, *names.split())
    assert trace(chain(*serve.split(), key_group=group), now) == [f"host_update.{name}" for name in wanted.split()]


def test_a_prediction_changes_only_what_is_read_again() -> None:
    now = on("server_2008_r2", "kb3079821")
    step = chain("windows_10").next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)[Updates]
    assert after.restart_pending and "windows_10" in after.serves and "kb3079821" not in after.serves_after
    assert not restarted(step.predict(now))[Updates].restart_pending


@pytest.mark.parametrize(
    ("release", "serve", "build"),
    [
        ("server_2016", "server_2019", "14393.2641 or higher (KB4478877, 2018-12-03), and it has 14393.1;"),
        ("server_2016", "server_2019 windows_11", "14393.4467 or higher (KB5003638, 2021-06-08)"),
        ("server_2019", "server_2022 server_2025", "17763.5458 or higher (KB5034768, 2024-02-13)"),
        ("server_2022", "server_2025", "20348.2322 or higher (KB5034770, 2024-02-13)"),
    ],
)
def test_a_build_that_is_missing_is_named(release: str, serve: str, build: str) -> None:
    found = refused(chain(*serve.split()), on(release))
    assert found.name == "build_too_low"
    assert build in found.message and "the tool that patches this site" in found.message


def test_a_build_that_only_the_key_needs_says_so() -> None:
    found = refused(chain("windows_10", key_group="server_2025"), on("server_2022"))
    assert "to serve server_2025 (which a key of the group server_2025 needs)" in found.message


def test_a_rollup_that_cannot_be_proved_absent_is_unknown() -> None:
    found = refused(chain("windows_10"), on("server_2012_r2"))
    assert (found.name, found.code) == ("update_unknown", "KB3172614")
    assert "KB3172614 or KB4467695 is not registered" in found.message
    assert "accepted_updates: [KBnnnnnnn]" in found.message
    assert "Windows8.1-KB3172614-x64.msu or Windows8.1-KB4467695-x64.msu" in found.message


def test_what_can_be_proved_absent_is_missing() -> None:
    found = refused(chain("windows_10"), on("server_2008_r2"))
    assert found.name == "package_missing"
    assert "no file Windows6.1-KB3079821-x64.msu in /packages (that name is not confirmed)" in found.message
    assert "package_files: {kb3079821: /path/to/file}" in found.message


def test_an_azure_edition_is_refused() -> None:
    now = on("server_2022")
    now = now.having(dataclasses.replace(now[Updates], excluded=True))
    assert refused(chain("windows_10"), now).name == "edition_no_host"


@pytest.mark.parametrize("release", ["server_2003", "server_2012_r2"])
def test_a_client_key_on_a_server_is_refused_first(release: str) -> None:
    assert refused(chain("windows_10", key_group="windows_10"), on(release)).name == "key_group_wrong_host"


# -- what speaks against a package


@pytest.mark.parametrize(
    ("changes", "wishes", "name", "words"),
    [
        ({"engine": UNKNOWN, "flaw": "it is a cabinet that is cut off"}, {}, "package_no_msu", "that is cut off"),
        ({"engine": UNKNOWN, "payload": ""}, {}, "package_no_msu", "does not begin like one"),
        (
            {"payload": "Windows6.1-KB2885698-x64.cab", "kb": "KB2885698"},
            {},
            "package_other",
            "what it holds is named Windows6.1-KB2885698-x64.cab",
        ),
        ({"machine": "x86"}, {}, "package_architecture", "made for x86, but the host is x64"),
        ({"size": 0}, {}, "package_empty", "is empty"),
        ({}, {"install_args": {"kb3079821": "/q"}}, "bad_option", "switches of our own"),
        ({}, {"checksums": {"kb3079821": "b" * 64}}, "package_checksum", "not the pinned one"),
    ],
)
def test_a_package_that_will_not_do(changes: t.Any, wishes: t.Any, name: str, words: str) -> None:
    now = on("server_2008_r2", kb3079821=msu("kb3079821", "server_2008_r2", **changes))
    found = refused(chain("windows_10", **wishes), now)
    assert found.name == name and words in found.message


def test_a_service_pack_is_needed() -> None:
    now = on("server_2008_r2", "kb3079821").having(system(release="server_2008_r2", architecture="x64", service_pack=0))
    assert refused(chain("windows_10"), now).name == "service_pack_too_low"


def test_packages_are_found_by_the_names_of_the_release() -> None:
    wish = UpdateWish(frozenset(["windows_10", "windows_8_1"]), packages="/packages")
    world = SmallWindows()
    world.files_here["/packages/readme.txt"] = b""
    found = Look(world, {Packages: read_packages(wish)}, on("server_2012").without([Packages]))[Packages]
    assert found.expected == {
        "kb2885698": "Windows8-RT-KB2885698-x64.msu",
        "kb3058168": "Windows8-RT-KB3058168-x64.msu",
        "kb3172615": "Windows8-RT-KB3172615-x64.msu",
    }


# -- warnings


def test_what_is_known_of_an_update_is_said_before_it_is_installed() -> None:
    said = chain("windows_7").notices(on("server_2008", "kb968912"))
    assert any("before KB968912" in text and "0xC004F050" in text for text in said)
    assert chain("windows_7").notices(on("server_2008", installed="kb968912")) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"virtual": True}, "0xC004F06B"),
        ({"edition": "web"}, "neither Standard nor Enterprise nor Datacenter"),
        ({"edition": "standard", "virtual": False}, None),
        ({"edition": "datacenter", "virtual": False}, None),
    ],
)
def test_warnings_about_the_machine(changes: dict[str, t.Any], words: str | None) -> None:
    pins = dict.fromkeys(("kms_1_0", "kms_1_2"), "a" * 64)
    now = seen(packages("kms_1_0", "kms_1_2"), system(**{"virtual": False, **changes}))
    said = chain("windows_7", checksums=pins).notices(now)
    assert [words in text for text in said] == ([True] if words else [])


@pytest.mark.parametrize("state", ["microsoft", "other", "unsigned", "not_checked"])
def test_a_signature_that_is_not_microsofts_is_told(state: str) -> None:
    signature = Signature(state, reason="self-signed")
    now = on("server_2012", kb2885698=msu("kb2885698", "server_2012", signature=signature))
    said = chain("windows_8_1", checksums={"kb2885698": "a" * 64}).notices(now)
    assert [("Microsoft's signature" in text and "self-signed" in text) for text in said] == (
        [True] if state in ("other", "unsigned") else []
    )
    assert now[Packages].as_data()["kb2885698"]["signature"]["state"] == state


# -- carrying it out

CONTENT = b"MSCF" + bytes(500)


def prepared(
    code: int | None = 0, release: str = "server_2008_r2", name: str = "kb3079821", serve: str = "windows_10"
) -> tuple[SmallWindows, Step, list[str]]:
    """A host, the step that installs an .msu on it, and what was run."""
    world = SmallWindows()
    found = msu(name, release, size=len(CONTENT))
    world.files_here[found.path] = CONTENT
    ran: list[str] = []

    def unpack(line: str) -> int:
        words = line.lower().split()
        assert world.files[words[-2]] == CONTENT
        world.files[rf"{words[-1]}\{found.payload.lower()}"] = b"payload"
        return 0

    def install(line: str) -> int | None:
        ran.append(line)
        assert any(path in line.lower() for path in world.files if path.endswith(".cab"))
        if code is None:
            world.clock += 4000
        return code

    world.programs += [(r"^expand", unpack), (r"^(dism|start)", install), (r"^type", lambda line: 1)]
    step = chain(serve).next(on(release, **{name: found}))
    assert isinstance(step, Step)
    return world, step, ran


@pytest.mark.parametrize("code", [0, 3010])
def test_dism_installs_the_payload(code: int) -> None:
    world, step, ran = prepared(code)
    step.run(world)
    assert ran == [
        rf"dism.exe /online /add-package /packagepath:{FOLDER}\kb3079821\Windows6.1-KB3079821-x64.cab "
        r"/quiet /norestart /logpath:C:\WINDOWS\KMS-KB3079821.log"
    ]
    assert world.files == {}, "nothing is left behind"
    assert load_record(world) == Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {"kb3079821": "done"}})


@pytest.mark.parametrize("code", [0, 3010])
def test_package_manager_installs_the_payload_where_there_is_no_dism(code: int) -> None:
    world, step, ran = prepared(code, "server_2008", "kb968912", "windows_7")
    step.run(world)
    assert ran == [
        rf"start /w pkgmgr.exe /ip /m:{FOLDER}\kb968912\Windows6.0-KB968912-x64.cab /quiet /norestart "
        r"/l:C:\WINDOWS\KMS-KB968912.log"
    ]


def test_wusa_is_never_run() -> None:
    world, step, _ran = prepared()
    step.run(world)
    assert not any("wusa" in deed for deed in world.deeds)


def test_an_update_that_is_there_already_leaves_no_note() -> None:
    world, step, _ran = prepared(0x240006)
    world.classes["Win32_QuickFixEngineering"] = [{"HotFixID": "KB3079821"}]
    step.run(world)
    assert load_record(world) == Record()


@pytest.mark.parametrize(
    ("release", "name", "serve", "later"),
    [("server_2012_r2", "kb3172614", "server_2016", True), ("server_2008", "kb968912", "windows_7", False)],
)
def test_an_update_that_is_there_and_not_registered(release: str, name: str, serve: str, later: bool) -> None:
    """A later rollup is named as the way out only where one can hold it."""
    world, step, _ran = prepared(0x240006, release, name, serve)
    world.classes["Win32_QuickFixEngineering"] = []
    with pytest.raises(Failure, match="is not registered on the host; .*restart the host") as caught:
        step.run(world)
    assert (caught.value.name, caught.value.code) == ("update_not_registered", "0x240006")
    assert ("accepted_updates" in caught.value.message) == later
    assert load_record(world) == Record()


def test_an_update_that_an_interrupted_run_has_installed() -> None:
    """Its row may be hidden until the restart; that it was begun in this boot is enough."""
    world, step, _ran = prepared(0x240006)
    note(world, awaiting_restart={"boot": BOOT_TEXT, "updates": {"kb3079821": "started"}})
    step.run(world)
    assert load_record(world).awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kb3079821": "done"}}


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        (0x800F081E, "update_not_applicable", "something it needs first"),
        (0x80240017, "update_not_applicable", "something it needs first"),
        (112, "disk_full", "make room"),
        (0x80070070, "disk_full", "make room"),
        (0xF0F4, "installer_failed", "KB 262841"),
        (87, "installer_failed", "switches"),
        (1618, "installer_busy", "wait"),
        (0xF0801, "installer_busy", "restart the host"),
        (5, "access_denied", "Administrators"),
        (1603, "installer_failed", r"C:\WINDOWS\KMS-KB3079821.log"),
    ],
)
def test_an_installer_that_fails_is_explained(code: int, name: str, words: str) -> None:
    world, step, _ran = prepared(code)
    with pytest.raises(Failure, match=rf"ended with exit code {code} ") as caught:
        step.run(world)
    assert caught.value.name == name
    assert words in caught.value.message and ". " not in caught.value.message
    assert world.files == {} and load_record(world) == Record()


def test_what_is_known_of_an_update_that_does_not_apply() -> None:
    world, step, _ran = prepared(0x800F081E, "server_2012_r2", "kb3172614", "server_2016")
    with pytest.raises(Failure, match=r"accepted_updates: \[KB.*KB2919355"):
        step.run(world)


def test_another_update_can_be_vouched_for() -> None:
    """What the advice says works: the host lists the rollup that the user names in place of the update's own number."""
    known = catalogue({"kb3079821": {"hotfix": "KB5012345"}})
    world = SmallWindows()
    world.classes["Win32_QuickFixEngineering"] = [{"HotFixID": "KB5012345"}]
    looked = Look(world, {Updates: read_updates(known)}, on("server_2008_r2").without([Updates]))
    assert "windows_10" in looked[Updates].serves


@pytest.mark.parametrize("code", [0, 3010, 3011, 0x240005, -0x100000000, 0x100000BC2])
def test_success_in_every_spelling(code: int) -> None:
    assert outcome(code) == INSTALLED


def test_an_installer_that_hangs_is_ended_by_its_id() -> None:
    world, step, _ran = prepared(None)
    world.classes["Win32_Process"] = [{"Handle": "1234"}, {"Handle": "5678"}]
    ended: list[str] = []

    def end(given: t.Mapping[str, str]) -> int:
        ended.append(given["Handle"])
        return 0

    world.methods["Win32_Process.Terminate"] = end
    with pytest.raises(Failure, match="with 2 processes of its own") as caught:
        step.run(world)
    assert caught.value.name == "command_timeout"
    assert ended == ["1234", "5678"]
    assert load_record(world).awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kb3079821": "started"}}


def test_without_a_log_of_ours_nothing_of_windows_is_ended() -> None:
    world, step, ran = prepared(None)
    silent = {"kb3079821": dataclasses.replace(STANDARD.updates["kb3079821"], log="")}
    known = dataclasses.replace(STANDARD, updates={**STANDARD.updates, **silent})
    found = msu("kb3079821", "server_2008_r2", size=len(CONTENT))
    again = chain("windows_10", known=known).next(on("server_2008_r2", kb3079821=found))
    assert isinstance(again, Step) and again.id == step.id
    world.classes["Win32_Process"] = []
    with pytest.raises(Failure, match="look at it there"):
        again.run(world)
    asked = [query for query in world.queries if "Win32_Process" in query]
    assert asked and all("OR" not in query and "activation.kms" in query for query in asked)
    assert ran[0].endswith("/quiet /norestart")


@pytest.mark.parametrize("command", [r"^expand", r"^mkdir .*kb3079821"])
def test_a_package_that_does_not_unpack_installs_nothing(command: str) -> None:
    world, step, ran = prepared()
    world.programs.insert(0, (command, lambda line: 1))
    with pytest.raises(Failure) as caught:
        step.run(world)
    assert caught.value.name == "package_unpack"
    assert ran == [] and load_record(world) == Record()


def test_an_update_that_does_not_show_after_the_restart_is_not_installed_again() -> None:
    world, _step, ran = prepared()
    resource = chain("windows_10")
    now = on("server_2008_r2", kb3079821=msu("kb3079821", "server_2008_r2", size=len(CONTENT)))
    step = resource.next(now)
    assert isinstance(step, Step)
    step.run(world)
    assert isinstance(resource.next(now), Step), "in the same boot the engine looks and asks again"
    with pytest.raises(Failure, match="does not show it") as caught:
        resource.next(restarted(now))
    assert caught.value.name == "update_not_shown" and len(ran) == 1
