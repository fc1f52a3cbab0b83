# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a fleet: half of them over NTLM, half over Basic and HTTPS, of several personas each.

Knows what a fleet consists of, and that no site has more than a few dozen KMS hosts. Refuses to know what is played.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from estates import BLOCK, HOSTS_PER_KEY, KEY_ENDINGS, ZONE, Host
from personas import PERSONAS, Wanted

MIX = ("server-2003-sp2-x86", "server-2008-r2-sp1", "server-2012-r2", "server-2019", "server-2022")
TRANSPORTS = {"ntlm": "http", "basic": "https"}
"""Transport and scheme."""
PORTS = {"http": 5985, "https": 5986}
BEHIND_RELAY = 10000  # added to a host's port
HOSTS_PER_ZONE = 6  # as many as a host key serves; a zone of one name with all of a fleet would measure DNS messages
MOST_HOSTS = 2000
_WINDOWS_NT = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_SLMGR = r"cscript //nologo C:\Windows\System32\slmgr.vbs"
_COMMON = {
    "release": f'reg query "{_WINDOWS_NT}"',
    "name": r"reg query HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters",
    "restart": r'reg query "HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"',
    "licence": f"{_SLMGR} /dlv",
    "policy": r"reg query HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall",
}
COMMANDS_2003 = {
    **_COMMON,
    "service": "sc.exe query SharedAccess",
    "settings": rf'reg query "{_WINDOWS_NT}\SL"',
    "updates": r"reg query HKLM\SOFTWARE\Microsoft\Updates",
    "firewall": "netsh firewall show state",
    "ports": "netsh firewall show config",
}
COMMANDS_LATER = {
    **_COMMON,
    "service": "sc.exe query MpsSvc",
    "settings": rf'reg query "{_WINDOWS_NT}\SoftwareProtectionPlatform"',
    "updates": r'reg query "HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"',
    "firewall": "netsh advfirewall show allprofiles",
    "ports": "netsh advfirewall firewall show rule name=all",
}
"""One command for each thing activation.kms.host looks at on a host: what administrators type to see the same. They go
through PowerShell, in which sc by itself is Set-Content."""


def machines(count: int) -> list[Host]:
    """That many, their keys and the updates these need installed."""
    used: dict[str, int] = {}
    return [_machine(number, used) for number in range(count)]


def zones(count: int) -> list[str]:
    """The zones so many machines are published in."""
    return [_zone(number) for number in range(0, count, HOSTS_PER_ZONE)]


def behind_relay(hosts: list[Host]) -> Iterator[tuple[str, int, int]]:
    """Address, port of the relay and port of the host, of each."""
    for host in hosts:
        yield host.address, PORTS[host.scheme] + BEHIND_RELAY, PORTS[host.scheme]


def _machine(number: int, used: dict[str, int]) -> Host:
    transport, scheme = list(TRANSPORTS.items())[number % len(TRANSPORTS)]
    wanted = PERSONAS[MIX[number // len(TRANSPORTS) % len(MIX)]]
    same = used[wanted.key_group] = used.get(wanted.key_group, -1) + 1
    return Host(
        name=f"fleet{number + 1:04d}",
        transport=transport,
        address=f"{BLOCK}.{2 + number // 250}.{1 + number % 250}",
        key=_key(wanted, same // HOSTS_PER_KEY),
        persona=wanted.persona,
        group=wanted.key_group,
        scheme=scheme,
        installed=True,
        variables=_variables(wanted, scheme, _zone(number)),
    )


def _variables(wanted: Wanted, scheme: str, zone: str) -> Mapping[str, object]:
    return {
        "bench_serve": wanted.serve,
        "bench_key_group": wanted.key_group,
        "bench_zone": zone,
        "bench_port_behind_relay": PORTS[scheme] + BEHIND_RELAY,
        "bench_commands": COMMANDS_2003 if wanted.persona.startswith("server-2003") else COMMANDS_LATER,
    }


def _zone(number: int) -> str:
    return f"site{number // HOSTS_PER_ZONE + 1}.{ZONE}"


def _key(wanted: Wanted, number: int) -> str:
    """A host key of its own for each few hosts of a group: first the place of the group, then the number."""
    digits = len(KEY_ENDINGS)
    group = sorted({persona.key_group for persona in PERSONAS.values()}).index(wanted.key_group)
    ending = (group, number // digits, number % digits)
    return f"BCDFG-HJKMP-QRTVW-XY234-67{''.join(KEY_ENDINGS[digit] for digit in ending)}"
