# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh advfirewall, the old netsh firewall over new rules, and reg query: exit codes, states, languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import Wire
from firewallwire import netsh, opened, passes

MakeWire = Callable[..., Wire]
RULE = "advfirewall firewall"
ADD = f"{RULE} add rule name=KMS dir=in action=allow protocol=TCP localport=1688"
ENGLISH = "Key Management Service (TCP-In)"


def named(host: Wire, name: str) -> list[dict[str, Any]]:
    """What a report shows of the rules with a name; every rule is shown once a profile."""
    return [entry for entry in host.shown["open_ports"] if entry["name"] == name]


@pytest.fixture
def host(wire: MakeWire) -> Wire:
    """A Server 2008 R2."""
    return wire(persona="server-2008-r2-sp1")


# -- add -------------------------------------------------------------------------------------------------------------


def test_add_without_more_is_for_everybody_in_every_profile(host: Wire) -> None:
    assert netsh(host, ADD) == 0
    assert [
        (entry["profile"], entry["scope"], entry["protocol"], entry["enabled"]) for entry in named(host, "KMS")
    ] == [
        ("DomainProfile", "*", "TCP", True),
        ("StandardProfile", "*", "TCP", True),
        ("PublicProfile", "*", "TCP", True),
    ]


def test_add_with_everything(host: Wire) -> None:
    line = (
        f'{RULE} add rule name="KMS x" dir=in action=allow program=C:\\Windows\\system32\\sppsvc.exe service=sppsvc '
        'localip=any remoteport=any security=notrequired description="one | two" enable=no profile=domain '
        "remoteip=10.0.0.0/8 localport=1688,1700-1701 protocol=6"
    )
    assert netsh(host, line) == 1  # the separator of the store cannot stand in a text
    assert netsh(host, line.replace(" | ", " ")) == 0
    assert [(entry["port"], entry["scope"], entry["enabled"]) for entry in named(host, "KMS x")] == [
        (1688, "10.0.0.0/255.0.0.0", False),
        ("1700-1701", "10.0.0.0/255.0.0.0", False),
    ]


def test_a_second_add_makes_a_second_rule(host: Wire) -> None:
    assert netsh(host, ADD) == netsh(host, ADD) == 0
    assert len({entry["id"] for entry in named(host, "KMS")}) == 2


def test_ids_by_dial(wire: MakeWire) -> None:
    by_name = wire(persona="server-2022", dials={"netsh_rule_id": "name"})
    for expected in (1, 2):
        netsh(by_name, ADD)
        assert len({entry["id"] for entry in named(by_name, "KMS")}) == expected
    assert "KMS" in {entry["id"] for entry in named(by_name, "KMS")}


@pytest.mark.parametrize(
    "arguments",
    [
        "name=KMS dir=in",
        "dir=in action=allow",
        "name=all dir=in action=allow",
        "name=KMS dir=sideways action=allow",
        "name=KMS dir=in action=maybe",
        "name=KMS dir=in action=allow localport=1688",
        "name=KMS dir=in action=allow protocol=ICMPv4 localport=1688",
        "name=KMS dir=in action=allow protocol=TCP localport=65536",
        "name=KMS dir=in action=allow protocol=TCP localport=17-16",
        "name=KMS dir=in action=allow protocol=TCPX",
        "name=KMS dir=in action=allow remoteip=10.0.0.0/40",
        "name=KMS dir=in action=allow profile=standard",
        "name=KMS dir=in action=allow enable=true",
        "name=KMS dir=in action=allow colour=red",
        "name=KMS dir=in action=allow localip=10.0.0.1",
        "name=KMS name=KMS dir=in action=allow",
        "KMS dir=in action=allow",
    ],
)
def test_what_add_refuses(host: Wire, arguments: str) -> None:
    before = host.shown["open_ports"]
    assert netsh(host, f"{RULE} add rule {arguments}") == 1
    assert host.shown["open_ports"] == before


