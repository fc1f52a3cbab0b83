# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Product keys that are installed, and what has happened to them.

Knows LicenseStatus and its reasons (0 unlicensed, 1 licensed, 2 out-of-box grace, 3 out-of-tolerance grace, 4
non-genuine grace, 5 notification). Refuses to know who may install what.
"""

from __future__ import annotations

from dataclasses import dataclass

LICENSED, OUT_OF_BOX, OUT_OF_TOLERANCE, NOTIFICATION = 1, 2, 3, 5
NO_KEY = 0xC004F014
REASONS = {1: 0x4004F040, 2: 0x4004F00C, 3: 0x4004F00D, 4: 0xC004F200, 5: 0xC004F009}
"""What LicenseStatusReason says beside a status; beside 0 with a key, and after other hardware, it is a dial."""
EVALUATION_OVER = 0xC004FC07
"""SL_E_VALIDITY_PERIOD_EXPIRED, published with expired evaluations of later releases."""
GRACE_MINUTES = 43_200
UNKNOWN_COUNT = 0xFFFFFFFF


def grace_minutes(status: int) -> int:
    """GracePeriodRemaining at the beginning of a status: only grace has any."""
    return GRACE_MINUTES if status in (OUT_OF_BOX, OUT_OF_TOLERANCE) else 0


@dataclass(eq=False)
class ProductKey:
    """A key that is installed. By itself: the machine's own, which a KMS host would activate, or nobody."""

    partial: str
    """The last five characters."""
    status: int
    reason: int
    minutes: int = 0
    """GracePeriodRemaining."""
    key: str = ""
    """The whole key, "" where nobody here knows it."""
    installation: int = 0
    """Which installation of a key this was on the machine."""


@dataclass(eq=False)
class VolumeKey(ProductKey):
    """A key that Microsoft activates: a MAK, or a host key."""


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
