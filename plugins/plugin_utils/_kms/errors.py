# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the licensing service's numbers mean, and what to do about them.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._data import load
from .._errors import Failure
from .._wsman.values import Output

_ERRORS = load(__file__, "data", "errors.yml")["errors"]
_UNEXPLAINED = ("licensing_error", "windows_error")  # names of failures that say no more than their number
OFFLINE = "or take the offline route, which needs no Internet access on the host (activation: offline)."
ACTIVATION_IN_PROGRESS = "0xC004E028"


def explained(problem: Failure, host: str, doing: str) -> Failure:
    """A failure of a licensing call with the number's meaning and advice.

    What is no answer of the licensing service (WinRM's quota, a message it refused) explains itself already.

    Args:
        doing: what was tried, "installing the host key *****-67892" for instance.
    """
    code = normal_code(problem.code)
    if code not in _ERRORS and problem.name not in _UNEXPLAINED:
        return problem
    return failure(host, doing, code, problem.advice)


def failure(host: str, doing: str, code: str | None, detail: str = "") -> Failure:
    """A failure from a number alone."""
    row = _ERRORS.get(code or "")
    if row is None:
        return Failure(
            f"{host}: {doing} failed"
            + (f" with {code}" if code else "")
            + "; look the number up in Microsoft's list of "
            "activation error codes and at the host's application event log",
            name="licensing_error",
            advice=detail,
            code=code,
        )
    advice = f"{row['advice'].rstrip('.')}; {OFFLINE}" if row.get("offline") else str(row["advice"])
    return Failure(
        f"{host}: {doing} failed: {row['meaning']} ({code}, {row['name']}). {advice}",
        name=row["name"],
        advice=advice,
        code=code,
    )


def is_unexplained(code: str | None) -> bool:
    """Whether no more is known of a number than the number."""
    return code not in _ERRORS


def is_settled(code: str | None) -> bool:
    """Whether nothing is under way any more after this answer to an activation."""
    return bool(_ERRORS.get(code or "", {}).get("settled"))


def carry_out(host: str, doing: str, call: t.Callable[[], Output]) -> None:
    """Call a licensing method whose failure is explained by its number, wherever Windows puts that."""
    try:
        check_return(call(), host, doing)
    except Failure as problem:
        raise explained(problem, host, doing) from None


def check_return(output: Output, host: str, doing: str) -> None:
    """Raise the explained Failure where a licensing method returned something other than 0."""
    if output.return_value:
        raise failure(host, doing, f"0x{output.return_value & 0xFFFFFFFF:08X}")


def normal_code(code: str | None) -> str | None:
    """0xc004f050 and 0xC004F050 are one."""
    return None if code is None else "0x" + code[2:].upper() if code.lower().startswith("0x") else code
