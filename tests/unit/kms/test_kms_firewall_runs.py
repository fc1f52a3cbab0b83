# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening and closing on a small Windows of each generation: who gets through, twice, and what is left afterwards."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._converge import converge
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall import OpenPort
from ansible_collections.activation.kms.plugins.plugin_utils._kms.firewall_wish import FirewallWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.record import KEY, Record, read_record
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.model import Firewall
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.reader import read_firewall
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import service, system
from ansible_collections.activation.kms.tests.unit.windows import firewalled
from ansible_collections.activation.kms.tests.unit.windows.firewalled import (
    LOCAL,
    POLICY,
    PROFILE_KEYS,
    RULES,
    SPLIT,
    WHOLE,
    Firewalled,
)
from ansible_collections.activation.kms.tests.unit.windows.small_windows import lost_after, lost_before

OLD, NETSH, MSFT = "5.2.3790", "6.1.7601", "10.0.20348"
NETWORK = {"10.0.0.0/255.0.0.0"}
WISH = FirewallWish(1688, open=True, scope=frozenset(["10.0.0.0/8"]))
WIDER = FirewallWish(1688, open=True, scope=frozenset(["10.0.0.0/8", "2001:db8::/32", "local_subnet"]))
EVERYBODY = FirewallWish(1688, open=True, scope=frozenset(["any"]))
OTHER_PORT = FirewallWish(1700, open=True, scope=WISH.scope)
CLOSED = FirewallWish(1688, open=False)
OURS = "activation.kms-In-TCP-1688"
BLOCKED = "v2.10|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=1688|Name=No KMS|"
BY_HAND = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1688|RA4=10.0.0.0/255.0.0.0|Name=KMS by hand|"
SEVERAL = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort=1688|Name=Two ports|"
OTHER_PROGRAM = rf"{BY_HAND}App=C:\x\backup.exe|"


def run(world: Firewalled, wish: FirewallWish, *, check: bool = False) -> Outcome:
    """One run of the resource by the real engine."""
    name = "SharedAccess" if world.version == OLD else "MpsSvc"
    machine = system(version=world.version, services={name.lower(): service(name)})
    readers = {System: lambda *_: machine, Record: read_record, Firewall: read_firewall(wish.interest)}
    return converge(world, [OpenPort(wish)], readers, check=check)


def settled(world: Firewalled, wish: FirewallWish) -> Outcome:
    """Run, and run again: the second changes nothing. Check mode foretold the first."""
    world.deeds.clear()
    foretold = run(world, wish, check=True)
    assert not world.changes()
    outcome = run(world, wish)
    assert outcome.problem is None, outcome.problem
    assert [one.as_data() for one in foretold.plan] == [one.as_data() for one in outcome.done]
    world.deeds.clear()
    assert not run(world, wish).changed and not world.changes()
    return outcome


def who(world: Firewalled, port: int = 1688) -> dict[str, set[str]]:
    return {profile: world.open_for(profile, port) for profile in PROFILE_KEYS[world.version]}


STARTS: dict[str, tuple[str, dict[str, str]]] = {
    "2003": (OLD, {}),
    "vista": ("6.0.6002", {}),
    "7 with its own rule": (NETSH, SPLIT),
    "7 with rules of others": (NETSH, {"{1}": OTHER_PROGRAM, "{2}": BLOCKED.replace("TRUE", "FALSE")}),
    "2012 without rules": ("6.2.9200", {}),
    "2012 r2": ("6.3.9600", WHOLE),
    "2022": (MSFT, WHOLE),
    "10": (MSFT, SPLIT),
    "half a rule": (MSFT, {"SPPSVC-In-TCP": SPLIT["SPPSVC-In-TCP"]}),
    "an unfinished rule of ours": (MSFT, {OURS: "v2.31|Action=Allow|Active=FALSE|Dir=In|Name=ours|"}),
    "our rule wide open": (MSFT, {OURS: "v2.31|Action=Allow|Active=TRUE|Dir=In|Name=ours|"}),
    "our rule for another port": (MSFT, {OURS: "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=99|Name=o|"}),
    "our rule blocking": (MSFT, {OURS: BLOCKED, **WHOLE}),
}


@pytest.mark.parametrize("start", STARTS)
def test_the_port_is_open_for_whom_was_named_and_for_nobody_else(start: str) -> None:
    version, rules = STARTS[start]
    world = Firewalled(version, rules)
    settled(world, WISH)
    assert who(world) == dict.fromkeys(PROFILE_KEYS[version], NETWORK)


