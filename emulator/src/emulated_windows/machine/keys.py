# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Product keys that are installed, and what has happened to them.

Knows LicenseStatus and its reasons (1 licensed, 2 out-of-box grace, 3 out-of-tolerance grace, 5 notification). Refuses
to know who may install what.
"""

from __future__ import annotations

from dataclasses import dataclass

LICENSED, OUT_OF_TOLERANCE = 1, 3
REASONS = {0: 0xC004F014, 1: 0x4004F040, 2: 0x4004F00C, 5: 0xC004F009}
"""What LicenseStatusReason says beside a status; beside 3 it is a dial."""
GRACE_MINUTES = 43_200
UNKNOWN_COUNT = 0xFFFFFFFF


@dataclass(eq=False)
class ProductKey:
    """A key that is installed. By itself: the machine's own, of which nobody needs to know more."""

    partial: str
    """The last five characters."""
    status: int
    reason: int
    minutes: int = 0
    """GracePeriodRemaining."""


@dataclass(eq=False)
class VolumeKey(ProductKey):
    """A key that Microsoft activates: a MAK, or a host key."""

    key: str = ""
    installation: int = 0
    """Which installation of a key this was on the machine."""
    installation_id: str = ""


@dataclass(eq=False)
class HostKey(VolumeKey):
    """A host key, and how many clients its product has counted."""

    group: str = ""
    count: int = UNKNOWN_COUNT


@dataclass(frozen=True)
class KeyEvent:
    """Something that happened to a key."""

    what: str
    """installed, refused, activated, removed."""
    partial: str
    group: str | None
    time: float
