# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WinRS and the closed list of command lines."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from corewire import CMD, TRANSFER, Wire, codes, collect, content, local, parse

MakeWire = Callable[..., Wire]
STANDARD_PROFILE = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile"


# -- shells ----------------------------------------------------------------------------------------------------------


def test_a_shell_is_made_as_winrm_2_makes_it(wire: MakeWire) -> None:
    host = wire()
    reply = host.send(CMD, f"{TRANSFER}/Create", "<rsp:Shell/>", options={"WINRS_CODEPAGE": "65001"})
    assert [local(child.tag) for child in parse(reply.body)[1]] == ["ResourceCreated"]  # no rsp:Shell block
    assert host.shown["shells_open"] == 1


def test_nothing_about_shells_is_a_mutation(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    started = host.command(shell, "ver")
    command = content(started)[0].text or ""
    replies = [started, host.receive(shell, command), host.signal(shell, command), host.close_shell(shell)]
    assert [(reply.event.operation, reply.event.resource, reply.event.mutation) for reply in replies] == [
        ("shell", verb, False) for verb in ("command", "receive", "signal", "delete")
    ]
    assert started.event.method == "ver"


def test_a_shell_nobody_uses_ends_with_what_runs_in_it(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    host.command_id(shell, "pause")
    assert {process["name"] for process in host.shown["processes"]} == {"winrshost.exe", "cmd.exe", "pause.exe"}
    host.pass_time(179)
    assert host.shown["shells_open"] == 1
    host.pass_time(2)
    assert host.shown["shells_open"] == 0
    assert host.shown["processes"] == []
    assert codes(host.command(shell, "ver"))[0] == 2150858843


def test_use_keeps_a_shell_alive(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    for _ in range(5):
        host.pass_time(170)
        assert host.command(shell, "ver").status == 200


def test_an_own_idle_time_out(wire: MakeWire) -> None:
    host = wire()
    host.send(CMD, f"{TRANSFER}/Create", "<rsp:Shell><rsp:IdleTimeOut>PT30.000S</rsp:IdleTimeOut></rsp:Shell>")
    host.pass_time(31)
    assert host.shown["shells_open"] == 0


def test_receive_is_held_back_until_the_time_out_and_then_a_fault(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, 'findstr "^" > C:\\x.txt')
    reply = host.receive(shell, command, timeout="PT7S")
    assert (reply.status, codes(reply), reply.delay) == (500, [2150858793], 7.0)


def test_no_time_out_is_longer_than_the_service_allows(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, 'findstr "^" > C:\\x.txt')
    assert host.receive(shell, command, timeout="PT10M").delay == 60.0
    assert host.receive(shell, command, timeout="PT0.1S").delay == 0.5


def test_receive_is_held_back_until_the_command_ends(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, "net stop Spooler")
    reply = host.receive(shell, command)
    assert reply.status == 200
    assert reply.delay == pytest.approx(1.0)
    assert collect(reply, {"stdout": b"", "stderr": b""}) == 0


def test_terminate_frees_a_command_and_kills_it(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, "pause")
    assert host.signal(shell, command).status == 200
    assert [process["name"] for process in host.shown["processes"]] == ["winrshost.exe"]
    assert codes(host.receive(shell, command))[0] == 2150858843


def test_ctrl_c_ends_a_command_whose_end_can_be_received(wire: MakeWire) -> None:
    host = wire()
    shell = host.open_shell()
    command = host.command_id(shell, "pause")
    host.receive(shell, command)
    host.signal(shell, command, "ctrl_c")
    assert collect(host.receive(shell, command), {"stdout": b"", "stderr": b""}) == 1


def test_long_output_comes_in_several_answers(wire: MakeWire) -> None:
    host = wire()
    text = b"".join(b"line %06d\r\n" % number for number in range(20_000))
    host.host.machine.disk.write(r"C:\long.txt", text, host.clock.now())
    ran = host.run(r"type C:\long.txt")
    assert ran.out.encode() == text


# -- the closed list -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "out", "mutation"),
    [
        ("ver", 0, "\r\nMicrosoft Windows [Version 5.2.3790]\r\n", False),
        ("hostname", 0, "kms03\r\n", False),
        ("%SystemRoot%\\System32\\HOSTNAME.EXE", 0, "kms03\r\n", False),
        ('"C:\\WINDOWS\\system32\\hostname.exe"', 0, "kms03\r\n", False),
        ("echo hello  there", 0, "hello  there\r\n", False),
        ("echo %COMPUTERNAME% %nope%", 0, "KMS03 %nope%\r\n", False),
        ('echo "a > b" ^> c', 0, '"a > b" > c\r\n', False),
        ("cmd /c echo a b", 0, "a b\r\n", False),
        ('cmd /c "echo a b"', 0, "a b\r\n", False),
        ('cmd.exe /s /c "echo "a" b"', 0, '"a" b\r\n', False),
        ("net frobnicate Spooler", 1, None, True),
        ("sc query nothing", 1060, None, False),
        ("reg query HKLM\\SOFTWARE\\Nothing", 1, None, False),
        ("netsh firewall show state", 0, None, False),
        ("wusa x.msu /quiet", 5, "", True),
        ("type C:\\nothing.txt", 1, "", False),
    ],
)
def test_command_lines(wire: MakeWire, line: str, code: int, out: str | None, mutation: bool) -> None:
    ran = wire().run(line)
    assert ran.code == code
    assert out is None or ran.out == out
    assert ran.mutation is mutation


@pytest.mark.parametrize("line", ["whoami", "dir C:\\", "wmic os get version", "ver2"])
def test_anything_else_is_not_recognized(wire: MakeWire, line: str) -> None:
    ran = wire().run(line)
    assert ran.code == 1
    assert "is not recognized as an internal or external command" in ran.err


@pytest.mark.parametrize("line", ["ver & ver", "ver | more", 'findstr "^" < C:\\x', "ver && hostname", "ver 2> x"])
def test_joining_commands_is_not_modelled(wire: MakeWire, line: str) -> None:
    ran = wire().run(line)
    assert ran.code == 1
    assert ran.err
    assert ran.out == ""


def test_a_line_that_is_too_long(wire: MakeWire) -> None:
    ran = wire().run("echo " + "x" * 8190)
    assert ran.code == 1
    assert "too long" in ran.err


def test_folders_and_files(wire: MakeWire) -> None:
    host = wire()
    assert host.run("md C:\\Up\\Deep").code == 0
    assert host.run("mkdir C:\\up\\deep").code == 1
    assert host.run("echo one>C:\\Up\\a.txt").code == 0
    assert host.run("echo two >> C:\\Up\\a.txt").code == 0
    assert host.run("type C:\\up\\A.TXT").out == "one\r\ntwo\r\n"
    assert host.shown["files_left"] == ["C:\\Up", "C:\\Up\\Deep", "C:\\Up\\a.txt"]
    assert host.run("rd C:\\up").code == 145
    assert host.run("del /f /q C:\\up\\a.txt").code == 0
    assert host.run("del /f /q C:\\up\\a.txt").code == 0  # DEL never fails
    assert host.run("rd /s /q C:\\up").code == 0
    assert host.run("rd /s /q C:\\up").code == 2
    assert host.shown["files_left"] == []
    assert host.run("rd /s /q C:\\WINDOWS").code == 5


def test_output_of_a_redirected_command_is_a_mutation_even_of_a_harmless_one(wire: MakeWire) -> None:
    host = wire()
    assert host.run("ver > C:\\v.txt").mutation
    assert not host.run("ver > NUL").mutation
    assert host.run("ver > C:\\nowhere\\v.txt").code == 1


def test_a_full_disk(wire: MakeWire) -> None:
    host = wire()
    host.host.inject("disk-full", [])
    assert host.run("md C:\\Up").code == 1
    ran = host.run('findstr "^" > C:\\a.txt', [b"text\n"])
    assert ran.code == 1
    assert "not enough space" in ran.err
    host.host.inject("clear", [])
    assert host.run("md C:\\Up").code == 0


def test_a_disk_that_is_almost_full(wire: MakeWire) -> None:
    """The last file that fits is written to its end; overwriting what is there takes room too."""
    host = wire()
    host.host.inject("disk-full", ["2"])
    assert host.run("md C:\\Up").code == 0
    assert host.run('findstr "^" > C:\\Up\\a.txt', [b"one\n", b"two\n"]).code == 0
    assert host.run("md C:\\Down").code == 1
    assert host.run('findstr "^" > C:\\Up\\b.txt', [b"text\n"]).code == 1
    assert host.run("type C:\\Up\\a.txt").out.split() == ["one", "two"]


def test_a_file_that_is_written_to_can_be_read_and_nothing_else(wire: MakeWire) -> None:
    """ERROR_SHARING_VIOLATION, as long as the command runs: whoever else is at work there cannot pull it away."""
    host = wire()
    host.run("md C:\\Up")
    host.run("ver > C:\\Up\\other.txt")
    shell = host.open_shell()
    command = host.command_id(shell, 'findstr "^" > C:\\Up\\a.txt')
    assert host.type_in(shell, command, b"one\n", end=False).status == 200
    for line, code in (
        ("ver > C:\\Up\\a.txt", 1),
        ("ver >> C:\\Up\\a.txt", 1),
        ("certutil -f -decode C:\\Up\\a.txt C:\\Up\\a.txt", 0x80070020 - (1 << 32)),
        ("del C:\\Up\\a.txt", 0),
        ("rd /s /q C:\\Up", 32),
    ):
        ran = host.run(line)
        assert ran.code == code
        assert "used by another process" in ran.out + ran.err
    assert host.run("type C:\\Up\\a.txt").out.split() == ["one"]
    assert host.host.machine.disk.file("C:\\Up\\other.txt") is None  # what nobody used has gone
    assert host.type_in(shell, command, b"two\n", end=True).status == 200
    assert host.run("type C:\\Up\\a.txt").out.split() == ["one", "two"]
    assert host.run("rd /s /q C:\\Up").code == 0


# -- getting a file there --------------------------------------------------------------------------------------------


def certificate(data: bytes) -> bytes:
    """Base64 between the lines certutil wants."""
    return (
        b"-----BEGIN CERTIFICATE-----\r\n"
        + base64.encodebytes(data).replace(b"\n", b"\r\n")
        + (b"-----END CERTIFICATE-----\r\n")
    )


def pieces(data: bytes, size: int = 60_000) -> list[bytes]:
    """Data as it fits into envelopes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_findstr_and_certutil_carry_a_file_over(wire: MakeWire) -> None:
    host = wire()
    data = bytes(range(256)) * 1_000
    assert host.run('findstr "^" > C:\\a.b64', pieces(certificate(data))).code == 0
    assert host.run("certutil -decode C:\\a.b64 C:\\a.bin").code == 0
    found = host.host.machine.disk.file("C:\\a.bin")
    assert found is not None
    assert found.read() == data
    size = host.rows(r"SELECT FileSize FROM CIM_DataFile WHERE Name='C:\\a.bin'")
    assert size == [{"FileSize": str(len(data))}]


def test_findstr_never_ends_without_a_last_line_feed(wire: MakeWire) -> None:
    host = wire()
    with pytest.raises(AssertionError, match="does not end"):
        host.run('findstr "^" > C:\\a.txt', [b"one\r\ntwo"])


def test_findstr_loses_lines_that_are_too_long(wire: MakeWire) -> None:
    host = wire()
    assert host.run('findstr "^" > C:\\a.txt', [b"x" * 9_000 + b"\nshort\n"]).code == 1
    found = host.host.machine.disk.file("C:\\a.txt")
    assert found is not None
    assert found.read() == b"short\r\n"


def test_more_stops_for_a_key_after_65534_lines(wire: MakeWire) -> None:
    host = wire()
    assert host.run("more > C:\\a.txt", pieces(b"x\r\n" * 65_534)).code == 0
    with pytest.raises(AssertionError, match="does not end"):
        host.run("more > C:\\b.txt", pieces(b"x\r\n" * 65_540))


@pytest.mark.parametrize(
    "text", [b"no lines at all", b"-----BEGIN X-----\r\n????\r\n-----END X-----\r\n", b"-----BEGIN X-----\r\neHg=\r\n"]
)
def test_certutil_refuses_what_is_no_certificate(wire: MakeWire, text: bytes) -> None:
    host = wire()
    host.host.machine.disk.write("C:\\a.b64", text, host.clock.now())
    assert host.run("certutil -decode C:\\a.b64 C:\\a.bin").code == 0x8007000D - 0x100000000
    assert host.host.machine.disk.file("C:\\a.bin") is None


def test_certutil_does_not_overwrite_without_f(wire: MakeWire) -> None:
    host = wire()
    host.host.machine.disk.write("C:\\a.b64", certificate(b"new"), host.clock.now())
    host.host.machine.disk.write("C:\\a.bin", b"old", host.clock.now())
    assert host.run("certutil -decode C:\\a.b64 C:\\a.bin").code == 0x80070050 - 0x100000000
    assert host.run("certutil -f -decode C:\\a.b64 C:\\a.bin").code == 0
    assert host.run("certutil -decode C:\\nope C:\\b.bin").code == 0x80070002 - 0x100000000


def test_an_exit_code_may_have_no_sign(wire: MakeWire) -> None:
    host = wire(dials={"exit_code_form": "unsigned"})
    assert host.run("certutil -decode C:\\nope C:\\b.bin").code == 0x80070002


# -- netsh -----------------------------------------------------------------------------------------------------------


def entries(host: Wire) -> list[tuple[str, int, str, str, bool]]:
    """Open ports but WinRM's."""
    return [
        (entry["profile"], entry["port"], entry["scope"], entry["name"], entry["enabled"])
        for entry in host.shown["open_ports"]
        if entry["port"] != 5985
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("add portopening TCP 1688 KMS", [("DomainProfile", 1688, "*", "KMS", True)]),
        ("add portopening TCP 1688 KMS ENABLE SUBNET", [("DomainProfile", 1688, "LocalSubNet", "KMS", True)]),
        (
            'set portopening protocol=TCP port=1688 name="Key Service" mode=DISABLE profile=STANDARD',
            [("StandardProfile", 1688, "*", "Key Service", False)],
        ),
        (
            "add portopening TCP 1688 KMS ENABLE CUSTOM 10.1.0.0/16,LocalSubnet ALL",
            [
                (profile, 1688, "10.1.0.0/255.255.0.0,LocalSubNet", "KMS", True)
                for profile in ("DomainProfile", "StandardProfile")
            ],
        ),
        ("add portopening TCP 1688 name=KMS profile=DOMAIN", [("DomainProfile", 1688, "*", "KMS", True)]),
    ],
)
def test_opening_a_port(wire: MakeWire, arguments: str, expected: list[tuple[str, int, str, str, bool]]) -> None:
    host = wire()
    ran = host.run(f"netsh firewall {arguments}")
    assert (ran.code, ran.mutation) == (0, True)
    assert entries(host) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        "add portopening TCP 1688",
        "add portopening SCTP 1688 KMS",
        "add portopening TCP 99999 KMS",
        "add portopening TCP 1688 KMS ENABLE ALL 10.0.0.0/8",
        "add portopening TCP 1688 KMS ENABLE CUSTOM",
        "add portopening TCP 1688 KMS ENABLE CUSTOM 10.0.0.0/99",
        "add portopening TCP 1688 KMS profile=PUBLIC",
        "add portopening TCP 1688 KMS name=again",
        "delete portopening TCP 1688",
        "add allowedprogram x.exe",
        "reset all",
    ],
)
def test_what_netsh_does_not_take(wire: MakeWire, arguments: str) -> None:
    host = wire()
    assert host.run(f"netsh firewall {arguments}").code == 1
    assert entries(host) == []


