# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting: what answers until when, and what is gone afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from corewire import KEY, Wire, codes, package

MakeWire = Callable[..., Wire]


def boot_time(host: Wire) -> datetime:
    """LastBootUpTime."""
    [row] = host.rows("SELECT LastBootUpTime FROM Win32_OperatingSystem")
    return datetime.fromisoformat(row["LastBootUpTime"].replace("Z", "+00:00"))


def until(host: Wire, condition: Callable[[], bool], limit: int = 600) -> int:
    """Seconds until a condition holds."""
    for seconds in range(limit):
        if condition():
            return seconds
        host.clock.advance(1)
    raise AssertionError("it never happens")


@pytest.mark.parametrize("how", ["Reboot", "Win32Shutdown", "shutdown"])
def test_the_course_of_a_restart(wire: MakeWire, how: str) -> None:
    host = wire(start="kms_1_2")
    before = boot_time(host)
    if how == "shutdown":
        assert host.run('shutdown.exe /r /f /t 0 /c "for a test" /d p:4:2').code == 0
    else:
        arguments = {"Flags": 6, "Reserved": 0} if how == "Win32Shutdown" else {}
        assert host.output("Win32_OperatingSystem", how, arguments) == {"ReturnValue": "0"}
    assert host.host.reachable()  # WinRM goes on answering for a moment
    assert until(host, lambda: not host.host.reachable()) in range(1, 7)
    assert host.host.dial(1688, "10.1.2.3") == "filtered"
    assert until(host, host.host.reachable) in range(115, 126)
    assert boot_time(host) > before
    assert host.shown["boot_count"] == 2
    assert host.enumerate("SELECT * FROM SoftwareLicensingService").status == 500  # it starts a little later
    until(host, lambda: host.enumerate("SELECT * FROM SoftwareLicensingService").status == 200, 30)


def test_a_machine_that_goes_down_answers_no_more(wire: MakeWire) -> None:
    host = wire()
    host.output("Win32_OperatingSystem", "Reboot")
    until(host, lambda: not host.host.reachable())
    reply = host.enumerate("SELECT * FROM Win32_Service")
    assert (reply.drop, reply.body) == (True, b"")


def test_an_answer_that_comes_too_late_is_lost(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, "pause")
    host.receive(shell, command)
    host.output("Win32_OperatingSystem", "Reboot")
    reply = host.receive(shell, command)
    assert reply.drop
    assert 0 < reply.delay < 6


def test_a_forced_restart_may_lose_its_own_answer(wire: MakeWire) -> None:
    host = wire(dials={"reboot_answer": "connection_lost"})
    reply = host.invoke("Win32_OperatingSystem", "Reboot")
    assert reply.drop
    until(host, lambda: not host.host.reachable())


def test_a_restart_of_two_seconds_keeps_its_proportions(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", boot_seconds=2.0)
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(0.2)
    assert not host.host.reachable()
    host.pass_time(2.1)
    assert host.host.reachable()
    host.pass_time(0.5)
    assert host.enumerate("SELECT * FROM SoftwareLicensingService").status == 200


def test_a_second_restart_at_the_same_time(wire: MakeWire) -> None:
    host = wire()
    host.output("Win32_OperatingSystem", "Reboot")
    assert host.output("Win32_OperatingSystem", "Reboot") == {"ReturnValue": "1115"}
    assert host.run("shutdown /r /t 0").code == 1115


def test_a_countdown_can_be_called_off(wire: MakeWire) -> None:
    host = wire()
    assert host.run("shutdown -r -t 30").code == 0
    host.pass_time(20)
    assert host.run("shutdown /a").code == 0
    host.pass_time(60)
    assert host.host.reachable()
    assert host.shown["boot_count"] == 1
    assert host.run("shutdown /a").code == 1116
    assert host.run("shutdown /r /t 10").code == 0
    host.pass_time(20)
    assert not host.host.reachable()


@pytest.mark.parametrize("arguments", ["", "/s /t 0", "/r /t soon", "/r /t 601", "/l"])
def test_what_shutdown_does_not_take(wire: MakeWire, arguments: str) -> None:
    host = wire()
    assert host.run(f"shutdown {arguments}").code == 1
    host.pass_time(60)
    assert host.shown["boot_count"] == 1


def test_the_privilege_by_dial(wire: MakeWire) -> None:
    host = wire(dials={"reboot": "returns_1314"})
    assert host.output("Win32_OperatingSystem", "Reboot") == {"ReturnValue": "1314"}
    host = wire(dials={"reboot": "privilege_not_held_fault_0x80041062"})
    assert codes(host.invoke("Win32_OperatingSystem", "Reboot"))[-1] == 0x80041062
    assert host.run("shutdown /r /f /t 0").code == 0  # still works


def test_a_flag_without_restart_does_nothing(wire: MakeWire) -> None:
    host = wire()
    assert host.output("Win32_OperatingSystem", "Win32Shutdown", {"Flags": 1}) == {"ReturnValue": "1314"}
    host.pass_time(20)
    assert host.host.reachable()


def test_what_does_not_outlive_a_restart(wire: MakeWire) -> None:
    host = wire(start="kms_1_0")
    host.host.machine.disk.write(r"C:\p.exe", package(), host.clock.now())
    shell = host.open_shell()
    host.command_id(shell, r"C:\p.exe /quiet /norestart")
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)
    shown = host.shown
    assert (shown["shells_open"], shown["processes"]) == (0, [])
    assert "KB968915" not in shown["hotfixes"]  # the installation did not get to its end
    assert codes(host.command(shell, "ver"))[0] == 2150858843


