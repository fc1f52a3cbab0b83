# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.srv_record: the `_vlmcs._tcp` members of a zone."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import AUDIT_OPTIONS, Specification
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._kms.publication import Publication, PublishWish, Zones, read_zones
from ..plugin_utils._plan import Outcome
from ..plugin_utils._srv.members import member

SPECIFICATION = Specification(
    argument_spec={
        "zone": {"type": "str", "required": True},
        **wishes.DNS_OPTIONS,
        "target": {"type": "str"},
        "members": {
            "type": "list",
            "elements": "dict",
            "options": {
                "target": {"type": "str", "required": True},
                "port": {"type": "int"},
                "priority": {"type": "int"},
                "weight": {"type": "int"},
            },
        },
        "port": {"type": "int", "default": 1688},
        "priority": {"type": "int", "default": 0},
        "weight": {"type": "int", "default": 0},
        "ttl": {"type": "int"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "exclusive": {"type": "bool", "default": False},
        **wishes.DNS_WISH_OPTIONS,
        **AUDIT_OPTIONS,
    },
    mutually_exclusive=(("target", "members"),),
    required_one_of=(("target", "members"),),
    windows=False,
)
"""What the module accepts."""

_NUMBERS = ("port", "priority", "weight")


class ActionModule(KmsAction):
    """Publishes or withdraws members of one zone, from the controller."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        wish = _wish(options, wishes.dns_server(options, self._beside_playbook))
        wish.aimed_at(wish.target)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            return {"zone": wish.zone, **outcome.seen[Zones][wish.place].as_data()}

        return Job([Publication(wish)], {Zones: read_zones([wish])}, report)


def _wish(options: t.Mapping[str, t.Any], server: t.Mapping[str, t.Any]) -> PublishWish:
    """The options as a wish; `server` is what they say about the DNS server. Raises Refusal."""
    common = {name: options[name] for name in _NUMBERS}
    given = [
        member(item["target"], **{name: common[name] if item[name] is None else item[name] for name in _NUMBERS})
        for item in options["members"] or ()
    ]
    return PublishWish(
        zone=options["zone"],
        target=options["target"],
        members=tuple(given),
        ttl=options["ttl"],
        state=options["state"],
        exclusive=options["exclusive"],
        aging=options["aging"],
        refresh=options["refresh"],
        **common,
        **server,
    )
