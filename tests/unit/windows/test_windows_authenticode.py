# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signed a program. The signatures are made by osslsigncode; whom to trust is handed in."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from pathlib import Path

import pytest
from asn1crypto import cms, core
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.activation.kms.plugins.plugin_utils._windows import authenticode
from ansible_collections.activation.kms.plugins.plugin_utils._windows.authenticode import (
    DAMAGED,
    MICROSOFT,
    NOT_CHECKED,
    OTHER,
    UNSIGNED,
    Signature,
)
from ansible_collections.activation.kms.plugins.plugin_utils._windows.certificates import MICROSOFT as REAL
from ansible_collections.activation.kms.plugins.plugin_utils._windows.certificates import Trust
from ansible_collections.activation.kms.plugins.plugin_utils._windows.packages import examine
from ansible_collections.activation.kms.tests.unit.windows.cabinets import msu
from ansible_collections.activation.kms.tests.unit.windows.programs import SFX, program
from ansible_collections.activation.kms.tests.unit.windows.signing import (
    BETWEEN,
    KEYS,
    ROOT,
    SERVER,
    SIGNER,
    Holder,
    certificate,
    sign,
)

PLAIN = program(0x14C, SFX)
CHECKSUM = 0x40 + 24 + 64  # where it is in PLAIN: the program's header, the COFF header, then the optional header
ENTRY = 0x40 + 24 + 96 + 4 * 8  # likewise: the fifth of the data directories
ANCHOR = certificate(ROOT, ROOT)
TRUST = Trust("Microsoft Corporation", (ANCHOR,))
MIDDLE = certificate(BETWEEN, ROOT)
OLD_MIDDLE = certificate(BETWEEN, ROOT, digest="sha1")
LEAF = certificate(SIGNER, BETWEEN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signing")


@pytest.fixture(scope="module")
def signed(folder: Path) -> bytes:
    """As Microsoft signed in 2007, but for the time stamp: SHA-1 all over, the root left out."""
    return sign(folder, PLAIN, certificate(SIGNER, BETWEEN, digest="sha1"), OLD_MIDDLE)


def judged(folder: Path, content: bytes, trust: Trust = TRUST) -> Signature:
    path = folder / "package.exe"
    path.write_bytes(content)
    with path.open("rb") as opened:
        return examine(str(path), opened, trust).signature


# -- what is Microsoft's


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("machine", [0x14C, 0x8664])
def test_a_way_to_the_root_makes_it_microsofts(folder: Path, digest: str, machine: int) -> None:
    content = sign(folder, program(machine, SFX), LEAF, MIDDLE, digest=digest)
    assert judged(folder, content) == Signature(MICROSOFT, "Microsoft Corporation")


def test_sha_1_and_certificates_that_have_expired_are_what_server_2003_has(folder: Path, signed: bytes) -> None:
    assert judged(folder, signed).state == MICROSOFT


def test_the_root_may_come_along_and_order_does_not_matter(folder: Path) -> None:
    assert judged(folder, sign(folder, PLAIN, LEAF, ANCHOR, MIDDLE)).state == MICROSOFT


def test_a_second_signature_may_be_nested(folder: Path, signed: bytes) -> None:
    stranger = certificate(SIGNER, SIGNER)
    assert judged(folder, sign(folder, signed, LEAF, MIDDLE, digest="sha256", nested=True)).state == MICROSOFT
    assert judged(folder, sign(folder, signed, stranger, digest="sha256", nested=True)).state == MICROSOFT
    beside = sign(folder, sign(folder, PLAIN, stranger), LEAF, MIDDLE, digest="sha256", nested=True)
    assert judged(folder, beside).state == MICROSOFT


# -- what is not


@pytest.mark.parametrize(
    ("certificates", "reason"),
    [
        ([certificate(SIGNER, SIGNER)], "do not lead to a root"),
        ([certificate(SIGNER, ROOT, key="stranger")], "do not lead to a root"),
        ([certificate(SIGNER, dataclasses.replace(ROOT, name="Another"))], "do not lead to a root"),
        ([LEAF], "do not lead to a root"),
        ([LEAF, certificate(BETWEEN, BETWEEN)], "do not lead to a root"),
        ([LEAF, certificate(BETWEEN, ROOT, key="stranger")], "do not lead to a root"),
        ([LEAF, certificate(dataclasses.replace(BETWEEN, authority=False), ROOT)], "do not lead to a root"),
        ([LEAF, certificate(dataclasses.replace(BETWEEN, purposes=(SERVER,)), ROOT)], "do not lead to a root"),
        ([LEAF, certificate(BETWEEN, ROOT, digest="md5")], "do not lead to a root"),
        ([certificate(SIGNER, BETWEEN, digest="md5"), MIDDLE], "do not lead to a root"),
        ([certificate(dataclasses.replace(SIGNER, purposes=()), BETWEEN), MIDDLE], "not made for signing code"),
        ([certificate(dataclasses.replace(SIGNER, purposes=(SERVER,)), BETWEEN), MIDDLE], "not made for signing code"),
        (
            [certificate(dataclasses.replace(SIGNER, organization="Contoso"), BETWEEN), MIDDLE],
            "does not name Microsoft",
        ),
        ([LEAF, *[certificate(Holder("stranger", f"{number}"), ROOT) for number in range(40)]], "more than 32"),
    ],
)
def test_who_only_calls_himself_microsoft_is_another(folder: Path, certificates: list[object], reason: str) -> None:
    found = judged(folder, sign(folder, PLAIN, *certificates))
    assert found.state == OTHER
    assert reason in found.reason


def test_what_microsoft_took_back_does_not_count(folder: Path, signed: bytes) -> None:
    assert (
        judged(folder, signed, dataclasses.replace(TRUST, distrusted=frozenset([OLD_MIDDLE.sha1.hex()]))).state == OTHER
    )


def test_a_file_digest_of_md5_is_not_believed(folder: Path) -> None:
    assert judged(folder, sign(folder, PLAIN, LEAF, MIDDLE, digest="md5")).state == OTHER


def test_the_signer_of_a_test_is_nobody_to_the_real_roots(folder: Path, signed: bytes) -> None:
    assert judged(folder, signed, REAL).state == OTHER


def test_a_name_cannot_write_on_the_screen(folder: Path) -> None:
    loud = certificate(dataclasses.replace(SIGNER, name="\x1b[2Jall\nwell" + "." * 50), BETWEEN)
    assert judged(folder, sign(folder, PLAIN, loud, MIDDLE)).signer == "[2Jallwell" + "." * 50


# -- what is not signed, or not any more


@pytest.mark.parametrize("machine", [0x14C, 0x8664])
def test_nobody_signed_it(folder: Path, machine: int) -> None:
    assert judged(folder, program(machine, SFX)).state == UNSIGNED


@pytest.mark.parametrize("change", ["appended", "cut", "inside", "other kind", "long table", "hidden", "room"])
def test_a_changed_program_is_damaged(folder: Path, signed: bytes, change: str) -> None:
    table, size = struct.unpack_from("<II", signed, ENTRY)
    assert table + size == len(signed)
    changed = bytearray(signed)
    if change == "appended":
        changed += b"more"
    elif change == "cut":
        del changed[-8:]
    elif change == "inside":
        changed[table - 5] ^= 1
    elif change == "other kind":
        changed[table + 6] = 1
    elif change == "long table":
        struct.pack_into("<I", changed, table, size + 1)
    else:  # behind the message, within the table, which nothing covers
        changed += b"payload." if change == "hidden" else bytes(16)
        struct.pack_into("<I", changed, ENTRY + 4, len(changed) - table)
    assert judged(folder, bytes(changed)).state == DAMAGED


def test_the_signature_of_another_file_is_damage(folder: Path, signed: bytes) -> None:
    other = sign(folder, program(0x14C, {**SFX, "FileVersion": "2"}), LEAF, MIDDLE)
    table = struct.unpack_from("<I", signed, ENTRY)[0]
    theirs = struct.unpack_from("<I", other, ENTRY)[0]
    swapped = bytearray(signed[:table] + other[theirs:])
    struct.pack_into("<I", swapped, ENTRY + 4, len(other) - theirs)
    assert judged(folder, bytes(swapped)).state == DAMAGED


def test_a_digest_put_right_afterwards_is_found_out(folder: Path, signed: bytes) -> None:
    """The statement names the digest of the changed file, but it is the old statement that was signed."""
    changed = bytearray(signed)
    changed[struct.unpack_from("<I", signed, ENTRY)[0] - 5] ^= 1
    before, after = digest_of(signed), digest_of(changed)
    assert signed.count(before) == 1
    found = judged(folder, bytes(changed).replace(before, after))
    assert found.state == DAMAGED
    assert "not made with the certificate" in found.reason


def digest_of(content: bytes | bytearray) -> bytes:
    """SHA-1 of a 32-bit program without its checksum, the entry of its table of signatures, and that table."""
    table = struct.unpack_from("<I", content, ENTRY)[0]
    covered = content[:CHECKSUM] + content[CHECKSUM + 4 : ENTRY] + content[ENTRY + 8 : table]
    return hashlib.sha1(covered).digest()


def test_a_signature_for_another_kind_of_content_is_none(folder: Path, signed: bytes) -> None:
    """The signer himself says that what he signed is no statement about a program (RFC 2315, 9.2: content type)."""
    table = struct.unpack_from("<I", signed, ENTRY)[0]
    info = cms.ContentInfo.load(signed[table + 8 :])["content"]["signer_infos"][0]
    attributes = info["signed_attrs"].dump()[1:]
    statement = core.ObjectIdentifier("1.3.6.1.4.1.311.2.1.4").dump()
    others = attributes.replace(statement, core.ObjectIdentifier("1.3.6.1.4.1.311.2.1.5").dump())
    signature = KEYS["signer"].sign(b"\x31" + others, padding.PKCS1v15(), hashes.SHA1())
    content = signed.replace(attributes, others).replace(info["signature"].native, signature)
    assert judged(folder, content).state == DAMAGED


def test_a_damaged_signature_beside_a_strangers_is_damage(folder: Path) -> None:
    stranger = certificate(SIGNER, SIGNER)
    both = sign(folder, sign(folder, PLAIN, stranger), stranger, digest="sha256", nested=True)
    digest = b"\x04\x20"  # an octet string of 32 bytes: the nested statement's digest of the file, and more
    at = both.rindex(digest) + 2
    changed = both[:at] + bytes([both[at] ^ 1]) + both[at + 1 :]
    assert judged(folder, changed).state == DAMAGED


@given(st.data())
def test_no_changed_bit_passes(folder: Path, signed: bytes, data: st.DataObject) -> None:
    """What a signature does not cover is the checksum, and the table, which can only be made unreadable."""
    table = struct.unpack_from("<I", signed, ENTRY)[0]
    where = data.draw(st.integers(0, table - 1).filter(lambda at: not CHECKSUM <= at < CHECKSUM + 4))
    changed = bytearray(signed)
    changed[where] ^= 1 << data.draw(st.integers(0, 7))
    assert judged(folder, bytes(changed)).state in (DAMAGED, NOT_CHECKED, UNSIGNED)


@given(st.data())
def test_any_bytes_in_the_table_are_judged(folder: Path, signed: bytes, data: st.DataObject) -> None:
    table = struct.unpack_from("<I", signed, ENTRY)[0]
    where = data.draw(st.integers(table, len(signed) - 1))
    written = data.draw(st.binary(min_size=1, max_size=40))
    changed = signed[:where] + written + signed[where + len(written) :]
    assert judged(folder, changed[: len(signed)]).state in (MICROSOFT, OTHER, DAMAGED)


@given(st.integers(0, 2000))
def test_half_a_download_is_never_microsofts(folder: Path, signed: bytes, cut: int) -> None:
    assert judged(folder, signed[: -1 - cut]).state in (DAMAGED, NOT_CHECKED, UNSIGNED)


# -- what cannot be checked


def test_without_the_library_nothing_is_claimed(folder: Path, signed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticode, "MISSING", "asn1crypto")
    assert judged(folder, signed) == Signature(NOT_CHECKED, reason="library asn1crypto is not installed")


def test_cabinets_and_web_pages_are_not_checked(folder: Path) -> None:
    assert judged(folder, msu("Windows6.1-KB3079821-x64.cab")).state == NOT_CHECKED
    assert judged(folder, b"<html>you are being redirected</html>").state == NOT_CHECKED
    assert judged(folder, b"").state == NOT_CHECKED
