# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TSIG keys and signatures, judged by dnspython's own implementation on the other side."""

from __future__ import annotations

import time
import traceback

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Secret
from ansible_collections.activation.kms.plugins.plugin_utils._srv import tsig
from ansible_collections.activation.kms.tests.unit.srv.fakes import KEY_NAME, OTHER_SECRET, SECRET, append_tsig


def make_key(algorithm: str = "hmac-sha256", secret: str = SECRET, name: str = KEY_NAME) -> tsig.TsigKey:
    return tsig.TsigKey(name, algorithm, Secret(secret))


@pytest.mark.parametrize(
    ("secret", "hint"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("********", "asterisks"),
        ("***", "asterisks"),
        (SECRET[:-1], "padding"),
        (SECRET[:-3], "padding"),
        (f"hmac-sha256 {SECRET}", "white space"),
        ("c2Vj!mV0", "is not base64"),
        ("c2VjÜmV0", "is not base64"),
        ("=AAA", "is not base64"),
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str, hint: str) -> None:
    with pytest.raises(Refusal) as caught:
        make_key(secret=secret)
    assert KEY_NAME in caught.value.message
    assert hint in caught.value.message
    if len(secret.strip("* ")) > 4:
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.as_data())
        assert secret not in shown.replace("hmac-sha256 {SECRET}", "")


@pytest.mark.parametrize("algorithm", ["hmac-foo", "", "sha256", "gss-tsig"])
def test_unknown_algorithms_are_refused(algorithm: str) -> None:
    with pytest.raises(Refusal, match="hmac-sha256, hmac-sha384, hmac-sha512"):
        make_key(algorithm)


def test_names_and_white_space_at_the_ends_do_not_matter() -> None:
    assert make_key(secret=f" {SECRET}\n", name="KMS-Rollout.").name == KEY_NAME
    assert make_key("HMAC-SHA256") == make_key()


def test_nothing_shows_the_secret() -> None:
    key = make_key()
    assert SECRET not in f"{key!r} {key} {key.secret}"


@pytest.mark.parametrize("algorithm", tsig.ALGORITHMS)
@pytest.mark.parametrize("name", [KEY_NAME, "kms.corp.example"])
def test_a_signed_message_satisfies_the_other_side_and_its_answer_satisfies_us(algorithm: str, name: str) -> None:
    key = make_key(algorithm, name=name)
    peer_algorithm = dns.tsig.HMAC_MD5 if algorithm == "hmac-md5" else algorithm
    peer = dns.tsig.Key(name, SECRET, peer_algorithm)
    query = dns.message.make_query("_vlmcs._tcp.corp.example", "SRV")
    wire, mac = tsig.sign(query.to_wire(), key, time.time())
    received = dns.message.from_wire(wire, keyring={peer.name: peer})
    assert received.had_tsig
    assert received.mac == mac

    raw = dns.message.make_response(received).to_wire()
    answer = dns.message.from_wire(raw, keyring=False)
    assert tsig.verify(raw, answer, key, mac, time.time()) == tsig.Verdict(True)


def _answered(key: tsig.TsigKey) -> tuple[bytes, bytes]:
    wire, mac = tsig.sign(dns.message.make_query("corp.example", "SOA").to_wire(), key, time.time())
    peer = dns.tsig.Key(KEY_NAME, SECRET, "hmac-sha256")
    return dns.message.make_response(dns.message.from_wire(wire, keyring=peer)).to_wire(), mac


def _judge(raw: bytes, key: tsig.TsigKey, mac: bytes, now: float | None = None) -> tsig.Verdict:
    return tsig.verify(raw, dns.message.from_wire(raw, keyring=False), key, mac, time.time() if now is None else now)


def test_an_answer_of_somebody_else_is_not_verified() -> None:
    raw, mac = _answered(make_key())
    assert _judge(raw, make_key(secret=OTHER_SECRET), mac).why == "its signature is wrong"
    assert _judge(raw, make_key(name="other"), mac).why == "it is signed with another key"
    assert _judge(raw, make_key("hmac-sha512"), mac).why == "it is signed with another key"
    assert not _judge(raw, make_key(), b"\0" * 32).verified


def test_an_unsigned_answer_is_not_verified() -> None:
    raw = dns.message.make_response(dns.message.make_query("corp.example", "SOA")).to_wire()
    assert _judge(raw, make_key(), b"\0" * 32) == tsig.Verdict(False, why="it is not signed")


def test_a_clock_far_away_is_told_with_its_distance() -> None:
    raw, mac = _answered(make_key())
    verdict = _judge(raw, make_key(), mac, time.time() + 1000)
    assert (verdict.verified, verdict.error) == (False, "BADTIME")
    assert verdict.skew is not None and -1005 <= verdict.skew <= -995


@pytest.mark.parametrize("error", ["BADSIG", "BADKEY", "BADTRUNC"])
def test_the_servers_own_complaint_is_named(error: str) -> None:
    query = dns.message.make_query("corp.example", "SOA")
    signed, mac = tsig.sign(query.to_wire(), make_key(), time.time())
    sent = dns.message.from_wire(signed, keyring=False)
    assert sent.tsig is not None
    complaint = sent.tsig[0].replace(mac=b"", error=dns.rcode.from_text(error) if error != "BADSIG" else 16)
    raw = append_tsig(dns.message.make_response(query).to_wire(), dns.name.from_text(KEY_NAME), complaint)
    assert _judge(raw, make_key(), mac).error == error


@given(st.binary(max_size=60))
def test_tampering_is_always_noticed(noise: bytes) -> None:
    key = make_key()
    raw, mac = _answered(key)
    assert _judge(raw, key, mac).verified
    changed = bytearray(raw)
    for number, value in enumerate(noise):
        changed[2 + number % (len(raw) - 2)] ^= value
    if bytes(changed) == raw:
        return
    try:
        parsed = dns.message.from_wire(bytes(changed), keyring=False)
    except Exception:
        return
    verdict = tsig.verify(bytes(changed), parsed, key, mac, time.time())
    # Letter case of the key's name is not part of what is signed (RFC 8945 5.3.3), nor are our own spelling rules.
    if bytes(changed).lower() != raw.lower():
        assert not verdict.verified
