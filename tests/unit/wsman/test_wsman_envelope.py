# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as bytes: what stands in them, and what can never get out of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsman_doors import HOST, A, S, Sent, W

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey, Secret
from ansible_collections.activation.kms.plugins.plugin_utils._wsman import envelope, names

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"

# Everything XML 1.0 allows; a parser turns a bare carriage return into a line feed, so it must travel as a reference.
XML_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
        st.sampled_from("\t\n\r&<>\"'"),
    )
)


def sent(request: envelope.Request) -> Sent:
    return Sent(envelope.to_bytes(request, HOST), request.timeout)


def service(parameters: dict[str, envelope.Value], **selectors: str) -> envelope.Request:
    return envelope.invoke("root/cimv2", "SoftwareLicensingService", "Any", parameters, selectors)


def test_headers_are_those_every_windows_accepts() -> None:
    message = sent(envelope.get("root\\cimv2", "Win32_Service", {"Name": "WinRM"}, timeout=42))
    header = message.root.find(S + "Header")
    assert header is not None
    assert [item.tag.rpartition("}")[2] for item in header] == [
        "To", "ReplyTo", "ResourceURI", "Action", "MessageID", "MaxEnvelopeSize", "OperationTimeout", "Locale",
        "DataLocale", "SelectorSet",
    ]  # fmt: skip
    assert message.header("ResourceURI") == "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service"
    assert message.header("Action") == "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
    assert message.header("MaxEnvelopeSize") == "153600"
    assert message.header("OperationTimeout") == "PT42S"
    assert message.header("To").startswith("http://")
    assert message.named("Selector") == {"Name": "WinRM"}
    address = header.find(f"{A}ReplyTo/{A}Address")
    assert address is not None
    assert (address.text or "").endswith("/role/anonymous")


def test_locale_need_not_be_understood_and_the_rest_must() -> None:
    root = sent(envelope.get("root/cimv2", "Win32_Service", {})).root
    must = {item.tag.rpartition("}")[2]: item.get(S + "mustUnderstand") for item in root.iter()}
    assert must["Locale"] == must["DataLocale"] == "false"
    assert must["ResourceURI"] == must["Action"] == must["MaxEnvelopeSize"] == "true"
    locale = root.find(f"{S}Header/{W}Locale")
    assert locale is not None
    assert locale.get("{http://www.w3.org/XML/1998/namespace}lang") == "en-US"


def test_every_message_has_an_id_of_its_own() -> None:
    ids = {envelope.get("root/cimv2", "Win32_Service", {}).message_id for _ in range(100)}
    assert len(ids) == 100
    assert all(found.startswith("uuid:") and found[5:] == found[5:].upper() for found in ids)


def test_a_query_goes_to_all_classes_and_asks_for_many_rows() -> None:
    message = sent(envelope.enumerate_wql("root/cimv2", "SELECT A FROM Win32_X WHERE B='<&>'"))
    assert message.header("ResourceURI").endswith("/wmi/root/cimv2/*")
    assert [(item.tag.rpartition("}")[2], item.text) for item in message.body] == [
        ("OptimizeEnumeration", None), ("MaxElements", "32000"), ("Filter", "SELECT A FROM Win32_X WHERE B='<&>'"),
    ]  # fmt: skip
    assert message.body[2].get("Dialect") == "http://schemas.microsoft.com/wbem/wsman/1/WQL"


@pytest.mark.parametrize(
    ("wql", "class_name"),
    [
        ("SELECT * FROM Win32_Service", "Win32_Service"),
        ("select Name from\tWin32_Service where Name='from there'", "Win32_Service"),
        ("ASSOCIATORS OF {X}", ""),
    ],
)
def test_class_of_a_query(wql: str, class_name: str) -> None:
    assert envelope.enumerate_wql("root/cimv2", wql).resource == class_name


def test_pull_and_release_name_the_context_and_the_same_resource() -> None:
    started = envelope.enumerate_wql("root/default", "SELECT * FROM X", timeout=7)
    for make, action in ((envelope.pull, "Pull"), (envelope.release, "Release")):
        message = sent(make(started, "uuid:C1"))
        assert message.action == action
        assert message.header("ResourceURI") == started.uri
        assert message.header("EnumerationContext") == "uuid:C1"
        assert message.timeout == 7


def test_a_method_is_addressed_by_its_action_and_its_input_is_qualified() -> None:
    message = sent(service({"A": "b"}, Version="6.1"))
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/SoftwareLicensingService"
    assert message.header("Action") == uri + "/Any"
    assert message.body.tag == f"{{{uri}}}Any_INPUT"
    assert [item.tag for item in message.body] == [f"{{{uri}}}A"]
    assert message.named("Selector") == {"Version": "6.1"}


RULE = "MSFT_NetFirewallRule"
KEYS = {"CreationClassName": "MSFT|FW|FirewallRule|x", "PolicyRuleName": "", "SystemName": ""}


