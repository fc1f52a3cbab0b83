# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The updates that serving the wished clients takes, one step each, in their order.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

from .._errors import Failure
from .._plan import Resource, Seen, Step
from .._windows import files
from .._windows.licensing import WHOLE, Licensing, Root
from .._windows.packages import PackageFile
from .._windows.system import System
from .._world import World
from . import lacking
from .catalogue import Update
from .installation import install
from .keys import check_group
from .package_check import judged
from .packages import Packages, UpdateWish
from .record import Record, note
from .serving import chain
from .update_notices import notices
from .updates import Updates, updates_with


class UpdateChain(Resource):
    """The updates that serving the wished clients takes, one step each.

    It remembers in which boot it installed what, and what Windows said it has already: an update that does not show
    then is not installed again and again.
    """

    name = "updates"
    after: tuple[type[Resource], ...] = ()

    def __init__(self, wish: UpdateWish) -> None:
        self.wish = wish
        self.needs: tuple[type, ...] = (System, Record, Licensing, Updates, Packages)
        self._installed_in: dict[str, dt.datetime] = {}

    def next(self, seen: Seen) -> Step | None:
        """The oldest update that is missing; then what an earlier run left lying about."""
        system, packages, record = seen[System], seen[Packages], seen[Record]
        if self.wish.key_group is not None:
            check_group(self.wish.key_group, system.release, self.wish.serve, self.wish.known)
        missing = self._missing(seen)
        lacking.judge(self.wish, seen, missing)
        if missing:
            update = missing[0]
            self._judge_memory(update, system)
            return self._step(update, judged(update, system, packages, self.wish), system)
        if record.staging and not seen[Updates].restart_pending:  # a restart ends whatever still holds a file in it
            return tidy_folder(files.staging_folder(system.windows_directory))
        return None

    def notices(self, seen: Seen) -> list[str]:
        """What the user should know of the packages that are to be installed."""
        return notices(self.wish, seen, self._missing(seen))

    def _missing(self, seen: Seen) -> list[Update]:
        known, release = self.wish.known, seen[System].release
        names = chain(known, release, self.wish.wanted, seen[Packages].files.keys(), seen[Updates].installed)
        return [known.updates[name] for name in names]

    def _judge_memory(self, update: Update, system: System) -> None:
        boot = self._installed_in.get(update.id)
        if boot is not None and system.booted_since(boot):
            raise Failure(
                f"{update.title} was installed without an error, but after the restart the host does not show it; its "
                "package may be another one than its name says: look at the host's list of hotfixes and at the "
                "installer's log, and get the package again",
                name="update_not_shown",
            )

    def _step(self, update: Update, package: PackageFile, system: System) -> Step:
        known = self.wish.known

        def predict(seen: Seen) -> Seen:
            before, licensing = seen[Updates], seen[Licensing]
            if not licensing.present:
                # Which registry root the service will use on Server 2003 is not confirmed: foresight needs any one.
                licensing = dataclasses.replace(licensing, present=True, roots=licensing.roots or {"SL": Root()})
            signs = before.pending_signs
            if update.restart:
                signs = (*signs, f"record: {update.id} was installed in this boot")
            after = updates_with(
                system.release,
                before.installed | {update.id},
                known,
                pending_signs=signs,
                restart_pending=before.restart_pending or update.restart,
                disagreements=before.disagreements,
            )
            return seen.having(after, licensing)

        def run(world: World) -> None:
            install(world, update, package, system, self.wish)
            self._installed_in[update.id] = system.boot_time

        return Step(
            id=f"host_update.{update.id}",
            summary=f"install {update.title}",
            predict=predict,
            run=run,
            touches=(Updates, *WHOLE, Record),
            settle=30.0,
            before="",
            after=f"{update.id} installed",
        )


def tidy_folder(folder: str) -> Step:
    """Remove what an interrupted run left. The folder is ours by its name, whatever path the record holds.

    What is in use stays, and is for the next run: the shell of a killed controller holds the file it was copying.
    """

    def run(world: World) -> None:
        with files.with_shell(world) as shell:
            gone = files.remove_folder(shell, folder)
        if gone:
            note(world, staging=None)

    return Step(
        id="host_update.tidy",
        summary=f"remove {folder}, left by an interrupted run",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], staging=None)),
        run=run,
        touches=(Record,),
        upkeep=True,
    )
