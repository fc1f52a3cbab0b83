# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of installed updates, as Win32_QuickFixEngineering shows it.

Knows what one entry is and how its day is written. Refuses to know who puts an entry there.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

_FILETIME_EPOCH = 11_644_473_600


@dataclass
class Hotfix:
    """A row of Win32_QuickFixEngineering."""

    id: str
    installed_on: str
    service_pack: str = ""
    waiting: bool = False
    """Installed, and the machine has not been restarted since."""


def us_date(when: float) -> str:
    """A day as setup programs write it, whatever the language: month/day/year."""
    day = datetime.datetime.fromtimestamp(when, datetime.timezone.utc)
    return f"{day.month}/{day.day}/{day.year}"


def filetime(when: float) -> str:
    """A time as a FILETIME in hexadecimal digits, as Vista and Server 2008 show it in this class."""
    return f"{int((when + _FILETIME_EPOCH) * 10_000_000):016x}"
