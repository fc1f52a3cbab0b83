# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs print, in the language of the host.

Knows data/program_texts.yml. Refuses to know when a text is due.
"""

from __future__ import annotations

from ..machine.disk import ACCESS_DENIED, InUseError
from ..machine.machine import Machine
from ..packaged import read
from .program import lines

_FILE = "data/program_texts.yml"


ENGLISH = "ENU"


def word(machine: Machine, key: str, *, english: bool = False, **parts: object) -> str:
    """One text. `english`: of a program that speaks no other language there."""
    return str(read(_FILE)[key][ENGLISH if english else machine.options.language]).format(**parts)


def said(machine: Machine, key: str, *, english: bool = False, **parts: object) -> str:
    """One text as lines of output."""
    return lines(*word(machine, key, english=english, **parts).split("\n"))


def in_use(machine: Machine, error: InUseError) -> str:
    """What is said of a file that cannot be deleted or replaced."""
    return said(machine, "access_denied" if error.code == ACCESS_DENIED else "in_use")
