# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of an inventory, out of what DNS said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._srv.discovery import Offer
from ansible_collections.activation.kms.plugins.plugin_utils._srv.hosts import Hosts, hosts


def offer(domain: str, target: str, priority: int = 0, **more: Any) -> dict[str, Any]:
    values = {"port": 1688, "weight": 0, "ttl": 60, "probability": 1.0, **more}
    return Offer(domain=domain, target=target, priority=priority, **values).as_data()


def made(*offers: dict[str, Any], short: bool = False, ansible_host: str | None = None) -> Hosts:
    domains = dict.fromkeys(one["domain"] for one in offers)
    found = {domain: [one for one in offers if one["domain"] == domain] for domain in domains}
    return hosts(found, short=short, ansible_host=ansible_host)


def test_a_host_of_two_domains_is_one_host() -> None:
    first, second = offer("corp.example", "kms1.corp.example", 3), offer("branch.example", "kms1.corp.example", 7)
    new = made(first, second)
    assert new.groups == {
        "kms_corp_example": None,
        "kms_branch_example": None,
        "kms_corp_example_priority_3": "kms_corp_example",
        "kms_branch_example_priority_7": "kms_branch_example",
    }
    assert new.members == {"kms1.corp.example": ["kms_corp_example_priority_3", "kms_branch_example_priority_7"]}
    variables = new.variables["kms1.corp.example"]
    assert (variables["kms_srv_priority"], variables["kms_srv_domains"]) == (3, ["corp.example", "branch.example"])
    assert variables["kms_srv_records"] == [first, second]
    assert "ansible_host" not in variables


def test_a_domain_without_a_record_is_an_empty_group() -> None:
    assert hosts({"corp.example": []}, short=False, ansible_host=None) == Hosts({"kms_corp_example": None}, {}, {}, [])


@pytest.mark.parametrize(
    ("ansible_host", "addresses", "expected"),
    [
        ("target", None, "kms1.corp.example"),
        ("address", ("192.0.2.1", "2001:db8::1"), "192.0.2.1"),
        ("address", (), None),
        (None, ("192.0.2.1",), None),
    ],
)
def test_where_to_connect(ansible_host: str | None, addresses: tuple[str, ...] | None, expected: str | None) -> None:
    one = offer("corp.example", "kms1.corp.example", addresses=addresses)
    variables = made(one, short=True, ansible_host=ansible_host).variables["kms1"]
    assert variables.get("ansible_host") == expected


def test_what_is_no_host_name_never_becomes_a_host() -> None:
    template = "{{lookup('pipe','id')}}.corp.example"
    new = made(
        offer("corp.example", template), offer("corp.example", "kms1.corp.example"), offer("b.example", template)
    )
    assert (list(new.variables), new.left_out) == (["kms1.corp.example"], [template])
    assert "{{" not in str((new.groups, new.variables, new.members))


def test_two_machines_with_one_short_name() -> None:
    with pytest.raises(Refusal, match=r"kms1\.a\.example and kms1\.b\.example .* kms1; write hostname: target"):
        made(offer("corp.example", "kms1.a.example"), offer("corp.example", "kms1.b.example"), short=True)


def test_two_domains_with_one_group() -> None:
    with pytest.raises(Refusal, match=r"corp\.example and corp-example would both be the group kms_corp_example"):
        made(offer("corp.example", "kms1.a.example"), offer("corp-example", "kms1.a.example"))
