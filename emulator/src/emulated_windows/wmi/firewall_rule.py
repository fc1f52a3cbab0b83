# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MSFT_NetFirewallRule: the rules of the firewall as WMI shows them, from 6.2 on.

Knows the class with its inherited columns (Learn, MSFT_NetFirewallRule, and the dump of Server 2019), its keys,
Create, Put and Delete, and that Enable and Disable answer without a ReturnValue. It shows the host's own store.
Refuses to copy rules into other stores and to enumerate filters at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..machine.errors import CimError
from ..machine.firewall_predefined import shown
from ..machine.firewall_rule import PROFILES, Rule, with_profiles
from ..machine.firewall_rules import RulesFirewall
from ..machine.machine import Machine
from .firewall_filters import FILTERS
from .firewall_store import ALREADY_EXISTS, INVALID_PARAMETER, KEY_COLUMNS, NAMESPACE, keys_of, rule_of, store
from .provider import Arguments, Found, Outcome, WmiClass, number_of, text_of
from .schema import Method, Parameter, Schema, changed, methods, properties
from .values import Row
from .wql import Condition

NOT_SUPPORTED = 7
ENABLED, DISABLED = 1, 2
_ACTIONS = {2: "Allow", 3: "ByPass", 4: "Block"}
_DIRECTIONS = {1: "In", 2: "Out"}
_STATES = {ENABLED: "yes", DISABLED: "no"}
_BITS = {"Domain": 1, "Private": 2, "Public": 4}
_COLUMNS = properties("""
    Action:n Caption CommonName ConditionListType:n CreationClassName Description Direction:n DisplayGroup DisplayName
    EdgeTraversalPolicy:n ElementName Enabled:n EnforcementStatus:n[] ExecutionStrategy:n InstanceID
    LocalOnlyMapping:b LooseSourceMapping:b Mandatory:b Owner Platforms:[] PolicyDecisionStrategy:n
    PolicyKeywords:[] PolicyRoles:[] PolicyRuleName PolicyStoreSource PolicyStoreSourceType:n PrimaryStatus:n
    Priority:n Profiles:n RuleGroup RuleUsage SequencedActions:n Status StatusCode:n SystemCreationClassName
    SystemName""")
_COLUMNS_23H2 = changed(_COLUMNS, "PackageFamilyName PolicyAppId RemoteDynamicKeywordAddresses:[]")
_BUILD_23H2 = 25398
_SETTABLE = frozenset(
    {"Action", "Description", "Direction", "EdgeTraversalPolicy", "ElementName", "Enabled", "Profiles", "RuleGroup"}
)


def _number(text: str, table: Mapping[int, str]) -> int:
    return next(number for number, name in table.items() if name == text)


def _row(machine: Machine, schema: Schema, rule: Rule) -> Row:
    language = machine.options.language
    row: Row = {item.name: None for item in schema.properties}
    row.update(keys_of(rule))
    row.update(
        {
            "Action": _number(rule.action, _ACTIONS),
            "Description": rule.description or None,
            "Direction": _number(rule.direction, _DIRECTIONS),
            "DisplayGroup": shown(rule.group, language) or None,
            "DisplayName": shown(rule.name, language),
            "EdgeTraversalPolicy": int(rule.edge),
            "ElementName": rule.name,
            "Enabled": ENABLED if rule.active else DISABLED,
            "EnforcementStatus": [0],
            "InstanceID": rule.id,
            "LocalOnlyMapping": False,
            "LooseSourceMapping": False,
            "Platforms": [],
            "PolicyStoreSource": "PersistentStore",
            "PolicyStoreSourceType": 1,
            "PrimaryStatus": 1,
            "Profiles": sum(_BITS[profile] for profile in rule.profiles),
            "RuleGroup": rule.group or None,
            "Status": "The rule was parsed successfully from the store.",
            "StatusCode": 65536,
        }
    )
    return row


def _profiles(value: object) -> tuple[str, ...]:
    """A bit mask; 0 and 7 mean any, and so does 0x7FFFFFFF in the store."""
    mask = value if isinstance(value, int) else 0
    if mask > 7:
        raise CimError(INVALID_PARAMETER, "Profiles")
    return tuple(profile for profile in PROFILES if mask & _BITS[profile])


def _coded(values: Row, name: str, table: Mapping[int, str], before: str) -> str:
    """A column that is a code, as the store spells it."""
    if name not in values:
        return before
    value = values[name]
    text = table.get(value) if isinstance(value, int) else None
    if text is None:
        raise CimError(INVALID_PARAMETER, name)
    return text


def _text(values: Row, name: str, before: str) -> str:
    """A column that is text; NULL takes it away. The separator of the store cannot stand in it."""
    value = values.get(name, before)
    if value is not None and (not isinstance(value, str) or "|" in value):
        raise CimError(INVALID_PARAMETER, name)
    return value or ""


def _with(rule: Rule, values: Row) -> Rule:
    """A rule with the columns of a Put or a Create; what is not given stays."""
    rule = replace(
        rule,
        action=_coded(values, "Action", _ACTIONS, rule.action),
        direction=_coded(values, "Direction", _DIRECTIONS, rule.direction),
        active=_coded(values, "Enabled", _STATES, "yes" if rule.active else "no") == "yes",
        edge=bool(values.get("EdgeTraversalPolicy", rule.edge)),
        description=_text(values, "Description", rule.description),
        group=_text(values, "RuleGroup", rule.group),
        name=_text(values, "ElementName", rule.name),
    )
    if not rule.name:
        raise CimError(INVALID_PARAMETER, "ElementName")
    return with_profiles(rule, _profiles(values["Profiles"])) if "Profiles" in values else rule


