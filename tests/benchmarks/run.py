# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection on emulated Windows, prints a table and writes .build/bench/latest.json.

    run.py --hosts 20 --tasks 6 --rounds 3 --padding 10

Exit code 1 when a bar is not met, 2 when something could not be measured. README.md beside this file tells the method.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import generations
import in_spec
import report
from estates import MOST_HOSTS, EstateFailed, emulated, hosts, serving
from processes import CommandFailed, say
from rollouts import Rollout, roll_out, with_packages

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / ".build" / "bench" / "latest.json"
TRANSPORTS = ("ntlm", "basic")


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="activation-kms-bench-") as name:
        try:
            figures = _measure(Path(name), options)
        except (CommandFailed, EstateFailed) as failure:
            print(f"Nothing measured: {failure}", file=sys.stderr)
            return 2
    print(report.table(figures))
    before = _before()
    if before:
        print(f"\n{report.comparison(figures, before)}")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(report.as_data(figures), indent=2) + "\n", encoding="utf-8")
    return 0 if all(bar.met for bar in report.bars(figures)) else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the collection on emulated Windows.")
    parser.add_argument("--hosts", type=int, default=20, help="hosts of each transport")
    parser.add_argument("--tasks", type=int, default=6, help="tasks of the long play")
    parser.add_argument("--rounds", type=int, default=3, help="how often every case is measured")
    parser.add_argument("--forks", type=int, default=2, help="hosts at a time, in spec")
    parser.add_argument("--padding", type=int, default=10, metavar="MB", help="size of the large packages")
    options = parser.parse_args(arguments)
    if not 1 <= options.hosts <= MOST_HOSTS:
        parser.error(f"--hosts must be between 1 and {MOST_HOSTS}")
    if options.tasks < 2 or options.rounds < 1 or options.forks < 1 or options.padding < 1:
        parser.error("--tasks must be at least 2; --rounds, --forks and --padding at least 1")
    return options


def _measure(folder: Path, options: argparse.Namespace) -> report.Figures:
    about, collections = _about(options), _snapshot(folder)
    small, large = folder / "small", folder / "large"
    emulated("packages", str(small))
    emulated("packages", str(large), "--pad", str(options.padding))
    plan = in_spec.Plan(options.tasks, options.rounds, options.forks)
    machines = [*hosts("ntlm", options.hosts), *hosts("basic", options.hosts, first_key=8)]
    with serving(folder / "estate", collections, machines) as estate:
        bare: dict[str, Rollout] = {name: roll_out(estate, name, str(small)) for name in TRANSPORTS}
        cases = in_spec.measure(estate, TRANSPORTS, str(small), plan)
        messages, repeated = in_spec.repeated_messages(estate, str(small))
    single = hosts("ntlm", 1)
    return report.Figures(
        about=about,
        in_spec=cases,
        from_bare=bare,
        messages=messages,
        repeated=repeated,
        small=with_packages(folder / "estate-small", collections, single, small),
        padded=with_packages(folder / "estate-padded", collections, single, large),
        generations=generations.measure(folder / "estate-generations", collections, small, options.tasks * 2),
    )


def _before() -> dict[str, float]:
    """What the run before this one measured; nothing where there was none, or where it wrote another form."""
    try:
        found = json.loads(RESULT.read_text(encoding="utf-8"))["comparable"]
    except (OSError, ValueError, KeyError):
        return {}
    return {str(name): float(figure) for name, figure in found.items()}


def _snapshot(folder: Path) -> Path:
    """The collection as it is now: who edits it meanwhile does not change what is measured."""
    say("copying the collection")
    command = [sys.executable, str(ROOT / "tests" / "tools" / "build_tree.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EstateFailed(done.stderr.strip())
    target = folder / "collections" / "ansible_collections" / "activation" / "kms"
    shutil.copytree(done.stdout.strip(), target, ignore=shutil.ignore_patterns("tests", "emulator", "__pycache__"))
    return folder / "collections"


def _about(options: argparse.Namespace) -> dict[str, str | int]:
    described = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": described.stdout.strip(),
        "ansible-core": version("ansible-core"),
        "pywinrm": version("pywinrm"),
        "Python": platform.python_version(),
        "hosts of each transport": options.hosts,
        "tasks of the long play": options.tasks,
        "rounds": options.rounds,
        "forks": options.forks,
        "padding MB": options.padding,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
