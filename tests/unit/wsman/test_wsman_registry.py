# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry against a small StdRegProv in memory, with both of its habits for a missing value."""

from __future__ import annotations

import typing as t
from xml.sax.saxutils import escape

import pytest
from wsman_doors import FakeWorld, Sent, output

from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, OutcomeUnknown, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._windows import registry as registry_module
from ansible_collections.activation.kms.plugins.plugin_utils._windows.registry import Registry
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client

KEY = r"SOFTWARE\activation.kms"
TYPES = {"String": 1, "DWORD": 4, "MultiString": 7}


class StdRegProv:
    """Keys by path, each a dictionary of name -> (type, texts). Answers like the provider of that name."""

    def __init__(self, *, missing_value: int = 2) -> None:
        self.keys: dict[str, dict[str, tuple[int, list[str]]]] = {"SOFTWARE": {}}
        self.missing_value = missing_value
        self.refuses: dict[str, int] = {}

    def __call__(self, sent: Sent) -> bytes:
        assert sent.header("ResourceURI").endswith("/wmi/root/default/StdRegProv")
        assert sent.named("Selector") == {}
        given = sent.parameters()
        assert given["hDefKey"] == "2147483650"
        code, body = self.refuses.get(sent.action, 0), ""
        if not code:
            data = [item.text or "" for item in sent.body if item.tag.endswith(("}sValue", "}uValue"))]
            code, body = self.answer(sent.action, given, data)
        return output(sent.action, f"<c:ReturnValue>{code}</c:ReturnValue>{body}")

    def answer(self, method: str, given: dict[str, str], data: list[str]) -> tuple[int, str]:
        path, name = given["sSubKeyName"], given.get("sValueName", "")
        if method == "CreateKey":
            self.keys.setdefault(path, {})
            return 0, ""
        if path not in self.keys:
            return 2, ""
        values = self.keys[path]
        if method == "EnumKey":
            below = [other[len(path) + 1 :] for other in self.keys if other.startswith(path + "\\")]
            return 0, "".join(f"<c:sNames>{found}</c:sNames>" for found in below) or '<c:sNames xsi:nil="true"/>'
        if method == "EnumValues":
            names = "".join(f"<c:sNames>{found}</c:sNames>" for found in values) or '<c:sNames xsi:nil="true"/>'
            kinds = "".join(f"<c:Types>{kind}</c:Types>" for kind, _ in values.values()) or '<c:Types xsi:nil="true"/>'
            return 0, names + kinds
        if method == "DeleteKey":
            del self.keys[path]
            return 0, ""
        if method.startswith("Set"):
            kind = TYPES[method[3:-5]]
            values[name] = (kind, data)
            return 0, ""
        if name not in values:
            return self.missing_value, ""
        if method == "DeleteValue":
            del values[name]
            return 0, ""
        kind, texts = values[name]
        if kind != TYPES[method[3:-5]]:
            return 2147749893, ""
        tag = "uValue" if kind == 4 else "sValue"
        return 0, "".join(f"<c:{tag}>{escape(text)}</c:{tag}>" for text in texts)


@pytest.fixture(params=[1, 2], ids=["missing value says 1", "missing value says 2"])
def provider(request: pytest.FixtureRequest) -> StdRegProv:
    return StdRegProv(missing_value=request.param)


def registry(provider: StdRegProv) -> tuple[Registry, FakeWorld]:
    world = FakeWorld(provider)
    return Registry(Client(world)), world


def test_what_was_written_is_read(provider: StdRegProv) -> None:
    ours, _world = registry(provider)
    ours.set_text(KEY, "Text", "5.2 <&>")
    ours.set_number(KEY, "Number", 4294967295)
    ours.set_texts(KEY, "Texts", ["a", "", "c"])
    assert ours.text(KEY, "Text") == "5.2 <&>"
    assert ours.number(KEY, "Number") == 4294967295
    assert ours.texts(KEY, "Texts") == ("a", "", "c")
    assert ours.values(KEY) == {"Text": 1, "Number": 4, "Texts": 7}
    assert (registry_module.SZ, registry_module.DWORD, registry_module.MULTI_SZ) == (1, 4, 7)
    assert (registry_module.EXPAND_SZ, registry_module.BINARY, registry_module.QWORD) == (2, 3, 11)
    assert ours.keys("SOFTWARE") == ["activation.kms"]


