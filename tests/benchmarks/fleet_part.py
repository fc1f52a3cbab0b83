# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the benchmarks on fleets: the same look at 10, 100 and 500 hosts, by every way there is.

Knows in which order things are measured. Refuses to know how, and what is good enough (see fleet_report.py).
"""

from __future__ import annotations

import argparse
import datetime
import os
from importlib.metadata import version
from pathlib import Path

import fleet_growth
import fleet_report
from estates import emulated
from fleet_estate import MIX
from report import Section

SMALL = 100  # a larger fleet is measured in one round: its hosts are rounds enough
DELAYS = (0, 50)


def measure(folder: Path, collections: Path, options: argparse.Namespace) -> Section:
    """All of it. Raises EstateFailed, processes.CommandFailed and latency.RelayFailed."""
    load = os.getloadavg()[0]  # of others: a busy machine makes every figure of CPU a larger one
    packages = folder / "packages"
    emulated("packages", str(packages))
    fleets = [
        fleet_growth.measure(
            folder / f"estate-{hosts}",
            collections,
            packages,
            hosts,
            options.fleet_forks,
            options.rounds if hosts <= SMALL else 1,
            DELAYS,
        )
        for hosts in sorted(options.fleet)
    ]
    about = {
        "date": datetime.date.today().isoformat(),
        "pywinrm": version("pywinrm"),
        "personas": ", ".join(MIX),
        "forks": options.fleet_forks,
        "load": load,
        "rounds": f"{options.rounds} (1 above {SMALL} hosts)",
    }
    return fleet_report.section(about, fleets)