def test_an_entry_is_overwritten_and_deleted(wire: MakeWire) -> None:
    host = wire(domain_member=False)
    host.run("netsh firewall add portopening TCP 1688 one")
    host.run("netsh firewall set portopening TCP 1688 two")
    assert entries(host) == [("StandardProfile", 1688, "*", "two", True)]
    assert host.run("netsh firewall delete portopening TCP 1688").code == 0
    assert entries(host) == []


def test_with_the_firewall_service_stopped_netsh_only_warns(wire: MakeWire) -> None:
    host = wire(firewall="stopped")
    ran = host.run("netsh firewall add portopening TCP 1688 KMS")
    assert ran.code == 0
    assert "has not been started" in ran.out
    assert host.shown["firewall"]["service"] == "Stopped"


# -- reg, slmgr ------------------------------------------------------------------------------------------------------


def test_reg(wire: MakeWire) -> None:
    host = wire()
    assert host.run("reg add HKLM\\SOFTWARE\\activation.kms /v Manual /t REG_DWORD /d 1 /f").code == 0
    assert host.registry("GetDWORDValue", "SOFTWARE\\activation.kms", sValueName="Manual")["uValue"] == "1"
    assert "0x1" in host.run("reg query HKLM\\SOFTWARE\\activation.kms /v manual").out
    with pytest.raises(AssertionError, match="does not end"):
        host.run("reg delete HKLM\\SOFTWARE\\activation.kms /v Manual")  # waits for a yes
    assert host.run("reg delete HKLM\\SOFTWARE\\activation.kms /v Manual", [b"y\r\n"]).code == 0
    assert host.run("reg delete HKLM\\SOFTWARE\\activation.kms /f").code == 0
    assert host.run("reg delete HKLM\\SOFTWARE\\activation.kms /f").code == 1