@pytest.mark.parametrize("start", STARTS)
def test_closing_gives_back_what_was_there(start: str) -> None:
    version, rules = STARTS[start]
    world = Firewalled(version, rules)
    before = {key: dict(values) for key, values in world.registry.items()}
    settled(world, WISH)
    settled(world, CLOSED)
    ours = {OURS.lower()}
    expected = {key: {n: v for n, v in values.items() if n not in ours} for key, values in before.items()}
    found = {
        key: values for key, values in world.registry.items() if values or not key.endswith(r"globallyopenports\list")
    }
    assert _sorted_rules(found) == _sorted_rules(expected)


def _sorted_rules(registry: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Rule strings as sets of their fields: Windows keeps no order."""
    return {
        key: {name: sorted(str(text).split("|")[1:]) if key == RULES.lower() else text for name, text in values.items()}
        for key, values in registry.items()
    }


@pytest.mark.parametrize("start", [name for name in STARTS if name not in ("2003", "7 with rules of others")])
@pytest.mark.parametrize("wishes", [[WISH, WIDER], [WIDER, WISH], [WISH, EVERYBODY], [EVERYBODY, WISH]])
def test_another_scope_takes_the_place_of_the_first(start: str, wishes: list[FirewallWish]) -> None:
    version, rules = STARTS[start]
    expected = {WISH: NETWORK, WIDER: {*NETWORK, "2001:db8::/32", "LocalSubnet"}, EVERYBODY: {"*"}}
    world = Firewalled(version, rules)
    for wish in wishes:
        settled(world, wish)
        assert who(world) == dict.fromkeys(PROFILE_KEYS[version], expected[wish])


@pytest.mark.parametrize("start", STARTS)
def test_another_port_gets_a_rule_of_our_own(start: str) -> None:
    version, rules = STARTS[start]
    world = Firewalled(version, rules)
    before = world.rules()
    settled(world, OTHER_PORT)
    assert all(scope >= NETWORK for scope in who(world, 1700).values())
    assert before.items() <= world.rules().items()
    settled(world, FirewallWish(1700, open=False))
    assert world.rules() == before


@pytest.mark.parametrize("version", [OLD, "6.0.6002", NETSH, "6.2.9200", MSFT])
@pytest.mark.parametrize("profile", ["domain", "public"])
def test_profiles_that_are_off_are_left_alone(version: str, profile: str) -> None:
    if profile not in PROFILE_KEYS[version]:
        profile = "standard"
    world = Firewalled(version, SPLIT, on=[profile])
    settled(world, WISH)
    assert who(world)[profile] == NETWORK
    assert world.value(rf"{LOCAL}\{PROFILE_KEYS[version]['domain']}", "EnableFirewall") == int(profile == "domain")


def test_a_firewall_that_is_off_is_left_as_it_is() -> None:
    world = Firewalled(MSFT, WHOLE, on=["none"])
    outcome = settled(world, WISH)
    assert not outcome.changed and world.rules() == WHOLE
    assert any("off in every profile" in text for text in outcome.warnings)


# -- rules of others


@pytest.mark.parametrize("rule", [BY_HAND, SEVERAL, BY_HAND.replace("|RA4=10.0.0.0/255.0.0.0", "")])
def test_a_rule_of_somebody_else_that_admits_the_clients_is_enough(rule: str) -> None:
    world = Firewalled(NETSH, {"{1}": rule})
    assert not settled(world, WISH).changed
    assert world.rules() == {"{1}": rule}


@pytest.mark.parametrize(
    "rule",
    [
        BY_HAND.replace("10.0.0.0/255.0.0.0", "10.0.0.0/255.255.0.0"),
        BY_HAND.replace("Active=TRUE", "Active=FALSE"),
        BY_HAND.replace("LPort=1688|", "LPort=1688|Profile=Domain|"),
        BY_HAND.replace("Dir=In", "Dir=Out"),
        BY_HAND.replace("Protocol=6", "Protocol=17"),
        BY_HAND.replace("LPort", "RPort"),
        BY_HAND.replace("Allow", "ByPass"),
        f"{BY_HAND}LUAuth=O:LSD:(A;;CC;;;S-1-5-32-544)|",
        f"{BY_HAND}IFType=Wireless|",
        OTHER_PROGRAM,
    ],
)
def test_a_rule_of_somebody_else_that_is_not_enough_stays_and_gets_company(rule: str) -> None:
    world = Firewalled(NETSH, {"{1}": rule})
    settled(world, WISH)
    assert world.rules()["{1}"] == rule
    assert len(world.rules()) == 2
    assert all(scope >= NETWORK for scope in who(world).values())
    settled(world, CLOSED)
    assert world.rules() == {"{1}": rule}


def test_a_rule_of_windows_that_somebody_enabled_is_enough_or_left() -> None:
    enabled = {name: text.replace("Active=FALSE", "Active=TRUE") for name, text in SPLIT.items()}
    world = Firewalled(MSFT, enabled)
    settled(world, WISH)  # the local subnet is not the network that was named
    assert {name: world.rules()[name] for name in enabled} == enabled
    assert OURS in world.rules()
    outcome = settled(world, CLOSED)
    assert world.rules() == enabled
    assert sum("was left" in text for text in outcome.warnings) == 2
    assert not settled(
        Firewalled(MSFT, {n: text.replace("|RA4=LocalSubnet|RA6=LocalSubnet", "") for n, text in enabled.items()}), WISH
    ).changed


def test_our_rule_is_for_whom_was_named_also_where_others_admit_them() -> None:
    """An administrator opens Windows' own rule to everybody later; our older rule must not stay wider than named."""
    enabled = WHOLE["SPPSVC-In-TCP"].replace("Active=FALSE", "Active=TRUE")
    world = Firewalled(MSFT, {"SPPSVC-In-TCP": f"{enabled}RA4=LocalSubnet|"})
    settled(world, EVERYBODY)
    assert "RA4" not in world.rules()[OURS]
    world.set(RULES, "SPPSVC-In-TCP", enabled)
    settled(world, WISH)
    assert "RA4=10.0.0.0/255.0.0.0|" in world.rules()[OURS]


def test_closing_without_a_record_touches_nothing_of_windows() -> None:
    world = Firewalled(MSFT, SPLIT)
    settled(world, WISH)
    opened = world.rules()
    del world.registry[KEY.lower()]
    outcome = settled(world, CLOSED)
    assert not outcome.changed and world.rules() == opened
    assert any("was left" in text for text in outcome.warnings)


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_rule_that_blocks_is_reported_and_left(version: str) -> None:
    world = Firewalled(version, {"{1}": BLOCKED})
    outcome = settled(world, WISH)
    assert world.rules()["{1}"] == BLOCKED
    assert any("No KMS blocks TCP 1688" in text for text in outcome.warnings)


def test_what_would_have_to_be_searched_for_does_not_count_as_admitted() -> None:
    world = Firewalled(MSFT, {"{1}": BY_HAND})
    settled(world, WISH)
    assert world.rules()["{1}"] == BY_HAND and OURS in world.rules()


# -- what goes wrong on the way

DEEDS = [
    "Create MSFT_NetFirewallRule",
    "associated MSFT_NetProtocolPortFilter",
    "Put MSFT_NetProtocolPortFilter",
    "associated MSFT_NetAddressFilter",
    "Put MSFT_NetAddressFilter",
    "MSFT_NetFirewallRule.Enable",
]


@pytest.mark.parametrize("silence", [lost_before, lost_after])
@pytest.mark.parametrize("deed", DEEDS)
def test_our_rule_is_never_open_wider_than_named_whatever_is_lost(deed: str, silence: t.Any) -> None:
    world = Firewalled(MSFT)
    seen: list[dict[str, set[str]]] = []
    silent = silence(deed)

    def before(word: str) -> None:
        seen.append(who(world))
        if silence is lost_before:
            silent(word)

    world.before = before
    if silence is lost_after:
        world.after = silent
    if run(world, WISH).problem is not None:  # a lost question, not a lost change: the next run goes on
        assert run(world, WISH).problem is None
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], NETWORK)
    assert len(world.rules()) == 1
    assert all(scope in (set(), NETWORK) for state in seen for scope in state.values())


