# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall classes have in common: their namespace, their keys, and the store they are views of.

Knows that a key is the class's own name for a rule, with three empty columns beside it (wire recipe of a client in
daily use), and that nothing answers while the firewall service does not run. Refuses to know single classes.
"""

from __future__ import annotations

from ..machine.errors import CimError, ProviderError
from ..machine.firewall_rule import Rule
from ..machine.firewall_rules import RulesFirewall
from ..machine.machine import Machine
from .values import Row

NAMESPACE = "root/StandardCimv2"
INVALID_PARAMETER, NOT_FOUND, ALREADY_EXISTS = 4, 6, 11
"""CIM status codes (DSP0223)."""
NO_ENDPOINTS = 0x800706D9
"""What the provider gets instead of the firewall service (RPC error 1753)."""
_RULE_KEYS = ("CreationClassName", "PolicyRuleName", "SystemCreationClassName", "SystemName")
_FILTER_KEYS = ("CreationClassName", "Name", "SystemCreationClassName", "SystemName")
KEY_COLUMNS = {"MSFT_NetFirewallRule": _RULE_KEYS, "filter": _FILTER_KEYS}


def store(machine: Machine) -> RulesFirewall:
    """The firewall, while its service runs."""
    firewall = machine.firewall
    if not isinstance(firewall, RulesFirewall) or not firewall.running():
        raise ProviderError(NO_ENDPOINTS)
    return firewall


def keys_of(rule: Rule) -> Row:
    """The key columns of a rule and of its filters."""
    return {
        "CreationClassName": f"MSFT|FW|FirewallRule|{rule.id}",
        "SystemCreationClassName": "",
        "SystemName": "",
        "PolicyRuleName": "",
    }


def rule_of(machine: Machine, row: Row) -> Rule:
    """The rule a row of a rule or a filter stands for."""
    rule = store(machine).rule(str(row["InstanceID"]))
    if rule is None:
        raise CimError(NOT_FOUND, str(row["InstanceID"]))
    return rule
