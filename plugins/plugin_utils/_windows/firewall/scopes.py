# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For whom a firewall lets something through: one way to write it, and who is within whom.

Internal to the collection activation.kms; not a public interface.

Knows the words of `netsh`, of the registry and of MSFT_NetAddressFilter. Refuses to know what `local_subnet` holds:
that is decided by the host's own addresses, packet by packet.
"""

from __future__ import annotations

import functools
import ipaddress
import typing as t

ANY = "any"
LOCAL_SUBNET = "local_subnet"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def normal_scope(text: str) -> str:
    """One way to write a scope: `any`, `local_subnet`, or a network with its prefix length.

    Windows turns 10.0.0.0/8 into 10.0.0.0/255.0.0.0 when it stores it. What is none of these is kept in lower case.
    """
    word = text.strip().lower()
    if word in ("*", ANY):
        return ANY
    if word in ("localsubnet", LOCAL_SUBNET):
        return LOCAL_SUBNET
    network = network_of(word)
    return word if network is None else str(network)


def normal_scopes(text: str) -> frozenset[str]:
    """The same for what may also be a range, 10.0.0.0-10.0.0.9: the networks it is made of."""
    first, dash, last = text.partition("-")
    if not dash:
        return frozenset([normal_scope(text)])
    try:
        ends = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        if isinstance(ends[0], ipaddress.IPv4Address) and isinstance(ends[1], ipaddress.IPv4Address):
            return frozenset(map(str, ipaddress.summarize_address_range(ends[0], ends[1])))
        if isinstance(ends[0], ipaddress.IPv6Address) and isinstance(ends[1], ipaddress.IPv6Address):
            return frozenset(map(str, ipaddress.summarize_address_range(ends[0], ends[1])))
    except ValueError:
        pass
    return frozenset([text.strip().lower()])


def merged(scope: t.Iterable[str]) -> frozenset[str]:
    """The same scope with as few networks as will do.

    Whether Windows keeps 10.0.0.0/9 and 10.128.0.0/9 apart when it stores them nobody has shown; so neither counts.
    """
    return _merged(frozenset(scope))


@functools.lru_cache(maxsize=256)  # the same few scopes are compared again and again while a plan is made
def _merged(items: frozenset[str]) -> frozenset[str]:
    networks = [network for network in map(network_of, items) if network is not None]
    old = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    new = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    few = [*ipaddress.collapse_addresses(old), *ipaddress.collapse_addresses(new)]
    return frozenset([*(item for item in items if network_of(item) is None), *map(str, few)])


def covers(scope: t.Collection[str], wanted: t.Collection[str]) -> bool:
    """Whether everybody in `wanted` is in `scope`: named there, or a network within one of its networks."""
    if ANY in scope:
        return True
    wide = [network for network in map(network_of, merged(scope)) if network is not None]
    for item in set(wanted) - set(scope):
        narrow = network_of(item)
        if narrow is None or not any(_within(narrow, network) for network in wide):
            return False
    return True


@functools.lru_cache(maxsize=256)
def network_of(text: str) -> _Network | None:
    """The network, None for `any`, `local_subnet` and what is none.

    An address with a zone (fe80::1%eth0) is none: Windows' rules know no zones, and Python takes any text for one.
    """
    if "%" in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(narrow: _Network, wide: _Network) -> bool:
    if isinstance(narrow, ipaddress.IPv4Network):
        return isinstance(wide, ipaddress.IPv4Network) and narrow.subnet_of(wide)
    return isinstance(wide, ipaddress.IPv6Network) and narrow.subnet_of(wide)


def can_be_written(scope: t.Collection[str]) -> bool:
    """Whether Windows would take the scope back: further words are one thing in the registry and another elsewhere.

    RmtIntrAnet, for instance, is IntranetRemoteAccess to the provider. Sources: [MS-GPFAS] 2.2.2.19 and the
    documentation of New-NetFirewallRule.
    """
    networks = {item: network_of(item) for item in scope if item not in (ANY, LOCAL_SUBNET)}
    return all(network is not None and network.prefixlen > 0 for network in networks.values())


def written(scope: t.Collection[str]) -> list[str]:
    """The scope in the words that netsh and MSFT_NetAddressFilter take alike."""
    words = {ANY: "Any", LOCAL_SUBNET: "LocalSubnet"}
    return [words.get(item, item) for item in sorted(scope)]
