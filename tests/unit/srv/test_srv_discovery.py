# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client finds, and whom it chooses first, by RFC 2782."""

from __future__ import annotations

import itertools
from fractions import Fraction

import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._srv.discovery import Offer, discover, first_choice

OWNER = "_vlmcs._tcp.corp.example"


class Dns:
    """Knows these records and notes the questions."""

    def __init__(self, *records: str, **addresses: list[str]) -> None:
        self.known = {(OWNER, "SRV"): dns.rrset.from_text(OWNER + ".", 600, "IN", "SRV", *records)} if records else {}
        for rdtype, lines in addresses.items():
            for line in lines:
                name, address = line.split()
                self.known[name, rdtype] = dns.rrset.from_text(name, 60, "IN", rdtype, *address.split(","))
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, rdtype: str) -> dns.rrset.RRset | None:
        self.asked.append((name, rdtype))
        return self.known.get((name, rdtype))


def found(*records: str) -> list[Offer]:
    return discover(Dns(*records), "corp.example", resolve=False)


def played_out(records: list[tuple[int, int]]) -> list[Fraction]:
    """The words of RFC 2782, carried out for every order of the records and every number that may be drawn."""
    lowest = min(priority for priority, _weight in records)
    numbered = [(number, weight) for number, (priority, weight) in enumerate(records) if priority == lowest]
    chosen = dict.fromkeys(range(len(records)), Fraction(0))
    orders = list(itertools.permutations(numbered))
    for order in orders:
        zeros_first = [one for one in order if one[1] == 0] + [one for one in order if one[1] != 0]
        sums = list(itertools.accumulate(weight for _number, weight in zeros_first))
        for drawn in range(sums[-1] + 1):
            first = next(place for place, running in enumerate(sums) if running >= drawn)
            chosen[zeros_first[first][0]] += Fraction(1, len(orders) * (sums[-1] + 1))
    return list(chosen.values())


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), min_size=1, max_size=5))
def test_the_first_choice_is_exact(records: list[tuple[int, int]]) -> None:
    assert first_choice(records) == played_out(records)
    assert sum(first_choice(records)) == 1


@pytest.mark.parametrize(
    ("weights", "chances"),
    [
        ([0], ["1"]),
        ([7], ["1"]),
        ([0, 0], ["1/2", "1/2"]),
        ([3, 1], ["7/10", "3/10"]),
        ([10, 30, 0], ["10/41", "30/41", "1/41"]),
        ([1, 0, 0], ["1/2", "1/4", "1/4"]),
        ([65535, 65535], ["1/2", "1/2"]),
    ],
)
def test_chances_worked_out_by_hand(weights: list[int], chances: list[str]) -> None:
    assert first_choice([(5, weight) for weight in weights]) == [Fraction(chance) for chance in chances]


def test_nobody_to_choose() -> None:
    assert first_choice([]) == []


def test_a_clients_order() -> None:
    offers = found("10 9 1688 c.corp.example.", "0 1 1688 B.corp.example.", "0 3 1690 a.corp.example.", "0 1 1 aa.x.")
    assert [(one.target, one.port, one.priority, one.weight) for one in offers] == [
        ("a.corp.example", 1690, 0, 3),
        ("aa.x", 1, 0, 1),
        ("b.corp.example", 1688, 0, 1),
        ("c.corp.example", 1688, 10, 9),
    ]
    assert [one.probability > 0 for one in offers] == [True, True, True, False]
    assert {one.ttl for one in offers} == {600} and {one.domain for one in offers} == {"corp.example"}


@pytest.mark.parametrize("records", [(), ("0 0 0 .",)], ids=["no record", "decidedly not available"])
def test_nothing_offered(records: tuple[str, ...]) -> None:
    assert found(*records) == []


def test_addresses_are_asked_for_only_when_wanted() -> None:
    records = ("0 0 1688 KMS1.corp.example.", "1 0 1688 gone.corp.example.")
    server = Dns(*records, A=["KMS1.corp.example 192.0.2.9,192.0.2.10"], AAAA=["KMS1.corp.example 2001:db8::1"])
    assert [one.addresses for one in discover(server, "corp.example", resolve=False)] == [None, None]
    assert server.asked == [(OWNER, "SRV")]
    offers = discover(server, "corp.example", resolve=True)
    assert [one.as_data()["addresses"] for one in offers] == [["192.0.2.10", "192.0.2.9", "2001:db8::1"], []]


def test_the_domain_is_normalised() -> None:
    server = Dns("0 0 1688 kms1.corp.example.")
    assert discover(server, "Corp.Example.", resolve=False)[0].domain == "corp.example"
    discover(server, "b\u00fccher.example", resolve=False)
    assert server.asked[-1] == ("_vlmcs._tcp.xn--bcher-kva.example", "SRV")


@pytest.mark.parametrize("domain", ["", "a b", OWNER, "192.0.2.1", "corp..example", "{{ domain }}"])
def test_what_is_no_domain_is_refused_before_anybody_is_asked(domain: str) -> None:
    server = Dns()
    with pytest.raises(Refusal, match="domain"):
        discover(server, domain, resolve=True)
    assert not server.asked
