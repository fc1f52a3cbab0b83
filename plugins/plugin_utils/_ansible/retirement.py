# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of activation.kms.host come down to with `state: absent`.

Internal to the collection activation.kms; not a public interface.

The order is the point of it: nobody is sent to the host any more, then nobody remembers it, then it stops to answer.
Options of a rollout that mean nothing here are not looked at, so that the same variables serve both.
"""

from __future__ import annotations

import typing as t

from .._kms.drain import Drain, DrainWish, Withdrawal, drain_seconds, read_record_after_zones
from .._kms.firewall import OpenPort
from .._kms.publication import Zones, read_zones
from .._kms.record import Record
from .._kms.release import Release
from .._kms.removal import Removal, removed
from .._kms.retirement import Quiet, Restoration
from .._plan import Reader, Resource
from . import wishes
from .action import Job
from .options import ArgumentSpec

_DEFAULT_PORT = 1688

RETIREMENT_OPTIONS: ArgumentSpec = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "drain": {"type": "str", "default": "ttl"},
    "drain_wait": {"type": "bool", "default": True},
    "install_setup_key": {"type": "bool", "default": False},
}
"""Options of `host` that are about its end, `state` among them."""


def retirement_job(options: wishes.Options, beside_playbook: t.Callable[[str], str]) -> Job:
    """Out of DNS, drained, without its key, closed, as it was before. Raises Refusal."""
    port = _DEFAULT_PORT if options["port"] is None else options["port"]
    wishes.check_port(port)
    removal = wishes.removal_wish(options)
    drain = DrainWish(drain_seconds(options["drain"]), options["drain_wait"])
    publish = [wishes.publish_wish(item, port, beside_playbook, "absent") for item in options["publish"] or ()]
    managed = options["firewall"] != "unmanaged"
    readers: dict[type, Reader] = wishes.removal_readers(removal)
    if publish:
        readers |= {Zones: read_zones(publish), Record: read_record_after_zones}
    zones = frozenset(one.zone for one in publish)
    resources: list[Resource] = [
        Release(),
        Quiet(removal, zones=zones, port_guessed=managed and options["port"] is None),
        *(Withdrawal(one, noted=drain.seconds != 0) for one in publish),
        Drain(drain, removal),
        Removal(removal, after=(Drain,)),
    ]
    if managed:
        closed = wishes.firewall_wish(port, "closed", None, "")
        readers.update(wishes.firewall_readers(closed))
        resources.append(OpenPort(closed, after=(Drain,)))
    resources.append(Restoration(firewall_left=not managed))
    return Job(resources, readers, lambda outcome: removed(outcome, removal))
