# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall as Windows stores it, generation by generation: what is read of it, and with how many questions."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Look, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.advfirewall import ADVFIREWALL
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.model import Firewall, Profile, Rule
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.msft import MSFT
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import NETSH, OUR_NAME, parse_entry
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.reader import (
    Interest,
    backend_of,
    read_firewall,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.rules import (
    LOCAL_RULES,
    find_rules,
    nobodys,
    parse_rule,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.scopes import (
    ANY,
    LOCAL_SUBNET,
    can_be_written,
    covers,
    normal_scope,
    normal_scopes,
    written,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import service, system
from ansible_collections.activation.kms.tests.unit.windows.firewalled import (
    LOCAL,
    POLICY,
    PROGRAM,
    RULES,
    SPLIT,
    WHOLE,
    Firewalled,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows

OLD, VISTA, R2, NEW = "5.2.3790", "6.0.6002", "6.1.7601", "10.0.20348"
ALL = frozenset(["domain", "private", "public"])
STANDARD = frozenset(["standard"])


# -- scopes


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("*", ANY),
        ("any", ANY),
        ("LocalSubNet", LOCAL_SUBNET),
        ("local_subnet", LOCAL_SUBNET),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/255.255.255.255", "10.1.2.3/32"),
        ("10.1.2.3", "10.1.2.3/32"),
        (" 10.9.9.9/255.255.0.0 ", "10.9.0.0/16"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("nonsense", "nonsense"),
        ("10.0.0.0/255.0.255.0", "10.0.0.0/255.0.255.0"),
    ],
)
def test_a_scope_has_one_form(text: str, scope: str) -> None:
    assert normal_scope(text) == scope
    assert normal_scope(normal_scope(text)) == scope
    assert normal_scopes(text) == {scope}


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("10.0.0.0-10.0.0.255", {"10.0.0.0/24"}),
        ("10.0.0.0-10.0.1.0", {"10.0.0.0/24", "10.0.1.0/32"}),
        ("2001:db8::-2001:db8::1", {"2001:db8::/127"}),
        ("10.0.0.9-10.0.0.1", {"10.0.0.9-10.0.0.1"}),
        ("10.0.0.1-2001:db8::", {"10.0.0.1-2001:db8::"}),
        ("PlayTo-Device", {"playto-device"}),
    ],
)
def test_a_range_is_the_networks_it_is_made_of(text: str, scopes: set[str]) -> None:
    assert normal_scopes(text) == scopes


@given(st.text(max_size=40))
def test_any_text_is_some_scope(text: str) -> None:
    scopes = normal_scopes(text)
    assert covers(scopes, scopes)
    assert {form for item in scopes for form in normal_scopes(item)} == scopes


@given(st.ip_addresses(), st.integers(0, 32), st.integers(0, 32))
def test_networks_lie_within_each_other_by_their_prefix(address: t.Any, one: int, other: int) -> None:
    wide, narrow = (normal_scope(f"{address}/{prefix}") for prefix in sorted([one, other]))
    assert covers({wide}, {narrow})
    assert covers({narrow}, {wide}) is (one == other)


def test_a_scope_in_the_words_of_windows() -> None:
    assert written({LOCAL_SUBNET, "10.0.0.0/8"}) == ["10.0.0.0/8", "LocalSubnet"]
    assert written({ANY}) == ["Any"]


@pytest.mark.parametrize(
    ("scope", "possible"),
    [
        ({ANY}, True),
        ({LOCAL_SUBNET, "10.0.0.0/8", "2001:db8::/32"}, True),
        ({LOCAL_SUBNET, "rmtintranet"}, False),
        ({"fe80::1%3"}, False),
        ({"0.0.0.0/0"}, False),
    ],
)
def test_what_windows_would_take_back(scope: set[str], possible: bool) -> None:
    assert can_be_written(scope) is possible


# -- entries of Server 2003


def entry(name: str, enabled: bool, *scope: str, ours: bool = False) -> Rule:
    return Rule("1688:TCP", name, enabled, frozenset(scope), frozenset(["domain"]), ours=ours)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1688:TCP:*:Enabled:KMS", entry("KMS", True, ANY)),
        ("1688:TCP:*:Disabled:KMS", entry("KMS", False, ANY)),
        (f"1688:TCP:LocalSubNet:enabled:{OUR_NAME}", entry(OUR_NAME, True, LOCAL_SUBNET, ours=True)),
        (
            "1688:TCP:10.0.0.0/255.0.0.0,LocalSubNet:Enabled:a: b, c",
            entry("a: b, c", True, "10.0.0.0/8", LOCAL_SUBNET),
        ),
        ("1688:TCP", entry("", False)),
        ("1688:TCP:*:Enabled:@xpsp2res.dll,-22009", entry("@xpsp2res.dll,-22009", True, ANY)),
    ],
)
def test_an_entry_as_windows_stores_it(text: str, expected: Rule) -> None:
    assert parse_entry(text, "domain") == expected


