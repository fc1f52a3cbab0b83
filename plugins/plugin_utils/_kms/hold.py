# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold on what Windows would do by itself before the host key is activated, and its end.

Internal to the collection activation.kms; not a public interface.

With Activation\\Manual at 0 or absent Windows may activate a fresh key on its own ("all, not just KMS": Volume
Activation 2.0 Operations Guide, p. 25); that races our own Activate (0xC004E028) and can spend two.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._plan import Step
from .._windows.licensing import LICENSED, WHOLE, Licensing, Root, write_manual
from .._world import World
from .key_products import wished_product
from .keys import KeyWish
from .record import ABSENT, Record, load_record, rewrite


def hold_wanted(licensing: Licensing, wish: KeyWish | None) -> bool:
    """Whether we activate this key and it is not activated yet."""
    if wish is None or not wish.activate:
        return False
    product = wished_product(licensing, wish)
    return product is None or product.license_status != LICENSED


def on_hold(licensing: Licensing, record: Record) -> bool:
    """The hold is on when the record knows the former values and every root says 1."""
    return record.former_manual is not None and all(root.manual == 1 for root in licensing.roots.values())


def held(record: Record, licensing: Licensing, roots: t.Iterable[str]) -> Record:
    """The record with the hold on. A value that is noted already is ours by now, so it is never noted again."""
    former: dict[str, int | str] = {}
    for root in roots:
        value = licensing.roots.get(root, Root()).manual
        former[root] = ABSENT if value is None else value
    return dataclasses.replace(record, former_manual={**former, **(record.former_manual or {})})


def put_on_hold(world: World, licensing: Licensing, roots: t.Collection[str]) -> None:
    """Note the former values first, then set them: what was there can always be restored."""
    record = load_record(world)
    wanted = held(record, licensing, roots).former_manual
    if wanted != record.former_manual:
        rewrite(world, record, former_manual=wanted)
    for root in roots:
        if licensing.roots.get(root, Root()).manual != 1:
            write_manual(world, root, 1)
    there = load_record(world)
    if there.former_manual is None:  # another controller came to its end meanwhile, and took the note with it
        rewrite(world, there, former_manual=wanted)


def finished(licensing: Licensing, record: Record) -> frozenset[str]:
    """The last five of the keys whose notes are over: they are activated, or not installed any more."""
    waiting = {
        product.partial_product_key.upper()
        for product in licensing.products
        if product.makes_kms_host and product.license_status != LICENSED
    }
    return record.noted_keys() - waiting


def release(licensing: Licensing, record: Record) -> Step | None:
    """Forget what is over, and give Activation\\Manual its former value back once no noted key waits any more."""
    over = finished(licensing, record)
    manual = record.former_manual if not record.noted_keys() - over else None
    if not over and manual is None:
        return None

    def released(there: Record) -> dict[str, t.Any]:
        notes = {"activating": _without(there.activating, over), "confirming": _without(there.confirming, over)}
        return notes if manual is None else {**notes, "former_manual": None}

    def run(world: World) -> None:
        for root, value in (manual or {}).items():
            write_manual(world, root, None if value == ABSENT else int(value))
        there = load_record(world)
        rewrite(world, there, **released(there))

    return Step(
        id="host_settings.release",
        summary="restore automatic activation as it was" if manual is not None else "forget an activation that is over",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], **released(seen[Record]))),
        run=run,
        touches=(*WHOLE, Record),
        upkeep=True,
    )


def _without(notes: t.Mapping[str, t.Any] | None, over: t.Collection[str]) -> dict[str, t.Any] | None:
    return {key: note for key, note in (notes or {}).items() if key not in over} or None
