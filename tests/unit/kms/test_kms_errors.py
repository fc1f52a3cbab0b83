# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the licensing service's numbers become."""

from __future__ import annotations

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._kms import errors
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.values import Output

DOING = "installing the host key *****-67892"


@pytest.mark.parametrize("code", sorted(errors._ERRORS))
def test_a_known_number_is_explained(code: str) -> None:
    row = errors._ERRORS[code]
    found = errors.failure("kms01", DOING, code)
    assert found.message.startswith(f"kms01: {DOING} failed: {row['meaning']} ({code}, {row['name']}). ")
    assert found.as_data() == {"name": row["name"], "advice": row["advice"], "code": code}
    assert found.advice.endswith(".")


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
