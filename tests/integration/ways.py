# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections that lead to a managed host, as inventories describe them and as the task executor makes them.

An estate's inventory speaks of winrm. Here the same host is described for psrp, and either plugin is made without a
playbook around it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from estate import PASSWORD, USER, Data, Estate

WAYS = ("winrm", "psrp")
SAME = {  # psrp's word for what winrm calls otherwise
    "ansible_psrp_ca_cert": "ansible_winrm_ca_trust_path",
    "ansible_psrp_cert_validation": "ansible_winrm_server_cert_validation",
    "ansible_psrp_negotiate_hostname_override": "ansible_winrm_kerberos_hostname_override",
}
_HOSTS: dict[Path, Data] = {}  # by estate: making an inventory is a process


def described(host: Mapping[str, t.Any], way: str) -> Data:
    """A host of an estate's inventory, described for this connection."""
    if way == "winrm":
        return dict(host)
    open_basic = (host["ansible_winrm_scheme"], host["ansible_winrm_transport"]) == ("http", "basic")
    words = {
        "ansible_connection": "psrp",
        "ansible_psrp_protocol": host["ansible_winrm_scheme"],
        "ansible_psrp_auth": host["ansible_winrm_transport"],
        "ansible_psrp_message_encryption": "never" if open_basic else "auto",
    }
    for psrp, winrm in SAME.items():
        if winrm in host:
            words[psrp] = host[winrm]
    if host["ansible_winrm_transport"] == "kerberos":
        words["ansible_psrp_negotiate_service"] = "HTTP"  # WSMAN before ansible-core 2.21
    return {**{name: value for name, value in host.items() if not name.startswith("ansible_winrm_")}, **words}


def connection(estate: Estate, host: str, way: str = "winrm", **options: t.Any) -> t.Any:
    """Ansible's own connection to a host, made as the task executor makes it; nothing is sent."""
    if estate.file not in _HOSTS:
        _HOSTS[estate.file] = estate.inventory()["all"]["children"]["kms_hosts"]["hosts"]
    made: t.Any = connection_loader.get(f"ansible.builtin.{way}", PlayContext(), "/dev/null")
    given = {**described(_HOSTS[estate.file][host], way), "ansible_user": USER, "ansible_password": PASSWORD, **options}
    extras = {name: value for name, value in given.items() if name.startswith(f"ansible_{way}_")}
    made.set_options(var_options={**given, "_extras": extras if way == "winrm" else {}})
    return made
