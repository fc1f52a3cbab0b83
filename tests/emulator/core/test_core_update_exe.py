# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of KMS updates for Server 2003: every start, every language, and where an installation can be seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import Wire

from emulated_windows.packages import build, catalogue

MakeWire = Callable[..., Wire]
FOLDER = r"C:\up"
PERSONAS = {"x86": ("server-2003-sp2-x86", "server-2003-sp1-x86"), "x64": ("server-2003-sp2-x64", "server-2003-r2")}
STARTS = {
    "bare": ("kms_1_0", "kms_1_2"),
    "kms_1_0_unrestarted": ("kms_1_2",),
    "kms_1_0": ("kms_1_1", "kms_1_2"),
    "kms_1_1_unrestarted": ("kms_1_2",),
    "kms_1_1": ("kms_1_2",),
    "kms_1_2_unrestarted": (),
    "kms_1_2": (),
}
SWITCHES = {"kms_1_0": "/quiet /norestart", "kms_1_1": "/quiet /norestart", "kms_1_2": "/quiet /norestart"}
UPDATES = r"SOFTWARE\Microsoft\Updates\Windows Server 2003"
UNINSTALL = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
WRONG_LANGUAGE, OLD_SERVICE_PACK, WRONG_SYSTEM = 0xF0DA, 0xF0F1, 0xF0E0


def put(host: Wire, update: str, language: str = "ENU") -> str:
    """Lay the package of an update for this machine on its disk."""
    machine = host.host.machine
    (package,) = catalogue(language, updates=[update], architectures=[machine.persona.release.architecture])
    machine.disk.make_folder(FOLDER)
    path = rf"{FOLDER}\{package.path.name}"
    machine.disk.write(path, build(package), host.clock.now())
    return path


def restart(host: Wire) -> None:
    """Restart and wait until everything is up."""
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)


def log(host: Wire, path: str, encoding: str = "cp1252") -> str:
    """A log file."""
    file = host.host.machine.disk.file(path)
    return file.read().decode(encoding) if file is not None else ""


def size(host: Wire, path: str) -> str | None:
    """The size of a file, None where it is missing."""
    name = path.replace("\\", "\\\\")
    rows = host.rows(f"SELECT FileSize FROM CIM_DataFile WHERE Name='{name}'")
    return rows[0]["FileSize"] if rows else None


def witnesses(host: Wire, kb: str) -> set[str]:
    """Where an update can be seen."""
    found = set()
    if host.rows(f"SELECT HotFixID FROM Win32_QuickFixEngineering WHERE HotFixID='{kb}'"):
        found.add("qfe")
    for folder in ("SP2", "SP3"):
        if host.registry("EnumKey", rf"{UPDATES}\{folder}\{kb}")["ReturnValue"] == "0":
            found.add(folder)
    if host.registry("GetStringValue", rf"{UNINSTALL}\{kb}", sValueName="DisplayName")["ReturnValue"] == "0":
        found.add("uninstall")
    return found


@pytest.mark.parametrize("language", ["ENU", "DEU", "JPN"])
@pytest.mark.parametrize("architecture", ["x86", "x64"])
@pytest.mark.parametrize("start", STARTS)
def test_from_every_start_to_1_2(wire: MakeWire, start: str, architecture: str, language: str) -> None:
    host = wire(persona=PERSONAS[architecture][0], start=start, language=language)
    for update in STARTS[start]:
        ran = host.run(f"{put(host, update, language)} {SWITCHES[update]}")
        assert ran.code == 3010
    restart(host)
    shown = host.shown
    assert (shown["kms_version"], shown["restart_pending"]) == ("1.2", False)
    assert set(STARTS[start]) <= set(shown["updates"])


@pytest.mark.parametrize("update", ["kms_1_0", "kms_1_1", "kms_1_2"])
@pytest.mark.parametrize(("language", "code_page"), [("DEU", "cp1252"), ("JPN", "cp932")])
def test_a_package_of_another_language_is_refused(wire: MakeWire, update: str, language: str, code_page: str) -> None:
    host = wire(start="bare" if update == "kms_1_0" else "kms_1_0", language=language)
    before = host.shown["hotfixes"]
    assert host.run(rf"{put(host, update)} /quiet /norestart /log:{FOLDER}\setup.log").code == WRONG_LANGUAGE
    said = log(host, rf"{FOLDER}\setup.log", code_page)
    assert f"0x{WRONG_LANGUAGE:x}" in said
    assert "language" not in said, "the log speaks the language of the machine"
    assert (host.shown["hotfixes"], host.shown["restart_pending"]) == (before, False)


@pytest.mark.parametrize(("dial", "code"), [("2", OLD_SERVICE_PACK), ("1", 3010)])
def test_the_service_pack_kms_1_2_needs_is_disputed(wire: MakeWire, dial: str, code: int) -> None:
    host = wire(persona="server-2003-sp1-x86", start="kms_1_0", dials={"kms12_service_pack": dial})
    assert host.run(f"{put(host, 'kms_1_2')} /quiet /norestart").code == code


