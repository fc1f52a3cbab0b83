# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: every form of an answer, and every way of not getting one."""

from __future__ import annotations

import typing as t

import pytest
from wsman_doors import (
    HOST,
    RELATES,
    TIMED_OUT,
    Answer,
    FakeWorld,
    Sent,
    enumerated,
    envelope,
    fault,
    fragments,
    output,
    pulled,
    rows,
    wsman_fault,
)

from ansible_collections.activation.kms.plugins.plugin_utils._errors import (
    Failure,
    OutcomeUnknown,
    Problem,
    Unreachable,
)
from ansible_collections.activation.kms.plugins.plugin_utils._secret import HostKey
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client, Identity
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.faults import Fault

QUERY = "SELECT A FROM Win32_X"
KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
OTHER_REQUEST = "uuid:00000000-0000-0000-0000-000000000000"


def numbered(*numbers: int) -> str:
    return fragments(*(f"<A>{number}</A>" for number in numbers))


def ask(world: FakeWorld) -> list[int | None]:
    return [row.integer("A") for row in Client(world).query("root/cimv2", QUERY)]


def call(world: FakeWorld, *, mutating: bool) -> int:
    client = Client(world)
    return client.invoke("root/cimv2", "Win32_X", "Do", {"P": HostKey(KEY)}, mutating=mutating).return_value


# -- enumeration


def test_all_rows_in_one_answer() -> None:
    world = FakeWorld(enumerated(numbered(1, 2, 3)))
    assert ask(world) == [1, 2, 3]
    assert world.actions() == ["Enumerate"]


def test_one_row_first_and_the_rest_by_pulls_with_the_newest_context() -> None:
    world = FakeWorld(
        enumerated(numbered(1), "uuid:C1", ended=False),
        pulled(numbered(2, 3), "uuid:C2", ended=False),
        pulled(numbered(4), "uuid:C3", ended=False),
        pulled(numbered(5)),
    )
    assert ask(world) == [1, 2, 3, 4, 5]
    assert [sent.header("EnumerationContext") for sent in world.sent] == ["", "uuid:C1", "uuid:C2", "uuid:C3"]
    assert world.actions() == ["Enumerate", "Pull", "Pull", "Pull"]


def test_a_pull_that_names_no_context_keeps_the_old_one() -> None:
    world = FakeWorld(
        enumerated("", "uuid:C1", ended=False), pulled(numbered(1), ended=False), pulled(numbered(2), "uuid:C1")
    )
    assert ask(world) == [1, 2]
    assert [sent.header("EnumerationContext") for sent in world.sent[1:]] == ["uuid:C1", "uuid:C1"]


def test_an_empty_context_ends_a_pull() -> None:
    world = FakeWorld(enumerated(numbered(1), "uuid:C1", ended=False), pulled(numbered(2), "", ended=False))
    assert ask(world) == [1, 2]


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([enumerated("")], id="empty items"),
        pytest.param(
            [envelope("<n:EnumerateResponse><n:EnumerationContext/><w:EndOfSequence/></n:EnumerateResponse>")],
            id="no items",
        ),
        pytest.param([enumerated("", "uuid:C1", ended=False), pulled("")], id="context first, end by a pull"),
        pytest.param([envelope("<n:EnumerateResponse/>")], id="nothing at all"),
    ],
)
def test_every_form_of_an_empty_enumeration(answers: list[Answer]) -> None:
    world = FakeWorld(*answers)
    assert ask(world) == []
    assert world.script == []


@pytest.mark.parametrize("body", ["", "<n:PullResponse/>", "<c:Do_OUTPUT xmlns:c='u'/>"])
def test_another_answer_is_not_taken_for_no_rows(body: str) -> None:
    with pytest.raises(Failure) as caught:
        ask(FakeWorld(envelope(body)))
    assert caught.value.name == "answer_unreadable"