def test_ranges_came_with_windows_7(wire: MakeWire) -> None:
    line = f"{RULE} add rule name=KMS dir=in action=allow protocol=TCP localport=1688-1690"
    assert netsh(wire(persona="server-2008-sp2"), line) == 1
    assert netsh(wire(persona="windows-7-sp1"), line) == 0


# -- show, set, delete -----------------------------------------------------------------------------------------------


def test_show_tells_by_its_exit_code(host: Wire) -> None:
    assert netsh(host, f"{RULE} show rule name=KMS") == 1
    netsh(host, ADD)
    shown = host.run(f"netsh {RULE} show rule name=kms verbose")
    assert (shown.code, shown.mutation) == (0, False)
    assert "1688" in shown.out
    assert netsh(host, f"{RULE} show rule name=all") == 0
    assert netsh(host, f"{RULE} show rule name=KMS dir=out") == 1
    assert netsh(host, f"{RULE} show rule name=KMS status=disabled") == 1
    assert netsh(host, f"{RULE} show rule name=KMS status=sometimes") == 1
    assert netsh(host, f"{RULE} show rule") == 1


def test_set_changes_every_rule_of_a_name(host: Wire) -> None:
    netsh(host, ADD)
    netsh(host, ADD)
    assert host.run(f"netsh {RULE} set rule name=KMS new remoteip=localsubnet enable=no").mutation
    assert {(entry["scope"], entry["enabled"]) for entry in named(host, "KMS")} == {("LocalSubnet", False)}
    assert netsh(host, f"{RULE} set rule name=KMS new name=Other") == 0
    assert not named(host, "KMS")
    assert len({entry["id"] for entry in named(host, "Other")}) == 2


def test_conditions_limit_what_set_and_delete_meet(host: Wire) -> None:
    netsh(host, ADD)
    netsh(host, ADD.replace("1688", "1689"))
    assert netsh(host, f"{RULE} set rule name=KMS localport=1689 protocol=tcp new enable=no") == 0
    assert [entry["enabled"] for entry in opened(host, 1689)] == [False] * 3
    assert all(entry["enabled"] for entry in named(host, "KMS") if entry["port"] == 1688)
    assert netsh(host, f"{RULE} delete rule name=KMS localport=1690 protocol=tcp") == 1
    assert netsh(host, f"{RULE} delete rule name=KMS localport=1688 protocol=tcp") == 0
    assert {entry["port"] for entry in named(host, "KMS")} == {1689}


def test_delete_of_nothing_is_an_error(host: Wire) -> None:
    assert netsh(host, f"{RULE} delete rule name=KMS") == 1
    netsh(host, ADD)
    assert netsh(host, f"{RULE} delete rule name=KMS") == 0
    assert netsh(host, f"{RULE} delete rule name=KMS") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "name=KMS enable=no",
        "name=KMS new",
        "new enable=no",
        "name=KMS group=x new enable=no",
        "name=Nobody new enable=no",
        "group=Nobody new enable=no",
        'group="Key Management Service" new remoteip=any',
        "name=all new name=x",
    ],
)
def test_what_set_refuses(host: Wire, arguments: str) -> None:
    netsh(host, ADD)
    before = host.shown["open_ports"]
    assert netsh(host, f"{RULE} set rule {arguments}") == 1
    assert host.shown["open_ports"] == before


def test_a_group_by_text_and_by_resource(wire: MakeWire) -> None:
    resource = f'{RULE} set rule group="@FirewallAPI.dll,-28002" new enable=yes'
    both = wire(persona="server-2008-sp2", dials={"netsh_group": "text_or_resource"})
    text = wire(persona="server-2008-sp2", dials={"netsh_group": "text_only"})
    assert (netsh(both, resource), netsh(text, resource)) == (0, 1)
    assert netsh(text, f'{RULE} set rule group="key management service" new enable=yes') == 0
    assert passes(both)
    assert passes(text)


