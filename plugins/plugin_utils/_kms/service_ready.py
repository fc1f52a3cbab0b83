# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the licensing service of a host can take, change or lose a host key at all. Pure.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

from .._errors import Refusal
from .._plan import Seen
from .._windows.licensing import Licensing
from .updates import Updates


def judge_host(seen: Seen) -> None:
    """Everything about the host that speaks against touching any host key. Raises Refusal."""
    updates = seen[Updates]
    if not seen[Licensing].present and updates.installed and not updates.restart_pending:
        raise Refusal(
            f"KMS updates are registered on the host ({', '.join(sorted(updates.installed))}), but it has no "
            "licensing service that could take a host key; KMS 1.0 was removed or is damaged: install it again by "
            "hand, or remove what is left of the others, and run the play again",
            name="no_licensing_service",
            advice="Install KMS 1.0 on the host again by hand.",
        )
    if not seen[Licensing].present:
        raise Refusal(
            "the host has no licensing service that could take a host key; install KMS 1.0 and what else its "
            "clients need first (activation.kms.host_update), and restart it",
            name="no_licensing_service",
            advice="Run activation.kms.host_update and activation.kms.host_reboot first.",
        )
    if updates.restart_pending:
        raise Refusal(
            "a KMS update awaits the restart of the host, and until then the host key would be refused "
            "(0xC004F050); restart it first (activation.kms.host_reboot). Signs: " + "; ".join(updates.pending_signs),
            name="restart_pending",
            advice="Restart the host with activation.kms.host_reboot.",
        )
    judge_service(seen[Licensing])


def judge_service(licensing: Licensing) -> None:
    """Raises Refusal where the licensing service is there and does not run."""
    if not licensing.answers:
        raise Refusal(
            "the licensing service of the host does not run, so no host key can be changed; start it (net start "
            "sppsvc, or net start slsvc on older releases) and run the play again",
            name="licensing_service_stopped",
            advice="Start the licensing service.",
        )
