# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Product keys that are installed, and what has happened to them.

Knows LicenseStatus and its reasons (1 licensed, 2 out-of-box grace, 5 notification). Refuses to know who may install
what.
"""

from __future__ import annotations

from dataclasses import dataclass

LICENSED = 1
REASONS = {0: 0xC004F014, 1: 0x4004F040, 2: 0x4004F00C, 5: 0xC004F009}


@dataclass
class ProductKey:
    """A key that is installed: a host key, or the machine's own."""

    partial: str
    """The last five characters."""
    status: int
    reason: int
    minutes: int = 0
    """GracePeriodRemaining."""


@dataclass
class HostKey(ProductKey):
    """A host key."""

    key: str = ""
    group: str = ""
    installation_id: str = ""


@dataclass(frozen=True)
class KeyEvent:
    """Something that happened to a key."""

    what: str
    """installed, refused, activated, removed."""
    partial: str
    group: str | None
    time: float
