# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the WinRM service itself, readable by Get.

Knows the limits the service applies (element names as in `winrm get winrm/config`). Refuses to change them.
"""

from __future__ import annotations

from ..soap import names
from .context import Context


def configuration(context: Context) -> str:
    """The body of the answer."""
    style = context.style
    unencrypted = "false" if context.machine.dials["allow_unencrypted"] == "no" else "true"
    return (
        f'<cfg:Config xmlns:cfg="{names.CONFIG}" xml:lang="en-US">'
        f"<cfg:MaxEnvelopeSizekb>{style.envelope_kb}</cfg:MaxEnvelopeSizekb>"
        f"<cfg:MaxTimeoutms>{style.max_timeout_ms}</cfg:MaxTimeoutms><cfg:MaxBatchItems>32000</cfg:MaxBatchItems>"
        f"<cfg:Service><cfg:MaxConcurrentOperationsPerUser>{style.operations_per_user}"
        "</cfg:MaxConcurrentOperationsPerUser>"
        f"<cfg:EnumerationTimeoutms>{style.enumeration_timeout_ms}</cfg:EnumerationTimeoutms>"
        f"<cfg:AllowUnencrypted>{unencrypted}</cfg:AllowUnencrypted></cfg:Service>"
        f"<cfg:Winrs><cfg:AllowRemoteShellAccess>true</cfg:AllowRemoteShellAccess>"
        f"<cfg:IdleTimeout>{style.shell_idle_seconds * 1000}</cfg:IdleTimeout>"
        f"<cfg:MaxProcessesPerShell>{style.processes_per_shell}</cfg:MaxProcessesPerShell>"
        f"<cfg:MaxShellsPerUser>{style.shells_per_user}</cfg:MaxShellsPerUser></cfg:Winrs></cfg:Config>"
    )
