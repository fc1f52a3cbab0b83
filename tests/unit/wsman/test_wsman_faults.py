# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of every WinRM generation, written by hand after what was recorded and documented."""

from __future__ import annotations

import pytest
from wsman_doors import HOST, envelope, fault, wsman_fault

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._wsman import tree
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.faults import Fault, is_fault, read_fault

INVALID_PRODUCT_KEY = 0xC004F050


def nested(outer: int, inner: int, more: str = "", provider: str = "WMI Provider") -> str:
    """WinRM 1.1 and 2.0: the provider's fault inside the message of WinRM's own."""
    return wsman_fault(
        outer,
        f'<f:ProviderFault provider="{provider}" path="any">{wsman_fault(inner, "Innen.")}{more}</f:ProviderFault>',
    )


NIL = ' xsi:nil="true"/>'


def extended(status: str) -> str:
    """WinRM 2.0: WMI's own status beside the provider's fault."""
    return (
        '<f:ExtendedError xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault">'
        '<e:__ExtendedStatus xmlns:e="urn:e">'
        f"<e:Operation>ExecQuery</e:Operation><e:ParameterInfo>SELECT 0x80041003</e:ParameterInfo>"
        f"<e:StatusCode{status}</e:__ExtendedStatus></f:ExtendedError>"
    )


def mi_error(cim: int, code: int | str, namespace: str, message_id: str = "", kind: str = "HRESULT") -> str:
    """WinRM 3.0 and later: an MI error instead of a WSManFault, in one of several namespaces."""
    return (
        f'<m:MSFT_WmiError xmlns:m="{namespace}"><m:CIMStatusCode>{cim}</m:CIMStatusCode>'
        f"<m:Message>Irgendwas.</m:Message><m:MessageID>{message_id}</m:MessageID>"
        f"<m:error_Code>{code}</m:error_Code><m:error_Type>{kind}</m:error_Type></m:MSFT_WmiError>"
    )


DMTF = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"
CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_WmiError"
STORAGE = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/microsoft/windows/storage/MSFT_WmiError"


def read(body: bytes, status: int = 500) -> Fault:
    return read_fault(HOST, "reading Win32_X", status, body, tree.parse(body), str)


def judged(found: Fault) -> set[str]:
    """The names of all that is true of a fault."""
    return {
        name
        for name in ("timed_out", "access_denied", "class_missing", "not_found", "quota", "already_exists")
        if getattr(found, name)
    }


CLASS_MISSING, DENIED, QUOTA, LATE = {"class_missing"}, {"access_denied"}, {"quota"}, {"timed_out"}
FILTER, UNREACHABLE, INTERNAL = "n:CannotProcessFilter", "a:DestinationUnreachable", "w:InternalError"
NO_FILTER, NO_CLASS, FORBIDDEN, WRONG = 2150858778, 0x80041010, 0x80041003, 0x80041017
SHELLS = mi_error(27, 2150859173, DMTF, "HRESULT 0x803381a5")

