# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewalls of every generation: what is in force, what a report shows, what else keeps a connection out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import KEY, Wire
from firewallwire import INSIDE, LOCAL, OUTSIDE, RULES, netsh, opened, passes

from emulated_windows.core import Authority
from emulated_windows.machine import scopes
from emulated_windows.machine.firewall_rule import parse, write
from emulated_windows.machine.firewall_rules import RulesFirewall
from emulated_windows.persona import personas

MakeWire = Callable[..., Wire]
WITH_RULES = [name for name, persona in personas().items() if persona.firewall.store == "rules"]
WITH_LIST = [name for name, persona in personas().items() if persona.firewall.store == "port_list"]
OPEN_ALL = "v2.0|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1688|Name=KMS|"
POLICY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
ADD = "advfirewall firewall add rule name=KMS dir=in action=allow protocol=TCP localport=1688"


def restarted(host: Wire, service: str = "MpsSvc") -> Wire:
    """The firewall service has been stopped and started."""
    host.run(f"net stop {service}")
    host.pass_time(10)
    host.run(f"net start {service}")
    host.pass_time(10)
    return host


# -- the rules of Vista and later ------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", WITH_RULES)
def test_a_fresh_machine_keeps_everybody_out(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona)
    assert opened(host)
    assert not any(entry["enabled"] for entry in opened(host))
    assert not passes(host)
    assert not passes(host, INSIDE)


@pytest.mark.parametrize("persona", WITH_RULES)
@pytest.mark.parametrize("firewall", ["off", "stopped"])
def test_without_a_firewall_everybody_gets_through(wire: MakeWire, persona: str, firewall: str) -> None:
    assert passes(wire(persona=persona, firewall=firewall))


@pytest.mark.parametrize("persona", WITH_RULES)
def test_a_rule_lets_in(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona)
    assert netsh(host, f"{ADD} remoteip=10.0.0.0/8,192.0.2.200-192.0.2.210") == 0
    assert passes(host, INSIDE)
    assert passes(host, "192.0.2.205")
    assert not passes(host, "192.0.2.211")
    assert not passes(host, INSIDE, 1689)


RULE_TEXTS = [
    ("Protocol=6|LPort=1688|", True),
    ("Protocol=17|LPort=1688|", False),
    ("Protocol=6|", True),
    ("", True),
    ("Protocol=6|LPort=80|LPort=1688|", True),
    ("Protocol=6|LPort2_10=1600-1700|", True),
    ("Protocol=6|LPort2_10=1689-1700|", False),
    ("Protocol=6|LPort=RPC|", False),
    ("Protocol=6|LPort=1688|Profile=Domain|", True),
    ("Protocol=6|LPort=1688|Profile=Private|Profile=Public|", False),
    ("Protocol=6|LPort=1688|RA4=LocalSubnet|", False),
    ("Protocol=6|LPort=1688|RA4=192.0.2.0/255.255.255.0|", True),
    ("Protocol=6|LPort=1688|RA4=192.0.2.1-192.0.2.20|", True),
    ("Protocol=6|LPort=1688|RA4=DNS|", False),
    ("Protocol=6|LPort=1688|RA6=2001:db8::/32|", False),
    (r"Protocol=6|LPort=1688|App=%SystemRoot%\system32\sppextcomobj.exe|Svc=sppsvc|", True),
    (r"Protocol=6|LPort=1688|App=%SystemRoot%\system32\svchost.exe|", False),
    ("Protocol=6|LPort=1688|Svc=*|", True),
    ("Protocol=6|LPort=1688|Svc=Spooler|", False),
]


@pytest.mark.parametrize(("fields", "expected"), RULE_TEXTS, ids=[fields or "any" for fields, _ in RULE_TEXTS])
def test_what_a_rule_speaks_of(wire: MakeWire, fields: str, expected: bool) -> None:
    host = wire(persona="server-2019", dials={"rules_written_to_registry": "at_once"})
    text = f"v2.29|Action=Allow|Active=TRUE|Dir=In|{fields}Name=KMS|"
    host.registry("SetStringValue", RULES, sValueName="KMS", sValue=text)
    assert passes(host) is expected


def test_a_block_wins(wire: MakeWire) -> None:
    host = wire(persona="server-2016")
    assert netsh(host, ADD) == netsh(host, ADD.replace("allow", "block") + " remoteip=localsubnet") == 0
    assert passes(host, OUTSIDE)
    assert not passes(host, INSIDE)


