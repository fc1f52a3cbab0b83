# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures for the outer half of emulated Windows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Works from a checkout, whether or not the package is installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "emulator" / "src"))

from served import Command, Served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """A function that serves a fake machine."""
    running: list[Served] = []

    def start(*, connections: int = 32, **settings: Any) -> Served:
        running.append(Served(tmp_path, connections, **settings))
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command line."""
    found = Command(tmp_path)
    yield found
    found.clean()
