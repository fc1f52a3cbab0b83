# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule of the firewall of Vista and later, and its text in the registry (MS-GPFAS 2.2.2.19).

Knows the fields a port rule has and keeps the others as they are written; port ranges, which came with version 2.10;
and whether a rule fits a connection. Refuses to know where rules are kept.
"""

from __future__ import annotations

import ntpath
import re
from dataclasses import dataclass, replace
from functools import lru_cache

from . import scopes

TCP, UDP = 6, 17
PROFILES = ("Domain", "Private", "Public")
RANGES_SINCE = (2, 10)
_VERSION = re.compile(r"v(\d+)\.(\d+)\Z")
_PORTS = ("LPort", "LPort2_10")
_ADDRESSES = ("RA4", "RA6")


@dataclass(frozen=True)
class Rule:
    """A rule. Empty tuples and None mean: any."""

    id: str
    name: str
    action: str = "Allow"
    """Allow, Block or ByPass."""
    active: bool = True
    direction: str = "In"
    profiles: tuple[str, ...] = ()
    protocol: int | None = None
    ports: tuple[str, ...] = ()
    """Local ports: numbers, ranges `a-b`, keywords."""
    remote: tuple[str, ...] = ()
    program: str = ""
    service: str = ""
    """A service's short name, `*` for any service."""
    description: str = ""
    group: str = ""
    edge: bool = False
    others: tuple[tuple[str, str], ...] = ()
    """Fields this file does not understand."""

    def in_profile(self, profile: str) -> bool:
        """Does it belong to a profile?"""
        return not self.profiles or profile in self.profiles

    def fits(self, port: int, remote: str, programs: frozenset[str], services: frozenset[str]) -> bool:
        """Does it speak of a TCP connection to this port of one of these programs and services?"""
        if self.protocol not in (None, TCP) or (self.ports and not any(_covers(text, port) for text in self.ports)):
            return False
        if self.remote and not scopes.within(self.remote, remote):
            return False
        if self.program and ntpath.basename(self.program).lower() not in programs:
            return False
        return self.service in ("", "*") or self.service.lower() in services


def _covers(text: str, port: int) -> bool:
    first, dash, last = text.partition("-")
    if not first.isdigit():
        return False
    return int(first) <= port <= int(last) if dash and last.isdigit() else not dash and int(first) == port


def version_of(text: str) -> tuple[int, int] | None:
    """The version a rule's text begins with."""
    match = _VERSION.match(text.partition("|")[0])
    return (int(match.group(1)), int(match.group(2))) if match else None


@lru_cache(maxsize=1024)
def parse(rule_id: str, text: str) -> Rule | None:
    """Read a rule, None for a text that is none. Most rules are the same on all hosts."""
    if version_of(text) is None or not text.endswith("|"):
        return None
    fields = [part.partition("=") for part in text.split("|")[1:-1]]
    if any(not equals for _, equals, _ in fields):
        return None
    single = {name: value for name, _, value in fields}
    if single.get("Action") not in ("Allow", "Block", "ByPass") or single.get("Dir") not in ("In", "Out"):
        return None
    protocol = single.get("Protocol", "")
    known = {"Action", "Active", "Dir", "Profile", "Protocol", "App", "Svc", "Name", "Desc", "EmbedCtxt", "Edge"}
    known |= {*_PORTS, *_ADDRESSES}
    return Rule(
        rule_id,
        single.get("Name", ""),
        single["Action"],
        single.get("Active", "").upper() == "TRUE",
        single["Dir"],
        tuple(value for name, _, value in fields if name == "Profile" and value in PROFILES),
        int(protocol) if protocol.isdigit() and int(protocol) < 256 else None,
        tuple(value for name, _, value in fields if name in _PORTS),
        tuple(dict.fromkeys(value for name, _, value in fields if name in _ADDRESSES)),
        single.get("App", ""),
        single.get("Svc", ""),
        single.get("Desc", ""),
        single.get("EmbedCtxt", ""),
        single.get("Edge", "").upper() == "TRUE",
        tuple((name, value) for name, _, value in fields if name not in known),
    )


def _address_fields(remote: tuple[str, ...]) -> list[tuple[str, str]]:
    """LocalSubnet stands in both families."""
    found = []
    for number in (4, 6):
        for text in remote:
            if scopes.is_local_subnet(text) or scopes.version_of(text) == number:
                found.append((f"RA{number}", text))
    return found


def write(rule: Rule, version: tuple[int, int]) -> str:
    """The text of a rule in a version's spelling; the order of the fields is that of dumps of Windows 10."""
    fields = [("Action", rule.action), ("Active", "TRUE" if rule.active else "FALSE"), ("Dir", rule.direction)]
    if rule.protocol is not None:
        fields.append(("Protocol", str(rule.protocol)))
    fields += [("Profile", profile) for profile in PROFILES if profile in rule.profiles]
    for port in rule.ports:
        fields.append(("LPort2_10" if "-" in port[1:] and port[0].isdigit() else "LPort", port))
    fields += _address_fields(rule.remote)
    fields += [
        (name, text)
        for name, text in (
            ("App", rule.program),
            ("Svc", rule.service),
            ("Name", rule.name),
            ("Desc", rule.description),
            ("EmbedCtxt", rule.group),
        )
        if text
    ]
    if rule.edge:
        fields.append(("Edge", "TRUE"))
    fields += list(rule.others)
    return f"v{version[0]}.{version[1]}|" + "".join(f"{name}={text}|" for name, text in fields)


def with_profiles(rule: Rule, profiles: tuple[str, ...]) -> Rule:
    """The same rule in other profiles; all three are the same as any."""
    return replace(rule, profiles=() if set(profiles) == set(PROFILES) else profiles)
