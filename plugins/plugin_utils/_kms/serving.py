# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates a host needs to serve which clients, and what to say where no update will do.

Internal to the collection activation.kms; not a public interface.

Pure, on names only: the release, the clients, what is installed, what is at hand. Refuses to know files and machines.
"""

from __future__ import annotations

import itertools
import typing as t

from .._errors import Refusal
from .catalogue import BUILD, Catalogue, Update, group_stands_for


def wanted_clients(serve: t.Collection[str], key_group: str | None) -> frozenset[str]:
    """What a host must know: the clients to be served, and those whose generation its key is of.

    A key of Server 2012 R2 on a Server 2008 R2 host is refused before KB2885698, even if only Windows 7 is served.
    """
    return frozenset(serve) | (group_stands_for(key_group) if key_group else frozenset())


def chain(
    known: Catalogue, release: str, wanted: t.Collection[str], offered: t.Collection[str], installed: t.Collection[str]
) -> list[str]:
    """The updates a host lacks to serve `wanted`, in the order to install them.

    Of all sets of updates that would do the one of which the least is not at hand, then the smallest, then the oldest;
    where something is not at hand, the newest, which serves most, and of builds the lowest. What an update needs is in
    the set too.

    Raises:
        Refusal: no updates of this release serve one of the clients.
    """
    sets = able(known, release, wanted, installed)
    if not sets:
        raise _impossible(known, release, wanted)
    return [update.id for update in min(sets, key=lambda one: _cost(known, one, offered))]


def able(
    known: Catalogue, release: str, wanted: t.Collection[str], installed: t.Collection[str]
) -> list[tuple[Update, ...]]:
    """Every set of missing updates with which the host would serve `wanted`; [()] where it does already."""
    missing = [update for update in known.for_release(release) if update.id not in installed]
    found = []
    for size in range(len(missing) + 1):
        for one in itertools.combinations(missing, size):
            names = {*installed, *(update.id for update in one)}
            complete = all(not update.needs or names & set(update.needs) for update in one)
            if complete and set(wanted) <= known.serves(release, names):
                found.append(one)
    return found


def _cost(known: Catalogue, updates: tuple[Update, ...], offered: t.Collection[str]) -> tuple[int, int, list[int]]:
    absent = [update for update in updates if update.id not in offered]
    order = list(known.updates)
    newest_first = bool(absent) and not any(update.kind == BUILD for update in updates)
    ages = [order.index(update.id) * (-1 if newest_first else 1) for update in updates]
    return len(absent), len(updates), sorted(ages)


def hosts_for(known: Catalogue, wanted: t.Collection[str]) -> list[str]:
    """The releases that could serve all of this, with all their updates."""
    return [release for release in known.hosts if set(wanted) <= known.serves_at_best(release)]


def _impossible(known: Catalogue, release: str, wanted: t.Collection[str]) -> Refusal:
    best = known.serves_at_best(release)
    beyond = sorted(set(wanted) - best)
    can = ", ".join(sorted(best)) or "nothing this collection knows of"
    others = ", ".join(hosts_for(known, wanted))
    instead = (
        f"use a host of one of these releases, which can serve all that is wished: {others}"
        if others
        else "share what is wished out among several hosts, since no single release can serve all of it"
    )
    return Refusal(
        f"a KMS host on {release} cannot serve {', '.join(beyond)}: with every update it serves {can}; take these "
        f"clients out of `serve`, or {instead}",
        name="serve_impossible",
        advice=instead[0].upper() + instead[1:] + ".",
    )


def undecided(
    known: Catalogue,
    release: str,
    wanted: t.Collection[str],
    offered: t.Collection[str],
    installed: t.Collection[str],
    unknown: t.Collection[str],
) -> list[Update]:
    """The "or later rollup" rows that would do if the host had what they bring, which nobody can tell from outside.

    Args:
        unknown: the rows of which neither their number nor an accepted later one is registered.
    """
    sets = [
        one
        for one in able(known, release, wanted, installed)
        if all(update.id in offered or update.id in unknown for update in one)
    ]
    fewest = min(map(len, sets), default=0)
    found = [update for one in sets if len(one) == fewest for update in one if update.id not in offered]
    return list({update.id: update for update in found}.values())