def test_the_query_travels_as_it_is() -> None:
    world = FakeWorld(enumerated(""))
    Client(world, 33).query("root/default", "SELECT * FROM X WHERE A='<\\\\>'")
    assert world.sent[0].header("Filter") == "SELECT * FROM X WHERE A='<\\\\>'"
    assert world.sent[0].header("ResourceURI").endswith("/wmi/root/default/*")
    assert world.sent[0].header("OperationTimeout") == "PT33S"
    assert world.sent[0].timeout == 33


def test_a_fault_in_a_pull_releases_the_enumeration() -> None:
    world = FakeWorld(
        enumerated(numbered(1), "uuid:C1", ended=False),
        (500, fault(wsman_fault(2150859174))),
        envelope(""),
    )
    with pytest.raises(Fault) as caught:
        ask(world)
    assert caught.value.quota
    assert world.actions() == ["Enumerate", "Pull", "Release"]
    assert world.sent[2].header("EnumerationContext") == "uuid:C1"


def test_a_release_that_fails_hides_nothing() -> None:
    world = FakeWorld(
        enumerated(numbered(1), "uuid:C1", ended=False), (500, fault(wsman_fault(1))), NoAnswer("gone"), tick=1
    )
    with pytest.raises(Fault) as caught:
        ask(world)
    assert caught.value.numbers.wsman == (1,)
    assert "could not be released" in world.logged[0]


def test_a_host_that_is_gone_gets_no_release() -> None:
    world = FakeWorld(enumerated(numbered(1), "uuid:C1", ended=False), NoAnswer("reset"))
    with pytest.raises(Unreachable):
        ask(world)
    assert world.actions() == ["Enumerate", "Pull"]


def test_an_enumeration_that_never_ends_is_given_up_and_released() -> None:
    def endless(sent: Sent) -> bytes:
        if sent.action == "Enumerate":
            return enumerated("", "uuid:C", ended=False)
        return pulled("", "uuid:C", ended=False) if sent.action == "Pull" else envelope("")

    world = FakeWorld(endless)
    with pytest.raises(Failure) as caught:
        ask(world)
    assert caught.value.name == "endless_answer"
    assert world.actions()[-1] == "Release"
    assert len(world.sent) < 3000


def test_query_or_none() -> None:
    missing = (500, fault(wsman_fault(2150858778), subcode="n:CannotProcessFilter"))
    assert Client(FakeWorld(missing)).query_or_none("root/cimv2", QUERY) is None
    assert Client(FakeWorld(enumerated(""))).query_or_none("root/cimv2", QUERY) == []
    with pytest.raises(Fault) as caught:
        Client(FakeWorld((500, fault(wsman_fault(2150859012))))).query_or_none("root/cimv2", QUERY)
    assert caught.value.access_denied
    with pytest.raises(Unreachable):
        Client(FakeWorld(NoAnswer("gone"))).query_or_none("root/cimv2", QUERY)


# -- other questions


def test_invoke_brings_back_the_output() -> None:
    world = FakeWorld(output("Do", "<c:ReturnValue>0</c:ReturnValue><c:R>a</c:R><c:R>b</c:R>"))
    client = Client(world, 60)
    result = client.invoke("root/cimv2", "Win32_X", "Do", {"P": 1}, selectors={"Name": "n"}, timeout=300)
    assert (result.return_value, result.texts("R")) == (0, ("a", "b"))
    assert world.sent[0].named("Selector") == {"Name": "n"}
    assert world.sent[0].parameters() == {"P": "1"}
    assert world.sent[0].header("OperationTimeout") == "PT300S"
    assert world.sent[0].timeout == 300


def test_a_method_without_a_return_value_succeeded() -> None:
    assert call(FakeWorld(output("Do", "")), mutating=True) == 0


def test_get() -> None:
    world = FakeWorld(envelope(rows("Win32_X", "<c:A>1</c:A>")))
    assert Client(world).get("root/cimv2", "Win32_X", {"K": "v"}).integer("A") == 1
    assert world.sent[0].named("Selector") == {"K": "v"}
    assert Client(FakeWorld(envelope(rows("Win32_X", "")))).get("root/cimv2", "Win32_X").names() == ()


