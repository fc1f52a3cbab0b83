# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The languages a machine can speak.

Knows their numbers, tags and a few texts (data/languages.yml), so that a client that reads texts instead of numbers
is caught. Refuses to know what a program prints: whoever owns a program owns its texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .packaged import read


@dataclass(frozen=True)
class Language:
    """One language."""

    code: str
    """As in the names of packages: ENU, DEU, JPN."""
    lcid: int
    tag: str
    country: str
    code_page: str
    oem_code_page: str
    edition_mark: str
    """Stands behind captions."""
    fault: str
    """What SOAP faults say, "" for their own English text."""
    services: Mapping[str, str]
    """Display names of services by the lower-case name of the service."""


@lru_cache(maxsize=1)
def languages() -> dict[str, Language]:
    """Every language by its code."""
    found = {}
    for code, row in read("data/languages.yml").items():
        names = {name.lower(): text for name, text in row["services"].items()}
        found[code] = Language(**{**row, "code": code, "services": names})
    return found


def language(code: str) -> Language:
    """One language. ValueError, with a sentence, for a code there is none for."""
    found = languages().get(code)
    if found is None:
        raise ValueError(f"no language is called {code!r}; there are {', '.join(languages())}")
    return found
