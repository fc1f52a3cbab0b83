# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a host key, what is refused as one, and that no message repeats it."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._data import load
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem, Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._kms import keys
from ansible_collections.activation.kms.plugins.plugin_utils._kms.catalogue import KEY_GROUPS, group_activates
from ansible_collections.activation.kms.plugins.plugin_utils._kms.keys import check_group, host_key

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
ALPHABET = "BCDFGHJKMPQRTVWXY2346789N"
SETUP_KEYS = load(keys.__file__, "data", "setup_keys.yml")["setup_keys"]
DASHES = {
    "hyphen": "\u2010",
    "no-break": "\u2011",
    "figure": "\u2012",
    "en": "\u2013",
    "em": "\u2014",
    "minus": "\u2212",
}


def said(problem: Problem) -> str:
    return repr(problem) + problem.message + problem.advice + repr(problem.as_data())


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.lower(),
        f"  {KEY}\r\n",
        KEY.replace("-", ""),
        KEY.replace("-", " - "),
        *(KEY.replace("-", dash) for dash in DASHES.values()),
    ],
)
def test_a_key_in_its_normal_form(text: str) -> None:
    assert host_key(text).reveal() == KEY


@given(st.text(ALPHABET, min_size=25, max_size=25))
def test_every_key_of_the_form_is_taken(text: str) -> None:
    key = "-".join(text[at : at + 5] for at in range(0, 25, 5))
    assume(key not in SETUP_KEYS)
    assert host_key(key.lower()).reveal() == key
    assert host_key(text) == host_key(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "hunter2",
        KEY[:-1],
        KEY + "B",
        KEY.replace("67892", "0I1OS"),
        KEY.replace("-", "_"),
        KEY.replace("-", "", 1),
        KEY[6:],
        f"{KEY}-{KEY}",
        KEY.replace("B", "\u0412"),
        "{{ vault_key }}",
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="is not a product key") as caught:
        host_key(text)
    assert caught.value.name == "key_malformed"
    if len(text) > 1:
        assert text not in said(caught.value)


@given(st.text(string.printable, min_size=6, max_size=40))
def test_the_refusal_never_holds_what_was_offered(text: str) -> None:
    text = f"q{text}Z"
    try:
        key = host_key(text)
    except Refusal as refusal:
        assert text not in said(refusal)
        assert text.strip().upper() not in said(refusal)
    else:
        assert len(key.reveal()) == 29


@given(st.text(ALPHABET, min_size=25, max_size=25), st.integers(0, 24), st.sampled_from("01AEILOSUZ"))
def test_a_typing_error_is_refused_without_the_rest_of_the_key(text: str, at: int, wrong: str) -> None:
    typed = text[:at] + wrong + text[at + 1 :]
    typed = "-".join(typed[start : start + 5] for start in range(0, 25, 5))
    with pytest.raises(Refusal) as caught:
        host_key(typed)
    assert not any(group in said(caught.value) for group in typed.split("-"))


@pytest.mark.parametrize("key", sorted(SETUP_KEYS))
def test_setup_keys_are_refused_with_their_edition(key: str) -> None:
    for text in (key, key.lower(), key.replace("-", "")):
        with pytest.raises(Refusal, match=r"setup key \(GVLK\)") as caught:
            host_key(text)
        assert caught.value.name == "key_is_setup_key"
        assert SETUP_KEYS[key]["edition"] in caught.value.message
        assert key not in said(caught.value)


def test_the_setup_keys_are_keys() -> None:
    assert all(keys._FORM.match(key) for key in SETUP_KEYS)


# -- key groups


@pytest.mark.parametrize(
    ("group", "release", "serve", "name"),
    [
        ("server_2008_r2_c", "server_2003", {"windows_7", "server_2008_r2"}, None),
        ("windows_7", "server_2003", {"windows_7", "windows_vista"}, None),
        ("windows_vista", "server_2003", set(), None),
        ("server_2022", "server_2003", {"windows_7"}, "key_group_wrong_host"),
        ("server_2012", "server_2003", set(), "key_group_wrong_host"),
        ("windows_vista", "server_2003", {"windows_7"}, "key_group_too_low"),
        ("windows_7", "server_2003", {"windows_7", "server_2008_r2"}, "key_group_too_low"),
    ],
)
def test_a_key_group_must_fit_host_and_clients(group: str, release: str, serve: set[str], name: str | None) -> None:
    if name is None:
        check_group(group, release, frozenset(serve))
        return
    with pytest.raises(Refusal, match=group) as caught:
        check_group(group, release, frozenset(serve))
    assert caught.value.name == name
    beyond = serve - group_activates(group) if name == "key_group_too_low" else set()
    assert all(client in caught.value.message for client in beyond)


@pytest.mark.parametrize("group", KEY_GROUPS)
def test_every_group_either_fits_server_2003_or_is_refused_with_a_sentence(group: str) -> None:
    try:
        check_group(group, "server_2003", frozenset())
    except Refusal as refusal:
        assert "server_2003" in refusal.message and refusal.advice