@given(st.text(max_size=60))
def test_any_text_is_some_entry(text: str) -> None:
    assert parse_entry(text, "domain").admits_in("standard") is False


# -- rules from Windows Vista on

HEAD = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|"


def rule(text: str, port: int = 1688) -> Rule:
    found = parse_rule("id", text, port, ours=nobodys)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("fields", "scope"),
    [
        ("LPort=1688|", {ANY}),
        ("LPort=1688|RA4=LocalSubnet|RA6=LocalSubnet|", {LOCAL_SUBNET}),
        ("LPort=1688|RA4=10.0.0.0/255.0.0.0|RA4=LocalSubnet|", {"10.0.0.0/8", LOCAL_SUBNET}),
        ("LPort=1688|RA4=10.0.0.0-10.0.0.255|RA6=2001:db8::/32|", {"10.0.0.0/24", "2001:db8::/32"}),
        ("LPort=1688|RA42=IntErnet|", {"internet"}),
        ("LPort=1688|RA4=10.0.0.0/255.128.0.0|RA4=10.128.0.0-10.255.255.255|RA6=::/0|", {"10.0.0.0/8", "::/0"}),
        ("LPort=1688|RA6=fe80::1%3|", {"fe80::1%3"}),
    ],
)
def test_for_whom_a_rule_is(fields: str, scope: set[str]) -> None:
    assert rule(HEAD + fields).scope == scope


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        (HEAD + "LPort=1688|", "exact"),
        (HEAD + "LPort=1688|LPort=80|", "wider"),
        (HEAD + "LPort2_10=1600-1700|", "wider"),
        (HEAD + "LPort=1600-1700|", "wider"),
        (HEAD, "wider"),
        (HEAD.replace("Protocol=6|", ""), "wider"),
        (HEAD.replace("Protocol=6", "Protocol=256"), "wider"),
        (HEAD + "LPort=1689|", "other"),
        (HEAD + "LPort=RPC|", "other"),
        (HEAD + "LPort=|", "other"),
        (HEAD + "LPort2_10=IPTLSIn|LPort2_10=IPHTTPSIn|", "other"),
        (HEAD.replace("Protocol=6", "Protocol=17") + "LPort=1688|", "other"),
    ],
)
def test_how_a_rule_fits_the_port(text: str, fit: str) -> None:
    assert rule(text).fit == fit