def test_what_is_missing_is_none(provider: StdRegProv) -> None:
    ours, _world = registry(provider)
    for ask in (ours.text, ours.number, ours.texts):
        assert ask(KEY, "x") is None
        assert ask("SOFTWARE", "x") is None
    assert ours.values(KEY) is None
    assert ours.keys(KEY) is None


def test_an_empty_key_has_no_values_and_no_keys() -> None:
    ours, _world = registry(StdRegProv())
    assert ours.values("SOFTWARE") == {}
    assert ours.keys("SOFTWARE") == []


@pytest.mark.parametrize("unnamed", ["<c:sNames/>", '<c:sNames xsi:nil="true"/>'])
def test_the_default_value_has_an_empty_name(unnamed: str) -> None:
    world = FakeWorld(
        output("EnumValues", f"<c:sNames>a</c:sNames>{unnamed}<c:sNames>b</c:sNames>"
               "<c:Types>4</c:Types><c:Types>1</c:Types><c:Types>7</c:Types>")
    )  # fmt: skip
    assert Registry(Client(world)).values(KEY) == {"a": 4, "": 1, "b": 7}


def test_a_value_goes_first_and_the_key_only_where_it_is_missing() -> None:
    ours, world = registry(StdRegProv())
    ours.set_number(KEY, "A", 1)
    assert world.actions() == ["SetDWORDValue", "CreateKey", "SetDWORDValue"]
    world.sent.clear()
    ours.set_text(KEY, "B", "x")
    assert world.actions() == ["SetStringValue"]


def test_deleting_what_is_gone_is_no_error(provider: StdRegProv) -> None:
    ours, _world = registry(provider)
    ours.delete_value(KEY, "x")
    ours.delete_key(KEY)
    ours.set_number(KEY, "A", 1)
    ours.delete_value(KEY, "x")
    ours.delete_value(KEY, "A")
    assert ours.values(KEY) == {}
    ours.delete_key(KEY)
    assert ours.values(KEY) is None


Act = t.Callable[[Registry], object]
READS: dict[str, Act] = {
    "EnumValues": lambda ours: ours.values(KEY),
    "EnumKey": lambda ours: ours.keys(KEY),
    "GetStringValue": lambda ours: ours.text(KEY, "x"),
    "GetDWORDValue": lambda ours: ours.number(KEY, "x"),
    "GetMultiStringValue": lambda ours: ours.texts(KEY, "x"),
}
WRITES: dict[str, Act] = {
    "SetStringValue": lambda ours: ours.set_text(KEY, "x", "y"),
    "SetDWORDValue": lambda ours: ours.set_number(KEY, "x", 1),
    "SetMultiStringValue": lambda ours: ours.set_texts(KEY, "x", ["y"]),
    "CreateKey": lambda ours: ours.create_key(KEY),
    "DeleteValue": lambda ours: ours.delete_value(KEY, "x"),
    "DeleteKey": lambda ours: ours.delete_key(KEY),
}


@pytest.mark.parametrize(
    ("number", "name", "code"), [(5, "access_denied", "0x00000005"), (2147749893, "registry_error", "0x80041005")]
)
@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_other_return_values_are_failures(method: str, number: int, name: str, code: str) -> None:
    provider = StdRegProv()
    provider.keys[KEY] = {}
    provider.refuses[method] = number
    ours, _world = registry(provider)
    with pytest.raises(Failure) as caught:
        {**READS, **WRITES}[method](ours)
    assert (caught.value.name, caught.value.code) == (name, code)
    assert method in caught.value.message
    assert KEY in caught.value.message
    assert caught.value.message.startswith("kms01: ")


def test_a_key_that_cannot_be_created_is_a_failure() -> None:
    provider = StdRegProv()
    provider.refuses["CreateKey"] = 5
    ours, world = registry(provider)
    with pytest.raises(Failure, match="CreateKey"):
        ours.set_number(KEY, "x", 1)
    assert world.actions() == ["SetDWORDValue", "CreateKey"]


@pytest.mark.parametrize("method", READS)
def test_a_lost_read_changed_nothing(method: str) -> None:
    with pytest.raises(Unreachable):
        READS[method](Registry(Client(FakeWorld(NoAnswer("reset")))))


@pytest.mark.parametrize("method", WRITES)
def test_a_lost_write_is_an_unknown_outcome(method: str) -> None:
    with pytest.raises(OutcomeUnknown):
        WRITES[method](Registry(Client(FakeWorld(NoAnswer("reset")))))


def test_the_root_is_the_local_machine() -> None:
    assert registry_module.HKLM == 2147483650
