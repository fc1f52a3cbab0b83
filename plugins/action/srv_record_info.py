# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.srv_record_info: the `_vlmcs._tcp` members of zones, as their primary serves them."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import AUDIT_OPTIONS, Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.publication import Zones, read_places, striking
from ..plugin_utils._plan import Outcome, Resource, Seen
from ..plugin_utils._srv.place import Place

SPECIFICATION = Specification(
    argument_spec={
        "zones": {"type": "list", "elements": "str"},
        "zone": {"type": "str"},
        **wishes.DNS_OPTIONS,
        **AUDIT_OPTIONS,
    },
    required_one_of=(("zones", "zone"),),
    windows=False,
)
"""What the module accepts."""


class _Members(Resource):
    """Wants nothing, looks at the zones."""

    name = "members"
    needs = (Zones,)

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing."""

    def warnings(self, seen: Seen) -> list[str]:
        """What stands out in them."""
        zones = seen.get(Zones)
        return [warning for state in zones.states.values() for warning in striking(state)] if zones else []


class ActionModule(KmsAction):
    """Reads zones, from the controller."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        zones = [options["zone"]] if options["zones"] is None else options["zones"]
        if not zones:
            raise Refusal("zones is empty; name at least one zone", name="bad_option")
        server = wishes.dns_server(options, self._beside_playbook)
        port = server.pop("server_port")
        places = [Place(zone, port=port, **server) for zone in zones]

        def report(outcome: Outcome) -> dict[str, t.Any]:
            return {"zones": outcome.seen[Zones].as_data()}

        return Job([_Members()], {Zones: read_places(places)}, report)
