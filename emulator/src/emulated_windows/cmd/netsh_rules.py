# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh advfirewall firewall: adding, changing, deleting and showing rules.

Knows the documented tags (learn, netsh advfirewall firewall), that names are the texts an administrator sees, that
`add` makes a second rule of the same name, that `set` and `delete` meet every rule that fits, and the exit codes: 0,
or 1 for a mistake and for nothing found. Refuses the tags for IPsec, interfaces and outbound programs' users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..machine.firewall_predefined import shown
from ..machine.firewall_rule import PROFILES, TCP, UDP, Rule, with_profiles
from ..machine.firewall_rules import RulesFirewall
from ..machine.machine import Machine
from .netsh_words import NetshError, addresses, ports, profiles, protocol, tags, yes
from .program import Call, Done, Result, lines
from .texts import said, word

_FIELDS = {
    "dir": "direction",
    "program": "program",
    "service": "service",
    "profile": "profiles",
    "remoteip": "remote",
    "localport": "ports",
    "protocol": "protocol",
}
_CONDITIONS = tuple(_FIELDS)
_UNLIMITED = {"localip": "any", "remoteport": "any", "interfacetype": "any", "security": "notrequired"}
"""Tags that are understood as long as they limit nothing."""
_CHANGES = (*_CONDITIONS, "description", "enable", "action", "edge", *_UNLIMITED)
_ACTIONS = {"allow": "Allow", "block": "Block", "bypass": "ByPass"}
_DIRECTIONS = {"in": "In", "out": "Out"}
_WITH_PORTS = (TCP, UDP)


def _choice(text: str, choices: dict[str, str]) -> str:
    if text.lower() not in choices:
        raise NetshError
    return choices[text.lower()]


def changed(rule: Rule, given: dict[str, str], version: tuple[int, int]) -> Rule:
    """A rule with what the tags say."""
    if any(given.get(tag, nothing).lower() != nothing for tag, nothing in _UNLIMITED.items()):
        raise NetshError
    if "dir" in given:
        rule = replace(rule, direction=_choice(given["dir"], _DIRECTIONS))
    if "action" in given:
        rule = replace(rule, action=_choice(given["action"], _ACTIONS))
    if "enable" in given:
        rule = replace(rule, active=yes(given["enable"]))
    if "profile" in given:
        rule = with_profiles(rule, profiles(given["profile"]))
    if "protocol" in given:
        rule = replace(rule, protocol=protocol(given["protocol"]))
    if "localport" in given:
        rule = replace(rule, ports=ports(given["localport"], version))
    if "remoteip" in given:
        rule = replace(rule, remote=addresses(given["remoteip"]))
    if "program" in given:
        rule = replace(rule, program="" if given["program"].lower() == "any" else given["program"])
    if "service" in given:
        rule = replace(rule, service="*" if given["service"].lower() == "any" else given["service"])
    if "description" in given:
        rule = replace(rule, description=given["description"])
    if "edge" in given:
        rule = replace(rule, edge=yes(given["edge"]))
    if rule.ports and rule.protocol not in _WITH_PORTS:
        raise NetshError
    if any("|" in text for text in (rule.name, rule.description, rule.program, rule.service)):
        raise NetshError  # the separator of the store
    return rule


def new_id(machine: Machine, firewall: RulesFirewall, name: str) -> str:
    """The id of a rule netsh makes; a dial."""
    if machine.dials["netsh_rule_id"] == "name" and firewall.rule(name) is None:
        return name
    return machine.new_guid()


def _add(machine: Machine, firewall: RulesFirewall, words: Sequence[str]) -> Done:
    given = tags(words, ("name", *_CHANGES))
    name = given.pop("name", "")
    if not name or name.lower() == "all" or not {"dir", "action"} <= set(given):
        raise NetshError
    rule = changed(Rule("", name), given, firewall.version)
    firewall.put(replace(rule, id=new_id(machine, firewall, name)))
    return Done(0, said(machine, "ok"))


# -- which rules --------------------------------------------------------------------------------------------------


def _name(machine: Machine, rule: Rule) -> str:
    return shown(rule.name, machine.options.language)


def _in_group(machine: Machine, rule: Rule, group: str) -> bool:
    if not rule.group:
        return False
    texts = {shown(rule.group, machine.options.language).lower()}
    if machine.dials["netsh_group"] == "text_or_resource":
        texts.add(rule.group.lower())
    return group.lower() in texts


