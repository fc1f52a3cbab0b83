# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall of Vista and later: rules in the registry, a service that has read them, and what gets through.

Knows the local store, the store of Group Policy, which rules are in force in a profile, that a block wins, and that
the service works with what it has read: a value somebody writes into the registry waits for its next start (a dial).
Refuses outbound rules, IPsec and edge traversal any effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .firewall import LOCAL, POLICY, Firewall, OpenPort
from .firewall_rule import PROFILES, TCP, UDP, Rule, parse, write
from .registry import REG_DWORD, REG_SZ, Registry
from .services import Services

RULES = rf"{LOCAL}\FirewallRules"
POLICY_RULES = rf"{POLICY}\FirewallRules"
BLOCK = 1
LICENSING_PROGRAMS = frozenset({"slsvc.exe", "sppsvc.exe", "sppextcomobj.exe"})
LICENSING_SERVICES = frozenset({"slsvc", "sppsvc"})
_PROTOCOLS = {None: "any", TCP: "TCP", UDP: "UDP"}


class RulesFirewall(Firewall):
    """Rules by id; ids are compared without case, as names of registry values are."""

    service = "MpsSvc"
    profiles = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}
    # MS-GPFAS 2.2.3; the older administrative templates only know StandardProfile
    policy_keys = {
        "Domain": ("DomainProfile",),
        "Private": ("PrivateProfile", "StandardProfile"),
        "Public": ("PublicProfile", "StandardProfile"),
    }

    def __init__(
        self, registry: Registry, services: Services, *, version: tuple[int, int], profile: str, reads_at_once: bool
    ) -> None:
        super().__init__(registry, services)
        self.version = version
        self.current = profile
        self._reads_at_once = reads_at_once
        self._read: dict[str, Rule] = {}

    def set_up(self, *, enabled: bool) -> None:
        """All profiles alike: what comes in is blocked."""
        for profile in self.profiles:
            self.switch(profile, enabled)
            self._registry.write(self.local(profile), "DisableNotifications", REG_DWORD, 1)
        self._registry.make(RULES)

    # -- rules ---------------------------------------------------------------------------------------------------

    def _stored(self, path: str) -> Iterator[Rule]:
        key = self._registry.key(path)
        for value in key.values.values() if key else ():
            rule = parse(value.name, value.data) if isinstance(value.data, str) else None
            if rule is not None:
                yield rule

    def load(self) -> None:
        """What the service does when it starts."""
        self._read = {rule.id.lower(): rule for rule in self._stored(RULES)}

    def rules(self) -> list[Rule]:
        """The host's own rules as the service has them."""
        if self._reads_at_once:
            self.load()
        return list(self._read.values())

    def rule(self, rule_id: str) -> Rule | None:
        """One of the host's own rules."""
        return next((rule for rule in self.rules() if rule.id.lower() == rule_id.lower()), None)

    def put(self, rule: Rule) -> None:
        """Add a rule, or change the one with its id: the service has it at once, and so has the registry."""
        self._registry.write(RULES, rule.id, REG_SZ, write(rule, self.version))
        self._read[rule.id.lower()] = rule

    def remove(self, rule: Rule) -> None:
        """Take a rule away."""
        self._registry.erase(RULES, rule.id)
        self._read.pop(rule.id.lower(), None)

    def effective(self, profile: str) -> Iterator[Rule]:
        """The active inbound rules in force: Group Policy's, and the host's own unless they are not merged in."""
        sources: list[Iterable[Rule]] = [self._stored(POLICY_RULES)]
        if self.policy(profile, "AllowLocalPolicyMerge") != 0:
            sources.append(self.rules())
        for source in sources:
            yield from (rule for rule in source if rule.active and rule.direction == "In" and rule.in_profile(profile))

    # -- effect --------------------------------------------------------------------------------------------------

    def lets_in(self, port: int, remote: str) -> bool:
        """A block wins over a permission; what no rule speaks of meets the profile's default, which is to block."""
        if not self.running() or not self.enabled(self.current):
            return True
        if self.setting(self.current, "DoNotAllowExceptions", 0):
            return False
        fitting = [
            rule.action
            for rule in self.effective(self.current)
            if rule.fits(port, remote, LICENSING_PROGRAMS, LICENSING_SERVICES)
        ]
        if fitting:
            return "Block" not in fitting
        return self.setting(self.current, "DefaultInboundAction", BLOCK) != BLOCK

    def open_ports(self) -> Iterator[OpenPort]:
        """Every inbound permission of both stores for ports, one line for each profile and port."""
        for store, rules in (("local", self.rules()), ("policy", list(self._stored(POLICY_RULES)))):
            for rule in rules:
                if rule.direction == "In" and rule.action == "Allow" and rule.protocol in _PROTOCOLS:
                    yield from self._shown(rule, store)

    def _shown(self, rule: Rule, store: str) -> Iterator[OpenPort]:
        for profile in PROFILES:
            if rule.in_profile(profile):
                for port in rule.ports or ("any",):
                    number = int(port) if port.isdigit() else port
                    scope = ",".join(rule.remote) or "*"
                    folder = self.profiles[profile]
                    yield OpenPort(
                        folder, number, _PROTOCOLS[rule.protocol], scope, rule.active, rule.name, rule.id, store
                    )
