# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No host key is installed any more, and what slmgr.vbs leaves behind is gone with it.

Internal to the collection activation.kms; not a public interface.

Only keys of KMS host products are taken out: of Windows, or of the product that an activation ID names. From Windows
Vista on the host key is at the same time the key Windows itself runs under, so the edition's public client setup key
may take its place.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._errors import Refusal
from .._plan import Outcome, Resource, Seen, Step
from .._secret import HostKey
from .._windows import licensing as windows
from .._windows.edition import Edition
from .._windows.licensing import LICENSED, WHOLE, Licensing, Product
from .._windows.system import System
from .._world import World
from . import errors
from .client_count import counted
from .hold import release
from .key_products import host_products, judge_named
from .mark import unmark
from .record import Record
from .service_ready import judge_service
from .setup_keys import SetupKey, setup_key_for

_REMOVE = "host_key.remove"


@dataclasses.dataclass(frozen=True)
class RemovalWish:
    """What shall be gone.

    Attributes:
        last_five: of the host key; None: whichever is installed.
        activation_id: the product whose key it is; None: the KMS host of Windows.
        setup_key: whether the edition's client setup key takes its place.
    """

    last_five: str | None = None
    activation_id: str | None = None
    setup_key: bool = False


class Removal(Resource):
    """The host keys that are meant are not installed."""

    name = "host_key"
    needs: tuple[type, ...] = (System, Record, Licensing, Edition)

    def __init__(self, wish: RemovalWish, *, after: tuple[type[Resource], ...] = ()) -> None:
        self.wish = wish
        self.after = after

    def next(self, seen: Seen) -> Step | None:
        """Take out a key, put the setup key in its place, remove the mark, end the hold; whatever is due first."""
        licensing = seen[Licensing]
        if not licensing.present:
            return None
        judge_service(licensing)
        judge_named(licensing, self.wish.activation_id)
        going = doomed(licensing, self.wish)
        setup_key = self._setup_key(seen, going) if self.wish.setup_key else None
        if going:
            return _uninstall(licensing, going)
        if setup_key is not None:
            return _install_setup_key(licensing, setup_key)
        left = [product for product in licensing.products if product.makes_kms_host]
        if not left and any(root.version_mark for root in licensing.roots.values()):
            return unmark(seen)
        return release(licensing, seen[Record])

    def notices(self, seen: Seen) -> list[str]:
        """What goes with the key."""
        licensing = seen[Licensing]
        return [
            f"with the host key *****-{product.partial_product_key} the host's count of {counted(licensing, product)} "
            "clients is gone; the activations it has spent stay spent, and to install it again spends another"
            for product in (doomed(licensing, self.wish) if licensing.present else ())
        ]

    def warnings(self, seen: Seen) -> list[str]:
        """A Windows without a key of its own."""
        licensing = seen[Licensing]
        own = [product for product in licensing.products if not product.foreign]
        if not licensing.present or own or seen[System].is_server_2003:
            return []
        return [
            "Windows itself has no product key now and will ask for activation; install one, for example the client "
            "setup key of its edition with install_setup_key: true"
        ]

    def _setup_key(self, seen: Seen, going: t.Collection[Product]) -> SetupKey | None:
        """The setup key that has to be installed; None where Windows keeps a key of its own. Raises Refusal."""
        named = seen[Licensing].named
        if named is not None and named.foreign:
            raise Refusal(
                f"install_setup_key is about the key of Windows, and activation_id names the product {named.name!r}; "
                "drop one of them",
                name="bad_option",
                advice="Drop install_setup_key, or activation_id.",
            )
        left = [product for product in seen[Licensing].products if not product.foreign and product not in going]
        hosts = [f"*****-{product.partial_product_key}" for product in left if product.makes_kms_host]
        if hosts:
            raise Refusal(
                f"the client setup key would take the place of the host key {', '.join(hosts)}, which is not the one "
                "that product_key names; leave product_key out to remove whichever host key is installed",
                name="other_key_installed",
                advice="Leave product_key out, or install_setup_key.",
            )
        if left:
            return None
        found = setup_key_for(seen[System].release, seen[Edition].sku)
        if seen[System].is_server_2003:
            raise Refusal(
                "Windows Server 2003 is no KMS client itself, so there is no client setup key for it; leave "
                "install_setup_key out",
                name="setup_key_unknown",
                advice="Leave install_setup_key out.",
            )
        if found is None:
            raise Refusal(
                f"no client setup key is known for this edition of Windows ({seen[System].caption}, edition number "
                f"{seen[Edition].sku}); leave install_setup_key out and install the key the machine shall have by hand "
                "(slmgr.vbs /ipk)",
                name="setup_key_unknown",
                advice="Leave install_setup_key out.",
            )
        return found


