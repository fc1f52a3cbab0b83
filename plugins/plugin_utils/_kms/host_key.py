# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KMS host key is installed and activated.

Internal to the collection activation.kms; not a public interface.

Identity is the last five characters on a KMS host product. Whether and how it is activated is the business of
`activation`, `online` and `offline`.
"""

from __future__ import annotations

import dataclasses

from .._errors import Failure, Refusal
from .._plan import Item, Resource, Seen, Step
from .._windows import licensing as windows
from .._windows.edition import Edition
from .._windows.licensing import KEYS_ONLY, LICENSED, WHOLE, Licensing, Product
from .._windows.system import System
from .._world import World
from . import errors
from .activation import judge_activation
from .catalogue import group_of_channel
from .key_products import PREDICTED, judge_landing, judge_named, rivals, wished_product
from .keys import KeyWish, check_group
from .offline import InstallationId, offline
from .online import judge_clock, online
from .record import Record
from .replacement import foretold, remaining
from .restart import Restart
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

        The mark comes last: it is upkeep, and an upkeep step that did not stick is not waited for.
        """
        judge_host(seen)
        if self.wish.key_group is not None:
            check_group(self.wish.key_group, seen[System].release, self.wish.serve, self.wish.known)
        licensing = seen[Licensing]
        judge_named(licensing, self.wish.activation_id)
        product = wished_product(licensing, self.wish)
        if product is None:
            judge_landing(licensing, self.wish)
            self._judge_installation(seen)
            return self._install(licensing)
        if self.wish.activate and product.license_status != LICENSED:
            judge_activation(self.wish, product)
            activate = online if self.wish.activation == "online" else offline
            return activate(self.wish, seen, product)
        if not all(root.version_mark for root in licensing.roots.values()):
            return _mark(seen)
        return None

    def notices(self, seen: Seen) -> list[str]:
        """What taking the place of another key means for the clients."""
        return foretold(seen[Licensing], self.wish)

    def warnings(self, seen: Seen) -> list[str]:
        """Other keys that are still there; a key of another group than the wish says."""
        product = wished_product(seen[Licensing], self.wish)
        return [*remaining(seen[Licensing], self.wish), *([] if product is None else _other_group(self.wish, product))]

    def _judge_installation(self, seen: Seen) -> None:
        """What speaks against installing this key here. Raises Refusal."""
        if seen[Edition].evaluation:
            raise Refusal(
                f"the host is an evaluation edition of Windows ({seen[System].caption}), which takes no host key "
                "(0xC004F069); convert it to a full edition first (DISM /Online /Set-Edition), or use another host",
                name="evaluation_edition",
                advice="Convert the host to a full edition, or use another host.",
            )
        others = [product.partial_product_key for product in rivals(seen[Licensing], self.wish)]
        if others and not self.wish.replace:
            raise Refusal(
                f"another KMS host key is installed (it ends in {', '.join(others)}); installing the one that ends in "
                f"{self.wish.key.last_five} would replace it and set the host's client count to zero, which cannot be "
                "undone; say replace: true if you mean it",
                name="other_key_installed",
                advice="Set replace: true.",
            )
        if not self.wish.encrypted:
            raise Refusal(
                "the host key would travel unencrypted over HTTP; use ansible_winrm_transport: ntlm or kerberos, or "
                "HTTPS, or accept it with allow_unencrypted_key: true",
                name="key_unencrypted",
                advice="Use an encrypted transport.",
            )
        if self.wish.activation == "online":
            judge_clock(seen[System])

    def _install(self, licensing: Licensing) -> Step:
        key = self.wish.key
        replaced = rivals(licensing, self.wish)
        others = ", ".join(f"*****-{product.partial_product_key}" for product in replaced)

        def run(world: World) -> None:
            doing = f"installing the host key {key}"
            try:
                errors.check_return(windows.install_key(world, licensing.version, key), world.host, doing)
            except Failure as problem:
                raise errors.explained(problem, world.host, doing) from None
            if self.wish.activation != "online":  # an online activation refreshes it in a moment
                windows.refresh(world, licensing.version)

        return Step(
            id="host_key.install",
            summary=f"install the host key {key}" + (f" in place of {others}" if others else ""),
            predict=lambda seen: self._installed(seen, replaced),
            run=run,
            touches=self._touched_by_installation(bool(replaced)),
            settle=30.0,
            before=f"host key {others or 'none'}",
            after=f"host key {key}",
        )

    def _touched_by_installation(self, replacing: bool) -> tuple[type, ...]:
        """The keys; and the counts, unless there were none and an activation is about to change them again."""
        if self.wish.activation == "offline":
            return (*WHOLE, InstallationId)
        return KEYS_ONLY if self.wish.activation == "online" and not replacing else WHOLE

    def _installed(self, seen: Seen, replaced: tuple[Product, ...]) -> Seen:
        """What will be seen with the key installed. The keys of other applications stay."""
        now = seen[Licensing]
        named = now.named
        product = Product(PREDICTED, "", "VOLUME_KMS channel", "", self.wish.key.last_five, 0, None)
        if named is not None:
            product = dataclasses.replace(product, application_id=named.application_id, foreign=named.foreign)
        others = (other for other in now.products if other not in replaced)
        return seen.having(dataclasses.replace(now, products=(*others, product), current_count=None))