# -- languages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "ok", "name"),
    [
        ("ENU", "Ok.", ENGLISH),
        ("DEU", "OK.", "Schlüsselverwaltungsdienst (TCP eingehend)"),
        ("JPN", "OK", "キー管理サービス (TCP 受信)"),
    ],
)
def test_a_host_speaks_its_language(wire: MakeWire, language: str, ok: str, name: str) -> None:
    host = wire(persona="server-2008-r2-sp1", language=language)
    assert host.run(f"netsh {ADD}").out.strip() == ok
    assert netsh(host, f'{RULE} show rule name="{name}"') == 0
    assert (netsh(host, f'{RULE} show rule name="{ENGLISH}"') == 0) is (language == "ENU")
    assert netsh(host, f'{RULE} set rule group="Key Management Service" new enable=yes') == (language != "ENU")
    assert named(host, "@FirewallAPI.dll,-28003")  # the store itself is neutral


@pytest.mark.parametrize("language", ["ENU", "DEU", "JPN"])
@pytest.mark.parametrize("persona", ["server-2003-sp2-x86", "server-2008-r2-sp1"])
def test_every_text_can_be_said_in_every_language(wire: MakeWire, persona: str, language: str) -> None:
    host = wire(persona=persona, language=language)
    for line in (
        "netsh nonsense",
        "netsh firewall add portopening TCP 1688 KMS",
        "netsh firewall delete portopening TCP 1688",
        "netsh firewall delete portopening TCP 1688",
        f"netsh {ADD}",
        f"netsh {RULE} show rule name=KMS",
        f"netsh {RULE} delete rule name=KMS",
        f"netsh {RULE} delete rule name=KMS",
        "netsh advfirewall show allprofiles state",
        "reg query HKLM\\SOFTWARE\\Nothing",
        "reg query HKLM\\SOFTWARE /x",
    ):
        ran = host.run(line)
        assert ran.out + ran.err


# -- the service, the profiles, the old context ----------------------------------------------------------------------


def test_without_the_service_nobody_answers(wire: MakeWire) -> None:
    host = wire(persona="server-2012", firewall="stopped")
    for arguments in (ADD, f"{RULE} show rule name=all", "advfirewall show allprofiles state", "firewall show state"):
        assert netsh(host, arguments) == 1
    assert not named(host, "KMS")


def test_the_state_of_the_profiles(host: Wire) -> None:
    assert host.run("netsh advfirewall show allprofiles state").out.count("ON") == 3
    assert netsh(host, "advfirewall set publicprofile state off") == 0
    assert host.run("netsh advfirewall show publicprofile").out.count("OFF") == 1
    assert host.shown["firewall"]["public_enabled"] is False
    for arguments in ("set allprofiles state maybe", "set someprofile state on", "show someprofile", "reset", ""):
        assert netsh(host, f"advfirewall {arguments}") == 1


def test_server_2003_has_no_advfirewall(wire: MakeWire) -> None:
    host = wire()
    assert netsh(host, ADD) == 1
    assert not opened(host)


def test_the_old_context_makes_rules_but_not_for_the_public_profile(host: Wire) -> None:
    assert netsh(host, "firewall add portopening TCP 1688 Old ENABLE CUSTOM 10.0.0.0/8 ALL") == 0
    assert {(entry["profile"], entry["scope"]) for entry in named(host, "Old")} == {
        ("DomainProfile", "10.0.0.0/255.0.0.0"),
        ("StandardProfile", "10.0.0.0/255.0.0.0"),
    }
    assert netsh(host, "firewall set portopening TCP 1688 New profile=ALL") == 0
    assert len(named(host, "New")) == 2
    assert not named(host, "Old")
    assert netsh(host, "firewall delete portopening TCP 1688 profile=ALL") == 0
    assert netsh(host, "firewall delete portopening TCP 1688 profile=ALL") == 1
    assert netsh(host, "firewall show portopening") == 1


# -- reg query -------------------------------------------------------------------------------------------------------

