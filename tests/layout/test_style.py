# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every Python file of ours looks like, as far as no linter checks it."""

from __future__ import annotations

import ast

import pytest
from sources import Source, sources

LONGEST = 60
# plugins/modules hold documentation only, in their own way.
TOLD = ("plugins/action/", "plugins/inventory/", "plugins/lookup/", "plugins/plugin_utils/", "emulator/", "tests/")
# REUSE-IgnoreStart
HEADER = (
    "# Copyright (c) activation.kms contributors",
    "# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)",
    "# SPDX-License-Identifier: GPL-3.0-or-later",
)
# REUSE-IgnoreEnd


def named(source: Source) -> str:
    return source.name


@pytest.mark.parametrize("source", sources("plugins/", "emulator/"), ids=named)
def test_a_function_fits_on_a_screen(source: Source) -> None:
    assert not [
        f"{function.name}: {size(function)} lines" for function in source.functions() if size(function) > LONGEST
    ]


def size(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


@pytest.mark.parametrize("source", [source for source in sources() if source.text], ids=named)
def test_a_file_says_whose_it_is(source: Source) -> None:
    lines = [line for line in source.text.splitlines() if not line.startswith("#!")]
    assert tuple(lines[:3]) == HEADER


@pytest.mark.parametrize("source", [source for source in sources(*TOLD) if source.text], ids=named)
def test_a_file_says_what_it_knows(source: Source) -> None:
    assert ast.get_docstring(source.tree)