def item(number: int, keys: str) -> str:
    """An instance with its EPR."""
    place = f"<a:ReferenceParameters><w:ResourceURI>urn:x</w:ResourceURI><w:SelectorSet>{keys}</w:SelectorSet>"
    epr = f"<a:EndpointReference><a:Address/>{place}</a:ReferenceParameters></a:EndpointReference>"
    return f"<w:Item>{rows('F', f'<A>{number}</A>')}{epr}</w:Item>"


def key(name: str, value: str = "", more: str = "") -> str:
    return f'<w:Selector Name="{name}"{more}>{value}</w:Selector>'


def test_associated_instances_come_with_their_keys() -> None:
    first = item(1, key("Name", "x|y") + key("SystemName") + key("PolicyRuleName", more=' xsi:nil="true"'))
    world = FakeWorld(enumerated(first, "uuid:C1", ended=False), pulled(item(2, key("Name", "z"))))
    found = Client(world).associated("root/StandardCimv2", "Rule", {"Name": "r"}, "Tie", "F")
    assert [(one.row.integer("A"), dict(one.selectors)) for one in found] == [
        (1, {"Name": "x|y", "SystemName": "", "PolicyRuleName": ""}),
        (2, {"Name": "z"}),
    ]
    assert [sent.action for sent in world.sent] == ["Enumerate", "Pull"]


CHANGES: dict[str, t.Callable[[Client], None]] = {
    "Put": lambda client: client.put("n", "C", {"A": "1"}, {"K": ""}),
    "Create": lambda client: client.create("n", "C", {"A": "1"}),
    "Delete": lambda client: client.delete("n", "C", {"K": ""}),
}


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("body", ["", '<c:C xmlns:c="urn:any"><c:A>1</c:A></c:C>'])
def test_an_instance_is_changed_by_one_message(verb: str, body: str) -> None:
    world = FakeWorld(envelope(body))
    CHANGES[verb](Client(world))
    assert world.actions() == [verb]


@pytest.mark.parametrize("verb", CHANGES)
@pytest.mark.parametrize("answer", [NoAnswer("reset"), TIMED_OUT])
def test_a_change_whose_answer_is_lost_has_an_unknown_outcome(verb: str, answer: Answer) -> None:
    with pytest.raises(OutcomeUnknown):
        CHANGES[verb](Client(FakeWorld(answer)))


@pytest.mark.parametrize("verb", CHANGES)
def test_a_change_that_is_refused_is_a_fault(verb: str) -> None:
    with pytest.raises(Fault) as caught:
        CHANGES[verb](Client(FakeWorld((500, fault(wsman_fault(2150858803))))))
    assert caught.value.already_exists


@pytest.mark.parametrize(
    ("product", "identity"),
    [
        ("OS: 5.2.3790 SP: 2.0 Stack: 1.1", ("5.2.3790", "2.0", "1.1")),
        ("OS: 6.1.7601 SP: 1.0 Stack: 2.0", ("6.1.7601", "1.0", "2.0")),
        ("OS: 0.0.0 SP: 0.0 Stack: 3.0", ("", "", "3.0")),
        ("something else", ("", "", "")),
    ],
)
def test_identify(product: str, identity: tuple[str, str, str]) -> None:
    body = (
        '<i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
        "<i:ProtocolVersion>any</i:ProtocolVersion><i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
        f"<i:ProductVersion>{product}</i:ProductVersion></i:IdentifyResponse>"
    )
    found = Client(FakeWorld(envelope(body, relates=None))).identify()
    assert found == Identity("Microsoft Corporation", product, *identity)


