# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates every host release needs for every client and every key, by tables written after Microsoft's texts.

The tables are an oracle: nothing in them comes from the collection's own data.
"""

from __future__ import annotations

import itertools
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import CLIENTS, KEY_GROUPS, STANDARD
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import check_group
from ansible_collections.activation.kms.plugins.plugin_utils._kms.serving import (
    chain,
    hosts_for,
    undecided,
    wanted_clients,
)

# For each release: which updates each client takes, where every package is at hand. What is not in a row, the release
# can never serve. Sources: kms-activation-planning (2024-11-12), KB948003, KB968915, KB968912, KB2757817, KB2885698,
# KB3058168, KB3079821, the hosts of a generation serving that generation and the ones before.
_SEVEN = {"windows_vista": "", "windows_7": ""}
_R2 = {**_SEVEN, "server_2008": "", "server_2008_r2": ""}
_TWELVE = {**_R2, "windows_8": "", "server_2012": ""}
_SIXTEEN = {
    "server_2008": "",
    "windows_7": "",
    "server_2008_r2": "",
    "server_2012": "",
    "windows_8_1": "",
    "server_2012_r2": "",
    "windows_10": "",
    "server_2016": "",
    "server_sac": "",
}
_NINETEEN = {**_SIXTEEN, "server_2019": ""}
_TWENTY_TWO = {**_NINETEEN, "server_2022": "", "windows_11": ""}
_TWENTY_FIVE = {**_TWENTY_TWO, "server_2025": "", "windows_11_ltsc_2024": ""}
_TEN = {"windows_7": "", "windows_8_1": "", "windows_10": ""}
TABLE: dict[str, dict[str, str]] = {
    "server_2003": {
        "windows_vista": "kms_1_0",
        "server_2008": "kms_1_0 kms_1_1",
        "windows_7": "kms_1_0 kms_1_2",
        "server_2008_r2": "kms_1_0 kms_1_2",
    },
    "windows_vista": {"windows_vista": "", "windows_7": "kb968912"},
    "server_2008": {
        "windows_vista": "",
        "server_2008": "",
        "windows_7": "kb968912",
        "server_2008_r2": "kb968912",
        "windows_8": "kb2885698",
        "server_2012": "kb2885698",
        "windows_8_1": "kb2885698",
        "server_2012_r2": "kb2885698",
    },
    "windows_7": {**_SEVEN, "windows_8": "kb2757817", "windows_8_1": "kb2885698", "windows_10": "kb3079821"},
    "server_2008_r2": {
        **_R2,
        "windows_8": "kb2757817",
        "server_2012": "kb2757817",
        "windows_8_1": "kb2885698",
        "server_2012_r2": "kb2885698",
        "windows_10": "kb3079821",
    },
    "windows_8": {**_SEVEN, "windows_8": "", "windows_8_1": "kb2885698", "windows_10": "kb3058168"},
    "server_2012": {
        **_TWELVE,
        "windows_8_1": "kb2885698",
        "server_2012_r2": "kb2885698",
        "windows_10": "kb3058168",
        "server_2016": "kb3172615",
    },
    "windows_8_1": {**_SEVEN, "windows_8": "", "windows_8_1": "", "windows_10": "kb3058168"},
    "server_2012_r2": {
        **_TWELVE,
        "windows_8_1": "",
        "server_2012_r2": "",
        "windows_10": "kb3058168",
        "server_2016": "kb3172614",
        "server_2019": "kb4467695",
    },
    "windows_10": _TEN,
    "windows_11": {**_TEN, "windows_11": ""},
    "server_2016": {**_SIXTEEN, "server_2019": "kb4478877", "server_2022": "kb5003638", "windows_11": "kb5003638"},
    "server_2019": {
        **_NINETEEN,
        "server_2022": "kb5003646",
        "windows_11": "kb5003646",
        "server_2025": "kb5034768",
        "windows_11_ltsc_2024": "kb5034768",
    },
    "server_2022": {**_TWENTY_TWO, "server_2025": "kb5034770", "windows_11_ltsc_2024": "kb5034770"},
    "server_2025": _TWENTY_FIVE,
}
EVERYTHING = tuple(STANDARD.updates)
PAIRS = list(itertools.combinations(CLIENTS, 2))


def needed(release: str, *clients: str, offered: t.Collection[str] = EVERYTHING, installed: str = "") -> str:
    return " ".join(chain(STANDARD, release, set(clients), offered, installed.split()))


def test_every_host_release_is_in_the_table() -> None:
    assert set(TABLE) == set(STANDARD.hosts) and len(TABLE) == 15


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("release", TABLE)
def test_every_client_on_every_release(release: str, client: str) -> None:
    if client in TABLE[release]:
        assert needed(release, client) == TABLE[release][client]
        assert needed(release, client, installed=TABLE[release][client]) == ""
        return
    with pytest.raises(Refusal, match=f"a KMS host on {release} cannot serve {client}: ") as caught:
        needed(release, client)
    assert caught.value.name == "serve_impossible"
    able = [name for name, row in TABLE.items() if client in row]
    assert f"which can serve all that is wished: {', '.join(able)}" in caught.value.message


@pytest.mark.parametrize("release", TABLE)
def test_what_a_release_serves_at_once_and_at_best(release: str) -> None:
    assert STANDARD.serves(release, []) == {client for client, names in TABLE[release].items() if not names}
    assert STANDARD.serves_at_best(release) == set(TABLE[release])


@pytest.mark.parametrize("release", TABLE)
def test_two_clients_need_what_serves_both_and_nothing_too_much(release: str) -> None:
    for pair in PAIRS:
        if not set(pair) <= set(TABLE[release]):
            with pytest.raises(Refusal):
                needed(release, *pair)
            continue
        names = needed(release, *pair).split()
        assert set(pair) <= STANDARD.serves(release, names)
        for name in names:
            fewer = [other for other in names if other != name]
            orphans = [
                o for o in fewer if STANDARD.updates[o].needs and not set(STANDARD.updates[o].needs) & set(fewer)
            ]
            assert orphans or not set(pair) <= STANDARD.serves(release, fewer), f"{name} is not needed for {pair}"


@pytest.mark.parametrize(
    ("release", "clients", "offered", "installed", "wanted"),
    [
        # Server 2003: what is at hand decides, then the oldest.
        ("server_2003", "server_2008", "kms_1_0 kms_1_1 kms_1_2", "", "kms_1_0 kms_1_1"),
        ("server_2003", "server_2008", "kms_1_0 kms_1_2", "", "kms_1_0 kms_1_2"),
        ("server_2003", "server_2008", "kms_1_0 kms_1_1", "", "kms_1_0 kms_1_1"),
        ("server_2003", "server_2008", "", "", "kms_1_0 kms_1_2"),
        ("server_2003", "windows_7", "kms_1_0 kms_1_1", "", "kms_1_0 kms_1_2"),
        ("server_2003", "windows_7", "kms_1_1", "kms_1_0", "kms_1_2"),
        ("server_2003", "windows_7", "kms_1_2", "kms_1_1", "kms_1_2"),
        ("server_2003", "windows_7 server_2008", "kms_1_2", "kms_1_0 kms_1_1", "kms_1_2"),
        # Several together: the smallest set, unless it is not at hand.
        ("server_2012", "windows_8_1 windows_10", "kb2885698 kb3172615", "", "kb2885698 kb3172615"),
        ("server_2012", "windows_8_1 windows_10", "kb2885698 kb3058168", "", "kb2885698 kb3058168"),
        ("server_2012", "windows_8_1 windows_10", "kb2885698 kb3058168 kb3172615", "", "kb2885698 kb3058168"),
        ("server_2012", "server_2012_r2 windows_10", "kb2885698 kb3058168 kb3172615", "", "kb3172615"),
        ("server_2012", "server_2012_r2 windows_10", "kb2885698 kb3058168", "", "kb2885698 kb3058168"),
        ("server_2012", "server_2012_r2 windows_10", "kb3058168 kb3172615", "kb2885698", "kb3058168"),
        ("server_2008_r2", "windows_8 windows_10", "kb2757817 kb3079821", "", "kb3079821"),
        ("server_2008", "windows_7 server_2012_r2", "kb968912 kb2885698", "", "kb968912 kb2885698"),
        # Builds: the lowest that does; a later one holds the earlier.
        ("server_2016", "server_2019", "", "", "kb4478877"),
        ("server_2016", "server_2019 server_2022", "", "", "kb5003638"),
        ("server_2019", "server_2022 server_2025", "", "", "kb5003646 kb5034768"),
        ("server_2019", "server_2025", "", "kb5003646", "kb5034768"),
    ],
)
def test_what_is_at_hand_decides(release: str, clients: str, offered: str, installed: str, wanted: str) -> None:
    assert needed(release, *clients.split(), offered=offered.split(), installed=installed) == wanted


def test_what_no_single_release_can_serve() -> None:
    with pytest.raises(Refusal, match="among several hosts, since no single release can"):
        needed("server_2025", "windows_vista", "server_2025")
    with pytest.raises(Refusal, match=r"wished: server_2012_r2, server_2016, server_2019, server_2022, server_2025$"):
        needed("server_2008_r2", "server_2016", "windows_8_1", "server_2019")
    assert hosts_for(STANDARD, {"windows_10", "windows_vista"}) == [
        "windows_7",
        "server_2008_r2",
        "windows_8",
        "server_2012",
        "windows_8_1",
        "server_2012_r2",
    ]


# -- keys

# The updates a host needs for a key of the group alone, where every package is at hand; the releases in a row are those
# on which it can be installed. Sources: kms-activation-planning; the volume activation planning guide for the groups of
# the 2008 and 2008 R2 generation; the titles of the articles above.
_OLD = {"server_2003": "kms_1_0 kms_1_1", "server_2008": ""}
_SECOND = {"server_2003": "kms_1_0 kms_1_2", "server_2008": "kb968912", "server_2008_r2": ""}
KEYS: dict[str, dict[str, str]] = {
    "windows_vista": {"server_2003": "kms_1_0", "windows_vista": "", "server_2008": ""},
    "server_2008_a": _OLD,
    "server_2008_b": _OLD,
    "server_2008_c": _OLD,
    "windows_7": {**_SECOND, "windows_vista": "kb968912", "windows_7": ""},
    "server_2008_r2_a": _SECOND,
    "server_2008_r2_b": _SECOND,
    "server_2008_r2_c": _SECOND,
    "server_2012": {"server_2012": "", "server_2008_r2": "kb2757817"},
    "server_2012_r2": {
        "server_2012_r2": "",
        "server_2012": "kb2885698",
        "server_2008_r2": "kb2885698",
        "server_2008": "kb2885698",
    },
    "server_2012_r2_windows_10": {
        "server_2012_r2": "kb3058168",
        "server_2012": "kb3172615",
        "server_2008_r2": "kb3079821",
    },
    "windows_10": {"windows_10": "", "windows_8_1": "kb3058168", "windows_7": "kb3079821"},
    "server_2016": {"server_2016": "", "server_2012_r2": "kb3172614", "server_2012": "kb3172615"},
    "server_2019": {"server_2019": "", "server_2016": "kb4478877", "server_2012_r2": "kb4467695"},
    "server_2022": {"server_2022": "", "server_2019": "kb5003646", "server_2016": "kb5003638"},
    "server_2025": {"server_2025": "", "server_2022": "kb5034770", "server_2019": "kb5034768"},
}


@pytest.mark.parametrize("release", TABLE)
@pytest.mark.parametrize("group", KEY_GROUPS)
def test_every_key_group_on_every_release(group: str, release: str) -> None:
    if release not in KEYS[group]:
        with pytest.raises(
            Refusal, match=f"a host key of the group {group} cannot be installed on {release}"
        ) as caught:
            check_group(group, release, frozenset())
        assert caught.value.name == "key_group_wrong_host"
        return
    check_group(group, release, frozenset())
    assert needed(release, *wanted_clients((), group)) == KEYS[group][release]


def test_every_key_group_is_in_the_table() -> None:
    assert set(KEYS) == set(KEY_GROUPS) and len(KEYS) == 16


def test_a_key_may_need_an_update_that_its_clients_do_not() -> None:
    assert needed("server_2008_r2", "windows_7") == ""
    assert needed("server_2008_r2", *wanted_clients({"windows_7"}, "server_2012_r2")) == "kb2885698"
    assert wanted_clients({"windows_7"}, None) == {"windows_7"}


@pytest.mark.parametrize(
    ("group", "release", "serve", "words"),
    [
        ("windows_10", "server_2012_r2", {"windows_10"}, "groups server_2012_r2_windows_10, server_2016, server_2019"),
        ("windows_10", "server_2012_r2", set(), "takes no client keys"),
        ("windows_10", "server_2003", {"windows_10"}, "no key that server_2003 takes activates windows_10"),
        ("server_2019", "server_2022", {"server_2019"}, "of one of the groups server_2022, server_2025"),
        ("server_2008_a", "server_2008", {"windows_7"}, "use a key of one of the groups windows_7, server_2008_r2_a"),
        ("server_2025", "server_2025", {"windows_vista"}, "no key that server_2025 takes activates windows_vista"),
        ("server_2025", "server_2025", {"windows_vista", "server_2025"}, "no single key group activates"),
    ],
)
def test_a_key_that_will_not_do_is_refused_with_one_that_does(
    group: str, release: str, serve: set[str], words: str
) -> None:
    with pytest.raises(Refusal) as caught:
        check_group(group, release, frozenset(serve))
    assert words in caught.value.message


# -- what nobody can tell


@pytest.mark.parametrize(
    ("release", "clients", "offered", "installed", "doubtful"),
    [
        ("server_2012_r2", "windows_10", "", "", "kb3172614 kb4467695"),
        ("server_2012_r2", "server_2019", "", "", "kb4467695"),
        ("server_2012_r2", "windows_10", "kb3058168", "", "kb3172614 kb4467695"),
        ("server_2012", "server_2016", "", "", "kb3172615"),
        ("server_2012", "windows_8_1 windows_10", "", "", ""),
        ("server_2012", "windows_8_1 windows_10", "kb2885698", "", "kb3172615"),
        ("windows_8_1", "windows_10", "", "", "kb3172614"),
        ("windows_8", "windows_10", "", "", ""),
        ("server_2008_r2", "windows_10", "", "", ""),
    ],
)
def test_a_later_rollup_may_stand_for_one(
    release: str, clients: str, offered: str, installed: str, doubtful: str
) -> None:
    unknown = {row.id for row in STANDARD.for_release(release) if row.or_later} - set(installed.split())
    found = undecided(STANDARD, release, set(clients.split()), offered.split(), installed.split(), unknown)
    assert " ".join(update.id for update in found) == doubtful
