# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as rows: every kind of value WinRM writes, in instances and in fragments."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsman_doors import enumerated, envelope, fragments, pulled, rows

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure
from ansible_collections.activation.kms.plugins.plugin_utils._wsman import tree
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.values import Output, Page, Row, literal, page

UTC = dt.timezone.utc
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"))


def read(answer: bytes) -> Page:
    body = tree.child(tree.parse(answer), "Body")
    assert body is not None
    return page(body[0])


def row(body: str) -> Row:
    """The row a fragment holds."""
    (only,) = read(enumerated(fragments(body))).rows
    return only


@pytest.mark.parametrize(
    "answer",
    [
        enumerated(rows("Win32_X", "<c:A>1</c:A><c:B>two</c:B>")),
        enumerated(fragments("<A>1</A><B>two</B>")),
        pulled(rows("Win32_X", "<c:A>1</c:A><c:B>two</c:B>")),
        pulled(fragments("<A>1</A><B>two</B>")),
    ],
)
def test_instances_and_fragments_of_both_messages_read_alike(answer: bytes) -> None:
    found = read(answer)
    assert found.ended
    assert [(r.integer("A"), r.text("B"), r.names()) for r in found.rows] == [(1, "two", ("A", "B"))]


def test_the_class_is_known_of_instances_only() -> None:
    assert read(enumerated(rows("Win32_Derived", ""))).rows[0].class_name == "Win32_Derived"
    assert row("<A/>").class_name == ""


def test_an_item_with_a_reference_beside_the_object_reads_as_the_object() -> None:
    item = "<w:Item>" + rows("X", "<c:A>1</c:A>") + "<a:EndpointReference/></w:Item>"
    assert read(enumerated(item)).rows[0].text("A") == "1"


@pytest.mark.parametrize(
    ("inside", "keys"),
    [
        ("", {}),
        ("<a:Address>urn:here</a:Address>", {}),
        ("<a:ReferenceParameters><w:ResourceURI>urn:x</w:ResourceURI><w:SelectorSet/></a:ReferenceParameters>", {}),
        (
            '<a:ReferenceParameters><w:SelectorSet><w:Selector Name="A">1</w:Selector><w:Selector Name="B"/>'
            "</w:SelectorSet></a:ReferenceParameters>",
            {"A": "1", "B": ""},
        ),
    ],
)
def test_the_keys_of_a_reference_are_its_selectors_and_nothing_else(inside: str, keys: dict[str, str]) -> None:
    item = "<w:Item>" + rows("X", "<c:A>1</c:A>") + f"<a:EndpointReference>{inside}</a:EndpointReference></w:Item>"
    (found,) = read(enumerated(item)).references
    assert found is not None and dict(found) == keys


def test_null_empty_and_missing_are_three_things() -> None:
    found = row('<A xsi:nil="true"/><B></B><C/>')
    assert found.text("A") is None and "A" in found and found["A"] is None
    assert found.text("B") == "" == found.text("C")
    assert found.text("D") is None and "D" not in found
    with pytest.raises(KeyError):
        found["D"]
    assert found.names() == ("A", "B", "C")
    assert found.texts("A") == () == found.texts("D")


@pytest.mark.parametrize("name", ["A", "B", "C", "D"])
def test_null_empty_and_missing_have_no_typed_value(name: str) -> None:
    found = row('<A xsi:nil="true"/><B></B><C> </C>')
    for ask in (found.integer, found.boolean, found.moment, found.row):
        assert ask(name) is None


@given(value=TEXT)
def test_texts_are_kept_exactly(value: str) -> None:
    assert row(f"<A>{escape(value)}</A>").text("A") == value
    assert read(enumerated(rows("X", f"<c:A>{escape(value)}</c:A>"))).rows[0].text("A") == value


@given(values=st.lists(TEXT, min_size=1))
def test_arrays_keep_their_order_and_empty_elements(values: list[str]) -> None:
    body = "<Z>end</Z>".join(["<A>begin</A>", ""]) + "".join(f"<R>{escape(value)}</R>" for value in values)
    found = row(body)
    assert found.texts("R") == tuple(values)
    assert found.text("R") == values[0]
    assert found["R"] == (values[0] if len(values) == 1 else tuple(values))


def test_an_array_may_hold_null() -> None:
    found = row('<R>a</R><R xsi:nil="true"/><R>c</R>')
    assert found.texts("R") == ("a", "c")
    assert found.raws("R") == ("a", None, "c")


