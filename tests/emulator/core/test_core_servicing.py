# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of Vista and later: unpacked with expand, installed with dism or pkgmgr."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import KEY, Ran, Wire, codes

from emulated_windows.packages import build, catalogue

MakeWire = Callable[..., Wire]
FOLDER = r"C:\up"
SERVICING = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
WINDOWS_UPDATE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update"
NOT_APPLICABLE, INVALID_PACKAGE = 0x800F081E - 2**32, 0x800F0805 - 2**32
DISM = "dism.exe /online /add-package"
# persona, update, the program's command line for a cabinet
GENERATIONS = [
    ("server-2008-sp2", "kb968912", "start /w pkgmgr.exe /ip /m:{} /quiet /norestart"),
    ("server-2008-sp2", "kb2885698", "start /wait pkgmgr /ip /m:{} /quiet /norestart"),
    ("server-2008-r2-sp1", "kb2757817", DISM + " /packagepath:{} /quiet /norestart"),
    ("server-2008-r2-sp1", "kb3079821", DISM + " /packagepath:{} /quiet /norestart"),
    ("windows-7-sp1", "kb2885698", DISM + " /packagepath:{} /quiet /norestart"),
    ("server-2012", "kb3172615", DISM + " /packagepath:{} /quiet /norestart"),
    ("server-2012", "kb3058168", DISM + " /packagepath:{} /quiet /norestart"),
    ("server-2012-r2", "kb3172614", DISM + " /packagepath:{} /quiet /norestart"),
    ("server-2012-r2", "kb4467695", DISM + " /packagepath:{} /quiet /norestart"),
]


def put(host: Wire, data: bytes, name: str) -> str:
    """Lay a file on the emulated disk."""
    host.host.machine.disk.make_folder(FOLDER)
    path = rf"{FOLDER}\{name}"
    host.host.machine.disk.write(path, data, host.clock.now())
    return path


def unpacked(host: Wire, update: str, windows: str | None = None, architecture: str = "x64") -> str:
    """The payload cabinet of an update, unpacked from its .msu on the machine."""
    windows = windows or host.host.machine.persona.generation
    (package,) = (package for package in catalogue(updates=[update], architectures=[architecture])
                  if package.windows == windows)  # fmt: skip
    msu = put(host, build(package), package.path.name)
    ran = host.run(rf"expand.exe -F:* {msu} {FOLDER}")
    assert ran.code == 0, ran.out
    return rf"{FOLDER}\{package.path.stem}.cab"


def dism(host: Wire, cab: str, rest: str = "/quiet /norestart") -> Ran:
    """Install a cabinet."""
    return host.run(rf"{DISM} /packagepath:{cab} {rest}")


def hotfixes(host: Wire) -> set[str | None]:
    """What Win32_QuickFixEngineering lists."""
    return {row["HotFixID"] for row in host.rows("SELECT HotFixID FROM Win32_QuickFixEngineering")}


def restart(host: Wire) -> None:
    """Restart and wait until everything is up."""
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)


def pending(host: Wire, path: str, name: str) -> bool:
    """Is there a key of this name?"""
    listed = host.registry("EnumKey", path)["sNames"]
    return name in (listed if isinstance(listed, list) else [listed])


def log(host: Wire, path: str) -> str:
    """A log file."""
    file = host.host.machine.disk.file(path)
    return file.read().decode() if file is not None else ""


# -- the whole way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("persona", "update", "line"), GENERATIONS)
def test_the_whole_way(wire: MakeWire, persona: str, update: str, line: str) -> None:
    host = wire(persona=persona)
    cab = unpacked(host, update)
    ran = host.run(line.format(cab))
    assert (ran.code, ran.mutation) == (3010, True)
    assert host.shown["restart_pending"]
    assert update not in host.shown["updates"]
    assert pending(host, SERVICING, "RebootPending")
    assert update.upper() in hotfixes(host)
    restart(host)
    shown = host.shown
    assert (shown["restart_pending"], shown["boot_count"], shown["processes"]) == (False, 2, [])
    assert update in shown["updates"]
    assert not pending(host, SERVICING, "RebootPending")


