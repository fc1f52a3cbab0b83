# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host_firewall: the KMS port is open inbound, and for whom."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.catalogue import STANDARD
from ..plugin_utils._kms.firewall import OpenPort

SPECIFICATION = Specification(
    argument_spec={
        "port": {"type": "int", "default": 1688},
        "state": {"type": "str", "choices": ["open", "closed"], "default": "open"},
        "remote_addresses": {"type": "list", "elements": "str"},
    },
    required_if=(("state", "open", ("remote_addresses",)),),
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Opens or closes one port."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        port = options["port"]
        wish = wishes.firewall_wish(port, options["state"], options["remote_addresses"], "remote_addresses")
        readers = {**wishes.system_readers(STANDARD), **wishes.firewall_readers(wish)}
        return Job([OpenPort(wish)], readers)
