# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall a new machine has: its kind, its first rules, and what Group Policy has brought.

Knows what an estate can say about all that. Refuses to know how any of it works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..contract import POLICY_FLAGS
from .firewall import POLICY, Firewall
from .firewall_ports import LIST, PROFILES, PortListFirewall, parse
from .firewall_predefined import rules_for, version_for
from .firewall_rule import parse as parse_rule
from .firewall_rule import write
from .firewall_rules import POLICY_RULES, RULES, RulesFirewall
from .registry import REG_DWORD, REG_SZ, Registry

if TYPE_CHECKING:
    from .machine import Machine

SETTINGS = ("on", "off", "stopped")
POLICY_PROFILES = ("DomainProfile", "PrivateProfile", "PublicProfile")


def make(machine: Machine) -> Firewall:
    """The firewall of a machine that is being built, still without anything in it."""
    member = machine.options.domain_member
    if machine.persona.firewall.store == "port_list":
        return PortListFirewall(machine.registry, machine.services, domain_member=member)
    return RulesFirewall(
        machine.registry,
        machine.services,
        version=version_for(int(machine.persona.release.build)),
        profile="Domain" if member else machine.dials["workgroup_profile"],
        reads_at_once=machine.dials["rules_written_to_registry"] == "at_once",
    )


def prepare(machine: Machine) -> None:
    """Give it its first state. ValueError, with a sentence, for options that make no sense."""
    options = machine.options
    if options.firewall not in SETTINGS:
        raise ValueError(f"{options.name}: firewall can be on, off or stopped, not {options.firewall!r}")
    firewall = machine.firewall
    firewall.set_up(enabled=options.firewall == "on")
    if isinstance(firewall, RulesFirewall):
        _first_rules(machine, firewall)
    _group_policy(machine.registry, firewall, options.group_policy, options.name)
    if machine.persona.since < (6, 0):
        machine.filters.set_up_tcpip(options.tcpip_filtering)
    elif options.tcpip_filtering:
        raise ValueError(f"{options.name}: TCP/IP filtering is a thing of Server 2003, not of {machine.persona.name}")
    machine.filters.set_up_services(ipsec=options.ipsec_policy, rras=options.rras)
    service = machine.services.get(firewall.service)
    if service is not None and options.firewall == "stopped":
        service.state, service.mode, service.at_boot, service.pid = "Stopped", "Disabled", False, 0


def _first_rules(machine: Machine, firewall: RulesFirewall) -> None:
    persona = machine.persona
    for rule in rules_for(int(persona.release.build), server=persona.server, dials=machine.dials):
        machine.registry.write(RULES, rule.id, REG_SZ, write(rule, firewall.version))
    firewall.load()
    service = machine.services.get(firewall.service)
    if service is not None:
        service.on_start.append(firewall.load)


def _group_policy(registry: Registry, firewall: Firewall, policy: Mapping[str, Any], host: str) -> None:
    """What an estate says Group Policy does: for all profiles alike."""
    listed = isinstance(firewall, PortListFirewall)
    words = (*POLICY_FLAGS, "open_ports" if listed else "rules")
    unknown = sorted(set(policy) - set(words))
    if unknown:
        raise ValueError(f"{host}: group_policy knows {', '.join(words)} here, not {', '.join(unknown)}")
    for folder in PROFILES.values() if listed else POLICY_PROFILES:
        key = f"{POLICY}\\{folder}"
        merge = (f"{key}\\GloballyOpenPorts", "AllowUserPrefMerge") if listed else (key, "AllowLocalPolicyMerge")
        places = dict(zip(POLICY_FLAGS, ((key, "EnableFirewall"), (key, "DoNotAllowExceptions"), merge), strict=True))
        for word in set(POLICY_FLAGS) & set(policy):
            registry.write(*places[word], REG_DWORD, int(bool(policy[word])))
        for data in policy.get("open_ports", ()):
            entry = parse(folder, data)
            if entry is None:
                raise ValueError(f"{host}: group_policy.open_ports: {data!r} is no 1688:TCP:*:enabled:KMS")
            registry.write(f"{key}\\{LIST}", entry.value_name, REG_SZ, data)
    for rule_id, text in policy.get("rules", {}).items():
        if parse_rule(rule_id, text) is None:
            raise ValueError(f"{host}: group_policy.rules: {rule_id} is no rule such as v2.10|Action=Allow|Dir=In|")
        registry.write(POLICY_RULES, rule_id, REG_SZ, text)