def test_a_row_of_servicing(wire: MakeWire) -> None:
    host = wire(persona="server-2008-r2-sp1")
    dism(host, unpacked(host, "kb3079821"))
    (row,) = host.rows("SELECT * FROM Win32_QuickFixEngineering WHERE HotFixID='KB3079821'")
    assert row["InstalledBy"] == r"NT AUTHORITY\SYSTEM"
    assert row["ServicePackInEffect"] == ""
    assert row["InstalledOn"].count("/") == 2


def test_the_day_may_be_a_filetime_on_server_2008(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2", dials={"qfe_installed_on": "filetime"})
    host.run(f"start /w pkgmgr /ip /m:{unpacked(host, 'kb968912')} /quiet /norestart")
    (row,) = host.rows("SELECT InstalledOn FROM Win32_QuickFixEngineering WHERE HotFixID='KB968912'")
    seconds = int(row["InstalledOn"], 16) / 1e7 - 11_644_473_600
    assert abs(seconds - host.clock.now()) < 300


def test_a_row_may_be_hidden_until_the_restart(wire: MakeWire) -> None:
    host = wire(persona="server-2012", dials={"qfe_before_restart": "hidden"})
    dism(host, unpacked(host, "kb3172615"))
    assert "KB3172615" not in hotfixes(host)
    restart(host)
    assert "KB3172615" in hotfixes(host)


def test_an_update_may_need_only_a_restart_of_the_service(wire: MakeWire) -> None:
    host = wire(persona="server-2008-r2-sp1", dials={"msu_effect": "at_service_start"})
    ran = dism(host, unpacked(host, "kb2757817"))
    assert (ran.code, host.shown["restart_pending"]) == (0, False)
    assert "kb2757817" not in host.shown["updates"]
    assert not pending(host, SERVICING, "RebootPending")
    host.output("Win32_Service", "StopService", selectors={"Name": "sppsvc"})
    host.pass_time(60)
    host.output("Win32_Service", "StartService", selectors={"Name": "sppsvc"})
    host.pass_time(60)
    assert "kb2757817" in host.shown["updates"]


def test_a_key_is_taken_when_its_update_works_and_not_before(wire: MakeWire) -> None:
    without, host = wire(persona="server-2008-sp2"), wire(persona="server-2008-sp2")
    assert codes(without.licensing("InstallProductKey", ProductKey=KEY))[-1] == 0xC004F050
    host.run(f"start /w pkgmgr /ip /m:{unpacked(host, 'kb968912')} /quiet /norestart")
    assert codes(host.licensing("InstallProductKey", ProductKey=KEY))[-1] == 0xC004F050
    unused = wire(persona="server-2008-sp2")
    unused.run(f"start /w pkgmgr /ip /m:{unpacked(unused, 'kb968912')} /quiet /norestart")
    restart(unused)
    assert unused.licensing("InstallProductKey", ProductKey=KEY).status == 200


# -- what servicing objects to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "update", "windows", "architecture"),
    [
        ("server-2008-r2-sp1", "kb2885698", "6.2", "x64"),
        ("server-2012", "kb2885698", "6.1", "x64"),
        ("server-2008-r2-sp1", "kb3079821", "6.1", "x86"),
        ("server-2016", "kb3172614", "6.3", "x64"),
    ],
)
def test_a_package_for_another_windows_is_not_applicable(
    wire: MakeWire, persona: str, update: str, windows: str, architecture: str
) -> None:
    host = wire(persona=persona)
    assert dism(host, unpacked(host, update, windows, architecture)).code == NOT_APPLICABLE
    assert not host.shown["restart_pending"]


def test_the_exit_code_may_be_written_without_a_sign(wire: MakeWire) -> None:
    host = wire(persona="server-2012", dials={"exit_code_form": "unsigned"})
    assert dism(host, unpacked(host, "kb2885698", "6.1")).code == 0x800F081E