@pytest.mark.parametrize("persona", ["server-2003-sp2-x86", "server-2019"])
def test_sc_query_shows_one_service_or_all_that_run(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona)
    one = host.run("sc query Spooler")
    assert (one.code, one.mutation) == (0, False)
    assert "STATE              : 4  RUNNING" in one.out
    assert "SERVICE_NAME: Spooler\r\nDISPLAY_NAME: Print Spooler\r\n" in host.run("sc query").out
    host.run("net stop Spooler")
    assert "STATE              : 1  STOPPED" in host.run("sc query Spooler").out
    assert "Spooler" not in host.run("sc query").out
    for refused in ("sc qc Spooler", "sc query state= all", "sc"):
        ran = host.run(refused)
        assert (ran.code, "only command modelled" in ran.out) == (1639, True)


def test_netsh_firewall_show_config_shows_both_profiles(wire: MakeWire) -> None:
    host = wire(domain_member=False)
    assert host.run("netsh firewall add portopening TCP 1688 KMS profile=STANDARD").code == 0
    host.run(f'reg add "{STANDARD_PROFILE}" /v DoNotAllowExceptions /t REG_DWORD /d 1 /f')
    ran = host.run("netsh firewall show config")
    assert (ran.code, ran.mutation) == (0, False)
    domain, standard = (part.splitlines() for part in ran.out.split("Standard profile configuration (current):"))
    assert domain[1] == "Domain profile configuration:"
    assert f"{'Exception mode':<34}= Enable" in domain
    assert not [line for line in domain if "1688" in line]
    assert f"{'Operational mode':<34}= Enable" in standard
    assert f"{'Exception mode':<34}= Disable" in standard
    assert [line.split() for line in standard if "1688" in line] == [["1688", "TCP", "Enable", "KMS"]]
    assert host.run("netsh firewall show logging").code == 1


