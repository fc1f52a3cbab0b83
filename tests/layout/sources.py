# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python sources of the checkout, parsed once, for the tests beside this file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from build_tree import ROOT, checkout_files

COLLECTION = ("ansible_collections", "activation", "kms")


@dataclass(frozen=True)
class Source:
    """One Python file, by its name in the checkout."""

    name: str

    @cached_property
    def text(self) -> str:
        """Its content."""
        return (ROOT / self.name).read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, self.name)

    @property
    def package(self) -> tuple[str, ...]:
        """The dotted package it lies in, as Ansible imports it."""
        return (*COLLECTION, *PurePosixPath(self.name).parts[:-1])

    def imports(self) -> Iterator[tuple[str, ...]]:
        """Everything it imports, names included: ("os", "path"), ("ansible_collections", ..., "_errors", "Problem")."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (tuple(alias.name.split(".")) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self.package[: len(self.package) - node.level + 1] if node.level else ()
                module = tuple(node.module.split(".")) if node.module else ()
                yield from ((*base, *module, alias.name) for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Its functions and methods."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def sources(*folders: str) -> list[Source]:
    """The Python files below these folders; all of the checkout's if none is named."""
    names = (name for name in checkout_files() if name.endswith(".py"))
    return [Source(name) for name in sorted(names) if not folders or name.startswith(folders)]
