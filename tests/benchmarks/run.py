# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection on DNS servers and emulated Windows, prints tables and writes .build/bench/latest.json.

    run.py --hosts 20 --tasks 6 --rounds 3 --padding 10
    run.py --only dns
    run.py --only fleet --fleet 10 50 --rounds 1

Exit code 1 when a bar is not met, 2 when something could not be measured. README.md beside this file tells the method.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fleet_part
import publishing_part
import windows_part
from build_tree import BUILD, ROOT, refresh
from dns_server import CannotStart
from estates import MOST_HOSTS, EstateFailed
from fleet_estate import MIX, TRANSPORTS
from fleet_estate import MOST_HOSTS as MOST_OF_A_FLEET
from latency import RelayFailed
from processes import CommandFailed, say
from publishing_speed import NotPublished
from report import Section

RESULT = BUILD / "bench" / "latest.json"
PARTS: dict[str, Callable[[Path, Path, argparse.Namespace], Section]] = {
    "dns": publishing_part.measure,
    "windows": windows_part.measure,
    "fleet": fleet_part.measure,
}


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    results, met, machine = _results(), True, _machine()  # the commit that is copied, whatever is done meanwhile
    with tempfile.TemporaryDirectory(prefix="activation-kms-bench-") as name:
        collections = _snapshot(Path(name))
        for part in [options.only] if options.only else PARTS:
            folder = Path(name, part)
            folder.mkdir()
            try:
                section = PARTS[part](folder, collections, options)
            except CannotStart as missing:
                print(f"{part}: {missing}\n`sh tests/tools/system_packages.sh` installs all of them.", file=sys.stderr)
                return 2
            except (CommandFailed, EstateFailed, NotPublished, RelayFailed) as failure:
                print(f"{part}: not measured: {failure}", file=sys.stderr)
                return 2
            _tell(part, section, results.get(part, {}))
            results[part] = {"machine": machine, **section.as_data()}
            _keep(results)
            met = met and section.met
    return 0 if met else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the collection on DNS servers and emulated Windows.")
    parser.add_argument("--only", choices=PARTS, help="measure this part only, and keep what is known of the others")
    parser.add_argument("--hosts", type=int, default=20, help="hosts of each transport")
    parser.add_argument("--tasks", type=int, default=6, help="tasks of the long play")
    parser.add_argument("--rounds", type=int, default=3, help="how often every case of plays is measured")
    parser.add_argument("--publishing-rounds", type=int, default=7, help="how often publishing without plays is")
    parser.add_argument("--forks", type=int, default=2, help="hosts at a time, in spec")
    parser.add_argument("--padding", type=int, default=10, metavar="MB", help="size of the large packages")
    parser.add_argument("--fleet", type=int, nargs="+", default=[10, 100, 500], metavar="HOSTS", help="sizes of fleets")
    parser.add_argument("--fleet-forks", type=int, default=20, help="hosts at a time, in fleets")
    options = parser.parse_args(arguments)
    if not 1 <= options.hosts <= MOST_HOSTS:
        parser.error(f"--hosts must be between 1 and {MOST_HOSTS}")
    if not all(len(MIX) * len(TRANSPORTS) <= hosts <= MOST_OF_A_FLEET for hosts in options.fleet):
        parser.error(f"--fleet takes sizes between {len(MIX) * len(TRANSPORTS)} and {MOST_OF_A_FLEET}")
    at_least_one = (options.rounds, options.publishing_rounds, options.forks, options.fleet_forks, options.padding)
    if options.tasks < 2 or min(at_least_one) < 1:
        parser.error(
            "--tasks must be at least 2; --rounds, --publishing-rounds, --forks, --fleet-forks and --padding at least 1"
        )
    return options


def _tell(part: str, section: Section, before: dict[str, Any]) -> None:
    heading = [part.upper(), *(f"{name}: {value}" for name, value in _machine().items())]
    print("\n".join([*heading, section.table()]))
    comparable = before.get("comparable", {})
    if comparable:
        print(f"\n{section.comparison(comparable)}")
    print(flush=True)


def _results() -> dict[str, dict[str, Any]]:
    """What was measured before, part by part; nothing where there was none, or where it was written in another form."""
    try:
        found = json.loads(RESULT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {part: found[part] for part in PARTS if isinstance(found.get(part), dict)}


def _keep(results: dict[str, dict[str, Any]]) -> None:
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _snapshot(folder: Path) -> Path:
    """The collection as it is now: who edits it meanwhile does not change what is measured."""
    say("copying the collection")
    target = folder / "collections" / "ansible_collections" / "activation" / "kms"
    shutil.copytree(refresh(), target, ignore=shutil.ignore_patterns("tests", "emulator", "__pycache__"))
    return folder / "collections"


def _machine() -> dict[str, str | int]:
    described = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": described.stdout.strip(),
        "ansible-core": version("ansible-core"),
        "Python": platform.python_version(),
        "processors": os.cpu_count() or 0,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
