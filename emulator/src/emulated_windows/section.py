# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One mapping of a YAML file whose scalars are all text: typed reading, a sentence for each mistake, no unknown keys.

Knows where in the file it stands. Refuses to know what the keys mean.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

_YES = ("true", "yes", "on")
_NO = ("false", "no", "off")


class EstateError(Exception):
    """A mistake in ESTATE.yml, or something that keeps the estate from being served: one sentence for the user."""


class Section:
    """Reads keys of a mapping and remembers which were asked for."""

    def __init__(self, where: str, data: Mapping[Any, Any]) -> None:
        self.where = where
        self._data = data
        self._asked: set[str] = set()

    def path(self, key: str) -> str:
        """How a message names `key`."""
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        """Does the file say anything about `key`?"""
        self._asked.add(key)
        return key in self._data

    def names(self) -> list[str]:
        """All keys, for mappings whose keys are names."""
        names = [str(name) for name in self._data]
        self._asked.update(names)
        return names

    def section(self, key: str) -> Section:
        """The mapping at `key`."""
        if not self.has(key):
            raise EstateError(f"{self.path(key)} is missing.")
        value = self._data[key]
        if not isinstance(value, dict):
            raise EstateError(f"{self.path(key)} must be a mapping.")
        return Section(self.path(key), value)

    def sections(self, key: str) -> list[Section]:
        """The mapping at `key`, or the mappings of the list there."""
        value = self._data[key] if self.has(key) else None
        if not isinstance(value, list):
            return [self.section(key)]
        found = []
        for number, item in enumerate(value, 1):
            where = f"{self.path(key)}[{number}]"
            if not isinstance(item, dict):
                raise EstateError(f"{where} must be a mapping.")
            found.append(Section(where, item))
        return found

    def entry(self, key: str, where: str) -> Section | str:
        """The text or the mapping at `key`, under a name that does not give `key` away."""
        value = self._data[key]
        if isinstance(value, dict):
            return Section(where, value)
        if not isinstance(value, str):
            raise EstateError(f"{where} must be a single value or a mapping.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """The text at `key`."""
        if not self.has(key):
            if default is None:
                raise EstateError(f"{self.path(key)} is missing.")
            return default
        value = self._data[key]
        if not isinstance(value, str):
            raise EstateError(f"{self.path(key)} must be a single value.")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """One of `choices`; the letter case is forgiven."""
        value = self.text(key, default)
        for choice in choices:
            if value.lower() == choice.lower():
                return choice
        raise EstateError(f"{self.path(key)}: {value or 'an empty text'} is none of {', '.join(choices)}.")

    def texts(self, key: str) -> list[str]:
        """A list of texts at `key`; empty where it is not given."""
        if not self.has(key):
            return []
        value = self._data[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise EstateError(f"{self.path(key)} must be a list of single values.")
        return list(value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number between `low` and `high`."""
        value = self.text(key, None if default is None else str(default))
        if not value.isascii() or not value.isdigit() or len(value) > 12 or not low <= int(value) <= high:
            raise EstateError(f"{self.path(key)}: {value} is not a whole number from {low} to {high}.")
        return int(value)

    def port(self, key: str, default: int | None = None) -> int:
        """A TCP port."""
        return self.integer(key, 1, 65535, default)

    def number(self, key: str, default: float) -> float:
        """A duration in seconds, up to a day."""
        value = self.text(key, str(default))
        try:
            seconds = float(value)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= 86400:  # refuses NaN too
            raise EstateError(f"{self.path(key)}: {value} is not a number of seconds from 0 to 86400.")
        return seconds

    def flag(self, key: str, default: bool) -> bool:
        """True or false, as YAML spells it."""
        value = self.text(key, "true" if default else "false").lower()
        if value not in _YES + _NO:
            raise EstateError(f"{self.path(key)}: {value} is neither true nor false.")
        return value in _YES

    def finish(self) -> None:
        """Refuse every key nobody asked for."""
        for key in self._data:
            if str(key) not in self._asked:
                close = difflib.get_close_matches(str(key), sorted(self._asked), n=1)
                hint = f"; did you mean {close[0]}?" if close else "."
                raise EstateError(f"{self.path(str(key))} is not a key of an estate{hint}")