@pytest.mark.parametrize(
    "text", ["v2.0", "Action=Allow|Dir=In|", "v2.0|Action=Allow|Dir=In", "v2.0|Dir=In|", "v2.0|x|"]
)
def test_a_text_that_is_no_rule_counts_for_nothing(wire: MakeWire, text: str) -> None:
    host = wire(persona="server-2016", dials={"rules_written_to_registry": "at_once"})
    before = host.shown["open_ports"]
    host.registry("SetStringValue", RULES, sValueName="x", sValue=text)
    assert host.shown["open_ports"] == before


@pytest.mark.parametrize("persona", ["server-2008-sp2", "windows-7-sp1", "server-2022"])
def test_a_value_written_into_the_registry_waits_for_the_service(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona)
    host.registry("SetStringValue", RULES, sValueName="mine", sValue=OPEN_ALL)
    assert not passes(host)
    assert netsh(host, "advfirewall firewall show rule name=KMS") == 1
    assert passes(restarted(host))
    assert netsh(host, "advfirewall firewall show rule name=KMS") == 0


def test_a_restart_of_the_machine_reads_the_rules_too(wire: MakeWire) -> None:
    host = wire(persona="server-2022")
    host.registry("SetStringValue", RULES, sValueName="mine", sValue=OPEN_ALL)
    host.host.machine.power.restart()
    host.pass_time(400)
    assert passes(host)


def test_what_netsh_made_stands_in_the_registry(wire: MakeWire) -> None:
    host = wire(persona="server-2012-r2")
    before = set(host.registry("EnumValues", RULES)["sNames"])
    netsh(host, f'{ADD} remoteip=10.0.0.0/8,localsubnet profile=domain,private description="for clients"')
    (made,) = set(host.registry("EnumValues", RULES)["sNames"]) - before
    assert made.startswith("{")
    assert host.registry("GetStringValue", RULES, sValueName=made)["sValue"] == (
        "v2.22|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=1688|"
        "RA4=10.0.0.0/255.0.0.0|RA4=LocalSubnet|RA6=LocalSubnet|Name=KMS|Desc=for clients|"
    )


@pytest.mark.parametrize("persona", WITH_RULES)
def test_every_predefined_rule_comes_back_as_it_was_written(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona)
    firewall = host.host.machine.firewall
    assert isinstance(firewall, RulesFirewall)
    for name in host.registry("EnumValues", RULES)["sNames"]:
        text = host.registry("GetStringValue", RULES, sValueName=name)["sValue"]
        rule = parse(name, text)
        assert rule is not None
        assert write(rule, firewall.version) == text


def test_the_profile_of_a_host_in_a_workgroup(wire: MakeWire) -> None:
    for setting in ("Public", "Private"):
        host = wire(persona="server-2019", domain_member=False, dials={"workgroup_profile": setting})
        netsh(host, f"{ADD} profile={setting}")
        assert passes(host)
        assert host.shown["firewall"]["profile"] == setting.lower()
    host = wire(persona="server-2019", domain_member=False)
    netsh(host, f"{ADD} profile=domain")
    assert not passes(host)


def test_the_kms_exception_of_a_server_by_dial(wire: MakeWire) -> None:
    split = wire(persona="server-2022", dials={"kms_rule_split": "as_on_clients"})
    whole = wire(persona="server-2022", dials={"kms_rule_split": "one_for_all_profiles"})
    assert {entry["id"] for entry in opened(split)} == {"SPPSVC-In-TCP", "SPPSVC-In-TCP-NoScope"}
    assert {entry["id"] for entry in opened(whole)} == {"SPPSVC-In-TCP"}
    for host in (split, whole):
        assert netsh(host, 'advfirewall firewall set rule group="Key Management Service" new enable=yes') == 0
        assert passes(host)


@pytest.mark.parametrize(
    ("setting", "expected"), [("slsvc", "SLSVC-In-TCP"), ("sppsvc", "SPPSVC-In-TCP"), ("guid", "{")]
)
def test_the_kms_exception_before_6_2_by_dial(wire: MakeWire, setting: str, expected: str) -> None:
    host = wire(persona="server-2008-r2-sp1", dials={"old_kms_rule_id": setting})
    assert all(entry["id"].startswith(expected) for entry in opened(host))
    assert netsh(host, 'advfirewall firewall set rule group="@FirewallAPI.dll,-28002" new enable=yes') == 0
    assert passes(host)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("persona", ["server-2008-sp2", "server-2012-r2", "server-2025", "windows-10"])
