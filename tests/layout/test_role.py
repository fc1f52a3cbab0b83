# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kms_host takes what its modules take: the same options, and hands on each of them."""

from __future__ import annotations

import importlib
from typing import Any

import yaml
from build_tree import ROOT

ROLE = ROOT / "roles" / "kms_host"
PREFIX = "kms_host_"
SAFE_TYPES = ("str", "path")
"""Types that every value can be made to be. Of any other Ansible's validation of roles complains, with the value in its
message; so the role takes `raw`, and its description ends with these words."""
TYPES_IN_WORDS = {
    ("int", None): "A whole number.",
    ("bool", None): "V(true) or V(false).",
    ("dict", None): "A dictionary.",
    ("list", "str"): "A list of texts",
    ("list", "dict"): "A list of dictionaries.",
}
OF_THE_HOST = {"publish_later": f"{PREFIX}publish_together"}  # later means: by the role, for all hosts
OF_THE_QUOTA = {"max_hosts": f"{PREFIX}max_hosts_per_key"}  # the role counts its own variable


def specification(module: str) -> dict[str, dict[str, Any]]:
    found = importlib.import_module(f"ansible_collections.activation.kms.plugins.action.{module}").SPECIFICATION
    return dict(found.spec())


def variable_of(option: str) -> str:
    """The variable for an option of the module `host`."""
    return OF_THE_HOST.get(option, f"{PREFIX}{option}")


def wanted() -> dict[str, dict[str, Any]]:
    """What the role must take, by variable."""
    quota = specification("host_key_quota")
    options = {variable_of(name): rule for name, rule in specification("host").items()}
    return {**options, **{variable: quota[name] for name, variable in OF_THE_QUOTA.items()}}


def test_the_role_documents_the_options_of_its_modules() -> None:
    text = (ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
    taken = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    assert set(taken) == set(wanted())
    for name, rule in wanted().items():
        kind = rule.get("type", "str")
        assert taken[name]["type"] == (kind if kind in SAFE_TYPES else "raw"), name
        assert not {"elements", "choices", "options", "required"} & set(taken[name]), name
        told = " ".join(taken[name]["description"])
        if kind not in SAFE_TYPES:
            assert TYPES_IN_WORDS[kind, rule.get("elements")] in taken[name]["description"][-1], name
        assert all(f"V({choice})" in told for choice in rule.get("choices", ())), name
        assert taken[name].get("default") in (rule.get("default"), None), name
        assert bool(taken[name].get("no_log")) == bool(rule.get("no_log")), name


def test_the_role_hands_on_every_option() -> None:
    count, work = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text(encoding="utf-8"))
    handed = {
        **{variable_of(name): value for name, value in work["activation.kms.host"].items()},
        **{OF_THE_QUOTA[name]: value for name, value in count["activation.kms.host_key_quota"].items()},
    }
    assert handed == {name: f"{{{{ {name} | default(omit) }}}}" for name in wanted()}
