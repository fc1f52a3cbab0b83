# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users install holds what it needs and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest
import yaml
from build_tree import ROOT, refresh

ANSIBLE_GALAXY = Path(sys.executable).with_name("ansible-galaxy")
AT_THE_TOP = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "REUSE.toml",
    "changelogs",
    "docs",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
    "tests",
}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files of the artifact."""
    folder = tmp_path_factory.mktemp("artifact")
    command = [str(ANSIBLE_GALAXY), "collection", "build", "--output-path", str(folder)]
    subprocess.run(command, cwd=refresh(), check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (artifact,) = folder.glob("*.tar.gz")
    with tarfile.open(artifact) as tar:
        return [member.name for member in tar if member.isfile()]


def test_nothing_unexpected_is_shipped(names: list[str]) -> None:
    assert {PurePosixPath(name).parts[0] for name in names} <= AT_THE_TOP
    assert [name for name in names if name.startswith("tests/")] == ["tests/config.yml"]
    assert not [name for name in names if "__pycache__" in name or name.startswith("changelogs/fragments")]


def test_what_users_need_is_shipped(names: list[str]) -> None:
    needed = {"README.md", "LICENSES/GPL-3.0-or-later.txt", "meta/runtime.yml", "meta/ee-requirements.txt"}
    assert needed <= set(names)
    shipped = {name for name in names if name.startswith(("plugins/", "roles/", "playbooks/"))}
    tracked = {
        str(path.relative_to(refresh()))
        for folder in ("plugins", "roles", "playbooks")
        for path in (refresh() / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped == tracked


def test_requirements_say_the_same_everywhere() -> None:
    first, second = (
        [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        for name in ("requirements.txt", "meta/ee-requirements.txt")
    )
    assert first == [line for line in second if "# optional" not in line], "an execution environment has more"


def test_every_role_says_what_it_takes() -> None:
    for role in (ROOT / "roles").iterdir():
        assert (role / "README.md").is_file()
        options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        for entry in options["argument_specs"].values():
            assert not [name for name in entry.get("options", {}) if not name.startswith(f"{role.name}_")]
