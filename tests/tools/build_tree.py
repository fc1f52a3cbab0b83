# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies the checkout to where Ansible's tools want a collection to lie.

The root of the repository is the collection, but mypy, pytest and ansible-test insist on a real folder named
`ansible_collections/activation/kms` (a symbolic link is not enough for ansible-test). So the files git knows of, and
the new ones it does not ignore, are copied there. A file is only touched when its content differs, and what is gone
from the checkout goes from the copy; what tools leave in the copy (tests/output) stays.

Knows files; knows nothing of what is in them.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
COLLECTIONS = BUILD
TREE = COLLECTIONS / "ansible_collections" / "activation" / "kms"
LIST_OF_FILES = BUILD / "tree.files"


def refresh() -> Path:
    """Bring the copy up to date and return its root."""
    if ROOT.parts[-3:] == TREE.parts[-3:]:
        return ROOT  # this is the copy: there is nothing to copy from
    with _lock():
        before = _files_of_last_time()
        wanted = sorted(checkout_files())
        for name in wanted:
            _copy(ROOT / name, TREE / name)
        _forget(set(before) - set(wanted))
        LIST_OF_FILES.write_text("\0".join(wanted), encoding="utf-8")
    return TREE


def checkout_files() -> list[str]:
    """Relative names of the files git tracks or would track; needs git and a checkout."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [name for name in listed if name and (ROOT / name).is_file()]


def _copy(source: Path, target: Path) -> None:
    """Copy one file, atomically, if its content or its executable bit differs."""
    try:
        content = source.read_bytes()
        mode = 0o755 if source.stat().st_mode & 0o100 else 0o644
    except FileNotFoundError:
        return  # an editor's passing file
    if target.is_file() and target.stat().st_mode & 0o777 == mode and target.read_bytes() == content:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    beside.write_bytes(content)
    beside.chmod(mode)
    beside.replace(target)


def _files_of_last_time() -> list[str]:
    if not LIST_OF_FILES.is_file():
        # Nobody knows what an unlisted copy holds, so it is made anew.
        shutil.rmtree(TREE, ignore_errors=True)
        return []
    return LIST_OF_FILES.read_text(encoding="utf-8").split("\0")


def _forget(names: set[str]) -> None:
    """Remove files that left the checkout, and the folders they leave empty."""
    for name in names:
        target = TREE / name
        target.unlink(missing_ok=True)
        for folder in target.parents:
            if folder == TREE or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()


@contextmanager
def _lock() -> Iterator[None]:
    """One refresher at a time: test runs may start side by side."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "tree.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.stdout.write(f"{refresh()}\n")
