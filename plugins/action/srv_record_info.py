# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.srv_record_info: the `_vlmcs._tcp` members of zones, as their primary serves them."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.dns_provider import (
    DNS_TASK_OPTIONS,
    SERVER_NEEDED,
    by_wmi,
    judge_provider,
    zones_of,
    zones_seen,
)
from ..plugin_utils._ansible.options import AUDIT_OPTIONS, Specification
from ..plugin_utils._ansible.play_variable import PlayVariable
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms import microsoft_members
from ..plugin_utils._kms.member_audit import InventoryHost, MemberAudit, read_member_audit
from ..plugin_utils._kms.microsoft_dns import HeldZones, read_held_zones
from ..plugin_utils._kms.publication import Zones, read_places, striking
from ..plugin_utils._plan import Outcome, Reader, Resource, Seen
from ..plugin_utils._srv.place import Place

SPECIFICATION = Specification(
    argument_spec={
        **DNS_TASK_OPTIONS,
        "check_members": {"type": "bool", "default": False},
        "inventory_group": {"type": "str", "default": "all"},
        "timeout": {"type": "int", "default": 5},
        **AUDIT_OPTIONS,
    },
    required_one_of=(("zones", "zone"),),
    required_if=(SERVER_NEEDED,),
    windows=by_wmi,
)
"""What the module accepts."""


class _Members(Resource):
    """Wants nothing, looks at the zones, and at their members where that is asked for."""

    name = "members"

    def __init__(self, *needs: type) -> None:
        self.needs = needs

    def next(self, seen: Seen) -> None:
        """Nothing is ever missing."""

    def warnings(self, seen: Seen) -> list[str]:
        """What stands out in them."""
        zones, held = seen.get(Zones), seen.get(HeldZones)
        found = [] if zones is None else [striking(state) for state in zones.states.values()]
        found += [] if held is None else [microsoft_members.striking(zone) for zone in held.zones.values()]
        return [warning for warnings in found for warning in warnings]


class ActionModule(KmsAction):
    """Reads zones: by DNS from the controller, or by WMI on the DNS server."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        judge_provider(options, wishes.DNS_OPTIONS)
        zones = zones_of(options)
        part: type = HeldZones if by_wmi(options) else Zones
        readers: dict[type, Reader] = {
            part: read_held_zones(zones) if by_wmi(options) else self._by_dns(zones, options)
        }
        if options["check_members"]:
            readers[MemberAudit] = self._audit_of(part, options)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            found, audit = zones_seen(outcome.seen, options), outcome.seen.get(MemberAudit)
            return (
                {"zones": found} if audit is None else {"zones": audit.told(found), "findings": audit.findings(found)}
            )

        return Job([_Members(*readers)], readers, report)

    def _by_dns(self, zones: t.Sequence[str], options: t.Mapping[str, t.Any]) -> Reader:
        server = wishes.dns_server(options, self._beside_playbook)
        port = server.pop("server_port")
        return read_places([Place(zone, port=port, **server) for zone in zones])

    def _audit_of(self, part: type, options: t.Mapping[str, t.Any]) -> Reader:
        """The reader of what members are and answer. Raises Refusal."""
        wishes.check_probe_timeout(options["timeout"])
        group = options["inventory_group"]
        groups = self._templar.available_variables.get("groups", {})
        if group not in groups:
            raise Refusal("inventory_group names no group of the inventory; correct it", name="bad_option")
        address = PlayVariable("ansible_host", self._task, self._templar)

        def hosts() -> list[InventoryHost]:
            return [InventoryHost(str(host), address.text(host)) for host in groups[group]]

        return read_member_audit(part, hosts, group, float(options["timeout"]))