def test_reg_query_s_shows_everything_below(wire: MakeWire) -> None:
    host = wire()
    host.run("reg add HKLM\\SOFTWARE\\Above\\Below /v Deep /t REG_DWORD /d 7 /f")
    assert "Deep" not in host.run("reg query HKLM\\SOFTWARE\\Above").out
    assert "Deep\tREG_DWORD\t0x7" in host.run("reg query HKLM\\SOFTWARE\\Above /s").out


def test_slmgr_needs_kms(wire: MakeWire) -> None:
    assert wire(start="bare").run("cscript //nologo C:\\WINDOWS\\system32\\slmgr.vbs /dli").code == 1


def test_slmgr_ato_asks_before_it_goes_online(wire: MakeWire) -> None:
    host = wire(start="kms_1_2", dials={"auto_activation": "off"})
    slmgr = "cscript //nologo C:\\WINDOWS\\system32\\slmgr.vbs"
    assert host.run(f"{slmgr} /ipk BCDFG-HJKMP-QRTVW-XY234-67892").code == 0
    with pytest.raises(AssertionError, match="does not end"):
        host.run(f"{slmgr} /ato")
    assert host.run(f"{slmgr} /ato", [b"n\r\n"]).code == 0
    assert host.shown["activations_spent"] == {}
    host.run(f"{slmgr} /ato", [b"y\r\n"])
    host.pass_time(30)
    assert host.shown["activations_spent"] == {"67892": 1}
    assert "Licensed" in host.run(f"{slmgr} /dli").out


def test_a_product_key_on_a_command_line_is_not_written_to_the_journal(wire: MakeWire) -> None:
    host = wire(start="kms_1_2")
    reply = host.command(host.open_shell(), "cscript slmgr.vbs /ipk BCDFG-HJKMP-QRTVW-XY234-67892")
    assert "BCDFG" not in reply.event.method
    assert "67892" in reply.event.method