@pytest.mark.parametrize("start", STARTS)
def test_no_step_on_the_way_admits_more_than_named(start: str) -> None:
    """Seen before every message: whoever kills the controller there leaves no more than that behind."""
    version, rules = STARTS[start]
    world = Firewalled(version, rules)
    at_first = who(world)
    seen: list[dict[str, set[str]]] = []
    world.before = lambda word: seen.append(who(world))
    for wish in (WISH, CLOSED):
        assert run(world, wish).problem is None
    assert all(scope in (set(), NETWORK, at_first[profile]) for state in seen for profile, scope in state.items())


def test_closing_on_server_2003_closes_profiles_that_are_off_too() -> None:
    world = Firewalled(OLD)
    settled(world, EVERYBODY)
    world.set(rf"{LOCAL}\StandardProfile", "EnableFirewall", 0)
    settled(world, WISH)
    assert who(world) == dict.fromkeys(PROFILE_KEYS[OLD], NETWORK)
    settled(world, CLOSED)
    assert who(world) == dict.fromkeys(PROFILE_KEYS[OLD], set())


@pytest.mark.parametrize("rows", [0, 2])
def test_a_filter_is_changed_only_where_windows_shows_that_one(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = Firewalled(MSFT)
    monkeypatch.setattr(firewalled, "_associated", _several(rows, firewalled._associated))
    outcome = run(world, WISH)
    assert outcome.problem is not None and outcome.problem.name == "firewall_rule_damaged"
    assert not [deed for deed in world.deeds if deed.startswith("Put")]
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], set())


