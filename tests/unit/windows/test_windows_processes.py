# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes are ended by their id, and what cannot be ended hides nothing."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._windows import processes
from ansible_collections.activation.kms.plugins.plugin_utils._windows.processes import end_processes
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows


@pytest.mark.parametrize(("code", "ended"), [(0, 2), (2, 0)])
def test_each_process_is_ended_by_its_id(code: int, ended: int) -> None:
    world = SmallWindows()
    world.classes["Win32_Process"] = [{"Handle": "12"}, {"Handle": "34"}]
    handles: list[str] = []

    def end(given: t.Mapping[str, str]) -> int:
        handles.append(given["Handle"])
        return code

    world.methods["Win32_Process.Terminate"] = end
    assert end_processes(world, [r"C:\WINDOWS\Temp\activation.kms"]) == ended
    assert handles == ["12", "34"]


def test_where_the_class_is_refused_nothing_is_ended_and_nothing_fails() -> None:
    world = SmallWindows()
    assert end_processes(world, ["x"]) == 0
    assert "could not be ended" in world.logged[-1]


@pytest.mark.parametrize(("text", "pattern"), [("KMS-1.0.log", "KMS-1.0.log"), ("a_b%c[d", "a[_]b[%]c[[]d")])
def test_a_text_means_itself(text: str, pattern: str) -> None:
    assert processes._plain(text) == pattern
