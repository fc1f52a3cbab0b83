# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS host key is installed and activated.

Internal to the collection activation.kms; not a public interface.

Identity is the last five characters on a KMS host product. Whether and how it is activated is the business of
`activation`, `online` and `offline`.
"""

from __future__ import annotations

from .._plan import Item, Resource, Seen
from .._windows.edition import Edition
from .._windows.licensing import LICENSED, Licensing, Product
from .._windows.system import System
from .activation import judge_activation, judge_status
from .catalogue import group_of_channel
from .key_installation import install, judge_installation
from .key_products import judge_landing, judge_named, wished_product
from .keys import KeyWish, check_group
from .mark import mark
from .offline import InstallationId, offline
from .online import online
from .record import Record
from .replacement import foretold, remaining
from .restart import Restart
from .service_ready import judge_host
from .settings import Settings
from .updates import Updates


class HostKeyResource(Resource):
    """The wished key is installed on this host, and activated."""

    name = "host_key"
    needs: tuple[type, ...] = (System, Record, Updates, Licensing, Edition)
    after: tuple[type[Resource], ...] = (Restart, Settings)

    def __init__(self, wish: KeyWish) -> None:
        self.wish = wish
        if wish.activation == "offline":
            self.needs = (*self.needs, InstallationId)

    def next(self, seen: Seen) -> Item | None:
        """Install, activate, mark for discovery; whatever is missing first.

        The mark comes last: nothing depends on it.
        """
        judge_host(seen)
        if self.wish.key_group is not None:
            check_group(self.wish.key_group, seen[System].release, self.wish.serve, self.wish.known)
        licensing = seen[Licensing]
        judge_named(licensing, self.wish.activation_id)
        product = wished_product(licensing, self.wish)
        if product is None:
            judge_landing(licensing, self.wish)
            judge_installation(self.wish, seen)
            return install(self.wish, seen)
        judge_status(self.wish, product, seen[Record])
        if self.wish.activate and product.license_status != LICENSED:
            judge_activation(self.wish, product)
            activate = online if self.wish.activation == "online" else offline
            return activate(self.wish, seen, product)
        if not all(root.version_mark for root in licensing.roots.values()):
            return mark(seen)
        return None

    def notices(self, seen: Seen) -> list[str]:
        """What taking the place of another key means for the clients."""
        return foretold(seen[Licensing], self.wish)

    def warnings(self, seen: Seen) -> list[str]:
        """Other keys that are still there; an activated key of another group than the wish says."""
        product = wished_product(seen[Licensing], self.wish)
        return [*remaining(seen[Licensing], self.wish), *([] if product is None else _other_group(self.wish, product))]


def _other_group(wish: KeyWish, product: Product) -> list[str]:
    """The group that Windows names where it is not the one that was said."""
    group = group_of_channel(product.channel)
    if group is None or wish.key_group in (None, group):
        return []
    return [
        f"the host key {wish.key} is of the group {group} ({product.channel}), not of the group {wish.key_group} that "
        "key_group says; correct key_group"
    ]
