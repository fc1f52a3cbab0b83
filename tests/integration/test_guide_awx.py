# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide on AWX, taken at its word: its definition of an execution environment is the one we ship, and its play
keeps the pace it promises, on emulated Windows."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
import yaml
from build_tree import ROOT
from estate import Data, serving

pytestmark = pytest.mark.once

GUIDE = (ROOT / "docs/docsite/rst/guide_awx.rst").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^\.\. code-block:: yaml\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
ENVIRONMENT, REQUIREMENTS, ROLLOUT, VARIABLES, PACE = (
    yaml.safe_load(textwrap.dedent(text)) for text in _BLOCK.findall(GUIDE)
)


def test_the_execution_environment_is_the_one_in_playbooks() -> None:
    shipped = (ROOT / "playbooks/awx/execution-environment.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(shipped) == ENVIRONMENT


def test_what_is_named_is_there() -> None:
    (collection,) = REQUIREMENTS["collections"]
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert collection["name"] == f"{galaxy['namespace']}.{galaxy['name']}"
    (imported,) = (play["ansible.builtin.import_playbook"] for play in ROLLOUT)
    assert (ROOT / "playbooks" / f"{imported.rpartition('.')[2]}.yml").is_file()
    specification = yaml.safe_load((ROOT / "roles/kms_host/meta/argument_specs.yml").read_text(encoding="utf-8"))
    wishes = {name for name in VARIABLES if name.startswith("kms_")}
    assert wishes <= set(specification["argument_specs"]["main"]["options"])


def test_the_pace_is_kept(tmp_path: Path) -> None:
    """Batches of ten, two hosts at a time; three of ten fail, so that the second batch is left alone."""
    names = [f"kms{number:02}" for number in range(1, 13)]
    wrong = ("kms02", "kms05", "kms09")
    with serving(tmp_path, {name: {"persona": "server-2019"} for name in names}) as estate:
        inventory = estate.inventory()
        group: Data = inventory["all"]["children"]["kms_hosts"]
        group["vars"].update(kms_host_firewall="open", kms_host_firewall_remote_addresses=["10.0.0.0/8"])
        for name in wrong:
            group["hosts"][name]["kms_host_firewall_remote_addresses"] = ["nowhere"]
        played = estate.play(PACE, inventory=inventory)
        assert played.returncode != 0
        spans = {}
        for name in names:
            times = [str(entry["time"]) for entry in estate.exchanges() if entry["host"] == name]
            if times:
                spans[name] = (min(times), max(times))
        changed = {entry["host"] for entry in estate.mutations()}
        assert changed == set(names[:10]) - set(wrong)
        assert set(spans) <= set(names[:10])
    for start, _end in spans.values():
        assert sum(first <= start <= last for first, last in spans.values()) <= 2
