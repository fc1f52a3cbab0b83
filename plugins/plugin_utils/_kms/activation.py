# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an installed host key may be activated, and what both ways of activating it have in common.

Internal to the collection activation.kms; not a public interface.

An activation is a quota (10 a host, 6 hosts a key; Microsoft's volume activation FAQ, 0xC004C008), so what speaks
against it is said before Microsoft hears of it. The ways themselves are `online` and `offline`.
"""

from __future__ import annotations

import dataclasses

from .._errors import Failure, Refusal
from .._plan import Seen
from .._windows.licensing import LICENSED, Licensing, Product, generation
from .._windows.system import System
from . import errors
from .catalogue import group_activates, group_of_channel
from .keys import KeyWish
from .record import Record


def judge_status(wish: KeyWish, product: Product, record: Record) -> None:
    """Raises Refusal where an installed key cannot be taken up: nobody says how it stands, or another way was begun."""
    if product.license_status is None:
        raise Refusal(
            f"Windows does not say whether the host key {wish.key} is activated, so nothing is done about it; connect "
            "as a member of the host's Administrators group, whom it tells",
            name="license_status_unknown",
            advice="Connect as an administrator of the host.",
        )
    begun = record.installation_id_told(wish.key.last_five) is not None
    if product.license_status != LICENSED and begun and wish.activation != "offline" and not wish.reactivate:
        raise Refusal(
            f"an offline activation of the host key {wish.key} was begun on this host, and Microsoft counts it once it "
            "gives the confirmation ID; go on with activation: offline, or say reactivate: true if that ID will never "
            "come and another activation may be spent",
            name="confirmation_awaited",
            advice="Set activation: offline.",
        )


def judge_activation(wish: KeyWish, product: Product) -> None:
    """Raises Refusal where this key must not be activated as things are."""
    if product.hardware_changed and not wish.reactivate:
        raise Refusal(
            f"the host key {wish.key} was activated here, but the hardware has changed since (a moved virtual "
            "machine, for instance); activating it again spends one of its activations: say reactivate: true "
            "if you mean it",
            name="reactivation_needed",
            advice="Set reactivate: true.",
        )
    group = group_of_channel(product.channel)
    if group is not None and wish.key_group not in (None, group):
        raise Refusal(
            f"the host key {wish.key} is installed and not activated: Windows says that it is of the group {group} "
            f"({product.channel}), key_group says {wish.key_group}; give the other key, with replace: true, or correct "
            "key_group",
            name="key_group_differs",
            advice="Correct product_key or key_group.",
        )
    beyond = frozenset() if group is None else wish.serve - group_activates(group)
    if beyond:
        raise Refusal(
            f"the host key {wish.key} is installed and not activated: it is of the group {group} "
            f"({product.channel}), which does not activate {', '.join(sorted(beyond))}; give a host key of a group "
            "that does, with replace: true, or correct `serve`",
            name="key_group_too_low",
            advice="Use a host key of a group that activates these clients.",
        )


def licensed(seen: Seen, product: Product) -> Seen:
    """What will be seen once this product is activated."""
    now = seen[Licensing]
    products = tuple(
        dataclasses.replace(one, license_status=LICENSED, license_status_reason=None) if one.id == product.id else one
        for one in now.products
    )
    return seen.having(dataclasses.replace(now, products=products, is_kms_host=True))


def refused(problem: Failure, host: str, doing: str, seen: Seen) -> Failure:
    """A refused activation, explained; where Microsoft may no longer answer this Windows online, that is said too."""
    found = errors.explained(problem, host, doing)
    doubtful = generation(seen[System].version).online_doubtful
    if not doubtful or not (errors.is_unexplained(found.code) or found.advice.endswith(errors.OFFLINE)):
        return found
    hint = "Microsoft may no longer activate this Windows online"
    if not found.advice.endswith(errors.OFFLINE):
        hint += ", and activation: offline is the way that is left"
    message, advice = (f"{text.rstrip('.')}; {hint}." if text else f"{hint}." for text in (found.message, found.advice))
    return Failure(message, name=found.name, advice=advice, code=found.code)
