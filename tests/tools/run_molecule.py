# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one molecule scenario from a clean start, and leaves no server behind even when molecule itself fails.

run_molecule.py SCENARIO FOLDER      the folder is molecule's ephemeral one, and is made anew
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import bind_server
from build_tree import COLLECTIONS, refresh

MOLECULE = Path(sys.executable).with_name("molecule")


def main(arguments: Sequence[str]) -> int:
    scenario, folder = arguments[0], Path(arguments[1]).resolve()
    end_servers(folder)
    shutil.rmtree(folder, ignore_errors=True)
    variables = {
        **os.environ,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(folder),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
    }
    command = [str(MOLECULE), "test", "--scenario-name", scenario]
    try:
        return subprocess.run(command, cwd=refresh(), env=variables, stdin=subprocess.DEVNULL, check=False).returncode
    finally:
        end_servers(folder)


def end_servers(folder: Path) -> None:
    """What destroy.yml does, for runs that never came to it."""
    estate = folder / "estate"
    bind_server.stop(estate / "bind")
    note = estate / "process"
    if note.is_file():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(note.read_text(encoding="ascii")), signal.SIGTERM)
        note.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
