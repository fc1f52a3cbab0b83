# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing a host key: what speaks against it, and the step.

Internal to the collection activation.kms; not a public interface.

A host key cannot be read back, and another one in its place costs the host its count of clients. So no key is replaced
unasked, not even one that came in since this run looked.
"""

from __future__ import annotations

import dataclasses

from .._errors import Failure, Refusal
from .._plan import Seen, Step
from .._windows import licensing as windows
from .._windows.edition import Edition
from .._windows.licensing import KEYS_ONLY, WHOLE, Licensing, Product
from .._windows.system import System
from .._world import World
from . import errors
from .key_products import PREDICTED, rivals, wished_product
from .keys import KeyWish
from .offline import InstallationId
from .online import judge_clock


def judge_installation(wish: KeyWish, seen: Seen) -> None:
    """What speaks against installing this key here. Raises Refusal."""
    if seen[Edition].evaluation or any(product.is_evaluation for product in seen[Licensing].products):
        raise Refusal(
            f"the host is an evaluation edition of Windows ({seen[System].caption}), which takes no host key "
            "(0xC004F069); convert it to a full edition first (DISM /Online /Set-Edition), or use another host",
            name="evaluation_edition",
            advice="Convert the host to a full edition, or use another host.",
        )
    others = [product.partial_product_key for product in rivals(seen[Licensing], wish)]
    if others and not wish.replace:
        raise Refusal(
            f"another KMS host key is installed (it ends in {', '.join(others)}); installing the one that ends in "
            f"{wish.key.last_five} would replace it and set the host's client count to zero, which cannot be "
            "undone; say replace: true if you mean it",
            name="other_key_installed",
            advice="Set replace: true.",
        )
    if not wish.encrypted:
        raise Refusal(
            "the host key would travel unencrypted over HTTP; use ansible_winrm_transport (ansible_psrp_auth): "
            "ntlm or kerberos, or HTTPS, or accept it with allow_unencrypted_key: true",
            name="key_unencrypted",
            advice="Use an encrypted transport.",
        )
    if wish.activation == "online":
        judge_clock(seen[System])


def install(wish: KeyWish, seen: Seen) -> Step:
    """The step that puts the wished key in."""
    key, licensing = wish.key, seen[Licensing]
    replaced = rivals(licensing, wish)
    others = ", ".join(f"*****-{product.partial_product_key}" for product in replaced)

    def run(world: World) -> None:
        if _overtaken(world, wish, seen[System], replaced):
            return
        doing = f"installing the host key {key}"
        errors.carry_out(world.host, doing, lambda: windows.install_key(world, licensing.version, key))
        if wish.activation != "online":  # an online activation refreshes it in a moment
            windows.refresh(world, licensing.version)

    return Step(
        id="host_key.install",
        summary=f"install the host key {key}" + (f" in place of {others}" if others else ""),
        predict=lambda before: _installed(before, wish, replaced),
        run=run,
        touches=_touched(wish, replacing=bool(replaced)),
        settle=30.0,
        before=f"host key {others or 'none'}",
        after=f"host key {key}",
    )


def _overtaken(world: World, wish: KeyWish, system: System, known: tuple[Product, ...]) -> bool:
    """Whether the key is there by now. Another run may have been faster; raises Failure where it chose another key."""
    keys = windows.read_keys(world, system.version, wish.activation_id)
    now = Licensing(present=True, products=keys.products, named=keys.named)
    seen = {(one.id, one.partial_product_key) for one in known}
    found = [(one.id, one.partial_product_key) for one in rivals(now, wish)]
    others = [last_five for number, last_five in found if (number, last_five) not in seen]
    if others and not wish.replace:
        raise Failure(
            f"{world.host}: another KMS host key was installed meanwhile (it ends in {', '.join(others)}), so the "
            f"one that ends in {wish.key.last_five} was not; find out who did it, then run the play again",
            name="other_key_installed",
            advice="Let one controller at a time manage the host.",
        )
    return wished_product(now, wish) is not None


def _touched(wish: KeyWish, *, replacing: bool) -> tuple[type, ...]:
    """The keys; and the counts, unless there were none and an activation is about to change them again."""
    if wish.activation == "offline":
        return (*WHOLE, InstallationId)
    return KEYS_ONLY if wish.activation == "online" and not replacing else WHOLE


def _installed(seen: Seen, wish: KeyWish, replaced: tuple[Product, ...]) -> Seen:
    """What will be seen with the key installed. The keys of other applications stay."""
    now = seen[Licensing]
    named = now.named
    product = Product(PREDICTED, "", "VOLUME_KMS channel", "", wish.key.last_five, 0, None)
    if named is not None:
        product = dataclasses.replace(product, application_id=named.application_id, foreign=named.foreign)
    others = (other for other in now.products if other not in replaced)
    return seen.having(dataclasses.replace(now, products=(*others, product), current_count=None))
