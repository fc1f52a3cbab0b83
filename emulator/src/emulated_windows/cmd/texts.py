# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netsh and reg print, in the language of the host.

Knows data/program_texts.yml. Refuses to know when a text is due.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..machine.machine import Machine
from .program import lines

_FILE = Path(__file__).parent.parent / "data" / "program_texts.yml"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@lru_cache(maxsize=1)
def _texts() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = yaml.load(
        _FILE.read_text(encoding="utf-8"), Loader=_LOADER
    )  # a safe loader, see _LOADER
    return found


def word(machine: Machine, key: str, **parts: object) -> str:
    """One text."""
    return _texts()[key][machine.options.language].format(**parts)


def said(machine: Machine, key: str, **parts: object) -> str:
    """One text as lines of output."""
    return lines(*word(machine, key, **parts).split("\n"))
