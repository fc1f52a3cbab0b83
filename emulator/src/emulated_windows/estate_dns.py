# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key `dns` of ESTATE.yml: where the embedded DNS server listens, its key, its zones and what sort they are.

Knows that only zones of Microsoft's have accounts, age and take no updates at all. Refuses to know what a zone does.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from .clock import Clock
from .dns_flavour import FLAVOURS, ZONE_DIALS, Aging, Flavour, Microsoft, flavour_of
from .dns_rights import UPDATES
from .dns_zone import KINDS, Zone
from .section import EstateError, Section

TSIG_ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
_MOST_HOURS = 87_600
_OF_MICROSOFT = ("aging", "updates", "update_group", "dials", "type", "paused")


@dataclass(frozen=True)
class Tsig:
    """The key of the embedded DNS server; `secret` is decoded."""

    name: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Tsig(name={self.name!r}, algorithm={self.algorithm!r})"


@dataclass(frozen=True)
class ZoneSettings:
    """One zone. All but its name is for zones of Microsoft's."""

    name: str
    flavour: str = "bind"
    aging: Aging = Aging()
    updates: str = "secure"
    update_group: tuple[str, ...] = ()
    kind: str = "primary"
    paused: bool = False
    dials: dict[str, str] = field(default_factory=dict)

    def zone(self, address: str, clock: Clock) -> Zone:
        """The zone itself, as it is at the start."""
        flavour: Flavour = flavour_of(self.flavour)
        if self.flavour == Microsoft.name:
            flavour = Microsoft(self.aging, self.dials)
        return Zone(
            self.name,
            address,
            clock=clock,
            flavour=flavour,
            updates=self.updates,
            update_group=self.update_group,
            kind=self.kind,
            paused=self.paused,
        )


@dataclass(frozen=True)
class DnsSettings:
    """The embedded DNS server. Without `tsig` it takes unsigned updates."""

    address: str
    port: int
    zones: tuple[ZoneSettings, ...]
    """`zone` first, then `zones`."""
    tsig: Tsig | None

    @property
    def microsoft(self) -> bool:
        """Is it Microsoft's server?"""
        return all(zone.flavour == Microsoft.name for zone in self.zones)


def read_dns(section: Section) -> DnsSettings:
    """Read and judge the key. Raises EstateError with one sentence."""
    usual = _zone(section, ZoneSettings(section.domain("zone"), section.choice("flavour", FLAVOURS, FLAVOURS[0])))
    found = DnsSettings(
        section.loopback("address"),
        section.port("port"),
        (usual, *_more_zones(section, usual)),
        _tsig(section.section("tsig")) if section.has("tsig") else None,
    )
    section.finish()
    names = [zone.name for zone in found.zones]
    for name in names:
        if names.count(name) > 1:
            raise EstateError(f"{section.path('zones')}: {name} is there twice.")
    if len({zone.aging.scavenging_hours for zone in found.zones}) > 1:
        raise EstateError(f"{section.path('zones')}: scavenging_hours is the server's, the same for all its zones.")
    return found


def _more_zones(section: Section, usual: ZoneSettings) -> Iterable[ZoneSettings]:
    """A list of names, or a mapping that says of each what is different there."""
    if not section.has("zones"):
        return
    if section.is_list("zones"):
        for name in section.texts("zones"):
            yield replace(usual, name=section.domain_of("zones", name))
        return
    more = section.section("zones")
    for name in more.names():
        different = more.section(name)
        yield _zone(different, replace(usual, name=section.domain_of("zones", name)))
        different.finish()


def _zone(section: Section, usual: ZoneSettings) -> ZoneSettings:
    """A zone as this part of the file describes it; what it does not say is as usual."""
    if usual.flavour != Microsoft.name:
        for key in _OF_MICROSOFT:
            if section.has(key):
                raise EstateError(f"{section.path(key)} is for zones of Microsoft's: add flavour: microsoft.")
        return usual
    group = tuple(section.texts("update_group")) if section.has("update_group") else usual.update_group
    return replace(
        usual,
        aging=_aging(section.section("aging"), usual.aging) if section.has("aging") else usual.aging,
        updates=section.choice("updates", UPDATES, usual.updates),
        update_group=group,
        kind=section.choice("type", KINDS, usual.kind),
        paused=section.flag("paused", usual.paused),
        dials=_dials(section.section("dials")) if section.has("dials") else usual.dials,
    )


def _aging(section: Section, usual: Aging) -> Aging:
    """Intervals are whole hours. Who describes them wants them, unless `enabled` says no."""

    def hours(key: str, default: int) -> int:
        return section.integer(key, 0, _MOST_HOURS, default)

    found = Aging(
        section.flag("enabled", True),
        hours("no_refresh_hours", usual.no_refresh_hours),
        hours("refresh_hours", usual.refresh_hours),
        hours("scavenging_hours", usual.scavenging_hours),
    )
    section.finish()
    return found


def _dials(section: Section) -> dict[str, str]:
    for name in section.names():
        if name not in ZONE_DIALS:
            raise EstateError(f"{section.path(name)}: there is no such dial; there are {', '.join(ZONE_DIALS)}.")
    return {name: section.choice(name, ZONE_DIALS[name]) for name in section.names()}


def _tsig(section: Section) -> Tsig:
    name = section.domain("name")
    algorithm = section.choice("algorithm", TSIG_ALGORITHMS, "hmac-sha256")
    try:
        # Strictly: a lenient decoder takes `***` for an empty key.
        secret = base64.b64decode(section.text("secret"), validate=True)
    except (binascii.Error, ValueError):
        raise EstateError("dns.tsig.secret is not Base64 (`tsig-keygen` makes one).") from None
    section.finish()
    if not secret:
        raise EstateError("dns.tsig.secret is empty.")
    return Tsig(name, algorithm, secret)