def judge_host(seen: Seen) -> None:
    """Everything about the host that speaks against touching any host key. Raises Refusal."""
    updates = seen[Updates]
    if not seen[Licensing].present and updates.installed and not updates.restart_pending:
        raise Refusal(
            f"KMS updates are registered on the host ({', '.join(sorted(updates.installed))}), but it has no "
            "licensing service that could take a host key; KMS 1.0 was removed or is damaged: install it again by "
            "hand, or remove what is left of the others, and run the play again",
            name="no_licensing_service",
            advice="Install KMS 1.0 on the host again by hand.",
        )
    if not seen[Licensing].present:
        raise Refusal(
            "the host has no licensing service that could take a host key; install KMS 1.0 and what else its "
            "clients need first (activation.kms.host_update), and restart it",
            name="no_licensing_service",
            advice="Run activation.kms.host_update and activation.kms.host_reboot first.",
        )
    if updates.restart_pending:
        raise Refusal(
            "a KMS update awaits the restart of the host, and until then the host key would be refused "
            "(0xC004F050); restart it first (activation.kms.host_reboot). Signs: " + "; ".join(updates.pending_signs),
            name="restart_pending",
            advice="Restart the host with activation.kms.host_reboot.",
        )
    judge_service(seen[Licensing])


def judge_service(licensing: Licensing) -> None:
    """Raises Refusal where the licensing service is there and does not run."""
    if not licensing.answers:
        raise Refusal(
            "the licensing service of the host does not run, so no host key can be changed; start it (net start "
            "sppsvc, or net start slsvc on older releases) and run the play again",
            name="licensing_service_stopped",
            advice="Start the licensing service.",
        )


def _other_group(wish: KeyWish, product: Product) -> list[str]:
    """The group that Windows names where it is not the one that was said."""
    group = group_of_channel(product.channel)
    if group is None or wish.key_group in (None, group):
        return []
    return [
        f"the host key {wish.key} is of the group {group} ({product.channel}), not of the group {wish.key_group} that "
        "key_group says; correct key_group"
    ]


def _mark(seen: Seen) -> Step:
    """KeyManagementServiceVersion, as slmgr.vbs leaves it after installing a host key."""
    licensing, both = seen[Licensing], seen[System].architecture != "x86"
    return Step(
        id="host_key.mark",
        summary="note the service's version for MOM and SCOM, as slmgr.vbs does",
        predict=lambda before: marked(before, True),
        run=lambda world: windows.write_version_mark(world, licensing.roots, licensing.version, both_views=both),
        touches=WHOLE,
        upkeep=True,
    )


def marked(seen: Seen, there: bool) -> Seen:
    """What will be seen with or without the mark."""
    now = seen[Licensing]
    roots = {name: dataclasses.replace(root, version_mark=there) for name, root in now.roots.items()}
    return seen.having(dataclasses.replace(now, roots=roots))
