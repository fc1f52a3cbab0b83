# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of our own on a host: what is at work, and ending it by its id.

Internal to the collection activation.kms; not a public interface.

Which ones are ours is told by a text that only their command line holds. Refuses to end anything by its name.
"""

from __future__ import annotations

import typing as t

from .._errors import Problem
from .._world import World
from .._wsman.client import Client
from .._wsman.values import literal


def end_processes(world: World, marks: t.Sequence[str]) -> int:
    """End every process whose command line holds one of these texts; how many were ended.

    Used where something has gone wrong already, so what cannot be ended is told in the log and no failure of its own.
    """
    client = Client(world)
    where = " OR ".join(f"CommandLine LIKE {literal(f'%{_plain(mark)}%')}" for mark in marks)
    ended = 0
    try:
        rows = client.query("root/cimv2", f"SELECT Handle FROM Win32_Process WHERE {where}")
        for row in rows:
            selectors = {"Handle": row.text("Handle") or ""}
            output = client.invoke(
                "root/cimv2", "Win32_Process", "Terminate", {"Reason": 1}, selectors=selectors, mutating=True
            )
            ended += output.return_value == 0
    except Problem as problem:
        world.log(f"what an installer left running could not be ended: {problem.message}")
    return ended


def command_lines(world: World, mark: str) -> list[str]:
    """The command lines of the processes that hold this text in theirs. Raises Problem."""
    where = f"CommandLine LIKE {literal(f'%{_plain(mark)}%')}"
    rows = Client(world).query("root/cimv2", f"SELECT CommandLine FROM Win32_Process WHERE {where}")
    return [row.text("CommandLine") or "" for row in rows]


def _plain(text: str) -> str:
    """A text without meaning for LIKE: %, _ and [ stand for themselves in brackets (WQL documentation)."""
    return "".join(f"[{one}]" if one in "%_[" else one for one in text)
