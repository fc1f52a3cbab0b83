# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to see whether a KMS host is as it shall be, each as one task or a block of tasks, and what does nothing.

Knows playbooks. Refuses to know on how many hosts they are run.

The raw way sees less than the others: neither DNS nor the port from outside, and it judges nothing. What people add
to it (`nslookup`, `when`, `changed_when`) would make it dearer, so it is left out.
"""

from __future__ import annotations

from typing import Any

from estates import DNS_ADDRESS, DNS_PORT, TSIG, ZONE
from fleet_estate import COMMANDS_2003
from plays import FLOOR, Task

PORT = 1688
MAY_BE_MISSING = ("policy",)  # Group Policy has nothing to say here, and reg exits with 1
NETWORKS = ["10.0.0.0/8", "127.0.0.0/8"]
DNS = {
    "zone": "{{ bench_zone }}",
    "server": DNS_ADDRESS,
    "server_port": DNS_PORT,
    "auth": "tsig",
    "key_name": TSIG["name"],
    "key_secret": TSIG["secret"],
}


def ways(packages: str) -> dict[str, Task]:
    """By their names, those that meet no host first."""
    options = _options(packages)
    return {
        "floor": FLOOR,
        "options": _floor_with(options),
        "host": _task("host", options),
        "role": _role(options),
        "modules": _modules(packages),
        "raw": _raw(),
    }


def _options(packages: str) -> dict[str, Any]:
    """Those of `host`, for a rollout."""
    return {
        **_updates(packages),
        "reboot": True,
        "product_key": "{{ bench_key }}",
        "port": PORT,
        "firewall": "open",
        "firewall_remote_addresses": NETWORKS,
        "verify_endpoint": "fail",
        "publish": [DNS],
    }


def _floor_with(options: dict[str, Any]) -> Task:
    """The floor with options: Ansible fills in their templates, and nobody does anything with them."""
    return {"name": "Do nothing, with options", "ansible.builtin.debug": {"msg": options, "verbosity": 1}}


def _role(options: dict[str, Any]) -> Task:
    return {
        "name": "Look and converge with the role",
        "ansible.builtin.import_role": {"name": "activation.kms.kms_host"},
        "vars": {f"kms_host_{name}": value for name, value in options.items()},
    }


def _modules(packages: str) -> Task:
    tasks = [
        _task("host_update", _updates(packages)),
        _task("host_key", {"product_key": "{{ bench_key }}", "key_group": "{{ bench_key_group }}"}),
        _task("host_settings", {"port": PORT, "self_publishing": False}),
        _task("host_firewall", {"port": PORT, "remote_addresses": NETWORKS}),
        _task("endpoint_info", {"target": "{{ ansible_host }}", "port": PORT}),
        _task("srv_record", {**DNS, "target": f"{{{{ inventory_hostname }}}}.{ZONE}"}),
    ]
    return {"name": "The same with a module for each", "block": tasks}


def _raw() -> Task:
    tasks = [
        {
            "name": f"See the {what}",
            "ansible.builtin.raw": f"{{{{ bench_commands.{what} }}}}",
            **({"register": "seen", "failed_when": "seen.rc not in [0, 1]"} if what in MAY_BE_MISSING else {}),
        }
        for what in COMMANDS_2003
    ]
    return {"name": "The same by hand", "block": tasks}


def _updates(packages: str) -> dict[str, Any]:
    return {
        "serve": "{{ bench_serve }}",
        "key_group": "{{ bench_key_group }}",
        "packages": packages,
    }


def _task(module: str, options: dict[str, Any]) -> Task:
    return {"name": f"Look and converge with {module}", f"activation.kms.{module}": options}
