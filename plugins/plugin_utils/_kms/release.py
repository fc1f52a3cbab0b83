# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which machines this collection changes: those of a release that can be a KMS host, with a record it can read.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

from .._errors import Refusal
from .._plan import Resource, Seen
from .._windows.system import System
from .catalogue import STANDARD
from .record import Record

MANAGED: tuple[str, ...] = tuple(STANDARD.hosts)


class Release(Resource):
    """The host is one that may be changed. Comes first, so that nothing is touched otherwise."""

    name = "release"
    needs = (System, Record)

    def next(self, seen: Seen) -> None:
        """Never a step; a Refusal for a release of which nothing is known, and for a record that is damaged."""
        system = seen[System]
        if system.release not in MANAGED:
            raise Refusal(
                f"the host runs {system.caption or system.version} ({system.release}), of which this collection does "
                f"not know that it can be a KMS host; it changes {', '.join(MANAGED)} only; use one of these, or read "
                "this one with activation.kms.host_info",
                name="release_not_managed",
                advice="Use a host of a release that is managed.",
            )
        seen[Record].refuse_unreadable()
