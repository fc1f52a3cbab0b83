# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's table of releases, the emulated machines and the table of what they become agree with each other."""

from __future__ import annotations

import re

from build_tree import ROOT
from personas import PERSONAS

from emulated_windows.core import personas

README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("## Which Windows")[2].partition("\n## ")[0]


def test_every_emulated_machine_stands_in_the_table() -> None:
    named = re.findall(r"`((?:server|windows)-[a-z0-9-]+)`", TABLE)
    assert sorted(named) == sorted(personas())


def test_every_emulated_machine_is_simulated_and_measured() -> None:
    assert sorted(PERSONAS) == sorted(personas())
