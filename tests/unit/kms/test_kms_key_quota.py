# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts a key is meant for: compared by the whole key, refused above the number, told by its last five."""

from __future__ import annotations

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.key_quota import KeyedHosts, KeyQuota, keyed_hosts
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Seen

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
TWIN = "BCDFG-HJKMP-QRTVW-XY432-67892"  # another key with the same last five
SETUP_KEY = "YC6KT-GKW9T-YTKYR-T4X34-R7VHC"


def fleet(size: int, key: str = KEY) -> dict[str, str]:
    return {f"kms{number}": key for number in range(1, size + 1)}


def judged(keys: dict[str, str], max_hosts: int = 6) -> str:
    """What is said against it, or "" when nothing is."""
    try:
        KeyQuota(max_hosts).next(Seen().having(keyed_hosts(keys)))
    except Refusal as refusal:
        assert refusal.name == "too_many_hosts_for_key"
        assert KEY not in refusal.message and TWIN not in refusal.message
        return refusal.message
    return ""


def test_six_hosts_may_share_a_key_and_a_seventh_may_not() -> None:
    assert not judged(fleet(6))
    said = judged(fleet(7))
    assert said.startswith("the host key *****-67892 is meant for 7 hosts of this play (kms1, kms2, kms3, ")
    assert "more than max_hosts (6;" in said
    assert not judged(fleet(7), max_hosts=7)


def test_every_key_that_is_too_many_is_named() -> None:
    said = judged({**fleet(2), "kms8": TWIN, "kms9": TWIN}, max_hosts=1)
    assert "(kms1, kms2); the host key" in said and "(kms8, kms9)" in said


def test_keys_with_the_same_last_five_are_two_keys() -> None:
    keys = {**fleet(4), **{f"other{number}": TWIN for number in range(4)}}
    assert not judged(keys)
    assert [entry["partial_product_key"] for entry in keyed_hosts(keys).as_data()] == ["67892", "67892"]


@pytest.mark.parametrize("written", [KEY.lower(), KEY.replace("-", ""), f"  {KEY}\n", KEY.replace("-", "–")])
def test_a_key_is_the_same_however_it_is_written(written: str) -> None:
    found = keyed_hosts({"kms1": KEY, "kms2": written}).as_data()
    assert found == [{"partial_product_key": "67892", "hosts": ["kms1", "kms2"]}]


@pytest.mark.parametrize("written", ["", "none", KEY[:-1], SETUP_KEY])
def test_what_is_no_host_key_does_not_count(written: str) -> None:
    assert keyed_hosts(fleet(9, written)) == KeyedHosts({})


def test_a_count_that_could_not_see_everything_says_so() -> None:
    counted = [KeyQuota().warnings(Seen().having(keyed_hosts(fleet(1), complete=value))) for value in (True, False)]
    assert [len(said) for said in counted] == [0, 1]
