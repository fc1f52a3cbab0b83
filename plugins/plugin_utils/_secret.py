# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that show nothing, and the one place that scrubs everything shown.

Internal to the collection activation.kms; not a public interface.

Ansible does not censor what an action plugin returns, and prints the message of an exception even under `no_log`.
So secrets travel as Secret, whose text is never the value, and every result passes through a Scrubber as well.
`reveal()` is called in the few files that put a secret on the wire; a test keeps the list of them.
"""

from __future__ import annotations

import base64
import typing as t
import urllib.parse
from xml.sax.saxutils import escape

HIDDEN = "********"
_SHORTEST = 4  # shorter values would blank out ordinary text ("a" in every word); no real secret is that short


class Secret:
    """A value that must not be shown. Its text is eight asterisks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = str(value)

    def reveal(self) -> str:
        """The value itself, for the wire only."""
        return self._value

    @property
    def shown(self) -> str:
        """What may stand in a message."""
        return HIDDEN

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shown})"

    def __str__(self) -> str:
        return self.shown

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> t.NoReturn:
        raise TypeError("a secret is not pickled")


class HostKey(Secret):
    """A KMS host key (CSVLK). Shows its last five characters, as Windows itself does (PartialProductKey)."""

    __slots__ = ()

    @property
    def last_five(self) -> str:
        """The last five characters in upper case; Windows stores them as PartialProductKey."""
        return self._value[-5:].upper()

    @property
    def shown(self) -> str:
        return f"*****-{self.last_five}"


def _spellings(value: str) -> t.Iterator[str]:
    """The forms in which a secret could turn up: as it is, without dashes, escaped for XML or a URL, base64."""
    for form in {value, value.replace("-", ""), value.upper(), value.lower(), value.strip()}:
        yield form
        yield escape(form, {'"': "&quot;", "'": "&apos;"})
        yield urllib.parse.quote(form, safe="")
        yield base64.b64encode(form.encode()).decode()
        yield base64.b64encode(form.encode("utf-16-le")).decode()


class Scrubber:
    """Blanks every known secret out of any result, however deep, in keys and values alike."""

    def __init__(self, secrets: t.Iterable[Secret] = ()) -> None:
        self._shown: dict[str, str] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Learn one more secret; values of fewer than four characters are not looked for."""
        for form in _spellings(secret.reveal()):
            if len(form) >= _SHORTEST:
                self._shown[form] = secret.shown

    def text(self, text: str) -> str:
        """The text with every secret replaced by what may be shown of it; longest spellings first."""
        for form in sorted(self._shown, key=len, reverse=True):
            if form in text:
                text = text.replace(form, self._shown[form])
        return text

    def scrub(self, value: t.Any) -> t.Any:
        """A copy of a JSON-like value without secrets. Unknown types become their scrubbed text."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, t.Mapping):
            return {self.text(str(key)): self.scrub(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.scrub(item) for item in value]
        return self.text(str(value))
