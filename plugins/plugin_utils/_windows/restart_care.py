# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is good to know of a machine before it is restarted: who is on it, what depends on it, what else is pending.

Internal to the collection activation.kms; not a public interface.

Knows numbers, never names of users. Judges nothing; what of it is ours is the business of whoever asks. It costs some
five requests, so it is read only where a restart is near; `read` tells.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._world import World
from .._wsman.client import Client
from .._wsman.faults import Fault
from .._wsman.values import Row
from .registry import Registry
from .system import System, read_services

SESSIONS = "SELECT AuthenticationPackage,LogonId,LogonType FROM Win32_LogonSession WHERE LogonType=2 OR LogonType=10"
"""Interactive and remote interactive (Remote Desktop) log-ons; Win32_LogonSession documentation."""

SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
WINDOWS_UPDATE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
COMPONENTS = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"

FILES_SIGN = "registry: PendingFileRenameOperations"
"""Files that were in use are replaced at the next start; whoever installs anything may have left them."""
UPDATE_SIGN = "registry: WindowsUpdate RebootRequired"
"""Left by the Windows Update agent alone, never by a package that was run by hand."""
COMPONENTS_SIGN = "registry: Component Based Servicing RebootPending"
"""A pending restart of Windows' own servicing, by which packages are installed from 6.0 on."""

_OWN_ACCOUNTS_SINCE = (6, 2)
_OF_THE_SYSTEM = "negotiate"


@dataclasses.dataclass(frozen=True)
class RestartCare:
    """What a restart would meet. Without `read` nobody has looked, and the rest means nothing.

    Attributes:
        winrm_start_mode: Auto (delayed or not), Manual, Disabled, or Unknown.
        sessions: interactive log-on sessions, an elevated user's twofold; None where they could not be read.
        cluster: the failover cluster service runs.
        domain_controller: it is one.
        pending: what waits for a restart without being ours.
    """

    key: t.ClassVar[str] = "restart_care"

    read: bool = False
    winrm_start_mode: str = "Unknown"
    sessions: int | None = None
    cluster: bool = False
    domain_controller: bool = False
    pending: tuple[str, ...] = ()

    def as_data(self) -> dict[str, t.Any]:
        """Plain data for results."""
        return {
            "winrm_start_mode": self.winrm_start_mode,
            "sessions": self.sessions,
            "cluster": self.cluster,
            "domain_controller": self.domain_controller,
            "pending": list(self.pending),
        }


def look_before_restart(world: World, system: System) -> RestartCare:
    """Everything a restart would meet, with the signs Windows itself gives of a pending one. Raises Problem."""
    client = Client(world)
    services = read_services(client, ("WinRM", "ClusSvc"))
    winrm, cluster = services.get("winrm"), services.get("clussvc")
    return RestartCare(
        read=True,
        winrm_start_mode=winrm.start_mode if winrm else "Unknown",
        sessions=_sessions(client, system),
        cluster=cluster is not None and cluster.running,
        domain_controller=system.domain_controller,
        pending=_pending(Registry(client), system),
    )


def components_pending(registry: Registry) -> bool:
    """Whether Windows' own servicing awaits a restart, by any package; one request."""
    return registry.values(COMPONENTS) is not None


def _sessions(client: Client, system: System) -> int | None:
    """How many interactive log-on sessions there are.

    Since Windows 8 the window manager and the font driver log on interactively too, as accounts of their own (DWM-1,
    UMFD-0) with the package Negotiate, one set a session and also while nobody is logged on; users come with Kerberos,
    NTLM or CloudAP. Source: listings of log-on sessions in published incident reports.
    """
    try:
        rows = client.query("root/cimv2", SESSIONS)
    except Fault as fault:  # good to know, and no reason to end the run
        client.world.log(f"log-on sessions: {fault.message}")
        return None
    generation = tuple(int(part) for part in system.version.split(".")[:2] if part.isdecimal())
    if generation < _OWN_ACCOUNTS_SINCE:
        return len(rows)
    return sum(1 for row in rows if not _is_the_systems(row))


def _is_the_systems(row: Row) -> bool:
    return (row.text("AuthenticationPackage") or "").lower() == _OF_THE_SYSTEM


def _pending(registry: Registry, system: System) -> tuple[str, ...]:
    """The signs of a pending restart. Component Based Servicing exists from 6.0 on."""
    signs = []
    if any(registry.texts(SESSION_MANAGER, "PendingFileRenameOperations") or ()):
        signs.append(FILES_SIGN)
    if registry.values(WINDOWS_UPDATE) is not None:
        signs.append(UPDATE_SIGN)
    if not system.is_server_2003 and components_pending(registry):
        signs.append(COMPONENTS_SIGN)
    return tuple(signs)