class FirewallRule(WmiClass):
    """MSFT_NetFirewallRule."""

    schema = Schema(
        "MSFT_NetFirewallRule",
        NAMESPACE,
        _COLUMNS,
        KEY_COLUMNS["MSFT_NetFirewallRule"],
        methods(
            Method("Enable"),
            Method("Disable"),
            Method("Rename", (Parameter("NewName", "string"),)),
            Method(
                "CloneObject",
                (
                    Parameter("NewName", "string"),
                    Parameter("NewPolicyStore", "string"),
                    Parameter("NewGPOSession", "string"),
                ),
            ),
            Method("EnumerateFull", (), (Parameter("Dependents", "object", True),), static=True, mutation=False),
        ),
    )
    _newer = replace(schema, properties=_COLUMNS_23H2, source="assumed")  # the dump of build 25398, not of a release
    writes = frozenset({"create", "put", "delete"})
    settable = _SETTABLE
    associations = {name: item.schema.name for name, item in FILTERS.items()}

    def schema_for(self, machine: Machine) -> Schema:
        """The columns of this release."""
        return self.schema if int(machine.persona.release.build) < _BUILD_23H2 else self._newer

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """Every rule of the host's own store."""
        schema = self.schema_for(machine)
        return Found([_row(machine, schema, rule) for rule in store(machine).rules()])

    def create(self, machine: Machine, values: Row) -> Row:
        """A new rule. Without filters it speaks of every protocol, port and address."""
        firewall = store(machine)
        name = _text(values, "InstanceID", "") or machine.new_guid()
        if firewall.rule(name) is not None:
            raise CimError(ALREADY_EXISTS, name)
        rule = _with(Rule(name, ""), {key: value for key, value in values.items() if key in _SETTABLE})
        firewall.put(rule)
        return _row(machine, self.schema_for(machine), rule)

    def put(self, machine: Machine, row: Row, values: Row) -> Row:
        """A rule changed."""
        rule = _with(rule_of(machine, row), values)
        store(machine).put(rule)
        return _row(machine, self.schema_for(machine), rule)

    def delete(self, machine: Machine, row: Row) -> None:
        """A rule less."""
        store(machine).remove(rule_of(machine, row))

    def associated(self, machine: Machine, row: Row, association: str) -> tuple[WmiClass, list[Row]]:
        """The filter of a rule."""
        found = FILTERS[association]
        return found, [found.row(machine, rule_of(machine, row))]

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Enable, Disable and Rename; none of them has a ReturnValue."""
        if row is None or method in ("CloneObject", "EnumerateFull"):
            raise CimError(NOT_SUPPORTED, method)
        firewall, rule = store(machine), rule_of(machine, row)
        if method == "Rename":
            _rename(firewall, rule, text_of(arguments, "NewName") or "")
        else:
            firewall.put(replace(rule, active=method == "Enable"))
        return Outcome()


def _rename(firewall: RulesFirewall, rule: Rule, name: str) -> None:
    if not name or "|" in name:
        raise CimError(INVALID_PARAMETER, "NewName")
    if firewall.rule(name) is not None:
        raise CimError(ALREADY_EXISTS, name)
    firewall.remove(rule)
    firewall.put(replace(rule, id=name))


class FirewallProfile(WmiClass):
    """MSFT_NetFirewallProfile: the three profiles of the host's own store."""

    schema = Schema(
        "MSFT_NetFirewallProfile",
        NAMESPACE,
        properties("""
            AllowInboundRules:n AllowLocalFirewallRules:n AllowLocalIPsecRules:n AllowUnicastResponseToMulticast:n
            AllowUserApps:n AllowUserPorts:n Caption DefaultInboundAction:n DefaultOutboundAction:n Description
            DisabledInterfaceAliases:[] ElementName Enabled:n EnableStealthModeForIPsec:n InstanceID LogAllowed:n
            LogBlocked:n LogFileName LogIgnored:n LogMaxSizeKilobytes:n Name NotifyOnListen:n"""),
        ("InstanceID",),
    )
    writes = frozenset({"put"})
    settable = frozenset({"Enabled"})

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All three. 2 means not configured (class page, GpoBoolean)."""
        firewall = store(machine)
        return Found([self._row(firewall, profile) for profile in firewall.profiles])

    def _row(self, firewall: RulesFirewall, profile: str) -> Row:
        row: Row = {item.name: 2 if item.type == "number" else None for item in self.schema.properties}
        row.update(
            {
                "DefaultInboundAction": 0,
                "DefaultOutboundAction": 0,
                "DisabledInterfaceAliases": ["NotConfigured"],
                "Enabled": firewall.own_state(profile),
                "InstanceID": f"MSFT|FW|FirewallProfile|{profile}",
                "LogFileName": r"%systemroot%\system32\LogFiles\Firewall\pfirewall.log",
                "LogMaxSizeKilobytes": 4096,
                "Name": profile,
                "NotifyOnListen": 0,
            }
        )
        return row

    def put(self, machine: Machine, row: Row, values: Row) -> Row:
        """Turn the firewall on or off in one profile."""
        firewall, profile = store(machine), str(row["Name"])
        state = number_of(values, "Enabled", int(firewall.own_state(profile)))
        if state not in (0, 1):
            raise CimError(INVALID_PARAMETER, "Enabled")
        firewall.switch(profile, bool(state))
        return self._row(firewall, profile)
