# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host cannot be brought to serve what is wished with what is at hand: edition, build, rollup, package.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._errors import Refusal
from .._plan import Seen
from .._windows.system import System
from .catalogue import BUILD, Update
from .package_check import missing
from .packages import Packages, UpdateWish
from .serving import undecided
from .updates import Updates


def judge(wish: UpdateWish, seen: Seen, needed: t.Sequence[Update]) -> None:
    """Refuse where one of the updates that are needed can be neither had nor installed. Raises Refusal."""
    system, updates, packages = seen[System], seen[Updates], seen[Packages]
    if updates.excluded:
        raise Refusal(
            f"the host's edition of {system.release} is the Datacenter: Azure Edition, which cannot be a KMS host; use "
            "Standard or Datacenter",
            name="edition_no_host",
            advice="Use another edition as the host.",
        )
    absent = [update for update in needed if update.id not in packages.files]
    if not absent:
        return
    builds = [update for update in needed if update.kind == BUILD]
    if builds:
        raise _build_too_low(builds[-1], system, updates, wish)
    doubtful = undecided(
        wish.known, system.release, wish.wanted, packages.files.keys(), updates.installed, updates.unknown
    )
    if doubtful:
        raise _unknown(doubtful, system, updates, packages, wish)
    # KMS 1.0 may show only after the restart: nothing registers it.
    unseen = any(update.witness == "licensing_class" for update in absent) and updates.pending_signs
    raise missing(absent, system, packages, wish, "; ".join(unseen) if unseen else "")


def _build_too_low(update: Update, system: System, updates: Updates, wish: UpdateWish) -> Refusal:
    needed = ".".join(map(str, update.build))
    has = updates.build or f"{system.build} with an unknown revision"
    return Refusal(
        f"to serve {_beyond(updates, wish)} the host needs build {needed} or higher ({update.hotfix}, "
        f"{update.released}), and it has {has}; install that or any later cumulative update with the tool that patches "
        "this site (this collection installs none), and run the play again",
        name="build_too_low",
        advice=f"Bring the host to build {needed} or higher with the site's patch tool.",
        code=needed,
    )


def _unknown(
    doubtful: t.Sequence[Update], system: System, updates: Updates, packages: Packages, wish: UpdateWish
) -> Refusal:
    numbers = " or ".join(update.hotfix for update in doubtful)
    names = " or ".join(packages.expected[update.id] for update in doubtful if update.id in packages.expected)
    vouched = wish.known.accepted
    nor = f" (nor is {' or '.join(vouched)}, which accepted_updates names)" if vouched else ""
    offer = f"put the package {names} into `packages`, or, if" if names else "if"
    return Refusal(
        f"whether the host can serve {_beyond(updates, wish)} cannot be told: {numbers} is not registered on it{nor}, "
        f"but a later monthly rollup would do as well and has another number; {offer} such a rollup is installed, name "
        "it with accepted_updates: [KBnnnnnnn]",
        name="update_unknown",
        advice="Name the later rollup that is installed with accepted_updates, or provide the package.",
        code=doubtful[0].hotfix,
    )


def _beyond(updates: Updates, wish: UpdateWish) -> str:
    """What the host does not serve yet, as words; and why, where `serve` does not say it."""
    beyond = sorted(wish.wanted - updates.serves)
    from_key = [client for client in beyond if client not in wish.serve]
    told = ", ".join(beyond)
    return f"{told} (which a key of the group {wish.key_group} needs)" if from_key == beyond else told