@pytest.mark.parametrize(
    ("fields", "conditions"),
    [
        (f"{PROGRAM}|Name=x|Desc=y|EmbedCtxt=z|Edge=TRUE|Profile=Domain|", ()),
        (r"App=C:\Windows\System32\SLsvc.exe|Svc=slsvc|", ()),
        (r"App=%SystemRoot%\system32\sppsvc.exe|Svc=sppsvc|", ()),
        (r"App=C:\x\notsppsvc.exe|", ("app",)),
        (r"App=System|Svc=*|", ("app",)),
        ("Svc=lanmanserver|", ("svc",)),
        ("IF={1}|LA4=10.0.0.1|LUAuth=O:|RPort=99|Security=Authenticate|", ("if", "la4", "luauth", "rport", "security")),
        ("InventedLater=1|", ("inventedlater",)),
    ],
)
def test_what_keeps_clients_out_of_a_rule(fields: str, conditions: tuple[str, ...]) -> None:
    found = rule(HEAD + "LPort=1688|" + fields)
    assert found.narrowed_by == conditions
    assert found.plain is (not conditions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SPLIT["SPPSVC-In-TCP"],
            Rule("id", "@FirewallAPI.dll,-28003", False, frozenset([LOCAL_SUBNET]), frozenset(["private", "public"])),
        ),
        (WHOLE["SPPSVC-In-TCP"], Rule("id", "@FirewallAPI.dll,-28003", False, frozenset([ANY]), ALL)),
        (
            "v2.0|Action=Block|Active=true|Dir=IN|Protocol=6|LPort=1688|Name=a=b|",
            Rule("id", "a=b", True, frozenset([ANY]), ALL, action="block"),
        ),
    ],
)
def test_a_rule_as_windows_stores_it(text: str, expected: Rule) -> None:
    assert rule(text) == expected


@pytest.mark.parametrize("text", ["", "v2.10|", "v2.10|Action=Allow|Dir=Out|", "Action=Allow|Dir=In|", "garbage"])
def test_what_is_no_inbound_rule(text: str) -> None:
    assert parse_rule("id", text, 1688, ours=nobodys) is None


PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["Dir=In", "Active=TRUE", "Protocol=6", "LPort=1688", "LPort2_10=1-", "RA4=-", "App=", "Svc="]),
)


@given(st.lists(PIECES, max_size=9))
def test_any_text_is_some_rule_or_none(pieces: list[str]) -> None:
    found = parse_rule("id", "v2.10|" + "|".join(pieces), 1688, ours=nobodys)
    assert found is None or json.dumps(found.as_data())


# -- finding rules


@pytest.mark.parametrize(
    ("output", "ids"),
    [
        ("", []),
        ("\r\nEnd of search: 0 match(es) found.\r\n", []),
        (f"\r\nHKEY_LOCAL_MACHINE\\x\r\n    {{1}}    REG_SZ    {HEAD}LPort=1688|\r\n\r\nSuchende: 1\r\n", ["{1}"]),
        (f"    a b  c    REG_SZ    {HEAD}LPort=1688|Name=x    REG_SZ    y|\r\n", ["a b  c"]),
        (f"    a    REG_SZ    {HEAD}LPort=16880|LPort=80|\r\n", []),
        (f"    a    REG_DWORD    {HEAD}LPort=1688|\r\n", []),
        (f"\ta\tREG_SZ\t{HEAD}LPort=1688|\r\n", ["a"]),
    ],
)
def test_lines_of_reg_query(output: str, ids: list[str]) -> None:
    world = Firewalled(R2)

    def told(line: str) -> int:
        world._stdout = output
        return 0

    world.programs.insert(0, ("^reg query ", told))
    assert [found.id for found in find_rules(world, LOCAL_RULES, 1688, ours=nobodys)] == ids


def test_rules_that_cannot_be_read_are_not_taken_for_none() -> None:
    world = Firewalled(R2)
    world.programs.insert(0, ("^reg query ", lambda line: 5))
    with pytest.raises(Failure) as caught:
        find_rules(world, LOCAL_RULES, 1688, ours=nobodys)
    assert caught.value.name == "firewall_unreadable"


def test_rules_are_found_by_their_port_alone() -> None:
    world = Firewalled(R2, {"{1}": HEAD + "LPort=16880|", "{2}": HEAD + "LPort=1688|", "{3}": HEAD + "LPort=21688|"})
    assert [found.id for found in find_rules(world, LOCAL_RULES, 1688, ours=nobodys)] == ["{2}"]


# -- reading