def test_an_instance_is_changed_by_the_properties_named() -> None:
    values: dict[str, envelope.Value] = {"LocalPort": ["1688"], "Protocol": "TCP", "Enabled": None}
    message = sent(envelope.put("root/StandardCimv2", RULE, values, KEYS))
    assert message.header("Action").endswith("/2004/09/transfer/Put")
    uri = message.header("ResourceURI")
    assert uri.endswith("/wmi/root/StandardCimv2/MSFT_NetFirewallRule")
    assert message.named("Selector") == KEYS  # a key without a value travels too, empty
    assert message.body.tag == f"{{{uri}}}{RULE}"
    assert {item.tag for item in message.body} == {f"{{{uri}}}{name}" for name in values}
    assert message.parameters()["Protocol"] == "TCP"


def test_an_instance_is_created_without_keys_and_deleted_without_a_body() -> None:
    created = sent(envelope.create("root/StandardCimv2", RULE, {"InstanceID": "x", "Enabled": 2}))
    assert created.header("Action").endswith("/2004/09/transfer/Create")
    assert created.named("Selector") == {} and created.parameters() == {"InstanceID": "x", "Enabled": "2"}
    deleted = sent(envelope.delete("root/StandardCimv2", RULE, KEYS))
    assert deleted.header("Action").endswith("/2004/09/transfer/Delete")
    assert deleted.named("Selector") == KEYS
    body = deleted.root.find(S + "Body")
    assert body is not None and len(body) == 0


def test_associated_instances_are_asked_for_by_the_keys_of_one() -> None:
    message = sent(envelope.enumerate_associated("root/StandardCimv2", RULE, KEYS, "Tie", "Wanted"))
    assert message.header("ResourceURI").endswith("/wmi/root/StandardCimv2/*")
    assert message.header("EnumerationMode") == "EnumerateObjectAndEPR"
    (filtered,) = message.root.iter(W + "Filter")
    assert filtered.get("Dialect") == "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter"
    (place,) = filtered.iter(A + "ReferenceParameters")
    assert (place[0].text or "").endswith(f"/wmi/root/StandardCimv2/{RULE}")
    assert {item.attrib["Name"]: item.text or "" for item in place.iter(W + "Selector")} == KEYS
    assert (message.header("AssociationClassName"), message.header("ResultClassName")) == ("Tie", "Wanted")
    header = message.root.find(S + "Header")
    assert header is not None and not list(header.iter(W + "SelectorSet"))


@pytest.mark.parametrize(
    ("request_", "doing"),
    [
        (envelope.put("n", "C", {}, {}), "changing C"),
        (envelope.create("n", "C", {}), "creating C"),
        (envelope.delete("n", "C", {}), "deleting C"),
        (envelope.enumerate_associated("n", "C", {}, "A", "R"), "reading R"),
    ],
)
def test_what_a_request_does_to_an_instance(request_: envelope.Request, doing: str) -> None:
    assert request_.doing == doing


def test_a_static_method_has_no_selectors() -> None:
    assert sent(service({})).root.find(f"{S}Header/{W}SelectorSet") is None


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("text", ["text"]), ("", [None]), (0, ["0"]), (-5, ["-5"]), (2**64 - 1, ["18446744073709551615"]),
        (True, ["true"]), (False, ["false"]), (["a", "b"], ["a", "b"]), (("a",), ["a"]), ([], []),
        ([1, 2], ["1", "2"]), (Secret("hidden"), ["hidden"]),
    ],
)  # fmt: skip
def test_parameter_values(value: envelope.Value, texts: list[str | None]) -> None:
    found = list(sent(service({"P": value})).body)
    assert [item.text for item in found] == texts
    assert all(item.get(XSI_NIL) is None for item in found)


@pytest.mark.parametrize("value", [None, [None]])
def test_null_is_nil(value: envelope.Value) -> None:
    (only,) = sent(service({"P": value})).body
    assert only.get(XSI_NIL) == "true"
    assert only.text is None


@pytest.mark.parametrize("value", [1.5, object(), {"a": 1}, b"bytes"])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match="parameter P"):
        service({"P": value})  # type: ignore[dict-item]  # the wrong type is the point


@given(value=XML_TEXT)
def test_any_text_arrives_as_it_was(value: str) -> None:
    request = service({"P": value, "Q": [value, value], "R": Secret(value)}, Name=value)
    message = sent(request)
    assert [item.text or "" for item in message.body] == [value] * 4
    assert message.named("Selector") == {"Name": value}
    command = sent(envelope.run_command("S", value, [value], piped=False, skip_cmd_shell=False))
    assert [item.text or "" for item in command.body] == [value, value]
    assert sent(envelope.pull(request, value)).body[0].text == (value or None)


@pytest.mark.parametrize("character", ["\0", "\x08", "\x0b", "\x1f", "\ud800", "\ufffe"])
def test_what_xml_cannot_carry_is_refused_without_being_shown(character: str) -> None:
    with pytest.raises(Failure) as caught:
        sent(service({"P": Secret(f"{KEY}{character}")}))
    assert caught.value.name == "unsendable_character"
    assert HOST in caught.value.message
    assert KEY not in repr(caught.value) + str(caught.value.args)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_message_of_exactly_the_limit_goes_out_and_one_byte_more_does_not() -> None:
    request = service({"P": ""})
    room = envelope.MAX_ENVELOPE - len(envelope.to_bytes(service({"P": "x"}), HOST)) + 1
    assert len(envelope.to_bytes(service({"P": "x" * room}), HOST)) == envelope.MAX_ENVELOPE
    with pytest.raises(Failure) as caught:
        envelope.to_bytes(service({"P": "x" * (room + 1)}), HOST)
    assert caught.value.name == "message_too_large"
    assert HOST in caught.value.message
    assert request.doing in caught.value.message


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(Failure, match="153600"):
        envelope.to_bytes(service({"P": "ü" * 80000}), HOST)