def test_every_message_is_counted_in_order() -> None:
    world = FakeWorld(
        enumerated(numbered(1), "uuid:C1", ended=False),
        pulled(numbered(2)),
        output("Do", ""),
        envelope(rows("Win32_Y", "")),
        NoAnswer("gone"),
    )
    client = Client(world)
    client.query("root/cimv2", QUERY)
    client.invoke("root/cimv2", "Win32_X", "Do")
    client.get("root/cimv2", "Win32_Y")
    with pytest.raises(Unreachable):
        client.identify()
    assert client.requests == [
        ("enumerate", "Win32_X", ""),
        ("pull", "Win32_X", ""),
        ("invoke", "Win32_X", "Do"),
        ("get", "Win32_Y", ""),
        ("identify", "", ""),
    ]


def test_the_worlds_own_patience_is_the_default() -> None:
    world = FakeWorld(enumerated(""))
    world.operation_timeout = 77
    Client(world).query("root/cimv2", QUERY)
    assert world.sent[0].header("OperationTimeout") == "PT77S"


# -- answers that are none, and silence

LOST = OutcomeUnknown
HTML = b"<html><body>Service Unavailable</body></html>"
FOREIGN = envelope("<p:X/>", relates=OTHER_REQUEST)
DENIED = (500, fault(wsman_fault(2150859012), subcode="w:AccessDenied"))

CASES: dict[str, tuple[Answer, type[Problem], type[Problem], str, str]] = {
    # answer, a read raises, a mutating request raises, the read's name, a word of the read's sentence
    "never sent": (NoAnswer("refused", sent=False), Unreachable, Unreachable, "unreachable", "refused"),
    "sent, no answer": (NoAnswer("reset"), Unreachable, LOST, "unreachable", "reset"),
    "login refused": (NoAnswer("x", login_refused=True), Unreachable, Unreachable, "login_refused", "ansible_password"),
    "401": ((401, b""), Unreachable, Unreachable, "login_refused", "ansible_user"),
    "404, IIS": ((404, HTML), Unreachable, Unreachable, "unreachable", "ansible_port"),
    "405, IIS": ((405, HTML), Unreachable, Unreachable, "unreachable", "405"),
    "503, WinRM stopped": ((503, HTML), Unreachable, Unreachable, "unreachable", "WinRM"),
    "502, a gateway": ((502, HTML), Unreachable, LOST, "unreachable", "502"),
    "504, a gateway": ((504, b""), Unreachable, LOST, "unreachable", "504"),
    "400": ((400, b""), Failure, Failure, "http_error", "400"),
    "403": ((403, HTML), Failure, Failure, "http_error", "403"),
    "413": ((413, b""), Failure, Failure, "http_error", "413"),
    "500, empty": ((500, b""), Failure, Failure, "unencrypted_refused", "ntlm"),
    "500, no XML": ((500, HTML), Fault, Fault, "windows_error", "HTTP status 500"),
    "500, a fault": (DENIED, Fault, Fault, "access_denied", "0x80338104"),
    "200, a fault": (DENIED[1], Fault, Fault, "access_denied", "0x80338104"),
    "400, a fault": ((400, DENIED[1]), Fault, Fault, "access_denied", "0x80338104"),
    "500, time-out": (TIMED_OUT, Fault, LOST, "operation_timeout", "0x80338029"),
    "200, time-out": (TIMED_OUT[1], Fault, LOST, "operation_timeout", "0x80338029"),
    "200, empty": (b"", Failure, LOST, "answer_unreadable", "no WS-Management message"),
    "200, HTML": (HTML, Failure, LOST, "answer_unreadable", "no WS-Management message"),
    "200, no body": (b"<a/>", Failure, LOST, "answer_unreadable", "no WS-Management message"),
    "200, another's answer": (FOREIGN, Failure, LOST, "answer_unreadable", "another request"),
    "200, nobody's answer": (envelope("<p:X/>", relates=None), Failure, LOST, "answer_unreadable", "another request"),
    "200, an empty answer": (envelope(""), Failure, LOST, "answer_unreadable", "empty"),
}


