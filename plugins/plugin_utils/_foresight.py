# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foresight: the whole plan as the trace of pure functions, before anything is changed.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ._errors import Failure
from ._plan import EVERYTHING, Item, Observe, Pause, Planned, Resource, Seen, Step

MOST_STEPS = 200  # a plan that long does not settle: a resource's prediction does not satisfy the resource itself


@dataclasses.dataclass(frozen=True)
class Foresight:
    """The steps to come, upkeep left out; the pauses on the way; what will be seen at the end."""

    plan: list[Planned]
    pauses: list[Pause]
    seen: Seen


def foresee(resources: t.Sequence[Resource], seen: Seen) -> Foresight:
    """Foresee to the end, through every pause. Pure."""
    plan: list[Planned] = []
    pauses: list[Pause] = []
    after_restart = False
    kept_up: set[tuple[str, str]] = set()
    for _round in range(MOST_STEPS):
        found = first(resources, seen, (), kept_up)
        if found is None:
            return Foresight(plan, pauses, seen)
        item = found[1]
        if isinstance(item, Observe):
            seen = seen.having(item.assume)
        elif isinstance(item, Pause):
            pauses.append(item)
            after_restart = after_restart or item.restart
            seen = item.predict(seen)
        else:
            if item.upkeep:
                kept_up.add(item.identity)
            else:
                plan.append(Planned(item, after_restart))
            after_restart = after_restart or item.touches == EVERYTHING
            seen = item.predict(seen)
    raise Failure(
        f"the plan does not settle (step {plan[-1].step.id if plan else '?'} is asked for again and again); "
        "this is a defect of the collection, please report it",
        name="plan_does_not_settle",
    )


def first(
    resources: t.Sequence[Resource],
    seen: Seen,
    ended: t.Collection[Resource],
    kept_up: t.Collection[tuple[str, str]],
) -> tuple[Resource, Item] | None:
    """The first resource that wants something, and what. Upkeep that was done counts as done, shown or not."""
    for resource in resources:
        if resource in ended:
            continue
        item, believed = resource.next(seen), seen
        for _known in kept_up:
            if isinstance(item, Step) and item.upkeep and item.identity in kept_up:
                believed = item.predict(believed)
                item = resource.next(believed)
        if item is not None and not (isinstance(item, Step) and item.upkeep and item.identity in kept_up):
            return resource, item
    return None
