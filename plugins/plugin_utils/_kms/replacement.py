# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host key that took the place of another: what became of the old one, of the count, and of the clients.

Internal to the collection activation.kms; not a public interface.

Told by what was seen first and last, so check mode tells it too. Whether the old product's row is still there is not
among what a run looks at: that takes a question of its own, asked only after a replacement.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Problem, Unreachable
from .._plan import Outcome, Seen
from .._windows.licensing import LICENSED, Licensing, Product
from .._world import World
from .._wsman.client import Client
from .._wsman.values import literal
from .client_count import counted, until_enough
from .key_products import rivals, wished_product
from .keys import KeyWish

CLIENTS_VALID_DAYS = 180
"""A client that was activated keeps that for up to 180 days (Microsoft's "KMS activation planning")."""

KEYED, WITHOUT_KEY, GONE = "keyed", "without_key", "gone"


@dataclasses.dataclass(frozen=True)
class Replacement:
    """A key that was replaced.

    Attributes:
        former: the product that held the old key when the run began.
        count_before, count_after: the clients counted; 0 where nobody has asked yet.
        threshold: how many must ask before anybody is activated; None where the service does not say.
    """

    former: Product
    count_before: int
    count_after: int
    threshold: int | None

    def as_data(self, former_product: str | None) -> dict[str, t.Any]:
        """Plain data; `former_product` is what became of the old product's row, None where nobody can know."""
        return {
            "partial_product_key": self.former.partial_product_key,
            "channel": self.former.channel,
            "product_id": self.former.id,
            "count_before": self.count_before,
            "count_after": self.count_after,
            "threshold": self.threshold,
            "clients_valid_days": CLIENTS_VALID_DAYS,
            "former_product": former_product,
        }


def others_than(licensing: Licensing, wish: KeyWish) -> tuple[Product, ...]:
    """The KMS host products that hold another key, the activated ones first."""
    return tuple(sorted(rivals(licensing, wish), key=lambda one: one.license_status != LICENSED))


def replacement(first: Seen, last: Seen, wish: KeyWish) -> Replacement | None:
    """What the wished key replaced between the two; None where it replaced nothing. Pure."""
    before, after = first[Licensing], last[Licensing]
    others = others_than(before, wish)
    new = wished_product(after, wish)
    if not others or wished_product(before, wish) or new is None:
        return None
    threshold = after.threshold_of(new) or before.threshold_of(others[0])
    return Replacement(others[0], counted(before, others[0]), counted(after, new), threshold)


def replaced(world: World, outcome: Outcome, wish: KeyWish) -> dict[str, t.Any]:
    """The result's `replaced`, where a key was replaced or, in check mode, would be. Never raises."""
    found = replacement(outcome.first, outcome.seen, wish)
    if found is None:
        return {}
    unknown = outcome.check or isinstance(outcome.problem, Unreachable)
    return {"replaced": found.as_data(None if unknown else _became(world, found.former))}


def foretold(licensing: Licensing, wish: KeyWish) -> list[str]:
    """What replacing the key means, before it is done; nothing where none is replaced."""
    others = others_than(licensing, wish)
    if not others or wished_product(licensing, wish):
        return []
    meanwhile = ", and nobody at all before its confirmation ID is deposited" if wish.activation == "offline" else ""
    keys = ", ".join(f"*****-{one.partial_product_key}" for one in others)
    count = counted(licensing, others[0])
    falls = f"the host's client count falls from {count} to 0" if count else "the host counts its clients from 0"
    return [
        f"the host key {wish.key} takes the place of {keys}: {falls}, and it activates nobody "
        f"{until_enough(licensing)}{meanwhile}; clients that the old key activated keep their activation for up to "
        f"{CLIENTS_VALID_DAYS} days"
    ]


def remaining(licensing: Licensing, wish: KeyWish) -> list[str]:
    """Other keys that are still on the host beside the wished one."""
    others = others_than(licensing, wish) if wished_product(licensing, wish) else ()
    if not others:
        return []
    keys = ", ".join(f"*****-{one.partial_product_key} ({one.channel})" for one in others)
    return [
        f"beside the host key {wish.key} other KMS host products of the host still have a key: {keys}; remove "
        "the old key once its clients are served by the new one"
    ]


def _became(world: World, former: Product) -> str | None:
    """What became of a product's row; one request. None where the host does not say."""
    wql = f"SELECT ID,PartialProductKey FROM SoftwareLicensingProduct WHERE ID={literal(former.id)}"
    try:
        rows = Client(world).query("root/cimv2", wql)
    except Problem as problem:  # the run is over, and its result must not be lost over this
        world.log(f"the former product {former.id}: {problem.message}")
        return None
    if not rows:
        return GONE
    key = (rows[0].text("PartialProductKey") or "").upper()
    return KEYED if key == former.partial_product_key.upper() else WITHOUT_KEY  # the new key may have its row