def _same(one: object, other: object) -> bool:
    return one.lower() == other.lower() if isinstance(one, str) and isinstance(other, str) else one == other


def _met(machine: Machine, firewall: RulesFirewall, given: dict[str, str]) -> list[Rule]:
    """The rules a name or a group, and conditions, speak of. Nothing found is an error."""
    conditions = {tag: text for tag, text in given.items() if tag in _CONDITIONS}
    pattern = changed(Rule("", "", protocol=TCP), conditions, firewall.version)
    found = []
    for rule in firewall.rules():
        if "name" in given and given["name"].lower() not in ("all", _name(machine, rule).lower()):
            continue
        if "group" in given and not _in_group(machine, rule, given["group"]):
            continue
        if all(_same(getattr(rule, _FIELDS[tag]), getattr(pattern, _FIELDS[tag])) for tag in conditions):
            found.append(rule)
    if not found:
        raise NetshError("no_rules")
    return found


def _set(machine: Machine, firewall: RulesFirewall, words: Sequence[str]) -> Done:
    lowered = [text.lower() for text in words]
    if "new" not in lowered:
        raise NetshError
    place = lowered.index("new")
    which = tags(words[:place], ("name", "group", *_CONDITIONS))
    given = tags(words[place + 1 :], ("name", *_CHANGES))
    by_group = "group" in which
    if by_group == ("name" in which) or not given or (by_group and set(given) - {"enable"}):
        raise NetshError
    if which.get("name", "").lower() == "all" and "name" in given:
        raise NetshError
    name = given.pop("name", None)
    new = [changed(rule, given, firewall.version) for rule in _met(machine, firewall, which)]
    for rule in new:
        firewall.put(rule if name is None else replace(rule, name=name))
    return Done(0, lines("") + said(machine, "updated", count=len(new)) + said(machine, "ok"))


def _delete(machine: Machine, firewall: RulesFirewall, words: Sequence[str]) -> Done:
    given = tags(words, ("name", *_CONDITIONS))
    if not given.get("name"):
        raise NetshError
    found = _met(machine, firewall, given)
    for rule in found:
        firewall.remove(rule)
    return Done(0, lines("") + said(machine, "deleted", count=len(found)) + said(machine, "ok"))


# -- showing ------------------------------------------------------------------------------------------------------


def _show(machine: Machine, firewall: RulesFirewall, words: Sequence[str]) -> Done:
    wordy = bool(words) and words[-1].lower() == "verbose"
    given = tags(words[:-1] if wordy else words, ("name", "profile", "type", "dir", "status"))
    if not given.get("name") or given.pop("type", "static").lower() not in ("static", "dynamic"):
        raise NetshError
    status = given.pop("status", "")
    wanted = {"": None, "enabled": True, "disabled": False}.get(status.lower(), "?")
    if wanted == "?":
        raise NetshError
    found = [rule for rule in _met(machine, firewall, given) if wanted is None or rule.active == wanted]
    if not found:
        raise NetshError("no_rules")
    return Done(0, "".join(_shown(machine, rule) for rule in found) + said(machine, "ok"))


def _shown(machine: Machine, rule: Rule) -> str:
    def row(key: str, text: str) -> str:
        return lines(f"{word(machine, key) + ':':<38}{text}")

    anything = word(machine, "any")
    kind = {None: anything, TCP: "TCP", UDP: "UDP"}.get(rule.protocol, str(rule.protocol))
    return (
        lines("")
        + row("rule_name", _name(machine, rule))
        + lines("-" * 70)
        + row("enabled", word(machine, "yes" if rule.active else "no"))
        + row("direction", word(machine, f"direction_{rule.direction.lower()}"))
        + row("profiles", ",".join(rule.profiles or PROFILES))
        + row("grouping", shown(rule.group, machine.options.language))
        + row("remote_ip", ",".join(rule.remote) or anything)
        + row("protocol", kind)
        + (row("local_port", ",".join(rule.ports) or anything) if rule.protocol in _WITH_PORTS else "")
        + row("action", word(machine, f"action_{rule.action.lower()}"))
    )


def run(call: Call, firewall: RulesFirewall) -> Result:
    """One command of the context. Without the service there is nobody to ask."""
    words = call.arguments
    if len(words) < 4 or words[3].lower() != "rule":
        raise NetshError
    action = {"add": _add, "set": _set, "delete": _delete, "show": _show}.get(words[2].lower())
    if action is None:
        raise NetshError
    if not firewall.running():
        raise NetshError("service_needed")
    return action(call.machine, firewall, words[4:])