def test_what_outlives_a_restart(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials={"auto_activation": "off"})
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.on_product("Activate")
    host.registry("CreateKey", r"SOFTWARE\activation.kms")
    host.run("netsh firewall add portopening TCP 1688 KMS")
    host.run("echo x > C:\\x.txt")
    before = host.shown
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)
    after = host.shown
    for name in ("registry", "products", "open_ports", "files_left", "activations_spent"):
        assert after[name] == before[name]
    assert after["listening"] == [1688]
    assert len(host.published) == 2  # the service has started anew


def test_an_activation_cut_off_by_a_restart_is_spent_and_lost(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials={"auto_activation": "off", "activation_duration": "beyond_timeout"})
    host.licensing("InstallProductKey", ProductKey=KEY)
    host.on_product("Activate")
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)
    assert host.shown["activations_spent"] == {"67892": 1}
    assert host.product()["LicenseStatus"] == "2"


def test_services_come_back_by_their_start_mode(wire: MakeWire) -> None:
    host = wire()
    states = {row["Name"]: row["State"] for row in host.rows("SELECT Name,State FROM Win32_Service")}
    host.output("Win32_Service", "ChangeStartMode", {"StartMode": "Disabled"}, selectors={"Name": "Spooler"})
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(300)
    found = {row["Name"]: row["State"] for row in host.rows("SELECT Name,State FROM Win32_Service")}
    assert found == {**states, "Spooler": "Stopped"}


@pytest.mark.parametrize("mode", ["Manual", "Disabled"])
def test_a_machine_whose_winrm_does_not_start_never_comes_back(wire: MakeWire, mode: str) -> None:
    host = wire(winrm_start_mode=mode)
    assert host.rows("SELECT StartMode FROM Win32_Service WHERE Name='WinRM'") == [{"StartMode": mode}]
    host.output("Win32_OperatingSystem", "Reboot")
    host.pass_time(100_000)
    assert not host.host.reachable()
    assert host.shown["boot_count"] == 2


def test_the_boot_time_may_wobble(wire: MakeWire) -> None:
    host = wire(dials={"boot_time_wobble": "1"})
    assert len({boot_time(host) for _ in range(40)}) == 2


def test_wake_at_leads_through_a_restart(wire: MakeWire) -> None:
    host = wire(start="kms_1_2")
    host.output("Win32_OperatingSystem", "Reboot")
    steps = 0
    while (wake := host.host.wake_at()) is not None:
        host.clock.advance(max(0.0, wake - host.clock.now()))
        steps += 1
        assert steps < 20
    assert host.host.reachable()
    assert host.enumerate("SELECT * FROM SoftwareLicensingService").status == 200


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_slow_boot_is_slow_once(wire: MakeWire) -> None:
    host = wire()
    host.host.inject("slow-boot", ["600"])
    for expected in (range(715, 731), range(115, 131)):
        host.output("Win32_OperatingSystem", "Reboot")
        until(host, lambda: not host.host.reachable())
        assert until(host, host.host.reachable, 1000) in expected


def test_a_flapping_boot(wire: MakeWire) -> None:
    host = wire()
    host.host.inject("flap", ["2"])
    host.output("Win32_OperatingSystem", "Reboot")
    seen: list[bool] = []
    for _ in range(300):
        host.clock.advance(1)
        state = host.host.reachable()
        if not seen or seen[-1] is not state:
            seen.append(state)
    assert seen == [True, False, True, False, True, False, True]


def test_transport_faults_count_requests(wire: MakeWire) -> None:
    host = wire()
    host.host.inject("drop", ["2"])
    host.host.inject("drop-answer", ["3"])
    host.host.inject("stale", ["4"])
    assert [host.host.take_transport_fault() for _ in range(6)] == [None, "drop", "drop-after", "stale", None, None]


def test_the_quota_fault(wire: MakeWire) -> None:
    host = wire()
    host.host.inject("quota", ["2"])
    query = "SELECT Version FROM Win32_OperatingSystem"
    assert host.enumerate(query).status == 200
    assert codes(host.enumerate(query)) == [2150859174]
    assert host.enumerate(query).status == 200


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("earthquake", []),
        ("drop", ["soon"]),
        ("slow-boot", []),
        ("service-stopped", ["nothing"]),
        ("flap", ["x"]),
        ("installer-exit", []),
    ],
)
def test_faults_that_do_not_exist(wire: MakeWire, kind: str, args: list[str]) -> None:
    with pytest.raises(ValueError, match=kind):
        wire().host.inject(kind, args)


def test_clear_ends_all_faults(wire: MakeWire) -> None:
    host = wire()
    faults: dict[str, list[Any]] = {"drop": ["1"], "quota": ["1"], "disk-full": [], "no-kms-answer": []}
    for kind, args in faults.items():
        host.host.inject(kind, args)
    host.host.inject("clear", [])
    assert host.host.take_transport_fault() is None
    assert host.enumerate("SELECT Version FROM Win32_OperatingSystem").status == 200
    assert host.run("echo x > C:\\x.txt").code == 0


@pytest.mark.parametrize(
    ("setting", "people", "flags", "expected"),
    [
        ("goes_ahead", ("remote",), 2, "0"),
        ("refused_1191", ("remote",), 2, "1191"),
        ("refused_1191", ("remote",), 6, "0"),
        ("refused_1191", (), 2, "0"),
    ],
)
def test_people_may_be_in_the_way_of_a_polite_restart(
    wire: MakeWire, setting: str, people: tuple[str, ...], flags: int, expected: str
) -> None:
    host = wire(persona="server-2016", sessions=people, dials={"restart_with_people": setting})
    answer = host.output("Win32_OperatingSystem", "Win32Shutdown", {"Flags": flags})
    assert answer == {"ReturnValue": expected}
