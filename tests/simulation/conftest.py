# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in packages of the simulation, and what it went through: dials, refusals, pauses; how to replay a seed."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator

import pytest
import reached
from personas import PERSONAS
from reached import Item
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


_SEED = re.compile(r"test_rollouts\.py::.*\[seed_(\d+)-")
LONG = int(os.environ.get("KMS_SIMULATION_SEEDS", "500")) >= 5000
"""Only so many seeds must have met everything; and only a run of the whole folder is judged."""


def pytest_configure(config: pytest.Config) -> None:
    """Note from the beginning what the collection answers."""
    reached.watch()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Say beside a broken seed how to replay it."""
    outcome = yield
    report, seed = outcome.get_result(), _SEED.search(item.nodeid)  # type: ignore[attr-defined]
    if report.failed and seed:
        report.sections.append(("how to replay it", f"make simulate SEED={seed[1]}"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A long run that has missed something nobody has explained has failed, and any that has met what is said to be
    out of reach."""
    wrong = _contradicted() or (_judged(session.config) and _gaps())
    if session.exitstatus == pytest.ExitCode.OK and wrong:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _judged(config: pytest.Config) -> bool:
    """Whether it is a long run of everything."""
    return LONG and not config.option.keyword and [pathlib.Path(name).name for name in config.args] == ["simulation"]


def _gaps() -> list[reached.Item]:
    """What should have been met, was not, and is not explained either."""
    excused = reached.excuses()
    return [item for item in [*reached.there_are(), *_settings()] if item not in _met() and item not in excused]


def _contradicted() -> list[reached.Item]:
    """What was met although it is explained why it cannot be."""
    return sorted(_met() & set(reached.excuses()))


def _met() -> set[reached.Item]:
    return reached.MET | {Item("Dial", f"{dial}: {one}") for dial, met in DIALS_MET.items() for one in met}


def _settings() -> list[reached.Item]:
    """Every setting of every dial of any persona."""
    found = {Item("Dial", f"{d}: {one}") for name in PERSONAS for d, row in dial_table(name).items() for one in row}
    return sorted(found)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which refusals, pauses and settings of emulated Windows were met; settings by converged rollouts only."""
    for item in _contradicted():
        terminalreporter.write_line(f"met, against not_reached.yml: {item.kind} {item.name}")
    if not DIALS_MET:
        return
    met, excused = _met(), reached.excuses()
    terminalreporter.section("what the simulated rollouts went through")
    for kind, of in reached.KINDS.items():
        all_of = [item for item in [*reached.there_are(), *_settings()] if item.kind == kind]
        terminalreporter.write_line(f"{of}: {sum(item in met for item in all_of)} of {len(all_of)} met")
        for item in all_of:
            if item not in met:
                why = excused[item]["why"] if item in excused else "NOT EXPLAINED"
                terminalreporter.write_line(f"   not met: {item.name}   ({why})")