@given(value=st.integers(-(2**63), 2**64 - 1))
def test_integers(value: int) -> None:
    assert row(f"<A> {value}\n</A>").integer("A") == value
    assert row(f"<A>{value}</A><A>7</A>").integers("A") == (value, 7)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("True", True), ("FALSE", False), ("1", True), ("0", False)]
)
def test_booleans(text: str, value: bool) -> None:
    assert row(f"<A>{text}</A>").boolean("A") is value


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-04-15T16:28:38.376625Z", dt.datetime(2013, 4, 15, 16, 28, 38, 376625, UTC)),
        ("2013-04-15T16:28:38Z", dt.datetime(2013, 4, 15, 16, 28, 38, 0, UTC)),
        ("2013-04-15T16:28:38.5Z", dt.datetime(2013, 4, 15, 16, 28, 38, 500000, UTC)),
        ("2013-04-15T16:28:38.1234567899Z", dt.datetime(2013, 4, 15, 16, 28, 38, 123456, UTC)),
        ("2013-04-15T18:28:38+02:00", dt.datetime(2013, 4, 15, 16, 28, 38, 0, UTC)),
        ("2013-04-15T11:58:38.25-04:30", dt.datetime(2013, 4, 15, 16, 28, 38, 250000, UTC)),
        ("2013-04-15T16:28:38", dt.datetime(2013, 4, 15, 16, 28, 38, 0, UTC)),
        ("1601-01-01T00:00:00Z", dt.datetime(1601, 1, 1, 0, 0, 0, 0, UTC)),
    ],
)
@pytest.mark.parametrize(
    "form", ["<A><cim:Datetime>{}</cim:Datetime></A>", "<A><Datetime>{}</Datetime></A>", "<A>{}</A>", "<A> {} </A>"]
)
def test_moments(form: str, text: str, moment: dt.datetime) -> None:
    found = row(form.format(text)).moment("A")
    assert found == moment
    assert found.tzinfo is UTC


@given(
    moment=st.datetimes(dt.datetime(1601, 1, 2), dt.datetime(9999, 12, 30)),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_moments_of_every_zone_come_back_in_utc(moment: dt.datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))
    found = row(f"<A><Datetime>{zoned.isoformat()}</Datetime></A>").moment("A")
    assert found == zoned
    assert found.utcoffset() == dt.timedelta()


@pytest.mark.parametrize(
    "text", ["soon", "2013-02-30T00:00:00Z", "20130415162838.376625+000", "0001-01-01T00:00:00+14:00", "2013-04-15"]
)
def test_what_is_no_moment_is_a_failure(text: str) -> None:
    with pytest.raises(Failure, match="date and time") as caught:
        row(f"<A><Datetime>{text}</Datetime></A>").moment("A")
    assert caught.value.name == "unreadable_value"


def test_what_is_no_number_is_a_failure_that_names_the_property() -> None:
    found = read(enumerated(rows("Win32_X", "<c:Size>much</c:Size><c:Size>1</c:Size><c:On>maybe</c:On>"))).rows[0]
    for ask in (lambda: found.integer("Size"), lambda: found.integers("Size"), lambda: found.boolean("On")):
        with pytest.raises(Failure, match=r"Win32_X\.(Size|On)") as caught:
            ask()
        assert caught.value.name == "unreadable_value"


def test_an_interval_is_text() -> None:
    assert row("<A><Interval>P0DT1H0M0S</Interval></A>").text("A") == "P0DT1H0M0S"


def test_an_embedded_object_is_a_row() -> None:
    found = row("<A><c:X xmlns:c='urn:x'/><c:Y xmlns:c='urn:x'>2</c:Y></A>")
    inner = found.row("A")
    assert inner is not None
    assert inner.integer("Y") == 2
    assert found.text("A") is None
    assert found.texts("A") == ()


def test_a_reference_is_the_row_of_its_keys() -> None:
    found = row(
        "<RR><a:Address>any</a:Address><a:ReferenceParameters><w:ResourceURI>u</w:ResourceURI><w:SelectorSet>"
        '<w:Selector Name="OwnerName">_vlmcs._tcp</w:Selector><w:Selector Name="RecordClass">1</w:Selector>'
        "</w:SelectorSet></a:ReferenceParameters></RR>"
    ).row("RR")
    assert found is not None
    assert (found.text("OwnerName"), found.integer("RecordClass")) == ("_vlmcs._tcp", 1)


