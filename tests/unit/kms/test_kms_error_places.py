# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A number is explained wherever Windows puts it, in whatever language the text around it is."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._kms import errors
from ansible_collections.activation.kms.plugins.plugin_utils._wsman import tree
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.faults import read_fault
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.values import Output
from ansible_collections.activation.kms.tests.unit.wsman.wsman_doors import fault, wsman_fault

DOING = "activating the host key *****-67892"
CODES = {
    0xC004F050: "SL_E_INVALID_PRODUCT_KEY",
    0xC004C003: "SL_E_CHPA_PRODUCT_KEY_BLOCKED",
    0xC004C008: "SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED",
    0xC004E028: "SL_E_ACTIVATION_IN_PROGRESS",
    0x80072EE7: "WININET_E_NAME_NOT_RESOLVED",
}
WSMAN, WBEM_FAILED, E_FAIL = 2150858772, 0x80041001, 0x80004005
SPP = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError"
DMTF = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
GERMAN = "Fehler beim Ausführen des Vorgangs"
JAPANESE = "ソフトウェア ライセンス サービスはエラーを返しました"


def signed(code: int) -> int:
    return code - 0x1_0000_0000


def attributed(code: str) -> str:
    """A WSManFault whose number is written in another way than decimal."""
    return wsman_fault(1).replace('Code="1"', f'Code="{code}"')


def nested(outer: int, inner: str, more: str = "") -> str:
    """WinRM 1.1 and 2.0: what the provider said, inside WinRM's own fault."""
    provider = '<f:ProviderFault provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll">'
    return wsman_fault(outer, f"{provider}{inner}{more}</f:ProviderFault>")


def status(code: int) -> str:
    """WinRM 2.0: WMI's extended status."""
    return (
        '<f:ExtendedError xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"><e:__ExtendedStatus '
        'xmlns:e="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus">'
        "<e:Operation>ExecMethod</e:Operation><e:ProviderName>SppProvider</e:ProviderName>"
        f"<e:StatusCode>{code}</e:StatusCode></e:__ExtendedStatus></f:ExtendedError>"
    )


def mi_error(code: int | str, namespace: str = SPP, message: str = GERMAN, message_id: str = "") -> str:
    """WinRM 3.0 and later: an MI error in the place of the WSManFault."""
    return (
        f'<p:MSFT_WmiError xmlns:p="{namespace}"><p:CIMStatusCode>1</p:CIMStatusCode><p:Message>{message}</p:Message>'
        f"<p:MessageID>{message_id}</p:MessageID><p:OwningEntity>SppProvider</p:OwningEntity>"
        f"<p:error_Code>{code}</p:error_Code><p:error_Type>HRESULT</p:error_Type></p:MSFT_WmiError>"
    )


PLACES: dict[str, t.Callable[[int], str]] = {
    "WSManFault, decimal": lambda code: wsman_fault(code, GERMAN),
    "WSManFault, signed": lambda code: attributed(str(signed(code))),
    "WSManFault, hexadecimal": lambda code: attributed(f"0x{code:08X}"),
    "WSManFault, hexadecimal, lower case": lambda code: attributed(f"0x{code:x}"),
    "the provider's fault": lambda code: nested(WSMAN, wsman_fault(code, JAPANESE)),
    "the provider's fault, hexadecimal": lambda code: nested(WSMAN, attributed(f"0x{code:x}")),
    "the provider's fault in one that says nothing": lambda code: nested(WBEM_FAILED, wsman_fault(code)),
    "extended status": lambda code: nested(WSMAN, wsman_fault(WSMAN), status(code)),
    "extended status, signed": lambda code: nested(WSMAN, wsman_fault(WSMAN), status(signed(code))),
    "extended status beside faults that say nothing": lambda code: nested(
        WBEM_FAILED, wsman_fault(WBEM_FAILED), status(code)
    ),
    "MI error": mi_error,
    "MI error, signed": lambda code: mi_error(signed(code)),
    "MI error of DMTF's namespace": lambda code: mi_error(code, DMTF),
    "MI error, in the message id": lambda code: mi_error(1, message_id=f"HRESULT 0x{code:08x}"),
    "MI error that says nothing, with a message id": lambda code: mi_error(E_FAIL, message_id=f"HRESULT 0x{code:08x}"),
    "text, German": lambda code: wsman_fault(WSMAN, f"{GERMAN}: HRESULT 0x{code:08x} (Lizenzierung)."),
    "text, German, with a colon": lambda code: wsman_fault(WSMAN, f"{GERMAN} (HRESULT: 0x{code:08X})"),
    "text, Japanese, nothing between": lambda code: wsman_fault(WSMAN, f"{JAPANESE}HRESULT 0x{code:08X}です。"),
    "text, Japanese, full-width colon": lambda code: wsman_fault(WSMAN, f"{JAPANESE}。HRESULT：0x{code:08x}。"),
    "text of a fault that says nothing": lambda code: wsman_fault(WBEM_FAILED, f"{JAPANESE} HRESULT=0x{code:08X}"),
}


@pytest.mark.parametrize("code", CODES, ids=CODES.values())
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_number_in_a_fault_is_explained(place: t.Callable[[int], str], code: int, encoding: str) -> None:
    body = fault(place(code)).decode().encode(encoding)
    found = read_fault("kms01", "calling Activate", 500, body, tree.parse(body), str)
    told = errors.explained(found, "kms01", DOING)
    assert (told.name, told.code) == (CODES[code], f"0x{code:08X}")
    assert told.message.startswith(f"kms01: {DOING} failed: ")


@pytest.mark.parametrize("code", CODES, ids=CODES.values())
@pytest.mark.parametrize("written", [str, lambda code: str(signed(code))], ids=["unsigned", "signed"])
def test_a_number_a_method_returns_is_explained(written: t.Callable[[int], str], code: int) -> None:
    with pytest.raises(errors.Failure) as caught:
        errors.check_return(Output({"ReturnValue": (written(code),)}), "kms01", DOING)
    assert (caught.value.name, caught.value.code) == (CODES[code], f"0x{code:08X}")


@pytest.mark.parametrize("body", [b"<html>HRESULT 0xC004F050", "HRESULT：0xc004f050です".encode()])
def test_a_number_in_what_is_no_envelope_is_explained(body: bytes) -> None:
    found = read_fault("kms01", "calling Activate", 500, body, tree.parse(body), str)
    assert errors.explained(found, "kms01", DOING).name == "SL_E_INVALID_PRODUCT_KEY"


@pytest.mark.parametrize("text", ["HRESULT 0xC004F0501", "HRESULT 0xC004F05", "SHRESULT C004F050", "0xC004F050"])
def test_what_only_looks_like_a_number_is_not_taken(text: str) -> None:
    body = fault(wsman_fault(WSMAN, text))
    assert read_fault("kms01", "calling Activate", 500, body, tree.parse(body), str).hresult is None


def test_a_number_that_says_nothing_is_shown_where_there_is_no_other() -> None:
    body = fault(nested(WBEM_FAILED, wsman_fault(WBEM_FAILED)))
    found = read_fault("kms01", "calling Activate", 500, body, tree.parse(body), str)
    assert errors.explained(found, "kms01", DOING).code == "0x80041001"
