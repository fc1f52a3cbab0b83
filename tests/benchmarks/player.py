# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook as an administrator would, and says what it cost the controller.

Knows ansible-playbook and the settings it must not inherit. Refuses to know what is played.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from processes import Cost, run

PROGRAMS = Path(sys.executable).parent
FOREIGN = ("ANSIBLE_", "PYTHONPATH")  # the collection is to be found where it is looked for, and nowhere else


def run_play(
    folder: Path,
    collections: Path,
    content: Sequence[Mapping[str, Any]],
    forks: int,
    variables: Mapping[str, Any] | None = None,
    *,
    watch_memory: bool = False,
) -> Cost:
    """Run it on the inventory.yml of the folder. Raises processes.CommandFailed when a host fails."""
    (folder / "play.yml").write_text(yaml.safe_dump(list(content), sort_keys=False), encoding="utf-8")
    command = [str(PROGRAMS / "ansible-playbook"), "-i", "inventory.yml", "--forks", str(forks), "play.yml"]
    command += ["--extra-vars", json.dumps(variables)] if variables else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment = {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    return run(command, folder, environment, watch_memory=watch_memory)
