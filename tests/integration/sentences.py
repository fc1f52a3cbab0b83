# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every error message must be: one sentence for an administrator. Knows nothing of what went wrong."""

from __future__ import annotations

from collections.abc import Iterable

FOR_PROGRAMMERS = ("Traceback", "Exception", "ansible_collections", "NoneType", "object at", "error it does not know")
LONGEST = 900  # characters; the longest ends with the last lines of an installer's log


def judge(said: str, host: str, words: Iterable[str]) -> None:
    """It begins with the host, names what it is about, and stays one sentence, with at most an advice behind it.

    Args:
        host: the name it begins with; "" where the message is Ansible's own.
    """
    for word in words:
        assert word in said, f"{word} is not in: {said}"
    assert not host or said.startswith(f"{host}: "), said
    assert "\n" not in said and len(said) < LONGEST, said
    for word in FOR_PROGRAMMERS:
        assert word not in said, said
    assert said.count(". ") <= 1, said
