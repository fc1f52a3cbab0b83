# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for update packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import KEY, KMS_1_0, KMS_1_1, SERVER_2008_KEY, VISTA_KEY, Wire, codes, package

MakeWire = Callable[..., Wire]
PATH = r"C:\up\package.exe"
QUIET = f"{PATH} /quiet /norestart"


def put(host: Wire, data: bytes, path: str = PATH) -> None:
    """Lay a file on the emulated disk."""
    host.host.machine.disk.make_folder(path.rpartition("\\")[0])
    host.host.machine.disk.write(path, data, host.clock.now())


def restart(host: Wire) -> None:
    """Restart and wait until everything is up."""
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)


def log(host: Wire, path: str) -> str:
    """A log file."""
    file = host.host.machine.disk.file(path)
    return file.read().decode() if file is not None else ""


def test_the_whole_way_from_bare_to_1_2(wire: MakeWire) -> None:
    host = wire()
    put(host, package(**KMS_1_0))
    assert host.run(f"{PATH} /q").code == 3010
    restart(host)
    assert host.shown["kms_version"] == "1.0"
    put(host, package())
    ran = host.run(QUIET)
    assert (ran.code, ran.mutation) == (3010, True)
    shown = host.shown
    assert (shown["kms_version"], shown["restart_pending"], shown["boot_count"]) == ("1.0", True, 2)
    assert "KB968915" in shown["hotfixes"]
    restart(host)
    shown = host.shown
    assert (shown["kms_version"], shown["restart_pending"], shown["boot_count"]) == ("1.2", False, 3)
    assert shown["processes"] == []


