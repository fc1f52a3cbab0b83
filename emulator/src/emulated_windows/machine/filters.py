# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else than the Windows firewall can keep a connection out: TCP/IP filtering, IPsec policies, RRAS.

Knows where each of them is seen (registry, services) and what TCP/IP filtering does to a port. Refuses to know the
rules inside an IPsec policy and the filters of RRAS: they are there or not.
"""

from __future__ import annotations

from .registry import REG_DWORD, REG_MULTI_SZ, REG_SZ, Registry
from .services import Services

TCPIP = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
ADAPTER = "{5A3C1A1E-6C5B-4B7E-9F5D-0B8E4C1E0007}"
"""The adapter that carries IP, as Win32_NetworkAdapterConfiguration.SettingID names it."""
INTERFACE = rf"{TCPIP}\Interfaces\{ADAPTER}"
IPSEC_LOCAL = r"SOFTWARE\Policies\Microsoft\Windows\IPSec\Policy\Local"
IPSEC_GROUP = r"SOFTWARE\Policies\Microsoft\Windows\IPSec\GPTIPSECPolicy"
_POLICY_ID = "ipsecPolicy{72385236-70FA-11D1-864C-14A300000000}"
ALL_PORTS = ["0"]


class OtherFilters:
    """Seen from the registry and the services each time."""

    def __init__(self, registry: Registry, services: Services) -> None:
        self._registry = registry
        self._services = services

    def set_up_tcpip(self, tcp_ports: tuple[int, ...]) -> None:
        """TCP/IP filtering of Server 2003; it went with Vista. Empty `tcp_ports`: it is off."""
        write = self._registry.write
        write(TCPIP, "EnableSecurityFilters", REG_DWORD, int(bool(tcp_ports)))
        for name in ("UDPAllowedPorts", "RawIPAllowedProtocols"):
            write(INTERFACE, name, REG_MULTI_SZ, ALL_PORTS)
        write(INTERFACE, "TCPAllowedPorts", REG_MULTI_SZ, [str(port) for port in tcp_ports] or ALL_PORTS)

    def set_up_services(self, *, ipsec: bool, rras: bool) -> None:
        """An assigned IPsec policy and RRAS, as an estate says."""
        write = self._registry.write
        if ipsec:
            write(IPSEC_LOCAL, "ActivePolicy", REG_SZ, rf"{IPSEC_LOCAL}\{_POLICY_ID}")
            write(rf"{IPSEC_LOCAL}\{_POLICY_ID}", "ipsecName", REG_SZ, "Server (Request Security)")
        for name, wanted in (("PolicyAgent", ipsec), ("RemoteAccess", rras)):
            service = self._services.get(name)
            if wanted and service is not None:
                service.mode = "Auto"
                if not service.running:
                    self._services.started(service)

    def filtering(self) -> bool:
        """Is TCP/IP filtering on (for all adapters)?"""
        return self._registry.number(TCPIP, "EnableSecurityFilters") == 1

    def shown(self, value: str) -> list[str] | None:
        """What the adapter lets in, as WMI shows it: `0` means everything, NULL from Vista on (recorded)."""
        return self._registry.strings(INTERFACE, value) or None

    def allowed(self) -> list[str]:
        """The TCP ports the adapter lets in; `0` means all."""
        return self.shown("TCPAllowedPorts") or ALL_PORTS

    def ipsec_policy(self) -> str | None:
        """The assigned IPsec policy, while the service that enforces it runs."""
        if not self._services.running("PolicyAgent"):
            return None
        group = self._registry.text(IPSEC_GROUP, "DSIPSECPolicyName")
        return group or self._registry.text(IPSEC_LOCAL, "ActivePolicy")

    def rras(self) -> bool:
        """Does Routing and Remote Access run?"""
        return self._services.running("RemoteAccess")

    def lets_in(self, port: int) -> bool:
        """Does TCP/IP filtering let this port in?"""
        return not self.filtering() or self.allowed() == ALL_PORTS or str(port) in self.allowed()
