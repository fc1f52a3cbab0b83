# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Windows Firewall of Windows 8 and Server 2012 and everything after: the class MSFT_NetFirewallRule over WS-Man.

Internal to the collection activation.kms; not a public interface.

Read from the registry by the rules' ids, which are the same in every language; changed through the provider, because
what is written into the registry directly has no effect before the service is restarted. Windows brings its own rules
for KMS, bound to port 1688: SPPSVC-In-TCP (clients of Windows split it, and give the domain profile and everybody to
SPPSVC-In-TCP-NoScope). A rule of our own is made disabled, given its port and its scope, and enabled last: whatever
happens in between, no rule ever admits more than was named.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..._errors import Failure
from ..._world import World
from ..._wsman.client import Client, Fault, Instance
from ..registry import Registry
from .advfirewall import ADVFIREWALL, our_name
from .model import ALLOW, Asked, Backend, Rule
from .rules import LOCAL_RULES, POLICY_RULES, PROFILES, find_rules, nobodys, parse_rule, policy_ignores_local
from .scopes import written

NAMESPACE = "root/StandardCimv2"
RULE = "MSFT_NetFirewallRule"
KMS_RULES = ("SPPSVC-In-TCP", "SPPSVC-In-TCP-NoScope")

_KMS_PORT = 1688
_INBOUND, _ALLOW, _DISABLED = 1, 2, 2  # MSFT_NetFirewallRule: Direction, Action, Enabled
_PORT_FILTER = ("MSFT_NetFirewallRuleFilterByProtocolPort", "MSFT_NetProtocolPortFilter")
_ADDRESS_FILTER = ("MSFT_NetFirewallRuleFilterByAddress", "MSFT_NetAddressFilter")
_PROTOCOLS = ("TCP", "6")  # the cmdlets take both; which of them the class itself takes is not documented


def our_id(port: int) -> str:
    """The id of our rule for a port."""
    return f"activation.kms-In-TCP-{port}"


class Msft(Backend):
    """MSFT_NetFirewallRule and its filters."""

    # The store is that of the generation before; no command line limits what a rule can be given.
    facts = dataclasses.replace(ADVFIREWALL.facts, name=RULE, longest_scope=None)

    def adoptable(self, port: int) -> tuple[str, ...]:
        """Windows' own rules for KMS, on the port they are bound to."""
        return KMS_RULES if port == _KMS_PORT else ()

    def read_rules(self, world: World, asked: Asked) -> tuple[Rule, ...]:
        """Ours and Windows' own rules, one request each, until they answer the question.

        Those that this collection made or changed come first: whether they are for the networks named and no others
        is asked even where others admit the clients. Rules of others carry ids that nobody knows; see
        `rules_of_others`.
        """
        registry = Registry(Client(world))
        known = self.adoptable(asked.port)
        ids = dict.fromkeys([*(one for one in asked.first if one in known), our_id(asked.port), *known])
        rules: list[Rule] = []
        left = set(asked.first).intersection(known)
        for rule_id in ids:
            if not left and asked.enough(rules):
                break
            left.discard(rule_id)
            text = registry.text(LOCAL_RULES, rule_id)
            rule = None if text is None else parse_rule(rule_id, text, asked.port, ours=_is_ours(asked.port))
            if rule is not None:
                rules.append(rule)
        return tuple(rules)

    def rules_of_others(self, world: World, port: int) -> tuple[Rule, ...]:
        """Every rule that names the port, where the host has a remote shell to look with."""
        return _searched(world, LOCAL_RULES, port) or ()

    def policy_ignores_local(self, registry: Registry, key: str) -> bool:
        """By AllowLocalPolicyMerge."""
        return policy_ignores_local(registry, key)

    def policy_rules(self, world: World, port: int) -> tuple[Rule, ...] | None:
        """Group Policy's rules that name the port; None where the host has no remote shell to look with."""
        return _searched(world, POLICY_RULES, port)

    def own_rules(self, port: int, scope: frozenset[str], profiles: t.Collection[str]) -> tuple[Rule, ...]:
        """One rule for every profile."""
        return (Rule(our_id(port), our_name(port), True, scope, frozenset(PROFILES), ours=True),)

    def open_port(
        self, world: World, port: int, scope: frozenset[str], profiles: t.Collection[str], ours: t.Sequence[Rule]
    ) -> None:
        """Make our rule, or finish what an interrupted run left of it; one that others have rebuilt is made anew."""
        client = Client(world)
        mine = next(iter(ours), None)  # by its id, so there is one at most
        if mine is not None and not _as_made(mine):
            self.close_port(world, port, profiles)
            mine = None
        if mine is None:
            _create(client, port)
        if mine is None or mine.fit != "exact":
            _give_port(client, port)
        if mine is None or mine.scope != scope:
            _give_scope(client, our_id(port), scope)
        if mine is None or not mine.enabled:
            _switch(client, "Enable", our_id(port))

    def close_port(self, world: World, port: int, profiles: t.Collection[str]) -> None:
        """Delete our rule; no error where it is gone."""
        try:
            Client(world).delete(NAMESPACE, RULE, _keys(our_id(port)))
        except Fault as fault:
            if not fault.not_found:
                raise

    def change(self, world: World, rule: Rule, *, enabled: bool, scope: frozenset[str]) -> None:
        """Give one of Windows' own rules this state: shut first, opened last."""
        client = Client(world)
        if rule.enabled and not enabled:
            _switch(client, "Disable", rule.id)
        if rule.scope != scope:
            _give_scope(client, rule.id, scope)
        if enabled and not rule.enabled:
            _switch(client, "Enable", rule.id)