@pytest.mark.parametrize(
    ("version", "backend"),
    [
        (OLD, NETSH),
        (VISTA, ADVFIREWALL),
        (R2, ADVFIREWALL),
        ("6.2.9200", MSFT),
        ("6.3.9600", MSFT),
        (NEW, MSFT),
        ("10.0.26100", MSFT),
        ("5.1.2600", None),
        ("", None),
    ],
)
def test_the_backend_goes_by_the_version(version: str, backend: t.Any) -> None:
    assert backend_of(version) is backend


def look(world: SmallWindows, interest: Interest, version: str = OLD, **changes: t.Any) -> Firewall:
    name = "SharedAccess" if version == OLD else "MpsSvc"
    known = Seen().having(system(version=version, **{"services": {name.lower(): service(name)}, **changes}))
    return Look(world, {Firewall: read_firewall(interest), System: lambda *_: None}, known)[Firewall]


def opening(*scope: str) -> Interest:
    return Interest(1688, "open", frozenset(scope or ["10.0.0.0/8"]))


def test_server_2003_is_read_profile_by_profile() -> None:
    world = Firewalled(OLD, on=["domain"])
    for key in ("DomainProfile", "StandardProfile"):
        world.set(rf"{LOCAL}\{key}\GloballyOpenPorts\List", "1688:TCP", "1688:TCP:*:Enabled:KMS")
    world.set(rf"{LOCAL}\DomainProfile", "DoNotAllowExceptions", 1)
    found = look(world, opening())
    assert found.profiles == (Profile("domain", True, False), Profile("standard", False))
    assert found.rules == (entry("KMS", True, ANY), dataclasses.replace(found.rules[0], profiles=STANDARD))
    assert found.policy is None and found.others is None and found.filtering
    assert len(world.asked) == 6


@pytest.mark.parametrize("services", [{}, {"stopped": service("x")}])
@pytest.mark.parametrize("version", [OLD, R2, NEW])
def test_a_firewall_that_does_not_run_is_not_asked(version: str, services: dict[str, t.Any]) -> None:
    name = "SharedAccess" if version == OLD else "MpsSvc"
    services = {name.lower(): service(name, "Stopped", "Disabled")} if services else {}
    world = Firewalled(version)
    assert not look(world, opening(), version, services=services).filtering
    assert world.asked == []


def test_a_firewall_without_a_value_is_off_on_server_2003_and_on_later() -> None:
    assert not look(SmallWindows(), opening()).filtering
    world = Firewalled(NEW)
    for key in ("DomainProfile", "StandardProfile", "PublicProfile"):
        del world.registry[rf"{LOCAL}\{key}".lower()]
    assert look(world, opening(), NEW).on == ("domain", "private", "public")


def test_what_matters_before_opening_is_read_before_opening_only() -> None:
    world = Firewalled(NEW, {name: text.replace("FALSE", "TRUE") for name, text in WHOLE.items()})
    world.set(rf"{LOCAL}\PublicProfile", "DoNotAllowExceptions", 1)
    calm = look(world, opening(), NEW)
    assert [profile.exceptions_allowed for profile in calm.profiles] == [None] * 3 and calm.others is None
    world = Firewalled(NEW)
    world.set(rf"{LOCAL}\PublicProfile", "DoNotAllowExceptions", 1)
    busy = look(world, opening(), NEW)
    assert [profile.exceptions_allowed for profile in busy.profiles] == [True, True, False] and busy.others == ()


@pytest.mark.parametrize(
    ("first", "asked"),
    [
        ((), ["activation.kms-In-TCP-1688", "SPPSVC-In-TCP", "SPPSVC-In-TCP-NoScope"]),
        (("SPPSVC-In-TCP-NoScope",), ["SPPSVC-In-TCP-NoScope", "activation.kms-In-TCP-1688", "SPPSVC-In-TCP"]),
    ],
)
def test_rules_are_read_until_they_answer(first: tuple[str, ...], asked: list[str]) -> None:
    world = Firewalled(NEW, SPLIT)
    interest = dataclasses.replace(opening(), first=lambda look: first)
    look(world, interest, NEW)
    assert [word.split()[1] for word in world.asked if "-In-TCP" in word] == asked


