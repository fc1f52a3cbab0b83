# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else on a Windows can keep clients out: TCP/IP filtering, IPsec, Routing and Remote Access.

Internal to the collection activation.kms; not a public interface.

Looked at only before the port is opened, and by host_info. Reported, never edited.
"""

from __future__ import annotations

from ..._world import World
from ..._wsman.client import Client
from ..registry import Registry

SERVICES = "SELECT Name,State FROM Win32_Service WHERE Name='PolicyAgent' OR Name='RemoteAccess'"

_TCPIP = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
_IPSEC = r"SOFTWARE\Policies\Microsoft\Windows\IPSec"
_ASSIGNED = ((rf"{_IPSEC}\Policy\Local", "ActivePolicy"), (rf"{_IPSEC}\GPTIPSECPolicy", "DSIPSECPolicyPath"))


def read_others(world: World, *, tcpip_filtering: bool) -> tuple[str, ...]:
    """One sentence for each that is active. Raises Problem.

    Args:
        tcpip_filtering: this Windows has TCP/IP filtering.
    """
    client = Client(world)
    registry = Registry(client)
    rows = client.query("root/cimv2", SERVICES)
    running = {(row.text("Name") or "").lower() for row in rows if row.text("State") == "Running"}
    found = []
    if tcpip_filtering and registry.number(_TCPIP, "EnableSecurityFilters"):
        found.append(
            "TCP/IP filtering is on (EnableSecurityFilters); the port must also be permitted in the properties of the "
            "network connection"
        )
    if "policyagent" in running and any(registry.text(key, value) for key, value in _ASSIGNED):
        found.append("an IPsec policy is assigned and may block the port or demand authentication of its clients")
    if "remoteaccess" in running:
        found.append("Routing and Remote Access runs, and packet filters of its own may keep clients out")
    return tuple(found)
