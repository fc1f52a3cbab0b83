# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes emulated Windows importable from the checkout where it is not installed, and hands out a host to talk to."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if importlib.util.find_spec("emulated_windows") is None:
    sys.path.insert(0, str(Path(__file__).parents[3] / "emulator" / "src"))

from corewire import Wire


@pytest.fixture
def wire() -> Callable[..., Wire]:
    """Makes a host with its own clock. Keyword arguments: those of HostOptions, and `dials`."""
    return Wire
