# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ESTATE.yml says about installed updates, and installers that fail on demand in a served estate."""

from __future__ import annotations

from pathlib import Path

import pytest
from served import Command

from emulated_windows.estate import load_estate
from emulated_windows.section import EstateError


def estate(folder: Path, persona: str, more: str) -> Path:
    """An estate of one host."""
    path = folder / "ESTATE.yml"
    path.write_text(
        "credentials: {user: Administrator, password: Secret 1}\n"
        f"hosts: {{kms12: {{persona: {persona}, address: 127.0.30.112, port: 15985, {more}}}}}\n",
        encoding="utf-8",
    )
    return path


def test_any_kb_number_may_be_installed(tmp_path: Path) -> None:
    (host,) = load_estate(estate(tmp_path, "server-2012-r2", "updates: [kb3058168, KB5012345]")).hosts
    assert host.options.updates == ("kb3058168", "KB5012345")


@pytest.mark.parametrize("update", ["kb3079821", "KB12", "rollup"])
def test_an_update_of_another_windows_is_a_mistake(tmp_path: Path, update: str) -> None:
    with pytest.raises(EstateError, match=f"no update {update}"):
        load_estate(estate(tmp_path, "server-2012-r2", f"updates: [{update}]"))


def test_installers_fail_on_demand(command: Command, tmp_path: Path) -> None:
    path = estate(tmp_path, "server-2012-r2", "updates: [KB5012345]")
    server = command.serve(path)
    for kind in (["installer-exit", "0x800f081e"], ["installer-hang"], ["disk-full"]):
        assert command.run("fault", path, "kms12", *kind).returncode == 0
    wrong = command.run("fault", path, "kms12", "installer-exit", "badly")
    assert (wrong.returncode, "whole number" in wrong.stderr) == (2, True)
    shown = command.run("show", path, "kms12")
    assert '"KB5012345"' in shown.stdout
    command.stop(server)
