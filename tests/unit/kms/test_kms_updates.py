# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update packages: what is judged before anything is changed, in which order, and what an installation does."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import (
    Failure,
    OutcomeUnknown,
    Problem,
    Refusal,
)
from ansible_collections.activation.kms.plugins.plugin_utils._kms import record as records
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import STANDARD, catalogue
from ansible_collections.activation.kms.plugins.plugin_utils._kms.installation import switches
from ansible_collections.activation.kms.plugins.plugin_utils._kms.packages import Packages, UpdateWish, read_packages
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import Record, load_record
from ansible_collections.activation.kms.plugins.plugin_utils._kms.update_chain import UpdateChain
from ansible_collections.activation.kms.plugins.plugin_utils._kms.updates import UPDATES_KEY, Updates, read_updates
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.authenticode import Signature
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import UNKNOWN
from ansible_collections.activation.kms.tests.unit.kms.hosts import (
    BOOT_TEXT,
    NO_LICENSING,
    RELEASE,
    SYSTEM,
    licensing,
    package,
    packages,
    predicts_only_what_it_touches,
    seen,
    system,
    told,
    trace,
    updates,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, lost_before

ALL = ("kms_1_0", "kms_1_1", "kms_1_2")
FOLDER = r"C:\WINDOWS\Temp\activation.kms"
LEFT = Record(staging=FOLDER)


def chain(*serve: str, **changes: t.Any) -> UpdateChain:
    return UpdateChain(UpdateWish(frozenset(serve or ("windows_7",)), packages="/packages", **changes))


def refusal(resource: UpdateChain, now: Seen) -> Refusal:
    with pytest.raises(Refusal) as caught:
        trace(resource, now)
    return caught.value


# -- what is missing


@pytest.mark.parametrize(
    ("parts", "serve", "wanted"),
    [
        ((packages(*ALL),), ["windows_7"], ["host_update.kms_1_0", "host_update.kms_1_2"]),
        ((packages(*ALL),), ["windows_vista"], ["host_update.kms_1_0"]),
        ((packages(*ALL),), ["server_2008"], ["host_update.kms_1_0", "host_update.kms_1_1"]),
        ((packages("kms_1_2"), updates("kms_1_0")), ["windows_7"], ["host_update.kms_1_2"]),
        ((packages("kms_1_2"), updates("kms_1_0", "kms_1_1")), ["server_2008_r2"], ["host_update.kms_1_2"]),
        ((packages(), updates("kms_1_0", "kms_1_2")), ["windows_7", "server_2008"], []),
        ((packages(), updates("kms_1_0", "kms_1_2"), LEFT), ["windows_7"], ["host_update.tidy"]),
        # A restart is due then, which ends whatever holds a file in the folder: it comes first.
        ((packages("kms_1_2"), updates("kms_1_0"), LEFT), ["windows_7"], ["host_update.kms_1_2"]),
    ],
)
def test_next(parts: tuple[t.Any, ...], serve: list[str], wanted: list[str]) -> None:
    assert trace(chain(*serve), seen(*parts)) == wanted


@pytest.mark.parametrize("start", [(), ("kms_1_0",)])
def test_a_prediction_changes_only_what_is_read_again(start: tuple[str, ...]) -> None:
    now = seen(packages(*ALL), updates(*start), *([licensing()] if start else []))
    step = chain().next(now)
    assert isinstance(step, Step)
    predicts_only_what_it_touches(step, now)
    after = step.predict(now)
    assert after[Updates].restart_pending
    assert after[Licensing].present and after[Licensing].roots
    assert after[Updates].installed == now[Updates].installed | {step.id.rpartition(".")[2]}


def test_tidying_is_upkeep() -> None:
    now = seen(updates("kms_1_0", "kms_1_2"), LEFT)
    step = chain().next(now)
    assert isinstance(step, Step) and step.upkeep
    predicts_only_what_it_touches(step, now)


# -- what speaks against a package

DAMAGED = Signature("damaged", reason="the digest differs")
X86, X64, BARE_METAL = system(), system(architecture="x64"), system(virtual=False)


@pytest.mark.parametrize(
    ("parts", "changes", "name", "words"),
    [
        (
            (packages(),),
            {},
            "package_missing",
            "no file Kmsw2k3.exe and no file WindowsServer2003-KB968915-x86-ENU.exe in /packages; get them",
        ),
        ((packages("kms_1_0", "kms_1_1"),), {}, "package_missing", "no file WindowsServer2003-KB968915-x86-ENU.exe in"),
        ((packages("kms_1_0"),), {}, "package_missing", "no file WindowsServer2003-KB968915-x86-ENU.exe in /packages"),
        ((packages(*ALL), system(service_pack=1)), {}, "service_pack_too_low", "min_service_pack: 1"),
        ((packages(*ALL), system(service_pack=0)), {}, "service_pack_too_low", "needs Service Pack 1"),
        ((packages("kms_1_2", kms_1_0=package("kms_1_0", size=0)),), {}, "package_empty", "is empty"),
        (
            (packages("kms_1_2", kms_1_0=package("kms_1_0", kb="KB968915")),),
            {},
            "package_other",
            "another one than Key Management Service 1.0 for Windows Server 2003: it is the package of KB968915",
        ),
        (
            (packages("kms_1_0", kms_1_2=package("kms_1_2", kb="KB948003")),),
            {},
            "package_other",
            "it says KB948003 of itself",
        ),
        ((packages(*ALL),), {"checksums": {"kms_1_0": "sha256:" + "0" * 64}}, "package_checksum", "not the pinned one"),
        ((packages("kms_1_2", kms_1_0=package("kms_1_0", machine="x64")),), {}, "package_architecture", "made for x64"),
        (
            (packages("kms_1_2", kms_1_0=package("kms_1_0", machine="ia64")), X64),
            {},
            "package_architecture",
            "made for ia64",
        ),
        (
            (
                packages(
                    "kms_1_2", kms_1_0=package("kms_1_0", signature=Signature("damaged", reason="the digest differs"))
                ),
            ),
            {},
            "package_damaged",
            "the digest differs",
        ),
        (
            (packages("kms_1_2", kms_1_0=package("kms_1_0", engine="msu")),),
            {},
            "package_no_program",
            "an .msu package of a later Windows",
        ),
        (
            (packages("kms_1_2", kms_1_0=package("kms_1_0", machine="")),),
            {},
            "package_no_program",
            "no Windows program",
        ),
        (
            (packages("kms_1_2", kms_1_0=package("kms_1_0", engine=UNKNOWN)),),
            {},
            "installer_unknown",
            "install_args: {kms_1_0:",
        ),
        ((Packages({}, {}), system(architecture="ia64")), {}, "package_architecture", "no package of"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_package_that_will_not_do_is_refused(
    parts: tuple[t.Any, ...], changes: dict[str, t.Any], name: str, words: str
) -> None:
    found = refusal(chain(**changes), seen(*parts))
    assert found.name == name
    assert words in found.message


@pytest.mark.parametrize(
    ("file_name", "now", "name"),
    [
        ("WindowsServer2003-KB968915-x86-ENU.exe", X86, None),
        ("windowsserver2003-kb968915-X86-enu.EXE", X86, None),
        ("WindowsServer2003-KB968915-x86-DEU.exe", X86, "package_language"),
        ("WindowsServer2003-KB968915-x86-DEU.exe", system(language=1031, language_code="DEU"), None),
        ("WindowsServer2003-KB968915-x86-DEU.exe", system(language=9999, language_code=""), None),
        ("WindowsServer2003.WindowsXP-KB968915-x64-ENU.exe", X86, "package_architecture"),
        ("WindowsServer2003.WindowsXP-KB968915-x64-ENU.exe", X64, None),
        ("WindowsServer2003-KB968915-x86-ENU.exe", X64, "package_architecture"),
        ("WindowsServer2003-KB968915-ia64-ENU.exe", X64, "package_architecture"),
        ("kms-1.2-x64-deu.exe", X86, None),
        ("WindowsServer2003.exe", X86, None),
        ("WindowsServer2003-KB948003-x86-ENU.exe", X86, "package_other"),
        ("kb948003.exe", X86, "package_other"),
        ("KB968915.exe", X86, None),
    ],
)
def test_what_a_package_says_in_its_own_name(file_name: str, now: t.Any, name: str | None) -> None:
    found = package("kms_1_2", path=f"/packages/{file_name}")
    state = seen(packages(kms_1_2=found), updates("kms_1_0"), now)
    if name is None:
        assert told(chain().next(state)) == "host_update.kms_1_2"
    else:
        assert refusal(chain(), state).name == name


def test_an_x86_package_without_architecture_in_its_name_installs_on_x64() -> None:
    assert told(chain("windows_vista").next(seen(packages("kms_1_0"), X64))) == "host_update.kms_1_0"


@pytest.mark.parametrize("written", ["{}", "sha256:{}", "SHA256:{}"])
def test_a_pin_that_fits(written: str) -> None:
    digest = package("kms_1_0").sha256
    for text in (written.format(digest), written.format(digest).upper()):
        resource = chain("windows_vista", checksums={"kms_1_0": text})
        assert told(resource.next(seen(packages("kms_1_0")))) == "host_update.kms_1_0"
        assert resource.notices(seen(packages("kms_1_0"), BARE_METAL)) == []


def test_a_package_that_is_not_pinned_is_said_with_the_digest_to_pin() -> None:
    (warning,) = chain("windows_vista").notices(seen(packages("kms_1_0"), BARE_METAL))
    assert f'package_checksums: {{kms_1_0: "sha256:{package("kms_1_0").sha256}"}}' in warning


def test_a_service_pack_may_be_overridden() -> None:
    known = catalogue({"kms_1_2": {"min_service_pack": 1}})
    now = seen(packages(*ALL), system(service_pack=1))
    assert trace(chain(known=known), now) == ["host_update.kms_1_0", "host_update.kms_1_2"]


@pytest.mark.parametrize(
    ("engine", "args", "expected"),
    [
        ("update.exe", {}, r"/quiet /norestart /log:C:\WINDOWS\KMS.log"),
        ("update.exe", {"kms_1_0": "/q /z"}, "/q /z"),
        ("update.exe", {"kms_1_2": "/q /z"}, r"/quiet /norestart /log:C:\WINDOWS\KMS.log"),
        (UNKNOWN, {"kms_1_0": "/S"}, "/S"),
    ],
)
def test_switches(engine: str, args: dict[str, str], expected: str) -> None:
    found = switches(
        package("kms_1_0", engine=engine),
        STANDARD.updates["kms_1_0"],
        r"C:\WINDOWS\KMS.log",
        UpdateWish(frozenset(), install_args=args),
    )
    assert found == expected


def test_an_unknown_engine_installs_where_the_user_says_how() -> None:
    now = seen(packages(kms_1_0=package("kms_1_0", engine=UNKNOWN)))
    assert told(chain("windows_vista", install_args={"kms_1_0": "/S"}).next(now)) == "host_update.kms_1_0"


def test_kms_1_0_may_be_there_and_show_only_after_the_restart() -> None:
    signs = ("registry: UpdateExeVolatile",)
    found = refusal(chain("windows_vista"), seen(packages(), updates(pending_signs=signs)))
    assert "restart the host first (registry: UpdateExeVolatile)" in found.message
    assert "restart" not in refusal(chain("windows_vista"), seen(packages())).message
    later = seen(packages(), updates("kms_1_0", pending=True), licensing())
    assert "restart" not in refusal(chain("windows_7"), later).message


# -- reading the host


def host(**registry: t.Any) -> SmallWindows:
    world = SmallWindows()
    world.classes["Win32_QuickFixEngineering"] = []
    return world


def read(world: SmallWindows, *parts: t.Any) -> Updates:
    look = Look(world, {Updates: read_updates()}, seen(*parts).without([Updates]))
    return look[Updates]


def noted(state: str = "done", boot: str = BOOT_TEXT, *names: str) -> Record:
    return Record(awaiting_restart={"boot": boot, "updates": dict.fromkeys(names or ("kms_1_2",), state)})


def test_a_bare_host_has_nothing() -> None:
    assert read(host()) == updates()


def test_kms_1_0_shows_by_its_class() -> None:
    found = read(host(), licensing())
    assert (set(found.installed), found.kms_version) == ({"kms_1_0"}, "1.0")


@pytest.mark.parametrize("pack", ["SP2", "SP3"])
def test_an_update_shows_by_wmi_or_by_the_registry(pack: str) -> None:
    by_wmi, by_registry = host(), host()
    by_wmi.classes["Win32_QuickFixEngineering"] = [{"HotFixID": "File 1"}, {"HotFixID": "KB968915"}]
    by_registry.set(rf"{UPDATES_KEY}\Windows Server 2003\{pack}\KB968915", "Type", "Update")
    for world in (by_wmi, by_registry):
        found = read(world, licensing())
        assert (set(found.installed), found.kms_version) == ({"kms_1_0", "kms_1_2"}, "1.2")
        assert found.serves == STANDARD.updates["kms_1_2"].serves
        assert not found.restart_pending


@pytest.mark.parametrize(
    ("record", "installed", "pending"),
    [
        (noted(), {"kms_1_0", "kms_1_2"}, True),
        (noted("started"), set(), False),
        (noted(boot="2026-02-01T06:00:00Z"), set(), False),
        (noted("done", BOOT_TEXT, "kms_1_0"), {"kms_1_0"}, True),
        (Record(), set(), False),
    ],
    ids=["done in this boot", "never finished", "in an earlier boot", "1.0 done", "nothing noted"],
)
def test_what_was_noted_in_this_boot_awaits_its_restart(record: Record, installed: set[str], pending: bool) -> None:
    found = read(host(), record)
    assert found.installed == installed
    assert found.restart_pending == pending == bool(found.pending_signs)


def test_an_installation_that_finished_after_its_controller_died_awaits_its_restart() -> None:
    world = host()
    world.classes["Win32_QuickFixEngineering"] = [{"HotFixID": "KB968915"}]
    assert read(world, noted("started")).restart_pending


@pytest.mark.parametrize("where", [(UPDATES_KEY, "UpdateExeVolatile"), (UPDATES_KEY + r"\UpdateExeVolatile", "Flags")])
@pytest.mark.parametrize("value", [0, 1])
def test_the_mark_of_update_exe_means_a_restart(where: tuple[str, str], value: int) -> None:
    world = host()
    world.set(*where, value)
    assert read(world, licensing()).restart_pending == bool(value)


def test_the_mark_of_update_exe_is_of_others_where_no_kms_update_is_installed() -> None:
    world = host()
    world.set(UPDATES_KEY, "UpdateExeVolatile", 1)
    found = read(world)
    assert (found.restart_pending, found.pending_signs) == (False, ("registry: UpdateExeVolatile",))


@pytest.mark.parametrize("release", ["windows_10", "windows_11", "windows_xp_x64"])
def test_a_release_without_updates_is_asked_nothing(release: str) -> None:
    world = host()
    assert read(world, system(release=release)) == updates(release=release)
    assert world.asked == []


# -- reading the folder


def look_into(world: SmallWindows, wish: UpdateWish, *parts: t.Any) -> Packages:
    return Look(world, {Packages: read_packages(wish)}, seen(*parts).without([Packages]))[Packages]


def test_the_names_that_are_expected_follow_the_machine() -> None:
    found = look_into(SmallWindows(), UpdateWish(frozenset(["windows_7"])), system(language_code="DEU"))
    assert found.expected["kms_1_2"] == "WindowsServer2003-KB968915-x86-DEU.exe"
    assert found.files == {}


def test_a_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match=r"folder /nowhere cannot be read .*No such file") as caught:
        look_into(SmallWindows(), UpdateWish(frozenset(["windows_7"]), packages="/nowhere"))
    assert caught.value.name == "packages_folder_missing"


def test_a_file_that_is_named_and_not_there_is_refused() -> None:
    with pytest.raises(Refusal, match="the package /x.exe for kms_1_0 cannot be read") as caught:
        look_into(SmallWindows(), UpdateWish(frozenset(["windows_7"]), package_files={"kms_1_0": "/x.exe"}))
    assert caught.value.name == "package_missing"


def test_packages_are_not_even_opened_where_the_host_serves_already() -> None:
    wish = UpdateWish(frozenset(["windows_7"]), package_files={"kms_1_2": "/nowhere.exe", "kms_1_1": "/nowhere.exe"})
    assert look_into(SmallWindows(), wish, updates("kms_1_0", "kms_1_2")).files == {}


# -- carrying it out

INSTALLER = r"kms_1_0\.exe /quiet"
CONTENT = bytes(range(256)) * 700


def prepared(code: int = 0) -> tuple[SmallWindows, Step, list[str]]:
    """A host, the step that installs KMS 1.0 on it, and what was run."""
    world = host()
    world.files_here["/packages/Kmsw2k3.exe"] = CONTENT
    ran: list[str] = []

    def install(line: str) -> int:
        assert world.files[line.split(maxsplit=1)[0].lower()] == CONTENT
        ran.append(line)
        noting = load_record(world)
        assert noting.awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kms_1_0": "started"}}
        return code

    world.programs.append((INSTALLER, install))
    world.programs.append((r"^type ", lambda line: 1))
    step = chain("windows_vista").next(seen(packages(kms_1_0=package("kms_1_0", size=len(CONTENT)))))
    assert isinstance(step, Step)
    return world, step, ran


@pytest.mark.parametrize("code", [0, 3010])
def test_an_installation(code: int) -> None:
    world, step, ran = prepared(code)
    step.run(world)
    assert ran == [rf"{FOLDER}\kms_1_0.exe /quiet /norestart /log:C:\WINDOWS\KMS-1.0.log"]
    assert world.files == {}, "nothing is left behind"
    assert load_record(world) == Record(awaiting_restart={"boot": BOOT_TEXT, "updates": {"kms_1_0": "done"}})


@pytest.mark.parametrize(
    ("code", "shown"), [(1, "0x1"), (1603, "0x643"), (0xF0F4, "0xF0F4"), (0x80070643, "0x80070643")]
)
def test_an_installer_that_fails(code: int, shown: str) -> None:
    world, step, _ran = prepared(code)
    with pytest.raises(Failure, match=r"ended with exit code .*KMS-1\.0\.log") as caught:
        step.run(world)
    assert (caught.value.name, caught.value.code) == ("installer_failed", shown)
    assert load_record(world).awaiting_restart is None
    assert world.files == {}


def test_an_earlier_update_of_the_same_boot_is_not_forgotten_by_a_failure() -> None:
    world, step, _ran = prepared(1603)
    records.save(world, noted("done", BOOT_TEXT, "kms_1_1"))
    world.programs.insert(0, (INSTALLER, lambda line: 1603))
    with pytest.raises(Failure):
        step.run(world)
    assert load_record(world).updates_of_boot(SYSTEM.boot_time, SYSTEM.clock - SYSTEM.clock) == {"kms_1_1": "done"}


def test_a_lost_answer_leaves_the_note() -> None:
    world, step, ran = prepared()
    world.before = lost_before(rf"run {FOLDER}\kms_1_0.exe /quiet")
    with pytest.raises(OutcomeUnknown):
        step.run(world)
    assert ran == []
    assert load_record(world).awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kms_1_0": "started"}}


def test_an_installer_that_is_cut_off_may_have_installed_something() -> None:
    world, step, _ran = prepared()

    def hang(line: str) -> None:
        world.clock += 4000

    world.programs.insert(0, (INSTALLER, hang))
    with pytest.raises(Problem) as caught:
        step.run(world)
    assert caught.value.name == "command_timeout"
    assert load_record(world).awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kms_1_0": "started"}}


def test_a_copy_that_is_not_complete_runs_nothing() -> None:
    world, step, ran = prepared()

    def scanner(line: str) -> int:
        world.files[line.rsplit(maxsplit=1)[-1].lower()] = b""
        return 0

    world.programs.append(("^certutil", scanner))
    with pytest.raises(Failure, match="has 0 bytes instead of 179200") as caught:
        step.run(world)
    assert caught.value.name == "copy_incomplete"
    assert ran == []
    assert load_record(world).awaiting_restart is None


def test_what_an_interrupted_run_left_is_removed_first() -> None:
    world, step, ran = prepared()
    world.files[rf"{FOLDER}\old.exe".lower()] = b"left"
    step.run(world)
    assert ran and world.files == {}


def test_what_could_not_be_removed_is_noted() -> None:
    """The installer ended well, and the answer to the last `rmdir` got lost: a later run tidies."""
    world, step, ran = prepared()
    lose = lost_before("run rmdir")

    def lose_the_last(what: str) -> None:
        if ran:
            lose(what)

    world.before = lose_the_last
    step.run(world)
    noted_now = load_record(world)
    assert noted_now.staging == FOLDER
    assert noted_now.awaiting_restart == {"boot": BOOT_TEXT, "updates": {"kms_1_0": "done"}}


def test_what_is_in_use_stays_noted() -> None:
    world = host()
    records.save(world, LEFT)
    world.programs.append(("^rmdir", lambda line: 32))
    step = chain().next(seen(updates("kms_1_0", "kms_1_2"), LEFT))
    assert isinstance(step, Step)
    step.run(world)
    assert load_record(world).staging == LEFT.staging


def test_tidying_removes_the_folder_and_the_note() -> None:
    world = host()
    records.save(world, LEFT)
    world.files[rf"{FOLDER}\old.exe".lower()] = b"left"
    step = chain().next(seen(updates("kms_1_0", "kms_1_2"), LEFT))
    assert isinstance(step, Step)
    step.run(world)
    assert world.files == {} and load_record(world) == Record()


def test_only_our_own_folder_is_removed_whatever_the_record_says() -> None:
    world = host()
    world.files[r"c:\data\payroll.xls"] = b"theirs"
    step = chain().next(seen(updates("kms_1_0", "kms_1_2"), Record(staging=r"C:\data")))
    assert isinstance(step, Step)
    step.run(world)
    assert list(world.files) == [r"c:\data\payroll.xls"]


def test_data_for_results_is_plain() -> None:
    assert json.loads(json.dumps(updates("kms_1_0", pending=True).as_data()))["restart_pending"] is True
    data = packages("kms_1_0").as_data()
    assert json.loads(json.dumps(data)) == data and data["kms_1_0"]["engine"] == "update.exe"
    assert NO_LICENSING.as_data()["present"] is False and SYSTEM.release == RELEASE
