# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks of the collection promise to whoever runs them by name."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest
import yaml
from build_tree import ROOT
from jinja2 import Template

PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))


def first_play(name: str) -> dict[str, Any]:
    """The first play of a playbook."""
    return dict(yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8"))[0])


@pytest.mark.parametrize(
    ("name", "variable"), [("rollout", "kms_rollout_serial"), ("offline_activation", "kms_offline_serial")]
)
def test_one_host_after_the_other_unless_told_otherwise(name: str, variable: str) -> None:
    """Each of them may restart, and clients need one that answers."""
    serial = first_play(name)["serial"]
    assert Template(serial).render() == "1"
    assert Template(serial).render({variable: 5}) == "5"


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_no_playbook_gathers_facts(path: Any) -> None:
    """The fact modules need PowerShell on the host; on Server 2003 the play would end there."""
    plays = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert all(one["gather_facts"] is False for one in plays)


def test_the_pace_of_the_guide_is_the_one_of_the_scenario() -> None:
    """Its plays are those that molecule's fleet of fifty hosts is rolled out with."""
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_fleet.rst").read_text(encoding="utf-8")
    block = re.search(r"^\.\. code-block:: yaml\n\n((?:(?:   .*)?\n)+)", guide, re.MULTILINE)
    assert block is not None
    plays = yaml.safe_load((ROOT / "molecule" / "fleet" / "converge.yml").read_text(encoding="utf-8"))
    told = yaml.safe_load(textwrap.dedent(block[1]))
    assert len(told) == 2 and all(play in plays for play in told)
