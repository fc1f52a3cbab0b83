# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running netsh on the host: its exit code is all that is heeded, its texts are translated.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from ..._errors import Failure
from ..._world import World
from ..files import with_shell

LONGEST_SCOPE = 7900
"""Characters: cmd.exe takes a line of 8191 (Microsoft KB 830473), and the rest of our commands is short."""

_PATIENCE = 120.0


def run_netsh(world: World, commands: t.Sequence[str]) -> None:
    """Run these commands in one shell. Raises Failure at the first that is refused; OutcomeUnknown."""
    with with_shell(world) as shell:
        for command in commands:
            done = shell.run(command, timeout=_PATIENCE, mutating=True)
            if done.exit_code != 0:
                raise Failure(
                    f"{world.host}: the Windows Firewall did not take the change (netsh exit code {done.exit_code}); "
                    f"try it on the host: {command}",
                    name="firewall_change",
                    code=str(done.exit_code),
                    advice=done.stdout.strip()[-300:],
                )
