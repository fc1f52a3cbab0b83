# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote addresses in firewall entries: how they are written and whom they let in.

Knows single addresses, networks with a mask or a prefix length, ranges, the local subnet and the word for everybody,
in IPv4 and IPv6. Refuses the keywords for DNS, DHCP, WINS servers and gateways: they let nobody in here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOCAL_SUBNET = "LocalSubnet"
SUBNETS = ("127.0.0.0/8", "10.20.0.0/24")
"""What counts as the local subnet: where emulated hosts really live, and where they say they do."""
_KEYWORDS = {"localsubnet", "localsubnet4", "localsubnet6"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_local_subnet(text: str) -> bool:
    """Is this the keyword for the networks the host is in?"""
    return text.strip().lower() in _KEYWORDS


def masked(text: str) -> str:
    """A network with a dotted mask, `10.0.0.0/255.0.0.0`; IPv6 keeps its length. ValueError for anything else."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    tail = network.prefixlen if network.version == 6 else network.netmask
    return f"{network.network_address}/{tail}"


def prefixed(text: str) -> str:
    """The same network with a prefix length. What is no network comes back as it is."""
    try:
        return str(ipaddress.ip_network(text, strict=False)) if "/" in text else text
    except ValueError:
        return text


def normal(text: str) -> str:
    """One remote address as rules keep it: an address alone, a network with its mask, a range. ValueError otherwise."""
    text = text.strip()
    if is_local_subnet(text):
        return LOCAL_SUBNET
    first, dash, last = text.partition("-")
    if dash:
        low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
        if low.version != high.version or int(low) > int(high):
            raise ValueError(text)
        return f"{low}-{high}"
    return masked(text) if "/" in text else str(ipaddress.ip_address(text))


def version_of(text: str) -> int:
    """4 or 6, by the first address in a normal text."""
    return ipaddress.ip_address(text.partition("/")[0].partition("-")[0]).version


def _one(text: str, address: Address) -> bool:
    if text == "*":
        return True
    if is_local_subnet(text):
        return any(address in ipaddress.ip_network(subnet) for subnet in SUBNETS)
    first, dash, last = text.partition("-")
    try:
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            return low.version == high.version == address.version and int(low) <= int(address) <= int(high)
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False  # Windows accepts nonsense in a list and lets nobody in for it


def within(scope: Iterable[str], remote: str) -> bool:
    """Is the address one of those a list names?"""
    address = ipaddress.ip_address(remote)
    return any(_one(part.strip(), address) for part in scope)
