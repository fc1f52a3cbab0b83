# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the Python environments the gate works in, and keeps them while what they were made from stays the same.

Knows which ansible-core releases are supported, on which Python each may run, and what is installed beside them:

    dev          .venv (or $VENV): the linters and everything a developer needs, on the newest core of the older Python
    core-2.16 .. one for each supported core, with what tests and molecule need
    demo         what a user would install: ansible-core, requirements.txt, the emulated Windows

Knows nothing of what runs in them.

    environments.py core-2.16 dev        makes these and prints nothing but trouble
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from build_tree import BUILD, ROOT, checkout_files
from find_python import find_python

OLDER = ("3.11", "3.12")
NEWER = ("3.13", "3.14", "3.12")
ATTEMPTS = 3
PAUSE_BETWEEN_ATTEMPTS = 10.0
STAMP = "made-from.txt"
CORE_REQUIREMENTS = ("requirements.txt", "tests/requirements/core.txt")
EMULATOR = ROOT / "emulator"


class CannotMake(Exception):
    """An environment cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """What an environment is made from.

    Attributes:
        name: how parts of the gate ask for it.
        core: the ansible-core release, "2.19".
        pythons: the Python versions it may run on, best first.
        requirements: files of the repository, as pip reads them.
        required: without a fitting Python the gate fails; otherwise it says what it did not cover.
        editable: the emulated Windows is used from the checkout, not copied.
    """

    name: str
    core: str
    pythons: tuple[str, ...]
    requirements: tuple[str, ...]
    required: bool = True
    editable: bool = True

    @property
    def folder(self) -> Path:
        """Where it lies."""
        if self.name == "dev":
            return ROOT / os.environ.get("VENV", ".venv")
        return BUILD / "envs" / self.name

    @property
    def programs(self) -> Path:
        """The folder to put first on PATH."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / "python"


CORES = (
    Environment("core-2.16", "2.16", OLDER, CORE_REQUIREMENTS),
    Environment("core-2.18", "2.18", OLDER, CORE_REQUIREMENTS),
    Environment("core-2.19", "2.19", OLDER, CORE_REQUIREMENTS),
    Environment("core-2.20", "2.20", NEWER, CORE_REQUIREMENTS, required=False),
    Environment("core-2.21", "2.21", NEWER, CORE_REQUIREMENTS, required=False),
)
DEV = Environment("dev", "2.19", OLDER, (*CORE_REQUIREMENTS, "tests/requirements/tools.txt"))
DEMO = Environment("demo", "2.19", (*OLDER, "3.13"), ("requirements.txt",), editable=False)
ALL = {environment.name: environment for environment in (DEV, *CORES, DEMO)}


def covered(environment: Environment) -> bool:
    """Can this environment exist here?"""
    return environment.required or find_python(environment.pythons) is not None


def ensure(environment: Environment) -> None:
    """Make the environment, unless it stands and was made from the same things.

    Raises:
        CannotMake: no fitting Python, or pip gave up.
    """
    interpreter = find_python(environment.pythons)
    if interpreter is None:
        raise CannotMake(
            f"Environment {environment.name} needs Python {' or '.join(environment.pythons)} with venv and ssl; install"
            " one (a version manager's will do)."
        )
    made_from = _made_from(environment, interpreter)
    stamp = environment.folder / STAMP
    if environment.python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == made_from:
        return
    _make(environment, interpreter)
    stamp.write_text(made_from, encoding="utf-8")


def _made_from(environment: Environment, interpreter: Path) -> str:
    """Everything the environment depends on, as one text to compare."""
    lines = [f"python {interpreter}", f"core {environment.core}"]
    for name in (*environment.requirements, *_emulator_files(environment)):
        lines.append(f"{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()} {name}")
    return "\n".join(lines) + "\n"


def _emulator_files(environment: Environment) -> list[str]:
    """Files whose change makes a new installation of the emulated Windows necessary."""
    if environment.editable:
        return [str(path.relative_to(ROOT)) for path in [EMULATOR / "pyproject.toml"] if path.is_file()]
    return sorted(name for name in checkout_files() if name.startswith("emulator/"))


def _make(environment: Environment, interpreter: Path) -> None:
    _refuse_foreign_folder(environment.folder)
    shutil.rmtree(environment.folder, ignore_errors=True)
    _run([str(interpreter), "-m", "venv", str(environment.folder)])
    wanted = [f"ansible-core~={environment.core}.0"]
    for name in environment.requirements:
        wanted += ["--requirement", str(ROOT / name)]
    if (EMULATOR / "pyproject.toml").is_file():
        wanted += (["--editable"] if environment.editable else []) + [str(EMULATOR)]
    _pip(environment, wanted)


def _refuse_foreign_folder(folder: Path) -> None:
    """$VENV may name a folder that is none of ours: never empty one."""
    if folder.exists() and not (folder / "pyvenv.cfg").is_file() and any(folder.iterdir()):
        raise CannotMake(f"{folder} exists and is no Python environment; name another one in VENV.")


def _pip(environment: Environment, wanted: Sequence[str]) -> None:
    """Install, quietly; a registry's hiccup deserves another try, a wrong requirement fails three times alike."""
    command = [str(environment.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--retries", "5", "--timeout", "60", *wanted]
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _run(command)
            return
        except CannotMake:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_BETWEEN_ATTEMPTS)


def _run(command: list[str]) -> None:
    finished = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if finished.returncode != 0:
        tail = "\n".join((finished.stdout + finished.stderr).splitlines()[-20:])
        raise CannotMake(f"{' '.join(command)}\nended with {finished.returncode}:\n{tail}")


def main(names: Sequence[str]) -> int:
    for name in names:
        try:
            ensure(ALL[name])
        except CannotMake as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