@pytest.mark.parametrize("mutating", [False, True], ids=["read", "mutating"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_made_of_no_good_answer(case: str, mutating: bool) -> None:
    answer, reading, changing, name, word = CASES[case]
    world = FakeWorld(answer)
    with pytest.raises(Problem) as caught:
        call(world, mutating=mutating)
    problem = caught.value
    expected = changing if mutating else reading
    assert type(problem) is expected
    assert problem.message.startswith(f"{HOST}: ")
    assert len(world.sent) == 1, "the client repeats nothing"
    if expected is LOST:
        assert problem.name == "outcome_unknown"
        assert "Win32_X.Do" in problem.message
    else:
        assert problem.name == name
        assert word in problem.message
    assert KEY not in repr(problem) + str(problem.as_data()) + str(vars(problem))
    assert problem.__suppress_context__ or problem.__context__ is None


def test_a_query_is_a_read() -> None:
    for answer in (NoAnswer("reset"), (504, b"")):
        with pytest.raises(Unreachable):
            ask(FakeWorld(answer))


def test_a_fault_for_another_request_is_not_ours() -> None:
    foreign = fault(wsman_fault(5)).replace(RELATES.encode(), OTHER_REQUEST.encode())
    for answer in (foreign, (500, foreign)):
        with pytest.raises(Failure) as caught:
            ask(FakeWorld(answer))
        assert not getattr(caught.value, "access_denied", False)


def test_a_fault_that_relates_to_nothing_is_ours() -> None:
    unrelated = fault(wsman_fault(5)).replace(f"<a:RelatesTo>{RELATES}</a:RelatesTo>".encode(), b"")
    with pytest.raises(Fault) as caught:
        ask(FakeWorld((500, unrelated)))
    assert caught.value.access_denied


def test_the_case_of_our_id_does_not_matter() -> None:
    def lower(sent: Sent) -> bytes:
        return enumerated(numbered(4)).replace(RELATES.encode(), sent.header("MessageID").lower().encode())

    assert ask(FakeWorld(lower)) == [4]


def test_an_unreadable_return_value_of_a_mutating_method_is_an_unknown_outcome() -> None:
    answer = output("Do", "<c:ReturnValue>perhaps</c:ReturnValue>")
    with pytest.raises(OutcomeUnknown):
        call(FakeWorld(answer), mutating=True)
    with pytest.raises(Failure):
        call(FakeWorld(answer), mutating=False)


@pytest.mark.parametrize("said", [KEY, KEY.replace("-", ""), KEY.lower()])
def test_a_server_that_repeats_the_key_does_not_give_it_away(said: str) -> None:
    world = FakeWorld((500, fault(wsman_fault(0xC004F050, f"Der Schluessel {said} ist ungueltig."), reason=said)))
    with pytest.raises(Fault) as caught:
        call(world, mutating=True)
    shown = repr(caught.value) + str(vars(caught.value)) + str(caught.value.as_data())
    assert said not in shown
    assert "67892" in caught.value.advice, "the last five characters stay, as Windows shows them itself"
    assert caught.value.code == "0xC004F050"


def test_nothing_is_logged_of_what_is_sent() -> None:
    world = FakeWorld(output("Do", ""))
    call(world, mutating=True)
    assert KEY not in "".join(world.logged)
    assert KEY.encode() in world.sent[0].data


def test_a_message_that_cannot_be_sent_is_not_sent() -> None:
    world = FakeWorld()
    client = Client(world)
    with pytest.raises(Failure) as caught:
        client.invoke("root/cimv2", "Win32_X", "Do", {"P": "x" * 160000})
    assert caught.value.name == "message_too_large"
    assert world.sent == []
    assert client.requests == []


def test_the_client_may_be_asked_with_plain_mappings() -> None:
    parameters: t.Mapping[str, str] = {"P": "x"}
    world = FakeWorld(output("Do", ""))
    assert Client(world).invoke("root/cimv2", "Win32_X", "Do", parameters).return_value == 0
