# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be wished of the firewall: the port open for named networks, or closed.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from .._plan import Look
from .._windows.firewall.reader import Interest
from .._windows.firewall.scopes import ANY, LOCAL_SUBNET, merged, network_of, normal_scope
from .record import Record


@dataclasses.dataclass(frozen=True)
class FirewallWish:
    """Open for `scope` (normal forms), or closed."""

    port: int
    open: bool
    scope: frozenset[str] = frozenset()

    @property
    def interest(self) -> Interest:
        """What has to be read for it."""
        return Interest(self.port, "open" if self.open else "close", self.scope, noted_rules)


def noted_rules(look: Look) -> tuple[str, ...]:
    """The rules of Windows that this collection changed, as the record on the host says."""
    return tuple(look[Record].former_firewall or ())


def remote_addresses(items: t.Sequence[str] | None, option: str = "firewall_remote_addresses") -> frozenset[str]:
    """The networks for which to open, in their normal form. `option` is what the module calls them.

    Raises:
        Refusal: nothing named, not a network, everybody without the word for it, or `any` beside others. What was
            given is not repeated.
    """
    if not items:
        raise Refusal(
            f"to open the firewall {option} must name the networks of your clients ([10.0.0.0/8]) or local_subnet, or "
            "be the word any, which opens the port to everybody",
            name="remote_addresses_missing",
            advice="Name the clients' networks.",
        )
    scope = merged(_address(str(item), f"entry {number} of {option}") for number, item in enumerate(items, 1))
    if ANY in scope and len(scope) > 1:
        raise Refusal(f"{option} names any beside others; write one or the other", name="bad_option")
    if any(network is not None and network.prefixlen == 0 for network in map(network_of, scope)):
        raise Refusal(f"{option} means everybody; write any if you mean it", name="bad_option")
    return scope


def _address(item: str, entry: str) -> str:
    word = normal_scope(item)
    if word in (ANY, LOCAL_SUBNET) and item.strip() != "*":
        return word
    if network_of(word) is None:
        raise Refusal(
            f"{entry} is neither a network (10.0.0.0/8), an address, the word local_subnet nor, for everybody, the "
            "word any; write one of them",
            name="bad_option",
        )
    return word
