# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts published together: who is ready, who belongs together, and who does not agree."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publication import PublishWish
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publish_later import PublishLater
from ansible_collections.activation.kms.plugins.plugin_utils._kms.publish_together import Offer, together
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Outcome, Pause, Seen
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv.gss import GssKey
from ansible_collections.activation.kms.plugins.plugin_utils._srv.tsig import TsigKey
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Licensing, Root, Values
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.tests.unit.kms.hosts import licensing, product, seen, system
from ansible_collections.activation.kms.tests.unit.srv.fakes import KEY_NAME, OTHER_SECRET, SECRET

KEY, OTHER_KEY = (TsigKey(KEY_NAME, "hmac-sha256", Secret(text)) for text in (SECRET, OTHER_SECRET))
SERVING = licensing(product(1), roots={"SL": Root(Values(self_publishing=False))})
PUBLISHES_ITSELF = licensing(product(1))


def offer(host: str = "kms1", **changes: t.Any) -> Offer:
    wished = {"zone": "corp.example", "server": "ns1.corp.example", "target": f"{host}.corp.example", "key": KEY}
    return Offer(host, PublishWish(**{**wished, **changes}))


def members(*offers: Offer) -> dict[tuple[str, str], list[tuple[str, int, int]]]:
    return {
        (one.zone, one.server): [(member.target, member.port, member.priority) for member in one.members]
        for one in together(offers)
    }


def test_one_wish_a_zone_with_what_is_each_hosts_own() -> None:
    assert members(
        offer("kms1"), offer("kms2", port=1700, priority=10), offer("kms3", zone="Branch.example."), offer("kms4")
    ) == {
        ("corp.example", "ns1.corp.example"): [
            ("kms1.corp.example", 1688, 0),
            ("kms2.corp.example", 1700, 10),
            ("kms4.corp.example", 1688, 0),
        ],
        ("branch.example", "ns1.corp.example"): [("kms3.corp.example", 1688, 0)],
    }
    assert together([]) == []


def test_a_zone_on_two_servers_is_published_on_both() -> None:
    found = members(*(offer(host, server=server) for host in ("kms1", "kms2") for server in ("inside", "outside")))
    assert [len(one) for one in found.values()] == [2, 2]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"server": "ns2.corp.example"}, "server (ns1.corp.example:53 and ns2.corp.example:53)"),
        ({"server_port": 5301}, "server (ns1.corp.example:53 and ns1.corp.example:5301)"),
        ({"key": OTHER_KEY}, "auth and the key or principal"),
        ({"key": None}, "auth and the key or principal"),
        ({"key": GssKey("kmsadmin@CORP.EXAMPLE")}, "auth and the key or principal"),
        ({"ttl": 600}, "ttl"),
        ({"ttl": 600, "refresh": True}, "ttl, refresh"),
        ({"verify_reply": "readback"}, "verify_reply"),
        ({"server_address": "192.0.2.1"}, "server_address"),
        ({"target": "kms1.corp.example", "port": 1700}, "how to publish kms1.corp.example"),
    ],
)
def test_hosts_that_do_not_agree(changes: dict[str, t.Any], what: str) -> None:
    with pytest.raises(Refusal) as caught:
        together([offer("kms1"), offer("kms2", **changes)])
    assert caught.value.name == "publish_differs"
    said = f"kms1 and kms2 are to be published together in zone corp.example, but do not agree on {what};"
    assert caught.value.message.startswith(said)
    assert SECRET not in caught.value.message and OTHER_SECRET not in caught.value.message


def test_one_name_for_two_hosts_is_one_member() -> None:
    same = {"target": "kms.corp.example"}
    assert members(offer("kms1", **same), offer("kms2", **same)).popitem()[1] == [("kms.corp.example", 1688, 0)]


# --- who is ready


def later(*wishes: PublishWish) -> PublishLater:
    return PublishLater(
        wishes or (offer().wish,),
        gate=lambda now: now[Licensing].serves,
        target=lambda now: now[System].fqdn,
        waits_for="an activated host key",
    )


def outcome(now: Seen, **changes: t.Any) -> Outcome:
    return Outcome([], first=now, observed=now, seen=now, **changes)


def test_what_is_to_be_published() -> None:
    own = PublishWish("corp.example", "ns1.corp.example", port=1700, priority=5, weight=6, key=KEY)
    found = later(own, offer("kms9").wish).report(outcome(seen(SERVING)))
    place = {"zone": "corp.example", "server": "ns1.corp.example", "server_port": 53}
    assert found == {
        "to_publish": [
            {**place, "target": "kms01.corp.example", "port": 1700, "priority": 5, "weight": 6},
            {**place, "target": "kms9.corp.example", "port": 1688, "priority": 0, "weight": 0},
        ],
        "publishes_itself": False,
    }
    assert later().report(outcome(seen(PUBLISHES_ITSELF)))["publishes_itself"]


PAUSE = Pause("", {}, lambda now: now)


@pytest.mark.parametrize(
    ("now", "changes", "ready"),
    [
        (SERVING, {}, True),
        (SERVING, {"pauses": [PAUSE], "check": True}, True),
        (SERVING, {"pauses": [PAUSE]}, False),
        (SERVING, {"problem": Failure("it is silent", name="endpoint_silent")}, False),
        (licensing(product(0)), {}, False),
    ],
)
def test_only_a_host_that_serves_and_came_through(now: Licensing, changes: dict[str, t.Any], ready: bool) -> None:
    assert bool(later().report(outcome(seen(now), **changes))["to_publish"]) == ready


def test_a_name_that_cannot_be_published_is_refused_before_anything_is_changed() -> None:
    nameless = PublishWish("corp.example", "ns1.corp.example")
    with pytest.raises(Refusal, match="single label"):
        later(nameless).next(seen(SERVING, system(dns_suffix="")))
    assert later(nameless).warnings(seen(licensing(product(0)))) == [
        "nothing is to be published in zone corp.example yet: that waits for an activated host key"
    ]
