# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of an inventory, out of what was found at several domains. Pure.

Internal to the collection activation.kms; not a public interface.

Works on offers as plain data (discovery.Offer.as_data), because that is what an inventory cache keeps. Names come from
DNS, where anything may stand: what is no host name never gets into an inventory, in which older releases of
ansible-core would take braces for a template.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import Refusal
from . import names

Found = t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]
"""The offers of each domain, in a client's order."""


class Hosts(t.NamedTuple):
    """What is to be added to an inventory.

    Attributes:
        groups: the parent of each group, or None; parents stand before their children.
        variables: the variables of each host.
        members: the groups of each host, the innermost ones.
        left_out: targets that are no host names.
    """

    groups: dict[str, str | None]
    variables: dict[str, dict[str, t.Any]]
    members: dict[str, list[str]]
    left_out: list[str]


def hosts(found: Found, *, short: bool, ansible_host: str | None) -> Hosts:
    """Sort them. Raises Refusal where two domains, or two machines, would have the same name."""
    groups: dict[str, str | None] = dict.fromkeys(_groups_of(found).values())
    records: dict[str, list[dict[str, t.Any]]] = {}
    members: dict[str, list[str]] = {}
    left_out: list[str] = []
    for domain, group in _groups_of(found).items():
        for offer in found[domain]:
            if not _is_host_name(offer["target"]):
                left_out.append(offer["target"])
                continue
            inner = f"{group}_priority_{offer['priority']}"
            groups[inner] = group
            name = _name_of(offer["target"], short)
            records.setdefault(name, []).append(dict(offer))
            members.setdefault(name, []).append(inner)
    variables = {name: _variables(name, same, ansible_host) for name, same in records.items()}
    return Hosts(groups, variables, members, list(dict.fromkeys(left_out)))


def _groups_of(found: Found) -> dict[str, str]:
    """The group of each domain: `kms_corp_example`."""
    groups: dict[str, str] = {}
    for domain in found:
        group = "kms_" + re.sub(r"[^a-z0-9]", "_", domain)
        for other, taken in groups.items():
            if taken == group:
                raise Refusal(
                    f"domains {other} and {domain} would both be the group {group}; put them into two files",
                    name="ambiguous_group",
                )
        groups[domain] = group
    return groups


def _is_host_name(target: str) -> bool:
    try:
        return names.host_name(target, "target", "port") == target
    except Refusal:
        return False


def _name_of(target: str, short: bool) -> str:
    return target.partition(".")[0] if short else target


def _variables(name: str, records: t.Sequence[dict[str, t.Any]], ansible_host: str | None) -> dict[str, t.Any]:
    """Those of the first record count where there are several: of the first domain, and there of the first choice."""
    first = records[0]
    machines = sorted({record["target"] for record in records})
    if len(machines) > 1:
        raise Refusal(
            f"{' and '.join(machines)} would both be the host {name}; write hostname: target", name="ambiguous_host"
        )
    variables = {f"kms_srv_{what}": first[what] for what in ("target", "port", "priority", "weight", "ttl")}
    variables["kms_srv_domains"] = list(dict.fromkeys(record["domain"] for record in records))
    variables["kms_srv_records"] = list(records)
    where = {"target": [first["target"]], "address": first["addresses"] or []}.get(ansible_host or "", [])
    if where:
        variables["ansible_host"] = where[0]
    return variables
