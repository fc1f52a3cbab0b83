# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell as ansible.builtin.raw meets it: one program, its exit code, and refusals for everything else."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from corewire import KEY, Ran, Wire

from emulated_windows.core import personas

MakeWire = Callable[..., Wire]
WITHOUT = "server-2003-sp1-x86"
CORES_COMMAND = "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand"
"""ansible-core 2.16 to 2.21; 2.21 writes it in lower case."""
RULE = "netsh advfirewall firewall show rule"
LIMIT = "Emulated PowerShell runs one program with plain arguments"


def encoded(script: str) -> str:
    """The command line of ansible-core for a raw command."""
    return f"{CORES_COMMAND} {base64.b64encode(script.encode('utf-16-le')).decode()}"


@pytest.fixture
def server(wire: MakeWire) -> Wire:
    """A Server 2019."""
    return wire(persona="server-2019")


def refused(ran: Ran) -> bool:
    """Does it name its limit?"""
    return (ran.code, ran.out, ran.err.startswith(LIMIT)) == (1, "", True)


@pytest.mark.parametrize("persona", sorted(set(personas()) - {WITHOUT}))
def test_a_raw_command_runs(wire: MakeWire, persona: str) -> None:
    ran = wire(persona=persona).run(encoded("hostname"))
    assert (ran.code, ran.out, ran.err, ran.mutation) == (0, "kms03\r\n", "", False)


@pytest.mark.parametrize("line", [encoded("hostname"), "powershell -Command hostname"])
def test_winrm_1_1_came_without_powershell(wire: MakeWire, line: str) -> None:
    ran = wire(persona=WITHOUT).run(line)
    assert (ran.code, "is not recognized" in ran.err) == (1, True)


def test_core_2_21_writes_it_in_lower_case(server: Wire) -> None:
    assert server.run(encoded("hostname").replace("PowerShell", "powershell")).out == "kms03\r\n"


@pytest.mark.parametrize(
    "line",
    [
        "powershell -Command hostname",
        "powershell.exe -NoLogo -NoProfile -Command hostname.exe",
        'powershell -command "hostname"',
        r"powershell -Command C:\Windows\System32\hostname.exe",
    ],
)
def test_a_command_in_clear_runs(server: Wire, line: str) -> None:
    assert (server.run(line).code, server.run(line).out) == (0, "kms03\r\n")


@pytest.mark.parametrize(
    ("statement", "same"),
    [
        (r"reg query 'HKLM\SOFTWARE\Two Words'", r'reg query "HKLM\SOFTWARE\Two Words"'),
        (r'reg query HKLM\SOFTWARE\"Two Words"', r'reg query "HKLM\SOFTWARE\Two Words"'),
        (f'{RULE} name="Two Words"', f'{RULE} name="Two Words"'),
        ("netsh advfirewall  show allprofiles", "netsh advfirewall show allprofiles"),
        ("sc.exe query Spooler", "sc query Spooler"),
    ],
)
def test_words_and_quotes_reach_the_program(server: Wire, statement: str, same: str) -> None:
    server.run(r'reg add "HKLM\SOFTWARE\Two Words" /v n /d 1 /f')
    server.run('netsh advfirewall firewall add rule name="Two Words" dir=in action=allow protocol=TCP localport=1688')
    ran, plain = server.run(encoded(statement)), server.run(same)
    assert (ran.code, ran.out, ran.mutation) == (plain.code, plain.out, plain.mutation)
    assert ran.code == 0


def test_percent_signs_mean_nothing_to_powershell(server: Wire) -> None:
    server.run(r"reg add HKLM\SOFTWARE\^%SystemRoot^% /f")
    assert "SystemRoot" in server.run(encoded(r"reg query HKLM\SOFTWARE\%SystemRoot%")).out


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("sc.exe query nothing", 1),
        ("sc.exe query nothing; exit $LASTEXITCODE", 1060),
        ("sc.exe query nothing\nexit $LASTEXITCODE", 1060),
        ("sc.exe query Spooler; exit $LASTEXITCODE", 0),
        ("wusa x.msu /quiet", 1),
    ],
)
def test_exit_codes(server: Wire, script: str, code: int) -> None:
    """0 or 1 of $?, unless the script hands on $LASTEXITCODE."""
    assert server.run(encoded(script)).code == code


def test_a_program_that_asks_still_asks(wire: MakeWire) -> None:
    host = wire(persona="server-2019")
    host.run(r"reg add HKLM\SOFTWARE\X /f")
    with pytest.raises(AssertionError, match="does not end"):
        host.run(encoded(r"reg delete HKLM\SOFTWARE\X"))
    assert host.run(encoded(r"reg delete HKLM\SOFTWARE\X"), [b"n\r\n"]).code == 1
    assert host.run(encoded(r"reg delete HKLM\SOFTWARE\X"), [b"y\r\n"]).code == 0


