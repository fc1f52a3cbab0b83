# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what an administrator's bad day looks like, one at a time.

Knows which faults there are, counts requests down to the one that is hit, and holds switches the machine asks.
Refuses to know what a fault does: that stands where it happens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TRANSPORT = {"drop": "drop", "drop-answer": "drop-after", "stale": "stale", "reset": "reset"}


def _whole(kind: str, args: Sequence[str], default: int | None = None) -> int:
    if not args and default is not None:
        return default
    try:
        number = int(args[0], 0) if len(args) == 1 else -1
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError(f"fault {kind} takes one whole number, not {' '.join(args) or 'nothing'}")
    return number


def _status_and_reason(kind: str, args: Sequence[str]) -> tuple[int, int]:
    """LicenseStatus (any but 1, licensed) and, if given, LicenseStatusReason."""
    try:
        numbers = [int(text, 0) for text in args]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or numbers[0] not in (0, 2, 3, 4, 5) or not 0 <= numbers[-1] < 1 << 32:
        raise ValueError(f"fault {kind} takes a LicenseStatus of 0, 2, 3, 4 or 5 and a reason, not {' '.join(args)!r}")
    return numbers[0], numbers[1] if len(numbers) == 2 else 0


@dataclass
class FaultPlan:
    """What is going to go wrong on one host."""

    requests: list[tuple[str, int]] = field(default_factory=list)
    """Transport faults with the number of requests still to go."""
    quota: list[int] = field(default_factory=list)
    installer_hangs: bool = False
    installer_exit: int | None = None
    no_kms_answer: bool = False
    microsoft: int = 0
    """HRESULT every attempt to reach the activation servers ends with, 0 for none."""
    without_effect: tuple[int, int] | None = None
    """LicenseStatus and reason (0: the usual one) that every accepted activation leaves, instead of a licence."""

    def plan(self, kind: str, args: Sequence[str]) -> None:
        """Remember a fault. ValueError, with a sentence, for one that is not known here."""
        if kind in TRANSPORT:
            self.requests.append((TRANSPORT[kind], max(1, _whole(kind, args, 1))))
        elif kind == "quota":
            self.quota.append(max(1, _whole(kind, args, 1)))
        elif kind == "installer-hang":
            self.installer_hangs = True
        elif kind == "installer-exit":
            self.installer_exit = _whole(kind, args)
        elif kind == "no-kms-answer":
            self.no_kms_answer = True
        elif kind == "no-microsoft":
            self.microsoft = _whole(kind, args, 0x80072EE7)
        elif kind == "activation-without-effect":
            self.without_effect = _status_and_reason(kind, args)
        else:
            raise ValueError(f"no fault is called {kind!r}")

    def transport(self) -> str | None:
        """Count one HTTP request; what happens to it."""
        hit = next((kind for kind, left in self.requests if left <= 1), None)
        self.requests = [(kind, left - 1) for kind, left in self.requests if left > 1]
        return hit

    def over_quota(self) -> bool:
        """Count one WS-Management request; is it one too many?"""
        hit = any(left <= 1 for left in self.quota)
        self.quota = [left - 1 for left in self.quota if left > 1]
        return hit
