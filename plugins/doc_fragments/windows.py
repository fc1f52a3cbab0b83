# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of every module that works through the host's WinRM connection."""

from __future__ import annotations


class ModuleDocFragment:
    """The connection, and the options of the group activation.kms.kms."""

    DOCUMENTATION = r"""
options:
  operation_timeout:
    description:
      - How long, in seconds, the host's WinRM may take for one answer.
    type: int
    default: 60
  allow_unencrypted_key:
    description:
      - Lets the host key travel over a connection that encrypts neither by TLS nor by NTLM or Kerberos messages.
      - Without it such a run is refused before anything is changed.
    type: bool
    default: false
requirements:
  - pywinrm >= 0.5.0 on the controller, or pypsrp >= 0.5.0 for the connection C(psrp)
notes:
  - This is an action plugin. It runs on the controller and speaks WS-Management to the host through the inventory's own
    P(ansible.builtin.winrm#connection) or P(ansible.builtin.psrp#connection). No shell and no PowerShell session is
    opened to look at the host. Neither PowerShell nor Python is needed there, and nothing of this collection runs on
    it.
  - The connection C(winrm) must have exactly one transport. Other connections are refused. C(become) is refused too,
    since WMI calls run as the connecting user. With C(delegate_to) the delegate's connection is used.
  - Over HTTPS the host's certificate is validated as C(ansible_winrm_server_cert_validation) or
    C(ansible_psrp_cert_validation) say, which is the default.
  - The user must be an administrator of the host.
seealso:
  - module: activation.kms.host
  - module: activation.kms.host_info
"""
