# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which products of the licensing service a wish about a host key is about. Pure.

Internal to the collection activation.kms; not a public interface.

A machine may hold several keys: the KMS host key of Windows, the one of Office, the key Windows itself runs under.
Without an activation ID a wish is about the KMS host of Windows; with one about that product, and the keys of other
applications are none of its business.
"""

from __future__ import annotations

from .._errors import Refusal
from .._windows.licensing import Licensing, Product
from .keys import KeyWish

PREDICTED = "predicted"
"""The ID of a product that is foreseen: which one takes a key shows only once it is installed."""


def host_products(licensing: Licensing, activation_id: str | None) -> tuple[Product, ...]:
    """The KMS host products with a key whose place a key of this product could take; those of Windows by default.

    Windows has one host key at a time. Each version of Office is a product of its own beside the others, though all
    share an application.
    """
    named = licensing.named
    if activation_id is None or named is None or not named.foreign:
        return licensing.host_products()
    return tuple(one for one in licensing.products if one.makes_kms_host and one.id in (named.id, PREDICTED))


def wished_product(licensing: Licensing, wish: KeyWish) -> Product | None:
    """The KMS host product that holds the wished key."""
    last_five = wish.key.last_five
    for product in host_products(licensing, wish.activation_id):
        there = wish.activation_id in (None, product.id) or product.id == PREDICTED
        if there and product.partial_product_key.upper() == last_five:
            return product
    return None


def rivals(licensing: Licensing, wish: KeyWish) -> tuple[Product, ...]:
    """The KMS host products whose key the wished one takes the place of, or stands beside."""
    last_five = wish.key.last_five
    found = host_products(licensing, wish.activation_id)
    return tuple(one for one in found if one.partial_product_key.upper() != last_five)


def judge_named(licensing: Licensing, activation_id: str | None) -> None:
    """Raises Refusal where the host does not know the product, or it is none that makes a KMS host."""
    if activation_id is None:
        return
    named = licensing.named
    if named is None:
        raise Refusal(
            f"the host has no product with the activation ID {activation_id}; for a KMS host of Office install the "
            "volume licence pack of that Office on it first, or correct activation_id (activation.kms.host_info shows "
            "the products that have a key)",
            name="activation_id_unknown",
            advice="Correct activation_id, or install what brings the product.",
        )
    if not named.makes_kms_host:
        raise Refusal(
            f"activation_id names the product {named.name!r} ({named.description}), which is no product of a KMS host; "
            "give the ID of a KMS host product, or leave activation_id out for the one of Windows",
            name="activation_id_no_host",
            advice="Correct activation_id.",
        )


def judge_landing(licensing: Licensing, wish: KeyWish) -> None:
    """Raises Refusal where the wished key is installed on another product than the one it is meant for.

    A setup key is never wished, so a KMS client with the same last five characters has another key.
    """
    for product in licensing.products:
        if product.partial_product_key.upper() != wish.key.last_five or product.channel.startswith("VOLUME_KMSCLIENT"):
            continue
        if not product.makes_kms_host:
            raise _no_host_key(product, wish)
        if product.id not in (wish.activation_id, PREDICTED) and (wish.activation_id or product.foreign):
            meant = f"the product {wish.activation_id}" if wish.activation_id else "the KMS host of Windows"
            raise Refusal(
                f"the host key {wish.key} is installed on the product {product.name!r}, not on {meant}; say "
                f"activation_id: {product.id} if that is the one you mean, or give the key of the other",
                name="activation_id_other_product",
                advice="Correct activation_id or product_key.",
            )


def _no_host_key(product: Product, wish: KeyWish) -> Refusal:
    return Refusal(
        f"the key {wish.key} is no host key: it is installed on the product {product.name!r} ({product.description}), "
        "as a MAK or a retail key would be, and makes no KMS host; give the KMS host key (CSVLK) from the volume "
        f"licensing portal, and remove this one if nobody wants it there (slmgr.vbs /upk {product.id})",
        name="key_is_no_host_key",
        advice="Use your organisation's KMS host key.",
    )
