# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.srv_record_together: all hosts of a play that are ready, in one update message a zone."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import AUDIT_OPTIONS, Specification, lookalikes_of, secrets_of, validate
from ..plugin_utils._ansible.play_variable import PlayVariable, judge_names
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.publication import Publication, PublishWish, Zones, read_zones
from ..plugin_utils._kms.publish_together import Offer, together
from ..plugin_utils._plan import Outcome

SPECIFICATION = Specification(
    argument_spec={
        "variable": {"type": "str", "default": "kms_host_publish"},
        "result": {"type": "str", "default": "kms_host_result"},
        **AUDIT_OPTIONS,
    },
    windows=False,
)
"""What the module accepts."""

_OF_THE_HOST = Specification(wishes.PUBLISH_OPTIONS, windows=False)
Ready = t.Mapping[str, t.Any]
"""An element of `to_publish`, as activation.kms.host returned it."""


class ActionModule(KmsAction):
    """Gathers what the hosts of the play have registered and publishes it, on the controller."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        judge_names(options, "variable", "result")
        variable = PlayVariable(options["variable"], self._task, self._templar)
        offers = [
            Offer(host, self._wish(host, one, variable, options["variable"], world))
            for host, ready in self._ready(options["result"]).items()
            for one in ready
        ]
        if not variable.complete:
            world.log("this ansible-core does not tell a task's variables for other hosts; hostvars are read")
        wished = together(offers)

        def report(outcome: Outcome) -> dict[str, t.Any]:
            return {"published": [_told(one, offers) for one in wished]}

        return Job([Publication(one) for one in wished], {Zones: read_zones(wished)}, report)

    def _ready(self, name: str) -> dict[str, list[Ready]]:
        """What each host of the play that has not failed is to be published as."""
        known = t.cast(t.Any, self._templar).available_variables
        results = {host: known["hostvars"][host].get(name) for host in known["ansible_play_hosts"]}
        return {
            str(host): list(result.get("to_publish") or ())
            for host, result in results.items()
            if isinstance(result, t.Mapping)
        }

    def _wish(self, host: str, ready: Ready, variable: PlayVariable, name: str, world: ControllerWorld) -> PublishWish:
        """What the host is to be published as, with its own way to the DNS server. Raises Refusal."""
        value = {"publish": variable.value(host)}
        for secret in (*lookalikes_of(value), *secrets_of(_OF_THE_HOST.spec(), value)):
            world.hide(secret)
        for item in validate(_OF_THE_HOST, value, "activation.kms.host")["publish"] or ():
            numbers = {one: ready[one] for one in ("target", "priority", "weight")}
            wish = wishes.publish_wish({**item, **numbers}, ready["port"], self._beside_playbook)
            if _place(wish) == (ready["zone"], ready["server"], ready["server_port"]):
                return wish
        raise Refusal(
            f"{host} is to be published in zone {ready['zone']} on {ready['server']}, but here its variable {name} "
            "does not say how; set it where every play sees it (in the inventory, group_vars or an extra variable), or "
            "in the vars of this play too",
            name="publish_unknown",
            advice=f"Set {name} where this play sees it.",
        )


def _place(wish: PublishWish) -> tuple[str, str, int]:
    return wish.zone, wish.place.server, wish.server_port


def _told(wish: PublishWish, offers: t.Iterable[Offer]) -> dict[str, t.Any]:
    """One zone of the result, with its hosts as the inventory calls them."""
    hosts = [offer.host for offer in offers if _place(offer.wish) == _place(wish)]
    members = [{name: value for name, value in one.as_data().items() if name != "ttl"} for one in wish.members]
    return {"zone": wish.zone, "server": wish.place.server, "hosts": hosts, "members": members}
