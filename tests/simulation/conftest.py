# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import roots and stand-in packages of the simulation, and the summary of the dials it went through."""

from __future__ import annotations

import pathlib

import pytest
from personas import PERSONAS
from scenario import LANGUAGES
from simulated import DIALS_MET

from emulated_windows.core import dial_table
from emulated_windows.packages import catalogue, write_packages


@pytest.fixture(scope="session")
def packages_by_language(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """For each language a folder with the stand-ins of every package; those for x64 of KMS 1.0 lie in `x64`."""
    folders = {language: tmp_path_factory.mktemp(f"packages-{language}") for language in LANGUAGES}
    for language, folder in folders.items():
        for _written in write_packages(folder, catalogue(language, "update.exe"), 0):
            pass
    return folders


@pytest.fixture(scope="session")
def packages(packages_by_language: dict[str, pathlib.Path]) -> pathlib.Path:
    """The folder of the English ones."""
    return packages_by_language["ENU"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which settings of emulated Windows the converged rollouts went through, over all personas."""
    if not DIALS_MET:
        return
    terminalreporter.section("dials of emulated Windows met by converged rollouts")
    for dial, settings in _all_dials().items():
        missed = [setting for setting in settings if setting not in DIALS_MET[dial]]
        met = ", ".join(setting for setting in settings if setting in DIALS_MET[dial])
        terminalreporter.write_line(f"{dial}: {met}" + (f"   NOT MET: {', '.join(missed)}" if missed else ""))


def _all_dials() -> dict[str, list[str]]:
    """Every dial of any persona with all its settings."""
    found: dict[str, list[str]] = {}
    for persona in PERSONAS:
        for dial, settings in dial_table(persona).items():
            known = found.setdefault(dial, [])
            known += [setting for setting in settings if setting not in known]
    return found
