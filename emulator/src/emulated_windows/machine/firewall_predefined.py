# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the firewall of a release brings with it: the version of its rules, its predefined rules, and their texts.

Knows how to read data/firewall.yml, where each row names its source. Refuses to know what became of the rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from ..packaged import read
from .firewall_rule import Rule, parse

_FILE = "data/firewall.yml"
BUILD_OF_6_2 = 9200
BUILD_OF_6_1 = 7600
ENGLISH = "ENU"
_OLD_IDS = {"slsvc": "SLSVC-In-TCP", "sppsvc": "SPPSVC-In-TCP", "guid": "{3C0E2A7B-5F0B-4A52-9B1E-6D1C0F2A1688}"}


def version_for(build: int) -> tuple[int, int]:
    """The version a release writes its rules in."""
    major, minor = [row["version"] for row in read(_FILE)["versions"] if row["build"] <= build][-1]
    return major, minor


def _old_parts(build: int, dials: Mapping[str, str]) -> dict[str, str]:
    """What is unknown of the KMS exception before 6.2."""
    service = "sppsvc" if build >= BUILD_OF_6_1 else "slsvc"
    bound = rf"App=%SystemRoot%\system32\{service}.exe|Svc={service}|"
    return {
        "{id}": _OLD_IDS[dials["old_kms_rule_id"]],
        "{program}": bound if dials["old_kms_rule_program"] == "service" else "",
    }


def rules_for(build: int, *, server: bool, dials: Mapping[str, str]) -> tuple[Rule, ...]:
    """The predefined rules of a release."""
    kind, parts = "as_on_clients", {}
    if build < BUILD_OF_6_2:
        kind, parts = "before_6_2", _old_parts(build, dials)
    elif server:
        kind = dials["kms_rule_split"]
    return _rules(kind, tuple(parts.items()))


@cache
def _rules(kind: str, parts: tuple[tuple[str, str], ...]) -> tuple[Rule, ...]:
    """They are the same on every host that has them."""
    found = []
    for row in [*read(_FILE)["kms"][kind], *read(_FILE)["rules"]]:
        rule_id, text = row["id"], "".join(row["rule"].split())  # the file folds them
        for mark, part in parts:
            rule_id, text = rule_id.replace(mark, part), text.replace(mark, part)
        rule = parse(rule_id, f"v2.0|{text}")
        if rule is None:
            raise ValueError(f"{_FILE}: {rule_id} is no rule")
        found.append(rule)
    return tuple(found)


def shown(text: str, language: str) -> str:
    """A text as Windows shows it: indirect strings in the language of the host."""
    texts = read(_FILE)["strings"].get(text)
    return text if texts is None else str(texts.get(language, texts[ENGLISH]))