def test_rows_are_values() -> None:
    one, same, other = row("<A>1</A>"), row("<A>1</A>"), row("<A>2</A>")
    assert one == same and hash(one) == hash(same)
    assert one != other
    assert one != {"A": "1"}
    assert dict(one) == {"A": "1"}
    assert len({one, same, other}) == 2
    with pytest.raises(TypeError):
        one["A"] = "3"  # type: ignore[index]  # rows cannot be written to


def test_what_a_row_was_made_of_can_change_without_changing_it() -> None:
    values = ["a"]
    found = Row({"A": values})
    values.append("b")
    assert found.texts("A") == ("a",)


def test_a_row_shows_names_and_no_values() -> None:
    assert "hidden" not in repr(row("<A>hidden</A>"))
    assert "A" in repr(row("<A>hidden</A>"))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("<c:ReturnValue xmlns:c='u'>0</c:ReturnValue>", 0),
        ("<ReturnValue>3221549136</ReturnValue>", 0xC004F050),
        ("<ReturnValue>-1073418160</ReturnValue>", 0xC004F050),
        ('<ReturnValue xsi:nil="true"/>', 0),
        ("<RR>x</RR>", 0),
        ("", 0),
    ],
)
def test_return_values(body: str, value: int) -> None:
    element = tree.child(tree.parse(envelope(f"<o>{body}</o>")), "Body", "o")
    assert element is not None
    output = Output.of(element)
    assert isinstance(output, Output)
    assert output.return_value == value


# -- pages


@pytest.mark.parametrize(
    ("body", "context", "ended"),
    [
        ("<n:EnumerateResponse><n:EnumerationContext/><w:EndOfSequence/></n:EnumerateResponse>", "", True),
        ("<n:EnumerateResponse><n:EnumerationContext/><w:Items/><w:EndOfSequence/></n:EnumerateResponse>", "", True),
        (
            "<n:EnumerateResponse><n:EnumerationContext>uuid:1</n:EnumerationContext></n:EnumerateResponse>",
            "uuid:1",
            False,
        ),
        ("<n:EnumerateResponse><n:EnumerationContext/></n:EnumerateResponse>", "", True),
        ("<n:PullResponse><n:Items/><n:EndOfSequence/></n:PullResponse>", None, True),
        ("<n:PullResponse><n:Items/></n:PullResponse>", None, False),
    ],
)
def test_pages_without_rows(body: str, context: str | None, ended: bool) -> None:
    found = read(envelope(body))
    assert (found.rows, found.context, found.ended) == ((), context, ended)


# -- WQL literals


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("WinRM", "'WinRM'"),
        ("", "''"),
        (r"C:\WINDOWS\system32\slmgr.vbs", r"'C:\\WINDOWS\\system32\\slmgr.vbs'"),
        ("it's", r"'it\'s'"),
        ("\\'", r"'\\\''"),
        ('say "x"', "'say \"x\"'"),
    ],
)
def test_literals(text: str, quoted: str) -> None:
    assert literal(text) == quoted


@given(text=st.text())
def test_a_literal_holds_exactly_its_text(text: str) -> None:
    quoted = literal(text)
    held, characters = "", iter(quoted[1:-1])
    for character in characters:
        assert character != "'"  # a bare quote would end the literal early
        held += next(characters) if character == "\\" else character
    assert quoted[0] == quoted[-1] == "'"
    assert held == text


# -- XML


@pytest.mark.parametrize(
    "data",
    [
        b"", b"   ", b"<html><p>", b"not xml", b"\xff\xfe\x00",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16-be"),
        b"<?xml version='1.0' encoding='no-such'?><a/>",
    ],
)  # fmt: skip
def test_what_is_no_plain_xml_is_none(data: bytes) -> None:
    assert tree.parse(data) is None


def test_xml_in_utf_16_is_read() -> None:
    found = tree.parse('<?xml version="1.0" encoding="utf-16"?><a>ü</a>'.encode("utf-16"))
    assert isinstance(found, ET.Element)
    assert found.text == "ü"


def test_paths_that_lead_nowhere_are_none() -> None:
    assert tree.child(None, "a", "b") is None
    assert tree.child(ET.fromstring("<a><b/></a>"), "b", "c", "d") is None
    assert tree.text(None) == ""
