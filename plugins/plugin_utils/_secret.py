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
import codecs
import collections.abc
import json
import re
import typing as t
import urllib.parse
from xml.sax.saxutils import escape

HIDDEN = "********"
_KEY_LENGTH = 25  # characters of a product key without its dashes
_SHORTEST = 4  # shorter values would blank out ordinary text ("a" in every word); no real secret is that short


_NO_LETTER = re.compile(r"[\W_]")

# Made at their first use, so that each forked worker of Ansible would make them for itself.
codecs.lookup("utf-16-le")
urllib.parse.quote(bytes(range(256)), safe="")
urllib.parse.quote(bytes(range(256)))


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
    """A KMS host key (CSVLK). Shows its last five characters, as Windows itself does (PartialProductKey).

    What is too short to be a key may be a password in the wrong option: of that nothing is shown.
    """

    __slots__ = ()

    @property
    def last_five(self) -> str:
        """The last five characters in upper case; Windows stores them as PartialProductKey."""
        return self._value.strip()[-5:].upper()

    @property
    def shown(self) -> str:
        return f"*****-{self.last_five}" if len(self._value.strip()) >= _KEY_LENGTH else HIDDEN


def _forms(secret: Secret) -> t.Iterator[str]:
    """The value, in upper and lower case, without dashes; a host key also with dashes where a key has them."""
    value = secret.reveal()
    forms = {value, value.replace("-", ""), value.strip()}
    if isinstance(secret, HostKey):
        bare = _NO_LETTER.sub("", value)
        forms |= {bare, "-".join(bare[at : at + 5] for at in range(0, len(bare), 5))}
    for form in forms:
        yield from {form, form.upper(), form.lower()}


def _spellings(form: str) -> t.Iterator[str]:
    """How it could be written: as it is, escaped for XML (text, attribute), a URL, JSON or Python, in base64."""
    yield form
    yield escape(form)
    yield escape(form, {'"': "&quot;"})
    yield escape(form, {'"': "&quot;", "'": "&apos;"})
    yield urllib.parse.quote(form, safe="")
    yield urllib.parse.quote(form)
    yield urllib.parse.quote_plus(form)
    yield json.dumps(form)[1:-1]
    yield json.dumps(form, ensure_ascii=False)[1:-1]
    yield repr(form)[1:-1]
    yield base64.b64encode(form.encode("utf-8", "surrogatepass")).decode()
    yield base64.b64encode(form.encode("utf-16-le", "surrogatepass")).decode()


class Scrubber:
    """Blanks every known secret out of any result, however deep, in keys and values alike."""

    def __init__(self, secrets: t.Iterable[Secret] = ()) -> None:
        self._shown: dict[str, str] = {}
        self._longest_first: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret) -> None:
        """Learn one more secret; values of fewer than four characters are not looked for."""
        for form in _forms(secret):
            if len(form) >= _SHORTEST:
                self._shown.update(dict.fromkeys(_spellings(form), secret.shown))
        self._longest_first = sorted(self._shown, key=len, reverse=True)

    def holds(self, text: str) -> bool:
        """Whether the text is a secret, or has a product key somewhere in it.

        Another secret within a longer text is taken for chance: a password may well be a word ("vagrant", in a path).
        """
        whole = text.strip()
        return any(part in text and (shown != HIDDEN or part == whole) for part, shown in self._shown.items())

    def text(self, text: str) -> str:
        """The text with every secret replaced by what may be shown of it; longest spellings first."""
        for spelling in self._longest_first:
            if spelling in text:
                text = text.replace(spelling, self._shown[spelling])
        return text

    def scrub(self, value: t.Any) -> t.Any:
        """A copy of a JSON-like value without secrets. Unknown types become their scrubbed text."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, collections.abc.Mapping):
            return {self.text(str(key)): self.scrub(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.scrub(item) for item in value]
        return self.text(str(value))
