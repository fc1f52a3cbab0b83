# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which refusals and pauses of the collection a simulation went through, and which there are.

Knows the source, as text, and where each was made while the tests ran. Refuses to know whether it was right to. What a
simulation cannot reach stands with its reason, and the test that reaches it instead, in not_reached.yml.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import pathlib
import sys
import typing as t

import yaml

from ansible_collections.activation.kms.plugins.plugin_utils import _errors
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Pause

PLUGINS = pathlib.Path(_errors.__file__).parents[1]
EXCUSES = pathlib.Path(__file__).with_name("not_reached.yml")
KINDS = {
    "Refusal": "refusals, by name",
    "Pause": "pauses, by file",
    "Dial": "settings of emulated Windows",
}


@dataclasses.dataclass(frozen=True, order=True)
class Item:
    """Something the source can answer.

    Attributes:
        kind: Refusal, Pause, or Dial: something Windows may answer.
        name: the name of the refusal; of a pause the file that makes it; of a dial its name and setting.
    """

    kind: str
    name: str


MET: set[Item] = set()
"""What was made by the collection itself since `watch` was called."""


def watch() -> None:
    """Note from now on every refusal and pause that code of the collection makes."""
    _watched(Refusal, lambda made: made.name)
    _watched(Pause, None)


def _watched(kind: type, name: t.Callable[[t.Any], str] | None) -> None:
    make = kind.__init__

    @functools.wraps(make)
    def noting(self: t.Any, *arguments: t.Any, **options: t.Any) -> None:
        make(self, *arguments, **options)
        maker = pathlib.Path(sys._getframe(1).f_code.co_filename)
        if PLUGINS in maker.parents:
            MET.add(Item(kind.__name__, name(self) if name else maker.stem))

    kind.__init__ = noting  # type: ignore[method-assign]


def there_are() -> list[Item]:
    """Every refusal by its name, every pause by its file; a name that is put together at run time is left out."""
    found = set()
    for file in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                named = next((word.value for word in node.keywords if word.arg == "name"), None)
                if node.func.id == "Pause":
                    found.add(Item("Pause", file.stem))
                elif isinstance(named, ast.Constant):
                    found.add(Item("Refusal", str(named.value)))
    return sorted(found)


def excuses() -> dict[Item, dict[str, str]]:
    """What cannot be reached here: `why`, and the `test` that reaches it, as `file::function`."""
    data = yaml.safe_load(EXCUSES.read_text(encoding="utf-8")) or {}
    return {Item(kind, name): row for kind in KINDS for name, row in (data.get(kind) or {}).items()}
