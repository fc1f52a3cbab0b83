# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KeyManagementServiceVersion: the value by which MOM and SCOM find a KMS host.

Internal to the collection activation.kms; not a public interface.

slmgr.vbs writes it after installing a host key (/ipk) and removes it once no KMS host product has a key (/upk), in both
views of the registry. Windows itself does neither.
"""

from __future__ import annotations

import dataclasses

from .._plan import Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import WHOLE, Licensing
from .._windows.system import System


def mark(seen: Seen) -> Step:
    """Write it."""
    licensing = seen[Licensing]
    return Step(
        id="host_key.mark",
        summary="note the service's version for MOM and SCOM, as slmgr.vbs does",
        predict=lambda before: _marked(before, True),
        run=lambda world: windows.write_version_mark(
            world, licensing.roots, licensing.version, both_views=_two_views(seen)
        ),
        touches=WHOLE,
        upkeep=True,
    )


def unmark(seen: Seen) -> Step:
    """Remove it."""
    licensing = seen[Licensing]
    return Step(
        id="host_key.unmark",
        summary="remove the mark by which MOM and SCOM find a KMS host, as slmgr.vbs does",
        predict=lambda before: _marked(before, False),
        run=lambda world: windows.remove_version_mark(world, licensing.roots, both_views=_two_views(seen)),
        touches=WHOLE,
        upkeep=True,
    )


def _two_views(seen: Seen) -> bool:
    """Whether the registry has a second view, for 32-bit programs."""
    return seen[System].architecture != "x86"


def _marked(seen: Seen, there: bool) -> Seen:
    now = seen[Licensing]
    roots = {name: dataclasses.replace(root, version_mark=there) for name, root in now.roots.items()}
    return seen.having(dataclasses.replace(now, roots=roots))
