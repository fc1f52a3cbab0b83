# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh firewall from Vista on: the old context over the new rules.

Knows that it is deprecated and says so, that it makes ordinary rules for the domain and the standard (private) profile
and cannot reach the public one (learn, cc771046). Refuses to know why anybody would use it.
"""

from __future__ import annotations

from dataclasses import replace

from ..machine.firewall_rule import TCP, UDP, Rule
from ..machine.firewall_rules import RulesFirewall
from ..machine.machine import Machine
from .netsh_ports import ADD, DELETE, mode, operational, port, scope
from .netsh_rules import new_id
from .netsh_words import NetshError, tags
from .program import Call, Done, Result, lines
from .texts import said

_PROFILES = {"DOMAIN": "Domain", "STANDARD": "Private"}
_NUMBERS = {"TCP": TCP, "UDP": UDP}


def _profiles(firewall: RulesFirewall, given: dict[str, str]) -> tuple[str, ...]:
    wanted = given.get("profile", "CURRENT").upper()
    if wanted == "ALL":
        return tuple(_PROFILES.values())
    if wanted == "CURRENT":
        return (firewall.current if firewall.current == "Domain" else "Private",)
    if wanted not in _PROFILES:
        raise NetshError
    return (_PROFILES[wanted],)


def _mine(firewall: RulesFirewall, protocol: str, number: int, profile: str) -> list[Rule]:
    """Rules this context takes for its own: one port, one profile, no program."""
    return [
        rule
        for rule in firewall.rules()
        if (rule.ports, rule.profiles, rule.protocol) == ((str(number),), (profile,), _NUMBERS[protocol])
        and not rule.program
        and rule.direction == "In"
    ]


def _open(machine: Machine, firewall: RulesFirewall, words: tuple[str, ...]) -> None:
    given = tags(words, ADD, by_place=True)
    protocol, number = port(given)
    enabled, where = mode(given), scope(given)
    for profile in _profiles(firewall, given):
        old = _mine(firewall, protocol, number, profile)
        rule = old[0] if old else Rule(new_id(machine, firewall, given["name"]), "")
        firewall.put(
            replace(
                rule,
                name=given["name"],
                active=enabled,
                profiles=(profile,),
                protocol=_NUMBERS[protocol],
                ports=(str(number),),
                remote=() if where == "*" else tuple(where.replace("LocalSubNet", "LocalSubnet").split(",")),
            )
        )


def _close(firewall: RulesFirewall, words: tuple[str, ...]) -> None:
    given = tags(words, DELETE, by_place=True)
    protocol, number = port(given)
    found = [rule for profile in _profiles(firewall, given) for rule in _mine(firewall, protocol, number, profile)]
    if not found:
        raise NetshError("not_found")
    for rule in found:
        firewall.remove(rule)


def run(call: Call, firewall: RulesFirewall) -> Result:
    """One command of the context."""
    if len(call.arguments) < 3:
        raise NetshError
    if not firewall.running():
        raise NetshError("service_needed")
    verb, what = call.arguments[1].lower(), call.arguments[2].lower()
    shown = ""
    if what == "portopening" and verb in ("add", "set"):
        _open(call.machine, firewall, call.arguments[3:])
    elif what == "portopening" and verb == "delete":
        _close(firewall, call.arguments[3:])
    elif (verb, what) == ("show", "state"):
        shown = lines("") + operational(call.machine, on=firewall.enabled(firewall.current))
    else:
        raise NetshError
    return Done(0, shown + lines("") + said(call.machine, "deprecated") + said(call.machine, "ok"))
