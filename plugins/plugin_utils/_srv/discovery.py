# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a KMS client with a given DNS suffix would find, and which host it would choose first.

Internal to the collection activation.kms; not a public interface.

Knows RFC 2782. Asks through a function it is handed, one absolute name after the other: with a search list a name of
two labels such as `_vlmcs._tcp` is tried as it stands first, and a server's refusal there ends everything. Knows
nothing of a client's own settings (a host set by hand or remembered from the last activation goes before DNS), and not
that Windows Vista and Server 2008 choose at random whatever the weights (Microsoft's guide on configuring KMS hosts).
"""

from __future__ import annotations

import dataclasses
import typing as t
from fractions import Fraction

from . import names

try:
    import dns.name
    import dns.rdatatype
    import dns.rdtypes.IN.SRV
    import dns.rrset
except ImportError:
    pass  # who asks needs dnspython, and says so


class Ask(t.Protocol):
    """Asks DNS for the records of a type at an absolute name."""

    def __call__(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        """None when the name, or a record of this type, does not exist; raises Problem when nobody can tell."""


@dataclasses.dataclass(frozen=True)
class Offer:
    """One KMS host a client could choose.

    Attributes:
        domain: the suffix at which it was found.
        target: the host in lower case, without the trailing dot.
        ttl: seconds the answer may still be remembered.
        probability: of being the client's first choice.
        addresses: IPv4 before IPv6; None when they were not asked for.
    """

    domain: str
    target: str
    port: int
    priority: int
    weight: int
    ttl: int
    probability: float
    addresses: tuple[str, ...] | None = None

    def as_data(self) -> dict[str, t.Any]:
        """All of it as plain values."""
        return {**dataclasses.asdict(self), "addresses": None if self.addresses is None else list(self.addresses)}


def discover(ask: Ask, domain: str, *, resolve: bool) -> list[Offer]:
    """The hosts offered at a suffix, in a client's order; among equals by name, so that two runs say the same.

    Raises:
        Refusal: the domain is none.
        Problem: whatever `ask` raises.
    """
    domain = names.zone_name(domain, "domain")
    found = ask(names.owner_name(domain), "SRV")
    if found is None:
        return []
    # A target of "." says that the service is decidedly not there (RFC 2782).
    records = [t.cast("dns.rdtypes.IN.SRV.SRV", one) for one in found]
    records = [one for one in records if one.target != dns.name.root]
    chances = first_choice([(one.priority, one.weight) for one in records])
    offers = [
        Offer(
            domain=domain,
            target=one.target.to_text(True).lower(),
            port=one.port,
            priority=one.priority,
            weight=one.weight,
            ttl=found.ttl,
            probability=float(chance),
            addresses=_addresses(ask, one.target.to_text(True)) if resolve else None,
        )
        for one, chance in zip(records, chances, strict=True)
    ]
    return sorted(offers, key=lambda one: (one.priority, -one.weight, one.target, one.port))


def first_choice(records: t.Sequence[tuple[int, int]]) -> list[Fraction]:
    """How probable it is for each (priority, weight) that a client turns to it first, exactly.

    RFC 2782: of the lowest priority, the records are put in any order, those of weight 0 first, and their running sums
    of weights are computed. A whole number is drawn from 0 to the sum of all, both included, and the first record whose
    running sum reaches it is chosen. So each weight stands for as many numbers, and the number 0 falls to whoever
    happens to stand first: one of those with weight 0, or, where there is none, any.
    """
    lowest = min((priority for priority, _weight in records), default=0)
    weights = [weight for priority, weight in records if priority == lowest]
    fronts = weights.count(0) or len(weights)
    numbers = sum(weights) + 1

    def chance(priority: int, weight: int) -> Fraction:
        if priority != lowest:
            return Fraction(0)
        may_stand_first = weight == 0 or 0 not in weights
        return (weight + (Fraction(1, fronts) if may_stand_first else 0)) / Fraction(numbers)

    return [chance(priority, weight) for priority, weight in records]


def _addresses(ask: Ask, host: str) -> tuple[str, ...]:
    found = [ask(host, rdtype) for rdtype in ("A", "AAAA")]
    return tuple(address for records in found if records is not None for address in sorted(map(str, records)))
