# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.endpoint_info: does the KMS RPC interface answer."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.endpoint import Endpoint, read_endpoint
from ..plugin_utils._plan import Outcome, Resource, Seen
from ..plugin_utils._srv.names import host_name

SPECIFICATION = Specification(
    argument_spec={
        "target": {"type": "str", "required": True},
        "port": {"type": "int", "default": 1688},
        "timeout": {"type": "int", "default": 5},
    },
    windows=False,
)
"""What the module accepts."""


class _Port(Resource):
    """Wants nothing, looks at the port."""

    name = "port"
    needs = (Endpoint,)

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing."""


class ActionModule(KmsAction):
    """Asks one port, from the controller."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        wishes.check_port(options["port"])
        wishes.check_probe_timeout(options["timeout"])
        target = host_name(options["target"], "target", "port")

        def report(outcome: Outcome) -> dict[str, t.Any]:
            return outcome.seen[Endpoint].as_data()

        return Job([_Port()], {Endpoint: read_endpoint(target, options["port"], float(options["timeout"]))}, report)