def test_a_secret_is_in_the_bytes_and_nowhere_else() -> None:
    key = HostKey(KEY)
    request = service({"ProductKey": key, "Again": [key]}, Version="6.1", Other=KEY)
    assert envelope.to_bytes(request, HOST).count(KEY.encode()) == 3
    for shown in (
        repr(request),
        str(request),
        f"{request}",
        request.doing,
        repr(request.body),
    ):
        assert KEY not in shown
    assert list(request.secrets()) == [key, key]


def test_a_request_shows_what_it_does_and_no_values() -> None:
    request = service({"P": "plain-value"}, Name="plain-selector")
    started = envelope.run_command("S", "plain-command", [], piped=False, skip_cmd_shell=False)
    assert "SoftwareLicensingService" in repr(request)
    assert "plain" not in repr(request) + repr(request.body) + repr(started) + repr(started.body)
    assert [found.doing for found in (request, started, envelope.identify(), envelope.get("n", "Win32_X", {}))] == [
        "calling SoftwareLicensingService.Any",
        "using the remote shell (command)",
        "asking WinRM for its version",
        "reading Win32_X",
    ]


def test_a_secret_selector_is_known_as_one() -> None:
    request = envelope.invoke("root/cimv2", "X", "Y", {}, {"K": Secret("selected")})
    assert [secret.reveal() for secret in request.secrets()] == ["selected"]
    assert "selected" not in repr(request)
    assert sent(request).named("Selector") == {"K": "selected"}


def test_identify_has_no_addressing() -> None:
    message = sent(envelope.identify())
    assert message.body.tag == "{http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd}Identify"
    assert not list(message.root.iter(A + "Action"))
    assert not list(message.root.iter(A + "MessageID"))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "PT60S"), (0.5, "PT0.500S"), (0.1, "PT0.500S"), (0, "PT0.500S"), (-3, "PT0.500S"), (20.25, "PT20.250S")],
)
def test_durations(seconds: float, text: str) -> None:
    assert envelope.duration(seconds) == text


def test_shell_messages() -> None:
    opened = sent(envelope.create_shell(437))
    assert opened.named("Option") == {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": "437"}
    assert opened.named("Selector") == {}
    assert opened.header("InputStreams") == "stdin"
    assert opened.header("OutputStreams") == "stdout stderr"

    started = sent(envelope.run_command("uuid:S", "net", ["stop", "x y"], piped=True, skip_cmd_shell=True))
    assert started.named("Option") == {"WINRS_CONSOLEMODE_STDIN": "FALSE", "WINRS_SKIP_CMD_SHELL": "TRUE"}
    assert [item.text for item in started.body] == ["net", "stop", "x y"]

    fed = sent(envelope.send_input("uuid:S", "C", b"\0\xff", last=True))
    (stream,) = fed.body
    assert (stream.attrib, stream.text) == ({"Name": "stdin", "CommandId": "C", "End": "true"}, "AP8=")
    (stream,) = sent(envelope.send_input("uuid:S", "C", b"", last=False)).body
    assert stream.attrib == {"Name": "stdin", "CommandId": "C"}

    (wanted,) = sent(envelope.receive("uuid:S", "C", timeout=3)).body
    assert (wanted.attrib, wanted.text) == ({"CommandId": "C"}, "stdout stderr")

    ended = sent(envelope.terminate("uuid:S", "C"))
    assert ended.body.attrib == {"CommandId": "C"}
    assert ended.header("Code").endswith("/signal/terminate")

    closed = sent(envelope.delete_shell("uuid:S"))
    assert closed.action == "Delete"
    for message in (started, fed, ended, closed):
        assert message.named("Selector") == {"ShellId": "uuid:S"}
        assert message.header("ResourceURI").endswith("/windows/shell/cmd")


def test_arguments_may_be_secret() -> None:
    request = envelope.run_command("S", "x", [Secret("hidden-argument")], piped=False, skip_cmd_shell=False)
    assert b"hidden-argument" in envelope.to_bytes(request, HOST)
    assert "hidden-argument" not in repr(request) + repr(request.body)


def test_messages_are_plain_utf8_xml() -> None:
    data = envelope.to_bytes(service({"P": "ключ"}), HOST)
    assert data.startswith(b"<s:Envelope ")
    assert ET.fromstring(data.decode("utf-8")) is not None


@pytest.mark.parametrize("namespace", ["root/cimv2", "root\\cimv2", "/root/cimv2/"])
def test_class_uri(namespace: str) -> None:
    assert names.class_uri(namespace, "X") == "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/X"