def doomed(licensing: Licensing, wish: RemovalWish) -> list[Product]:
    """The products whose key goes."""
    found = []
    for product in host_products(licensing, wish.activation_id):
        meant = wish.activation_id in (None, product.id)
        if meant and wish.last_five in (None, product.partial_product_key.upper()):
            found.append(product)
    return found


def removed(outcome: Outcome, wish: RemovalWish) -> dict[str, t.Any]:
    """The result's `removed`: what was taken out, or in check mode would be. The steps tell it: hosts go away."""
    before = outcome.first[Licensing]
    steps = [planned.step for planned in (outcome.plan if outcome.check else outcome.done)]
    told = " ".join(step.summary for step in steps if step.id == _REMOVE)
    gone = [one for one in doomed(before, wish) if _shown(one) in told]
    return {
        "removed": [
            {
                "partial_product_key": one.partial_product_key,
                "channel": one.channel,
                "product_id": one.id,
                "count_before": counted(before, one),
            }
            for one in gone
        ]
    }


def _uninstall(licensing: Licensing, going: t.Sequence[Product]) -> Step:
    def run(world: World) -> None:
        for product in going:
            doing = f"removing the host key *****-{product.partial_product_key}"
            errors.carry_out(world.host, doing, functools.partial(windows.uninstall_key, world, product.id))
        windows.refresh(world, licensing.version)

    keys = ", ".join(map(_shown, going))
    return Step(
        id=_REMOVE,
        summary=f"remove the host key {keys}",
        predict=lambda seen: _without(seen, going),
        run=run,
        touches=WHOLE,
        settle=30.0,
        before=f"host key {keys}",
        after="host key none",
    )


def _shown(product: Product) -> str:
    return f"*****-{product.partial_product_key} ({product.channel})"


def _without(seen: Seen, going: t.Collection[Product]) -> Seen:
    now = seen[Licensing]
    products = tuple(one for one in now.products if one not in going)
    hosting = any(one.makes_kms_host and one.license_status == LICENSED for one in products)
    return seen.having(dataclasses.replace(now, products=products, is_kms_host=hosting, current_count=None))


def _install_setup_key(licensing: Licensing, setup: SetupKey) -> Step:
    key = HostKey(setup.key)

    def run(world: World) -> None:
        doing = f"installing the client setup key of {setup.edition}"
        errors.carry_out(world.host, doing, lambda: windows.install_key(world, licensing.version, key))
        windows.refresh(world, licensing.version)

    def predict(seen: Seen) -> Seen:
        now = seen[Licensing]
        client = Product("predicted", "", "VOLUME_KMSCLIENT channel", "", key.last_five, 0, None)
        return seen.having(dataclasses.replace(now, products=(*now.products, client)))

    return Step(
        id="host_key.setup_key",
        summary=f"install the public client setup key of {setup.edition}",
        predict=predict,
        run=run,
        touches=WHOLE,
        settle=30.0,
        before="client setup key none",
        after=f"client setup key {key}",
    )