def test_kms_1_1_is_content_with_service_pack_1(wire: MakeWire) -> None:
    host = wire(persona="server-2003-sp1-x86", start="kms_1_0")
    assert host.run(f"{put(host, 'kms_1_1')} /quiet /norestart").code == 3010


def test_an_edition_may_be_refused(wire: MakeWire) -> None:
    host = wire(start="kms_1_0", dials={"kms12_edition": "refused"})
    assert host.run(f"{put(host, 'kms_1_2')} /quiet /norestart").code == WRONG_SYSTEM
    assert host.run(f"{put(host, 'kms_1_1')} /quiet /norestart").code == 3010


def test_a_package_for_server_2003_does_not_install_later(wire: MakeWire) -> None:
    host = wire(persona="server-2008-r2-sp1")
    assert host.run(f"{put(host, 'kms_1_2')} /quiet /norestart").code == WRONG_SYSTEM


def test_kms_1_1_after_1_2_takes_nothing_back(wire: MakeWire) -> None:
    host = wire(start="kms_1_2")
    newer = size(host, r"C:\WINDOWS\system32\slmgr.vbs")
    assert host.run(f"{put(host, 'kms_1_1')} /quiet /norestart").code == 3010
    restart(host)
    assert host.shown["kms_version"] == "1.2"
    assert size(host, r"C:\WINDOWS\system32\slmgr.vbs") == newer


# -- witnesses -------------------------------------------------------------------------------------------------------


def test_the_file_table_of_kb948003(wire: MakeWire) -> None:
    host = wire(start="kms_1_1")
    assert size(host, r"C:\WINDOWS\system32\Slmgr.vbs") == "73934"
    assert size(host, r"C:\WINDOWS\system32\wbem\Sppwmi.mof") == "25432"
    assert size(host, r"C:\WINDOWS\system32\Kms08cfg.xrm") == "14378"
    for name in ("Kms1oob.xrm", "Kms4ppd.xrm", "Kmsphone.inf", "Slmgr.ini"):
        assert size(host, rf"C:\WINDOWS\system32\{name}") is not None


def test_files_of_1_2_are_other_ones(wire: MakeWire) -> None:
    older, newer = wire(start="kms_1_1"), wire(start="kms_1_2")
    for path in (r"C:\WINDOWS\system32\slmgr.vbs", r"C:\WINDOWS\system32\wbem\sppwmi.mof"):
        assert int(size(newer, path) or 0) > int(size(older, path) or 0)


def test_the_mof_may_lie_elsewhere(wire: MakeWire) -> None:
    host = wire(start="kms_1_1", dials={"kms_mof_folder": "system32"})
    assert size(host, r"C:\WINDOWS\system32\wbem\Sppwmi.mof") is None
    assert size(host, r"C:\WINDOWS\system32\Sppwmi.mof") == "25432"


@pytest.mark.parametrize(
    ("dials", "found"),
    [
        ({}, {"qfe", "SP3", "uninstall"}),
        ({"uninstall_key": "absent"}, {"qfe", "SP3"}),
        ({"installed_witness": "qfe_only", "uninstall_key": "absent"}, {"qfe"}),
        ({"installed_witness": "qfe_only"}, {"qfe", "uninstall"}),
        ({"installed_witness": "registry_sp3_only", "uninstall_key": "absent"}, {"SP3"}),
        ({"installed_witness": "registry_sp2_only", "uninstall_key": "absent"}, {"SP2"}),
    ],
)
def test_each_witness_has_its_dial(wire: MakeWire, dials: dict[str, str], found: set[str]) -> None:
    assert witnesses(wire(start="kms_1_2", dials=dials), "KB968915") == found


def test_a_registered_update_whose_files_are_old(wire: MakeWire) -> None:
    host = wire(start="kms_1_1", dials={"kms_files": "old"})
    assert witnesses(host, "KB948003") == {"qfe", "SP3", "uninstall"}
    assert size(host, r"C:\WINDOWS\system32\slmgr.vbs") == "70112"
    assert size(host, r"C:\WINDOWS\system32\wbem\Sppwmi.mof") is None


# -- an installer that hangs -----------------------------------------------------------------------------------------


def test_an_installer_that_hangs_has_begun_its_log_and_can_be_ended(wire: MakeWire) -> None:
    host = wire(start="kms_1_0", language="JPN")
    path = put(host, "kms_1_2", "JPN")
    host.host.inject("installer-hang", [])
    shell = host.open_shell()
    command = host.command_id(shell, rf"{path} /quiet /norestart /log:{FOLDER}\setup.log")
    host.pass_time(100)
    assert "Update.exe" in log(host, rf"{FOLDER}\setup.log", "cp932")
    (row,) = host.rows("SELECT Handle, CommandLine FROM Win32_Process WHERE Name='update.exe'")
    assert row["CommandLine"].endswith(rf"/quiet /norestart /log:{FOLDER}\setup.log")
    host.output("Win32_Process", "Terminate", {"Reason": 1}, selectors={"Handle": row["Handle"]})
    assert host.receive(shell, command).status == 200
    assert host.run(f"{path} /quiet /norestart").code == 3010