@pytest.mark.parametrize(("dial", "code"), [("0", 0), ("0x00240006", 0x240006), ("0x800f081e", NOT_APPLICABLE)])
def test_a_package_that_is_installed_already(wire: MakeWire, dial: str, code: int) -> None:
    host = wire(persona="server-2012", updates=("kb3172615",), dials={"already_installed": dial})
    assert dism(host, unpacked(host, "kb3172615")).code == code
    assert not host.shown["restart_pending"]


def test_a_package_that_waits_for_its_restart_says_so_again(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    cab = unpacked(host, "kb3172615")
    assert [dism(host, cab).code, dism(host, cab).code] == [3010, 3010]


def test_a_later_rollup_stands_for_the_earlier_ones(wire: MakeWire) -> None:
    host = wire(persona="server-2012-r2", updates=("KB5012345",))
    assert {"kb3172614", "kb4467695"} <= set(host.shown["updates"])
    assert "KB5012345" in hotfixes(host)
    assert not {"KB3172614", "KB4467695"} & hotfixes(host)
    assert dism(host, unpacked(host, "kb3172614")).code == NOT_APPLICABLE


def test_a_rollup_between_two_has_only_the_earlier_one(wire: MakeWire) -> None:
    host = wire(persona="server-2012-r2", updates=("KB4012345",))
    assert "kb3172614" in host.shown["updates"] and "kb4467695" not in host.shown["updates"]
    assert dism(host, unpacked(host, "kb4467695")).code == 3010


@pytest.mark.parametrize(
    ("persona", "installed", "older"),
    [
        ("server-2008-r2-sp1", "kb3079821", "kb2757817"),
        ("server-2012", "kb3172615", "kb2885698"),
        ("server-2012-r2", "kb3172614", "kb3058168"),
    ],
)
def test_an_update_that_contains_another(wire: MakeWire, persona: str, installed: str, older: str) -> None:
    host = wire(persona=persona, updates=(installed,))
    assert dism(host, unpacked(host, older)).code == NOT_APPLICABLE


@pytest.mark.parametrize(("dial", "code"), [("checked", NOT_APPLICABLE), ("not_checked", 3010)])
def test_a_rollup_may_need_the_spring_update(wire: MakeWire, dial: str, code: int) -> None:
    host = wire(persona="server-2012-r2", dials={"rollup_prerequisite": dial})
    fixes = host.host.machine.updates.hotfixes
    fixes[:] = [fix for fix in fixes if fix.id != "KB2919355"]
    assert dism(host, unpacked(host, "kb3172614")).code == code


@pytest.mark.parametrize(("dial", "code"), [("0xf0801", 0xF0801), ("0x80240016", 0x80240016 - 2**32)])
def test_a_second_installation_at_the_same_time_is_refused(wire: MakeWire, dial: str, code: int) -> None:
    host = wire(persona="server-2008-r2-sp1", dials={"servicing_busy": dial})
    first, second = unpacked(host, "kb2757817"), unpacked(host, "kb3079821")
    host.command_id(host.open_shell(), rf"{DISM} /packagepath:{first} /quiet /norestart")
    assert dism(host, second).code == code
    host.pass_time(120)
    assert "KB2757817" in hotfixes(host) and "KB3079821" not in hotfixes(host)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"{DISM} /quiet /norestart", 87),
        (rf"dism /online /packagepath:{FOLDER}\x.cab /quiet /norestart", 87),
        (rf"{DISM} /packagepath:{FOLDER}\x.cab /quiet /norestart /frobnicate", 87),
        (rf"{DISM} /packagepath:{FOLDER}\missing.cab /quiet /norestart", 2),
        (rf"{DISM} /packagepath:{FOLDER}\text.cab /quiet /norestart", INVALID_PACKAGE),
        (rf"{DISM} /packagepath:{FOLDER}\some.msu /quiet /norestart", 50),
    ],
)
def test_wrong_command_lines_and_files(wire: MakeWire, line: str, code: int) -> None:
    host = wire(persona="server-2012")
    put(host, b"no cabinet", "text.cab")
    put(host, b"MSCF", "some.msu")
    assert host.run(line).code == code
    assert not host.shown["restart_pending"]


