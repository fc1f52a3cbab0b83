# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds Python interpreters that really run.

Knows where interpreters live: on PATH and in the folders of version managers. Believes none of them before it has
run it: a version manager puts a `python3.13` on PATH that only explains which versions it has. Knows nothing of
Ansible.

    find_python.py 3.13 3.12        prints the first interpreter that runs, or says what it tried
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

# venv needs ensurepip, and some distributions package it apart; without ssl pip fetches nothing. In an activated
# environment the interpreter below it is meant, or what is found would depend on what happens to be activated.
QUESTION = """
import sys, venv, ensurepip, ssl
print(sys.version_info[0], sys.version_info[1])
print(getattr(sys, "_base_executable", sys.executable))
"""
PATIENCE = 30.0


def find_python(versions: Sequence[str]) -> Path | None:
    """The interpreter for the first of these versions ("3.13", "3.12") that runs here, or None."""
    for version in versions:
        found = _find_one(version)
        if found is not None:
            return found
    return None


@cache
def _find_one(version: str) -> Path | None:
    for candidate in _candidates(version):
        executable = _ask(candidate, version)
        if executable is not None:
            return executable
    return None


def _ask(candidate: Path, version: str) -> Path | None:
    """Run the candidate; its own idea of where it lives, or None if it is not what its name says."""
    try:
        answer = subprocess.run(
            [str(candidate), "-I", "-c", QUESTION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    numbers, _newline, executable = answer.stdout.strip().partition("\n")
    return Path(executable) if numbers.replace(" ", ".") == version else None


def _candidates(version: str) -> Iterator[Path]:
    """Files with the right name, each once, the ones on PATH first."""
    seen: set[Path] = set()
    for folder in [*_folders_on_path(), *_folders_of_version_managers()]:
        path = folder / f"python{version}"
        if path not in seen and path.is_file():
            seen.add(path)
            yield path


def _folders_on_path() -> list[Path]:
    return [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]


def _folders_of_version_managers() -> Iterator[Path]:
    home = Path.home()
    roots = (
        Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        home / ".pyenv" / "versions",
        Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local" / "share" / "uv" / "python"),
        home / ".local" / "share" / "mise" / "installs" / "python",
        home / ".asdf" / "installs" / "python",
        Path("/opt/python"),
    )
    for root in roots:
        if root.is_dir():
            yield from sorted((entry / "bin" for entry in root.iterdir()), reverse=True)


def main(arguments: Sequence[str]) -> int:
    found = find_python(arguments)
    if found is None:
        sys.stderr.write(f"No interpreter that runs was found for Python {' or '.join(arguments)}.\n")
        return 1
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
