# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The updates that serving the wished clients takes, one step each, in their order.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses

from .._plan import Resource, Seen, Step
from .._windows import files
from .._windows.licensing import Licensing, Root
from .._windows.packages import PackageFile
from .._windows.system import System
from .._world import World
from .catalogue import Update
from .installation import install
from .packages import Packages, UpdateWish, judged
from .record import Record, note
from .updates import Updates, updates_with


class UpdateChain(Resource):
    """The updates that serving the wished clients takes, one step each."""

    name = "updates"
    after: tuple[type[Resource], ...] = ()

    def __init__(self, wish: UpdateWish) -> None:
        self.wish = wish
        self.needs: tuple[type, ...] = (System, Record, Licensing, Updates, Packages)

    def next(self, seen: Seen) -> Step | None:
        """The oldest update that is missing; then what an earlier run left lying about."""
        system, updates, packages, record = seen[System], seen[Updates], seen[Packages], seen[Record]
        chain = self.wish.known.chain(system.release, self.wish.serve, list(packages.files), updates.installed)
        for name in chain:
            if name not in updates.installed:
                update = self.wish.known.updates[name]
                package = judged(update, system, packages, self.wish)
                return self._step(update, package, system)
        if record.staging:
            return _tidy_folder(record.staging)
        return None

    def notices(self, seen: Seen) -> list[str]:
        """The digest to pin for each package that is to be installed and was not pinned."""
        files, installed = seen[Packages].files, seen[Updates].installed
        chain = self.wish.known.chain(seen[System].release, self.wish.serve, list(files), installed)
        return [
            f"the package {files[name].path} for {name} is not pinned; compare it with a copy you trust and pin it "
            f'with package_checksums: {{{name}: "sha256:{files[name].sha256}"}}'
            for name in chain
            if name in files and name not in installed and name not in self.wish.checksums
        ]

    def _step(self, update: Update, package: PackageFile, system: System) -> Step:
        def predict(seen: Seen) -> Seen:
            before, licensing = seen[Updates], seen[Licensing]
            if not licensing.present:
                # Which registry root the service will use on Server 2003 is not confirmed: foresight needs any one.
                licensing = dataclasses.replace(licensing, present=True, roots=licensing.roots or {"SL": Root()})
            installed = before.installed | {update.id}
            signs = (*before.pending_signs, f"record: {update.id} was installed in this boot")
            after = updates_with(
                system.release, installed, signs if update.restart else before.pending_signs, self.wish.known
            )
            return seen.having(after, licensing)

        def run(world: World) -> None:
            install(world, update, package, system, self.wish)

        return Step(
            id=f"host_update.{update.id}",
            summary=f"install {update.title}",
            predict=predict,
            run=run,
            touches=(Updates, Licensing, Record),
            settle=30.0,
            before="",
            after=f"{update.id} installed",
        )


def _tidy_folder(folder: str) -> Step:
    """Remove what an interrupted run left."""

    def run(world: World) -> None:
        with files.with_shell(world) as shell:
            files.remove_folder(shell, folder)
        note(world, staging=None)

    return Step(
        id="host_update.tidy",
        summary=f"remove {folder}, left by an interrupted run",
        predict=lambda seen: seen.having(dataclasses.replace(seen[Record], staging=None)),
        run=run,
        touches=(Record,),
        upkeep=True,
    )
