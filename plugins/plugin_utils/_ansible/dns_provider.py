# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What srv_record and srv_record_info share: which zones, by which provider, and what is told of them.

Internal to the collection activation.kms; not a public interface.

With the provider `dns` the controller speaks DNS to a server that the options name. With `microsoft_wmi` the host of
the task is the server, and is spoken to through its own WinRM connection.
"""

from __future__ import annotations

import typing as t

from .._errors import Refusal
from .._kms.microsoft_dns import PROVIDER, HeldZones
from .._kms.publication import Zones
from .._plan import Seen
from .._srv import names
from . import wishes
from .options import ArgumentSpec

Options = t.Mapping[str, t.Any]
ZoneData = list[dict[str, t.Any]]

DNS_TASK_OPTIONS: ArgumentSpec = {
    "zone": {"type": "str"},
    "zones": {"type": "list", "elements": "str"},
    "provider": {"type": "str", "choices": ["dns", PROVIDER], "default": "dns"},
    **wishes.DNS_OPTIONS,
    "server": {"type": "str"},
    "operation_timeout": {"type": "int", "default": 60},
}
"""Options of both modules, so that the module_defaults group `dns` can be given any of them."""

SERVER_NEEDED: t.Final = ("provider", "dns", ("server",))
"""For `required_if`."""


def by_wmi(options: Options) -> bool:
    """Whether the task works on the DNS server itself."""
    return bool(options["provider"] == PROVIDER)


def zones_of(options: Options) -> list[str]:
    """The domains the task is about, each once; `zones` counts where both are given. Raises Refusal."""
    given = [options["zone"]] if options["zones"] is None else options["zones"]
    if not given:
        raise Refusal("zones is empty; name at least one zone", name="bad_option")
    return list(dict.fromkeys(names.zone_name(zone) for zone in given))


def judge_provider(options: Options, of_dns: ArgumentSpec) -> None:
    """Refuse what the provider has no use for: `of_dns` are options that say how to speak DNS. Raises Refusal."""
    given = [name for name, rule in of_dns.items() if options[name] not in (None, rule.get("default"))]
    if by_wmi(options) and given:
        raise Refusal(
            f"{', '.join(given)} {'is' if len(given) == 1 else 'are'} given, but with provider: {PROVIDER} the host of "
            "the task is the DNS server and its own connection leads there; leave that out, and name the DNS server "
            "in delegate_to",
            name="bad_option",
        )


def zones_seen(seen: Seen, options: Options) -> ZoneData:
    """What was seen of each zone, in the same form from both providers."""
    zones = seen[HeldZones] if by_wmi(options) else seen[Zones]
    return [{**zone, "provider": options["provider"]} for zone in zones.as_data()]
