# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names a user writes: what they become, and the sentence where they are impossible."""

from __future__ import annotations

import typing as t

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._srv import names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("corp.example", "corp.example"),
        ("Corp.EXAMPLE.", "corp.example"),
        (" corp.example ", "corp.example"),
        ("corp", "corp"),  # single-label Active Directory domains exist
        ("my_corp.example", "my_corp.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
    ],
)
def test_zone(written: str, name: str) -> None:
    assert names.zone_name(written) == name
    assert names.owner_name(names.zone_name(written)) == f"_vlmcs._tcp.{name}"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("", "empty"),
        (".", "empty"),
        ("_vlmcs._tcp.corp.example", "write the domain it is for: corp.example"),
        ("corp..example", "empty label"),
        (".corp.example", "empty label"),
        ("10.0.0.1", "is an address"),
        ("2001:db8::1", "is an address"),
        ("corp.example;drop", "letters, digits"),
        ("-corp.example", "hyphen"),
        ("{{ zone }}.example", "template"),
        ("a" * 64 + ".example", "64 characters"),
        ("faß.example", "xn--"),
        (".".join(["a" * 49] * 5), "253"),
        ("ü" * 70 + ".example", "international"),
        ("\N{GRINNING FACE} .example", "DNS name|international"),
    ],
)
def test_zone_refused(written: str, hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        names.zone_name(written)


@pytest.mark.parametrize("written", ["kms1.corp.example", "KMS1.corp.example.", "10-0-0-1.corp.example", "1.example"])
def test_target(written: str) -> None:
    assert names.target_name(written) == written.lower().rstrip(".")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("kms1", "kms1.corp.example for instance"),
        ("kms_1.corp.example", "underscore"),
        ("192.0.2.1", "is an address"),
        ("fe80::1", "is an address"),
        ("kms1.corp.example:1688", "in the option port"),
        (".", "state: absent"),
        ("*.corp.example", "letters, digits and hyphens"),
        ("kms1 .corp.example", "letters, digits and hyphens"),
    ],
)
def test_target_refused(written: str, hint: str) -> None:
    with pytest.raises(Refusal, match=hint) as caught:
        names.target_name(written)
    assert caught.value.name == "bad_name"


@pytest.mark.parametrize(
    ("written", "server"),
    [
        ("DNS1.corp.example.", "dns1.corp.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("dns1", "dns1"),
    ],
)
def test_server(written: str, server: str) -> None:
    assert names.host_name(written) == server


@pytest.mark.parametrize(("written", "hint"), [("dns1:53", "server_port"), ("dns 1", "DNS name"), ("", "empty")])
def test_server_refused(written: str, hint: str) -> None:
    with pytest.raises(Refusal, match=hint):
        names.host_name(written)


@pytest.mark.parametrize("value", [-1, 65536, "1688", 1.5, True, None])
def test_numbers_refused(value: t.Any) -> None:
    with pytest.raises(Refusal, match="port is .*from 0 to 65535"):
        names.number(value, "port", 0, 65535)


@given(st.text(max_size=80))
def test_whatever_is_accepted_is_a_name_dns_takes_and_stays_as_it_is(text: str) -> None:
    try:
        name = names.target_name(text)
    except Refusal:
        return
    assert names.target_name(name) == name
    assert dns.name.from_text(name).to_text(True) == name
    assert names.target_name(name + ".") == name
