# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand as a client meets them on real sockets: what it sees, and whether the work was done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import winrm
from served import PASSWORD, SOURCE, Command, dialled, fresh_address, wait_for
from winrm.exceptions import WinRMOperationTimeoutError, WinRMTransportError, WSManFaultError

from emulated_windows.faults import KINDS

README = SOURCE.parent / "README.md"
BOOT = 1.0


class Machine:
    """One machine that is served, by NTLM."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.address = fresh_address()
        self.path = command.folder / "ESTATE.yml"
        self.path.write_text(
            f"credentials: {{user: Administrator, password: {PASSWORD}}}\n"
            f"boot_seconds: {BOOT}\n"
            f"hosts:\n  kms22: {{persona: server-2022, address: {self.address}}}\n"
            f"  kms03: {{persona: server-2003-sp2-x86, address: {fresh_address()}, transport: basic}}\n"
        )
        command.serve(self.path)

    def protocol(self) -> Any:
        return winrm.Protocol(
            f"http://{self.address}:5985/wsman",
            transport="ntlm",
            username="Administrator",
            password=PASSWORD,
            server_cert_validation="ignore",
            operation_timeout_sec=1,
            read_timeout_sec=2,
        )

    def fault(self, *arguments: str) -> None:
        done = self.command.run("fault", self.path, "kms22", *arguments)
        assert done.returncode == 0, done.stderr

    def show(self) -> dict[str, Any]:
        found = json.loads(self.command.run("show", self.path, "kms22").stdout)
        assert isinstance(found, dict)
        return found

    def shells(self) -> int:
        return int(self.show()["shells_open"])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    command = Command(tmp_path_factory.mktemp("wire"))
    yield Machine(command)
    command.clean()


@pytest.mark.parametrize(
    ("fault", "seen", "opened"),
    [
        ("drop", requests.exceptions.ConnectionError, 0),
        ("reset", requests.exceptions.ConnectionError, 0),
        ("hang", requests.exceptions.ReadTimeout, 0),
        ("drop-answer", requests.exceptions.ConnectionError, 1),
        ("hang-answer", requests.exceptions.ReadTimeout, 1),
        ("time-out", WinRMOperationTimeoutError, 1),
        ("stale", WinRMTransportError, 0),
        ("quota", WSManFaultError, 0),
        ("quota-shells", WSManFaultError, 0),
        ("quota-user", WSManFaultError, 0),
        ("quota-system", WSManFaultError, 0),
    ],
)
def test_the_second_request(machine: Machine, fault: str, seen: type[Exception], opened: int) -> None:
    """The first goes well, the second is hit, and a new session works again. Opening a shell is the work."""
    protocol = machine.protocol()
    before = machine.shells()
    machine.fault(fault, "2")
    first = protocol.open_shell()
    with pytest.raises(seen) as caught:
        protocol.open_shell()
    assert machine.shells() == before + 1 + opened
    if isinstance(caught.value, WinRMTransportError):
        assert caught.value.code == 400
    again = machine.protocol()
    again.close_shell(first)
    assert machine.shells() == before + opened


@pytest.mark.parametrize(
    ("fault", "number"),
    [("quota", 0x803381A6), ("quota-shells", 0x803381A5), ("quota-user", 0x803381A7), ("quota-system", 0x803381A8)],
)
def test_numbers_of_quotas(machine: Machine, fault: str, number: int) -> None:
    machine.fault(fault)
    with pytest.raises(WSManFaultError) as caught:
        machine.protocol().open_shell()
    assert number in (caught.value.wmierror_code, caught.value.wsman_fault_code)


def restart(machine: Machine) -> tuple[int, float]:
    """Restart the machine; how often its port was closed until it was back for good, and how long that took."""
    protocol = machine.protocol()
    shell = protocol.open_shell()
    command = protocol.run_command(shell, "shutdown.exe", ["/r", "/t", "0"])
    assert protocol.get_command_output(shell, command)[2] == 0
    started = time.monotonic()
    closed, before, last = 0, "accepted", started
    while before == "refused" or time.monotonic() - last < 3 * BOOT:
        assert time.monotonic() - started < 60
        now = dialled(machine.address, 5985)
        if now == "refused" and before == "accepted":
            closed += 1
        if now != before:
            last = time.monotonic()
        before = now
        time.sleep(0.01)
    return closed, last - started


def test_winrm_flaps_after_a_restart(machine: Machine) -> None:
    machine.fault("flap", "2")
    assert restart(machine)[0] == 3


def test_a_slow_restart(machine: Machine) -> None:
    machine.fault("slow-boot", "2")
    closed, seconds = restart(machine)
    assert closed == 1
    assert seconds >= BOOT + 2


def test_clear(machine: Machine) -> None:
    machine.fault("drop", "1")
    machine.fault("quota")
    machine.fault("time-out")
    machine.fault("clear")
    protocol = machine.protocol()
    protocol.close_shell(protocol.open_shell())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["drop", "0"], "fault drop counts from 1"),
        (["quota", "0"], "fault quota counts from 1"),
        (["drop-answer", "-1"], "takes one whole number of 32 bits, not -1"),
        (["installer-exit", "0x100000000"], "takes one whole number of 32 bits"),
        (["flap", "²"], "takes one whole number of 32 bits, not ²"),
        (["slow-boot"], "takes one whole number of 32 bits, not nothing"),
        (["installer-hang", "2"], "fault installer-hang takes no arguments"),
        (["clear", "drop"], "fault clear takes no arguments"),
        (["stale"], "fault stale is about sealed messages, and with Basic kms03 has none"),
    ],
)
def test_faults_that_make_no_sense(machine: Machine, arguments: list[str], said: str) -> None:
    done = machine.command.run("fault", machine.path, "kms03", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_all_kinds_are_listed(machine: Machine) -> None:
    """By the command, and in the README; and the machine knows each of them."""
    listed = machine.command.run("fault", "--list").stdout
    readme = README.read_text(encoding="utf-8")
    for kind in KINDS:
        name, _, arguments = kind.partition(" ")
        assert f"\n{name}" in f"\n{listed}"
        assert f"`{name}" in readme
        done = machine.command.run("fault", machine.path, "kms22", name, "a", "b", "c")
        assert "no fault is called" not in done.stderr
    machine.fault("clear")
    assert wait_for(lambda: dialled(machine.address, 5985) == "accepted")
