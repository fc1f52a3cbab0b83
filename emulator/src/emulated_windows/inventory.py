# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ansible inventory for an estate, as YAML: all machines in the group `kms_hosts`.

Knows the connection variables of Ansible's `winrm` plugin. Refuses to know what will be done with the machines.
"""

from __future__ import annotations

from typing import Any

import yaml

from .control import trusted_certificate
from .estate import Estate, HostSettings


class _Unsafe(str):
    """Text that Ansible must not take for a template."""


class _Dumper(yaml.SafeDumper):
    """Writes `_Unsafe` with Ansible's tag."""


def _represent_unsafe(dumper: yaml.SafeDumper, value: _Unsafe) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe", str(value), style="'")


_Dumper.add_representer(_Unsafe, _represent_unsafe)


def inventory_text(estate: Estate) -> str:
    """The inventory file."""
    user, password = estate.credentials.user, estate.credentials.password
    group = {
        "hosts": {host.name: _variables(host, estate) for host in estate.hosts},
        "vars": {
            "ansible_connection": "winrm",
            "ansible_user": user,
            "ansible_password": _Unsafe(password) if "{" in password else password,
        },
    }
    tree = {"all": {"children": {"kms_hosts": group}}}
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, explicit_start=True)


def _variables(host: HostSettings, estate: Estate) -> dict[str, Any]:
    variables: dict[str, Any] = {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_winrm_scheme": host.scheme,
        "ansible_winrm_transport": host.transport,
    }
    if host.scheme == "https":
        variables["ansible_winrm_ca_trust_path"] = str(trusted_certificate(estate.path))
    if host.transport == "kerberos" and estate.kerberos is not None:
        variables["ansible_user"] = f"{estate.credentials.user}@{estate.kerberos.realm}"
        variables["ansible_winrm_kerberos_hostname_override"] = host.fqdn  # ansible_host is an address
        variables["ansible_winrm_kinit_env_vars"] = ["KRB5_CONFIG"]  # the realm may be a private one
    return variables