def test_a_report_shows_rules_of_others_too() -> None:
    world = Firewalled(NEW, {**WHOLE, "{1}": HEAD + "LPort=1688|Name=KMS by hand|"})
    report = look(world, Interest(1688, "report"), NEW)
    assert [found.id for found in report.rules] == ["SPPSVC-In-TCP", "{1}"]
    world.has_shell = False
    assert [found.id for found in look(world, Interest(1688, "report"), NEW).rules] == ["SPPSVC-In-TCP"]


@pytest.mark.parametrize("version", [OLD, VISTA, R2, NEW])
def test_a_report_is_plain_data(version: str) -> None:
    world = Firewalled(version, WHOLE)
    world.set(rf"{POLICY}\DomainProfile", "EnableFirewall", 0)
    data = look(world, Interest(1688, "report"), version).as_data()
    assert json.loads(json.dumps(data)) == data
    assert data["group_policy"]["enabled"] == {"domain": False}
    assert data["profiles"][0] == {"name": "domain", "enabled": False, "exceptions_allowed": None}
    assert data["other_filters"] == []


def test_a_report_of_an_unknown_firewall() -> None:
    data = look(Firewalled(OLD), Interest(1688, "report"), "5.1.2600").as_data()
    assert (data["backend"], data["service"], data["filtering"]) == (None, None, False)


# -- what else filters

RUNNING = [
    {"Name": "PolicyAgent", "State": "Running"},
    {"Name": "RemoteAccess", "State": "Running"},
]
IPSEC = r"SOFTWARE\Policies\Microsoft\Windows\IPSec"


@pytest.mark.parametrize(
    ("version", "services", "values", "words"),
    [
        (OLD, [], [], []),
        (OLD, [], [(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "EnableSecurityFilters", 1)], ["TCP/IP"]),
        (OLD, [], [(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "EnableSecurityFilters", 0)], []),
        (NEW, [], [(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "EnableSecurityFilters", 1)], []),
        (OLD, RUNNING[:1], [], []),
        (OLD, RUNNING[:1], [(rf"{IPSEC}\Policy\Local", "ActivePolicy", "x")], ["IPsec"]),
        (NEW, RUNNING[:1], [(rf"{IPSEC}\GPTIPSECPolicy", "DSIPSECPolicyPath", "x")], ["IPsec"]),
        (OLD, [{"Name": "PolicyAgent", "State": "Stopped"}], [(rf"{IPSEC}\Policy\Local", "ActivePolicy", "x")], []),
        (NEW, RUNNING[1:], [], ["Routing"]),
        (OLD, RUNNING, [(rf"{IPSEC}\Policy\Local", "ActivePolicy", "x")], ["IPsec", "Routing"]),
    ],
)
def test_what_else_filters(
    version: str, services: list[dict[str, t.Any]], values: list[tuple[str, str, t.Any]], words: list[str]
) -> None:
    world = Firewalled(version)
    world.classes["Win32_Service"] = services
    for key, name, value in values:
        world.set(key, name, value)
    found = look(world, opening(), version).others
    assert found is not None and len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True))


# -- netsh's command lines


def commands(world: SmallWindows) -> list[str]:
    return [deed.removeprefix("run ") for deed in world.deeds]


def netsh(code: int = 0) -> SmallWindows:
    world = SmallWindows()
    world.programs.append(("^netsh ", lambda line: code))
    return world


OPENING = f'netsh firewall set portopening protocol=TCP port=1688 name="{OUR_NAME}" mode=ENABLE'


