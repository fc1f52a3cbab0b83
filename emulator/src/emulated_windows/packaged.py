# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML files that come with the package: personas and data.

Knows where they are and how they are parsed quickly and safely. Each file is read once a process, whatever the number
of hosts; whoever asks gets the one parsed value and must not change it. Refuses to know what stands in them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).parent
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def read(path: str) -> Any:
    """The value of a file, by its path inside the package."""
    return yaml.load((PACKAGE / path).read_text(encoding="utf-8"), Loader=_LOADER)  # a safe loader, see _LOADER
