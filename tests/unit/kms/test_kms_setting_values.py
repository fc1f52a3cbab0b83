# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings as values: what may be wished, the home domain first, what differs."""

from __future__ import annotations

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import setting_values as values
from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing import Root, Values
from ansible_collections.activation.kms.tests.unit.kms.hosts import licensing

HOME = "corp.example"


@pytest.mark.parametrize("minutes", [15, 120, 43200])
def test_intervals(minutes: int) -> None:
    values.check_interval(minutes, "renewal_interval")


@pytest.mark.parametrize("minutes", [14, 0, -1, 43201])
def test_intervals_that_windows_would_refuse(minutes: int) -> None:
    with pytest.raises(Refusal, match="renewal_interval must be between 15 and 43200 minutes"):
        values.check_interval(minutes, "renewal_interval")


@pytest.mark.parametrize(
    ("entries", "listed"),
    [
        ([], ()),
        (["Lab.Example."], ("lab.example",)),
        (["lab.example,0,0"], ("lab.example",)),
        (["lab.example, 10,5", "corp.example"], ("lab.example, 10, 5", "corp.example")),
        (["b\u00fccher.example"], ("xn--bcher-kva.example",)),
    ],
)
def test_domains(entries: list[str], listed: tuple[str, ...]) -> None:
    assert values.domains(entries) == listed


@pytest.mark.parametrize(
    "entry",
    [
        "S3cret!Value",
        "lab.example, 10",
        "lab.example, a, b",
        "lab.example, 1, 65536",
        "lab.example, 1, -1",
        "lab.example, 1, 2, 3",
        "",
        "10.0.0.1",
        "a b",
        "_vlmcs._tcp.lab.example",
    ],
)
def test_domains_that_are_none_are_told_by_their_place(entry: str) -> None:
    with pytest.raises(Refusal, match="entry 2 of self_publishing_domains must be a DNS domain") as caught:
        values.domains([HOME, entry])
    assert caught.value.name == "bad_option"
    assert not entry or entry not in caught.value.message


def test_domains_that_are_named_twice() -> None:
    with pytest.raises(Refusal, match="entry 3 of self_publishing_domains names the same domain"):
        values.domains([HOME, "lab.example", "LAB.example., 1, 2"])


@pytest.mark.parametrize(
    ("entries", "home", "listed"),
    [
        ((), HOME, ()),
        ((HOME,), HOME, ()),
        (("lab.example",), HOME, (HOME, "lab.example")),
        (("lab.example", HOME), HOME, (HOME, "lab.example")),
        (("lab.example", f"{HOME}, 10, 50"), HOME, (f"{HOME}, 10, 50", "lab.example")),
        ((f"{HOME}, 10, 50",), HOME, (f"{HOME}, 10, 50",)),
        (("lab.example",), "", ("lab.example",)),
        ((), "", ()),
    ],
)
def test_the_home_domain_comes_first(entries: tuple[str, ...], home: str, listed: tuple[str, ...]) -> None:
    assert values.with_home(entries, home) == listed


@pytest.mark.parametrize(
    ("wanted", "there", "written"),
    [
        (("lab.example",), ("lab.example", HOME), None),
        (("lab.example",), ("lab.example",), (HOME, "lab.example")),
        ((), (HOME,), None),
        ((), None, None),
        ((HOME,), None, None),
        ((), ("lab.example",), ()),
        ((f"{HOME}, 1, 2",), (HOME,), (f"{HOME}, 1, 2",)),
        (None, ("lab.example",), None),
    ],
)
def test_lists_are_compared_by_what_they_say(
    wanted: tuple[str, ...] | None, there: tuple[str, ...] | None, written: tuple[str, ...] | None
) -> None:
    found = licensing(roots={"SPP": Root(Values(self_publishing_domains=there))})
    missing = values.missing(Values(self_publishing_domains=wanted), found, HOME)
    assert missing == Values(self_publishing_domains=written)


def test_what_wmi_does_not_show_is_not_foreseen_there() -> None:
    found = licensing(shown=Values(port=1688))
    change = Values(port=1689, low_priority=True)
    assert values.predicted(found, change) == Values(port=1689)
