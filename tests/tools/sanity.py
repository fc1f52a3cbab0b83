# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `ansible-test sanity` on what users would install: the unpacked artifact, and no ignore file beside it.

Runs with the ansible-core of the interpreter that runs this file. Every test runs but pslint, which checks PowerShell
(there is none here) and needs PowerShell itself. Keeps ansible-test's environments between runs, for speed, in a home
folder of its own, where get_pip_shim.py also waits under the name ansible-test looks for.

ansible-test takes its list of files from git, and is content with an empty one: below an ignored folder it says "All
targets skipped" and ends with 0. So the unpacked artifact becomes a repository of its own, and the run fails unless the
tests that matter really ran.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

from ansible.release import __version__ as core_version
from build_tree import BUILD, refresh

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent
PYTHON_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
MUST_RUN = {"action-plugin-docs", "ansible-doc", "compile", "import", "pep8", "pylint", "validate-modules", "yamllint"}
COMMAND = ("sanity", "--venv", "--python", PYTHON_VERSION, "--skip-test", "pslint", "--color", "no")


def main() -> int:
    place = BUILD / "sanity" / ".".join(core_version.split(".")[:2])
    collection = place / "ansible_collections" / "activation" / "kms"
    _unpack(_build_artifact(place), collection)
    home = _prepare_home(place / "home")
    environment = {**os.environ, "HOME": str(home), "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    command = [str(PROGRAMS / "ansible-test"), *COMMAND]
    with subprocess.Popen(
        command,
        cwd=collection,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        did_not_run = MUST_RUN - set(_names_of_tests(process))
    if did_not_run:
        sys.stdout.write(f"ansible-test did not run: {', '.join(sorted(did_not_run))}\n")
    return process.returncode or (1 if did_not_run else 0)


def _names_of_tests(process: subprocess.Popen[str]) -> Iterator[str]:
    """Pass on what ansible-test says; the names of the tests it runs."""
    for line in process.stdout or ():
        sys.stdout.write(line)
        running = re.match(r"Running sanity test ['\"]([\w-]+)['\"]", line)
        if running:
            yield running.group(1)


def _build_artifact(place: Path) -> Path:
    """The tarball `ansible-galaxy collection build` makes of the checkout."""
    artifacts = place / "artifact"
    shutil.rmtree(artifacts, ignore_errors=True)
    command = [str(PROGRAMS / "ansible-galaxy"), "collection", "build", "--force", "--output-path", str(artifacts)]
    subprocess.run(command, cwd=refresh(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    (artifact,) = artifacts.glob("*.tar.gz")
    return artifact


def _unpack(artifact: Path, collection: Path) -> None:
    """Replace the files of last time, but not tests/output: ansible-test keeps its environments there."""
    output = collection / "tests" / "output"
    kept = collection.parent / "output"
    if output.is_dir():
        output.replace(kept)
    shutil.rmtree(collection, ignore_errors=True)
    with tarfile.open(artifact) as tar:
        tar.extractall(collection)
    if kept.is_dir():
        output.parent.mkdir(exist_ok=True)
        kept.replace(output)
    subprocess.run(["git", "init", "--quiet", str(collection)], stdin=subprocess.DEVNULL, check=True)
    (collection / ".git" / "info").mkdir(exist_ok=True)
    (collection / ".git" / "info" / "exclude").write_text("tests/output/\n", encoding="utf-8")


def _prepare_home(home: Path) -> Path:
    """A home with the shim, under the name of every pip this ansible-test might want, and the user's own pip cache."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in _wanted_pips():
        shutil.copyfile(HERE / "get_pip_shim.py", cache / f"get_pip_{version.replace('.', '_')}.py")
    downloads = Path.home() / ".cache"
    if downloads.is_dir() and not (home / ".cache").exists():
        (home / ".cache").symlink_to(downloads)
    return home


def _wanted_pips() -> list[str]:
    source = Path(sysconfig.get_path("purelib")) / "ansible_test" / "_internal" / "python_requirements.py"
    versions = re.findall(r"\bpip='([0-9.]+)'", source.read_text(encoding="utf-8"))
    if not versions:
        raise SystemExit(f"{source} no longer says which pip it wants; teach tests/tools/sanity.py where to read it.")
    return versions


if __name__ == "__main__":
    sys.exit(main())