MSFT = Msft()


def _is_ours(port: int) -> t.Callable[[str, str], bool]:
    return lambda rule_id, _name: rule_id == our_id(port)


def _as_made(rule: Rule) -> bool:
    """Whether our rule is as we made it, but for what is given to it last: port, scope, and being enabled.

    One that is enabled for another port is not: given this port first, it would be open to its old scope meanwhile.
    """
    unfinished = rule.fit == "exact" or not rule.enabled
    return unfinished and rule.action == ALLOW and rule.profiles == frozenset(PROFILES) and not rule.narrowed_by


def _searched(world: World, key: str, port: int) -> tuple[Rule, ...] | None:
    """Rules of others; None where the host has no remote shell to look with: this backend works without one."""
    try:
        return find_rules(world, key, port, ours=nobodys)
    except Failure as problem:
        world.log(f"rules of others were not looked for: {problem.message}")
        return None


def _keys(rule_id: str) -> dict[str, str]:
    """How a rule of the local store is addressed; recorded for rules of Windows and for created ones alike."""
    return {
        "CreationClassName": f"MSFT|FW|FirewallRule|{rule_id}",
        "PolicyRuleName": "",
        "SystemCreationClassName": "",
        "SystemName": "",
    }


def _create(client: Client, port: int) -> None:
    """Create our rule, disabled: it is for any port and anybody still. One that is there already is finished.

    That rules can be created by WS-Management was shown on Windows 10; of Server 2012 and 2012 R2 nobody has said so.
    """
    values: dict[str, str | int] = {
        "InstanceID": our_id(port),
        "ElementName": our_name(port),
        "Direction": _INBOUND,
        "Action": _ALLOW,
        "Enabled": _DISABLED,
    }
    try:
        client.create(NAMESPACE, RULE, values)
    except Fault as fault:
        if fault.unsupported:
            raise _not_created(client.world.host, port, fault) from None
        if not fault.already_exists:
            raise


def _not_created(host: str, port: int, fault: Fault) -> Failure:
    by_hand = f'netsh advfirewall firewall add rule name="{our_name(port)}" dir=in action=allow protocol=TCP'
    return Failure(
        f"{host}: this Windows takes no new firewall rule over WinRM; make it by hand ({by_hand} localport={port} "
        "remoteip=...) and set firewall: unmanaged",
        name="firewall_rule_not_created",
        code=fault.code,
    )


def _give_port(client: Client, port: int) -> None:
    filtered = _filter(client, our_id(port), *_PORT_FILTER)
    for protocol in _PROTOCOLS:
        try:
            client.put(NAMESPACE, _PORT_FILTER[1], {"Protocol": protocol, "LocalPort": [str(port)]}, filtered.selectors)
            return
        except Fault as fault:
            if protocol == _PROTOCOLS[-1] or not fault.value_refused:
                raise


def _give_scope(client: Client, rule_id: str, scope: frozenset[str]) -> None:
    filtered = _filter(client, rule_id, *_ADDRESS_FILTER)
    client.put(NAMESPACE, _ADDRESS_FILTER[1], {"RemoteAddress": written(scope)}, filtered.selectors)


def _switch(client: Client, method: str, rule_id: str) -> None:
    """Enable or disable a rule. Raises Failure where Windows says that it did not."""
    code = client.invoke(NAMESPACE, RULE, method, selectors=_keys(rule_id)).return_value
    if code != 0:
        raise Failure(
            f"{client.world.host}: {method} of the firewall rule {rule_id} failed with error 0x{code:08X}; look at "
            "the rule with Get-NetFirewallRule on the host",
            name="firewall_change",
            code=f"0x{code:08X}",
        )


def _filter(client: Client, rule_id: str, association: str, result: str) -> Instance:
    """The filter object of a rule: the provider makes it with the rule, and only it knows its keys.

    One answer and no other is taken: among several would be the filters of rules of others.
    """
    found = client.associated(NAMESPACE, RULE, _keys(rule_id), association, result)
    if len(found) != 1 or not found[0].selectors:
        raise Failure(
            f"{client.world.host}: Windows does not show the one {result} of the firewall rule {rule_id}; look at the "
            "rule with Get-NetFirewallRule on the host, delete it if it is damaged, and run the play again",
            name="firewall_rule_damaged",
        )
    return found[0]