def _several(rows: int, associated: t.Callable[[str, str], str]) -> t.Callable[[str, str], str]:
    def answer(name: str, rule: str) -> str:
        head, item, rest = re.split("(<w:Item>.*</w:Item>)", associated(name, rule))
        return head + item * rows + rest

    return answer


def test_a_rule_that_windows_does_not_enable_is_said() -> None:
    world = Firewalled(MSFT)
    world.methods["MSFT_NetFirewallRule.Enable"] = lambda given: 5
    outcome = run(world, WISH)
    assert outcome.problem is not None and outcome.problem.code == "0x00000005"


@pytest.mark.parametrize("silence", [lost_before, lost_after])
@pytest.mark.parametrize("deed", ["StdRegProv.SetStringValue", *DEEDS[3:]])
def test_what_windows_own_rules_were_survives_whatever_is_lost(deed: str, silence: t.Any) -> None:
    world = Firewalled(MSFT, SPLIT)
    setattr(world, "before" if silence is lost_before else "after", silence(deed))
    if run(world, WISH).problem is not None:
        assert run(world, WISH).problem is None
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], NETWORK)
    settled(world, CLOSED)
    assert {name: sorted(text.split("|")[1:]) for name, text in world.rules().items()} == {
        name: sorted(text.split("|")[1:]) for name, text in SPLIT.items()
    }


@pytest.mark.parametrize("protocols", [{"TCP"}, {"6"}])
def test_the_protocol_is_given_in_the_word_windows_takes(protocols: set[str]) -> None:
    world = Firewalled(MSFT)
    world.protocols = protocols
    settled(world, WISH)
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], NETWORK)


def test_a_protocol_that_windows_takes_in_no_word_leaves_a_rule_that_admits_nobody() -> None:
    world = Firewalled(MSFT)
    world.protocols = set()
    outcome = run(world, WISH)
    assert isinstance(outcome.problem, Failure)
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], set())


@pytest.mark.parametrize("silence", [lost_before, lost_after])
def test_a_lost_answer_of_netsh_makes_no_second_rule(silence: t.Any) -> None:
    world = Firewalled(NETSH)
    word = "shell Receive"
    setattr(world, "before" if silence is lost_before else "after", silence(word))
    if run(world, WISH).problem is not None:
        assert run(world, WISH).problem is None
    assert len(world.rules()) == 1
    assert who(world) == dict.fromkeys(PROFILE_KEYS[NETSH], NETWORK)


# -- Group Policy


