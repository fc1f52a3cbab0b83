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

TRANSPORT = {
    "drop": "drop",
    "drop-answer": "drop-after",
    "stale": "stale",
    "reset": "reset",
    "hang": "hang",
    "hang-answer": "hang-after",
}
QUOTAS = {"quota": "operations", "quota-shells": "shells", "quota-user": "user", "quota-system": "system"}
KINDS = {
    "drop [N]": "the N-th request is lost, and the connection closed, before it has done its work",
    "drop-answer [N]": "the same after it has done its work: the outcome is unknown",
    "reset [N]": "the N-th request ends in a reset of the connection, its work not done",
    "hang [N]": "the N-th request is never answered, its work not done; the connection stays",
    "hang-answer [N]": "the same with its work done",
    "time-out [N]": "the N-th operation does its work and is answered with the fault of a time-out (0x80338029)",
    "stale [N]": "the N-th sealed message is refused with 400, as one sealed for a connection that is gone",
    "quota [N]": "the N-th operation exceeds MaxConcurrentOperationsPerUser (0x803381A6)",
    "quota-shells [N]": "the N-th shell from now on exceeds MaxShellsPerUser (0x803381A5)",
    "quota-user [N]": "the N-th operation exceeds the load a user may make (0x803381A7)",
    "quota-system [N]": "the N-th operation exceeds the load the service bears (0x803381A8)",
    "slow-boot SECONDS": "the next restart takes so much longer",
    "flap COUNT": "WinRM comes and goes so many times after the next restart",
    "disk-full [N]": "there is room for N more files and folders (0 if left out)",
    "installer-hang": "the next installation never ends",
    "installer-exit CODE": "the next installation ends with this code",
    "no-kms-answer": "connections to the KMS port time out",
    "no-microsoft [HRESULT]": "online activations end with this number (default 0x80072EE7)",
    "activation-without-effect STATUS [REASON]": "accepted activations are spent and answered with success, and leave"
    " this LicenseStatus (0, 2, 3, 4 or 5)",
    "hardware-changed": "the machine is on other hardware, a virtual machine that was moved for instance; `clear` does"
    " not undo it",
    "service-stopped NAME": "a service has stopped",
    "clear": "nothing goes wrong any more",
}
"""What there is, with its arguments, and what goes wrong."""


def whole_number(kind: str, args: Sequence[str], default: int | None = None) -> int:
    """The one argument of a fault, of 32 bits, decimal or with 0x. ValueError, with a sentence."""
    if not args and default is not None:
        return default
    try:
        number = int(args[0], 0) if len(args) == 1 else -1
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 32:
        raise ValueError(f"fault {kind} takes one whole number of 32 bits, not {' '.join(args) or 'nothing'}")
    return number


def nothing(kind: str, args: Sequence[str]) -> None:
    """ValueError, with a sentence, where there is an argument."""
    if args:
        raise ValueError(f"fault {kind} takes no arguments")


def _ordinal(kind: str, args: Sequence[str]) -> int:
    """The N of the N-th."""
    number = whole_number(kind, args, 1)
    if not number:
        raise ValueError(f"fault {kind} counts from 1, the next one")
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
    quotas: list[tuple[str, int]] = field(default_factory=list)
    """Quotas that are exceeded, with the number of operations (or shells) still to go."""
    time_outs: list[int] = field(default_factory=list)
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
            self.requests.append((TRANSPORT[kind], _ordinal(kind, args)))
        elif kind in QUOTAS:
            self.quotas.append((QUOTAS[kind], _ordinal(kind, args)))
        elif kind == "time-out":
            self.time_outs.append(_ordinal(kind, args))
        elif kind == "installer-hang":
            nothing(kind, args)
            self.installer_hangs = True
        elif kind == "installer-exit":
            self.installer_exit = whole_number(kind, args)
        elif kind == "no-kms-answer":
            nothing(kind, args)
            self.no_kms_answer = True
        elif kind == "no-microsoft":
            self.microsoft = whole_number(kind, args, 0x80072EE7)
        elif kind == "activation-without-effect":
            self.without_effect = _status_and_reason(kind, args)
        else:
            names = ", ".join(known.partition(" ")[0] for known in KINDS)
            raise ValueError(f"no fault is called {kind!r}; there are {names}")

    def transport(self) -> str | None:
        """Count one HTTP request; what happens to it."""
        hit = next((kind for kind, left in self.requests if left <= 1), None)
        self.requests = [(kind, left - 1) for kind, left in self.requests if left > 1]
        return hit

    def over_quota(self, shell: bool) -> str | None:
        """Count one operation, and whether it opens a shell; the quota it exceeds."""
        counted = [(name, left - 1 if shell or name != "shells" else left) for name, left in self.quotas]
        hit = next((name for name, left in counted if left <= 0), None)
        self.quotas = [(name, left) for name, left in counted if left > 0]
        return hit

    def timed_out(self) -> bool:
        """Count one operation that has done its work; is its answer a time-out?"""
        hit = any(left <= 1 for left in self.time_outs)
        self.time_outs = [left - 1 for left in self.time_outs if left > 1]
        return hit