SHAPES: dict[str, tuple[str, str, str | None, set[str]]] = {
    "class missing, WinRM 1.1": (nested(NO_FILTER, NO_FILTER, provider="WMIv1"), FILTER, "0x8033801A", CLASS_MISSING),
    "class missing, WinRM 2.0": (nested(NO_FILTER, NO_FILTER, extended(NIL)), FILTER, "0x8033801A", CLASS_MISSING),
    "class missing, number inside": (nested(NO_FILTER, NO_CLASS), FILTER, "0x80041010", CLASS_MISSING),
    "class missing, status": (
        nested(1, 1, extended(">2147749904</e:StatusCode>")),
        FILTER,
        "0x80041010",
        CLASS_MISSING,
    ),
    "class missing, the other number": (wsman_fault(2150859042), INTERNAL, "0x80338122", CLASS_MISSING),
    "a wrong language, MI error": (mi_error(14, NO_FILTER, DMTF), FILTER, "0x8033801A", set()),
    "class missing, MI error": (mi_error(5, NO_FILTER, DMTF), INTERNAL, "0x8033801A", CLASS_MISSING),
    "class missing, MI status alone": (mi_error(5, 5, DMTF, kind="MI"), INTERNAL, None, CLASS_MISSING),
    "a wrong query, MI error": (mi_error(15, NO_FILTER, DMTF), FILTER, "0x8033801A", set()),
    "a missing column, MI error": (mi_error(12, NO_FILTER, CIMV2), FILTER, "0x8033801A", set()),
    "namespace missing, MI error": (mi_error(3, 2147749902, CIMV2), UNREACHABLE, "0x8004100E", CLASS_MISSING),
    "no such resource": (wsman_fault(2150858752), UNREACHABLE, "0x80338000", {"class_missing", "not_found"}),
    "invalid resource URI": (wsman_fault(2150858811), UNREACHABLE, "0x8033803B", CLASS_MISSING),
    "WBEM_E_NOT_FOUND": (wsman_fault(0x80041002), INTERNAL, "0x80041002", {"class_missing", "not_found"}),
    "a wrong query is no missing class": (nested(NO_FILTER, WRONG), FILTER, "0x80041017", set()),
    "a forbidden query is no missing class": (nested(NO_FILTER, FORBIDDEN), FILTER, "0x80041003", DENIED),
    "denied by the listener": (wsman_fault(5), "w:AccessDenied", "0x00000005", DENIED),
    "denied by WMI": (wsman_fault(2150859012), "w:AccessDenied", "0x80338104", DENIED),
    "denied, by number alone": (wsman_fault(2150859012), INTERNAL, "0x80338104", DENIED),
    "denied, by subcode alone": (wsman_fault(1), "w:AccessDenied", "0x00000001", DENIED),
    "denied, E_ACCESSDENIED": (wsman_fault(0x80070005), INTERNAL, "0x80070005", DENIED),
    "denied, MI error": (mi_error(2, 0, STORAGE), INTERNAL, None, DENIED),
    "not found, MI error": (mi_error(6, 0, CIMV2), INTERNAL, None, {"not_found"}),
    "not found, with the provider's own number": (
        mi_error(6, 0x80070002, CIMV2),
        INTERNAL,
        "0x80070002",
        {"not_found"},
    ),
    "selectors match nothing": (wsman_fault(2150859034), "w:InvalidSelectors", "0x8033811A", {"not_found"}),
    "invalid selectors": (wsman_fault(2150858843), "w:InvalidSelectors", "0x8033805B", set()),
    "too many operations, WinRM 2.0": (wsman_fault(2150859174), INTERNAL, "0x803381A6", QUOTA),
    "too many shells, by number alone": (wsman_fault(2150859173), INTERNAL, "0x803381A5", QUOTA),
    "too many shells, WinRM 3.0": (SHELLS, "w:QuotaLimit", "0x803381A5", QUOTA),
    "time-out": (wsman_fault(2150858793), "w:TimedOut", "0x80338029", LATE),
    "time-out, by number alone": (wsman_fault(2150858793), INTERNAL, "0x80338029", LATE),
    "already there, MI error": (mi_error(11, 0, CIMV2), INTERNAL, None, {"already_exists"}),
    "already there, with the provider's own number": (
        mi_error(11, 0x8007007B, CIMV2),
        INTERNAL,
        "0x8007007B",
        {"already_exists"},
    ),
    "already there, WS-Management": (wsman_fault(2150858803), INTERNAL, "0x80338033", {"already_exists"}),
    "already there, WMI": (wsman_fault(0x80041019), INTERNAL, "0x80041019", {"already_exists"}),
    "already there, Windows": (mi_error(1, 0x800700B7, CIMV2), INTERNAL, "0x800700B7", {"already_exists"}),
    "invalid parameter, MI error": (mi_error(4, 0x80070057, CIMV2), INTERNAL, "0x80070057", set()),
    "invalid parameter": (wsman_fault(87), "w:InvalidParameter", "0x00000057", set()),
    "program missing": (wsman_fault(2147942402), INTERNAL, "0x80070002", set()),
}


@pytest.mark.parametrize(("detail", "subcode", "code", "judgement"), SHAPES.values(), ids=SHAPES.keys())
def test_shapes(detail: str, subcode: str, code: str | None, judgement: set[str]) -> None:
    assert read(fault(detail, subcode=subcode)).value_refused is (not judgement)
    found = read(fault(detail, subcode=subcode))
    assert judged(found) == judgement
    assert found.code_text == found.code == code
    assert found.subcode == subcode.rpartition(":")[2]


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param(wsman_fault(INVALID_PRODUCT_KEY), id="outer code"),
        pytest.param(nested(2150858772, INVALID_PRODUCT_KEY), id="inner code"),
        pytest.param(nested(INVALID_PRODUCT_KEY, INVALID_PRODUCT_KEY), id="both codes"),
        pytest.param(nested(1, 1, extended(">3221549136</e:StatusCode>")), id="extended status"),
        pytest.param(nested(1, 1, extended(">-1073418160</e:StatusCode>")), id="extended status, signed"),
        pytest.param(mi_error(1, INVALID_PRODUCT_KEY, DMTF, "HRESULT 0xc004f050"), id="MI error"),
        pytest.param(mi_error(1, INVALID_PRODUCT_KEY, CIMV2), id="MI error of another namespace"),
        pytest.param(mi_error(1, "-1073418160", STORAGE), id="MI error, signed"),
        pytest.param(mi_error(1, 1, DMTF, "HRESULT 0xc004f050", "MI"), id="MI error, in the message id only"),
        pytest.param(wsman_fault(2150858772, "Unbekannter Fehler: HRESULT 0xc004f050 "), id="token in the text"),
        pytest.param(wsman_fault(2150858772, "HRESULT: 0xC004F050."), id="token in the text, upper case"),
        pytest.param(wsman_fault(2150858772, "HRESULT 0x80338014 HRESULT 0xC004F050"), id="the second token"),
    ],
)
def test_a_providers_number_is_found_wherever_it_stands(detail: str) -> None:
    found = read(fault(detail))
    assert found.hresult == INVALID_PRODUCT_KEY
    assert found.code == "0xC004F050"
    assert "0xC004F050" in found.message
    assert judged(found) == set()


