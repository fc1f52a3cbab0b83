# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bare machine of each persona becomes in simulation and benchmarks: tests/personas.yml, read once.

Knows the file's form. Knows nothing of how it is brought about.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

_DATA = yaml.safe_load((Path(__file__).parents[1] / "personas.yml").read_text(encoding="utf-8"))
HOST_KEYS: dict[str, str] = _DATA["host_keys"]
"""A host key for each key group that is used."""


@dataclass(frozen=True)
class Wanted:
    """One persona's row; see the file."""

    persona: str
    serve: list[str]
    key_group: str
    updates: list[str]
    restarts: int
    most_reads: int
    shells: int

    @property
    def key(self) -> str:
        """The host key of its group."""
        return HOST_KEYS[self.key_group]

    @property
    def x64_chain(self) -> bool:
        """Whether its KMS 1.0 package is the x64 one, which lies in a folder of its own under the same name."""
        return "kms_1_0" in self.updates and not self.persona.endswith("-x86")


PERSONAS: dict[str, Wanted] = {name: Wanted(persona=name, **row) for name, row in _DATA["personas"].items()}
"""By the persona's name, oldest first."""
