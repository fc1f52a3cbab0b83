# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import roots and stand-in packages of the simulation, and the summary of the dials it went through."""

from __future__ import annotations

import pathlib

import pytest
from simulated import DIALS_MET, PERSONA

from emulated_windows.core import dial_table
from emulated_windows.packages import catalogue, write_packages


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the stand-ins for Server 2003 x86."""
    folder = tmp_path_factory.mktemp("packages")
    wanted = (item for item in catalogue("ENU", "update.exe") if item.architecture == "x86")
    for _written in write_packages(folder, wanted, 0):
        pass
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which settings of emulated Windows the seeds went through."""
    if not DIALS_MET:
        return
    terminalreporter.section("dials of emulated Windows met by converged rollouts")
    for dial, settings in dial_table(PERSONA).items():
        missed = [setting for setting in settings if setting not in DIALS_MET[dial]]
        met = ", ".join(setting for setting in settings if setting in DIALS_MET[dial])
        terminalreporter.write_line(f"{dial}: {met}" + (f"   NOT MET: {', '.join(missed)}" if missed else ""))
