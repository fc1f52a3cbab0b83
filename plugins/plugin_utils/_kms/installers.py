# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exit codes of installers mean, and what to do about them.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._data import load
from .._errors import Failure
from .catalogue import Update

_TABLE = load(__file__, "data", "installers.yml")
_OUTCOMES: t.Mapping[int, str] = {row["code"]: row["outcome"] for row in _TABLE["outcomes"]}

INSTALLED, RESTARTING, PRESENT = "installed", "restarting", "present"
"""Done; done and the restart has begun; nothing done, since it is there already."""


def outcome(code: int) -> str | None:
    """INSTALLED, RESTARTING or PRESENT; None for a failure."""
    return _OUTCOMES.get(code & 0xFFFFFFFF)


def vouch(update: Update) -> str:
    """How the user says that another update holds this one, from the verb on."""
    if update.or_later:
        return "name that rollup with accepted_updates: [KBnnnnnnn]"
    return f"say so with catalogue_overrides: {{{update.id}: {{hotfix: KBnnnnnnn}}}}"


def failure(host: str, update: Update, code: int, log: str, last: str) -> Failure:
    """A failed installation as a sentence.

    Args:
        log: where the log lies on the host, "" where there is none of our own.
        last: the log's last lines, "" where they could not be read.
    """
    number = code & 0xFFFFFFFF
    row = next((row for row in _TABLE["failures"] if row["code"] <= number <= row.get("to", row["code"])), None)
    advice = [row["advice"]] if row else []
    if row and row["name"] == "update_not_applicable":
        advice += [f"If a later rollup holds it already, {vouch(update)}."]
        advice += [f"Of this update is known: {update.note}."] if update.note else []
    text = f"{host}: the installer of {update.title} ended with exit code {number} (0x{number:X})"
    text += f": {row['meaning']}" if row else ""
    clauses = [sentence[0].lower() + sentence[1:].rstrip(".") for sentence in advice]
    if log:
        clauses.append(f"look at {log} on the host" + (f", which ends: {last}" if last else ""))
    return Failure(
        "; ".join([text, *clauses]),
        name=row["name"] if row else "installer_failed",
        advice=" ".join(advice)
        or f"Read {log or 'the logs of the host'}, put right what it says and run the play again.",
        code=f"0x{number:X}",
    )