def test_a_program_that_takes_time_still_does(server: Wire) -> None:
    assert server.run(encoded("net stop Spooler")).seconds == pytest.approx(server.run("net start Spooler").seconds / 2)


@pytest.mark.parametrize(
    "script",
    [
        "",
        "Get-Service",
        "Get-Service Spooler | Stop-Service",
        "$x = hostname",
        "hostname; hostname",
        "hostname\nhostname",
        "hostname && ver",
        "hostname > C:\\x.txt",
        "hostname # why",
        "& hostname",
        "& 'C:\\Windows\\System32\\hostname.exe'",
        '"hostname"',
        "if (1) { hostname }",
        "exit 3",
        "hostname; exit 3",
        "Set-StrictMode -Version Latest\nhostname",
        "exit $LASTEXITCODE",
        "Try { hostname } Catch { exit 1 }",
        'reg query "HKLM\\$x"',
        "reg query HKLM\\SOFTWARE\\`n",
        "reg query HKLM\\a, HKLM\\b",
        "reg query 'it''s'",
        'reg query "a""b"',
        "reg query 'a \"b\" c'",
        'reg query "not closed',
        'reg query ""',
        'type "C:\\Program Files\\"',
        "netsh --% advfirewall",
        "expand -a.b",
        "reg query \u201cHKLM\u201d",
        "ver",
        "type C:\\x.txt",
        "md C:\\x",
        "cmd /c ver",
        "whoami",
        "C:\\Elsewhere\\hostname.exe",
        "dnscmd /zoneinfo x",
    ],
)
def test_every_other_script_is_refused(server: Wire, script: str) -> None:
    ran = server.run(encoded(script))
    assert refused(ran)
    assert server.shown["files_left"] == []


@pytest.mark.parametrize(
    "line",
    [
        "powershell",
        "powershell hostname",
        "powershell -Command",
        "powershell -Command -",
        "powershell -File C:\\x.ps1",
        "powershell -EncodedCommand",
        "powershell -EncodedCommand AAA",
        "powershell -EncodedCommand AAAA",
        f"{encoded('hostname')} more",
        "powershell -Version 2 -Command hostname",
    ],
)
def test_other_command_lines_are_refused(server: Wire, line: str) -> None:
    assert refused(server.run(line))


@pytest.mark.parametrize("name", ["sc query Spooler", "more"])
def test_names_that_are_something_else_in_powershell(server: Wire, name: str) -> None:
    """sc is Set-Content: it would write a file called query."""
    ran = server.run(encoded(name))
    assert refused(ran)
    assert f"the program is {name.partition(' ')[0]}.exe" in ran.err


def test_powershell_does_not_wait_for_windows(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    assert refused(host.run(encoded("pkgmgr /ip /m:C:\\x.cab /quiet /norestart")))


def test_the_journal_knows_what_is_a_mutation(server: Wire) -> None:
    assert server.run(encoded("net stop Spooler")).mutation
    assert server.run(encoded("Stop-Service Spooler")).mutation  # unknown counts as harmful
    assert not server.run(encoded("sc.exe query Spooler")).mutation


@pytest.mark.parametrize("written", ["-EncodedCommand ", "-encodedcommand   ", "-enc ", "-ec "])
def test_a_product_key_in_a_script_is_not_written_to_the_journal(server: Wire, written: str) -> None:
    line = encoded(f"cscript C:\\Windows\\System32\\slmgr.vbs /ipk {KEY}").replace("-EncodedCommand ", written)
    method = server.command(server.open_shell(), line).event.method
    assert method.startswith("PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted ")
    assert method.endswith(f"{written}cscript C:\\Windows\\System32\\slmgr.vbs /ipk *-*-*-*-{KEY[-5:]}")


def test_its_processes_are_to_be_seen(server: Wire) -> None:
    server.run(r"reg add HKLM\SOFTWARE\X /f")
    server.command_id(server.open_shell(), encoded(r"reg delete HKLM\SOFTWARE\X"))
    assert [process["name"] for process in server.shown["processes"]] == [
        "winrshost.exe",
        "cmd.exe",
        "powershell.exe",
        "reg.exe",
    ]


def test_two_installations_meet_though_one_is_started_by_powershell(wire: MakeWire) -> None:
    host = wire(persona="server-2008-r2-sp1")
    line = "dism /online /add-package /packagepath:C:\\x.cab /quiet /norestart"
    host.host.inject("installer-hang", [])
    host.command_id(host.open_shell(), line)
    assert host.run(encoded(f"{line}; exit $LASTEXITCODE")).code == host.run(line).code == 0xF0801
