# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the benchmarks on emulated Windows: one estate from bare and in spec, large packages, every persona.

Knows in which order things are measured. Refuses to know how, and what is good enough (see windows_report.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import generations
import in_spec
import windows_report
from estates import emulated, hosts, serving
from report import Section
from rollouts import roll_out, with_packages

TRANSPORTS = ("ntlm", "basic")


def measure(folder: Path, collections: Path, options: argparse.Namespace) -> Section:
    """All of it. Raises EstateFailed and processes.CommandFailed."""
    small, large = folder / "small", folder / "large"
    emulated("packages", str(small))
    emulated("packages", str(large), "--pad", str(options.padding))
    plan = in_spec.Plan(options.tasks, options.rounds, options.forks)
    machines = [*hosts("ntlm", options.hosts), *hosts("basic", options.hosts, first_key=8)]
    with serving(folder / "estate", collections, machines) as estate:
        bare = {name: roll_out(estate, name, str(small)) for name in TRANSPORTS}
        cases = in_spec.measure(estate, TRANSPORTS, str(small), plan)
        messages, repeated = in_spec.repeated_messages(estate, str(small))
    single = hosts("ntlm", 1)
    figures = windows_report.Figures(
        about=_about(options),
        in_spec=cases,
        from_bare=bare,
        messages=messages,
        repeated=repeated,
        small=with_packages(folder / "estate-small", collections, single, small),
        padded=with_packages(folder / "estate-padded", collections, single, large),
        generations=generations.measure(folder / "estate-generations", collections, small, options.tasks * 2),
    )
    return windows_report.section(figures)


def _about(options: argparse.Namespace) -> Mapping[str, Any]:
    return {
        "pywinrm": version("pywinrm"),
        "hosts of each transport": options.hosts,
        "tasks of the long play": options.tasks,
        "rounds": options.rounds,
        "forks": options.forks,
        "padding MB": options.padding,
    }