def policy(world: Firewalled, rule: str | None = None, **values: int) -> Firewalled:
    for name, value in values.items():
        for profile in ("DomainProfile", "PrivateProfile", "PublicProfile"):
            world.set(rf"{POLICY}\{profile}", name, value)
    if rule:
        world.set(rf"{POLICY}\FirewallRules", "{9}", rule)
    return world


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_rule_of_group_policy_that_admits_the_clients_is_enough(version: str) -> None:
    world = policy(Firewalled(version, WHOLE), BY_HAND, AllowLocalPolicyMerge=0)
    outcome = settled(world, WISH)
    assert not outcome.changed and world.rules() == WHOLE
    assert not any("the effect" in text for text in outcome.warnings)


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_policy_that_ignores_our_rule_is_reported(version: str) -> None:
    outcome = settled(policy(Firewalled(version), AllowLocalPolicyMerge=0), WISH)
    assert sum("the effect" in text and "domain, private, public" in text for text in outcome.warnings) == 1


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_policy_that_turns_the_firewall_off_or_on_counts(version: str) -> None:
    off = policy(Firewalled(version), EnableFirewall=0)
    assert not settled(off, WISH).changed
    on = policy(Firewalled(version, on=["none"]), EnableFirewall=1)
    assert settled(on, WISH).changed
    assert who(on) == dict.fromkeys(PROFILE_KEYS[version], NETWORK)


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_policy_made_with_the_administrative_templates_counts(version: str) -> None:
    """They write StandardProfile for whatever is not the domain's; the newer keys go before it."""
    world = Firewalled(version, on=["none"])
    world.set(rf"{POLICY}\StandardProfile", "EnableFirewall", 1)
    world.set(rf"{POLICY}\PublicProfile", "EnableFirewall", 0)
    outcome = settled(world, WISH)
    assert outcome.changed and outcome.seen[Firewall].on == ("private",)


@pytest.mark.parametrize("version", [NETSH, MSFT])
def test_a_policy_without_exceptions_is_reported(version: str) -> None:
    outcome = settled(policy(Firewalled(version), DoNotAllowExceptions=1), WISH)
    assert sum("no exceptions (profile domain, private, public)" in text for text in outcome.warnings) == 1


def test_group_policy_is_looked_through_without_a_shell_as_far_as_that_goes() -> None:
    world = policy(Firewalled(MSFT, WHOLE), BY_HAND)
    world.has_shell = False
    assert settled(world, WISH).changed
    assert who(world) == dict.fromkeys(PROFILE_KEYS[MSFT], NETWORK)


@pytest.mark.parametrize(
    ("values", "entry", "ignored", "changed"),
    [
        ({"AllowUserPrefMerge": 0}, None, True, True),
        ({"AllowUserPrefMerge": 1}, None, False, True),
        ({"Enabled": 1}, None, True, True),
        ({"Enabled": 1}, "1688:TCP:*:enabled:by policy", False, False),
        ({"Enabled": 1}, "1688:TCP:LocalSubNet:enabled:by policy", True, True),
        ({"Enabled": 1}, "16880:TCP:*:enabled:by policy", True, True),
        ({"Enabled": 1}, "1688:TCP:*:disabled:by policy", True, True),
        ({"Enabled": 1}, "1688:TCP", False, False),
        ({"Enabled": 1}, "1", False, False),
    ],
)
def test_group_policy_of_server_2003(values: dict[str, int], entry: str | None, ignored: bool, changed: bool) -> None:
    world = Firewalled(OLD)
    for profile in PROFILE_KEYS[OLD].values():
        world.set(rf"{POLICY}\{profile}", "Something", 1)
        for name, value in values.items():
            world.set(rf"{POLICY}\{profile}\GloballyOpenPorts", name, value)
        if entry:
            data = entry if entry.count(":") > 3 else "1688:TCP:10.0.0.0/8:enabled:by other hands"
            world.set(rf"{POLICY}\{profile}\GloballyOpenPorts\List", entry, data)
    outcome = settled(world, WISH)
    assert outcome.changed is changed
    assert any("the effect" in text for text in outcome.warnings) is ignored


# -- what is refused


def test_ipv6_networks_are_refused_where_the_firewall_knows_none() -> None:
    for on in ([], ["none"]):
        with pytest.raises(Refusal) as caught:
            run(Firewalled(OLD, on=on), WIDER)
        assert caught.value.name == "ipv6_not_supported"


# -- how much is asked


@pytest.mark.parametrize(
    ("start", "wish", "most"),
    [
        ("2003", WISH, 7),
        ("vista", WISH, 9),
        ("7 with its own rule", WISH, 9),
        ("2022", WISH, 5),
        ("10", WISH, 6),
        ("2012 without rules", WISH, 6),
        ("half a rule", WISH, 6),
        ("2022", OTHER_PORT, 5),
    ],
)
def test_a_host_in_order_is_asked_little(start: str, wish: FirewallWish, most: int) -> None:
    version, rules = STARTS[start]
    world = Firewalled(version, rules)
    settled(world, wish)
    world.asked.clear()
    run(world, wish)
    asked = [word for word in world.asked if word != "StdRegProv.GetStringValue record"]
    assert len(asked) <= most, asked
    assert len({word for word in asked if word.startswith("query")}) == 0
