# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the licensing service's numbers become."""

from __future__ import annotations

import re

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._kms import errors
from ansible_collections.activation.kms.plugins.plugin_utils._kms.activation import refused
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Seen
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import System
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.values import Output
from ansible_collections.activation.kms.tests.unit.kms.hosts import system

DOING = "installing the host key *****-67892"
DOCUMENTED = re.findall(
    r"0x\w{8}",
    """
    0xC004F050 0xC004F069 0xC004F015 0xC004F014 0xC004F010 0xC004F061 0xC004F051 0xC004F025 0xC004F02C 0xC004F02D
    0xC004F02E 0xC004F02F 0xC004F031 0xC004F04D 0xC004F07E 0xC004F07F 0xC004F033 0xC004F035 0xC004F038 0xC004F039
    0xC004F041 0xC004F042 0xC004F056 0xC004F06B 0xC004F06C 0xC004F074 0xC004F075 0xC004E028 0xC004C001 0xC004C003
    0xC004C008 0xC004C017 0xC004C020 0xC004C021 0xC004B100 0xC004D302 0xC004D307 0xC004F200 0xC004F009 0xC004F00F
    0x4004F00C 0x4004F00D 0x80070005 0x8007000D 0x80070057 0x8007232A 0x8007232B 0x8007007B 0x80092328 0x8007251D
    0x8007267C 0x80072338 0x800706BA 0x80072EE2 0x80072EE7 0x80070490 0x80080005
    """,
)
"""What Microsoft documents for licensing and activation, as far as a KMS host can meet it."""
OURS = ["0xC004B011", "0x80072EFD", "0x80072EFE", "0x80072F7D", "0x80072F8F", "0x80041010"]
"""Added for what hosts without Internet access, with old TLS or a wrong clock, and without KMS 1.0 answer."""
OFFLINE = ["0xC004B100", "0xC004F035", "0x80072EE2", "0x80072EE7", "0x80072EFD"]
OFFLINE += ["0x80072EFE", "0x80072F7D", "0x80072F8F"]


def test_every_documented_number_is_there() -> None:
    assert sorted(errors._ERRORS) == sorted([*DOCUMENTED, *OURS])


@pytest.mark.parametrize("code", sorted(errors._ERRORS))
def test_a_row_says_what_it_is_and_what_to_do(code: str) -> None:
    row = errors._ERRORS[code]
    assert set(row) <= {"name", "meaning", "advice", "offline", "settled"}
    assert row["name"].isupper() and row["name"].isidentifier()
    assert not row["meaning"].endswith(".") and row["advice"].endswith(".")
    assert "\n" not in row["meaning"] + row["advice"]


@pytest.mark.parametrize("code", sorted(errors._ERRORS))
def test_the_offline_route_is_named_where_it_is_a_remedy(code: str) -> None:
    found = errors.failure("kms01", DOING, code)
    for said in (found.message, found.advice):
        assert ("(activation: offline)" in said) is (code in OFFLINE)


@pytest.mark.parametrize("code", sorted(errors._ERRORS))
def test_a_known_number_is_explained(code: str) -> None:
    row = errors._ERRORS[code]
    found = errors.failure("kms01", DOING, code)
    assert found.message.startswith(f"kms01: {DOING} failed: {row['meaning']} ({code}, {row['name']}). ")
    assert (found.name, found.code) == (row["name"], code)
    assert found.advice.startswith(row["advice"].rstrip(".")) and found.message.endswith(f" {found.advice}")
    assert found.message.count(". ") == 1, "one sentence, and one advice"


SERVER_2003, SERVER_2022 = Seen({System: system()}), Seen({System: system(version="10.0.20348")})
DOUBT, ONLY_WAY = "Microsoft may no longer activate this Windows online", "activation: offline is the way that is left"


@pytest.mark.parametrize(
    ("code", "seen", "doubt", "only_way"),
    [
        ("0x80072EE2", SERVER_2003, True, False),  # that names the way already
        ("0xC004B100", SERVER_2003, True, False),
        ("0x80004005", SERVER_2003, True, True),
        ("0xC004C003", SERVER_2003, False, False),  # Microsoft has answered
        ("0xC004C008", SERVER_2003, False, False),
        ("0x80070005", SERVER_2003, False, False),  # the host has
        ("0xC004E028", SERVER_2003, False, False),
        ("0x80072EE2", SERVER_2022, False, False),
    ],
)
def test_the_doubt_about_old_windows_is_told_once(code: str, seen: Seen, doubt: bool, only_way: bool) -> None:
    found = refused(Failure("kms01: x", name="windows_error", code=code), "kms01", DOING, seen)
    for said in (found.message, found.advice):
        assert (said.count(DOUBT), said.count(ONLY_WAY)) == (doubt, only_way), said
        assert said.count("activation: offline") <= 1 and said.count(". ") <= 1


def test_an_unknown_number_is_shown() -> None:
    found = errors.failure("kms01", DOING, "0xC0FFEE00")
    assert "0xC0FFEE00" in found.message and found.as_data()["code"] == "0xC0FFEE00"


@pytest.mark.parametrize("written", ["0xc004f050", "0XC004F050", "0xC004F050"])
def test_numbers_have_one_form(written: str) -> None:
    raw = Failure("kms01: x", name="windows_error", code=written)
    assert errors.explained(raw, "kms01", DOING).name == "SL_E_INVALID_PRODUCT_KEY"


@pytest.mark.parametrize(
    ("name", "code"),
    [("unencrypted_refused", None), ("winrm_quota", "0x80338126"), ("http_error", None), ("access_denied", "0x5")],
)
def test_what_is_no_answer_of_the_licensing_service_keeps_its_own_sentence(name: str, code: str | None) -> None:
    raw = Failure("kms01: WinRM refused the message; do this and that", name=name, code=code)
    assert errors.explained(raw, "kms01", DOING) is raw


@pytest.mark.parametrize(
    ("returned", "name"),
    [
        ("0", None),
        ("3221549136", "SL_E_INVALID_PRODUCT_KEY"),
        ("-1073418160", "SL_E_INVALID_PRODUCT_KEY"),
        ("5", "licensing_error"),
    ],
)
def test_what_a_method_returns(returned: str, name: str | None) -> None:
    output = Output({"ReturnValue": (returned,)})
    if name is None:
        errors.check_return(output, "kms01", DOING)
        return
    with pytest.raises(Failure) as caught:
        errors.check_return(output, "kms01", DOING)
    assert caught.value.name == name