def test_the_kms_exception_works_whatever_the_dials_say(wire: MakeWire, persona: str, seed: int) -> None:
    host = wire(persona=persona, seed=seed)
    assert not passes(host, INSIDE)
    assert netsh(host, 'advfirewall firewall set rule group="Key Management Service" new enable=yes') == 0
    assert passes(host, INSIDE)


def test_a_host_that_serves_is_reached_once_its_exception_is_enabled(wire: MakeWire) -> None:
    host = wire(persona="server-2022", host_key=KEY, authority=Authority({KEY: "server_2022"}))
    assert host.host.dial(1688, INSIDE) == "filtered"
    netsh(host, 'advfirewall firewall set rule group="@FirewallAPI.dll,-28002" new enable=yes')
    assert host.host.dial(1688, INSIDE) == "accepted"
    host.host.inject("service-stopped", ["MpsSvc"])
    assert host.host.dial(1688, OUTSIDE) == "accepted"


# -- Group Policy ----------------------------------------------------------------------------------------------------


def test_policy_rules_are_merged_with_the_hosts_own(wire: MakeWire) -> None:
    policy = {"rules": {"{1}": OPEN_ALL.replace("LPort=1688", "LPort=1689")}}
    host = wire(persona="server-2016", group_policy=policy)
    netsh(host, ADD)
    assert passes(host)
    assert passes(host, port=1689)
    assert [entry["store"] for entry in opened(host, 1689)] == ["policy"] * 3
    assert netsh(host, "advfirewall firewall delete rule name=KMS") == 0
    assert opened(host, 1689)  # what policy has brought is not the host's to delete


def test_policy_can_put_the_hosts_own_rules_out_of_force(wire: MakeWire) -> None:
    host = wire(persona="server-2019", group_policy={"local_rules": False})
    assert netsh(host, ADD) == 0
    assert not passes(host)
    assert any(entry["enabled"] for entry in opened(host))
    assert (
        host.registry("GetDWORDValue", rf"{POLICY}\DomainProfile", sValueName="AllowLocalPolicyMerge")["uValue"] == "0"
    )


@pytest.mark.parametrize("persona", ["server-2003-sp2-x86", "server-2008-sp2", "server-2025"])
def test_policy_overrides_whether_the_firewall_is_on(wire: MakeWire, persona: str) -> None:
    assert passes(wire(persona=persona, group_policy={"enable_firewall": False}))
    assert not passes(wire(persona=persona, firewall="off", group_policy={"enable_firewall": True}))


@pytest.mark.parametrize("persona", ["server-2003-sp2-x86", "server-2008-sp2", "server-2025"])
def test_policy_without_exceptions_keeps_everybody_out(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona, group_policy={"no_exceptions": True})
    netsh(host, ADD if persona in WITH_RULES else "firewall add portopening TCP 1688 KMS profile=ALL")
    assert opened(host)
    assert not passes(host)


