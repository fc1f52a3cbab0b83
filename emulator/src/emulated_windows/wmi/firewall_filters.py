# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of firewall rules: protocol and ports, addresses, program, service. From 6.2 on.

Knows the classes with their inherited columns (dump of Server 2019 for their own; Learn for CIM_FilterEntryBase and
CIM_ManagedSystemElement), that a filter's InstanceID is its rule's, and Put. A filter comes and goes with its rule:
there is no Create and no Delete. Refuses interfaces, security and remote ports any effect.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from ..machine import scopes
from ..machine.errors import CimError, ProviderError
from ..machine.firewall_rule import TCP, UDP, Rule
from ..machine.machine import Machine
from .firewall_store import INVALID_PARAMETER, KEY_COLUMNS, NAMESPACE, keys_of, rule_of, store
from .provider import Found, WmiClass, strings_of
from .schema import Schema, changed, properties
from .values import Row
from .wql import Condition, pinned

ANY = "Any"
WBEM_E_PROVIDER_NOT_CAPABLE = 0x80041024
_NAMES = {TCP: "TCP", UDP: "UDP", 1: "ICMPv4", 58: "ICMPv6"}
_NUMBERS = {"TCP": TCP, "UDP": UDP, "ICMPV4": 1, "ICMPV6": 58}
_PORT_WORDS = {"rpc": "RPC", "rpcepmap": "RPC-EPMap", "iphttpsin": "IPHTTPS", "teredo": "Teredo"}
_INHERITED = properties("""
    Caption CommunicationStatus:n CreationClassName Description DetailedStatus:n ElementName HealthState:n
    InstallDate:d InstanceID IsNegated:b Name OperatingStatus:n OperationalStatus:n[] PrimaryStatus:n Status
    StatusDescriptions:[] SystemCreationClassName SystemName""")


def _schema(name: str, own: str) -> Schema:
    return Schema(name, NAMESPACE, changed(_INHERITED, own), KEY_COLUMNS["filter"])


class FirewallFilter(WmiClass):
    """One kind of filter: every rule has one."""

    writes = frozenset({"put"})

    @abstractmethod
    def values(self, machine: Machine, rule: Rule) -> Row:
        """The columns that say what the rule is limited to."""

    @abstractmethod
    def changed(self, machine: Machine, rule: Rule, values: Row) -> Rule:
        """The rule after a Put."""

    def row(self, machine: Machine, rule: Rule) -> Row:
        """The filter of one rule."""
        row: Row = {item.name: None for item in self.schema.properties}
        row.update(keys_of(rule))
        row.update({"InstanceID": rule.id, "Name": ""})
        row.pop("PolicyRuleName")
        row.update(self.values(machine, rule))
        return row

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """All filters; whether a query for one by InstanceID is understood is a dial."""
        rules = store(machine).rules()
        if where is not None and pinned(where, "InstanceID") is not None:
            setting = machine.dials["filter_by_instance_id"]
            if setting == "refused":
                raise ProviderError(WBEM_E_PROVIDER_NOT_CAPABLE)
            rules = [] if setting == "no_rows" else rules
        return Found([self.row(machine, rule) for rule in rules])

    def put(self, machine: Machine, row: Row, values: Row) -> Row:
        """Change what the rule is limited to."""
        rule = self.changed(machine, rule_of(machine, row), values)
        store(machine).put(rule)
        return self.row(machine, rule)


def _words(values: Row, name: str) -> list[str]:
    """An array of texts; NULL and Any are the same."""
    found = [text.strip() for text in strings_of(values, name)]
    return [] if [text.lower() for text in found] == ["any"] else found


class ProtocolPortFilter(FirewallFilter):
    """MSFT_NetProtocolPortFilter."""

    schema = _schema("MSFT_NetProtocolPortFilter", "DynamicTransport:n IcmpType:[] LocalPort:[] Protocol RemotePort:[]")
    settable = frozenset({"DynamicTransport", "IcmpType", "LocalPort", "Protocol", "RemotePort"})

    def values(self, machine: Machine, rule: Rule) -> Row:
        """Protocols are shown by name; a dial."""
        numbers = machine.dials["filter_protocol"] == "shown_as_number"
        known = {} if numbers else _NAMES
        return {
            "DynamicTransport": 0,
            "IcmpType": [ANY],
            "LocalPort": list(rule.ports) or [ANY],
            "Protocol": ANY if rule.protocol is None else known.get(rule.protocol, str(rule.protocol)),
            "RemotePort": [ANY],
        }

    def changed(self, machine: Machine, rule: Rule, values: Row) -> Rule:
        """Ports need a protocol that has ports."""
        if "Protocol" in values:
            rule = replace(rule, protocol=_protocol(machine, values["Protocol"]))
        if "LocalPort" in values:
            rule = replace(rule, ports=tuple(_port(text) for text in _words(values, "LocalPort")))
        if rule.ports and rule.protocol not in (TCP, UDP):
            raise CimError(INVALID_PARAMETER, "LocalPort")
        return rule


