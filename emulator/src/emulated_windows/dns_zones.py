# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of one DNS server, and the bad days it may have.

Knows which zone a name belongs to, and whether the server answers at all. Refuses to know what a zone does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dns.exception
import dns.name

from .contract import PublishingError
from .dns_zone import Zone

FAULTS = ("refuse", "servfail", "silent")
_ERRORS = {"refuse": 9005, "servfail": 9002, "silent": 1460}
"""What a machine that publishes itself meets: DNS_ERROR_RCODE_REFUSED, _SERVER_FAILURE, ERROR_TIMEOUT."""


class Zones:
    """The zones of one server."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones = list(zones)
        self.fault = ""
        """One of FAULTS, "" on a good day: every update is refused or fails, or no message is answered."""

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones)

    @property
    def first(self) -> Zone | None:
        """The zone that stands for the server where no other does."""
        return self._zones[0] if self._zones else None

    def of(self, name: dns.name.Name) -> Zone | None:
        """The zone a name belongs to: of several the one that begins nearest to it."""
        inside = [zone for zone in self._zones if zone.served and name.is_subdomain(zone.origin)]
        return max(inside, key=lambda zone: len(zone.origin.labels), default=None)

    def named(self, text: str) -> Zone | None:
        """The zone of this name."""
        try:
            origin = dns.name.from_text(text)
        except dns.exception.DNSException:
            return None
        return next((zone for zone in self._zones if zone.origin == origin), None)

    def publish(self, zone: str, target: str, port: int, **how: Any) -> None:
        """A machine publishes itself, as Zone.publish has it."""
        if self.fault:
            raise PublishingError("the server has a bad day", _ERRORS[self.fault])
        found = self.named(zone) or self.first
        if found is None:
            raise PublishingError(f"{zone} is not served here", 9003)
        found.publish(zone, target, port, **how)

    def inject(self, kind: str, args: Sequence[str]) -> None:
        """Have a bad day. ValueError, with a sentence, for one that does not exist."""
        if args or kind not in (*FAULTS, "clear"):
            raise ValueError(f"the DNS server knows the faults {', '.join(FAULTS)} and clear, without arguments")
        self.fault = "" if kind == "clear" else kind

    def counters(self) -> Mapping[str, int]:
        """What has happened, summed up over the zones."""
        found: dict[str, int] = {}
        for zone in self._zones:
            for name, count in zone.counters.items():
                found[name] = found.get(name, 0) + count
        return found
