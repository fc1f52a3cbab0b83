# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What else a seed may wish of a rollout: who publishes the host and where, settings, and wishes that are refused.

Knows which options go together. Refuses to know the machine they are wished of.
"""

from __future__ import annotations

import dataclasses
import random
import typing as t

from rollout import Options
from simulated import ZONE

OTHER_ZONE = "other.example"
_WAYS = (*(6 * ("publish",)), "several", "several", "itself", "itself", "later", "nobody", "nobody", "nobody")
"""Who publishes: the controller in one zone, or in several; Windows; somebody after the controller; or nobody says."""
_REFUSED_ONE_IN = 4


@dataclasses.dataclass(frozen=True)
class Way:
    """Who publishes the host, and its settings.

    Attributes:
        kind: publish, several, itself, later or nobody.
        port: where it listens; None: nobody says.
        settings: options, and what the service is to show for them.
    """

    kind: str
    port: int | None
    settings: Options

    @property
    def zones(self) -> list[str]:
        """Where the controller publishes, at once or later."""
        return {"publish": [ZONE], "several": [ZONE, OTHER_ZONE], "later": [ZONE]}.get(self.kind, [])

    def options(self, target: str | None) -> Options:
        """All of it. `target`: the name of the host, where it does not know its own."""
        named = {} if target is None else {"target": target}
        changes: Options = {"publish": [{"zone": zone, "server": "127.0.0.1", **named} for zone in self.zones] or None}
        changes["port"] = self.port
        if self.kind == "later":
            changes["publish_later"] = True
        if self.kind == "itself":
            changes["self_publishing"] = True
        return {**changes, **self.settings}

    @staticmethod
    def shown(state: t.Mapping[str, t.Any]) -> Options:
        """The settings that can be wished, as the machine has them."""
        return {
            "activation_interval": state["intervals"]["VLActivationInterval"],
            "renewal_interval": state["intervals"]["VLRenewalInterval"],
            "low_priority": bool(state["low_priority"]),
        }


def way(draw: random.Random) -> Way:
    """Draw one."""
    settings: Options = {}
    if not draw.randrange(5):
        settings = {"activation_interval": draw.choice((15, 240)), "renewal_interval": draw.choice((15, 20160))}
        settings["low_priority"] = draw.random() < 0.5
    if not draw.randrange(6):
        settings["verify_endpoint"] = "skip"
    return Way(draw.choice(_WAYS), draw.choice((None, 1688, 1688, 1688, 1700)), settings)


REFUSED: t.Mapping[str, tuple[str, Options]] = {
    "nobody may come": ("remote_addresses_missing", {"firewall_remote_addresses": []}),
    "no port": ("bad_option", {"port": 0}),
    "no digits": ("confirmation_id_malformed", {"activation": "offline", "confirmation_id": "12 34"}),
    "digits, and online": ("bad_option", {"activation": "online", "confirmation_id": "1" * 48}),
    "half a key": ("key_malformed", {"product_key": "BCDFG-HJKMP"}),
    "a setup key": ("key_is_setup_key", {"product_key": "VDYBN-27WPP-V4HQT-9VMD4-VMK7H"}),
    "a product that is none": ("activation_id_malformed", {"activation_id": "Windows"}),
    "two owners": ("two_publishers", {"publish": [{"zone": ZONE, "server": "127.0.0.1"}], "self_publishing": True}),
    "two activations": ("bad_option", {"max_activations": 2}),
    "a catalogue nobody wrote": ("bad_override", {"catalogue_overrides": {"updates": {"kms_1_2": {"colour": "blue"}}}}),
    "a key that is none": ("bad_key", {"publish": [{"zone": ZONE, "server": "127.0.0.1", "auth": "tsig",
                                                    "key_name": "kms", "key_secret": "no base64!"}]}),
    "a negative TTL": ("bad_name", {"publish": [{"zone": ZONE, "server": "127.0.0.1", "ttl": -1}]}),
    "no zone": ("bad_name", {"publish": [{"zone": "corp..example", "server": "127.0.0.1"}]}),
    "a zone of somebody else": ("zone_not_served", {"publish": [{"zone": "nowhere.example", "server": "127.0.0.1"}],
                                                    "self_publishing": False, "publish_later": False}),
    "a checksum of nothing": ("bad_option", {"package_checksums": {"kms_1_2": "sha256:12"}}),
    "an update nobody knows": ("bad_option", {"package_checksums": {"kms_9": "sha256:" + 64 * "0"}}),
    "a long reason": ("bad_option", {"reboot_reason": 200 * "x"}),
    "an interval of a minute": ("bad_option", {"activation_interval": 1}),
}  # fmt: skip
"""What is wished wrongly, the name of the refusal, and the options."""


def refused(draw: random.Random) -> str | None:
    """What is wished wrongly at first, by its name in REFUSED; mostly nothing."""
    return draw.choice(sorted(REFUSED)) if not draw.randrange(_REFUSED_ONE_IN) else None
