# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell plugin for ansible.builtin.raw on Windows that has no PowerShell: sends a command as it stands.

Ansible's `winrm` wraps every command into `PowerShell -EncodedCommand`, which Server 2003 and emulated Windows do not
have. Without that wrapping raw costs a little less than it does in the field, never more.
"""

from __future__ import annotations

from ansible.plugins.shell.cmd import DOCUMENTATION as CMD_DOCUMENTATION
from ansible.plugins.shell.cmd import ShellModule as CmdShell

DOCUMENTATION = CMD_DOCUMENTATION


class ShellModule(CmdShell):
    """cmd.exe, and nothing around it."""

    def _encode_script(
        self, script: str, as_list: bool = False, strict_mode: bool = True, preserve_rc: bool = True
    ) -> str | list[str]:
        return [script] if as_list else script