KEY = r"HKLM\SOFTWARE\Example"


@pytest.fixture
def tree(wire: MakeWire) -> Callable[..., Wire]:
    """Makes a host with a few values."""

    def make(persona: str = "server-2008-r2-sp1", **how: Any) -> Wire:
        host = wire(persona=persona, **how)
        for line in (
            rf'reg add {KEY} /v rule /d "v2.0|Action=Allow|LPort=1688|Name=KMS|" /f',
            rf"reg add {KEY} /v Number /t REG_DWORD /d 1688 /f",
            rf"reg add {KEY} /v Case /d KMS /f",
            rf"reg add {KEY}\Below /v rule /d 1688 /f",
            rf"reg add {KEY}\Kms /f",
        ):
            assert host.run(line).code == 0
        host.host.machine.registry.write("SOFTWARE\\Example", "", 1, "default")
        return host

    return make


@pytest.mark.parametrize(
    ("arguments", "code", "there", "absent"),
    [
        ("", 0, ["    Number    REG_DWORD    0x698", "    (Default)    REG_SZ    default", r"Example\Below"], ["End"]),
        ("/v number", 0, ["Number"], ["rule"]),
        ("/v nothing", 1, [], []),
        ("/ve", 0, ["default"], ["rule"]),
        ("/v rule /s", 0, ["LPort=1688", r"Example\Below", "    rule    REG_SZ    1688"], ["Number"]),
        (
            '/f "LPort=1688|"',
            0,
            ["    rule    REG_SZ    v2.0|Action=Allow|LPort=1688|Name=KMS|", "1 match(es)"],
            ["Below"],
        ),
        ("/f 1688 /d /s", 0, ["LPort=1688", r"Example\Below", "2 match(es)"], ["Number"]),
        ("/f 1688 /d /e /s", 0, [r"Example\Below", "1 match(es)"], ["LPort"]),
        ("/f kms /k", 0, [r"Example\Kms", "1 match(es)"], ["LPort"]),
        ("/f kms", 0, [r"Example\Kms", "Case", "LPort", "3 match(es)"], ["Number"]),
        ("/f KMS /c", 0, ["Case", "LPort", "2 match(es)"], [r"Example\Kms"]),
        ("/f rule /v /s", 0, ["LPort", "2 match(es)"], ["Number"]),
        ("/f 1688 /t REG_DWORD", 1, ["0 match(es)"], []),
        ("/f 0x698 /t REG_DWORD", 0, ["Number"], ["rule"]),
        ("/t REG_DWORD", 0, ["Number"], ["rule"]),
        ("/f nowhere", 1, ["0 match(es)"], []),
        ("/f", 1, [], []),
        ("/v", 1, [], []),
        ("/k", 1, [], []),
        ("/t REG_WORD", 1, [], []),
        ("/v a /ve", 1, [], []),
        ("/x", 1, [], []),
    ],
)
def test_reg_query(tree: Callable[..., Wire], arguments: str, code: int, there: list[str], absent: list[str]) -> None:
    ran = tree().run(f"reg query {KEY} {arguments}")
    assert (ran.code, ran.mutation) == (code, False)
    assert [text for text in there if text not in ran.out] == []
    assert [text for text in absent if text in ran.out] == []


def test_reg_query_of_server_2003_cannot_search(tree: Callable[..., Wire]) -> None:
    host = tree("server-2003-sp2-x86")
    plain = host.run(f"reg query {KEY}")
    assert plain.code == 0
    assert "    Number\tREG_DWORD\t0x698" in plain.out
    assert "<NO NAME>" in plain.out
    assert host.run(f"reg query {KEY} /v rule /s").code == 0
    assert host.run(f"reg query {KEY} /f 1688").code == 1


def test_the_closing_line_is_localized(tree: Callable[..., Wire]) -> None:
    assert "Übereinstimmung" in tree(language="DEU").run(f"reg query {KEY} /f 1688").out
