# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide on host keys, followed to the letter: its commands and its YAML, copied out of it, on emulated Windows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from build_tree import ROOT
from estate import HOST_KEY, KEY_GROUP, Data, Estate, one_task, serving

GUIDE = (ROOT / "docs/docsite/rst/guide_host_keys.rst").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
BLOCKS = [(kind, textwrap.dedent(text)) for kind, text in _BLOCK.findall(GUIDE)]
YAML = [text for kind, text in BLOCKS if kind == "yaml"]
SHELL = [text.strip() for kind, text in BLOCKS if kind == "shell"]
CONFIRMATION_IDS, TWO_PHASES, OFFICE, ABSENT = YAML
PHASE_ONE, PHASE_TWO = SHELL
NAME = "kms03.corp.example"  # the guide's host
OFFICE_KEY, NEW_KEY = f"{HOST_KEY[:-5]}CCCCC", f"{HOST_KEY[:-5]}22222"
HOSTS: dict[str, Data] = {
    "kms03": {"start": "kms_1_2"},
    "new": {"persona": "server-2022", "office_licences": ["office_2016"]},
    "away": {"persona": "server-2022"},
}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    keys = {HOST_KEY: KEY_GROUP, NEW_KEY: "server_2022", OFFICE_KEY: "office_2016"}
    with serving(tmp_path_factory.mktemp("guide"), HOSTS, host_keys=keys) as served:
        yield served


def command(estate: Estate, text: str, inventory: Mapping[str, Data]) -> str:
    """What a command of the guide says, in the folder of an administrator."""
    (estate.folder / "inventory.yml").write_text(yaml.safe_dump(dict(inventory)), encoding="utf-8")
    program, *arguments = shlex.split(text)
    done = subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        cwd=estate.folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(estate.folder / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def follow(estate: Estate, host: str, text: str, register: str = "key", **variables: str) -> tuple[Data, str]:
    """What a task of the guide registers, and all that was said. One that registers nothing is made to."""
    tasks = yaml.safe_load(text)
    tasks[0].setdefault("register", register)
    tasks.append({"name": "Keep it", "ansible.builtin.debug": {"var": register}, "register": "r_kept"})
    played = estate.play([{"hosts": host, "gather_facts": False, "vars": variables, "tasks": tasks}])
    assert played.returncode == 0, played.output
    return played.results["r_kept"][register], played.output


def keys(estate: Estate, host: str) -> dict[str, tuple[str, int]]:
    """{last five: (description, license status)} of the products with a key."""
    keyed = (one for one in estate.show(host)["products"] if one["partial_product_key"])
    return {one["partial_product_key"]: (one["description"], one["license_status"]) for one in keyed}


def test_the_playbook_in_both_phases(estate: Estate) -> None:
    """The host of the guide in the group of the guide; the IDs are Microsoft's here."""
    inventory = estate.inventory()
    group = inventory["all"]["children"]["kms_hosts"]
    group["hosts"] = {NAME: {**group["hosts"]["kms03"], "kms_host_product_key": HOST_KEY}}
    said = command(estate, PHASE_ONE, inventory)
    found = re.search(r"Installation ID: ((?:\d{6} ){8}\d{6})", said)
    assert found and "https://aka.ms/aoh" in said, said
    assert f"{NAME} awaits the confirmation ID for {found.group(1)}" in said
    confirmation = estate.command("confirm", str(estate.file), found.group(1)).strip()
    file = yaml.safe_load(CONFIRMATION_IDS)
    assert list(file["kms_offline_confirmation_ids"]) == [NAME]
    digits = file["kms_offline_confirmation_ids"][NAME]
    assert len(digits.replace(" ", "")) == 48
    (estate.folder / "confirmation-ids.yml").write_text(CONFIRMATION_IDS.replace(digits, confirmation))
    assert f"{NAME} has an activated host key" in command(estate, PHASE_TWO, inventory)
    (product,) = (one for one in estate.show("kms03")["products"] if one["partial_product_key"])
    assert product["license_status"] == 1


def test_the_same_task_twice_and_the_key_out_again(estate: Estate) -> None:
    key = {"vault_kms_host_key": NEW_KEY}
    first, said = follow(estate, "away", TWO_PHASES, **key)
    assert first["changed"] and first["awaiting_confirmation"] and first["installation_id_grouped"] in said
    confirmation = estate.command("confirm", str(estate.file), first["installation_id"]).strip()
    again = follow(estate, "away", TWO_PHASES, **key)[0]
    assert not again["changed"] and again["installation_id"] == first["installation_id"]
    second = follow(estate, "away", TWO_PHASES, confirmation_id=confirmation, **key)[0]
    assert second["changed"] and "awaiting_confirmation" not in second
    assert set(estate.show("away")["version_marks"].values()) != {None}
    gone = follow(estate, "away", ABSENT)[0]
    assert [one["partial_product_key"] for one in gone["removed"]] == [NEW_KEY[-5:]]
    assert all("VOLUME_KMSCLIENT" in description for description, ignored in keys(estate, "away").values())
    assert not any(estate.show("away")["version_marks"].values())


def test_office(estate: Estate) -> None:
    """Its product shows to slmgr.vbs, and to host_info once it has a key."""
    (product,) = (one for one in estate.show("new")["products"] if one["host_product"] == "office_2016")
    before = keys(estate, "new")
    variables = {"vault_office_host_key": OFFICE_KEY, "office_activation_id": product["activation_id"]}
    assert follow(estate, "new", OFFICE, **variables)[0]["changed"]
    assert keys(estate, "new").pop(OFFICE_KEY[-5:])[1] == 1
    assert before.items() <= keys(estate, "new").items(), "the key of Windows is another matter"
    told = estate.play([one_task("new", "host_info", {})]).results["r_it"]["observed"]["licensing"]["products"]
    assert product["activation_id"] in [one["id"] for one in told]
