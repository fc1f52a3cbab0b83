# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.srv_record: the `_vlmcs._tcp` members of zones."""

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
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.microsoft_dns import HeldZones, read_held_zones
from ..plugin_utils._kms.microsoft_members import MicrosoftPublication
from ..plugin_utils._kms.publication import Publication, PublishWish, Zones, read_zones
from ..plugin_utils._plan import Outcome
from ..plugin_utils._srv.members import Member, Wish, member

SPECIFICATION = Specification(
    argument_spec={
        **DNS_TASK_OPTIONS,
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
        "static": {"type": "bool", "default": False},
        **wishes.DNS_WISH_OPTIONS,
        **AUDIT_OPTIONS,
    },
    mutually_exclusive=(("target", "members"), ("zone", "zones")),
    required_one_of=(("target", "members"), ("zone", "zones")),
    required_if=(SERVER_NEEDED,),
    windows=by_wmi,
)
"""What the module accepts."""

_OF_DNS = {**wishes.DNS_OPTIONS, "refresh": wishes.DNS_WISH_OPTIONS["refresh"]}
_NUMBERS = ("port", "priority", "weight")


class ActionModule(KmsAction):
    """Publishes or withdraws members of zones: by DNS from the controller, or by WMI on the DNS server."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        judge_provider(options, _OF_DNS)
        zones, members = zones_of(options), _members(options)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            found = zones_seen(outcome.seen, options)
            return {**(found[0] if options["zone"] else {}), "zones": found}

        if by_wmi(options):
            wish = Wish(members, options["state"], options["exclusive"], options["ttl"])
            made = [MicrosoftPublication(zone, wish, static=options["static"], host=world.host) for zone in zones]
            return Job(made, {HeldZones: read_held_zones(zones)}, report)
        if options["static"]:
            raise Refusal(
                "static goes with provider: microsoft_wmi only, since a record that is made by a DNS update always has "
                "a time stamp on Microsoft DNS, and never has one elsewhere",
                name="bad_option",
            )
        server = wishes.dns_server(options, self._beside_playbook)
        wished = [_wish(zone, members, options, server) for zone in zones]
        return Job([Publication(one) for one in wished], {Zones: read_zones(wished)}, report)


def _members(options: t.Mapping[str, t.Any]) -> tuple[Member, ...]:
    """The members meant. Raises Refusal."""
    common = {name: options[name] for name in _NUMBERS}
    if options["target"] is not None:
        return (member(options["target"], **common),)
    return tuple(
        member(item["target"], **{name: common[name] if item[name] is None else item[name] for name in _NUMBERS})
        for item in options["members"]
    )


def _wish(
    zone: str, members: tuple[Member, ...], options: t.Mapping[str, t.Any], server: t.Mapping[str, t.Any]
) -> PublishWish:
    """The options as a wish for one zone; `server` is what they say about the DNS server. Raises Refusal."""
    wish = PublishWish(
        zone=zone,
        members=members,
        ttl=options["ttl"],
        state=options["state"],
        exclusive=options["exclusive"],
        aging=options["aging"],
        refresh=options["refresh"],
        **server,
    )
    wish.aimed_at(None)
    return wish