def test_an_installation_takes_a_while_and_can_be_seen(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    shell = host.open_shell()
    host.command_id(shell, QUIET)
    names = {process["name"] for process in host.shown["processes"]}
    assert {"package.exe", "update.exe"} <= names
    assert host.rows("SELECT Name FROM Win32_Process WHERE Name='update.exe'") == [{"Name": "update.exe"}]
    assert "KB968915" not in host.shown["hotfixes"]
    host.pass_time(60)
    assert "KB968915" in host.shown["hotfixes"]
    assert host.rows("SELECT Name FROM Win32_Process WHERE Name='update.exe'") == []


def test_an_installation_dies_with_its_shell(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    shell = host.open_shell()
    host.command_id(shell, QUIET)
    host.close_shell(shell)
    host.pass_time(120)
    assert "KB968915" not in host.shown["hotfixes"]
    assert host.shown["processes"] == []


def test_a_second_installation_at_the_same_time_fails(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    put(host, package(**KMS_1_1), r"C:\up\other.exe")
    host.command_id(host.open_shell(), QUIET)
    assert host.run(r"C:\up\other.exe /quiet /norestart").code == 0xF0EA
    host.pass_time(120)
    assert "KB948003" not in host.shown["hotfixes"]
    assert "KB968915" in host.shown["hotfixes"]


def test_quiet_without_norestart_restarts_the_machine(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    assert host.run(f"{PATH} /quiet").code == 1641
    host.pass_time(5)
    assert not host.host.reachable()
    host.pass_time(200)
    assert host.shown["boot_count"] == 2
    assert host.shown["kms_version"] == "1.2"


@pytest.mark.parametrize("arguments", ["", "/norestart", "/quite /norestart", "/quiet /norestart /frobnicate", "/help"])
def test_without_quiet_it_waits_for_a_window(wire: MakeWire, arguments: str) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    with pytest.raises(AssertionError, match="does not end"):
        host.run(f"{PATH} {arguments}")
    assert host.shown["kms_version"] == "1.0"


@pytest.mark.parametrize(
    ("description", "arguments"), [({"engine": "unknown"}, "/quiet /norestart"), ({"engine": "unknown"}, "/passive")]
)
def test_an_unknown_engine_does_not_know_the_switches(
    wire: MakeWire, description: dict[str, Any], arguments: str
) -> None:
    host = wire(start="kms_1_0")
    put(host, package(**description))
    with pytest.raises(AssertionError, match="does not end"):
        host.run(f"{PATH} {arguments}")


def test_a_log_file(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    host.run(f"{QUIET} /log:%SystemRoot%\\KMS-KB968915.log")
    assert "exit code = 0xbc2" in log(host, r"C:\WINDOWS\KMS-KB968915.log")
    [row] = host.rows(r"SELECT LastModified FROM CIM_DataFile WHERE Name='C:\\WINDOWS\\KMS-KB968915.log'")
    [system] = host.rows("SELECT LastBootUpTime FROM Win32_OperatingSystem")
    assert row["LastModified"] > system["LastBootUpTime"]
    assert host.shown["files_left"] == [r"C:\up", PATH]


def test_an_unknown_engine_writes_no_log(wire: MakeWire) -> None:
    host = wire()
    put(host, package(**KMS_1_0))
    host.run(f"{PATH} /q /log:C:\\kms.log")
    assert host.host.machine.disk.file(r"C:\kms.log") is None


@pytest.mark.parametrize(
    ("start", "description", "code"),
    [
        ("bare", {}, 0xF0F4),
        ("bare", KMS_1_1, 0xF0F4),
        ("kms_1_0", {"language": "DEU"}, 0xF0DA),
        ("kms_1_0", {"architecture": "x64"}, 0xF0E1),
        ("kms_1_0", {"min_service_pack": 3}, 0xF0F1),
    ],
)
def test_prerequisites(wire: MakeWire, start: str, description: dict[str, Any], code: int) -> None:
    host = wire(start=start)
    put(host, package(**description))
    before = host.shown["hotfixes"]
    assert host.run(f"{QUIET} /log:C:\\failed.log").code == code
    assert f"0x{code:x}" in log(host, r"C:\failed.log")
    assert host.shown["hotfixes"] == before
    assert not host.shown["restart_pending"]


def test_what_is_no_package_does_not_run(wire: MakeWire) -> None:
    host = wire()
    put(host, b"MZ" + bytes(100_000))
    assert host.run(QUIET).code == 193
    put(host, b"not even a program")
    assert host.run(QUIET).code == 193
    put(host, b"MZ EMULATED-PACKAGE:{no json\n")
    assert host.run(QUIET).code == 193


def test_a_marker_may_lie_across_the_border_of_two_chunks(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    whole = package()
    start = whole.index(b"EMULATED-PACKAGE:")
    for shift in (65_536 - start - 5, 65_536 - start - 40):
        put(host, whole[:2] + bytes(start + shift - 2) + whole[start:])
        assert host.run(QUIET).code == 3010


def test_a_package_runs_without_cmd_exe_too(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    assert host.run(QUIET, direct=True).code == 3010
    created = host.output("Win32_Process", "Create", {"CommandLine": QUIET})
    assert created["ReturnValue"] == "0"


@pytest.mark.parametrize(
    ("witness", "hotfix", "folder"),
    [
        ("registry_sp3_and_qfe", True, "SP3"),
        ("qfe_only", True, None),
        ("registry_sp2_only", False, "SP2"),
        ("registry_sp3_only", False, "SP3"),
    ],
)
def test_where_an_update_can_be_seen(wire: MakeWire, witness: str, hotfix: bool, folder: str | None) -> None:
    host = wire(start="kms_1_0", dials={"installed_witness": witness})
    put(host, package())
    host.run(QUIET)
    rows = host.rows("SELECT HotFixID FROM Win32_QuickFixEngineering WHERE HotFixID='KB968915'")
    assert bool(rows) is hotfix
    below = host.registry("EnumKey", r"SOFTWARE\Microsoft\Updates\Windows Server 2003")["sNames"]
    assert below == folder
    if folder:
        path = rf"SOFTWARE\Microsoft\Updates\Windows Server 2003\{folder}\KB968915"
        assert host.registry("GetStringValue", path, sValueName="InstallerName")["sValue"] == "Update.exe"


@pytest.mark.parametrize(
    ("mark", "path", "name"),
    [
        ("value", r"SOFTWARE\Microsoft\Updates", "UpdateExeVolatile"),
        ("subkey", r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile", "Flags"),
    ],
)
def test_the_volatile_mark_is_gone_after_a_restart(wire: MakeWire, mark: str, path: str, name: str) -> None:
    host = wire(start="kms_1_0", dials={"volatile_mark": mark})
    put(host, package())
    host.run(QUIET)
    assert host.registry("GetDWORDValue", path, sValueName=name) == {"ReturnValue": "0", "uValue": "2"}
    restart(host)
    assert host.registry("GetDWORDValue", path, sValueName=name)["ReturnValue"] == "2"


def test_there_may_be_no_mark_at_all(wire: MakeWire) -> None:
    host = wire(start="kms_1_0", dials={"volatile_mark": "none"})
    put(host, package())
    host.run(QUIET)
    key = r"SOFTWARE\Microsoft\Updates"
    assert host.registry("GetDWORDValue", key, sValueName="UpdateExeVolatile")["ReturnValue"] == "2"
    assert host.shown["restart_pending"]


@pytest.mark.parametrize("text", [KEY, SERVER_2008_KEY, VISTA_KEY])
def test_no_key_is_taken_before_the_restart(wire: MakeWire, text: str) -> None:
    host = wire(start="kms_1_2_unrestarted")
    assert codes(host.licensing("InstallProductKey", ProductKey=text))[-1] == 0xC004F050
    restart(host)
    assert host.licensing("InstallProductKey", ProductKey=text).status == 200


def test_kms_1_0_may_need_no_restart(wire: MakeWire) -> None:
    host = wire(dials={"kms10_restart": "not_required"})
    put(host, package(**KMS_1_0))
    assert host.run(f"{PATH} /q").code == 0
    assert host.shown["kms_version"] == "1.0"
    assert host.licensing("InstallProductKey", ProductKey=VISTA_KEY).status == 200


@pytest.mark.parametrize(("before", "status"), [("class_present", 200), ("class_absent", 500)])
def test_kms_1_0_before_its_restart(wire: MakeWire, before: str, status: int) -> None:
    host = wire(dials={"kms10_before_restart": before, "kms10_exit_code": "0"})
    put(host, package(**KMS_1_0))
    assert host.run(f"{PATH} /q").code == 0
    assert host.enumerate("SELECT * FROM SoftwareLicensingProduct").status == status
    assert host.shown["kms_version"] is None
    assert host.shown["restart_pending"]


# -- faults ----------------------------------------------------------------------------------------------------------


def test_an_installer_that_hangs_once(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    host.host.inject("installer-hang", [])
    with pytest.raises(AssertionError, match="does not end"):
        host.run(QUIET)
    host.pass_time(200)  # its shell has run into the idle time-out
    assert host.run(QUIET).code == 3010


def test_an_installer_that_runs_cannot_be_deleted(wire: MakeWire) -> None:
    """ERROR_ACCESS_DENIED, until it ends or its shell is closed."""
    host = wire(start="kms_1_0")
    put(host, package())
    host.host.inject("installer-hang", [])
    shell = host.open_shell()
    host.command_id(shell, QUIET)
    assert host.run(f"del {PATH}").err.splitlines() == [PATH, "Access is denied."]
    assert host.host.machine.disk.file(PATH) is not None
    host.close_shell(shell)
    host.run(f"del {PATH}")
    assert host.host.machine.disk.file(PATH) is None


def test_an_installer_that_fails_once(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    host.host.inject("installer-exit", ["0xF0C1"])
    assert host.run(f"{QUIET} /log:C:\\f.log").code == 0xF0C1
    assert "0xf0c1" in log(host, r"C:\f.log")
    assert host.run(QUIET).code == 3010


def test_an_installer_on_a_full_disk(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    put(host, package())
    host.host.inject("disk-full", [])
    assert host.run(QUIET).code == 112
