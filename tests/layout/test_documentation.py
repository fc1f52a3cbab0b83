# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules, the other plugins, their documentation and meta/runtime.yml agree with each other."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from build_tree import ROOT

COLLECTION = "activation.kms"
ANSIBLE_DOC = Path(sys.executable).with_name("ansible-doc")
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py"))
# Of these the documentation is the specification.
OTHERS = sorted(
    (kind, path.stem) for kind in ("inventory", "lookup") for path in (ROOT / "plugins" / kind).glob("*.py")
)
# What validate-modules calls no-log-needed in the modules whose specification it can read; ours it cannot.
LOOKS_SECRET = re.compile(r"pass(?!ive)|secret|token|cryptkey|(^|_)key($|_)", re.IGNORECASE)
# A name that says "key" and means no key.
DESCRIBES_A_KEY = re.compile(r"key_(name|algorithm|group)")

Spec = dict[str, dict[str, Any]]


def ansible_doc(*arguments: str, kind: str = "module") -> Any:
    command = [str(ANSIBLE_DOC), "--json", "--type", kind, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True, stdin=subprocess.DEVNULL).stdout)


@cache
def documentation() -> dict[str, Any]:
    """The documentation of all modules, fragments merged, as ansible-doc reads it."""
    found: dict[str, Any] = ansible_doc(*(f"{COLLECTION}.{name}" for name in MODULES))
    return found


def specification(name: str) -> Spec:
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{name}")
    spec: Spec = module.SPECIFICATION.spec()
    return spec


def documented(options: Spec) -> Spec:
    """Documentation in the words of a specification, defaults written out."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option["choices"]) if option.get("choices") else None,
            "aliases": sorted(option.get("aliases", [])),
            "options": documented(option["suboptions"]) if option.get("suboptions") else None,
        }
        for name, option in options.items()
    }


def specified(options: Spec) -> Spec:
    """A specification with its defaults written out."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": list(option["choices"]) if option.get("choices") else None,
            "aliases": sorted(option.get("aliases", [])),
            "options": specified(option["options"]) if option.get("options") else None,
        }
        for name, option in options.items()
    }


def silent_about_secrecy(options: Spec) -> list[str]:
    """Options that look like a secret and do not say whether they are one."""
    silent = [name for name, option in options.items() if looks_secret(name, option) and "no_log" not in option]
    nested = [silent_about_secrecy(option.get("options") or {}) for option in options.values()]
    return [*silent, *(name for names in nested for name in names)]


def looks_secret(name: str, option: dict[str, Any]) -> bool:
    holds_text = option.get("type", "str") in {"str", "raw", "list", "dict"} and not option.get("choices")
    return holds_text and bool(LOOKS_SECRET.search(name)) and not DESCRIBES_A_KEY.fullmatch(name)


def test_ansible_doc_lists_every_module() -> None:
    assert MODULES
    assert sorted(ansible_doc("--list", COLLECTION)) == [f"{COLLECTION}.{name}" for name in MODULES]


def test_every_action_plugin_is_documented_by_a_module() -> None:
    assert ACTIONS == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_documentation_examples_and_return_values(name: str) -> None:
    found = documentation()[f"{COLLECTION}.{name}"]
    assert found["doc"]["options"] is not None
    assert found["examples"]
    assert found["return"]


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_a_plugin_has_documentation_and_examples(kind: str, name: str) -> None:
    assert f"{COLLECTION}.{name}" in ansible_doc("--list", COLLECTION, kind=kind)
    found = ansible_doc(f"{COLLECTION}.{name}", kind=kind)[f"{COLLECTION}.{name}"]
    assert found["doc"]["options"] and found["examples"]
    assert bool(found["return"]) == (kind == "lookup")


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_a_plugin_uses_every_option_it_documents(kind: str, name: str) -> None:
    """Those of ansible-core's own fragments apart, which ansible-core uses itself."""
    text = (ROOT / "plugins" / kind / f"{name}.py").read_text(encoding="utf-8")
    code = text.rpartition('"""\n\nimport')[2]
    assert code
    ours = yaml.safe_load(text.partition('r"""')[2].partition('"""')[0])
    used = {"_terms": "terms", "plugin": "_read_config_data"}
    options = [*ours["options"], "server", "server_port", "timeout"]
    assert not [option for option in options if used.get(option, f'"{option}"') not in code]


@pytest.mark.parametrize("name", ACTIONS)
def test_documentation_equals_specification(name: str) -> None:
    options: Spec = documentation()[f"{COLLECTION}.{name}"]["doc"].get("options", {})
    assert documented(options) == specified(specification(name))


@pytest.mark.parametrize("name", ACTIONS)
def test_what_looks_secret_says_whether_it_is(name: str) -> None:
    assert not silent_about_secrecy(specification(name))


def groups() -> dict[str, list[str]]:
    """The module_defaults groups."""
    found: dict[str, list[str]] = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))[
        "action_groups"
    ]
    return found


def test_members_of_module_defaults_groups_exist() -> None:
    assert {name for members in groups().values() for name in members} <= set(ACTIONS)


@pytest.mark.parametrize("name", sorted({name for members in groups().values() for name in members}))
def test_a_whole_group_can_be_given_one_audit_log(name: str) -> None:
    assert specification(name)["audit_log"] == {"type": "path"}
