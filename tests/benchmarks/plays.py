# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plays that are measured: a whole KMS host, and a task that does nothing.

Knows playbooks and the options of activation.kms.host. Refuses to know how often and on what they are run.
"""

from __future__ import annotations

import copy
from typing import Any

from estates import DNS_ADDRESS, DNS_PORT, PERSONA, TSIG, ZONE
from personas import PERSONAS, Wanted

Task = dict[str, Any]

FLOOR: Task = {"name": "Do nothing", "ansible.builtin.debug": {"msg": "nothing"}}


def host(transport: str, packages: str, wanted: Wanted = PERSONAS[PERSONA]) -> Task:
    """The rollout of the README, or of another persona, as one task."""
    options: dict[str, Any] = {
        "serve": wanted.serve,
        "packages": packages,
        "reboot": True,
        "product_key": "{{ bench_key }}",
        "key_group": wanted.key_group,
        "port": 1688,
        "firewall": "open",
        "firewall_remote_addresses": ["10.0.0.0/8", "127.0.0.0/8"],
        "verify_endpoint": "fail",
        "publish": [
            {
                "zone": ZONE,
                "server": DNS_ADDRESS,
                "server_port": DNS_PORT,
                "auth": "tsig",
                "key_name": TSIG["name"],
                "key_secret": TSIG["secret"],
            }
        ],
    }
    if transport == "basic":
        options["allow_unencrypted_key"] = True
    if wanted.x64_chain:
        options["package_files"] = {"kms_1_0": f"{packages}/x64/Kmsw2k3.exe"}
    return {"name": "Converge a KMS host", "activation.kms.host": options}


def play(task: Task, hosts: list[str], times: int) -> list[dict[str, Any]]:
    """The task as often as wanted: separate tasks, not a loop, whose items would share one process and one login."""
    tasks = [copy.deepcopy(task) for _ in range(times)]
    return [{"name": "Measured", "hosts": ",".join(hosts), "gather_facts": False, "tasks": tasks}]