def test_numbers_in_other_text_are_never_taken() -> None:
    found = read(fault(wsman_fault(1, "0xC004F050 0x80070005 2147942405 Error=0x80041010 access denied")))
    assert found.hresult is None
    assert judged(found) == set()


def test_a_token_counts_only_where_nothing_better_does() -> None:
    found = read(fault(wsman_fault(INVALID_PRODUCT_KEY, "HRESULT 0x80070005")))
    assert found.hresult == INVALID_PRODUCT_KEY
    assert found.numbers.tokens == ()


def test_every_number_is_kept() -> None:
    found = read(fault(nested(2150858778, 5, extended(">2147749904</e:StatusCode>")) + mi_error(7, 9, DMTF)))
    assert found.numbers.wsman == (2150858778, 5)
    assert found.numbers.errors == (9,)
    assert found.numbers.cim_status == 7
    assert found.numbers.statuses == (2147749904,)


def test_the_sentence_names_host_and_deed_and_the_servers_words_are_only_advice() -> None:
    found = read(fault(wsman_fault(2150858772, "Nur auf Deutsch.")))
    assert isinstance(found, Failure)
    assert found.message.startswith("kms01: reading Win32_X failed (error 0x80338014)")
    assert "Deutsch" not in found.message
    assert "Nur auf Deutsch." in found.advice
    assert found.as_data() == {"name": "windows_error", "advice": found.advice, "code": "0x80338014"}


@pytest.mark.parametrize(
    ("code", "name", "word"),
    [
        (2150858793, "operation_timeout", "longer"),
        (2150859174, "winrm_quota", "too many"),
        (5, "access_denied", "may not"),
        (2150858778, "class_missing", "does not have"),
        (2150859034, "not_found", "does not exist"),
        (2150858752, "not_found", "does not exist"),
        (1, "windows_error", "look"),
    ],
)
def test_names_and_sentences(code: int, name: str, word: str) -> None:
    found = read(fault(wsman_fault(code), subcode=""))
    assert found.name == name
    assert word in found.message


def test_the_innermost_words_are_the_detail() -> None:
    assert read(fault(nested(1, 1))).detail == "Innen."
    assert read(fault("", reason=" Nur\n  ein Grund. ")).detail == "Nur ein Grund."
    assert read(fault(wsman_fault(1, '<f:ProviderFault provider="x">Die Datei fehlt.</f:ProviderFault>'))).detail == (
        "Die Datei fehlt."
    )


def test_long_words_are_cut() -> None:
    assert len(read(fault(wsman_fault(1, "x" * 5000))).detail) == 400


def test_what_the_server_repeats_is_scrubbed() -> None:
    body = fault(wsman_fault(1, "Der Schluessel ABCDE ist falsch."))
    found = read_fault(HOST, "calling X.Y", 500, body, tree.parse(body), lambda text: text.replace("ABCDE", "***"))
    assert "ABCDE" not in str(found) + found.advice + found.detail + repr(found)


@pytest.mark.parametrize("body", [b"", b"<html>Server Error</html>", b"\xff\x00garbage", envelope("<p:Other/>")])
@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_is_no_fault_has_no_numbers(body: bytes, status: int) -> None:
    found = read(body, status)
    assert found.code is None
    assert f"HTTP status {status}" in found.message
    assert judged(found) == set()


def test_a_token_is_found_even_where_the_body_is_no_xml() -> None:
    assert read(b"<html>HRESULT 0xc004f050").code == "0xC004F050"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (fault(""), True),
        (envelope("<p:Fault/>"), True),
        (envelope("<p:X><s:Fault/></p:X>"), False),
        (envelope(""), False),
    ],
)
def test_is_fault(body: bytes, answer: bool) -> None:
    root = tree.parse(body)
    assert root is not None
    assert is_fault(root) is answer


@pytest.mark.parametrize("code", ["", "many", "0xC004F050", " 3221549136 "])
def test_codes_that_are_odd(code: str) -> None:
    detail = wsman_fault(1).replace('Code="1"', f'Code="{code}"')
    expected = INVALID_PRODUCT_KEY if code.strip().startswith(("0x", "3")) else None
    assert read(fault(detail)).hresult == expected


def test_a_cim_status_is_shown_where_there_is_no_other_number() -> None:
    assert "(CIM status 11)" in read(fault(mi_error(11, 0, CIMV2))).message


def test_a_fault_without_any_detail() -> None:
    found = read(envelope("<s:Fault/>"))
    assert (found.code, found.detail, found.subcode, found.advice) == (None, "", "", "")
