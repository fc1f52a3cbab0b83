# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WQL: the data queries `SELECT ... FROM Class WHERE ...`.

Knows the operators =, <>, !=, <, <=, >, >=, LIKE, IS [NOT] NULL, AND, OR, NOT and parentheses; names and strings are
compared without case, a backslash escapes inside a string. Refuses everything else (ASSOCIATORS OF, schema and event
queries): Learn says that only SELECT data queries are good over WinRM.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .values import Moment, Row, Value, dmtf, from_dmtf

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<number>[+-]?(?:0[xX][0-9A-Fa-f]+|\d+)(?![\w.]))
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<symbol><>|!=|<=|>=|[=<>(),*])
  )""",
    re.VERBOSE | re.DOTALL,
)

Literal = str | int | bool | None


class WqlError(Exception):
    """The text is not a query this dialect knows."""


@dataclass(frozen=True)
class Comparison:
    """`column operator literal`."""

    column: str
    operator: str
    literal: Literal


@dataclass(frozen=True)
class Junction:
    """AND or OR over parts."""

    both: bool
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """NOT over a part."""

    part: Condition


Condition = Comparison | Junction | Negation


@dataclass(frozen=True)
class Query:
    """A parsed query."""

    columns: tuple[str, ...] | None
    """None for a star."""
    class_name: str
    where: Condition | None

    def named(self) -> set[str]:
        """Every column that is mentioned anywhere."""
        return {*(self.columns or ()), *_columns(self.where)}


def _columns(condition: Condition | None) -> set[str]:
    if condition is None:
        return set()
    if isinstance(condition, Comparison):
        return {condition.column}
    if isinstance(condition, Negation):
        return _columns(condition.part)
    return set().union(*(_columns(part) for part in condition.parts))


def pinned(condition: Condition | None, column: str) -> set[str] | None:
    """The only values a column can have under a condition (`=` under AND and OR); None if it is left open."""
    if isinstance(condition, Comparison):
        matches = condition.column.lower() == column.lower() and condition.operator == "="
        return {str(condition.literal)} if matches and condition.literal is not None else None
    if isinstance(condition, Junction):
        found = [pinned(part, column) for part in condition.parts]
        if condition.both:
            closed = [values for values in found if values is not None]
            return set.intersection(*closed) if closed else None
        if all(values is not None for values in found):
            return set().union(*(values for values in found if values is not None))
    return None


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = self._cut(text)
        self._at = 0

    @staticmethod
    def _cut(text: str) -> list[tuple[str, str]]:
        tokens, position = [], 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                if not text[position:].strip():
                    break
                raise WqlError(f"unexpected text at {text[position : position + 12]!r}")
            tokens.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
            position = match.end()
        return tokens

    def _peek(self, word: str = "") -> bool:
        if self._at >= len(self._tokens):
            return False
        return not word or self._tokens[self._at][1].upper() == word

    def _take(self, word: str = "") -> tuple[str, str]:
        if not self._peek(word):
            raise WqlError(f"{word or 'more text'} expected")
        self._at += 1
        return self._tokens[self._at - 1]

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "word":
            raise WqlError(f"a name expected, not {text}")
        return text

    def query(self) -> Query:
        self._take("SELECT")
        columns = self._columns()
        self._take("FROM")
        class_name = self._name()
        where = None
        if self._peek("WHERE"):
            self._take()
            where = self._either()
        if self._peek():
            raise WqlError(f"unexpected {self._tokens[self._at][1]}")
        return Query(columns, class_name, where)

    def _columns(self) -> tuple[str, ...] | None:
        if self._peek("*"):
            self._take()
            return None
        columns = [self._name()]
        while self._peek(","):
            self._take()
            columns.append(self._name())
        return tuple(columns)

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._peek("OR"):
            self._take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Junction(False, tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._peek("AND"):
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Junction(True, tuple(parts))

    def _one(self) -> Condition:
        if self._peek("NOT"):
            self._take()
            return Negation(self._one())
        if self._peek("("):
            self._take()
            inside = self._either()
            self._take(")")
            return inside
        return self._comparison()

    def _comparison(self) -> Comparison:
        column = self._name()
        kind, operator = self._take()
        operator = operator.upper()
        if operator == "IS":
            negated = self._peek("NOT")
            if negated:
                self._take()
            self._take("NULL")
            return Comparison(column, "<>" if negated else "=", None)
        if operator not in ("=", "<>", "!=", "<", "<=", ">", ">=", "LIKE"):
            raise WqlError(f"{operator} is no operator")
        return Comparison(column, "<>" if operator == "!=" else operator, self._literal())

    def _literal(self) -> Literal:
        kind, text = self._take()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
        if kind == "number":
            return int(text, 0 if "x" in text.lower() else 10)
        constants: dict[str, Literal] = {"TRUE": True, "FALSE": False, "NULL": None}
        if text.upper() in constants:
            return constants[text.upper()]
        raise WqlError(f"a constant expected, not {text}")


@lru_cache(maxsize=1024)
def parse(text: str) -> Query:
    """Parse a query, or raise WqlError."""
    return _Parser(text).query()


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    out = ""
    position = 0
    while position < len(text):
        char = text[position]
        end = text.find("]", position + 1) if char == "[" else -1
        if end > position:
            inside = text[position + 1 : end].replace("\\", "\\\\")
            out += f"[{inside.replace('!', '^', 1) if inside.startswith('!') else inside}]"
            position = end + 1
            continue
        out += {"%": ".*", "_": "."}.get(char, re.escape(char))
        position += 1
    return re.compile(out, re.IGNORECASE | re.DOTALL)


def _compare(value: Value, operator: str, literal: Literal) -> bool:
    if literal is None or value is None:
        both_null = value is None and literal is None
        return both_null if operator == "=" else operator == "<>" and not both_null and literal is None
    if isinstance(value, (list, tuple)):
        return False
    if operator == "LIKE":
        return _pattern(str(literal)).fullmatch(str(value)) is not None
    left, right = _alike(value, literal)
    if left is None or right is None:
        return False
    order = (left > right) - (left < right)  # type: ignore[operator]  # both are text or both are numbers, see _alike
    return {"=": order == 0, "<>": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[
        operator
    ]


def _alike(value: Value, literal: Literal) -> tuple[float | str | None, float | str | None]:
    """Both sides in a form that can be compared; None where they cannot be."""
    if isinstance(value, Moment):
        moment = from_dmtf(str(literal))
        return (dmtf(value), dmtf(moment)) if moment is not None else (None, None)
    if isinstance(value, bool) or isinstance(literal, bool):
        words: dict[str, bool] = {"true": True, "false": False, "1": True, "0": False}
        sides = [words.get(str(side).lower()) for side in (value, literal)]
        return sides[0], sides[1]
    if isinstance(value, int):
        try:
            return value, int(literal) if literal is not None else None
        except ValueError:
            return None, None
    return str(value).lower(), str(literal).lower()


def matches(condition: Condition | None, row: Row, names: dict[str, str]) -> bool:
    """Does a row satisfy a condition? `names`: the columns' real spelling by lower case."""
    if condition is None:
        return True
    if isinstance(condition, Comparison):
        return _compare(
            row.get(names.get(condition.column.lower(), condition.column)), condition.operator, condition.literal
        )
    if isinstance(condition, Negation):
        return not matches(condition.part, row, names)
    test = all if condition.both else any
    return test(matches(part, row, names) for part in condition.parts)