@pytest.mark.parametrize("persona", WITH_LIST)
def test_the_list_of_policy_on_server_2003(wire: MakeWire, persona: str) -> None:
    entry = "1689:TCP:10.0.0.0/255.0.0.0:enabled:KMS"
    policy = {"open_ports": [entry], "local_rules": False}
    host = wire(persona=persona, group_policy=policy)
    host.run("net start SharedAccess")
    host.pass_time(10)
    netsh(host, "firewall add portopening TCP 1688 KMS profile=ALL")
    assert not passes(host)
    assert passes(host, INSIDE, 1689)
    assert not passes(host, OUTSIDE, 1689)
    assert {(entry["profile"], entry["store"]) for entry in opened(host, 1689)} == {
        ("DomainProfile", "policy"),
        ("StandardProfile", "policy"),
    }
    merge = host.registry(
        "GetDWORDValue", rf"{POLICY}\DomainProfile\GloballyOpenPorts", sValueName="AllowUserPrefMerge"
    )
    assert merge["uValue"] == "0"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"group_policy": {"rules": {}}}, "not rules"),
        ({"persona": "server-2019", "group_policy": {"open_ports": []}}, "not open_ports"),
        ({"group_policy": {"open_ports": ["1688"]}}, "1688:TCP"),
        ({"persona": "server-2019", "group_policy": {"rules": {"x": "y"}}}, "x is no rule"),
        ({"persona": "server-2019", "tcpip_filtering": (5985,)}, "a thing of Server 2003"),
    ],
)
def test_options_that_make_no_sense(wire: MakeWire, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        wire(**options)


# -- what else keeps a connection out --------------------------------------------------------------------------------


def adapter(host: Wire) -> dict[str, Any]:
    (row,) = host.rows("SELECT * FROM Win32_NetworkAdapterConfiguration WHERE IPEnabled=TRUE")
    return row


def test_tcpip_filtering(wire: MakeWire) -> None:
    host = wire(firewall="stopped", tcpip_filtering=(5985, 3389))
    assert not passes(host)
    assert passes(host, port=3389)
    assert adapter(host)["IPFilterSecurityEnabled"] == "true"
    assert adapter(host)["IPSecPermitTCPPorts"] == ["5985", "3389"]
    assert host.shown["firewall"]["tcpip_filtering"] == ["5985", "3389"]
    interface = rf"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters\Interfaces\{adapter(host)['SettingID']}"
    host.registry("SetMultiStringValue", interface, sValueName="TCPAllowedPorts", sValue=["0"])
    assert passes(host)


def test_no_tcpip_filtering(wire: MakeWire) -> None:
    host = wire(firewall="off")
    assert passes(host)
    assert adapter(host)["IPFilterSecurityEnabled"] == "false"
    assert adapter(host)["IPSecPermitTCPPorts"] == "0"
    assert "IPSecPermitTCPPorts" not in adapter(wire(persona="server-2008-r2-sp1"))


@pytest.mark.parametrize("persona", ["server-2003-sp2-x86", "server-2012"])
def test_ipsec_and_rras_are_seen(wire: MakeWire, persona: str) -> None:
    key = r"SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
    plain, host = wire(persona=persona), wire(persona=persona, ipsec_policy=True, rras=True)
    assert (plain.shown["firewall"]["ipsec_policy"], plain.shown["firewall"]["rras"]) == (None, False)
    assert (
        host.shown["firewall"]["ipsec_policy"]
        == host.registry("GetStringValue", key, sValueName="ActivePolicy")["sValue"]
    )
    assert host.shown["firewall"]["rras"] is True
    query = "SELECT State FROM Win32_Service WHERE Name='RemoteAccess' OR Name='PolicyAgent'"
    assert host.rows(query) == [{"State": "Running"}, {"State": "Running"}]


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", "10.0.0.0/255.0.0.0"),
        ("10.1.2.3/255.0.0.0", "10.0.0.0/255.0.0.0"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3-10.1.2.9", "10.1.2.3-10.1.2.9"),
        ("LOCALSUBNET", "LocalSubnet"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_how_an_address_is_kept(text: str, expected: str) -> None:
    assert scopes.normal(text) == expected


@pytest.mark.parametrize("text", ["", "ten", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.1-2001:db8::1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        scopes.normal(text)


def test_the_state_of_the_profiles_stands_where_windows_keeps_it(wire: MakeWire) -> None:
    host = wire(persona="server-2008-sp2")
    assert netsh(host, "advfirewall set privateprofile state off") == 0
    folder = rf"{LOCAL}\StandardProfile"
    assert host.registry("GetDWORDValue", folder, sValueName="EnableFirewall")["uValue"] == "0"
    assert host.shown["firewall"]["private_enabled"] is False
    assert not passes(host)
    assert netsh(host, "advfirewall set currentprofile state off") == 0
    assert passes(host)


@pytest.mark.parametrize(("setting", "bound"), [("service", True), ("none", False)])
@pytest.mark.parametrize(("persona", "service"), [("server-2008-sp2", "slsvc"), ("server-2008-r2-sp1", "sppsvc")])
def test_the_program_of_the_old_exception_by_dial(
    wire: MakeWire, persona: str, service: str, setting: str, bound: bool
) -> None:
    dials = {"old_kms_rule_program": setting, "old_kms_rule_id": "sppsvc"}
    text = wire(persona=persona, dials=dials).registry("GetStringValue", RULES, sValueName="SPPSVC-In-TCP")["sValue"]
    assert (f"Svc={service}|" in text) is bound
    assert ("App=" in text) is bound
