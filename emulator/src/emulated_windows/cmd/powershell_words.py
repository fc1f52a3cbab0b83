# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How PowerShell reads a statement that is one command: words, quotes, and where it would be more than that.

Knows bare words, single and double quotes, also in the middle of a word (about_Parsing, about_Quoting_Rules). Refuses
variables, operators, escapes, and arguments Windows PowerShell is known to hand to programs otherwise than written.
"""

from __future__ import annotations

import re

_MORE_THAN_A_WORD = frozenset("$`(){};|&<>,@#\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2013\u2014\u2015")
_MORE_THAN_TEXT = {'"': frozenset('$`"\u201c\u201d\u201e'), "'": frozenset("'\"\u2018\u2019\u201a\u201b")}
_COMMAND = re.compile(r"[A-Za-z]:?[\w.\\/:~-]*\Z")


class ScriptError(Exception):
    """This is more than one program with plain arguments; says what."""


def words_of(statement: str) -> tuple[str, ...]:
    """The words of a command. Raises ScriptError."""
    words: list[str] = []
    position = 0
    while position < len(statement):
        if statement[position].isspace():
            position += 1
            continue
        word, position = _word(statement, position)
        words.append(_plain(word))
    if not words or not _COMMAND.match(statement.split(maxsplit=1)[0]):
        raise ScriptError("it does not begin with the name of a program")
    return tuple(words)


def quoted(word: str) -> str:
    """A word as PowerShell hands it to a program: in double quotes where it has blanks."""
    return f'"{word}"' if re.search(r"\s", word) else word


def _word(statement: str, position: int) -> tuple[str, int]:
    """One word and the place behind it."""
    word = ""
    while position < len(statement) and not statement[position].isspace():
        char = statement[position]
        if char in _MORE_THAN_TEXT:
            text, position = _text(statement, position)
            word += text
            continue
        if char in _MORE_THAN_A_WORD:
            raise ScriptError(f"{char} is not modelled outside quotes")
        word, position = word + char, position + 1
    return word, position


def _text(statement: str, position: int) -> tuple[str, int]:
    """What stands in quotes, and the place behind them."""
    mark = statement[position]
    end = statement.find(mark, position + 1)
    if end < 0:
        raise ScriptError(f"a {mark} is not closed")
    text = statement[position + 1 : end]
    if _MORE_THAN_TEXT[mark] & set(text) or statement[end + 1 : end + 2] == mark:
        raise ScriptError(f"variables, escapes and quotes inside {mark} are not modelled")
    return text, end + 1


def _plain(word: str) -> str:
    """A word that reaches a program as it is written: not an empty one, no -a.b, no blank before a last backslash."""
    if not word or word == "--%" or re.match(r"-\w*\.", word) or (re.search(r"\s", word) and word.endswith("\\")):
        raise ScriptError(f"the argument {quoted(word) or '(empty)'} reaches a program otherwise than it is written")
    return word
