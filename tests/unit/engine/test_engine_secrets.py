# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets show nothing, and the scrubber finds them wherever and however they are written."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import string
import typing as t
import urllib.parse
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Problem
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HIDDEN, HostKey, Scrubber, Secret

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
VALUE = "pä<s>&\"w'o-rd %/"

SHOWINGS: dict[str, t.Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "f-string": lambda secret: f"{secret} {secret!r} {secret!s}",
    "template": lambda secret: string.Template("$a").substitute(a=secret),
    "in a list": lambda secret: str([secret]),
    "as a key": lambda secret: str({secret: 1}),
    "exception": lambda secret: repr(ValueError(secret)) + str(ValueError("no", secret)),
    "problem": lambda secret: str(Problem(f"bad {secret}", name="bad")),
    "json": lambda secret: json.dumps({"a": secret}, default=str),
}


@pytest.mark.parametrize("way", SHOWINGS)
@pytest.mark.parametrize("secret", [Secret(VALUE), HostKey(KEY)], ids=["secret", "host_key"])
def test_no_way_to_show_a_secret_shows_it(way: str, secret: Secret) -> None:
    text = SHOWINGS[way](secret)
    assert secret.reveal() not in text
    assert secret.shown in text


def test_a_dataclass_that_holds_one_does_not_show_it() -> None:
    @dataclasses.dataclass
    class Holder:
        inner: Secret

    assert VALUE not in repr(Holder(Secret(VALUE)))


@pytest.mark.parametrize("secret", [Secret(VALUE), HostKey(KEY)], ids=["secret", "host_key"])
@pytest.mark.parametrize(
    "way", [json.dumps, pickle.dumps, copy.deepcopy, vars], ids=["json", "pickle", "deepcopy", "vars"]
)
def test_what_would_carry_the_value_elsewhere_is_refused_without_it(
    way: t.Callable[[Secret], t.Any], secret: Secret
) -> None:
    with pytest.raises(TypeError) as caught:
        way(secret)
    assert secret.reveal() not in str(caught.value)


def test_a_host_key_shows_its_last_five() -> None:
    assert str(HostKey(KEY.lower())) == "*****-67892"
    assert repr(HostKey(KEY)) == "HostKey(*****-67892)"
    assert HostKey(KEY).last_five == "67892"


@pytest.mark.parametrize("text", ["hunter2", "12345", "BCDFG-HJKMP", ""])
def test_what_is_too_short_for_a_host_key_shows_nothing(text: str) -> None:
    """Somebody's password in the wrong option is no key whose end may be shown."""
    assert HostKey(text).shown == HIDDEN


def test_secrets_are_equal_by_value() -> None:
    assert Secret("abcd") == Secret("abcd") != Secret("abce")
    assert Secret("abcd") != "abcd"
    assert len({Secret("abcd"), Secret("abcd")}) == 1


# -- the scrubber

SPELLINGS: dict[str, t.Callable[[str], str]] = {
    "as it is": lambda value: value,
    "without dashes": lambda value: value.replace("-", ""),
    "upper case": str.upper,
    "lower case": str.lower,
    "stripped": str.strip,
    "xml text": escape,
    "xml attribute": lambda value: escape(value, {'"': "&quot;"}),
    "xml all": lambda value: escape(value, {'"': "&quot;", "'": "&apos;"}),
    "url": lambda value: urllib.parse.quote(value, safe=""),
    "url path": urllib.parse.quote,
    "url form": urllib.parse.quote_plus,
    "json": lambda value: json.dumps(value)[1:-1],
    "json unicode": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "repr": lambda value: repr(value)[1:-1],
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 utf-16": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("value", [VALUE, "back\\slash\tand\nline", "plain-password", KEY])
def test_every_spelling_is_found(spelling: str, value: str) -> None:
    written = SPELLINGS[spelling](value)
    assert Scrubber([Secret(value)]).text(f"before {written} after") == f"before {HIDDEN} after"


@pytest.mark.parametrize("written", [KEY, KEY.lower(), KEY.replace("-", ""), KEY.replace("-", "").lower()])
@pytest.mark.parametrize("offered", [KEY, KEY.lower(), KEY.replace("-", ""), KEY.replace("-", "\u2013"), f" {KEY}\n"])
def test_a_host_key_is_found_however_it_was_offered_and_however_it_is_written(offered: str, written: str) -> None:
    text = Scrubber([HostKey(offered)]).text(f"key={written};")
    assert text == "key=*****-67892;"


@given(value=st.text(string.ascii_letters + string.digits + "-<>&\"'%+ä", min_size=6, max_size=30))
def test_nothing_of_a_secret_is_left_in_any_depth(value: str) -> None:
    value = f"Zq{value}Qz"
    result = {
        "a": [{"b": (value, f"x{value}y")}, {value}],
        f"key {value}": None,
        "object": ValueError(value),
        "number": 5,
        "flag": True,
    }
    scrubbed = Scrubber([Secret(value)]).scrub(result)
    assert value not in repr(scrubbed)
    assert json.loads(json.dumps(scrubbed))["number"] == 5
    assert scrubbed["flag"] is True


def test_the_longest_secret_wins() -> None:
    scrubber = Scrubber([Secret("secret"), Secret("secret-and-more")])
    assert scrubber.text("a secret-and-more b") == f"a {HIDDEN} b"


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_what_is_too_short_to_be_told_from_ordinary_text_is_left(value: str) -> None:
    assert Scrubber([Secret(value)]).text("abc") == "abc"


def test_the_original_is_left_alone() -> None:
    result = {"a": ["secret"]}
    Scrubber([Secret("secret")]).scrub(result)
    assert result == {"a": ["secret"]}
