# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as data: one sentence, a name, an advice, a code.

Internal to the collection activation.kms; not a public interface.

Every error that reaches a user is a Problem. Its sentence says what is wrong, on which host and what to do; the code
and its symbol stand beside it. A Problem never holds a secret: it is built from names and numbers only.
"""

from __future__ import annotations


class Problem(Exception):
    """An error with a sentence for a person.

    Attributes:
        message: one sentence: what is wrong, where, what to do.
        name: a stable id a playbook can test, "package_missing" for instance.
        advice: what to do, in a sentence of its own; may repeat the end of the message in more detail.
        code: the number Windows or the DNS server gave, "0xC004F050" for instance, or None.
    """

    def __init__(self, message: str, *, name: str, advice: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.name = name
        self.advice = advice
        self.code = code

    def as_data(self) -> dict[str, str]:
        """The `error` of a result: {name, advice, code?}. Without an advice of its own the message is it."""
        data = {"name": self.name, "advice": self.advice or self.message}
        if self.code is not None:
            data["code"] = self.code
        return data


class Refusal(Problem):
    """The wish cannot or must not be carried out. Raised while planning, so nothing has been changed by it."""


class Failure(Problem):
    """Something was tried and did not work."""


class Unreachable(Problem):
    """The managed host's own WinRM did not answer or refused the login. No other peer is ever 'unreachable'."""


class OutcomeUnknown(Problem):
    """A request that may have changed something was sent and its answer never came.

    The engine catches it, looks at the host, and repeats the step unless the step is `once`.
    """
