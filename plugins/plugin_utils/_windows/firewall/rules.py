# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the Windows Firewall from Vista on, as the registry holds them: one string a rule.

Internal to the collection activation.kms; not a public interface.

Grammar: [MS-GPFAS] 2.2.2.19, `v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1688|RA4=LocalSubnet|...|`. The
local store and Group Policy use the same strings; the value's name is the rule's id. Nothing in it is translated but
the texts, which are references to a library. A field nobody knows counts as a condition, never as nothing.
"""

from __future__ import annotations

import re
import typing as t

from ..._errors import Failure
from ..._world import World
from ..files import with_shell
from ..registry import Registry
from .model import BLOCK, Fit, Rule
from .scopes import ANY, merged, normal_scopes

LOCAL_RULES = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules"
POLICY_RULES = r"SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules"
PROFILES = ("domain", "private", "public")

_TCP = "6"
_ANY_PROTOCOL = ("", "256")
_PORT_FIELDS = ("lport", "lport2_10")  # the second holds ranges and the words that came with 2.10
_SCOPE_FIELDS = ("ra4", "ra6", "ra42", "ra62")
_PROGRAMS = ("sppextcomobj.exe", "sppsvc.exe", "slsvc.exe")  # the programs of KMS, from Windows 8, 7 and Vista on
_SERVICES = ("sppsvc", "slsvc", "*")
# Fields that keep no client out: what it is called, and what only widens it or concerns other directions.
_HARMLESS = {
    *("action", "active", "dir", "protocol", "profile", "name", "desc", "embedctxt", "edge", "defer"),
    *_PORT_FIELDS,
    *_SCOPE_FIELDS,
}
_LINE = re.compile(r"^\s+(\S.*?)\s+REG_SZ\s+(v\d+\.\d+\|.*?)\s*$", re.IGNORECASE)
_VERSION = re.compile(r"v\d+\.\d+", re.IGNORECASE)
_PATIENCE = 120.0


def parse_fields(text: str) -> dict[str, list[str]]:
    """The fields of a rule string by lower-case name, each with all its values; {} for what is no rule."""
    version, *pieces = text.split("|")
    if not _VERSION.fullmatch(version.strip()):
        return {}
    found: dict[str, list[str]] = {}
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), []).append(value.strip())
    return found


def parse_rule(rule_id: str, text: str, port: int, *, ours: t.Callable[[str, str], bool]) -> Rule | None:
    """The rule with regard to a TCP port; None for what is no inbound rule.

    Args:
        ours: whether this collection made it, judged by id and name.
    """
    fields = parse_fields(text)
    if _one(fields, "dir").lower() != "in":
        return None
    name = _one(fields, "name")
    profiles = frozenset(value.lower() for value in fields.get("profile", ())) or frozenset(PROFILES)
    items = [normal_scopes(value) for field in _SCOPE_FIELDS for value in fields.get(field, ())]
    return Rule(
        id=rule_id,
        name=name,
        enabled=_one(fields, "active").lower() == "true",
        scope=merged(frozenset[str]().union(*items)) if items else frozenset([ANY]),
        profiles=profiles,
        ours=ours(rule_id, name),
        action=_one(fields, "action").lower() or BLOCK,
        fit=_fit(fields, port),
        narrowed_by=tuple(sorted(_conditions(fields))),
    )


def find_rules(world: World, key: str, port: int, *, ours: t.Callable[[str, str], bool]) -> tuple[Rule, ...]:
    """Every inbound rule below a registry key that names exactly this port: one command, whatever their number.

    Rules for ranges or for every port are not found. reg.exe's lines of values are not translated; its exit code is 1
    where nothing was found. Raises Failure where it did not do its work.
    """
    with with_shell(world) as shell:
        done = shell.run(rf'reg query HKLM\{key} /f "LPort={port}|" /d', timeout=_PATIENCE, mutating=False)
    lines = [found.groups() for found in map(_LINE.match, done.stdout.splitlines()) if found]
    if done.exit_code not in (0, 1) or (done.exit_code == 1 and not lines and done.stderr.strip()):
        raise Failure(
            f"{world.host}: the rules of the Windows Firewall could not be read (reg.exe exit code {done.exit_code}); "
            "see whether the user is a member of the host's Administrators group",
            name="firewall_unreadable",
            code=str(done.exit_code),
            advice=done.stderr.strip()[-300:],
        )
    rules = (parse_rule(rule_id, text, port, ours=ours) for rule_id, text in lines)
    return tuple(rule for rule in rules if rule is not None and rule.fit != "other")


def policy_ignores_local(registry: Registry, key: str) -> bool:
    """Whether Group Policy takes the effect from the rules of the host itself ([MS-GPFAS] 2.2.3.13)."""
    return registry.number(key, "AllowLocalPolicyMerge") == 0


def nobodys(rule_id: str, name: str) -> bool:
    """For rules that cannot be ours: those of Group Policy."""
    return False


def _one(fields: t.Mapping[str, t.Sequence[str]], name: str) -> str:
    return next(iter(fields.get(name, ())), "")


def _fit(fields: t.Mapping[str, t.Sequence[str]], port: int) -> Fit:
    protocol = _one(fields, "protocol")
    ports = [value for field in _PORT_FIELDS for value in fields.get(field, ())]
    if protocol in _ANY_PROTOCOL:
        return "wider"
    if protocol != _TCP or (ports and not any(_holds(value, port) for value in ports)):
        return "other"
    return "exact" if ports == [str(port)] else "wider"


def _holds(value: str, port: int) -> bool:
    """Whether a port, a range, or a word (RPC, IPHTTPS: never) holds the port."""
    first, _dash, last = value.partition("-")
    try:
        return int(first) <= port <= int(last or first)
    except ValueError:
        return False


def _conditions(fields: t.Mapping[str, t.Sequence[str]]) -> t.Iterator[str]:
    """What may keep a client of KMS out although it is in the scope."""
    for field, values in fields.items():
        if field == "app":
            if not values[0].lower().endswith(tuple("\\" + program for program in _PROGRAMS)):
                yield field
        elif field == "svc":
            if values[0].lower() not in _SERVICES:
                yield field
        elif field not in _HARMLESS:
            yield field