@pytest.mark.parametrize(
    ("scope", "profiles", "end"),
    [
        ({ANY}, ["domain", "standard"], "scope=ALL profile=ALL"),
        ({LOCAL_SUBNET}, ["standard", "domain"], "scope=SUBNET profile=ALL"),
        ({"10.0.0.0/8"}, ["domain"], "scope=CUSTOM addresses=10.0.0.0/8 profile=DOMAIN"),
        ({"10.0.0.0/8", LOCAL_SUBNET}, ["standard"], "scope=CUSTOM addresses=10.0.0.0/8,LocalSubnet profile=STANDARD"),
        ({"9.0.0.0/8", "10.0.0.0/8"}, ["domain"], "scope=CUSTOM addresses=10.0.0.0/8,9.0.0.0/8 profile=DOMAIN"),
    ],
)
def test_opening_on_server_2003(scope: set[str], profiles: list[str], end: str) -> None:
    world = netsh()
    NETSH.open_port(world, 1688, frozenset(scope), profiles, [])
    assert commands(world) == [f"{OPENING} {end}"]


@pytest.mark.parametrize(
    ("profiles", "name"), [(["domain", "standard"], "ALL"), (["domain"], "DOMAIN"), (["standard"], "STANDARD")]
)
def test_closing_on_server_2003(profiles: list[str], name: str) -> None:
    world = netsh()
    NETSH.close_port(world, 1688, profiles)
    assert commands(world) == [f"netsh firewall delete portopening protocol=TCP port=1688 profile={name}"]


OURS = 'rule name="Key Management Service TCP 1688 (activation.kms)"'
MADE = Rule("{1}", "ours", True, frozenset([ANY]), ALL, ours=True)
ADDED = f"netsh advfirewall firewall add {OURS} dir=in action=allow protocol=TCP localport=1688 remoteip="
SET = f"netsh advfirewall firewall set {OURS} new enable=yes remoteip="
DELETED = f"netsh advfirewall firewall delete {OURS}"


@pytest.mark.parametrize(
    ("scope", "ours", "expected"),
    [
        ({ANY}, [], [f"{ADDED}Any"]),
        ({LOCAL_SUBNET, "10.0.0.0/8", "2001:db8::/32"}, [], [f"{ADDED}10.0.0.0/8,2001:db8::/32,LocalSubnet"]),
        ({"10.0.0.0/8"}, [MADE], [f"{SET}10.0.0.0/8"]),
        ({"10.0.0.0/8"}, [dataclasses.replace(MADE, action="block")], [DELETED, f"{ADDED}10.0.0.0/8"]),
        ({"10.0.0.0/8"}, [dataclasses.replace(MADE, fit="wider")], [DELETED, f"{ADDED}10.0.0.0/8"]),
        ({"10.0.0.0/8"}, [dataclasses.replace(MADE, profiles=frozenset(["domain"]))], [DELETED, f"{ADDED}10.0.0.0/8"]),
        ({"10.0.0.0/8"}, [MADE, MADE], [f"{SET}10.0.0.0/8"]),
        ({"10.0.0.0/8"}, [MADE, dataclasses.replace(MADE, fit="wider")], [DELETED, f"{ADDED}10.0.0.0/8"]),
    ],
)
def test_opening_with_netsh_advfirewall(scope: set[str], ours: list[Rule], expected: list[str]) -> None:
    world = netsh()
    ADVFIREWALL.open_port(world, 1688, frozenset(scope), ["domain"], ours)
    assert commands(world) == expected


def test_closing_with_netsh_advfirewall() -> None:
    world = netsh()
    ADVFIREWALL.close_port(world, 1688, ["domain"])
    assert commands(world) == [DELETED]


@pytest.mark.parametrize(
    ("backend", "profile", "command"),
    [(NETSH, "domain", "netsh firewall"), (ADVFIREWALL, "domain", "netsh advfirewall")],
)
def test_a_change_netsh_does_not_make_is_said_with_the_command_to_try(
    backend: t.Any, profile: str, command: str
) -> None:
    with pytest.raises(Failure, match=f"exit code 1.*{command}") as caught:
        backend.open_port(netsh(1), 1688, frozenset([ANY]), [profile], [])
    assert caught.value.name == "firewall_change"


def test_the_registry_key_of_rules_is_named_once_more() -> None:
    assert LOCAL_RULES == RULES
