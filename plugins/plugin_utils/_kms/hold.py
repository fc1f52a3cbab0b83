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

from .._plan import Seen, Step
from .._windows.licensing import LICENSED, Licensing, read_manual, write_manual
from .._world import World
from .record import ABSENT, Record, load_record, note


def hold_wanted(licensing: Licensing, last_five: str | None, activate: bool) -> bool:
    """Whether we activate this key and it is not activated yet."""
    if last_five is None or not activate:
        return False
    product = licensing.host_product(last_five)
    return product is None or product.license_status != LICENSED


def on_hold(licensing: Licensing, record: Record) -> bool:
    """The hold is on when the record knows the former values and every root says 1."""
    return record.former_manual is not None and all(root.manual == 1 for root in licensing.roots.values())


def held(record: Record, roots: t.Iterable[str]) -> Record:
    """The record as it will be with the hold on, as far as foresight can know it."""
    if record.former_manual is not None:
        return record
    return dataclasses.replace(record, former_manual=dict.fromkeys(roots, ABSENT))


def put_on_hold(world: World, roots: t.Iterable[str]) -> None:
    """Note the former values first, then set them: what was there can always be restored.

    A value that is noted already is ours by now, so it is never noted again.
    """
    former: dict[str, int | str] = dict(load_record(world).former_manual or {})
    fresh = [root for root in roots if root not in former]
    for root in fresh:
        value = read_manual(world, root)
        former[root] = ABSENT if value is None else value
    if fresh:
        note(world, former_manual=former)
    for root in roots:
        write_manual(world, root, 1)


def release() -> Step:
    """Give Activation\\Manual its former value back."""

    def run(world: World) -> None:
        former = load_record(world).former_manual or {}
        for root, value in former.items():
            write_manual(world, root, None if value == ABSENT else int(value))
        note(world, former_manual=None, activating=None)

    def predict(seen: Seen) -> Seen:
        return seen.having(dataclasses.replace(seen[Record], former_manual=None, activating=None))

    return Step(
        id="host_settings.release",
        summary="restore automatic activation as it was",
        predict=predict,
        run=run,
        touches=(Licensing, Record),
        upkeep=True,
    )