def test_a_folder_with_the_files_of_a_package(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    cab = unpacked(host, "kb968912")
    host.run(rf"md {FOLDER}\files")
    assert host.run(rf"expand -F:* {cab} {FOLDER}\files").code == 0
    assert host.run(rf"start /w pkgmgr /ip /m:{FOLDER}\files /quiet /norestart").code == 3010


def test_there_is_no_dism_before_6_1(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    assert dism(host, unpacked(host, "kb968912")).code == 1
    assert not host.shown["restart_pending"]


def test_wusa_is_denied_as_ever(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    assert host.run(rf"wusa.exe {FOLDER}\x.msu /quiet /norestart").code == 5


# -- restarting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("persona", "update", "line"),
    [
        ("server-2012", "kb3172615", DISM + " /packagepath:{} /quiet"),
        ("server-2008-sp2", "kb968912", "start /w pkgmgr /ip /m:{} /quiet"),
    ],
)
def test_quiet_without_norestart_restarts_the_machine(wire: MakeWire, persona: str, update: str, line: str) -> None:
    host = wire(persona=persona)
    assert host.run(line.format(unpacked(host, update))).code == 3010
    host.pass_time(5)
    assert not host.host.reachable()
    host.pass_time(300)
    assert update in host.shown["updates"]


def test_without_quiet_and_norestart_dism_asks(wire: MakeWire) -> None:
    silent, answered = wire(persona="server-2012"), wire(persona="server-2012")
    with pytest.raises(AssertionError, match="does not end"):
        silent.run(f"{DISM} /packagepath:{unpacked(silent, 'kb3172615')}")
    ran = answered.run(f"{DISM} /packagepath:{unpacked(answered, 'kb3172615')}", [b"n\r\n"])
    assert (ran.code, answered.shown["boot_count"]) == (3010, 1)


def test_without_quiet_pkgmgr_shows_a_window(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    with pytest.raises(AssertionError, match="does not end"):
        host.run(f"start /w pkgmgr /ip /m:{unpacked(host, 'kb968912')} /norestart")
    assert "KB968912" not in hotfixes(host)


# -- start -----------------------------------------------------------------------------------------------------------


def test_nobody_waits_for_pkgmgr_without_start_w(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    cab = unpacked(host, "kb968912")
    for line in (f"pkgmgr.exe /ip /m:{cab} /quiet /norestart", f"start pkgmgr /ip /m:{cab} /quiet /norestart"):
        shell = host.open_shell()
        command = host.command_id(shell, line)
        assert host.receive(shell, command).status == 200
        assert "KB968912" not in hotfixes(host)
        assert "pkgmgr.exe" in {process["name"] for process in host.shown["processes"]}
        host.close_shell(shell)
        host.pass_time(200)
        assert "KB968912" not in hotfixes(host), "it died with its shell"


def test_it_goes_on_as_long_as_the_shell_is_open(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    host.command_id(host.open_shell(), f"pkgmgr /ip /m:{unpacked(host, 'kb968912')} /quiet /norestart")
    host.pass_time(120)
    assert "KB968912" in hotfixes(host)


def test_cmd_may_wait_for_pkgmgr_all_the_same(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2", dials={"cmd_waits_for_windows": "yes"})
    assert host.run(f"pkgmgr /ip /m:{unpacked(host, 'kb968912')} /quiet /norestart").code == 3010


def test_without_cmd_exe_the_shell_itself_waits(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    cab = unpacked(host, "kb968912")
    assert host.run(f"pkgmgr.exe /ip /m:{cab} /quiet /norestart", direct=True).code == 3010
    assert host.command(host.open_shell(), f"start /w pkgmgr /ip /m:{cab}", direct=True).status == 500


def test_start_takes_a_title_and_says_what_it_cannot_find(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    cab = unpacked(host, "kb968912")
    assert host.run("start /w nothing.exe").code == 9059
    ran = host.run(f'start "KMS" /min /wait pkgmgr /ip /m:"{cab}" /quiet /norestart')
    assert (ran.code, ran.mutation) == (3010, True)


# -- expand ----------------------------------------------------------------------------------------------------------


def test_expand_lists_and_picks(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    (package,) = catalogue(updates=["kb3172615"])
    msu = put(host, build(package), "some.msu")
    listed = host.run(f"expand -D {msu}")
    assert (listed.code, listed.mutation) == (0, False)
    assert f"{package.path.stem}.cab" in listed.out
    assert host.run(rf"expand /f:*.CAB {msu} {FOLDER}").code == 0
    assert host.shown["files_left"] == sorted(
        [FOLDER, msu, rf"{FOLDER}\WSUSSCAN.cab", rf"{FOLDER}\{package.path.stem}.cab"]
    )


@pytest.mark.parametrize("damage", ["cut", "bits", "empty"])
def test_expand_tells_a_damaged_file(wire: MakeWire, damage: str) -> None:
    host = wire(persona="server-2012")
    (package,) = catalogue(updates=["kb3172615"])
    content = build(package)
    broken = {"cut": content[:-30], "bits": content[:500] + b"\0\1\2" + content[503:], "empty": b""}[damage]
    assert host.run(rf"expand -F:* {put(host, broken, 'some.msu')} {FOLDER}").code == 1
    assert host.shown["files_left"] == [FOLDER, rf"{FOLDER}\some.msu"]


def test_expand_wants_a_file_and_a_folder(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    (package,) = catalogue(updates=["kb3172615"])
    msu = put(host, build(package), "some.msu")
    for line in (rf"expand -F:* {FOLDER}\no.msu {FOLDER}", rf"expand -F:* {msu} C:\none", f"expand {msu} {FOLDER}"):
        assert host.run(line).code == 1
    assert host.shown["files_left"] == [FOLDER, msu]


def test_a_signed_package_is_still_recognised(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    (package,) = catalogue(updates=["kb3172615"])
    msu = put(host, build(package) + bytes(1_488), "some.msu")  # a signature stands behind the cabinet
    assert host.run(rf"expand -F:* {msu} {FOLDER}").code == 0
    assert dism(host, rf"{FOLDER}\{package.path.stem}.cab").code == 3010


# -- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "code"), [("0x800f081e", NOT_APPLICABLE), ("0x00240006", 0x240006), ("1726", 1726)])
def test_servicing_that_fails_once(wire: MakeWire, kind: str, code: int) -> None:
    host = wire(persona="server-2012")
    cab = unpacked(host, "kb3172615")
    host.host.inject("installer-exit", [kind])
    assert dism(host, cab, rf"/quiet /norestart /logpath:{FOLDER}\dism.log").code == code
    assert "Failed" in log(host, rf"{FOLDER}\dism.log")
    assert "KB3172615" not in hotfixes(host)
    assert dism(host, cab).code == 3010


@pytest.mark.parametrize(
    ("persona", "update", "image", "line"),
    [
        ("server-2012", "kb3172615", "dism.exe", DISM + " /packagepath:{} /quiet /norestart"),
        ("server-2008-sp2", "kb968912", "pkgmgr.exe", "start /w pkgmgr.exe /ip /m:{} /quiet /norestart"),
    ],
)
def test_an_installation_that_hangs_can_be_ended_by_its_number(
    wire: MakeWire, persona: str, update: str, image: str, line: str
) -> None:
    host = wire(persona=persona)
    cab = unpacked(host, update)
    host.host.inject("installer-hang", [])
    shell = host.open_shell()
    command = host.command_id(shell, line.format(cab))
    host.pass_time(100)
    (row,) = host.rows(f"SELECT Handle, CommandLine FROM Win32_Process WHERE Name='{image}'")
    assert cab in row["CommandLine"]
    ended = host.output("Win32_Process", "Terminate", {"Reason": 1}, selectors={"Handle": row["Handle"]})
    assert ended["ReturnValue"] == "0"
    assert host.receive(shell, command).status == 200
    assert host.shown["processes"] == [process for process in host.shown["processes"] if "winrshost" in process["name"]]
    assert host.run(line.format(cab)).code == 3010


def test_a_hanging_installation_has_begun_its_log(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    cab = unpacked(host, "kb3172615")
    host.host.inject("installer-hang", [])
    host.command_id(host.open_shell(), f"{DISM} /packagepath:{cab} /quiet /norestart")
    for path in (r"C:\Windows\Logs\DISM\dism.log", r"C:\Windows\Logs\CBS\CBS.log"):
        assert "TrustedInstaller" in log(host, path)
    assert host.shown["files_left"] == [
        FOLDER,
        *(path for path in host.shown["files_left"] if path.startswith("C:\\up\\")),
    ]


@pytest.mark.parametrize(("dial", "there"), [("no", False), ("yes", True)])
def test_what_becomes_of_an_installation_whose_shell_is_closed(wire: MakeWire, dial: str, there: bool) -> None:
    host = wire(persona="server-2012", dials={"servicing_goes_on": dial})
    cab = unpacked(host, "kb3172615")
    shell = host.open_shell()
    host.command_id(shell, f"{DISM} /packagepath:{cab} /quiet /norestart")
    host.close_shell(shell)
    assert host.shown["processes"] == []
    assert dism(host, unpacked(host, "kb3058168"), "/quiet /norestart").code == (0xF0801 if there else 3010)
    host.pass_time(120)
    assert ("KB3172615" in hotfixes(host)) is there


def test_a_full_disk(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    cab = unpacked(host, "kb3172615")
    host.host.inject("disk-full", [])
    ran = host.run(rf"expand -F:* {FOLDER}\Windows8-RT-KB3172615-x64.msu {FOLDER}")
    assert (ran.code, "space" in ran.out) == (1, True)
    assert dism(host, cab).code == 112
    assert "KB3172615" not in hotfixes(host)


def test_a_full_disk_of_server_2008(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    cab = unpacked(host, "kb968912")
    host.host.inject("disk-full", [])
    assert host.run(f"start /w pkgmgr /ip /m:{cab} /quiet /norestart").code == 0x80070070 - 2**32


# -- what others have left -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dial", "path", "name"),
    [
        ("foreign_servicing", SERVICING, "RebootPending"),
        ("foreign_windows_update", WINDOWS_UPDATE, "RebootRequired"),
    ],
)
def test_others_may_wait_for_a_restart_too(wire: MakeWire, dial: str, path: str, name: str) -> None:
    host = wire(persona="server-2012-r2", dials={dial: "pending"})
    assert pending(host, path, name)
    assert not host.shown["restart_pending"], "it is none of ours"
    restart(host)
    assert not pending(host, path, name)
    parent, _, below = path.rpartition("\\")
    assert below in host.registry("EnumKey", parent)["sNames"], "only the mark itself is volatile"


@pytest.mark.parametrize("dial", ["after_restart", "at_service_start"])
def test_an_update_may_have_been_installed_by_hand_just_now(wire: MakeWire, dial: str) -> None:
    dials = {"msu_effect": dial, "qfe_before_restart": "shown"}
    host = wire(persona="server-2008-sp2", updates=("kb968912_unrestarted",), dials=dials)
    assert "KB968912" in hotfixes(host)
    assert pending(host, SERVICING, "RebootPending") == (dial == "after_restart")
    assert "kb968912" not in host.shown["updates"], "the service has not been started since either"
    restart(host)
    assert "kb968912" in host.shown["updates"]


def test_an_installation_of_ours_is_no_mark_of_windows_update(wire: MakeWire) -> None:
    host = wire(persona="server-2012")
    dism(host, unpacked(host, "kb3172615"))
    listed: dict[str, Any] = host.registry("EnumKey", WINDOWS_UPDATE)
    assert "RebootRequired" not in (listed.get("sNames") or [])