def _protocol(machine: Machine, value: object) -> int | None:
    text = value.strip().upper() if isinstance(value, str) else "ANY"
    if text == "ANY":
        return None
    if text in _NUMBERS:
        return _NUMBERS[text]
    if not text.isdigit() or int(text) > 255 or machine.dials["filter_protocol"] == "name_only":
        raise CimError(INVALID_PARAMETER, "Protocol")
    return int(text)


def _port(text: str) -> str:
    if text.lower() in _PORT_WORDS:
        return _PORT_WORDS[text.lower()]
    numbers = text.split("-")
    if len(numbers) > 2 or not all(number.isdigit() and int(number) < 65536 for number in numbers):
        raise CimError(INVALID_PARAMETER, "LocalPort")
    if len(numbers) == 2 and int(numbers[0]) > int(numbers[1]):
        raise CimError(INVALID_PARAMETER, "LocalPort")
    return text


class AddressFilter(FirewallFilter):
    """MSFT_NetAddressFilter."""

    schema = _schema("MSFT_NetAddressFilter", "LocalAddress:[] RemoteAddress:[]")
    settable = frozenset({"LocalAddress", "RemoteAddress"})

    def values(self, machine: Machine, rule: Rule) -> Row:
        """How a network is written is a dial."""
        prefix = machine.dials["filter_addresses"] == "prefix"
        remote = [scopes.prefixed(text) if prefix else text for text in rule.remote]
        return {"LocalAddress": [ANY], "RemoteAddress": remote or [ANY]}

    def changed(self, machine: Machine, rule: Rule, values: Row) -> Rule:
        """Remote addresses are kept with their masks."""
        if "RemoteAddress" not in values:
            return rule
        try:
            remote: Iterable[str] = [scopes.normal(text) for text in _words(values, "RemoteAddress")]
        except ValueError:
            raise CimError(INVALID_PARAMETER, "RemoteAddress") from None
        return replace(rule, remote=tuple(dict.fromkeys(remote)))


class ApplicationFilter(FirewallFilter):
    """MSFT_NetApplicationFilter."""

    schema = _schema("MSFT_NetApplicationFilter", "AppPath Package")
    settable = frozenset({"AppPath", "Package"})

    def values(self, machine: Machine, rule: Rule) -> Row:
        """The program."""
        return {"AppPath": rule.program or ANY, "Package": None}

    def changed(self, machine: Machine, rule: Rule, values: Row) -> Rule:
        """Another program, or any."""
        return replace(rule, program=_single(values, "AppPath", rule.program))


class ServiceFilter(FirewallFilter):
    """MSFT_NetServiceFilter."""

    schema = _schema("MSFT_NetServiceFilter", "ServiceName")
    settable = frozenset({"ServiceName"})

    def values(self, machine: Machine, rule: Rule) -> Row:
        """The service's short name."""
        return {"ServiceName": rule.service or ANY}

    def changed(self, machine: Machine, rule: Rule, values: Row) -> Rule:
        """Another service, or any."""
        return replace(rule, service=_single(values, "ServiceName", rule.service))


def _single(values: Row, name: str, before: str) -> str:
    if name not in values:
        return before
    text = values[name]
    if isinstance(text, str) and "|" in text:
        raise CimError(INVALID_PARAMETER, name)
    return text if isinstance(text, str) and text.lower() != "any" else ""


FILTERS: dict[str, FirewallFilter] = {
    "MSFT_NetFirewallRuleFilterByProtocolPort": ProtocolPortFilter(),
    "MSFT_NetFirewallRuleFilterByAddress": AddressFilter(),
    "MSFT_NetFirewallRuleFilterByApplication": ApplicationFilter(),
    "MSFT_NetFirewallRuleFilterByService": ServiceFilter(),
}
"""The filters by the association that leads from a rule to them."""
