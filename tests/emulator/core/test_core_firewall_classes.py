# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall classes from 6.2 on, and WS-Transfer on instances: addresses, associations, Create, Put, Delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from corewire import ENUMERATION, TRANSFER, WMI, Wire, codes, content, enumerate_body, local, parse, values
from firewallwire import (
    ADDRESSES,
    ASSOCIATION,
    BY_ADDRESS,
    BY_PORT,
    INSIDE,
    NAMESPACE,
    PORTS,
    RULE,
    SELECTORS,
    STAR,
    address_in,
    association,
    body_of,
    create,
    delete,
    enumeration,
    filter_of,
    get,
    items,
    netsh,
    opened,
    passes,
    put,
    reference,
    rule_address,
)

from emulated_windows.core import Reply
from emulated_windows.persona import personas

MakeWire = Callable[..., Wire]
WITH_CLASSES = [name for name, persona in personas().items() if persona.firewall.wmi]
ENUMERATE = f"{ENUMERATION}/Enumerate"
NEW = {"InstanceID": "mine", "ElementName": "KMS", "Direction": 1, "Action": 2, "Enabled": 2, "Profiles": 3}
NOT_FOUND, EXISTS, BAD_VALUE, NOT_CAPABLE = 2150858752, 2150858803, 2150859038, 2150859010
REPRESENTATION, UNEXPECTED, INSUFFICIENT = 2150858773, 2150858843, 2150858842


@pytest.fixture
def host(wire: MakeWire) -> Wire:
    """A Server 2019."""
    return wire(persona="server-2019")


def rule(host: Wire, rule_id: str) -> dict[str, Any]:
    """A rule by WQL."""
    (row,) = host.rows(f"SELECT * FROM MSFT_NetFirewallRule WHERE InstanceID='{rule_id}'", NAMESPACE)
    return row


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", WITH_CLASSES)
def test_a_predefined_rule_as_wmi_shows_it(wire: MakeWire, persona: str) -> None:
    host = wire(persona=persona, dials={"kms_rule_split": "as_on_clients"})
    row = rule(host, "SPPSVC-In-TCP")
    assert {name: row[name] for name in ("Enabled", "Direction", "Action", "Profiles", "EdgeTraversalPolicy")} == {
        "Enabled": "2",
        "Direction": "1",
        "Action": "2",
        "Profiles": "6",
        "EdgeTraversalPolicy": "0",
    }
    assert row["CreationClassName"] == "MSFT|FW|FirewallRule|SPPSVC-In-TCP"
    assert (row["DisplayName"], row["ElementName"]) == ("Key Management Service (TCP-In)", "@FirewallAPI.dll,-28003")
    assert row["RuleGroup"] == "@FirewallAPI.dll,-28002"
    assert (row["PolicyRuleName"], row["SystemName"], row["PolicyStoreSource"]) == ("", "", "PersistentStore")


@pytest.mark.parametrize("persona", [name for name in personas() if name not in WITH_CLASSES])
def test_older_releases_do_not_have_the_classes(wire: MakeWire, persona: str) -> None:
    reply = wire(persona=persona).enumerate("SELECT * FROM MSFT_NetFirewallRule", NAMESPACE)
    assert reply.status == 500


def test_a_display_name_is_localized_and_an_id_is_not(wire: MakeWire) -> None:
    row = rule(wire(persona="server-2016", language="DEU"), "SPPSVC-In-TCP")
    assert row["DisplayName"].startswith("Schlüssel")
    assert row["InstanceID"] == "SPPSVC-In-TCP"


def test_a_selector_filter_on_the_class(host: Wire) -> None:
    chosen = '<w:SelectorSet><w:Selector Name="InstanceID">sppsvc-in-tcp</w:Selector></w:SelectorSet>'
    (item,) = items(host.send(RULE, ENUMERATE, enumeration(SELECTORS, chosen)))
    assert values(item)["InstanceID"] == "SPPSVC-In-TCP"


def test_addresses_beside_rows_and_instead_of_them(host: Wire) -> None:
    chosen = '<w:SelectorSet><w:Selector Name="InstanceID">SPPSVC-In-TCP</w:Selector></w:SelectorSet>'
    (both,) = items(host.send(RULE, ENUMERATE, enumeration(SELECTORS, chosen, "EnumerateObjectAndEPR")))
    assert [local(child.tag) for child in both] == ["MSFT_NetFirewallRule", "EndpointReference"]
    (alone,) = items(host.send(RULE, ENUMERATE, enumeration(SELECTORS, chosen, "EnumerateEPR")))
    assert address_in(both[1]) == address_in(alone) == rule_address("SPPSVC-In-TCP")
    assert get(host, address_in(alone))["InstanceID"] == "SPPSVC-In-TCP"


def test_what_the_journal_says_of_a_filter(host: Wire) -> None:
    chosen = '<w:SelectorSet><w:Selector Name="InstanceID">SPPSVC-In-TCP</w:Selector></w:SelectorSet>'
    event = host.send(RULE, ENUMERATE, enumeration(SELECTORS, chosen)).event
    assert (event.resource, event.method, event.mutation) == (
        "MSFT_NetFirewallRule",
        "InstanceID=SPPSVC-In-TCP",
        False,
    )
    inside = association(KNOWN, BY_PORT, "MSFT_NetProtocolPortFilter")
    event = host.send(STAR, ENUMERATE, enumeration(ASSOCIATION, inside)).event
    assert event.resource == "MSFT_NetProtocolPortFilter"
    assert event.method == f"CreationClassName={KNOWN[1]['CreationClassName']} {BY_PORT} MSFT_NetProtocolPortFilter"


def test_the_address_of_a_singleton_has_no_selectors(wire: MakeWire) -> None:
    host = wire()
    uri = f"{WMI}root/cimv2/Win32_OperatingSystem"
    body = "<n:Enumerate><w:OptimizeEnumeration/><w:EnumerationMode>EnumerateEPR</w:EnumerationMode></n:Enumerate>"
    (item,) = items(host.send(uri, ENUMERATE, body))
    assert address_in(item) == (uri, {})


def test_a_column_list_has_no_addresses(host: Wire) -> None:
    body = enumerate_body("SELECT InstanceID FROM MSFT_NetFirewallRule").replace(
        "<w:Filter", "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode><w:Filter"
    )
    assert codes(host.send(STAR, ENUMERATE, body))[0] == 2150858818
    unknown = body.replace("EnumerateObjectAndEPR", "EnumerateNothing")
    assert codes(host.send(STAR, ENUMERATE, unknown))[0] == 2150858818


@pytest.mark.parametrize("name", [BY_PORT, BY_ADDRESS])
def test_a_filter_is_found_by_association(host: Wire, name: str) -> None:
    row, address = filter_of(host, rule_address("SPPSVC-In-TCP"), name)
    assert address[0] == {BY_PORT: PORTS, BY_ADDRESS: ADDRESSES}[name]
    assert set(address[1]) == {"CreationClassName", "Name", "SystemCreationClassName", "SystemName"}
    assert row["InstanceID"] == "SPPSVC-In-TCP"
    if name == BY_PORT:
        assert (row["Protocol"], row["LocalPort"]) == ("TCP", "1688")
    assert get(host, address) == row


def test_every_filter_of_a_rule_by_association(host: Wire) -> None:
    found = items(host.send(STAR, ENUMERATE, enumeration(ASSOCIATION, association(rule_address("SPPSVC-In-TCP"), ""))))
    rest = content(host.send(STAR, ENUMERATE, enumeration(ASSOCIATION, association(rule_address("x"), ""))))
    assert found
    assert local(rest.tag) == "Fault"


def of(inside: str) -> Callable[[Wire], Reply]:
    """An enumeration with an association filter."""
    return lambda host: host.send(STAR, ENUMERATE, enumeration(ASSOCIATION, inside))


BINDING = 'xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"'
KNOWN = rule_address("SPPSVC-In-TCP")


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (of(association(rule_address("nobody"), BY_PORT)), NOT_FOUND),
        (of(association(KNOWN, "MSFT_NetNothing")), 2150858778),
        (of(association((RULE, {"InstanceID": "SPPSVC-In-TCP"}), BY_PORT)), UNEXPECTED),
        (of(association((RULE, {"CreationClassName": "x"}), BY_PORT)), INSUFFICIENT),
        (of(association((f"{WMI}root/cimv2/Win32_OperatingSystem", {}), BY_PORT)), 2150858778),
        (of(f"<b:AssociatedInstances {BINDING}/>"), 2150858778),
        (of(f"<b:AssociationInstances {BINDING}/>"), 2150858818),
        (of(f"<b:AssociatedInstances {BINDING}><b:Role>x</b:Role></b:AssociatedInstances>"), 2150858818),
    ],
)
def test_associations_that_are_refused(host: Wire, ask: Callable[[Wire], Reply], code: int) -> None:
    assert codes(ask(host))[0] == code


def test_another_result_class_gives_nothing(host: Wire) -> None:
    inside = association(KNOWN, BY_PORT, "MSFT_NetAddressFilter")
    assert items(host.send(STAR, ENUMERATE, enumeration(ASSOCIATION, inside))) == []


@pytest.mark.parametrize(("setting", "expected"), [("works", 1), ("no_rows", 0), ("refused", None)])
def test_a_filter_by_instance_id_by_dial(wire: MakeWire, setting: str, expected: int | None) -> None:
    host = wire(persona="server-2022", dials={"filter_by_instance_id": setting})
    query = "SELECT * FROM MSFT_NetProtocolPortFilter WHERE InstanceID='SPPSVC-In-TCP'"
    if expected is None:
        assert host.enumerate(query, NAMESPACE).status == 500
    else:
        assert len(host.rows(query, NAMESPACE)) == expected


@pytest.mark.parametrize(("setting", "expected"), [("mask", "10.0.0.0/255.0.0.0"), ("prefix", "10.0.0.0/8")])
def test_how_a_network_is_shown_by_dial(wire: MakeWire, setting: str, expected: str) -> None:
    host = wire(persona="server-2012", dials={"filter_addresses": setting})
    _, address = filter_of(host, KNOWN, BY_ADDRESS)
    assert put(host, address, {"RemoteAddress": ["10.1.0.0/8", "LocalSubnet"]}).status == 200
    assert get(host, address)["RemoteAddress"] == [expected, "LocalSubnet"]


@pytest.mark.parametrize(
    ("setting", "sent", "shown"),
    [
        ("name_or_number", "6", "TCP"),
        ("name_or_number", "tcp", "TCP"),
        ("name_only", "6", None),
        ("name_only", "TCP", "TCP"),
        ("shown_as_number", "TCP", "6"),
    ],
)
def test_the_protocol_by_dial(wire: MakeWire, setting: str, sent: str, shown: str | None) -> None:
    host = wire(persona="server-2012-r2", dials={"filter_protocol": setting})
    _, address = filter_of(host, KNOWN)
    reply = put(host, address, {"Protocol": sent})
    assert (reply.status == 200) is (shown is not None)
    if shown is not None:
        assert get(host, address)["Protocol"] == shown


def test_the_service_must_run(wire: MakeWire) -> None:
    host = wire(persona="server-2019", firewall="stopped")
    assert host.enumerate("SELECT * FROM MSFT_NetFirewallRule", NAMESPACE).status == 500
    assert create(host, NEW).status == 500
    assert not opened(host, "any") or "mine" not in {entry["id"] for entry in host.shown["open_ports"]}


# -- the recipe ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", WITH_CLASSES)
def test_a_rule_for_another_port(wire: MakeWire, persona: str) -> None:
    """Created disabled, given its port and its networks, then enabled."""
    host = wire(persona=persona)
    made = create(host, NEW)
    assert (made.status, made.event.operation, made.event.mutation) == (200, "create", True)
    address = address_in(content(made))
    assert address == rule_address("mine")
    _, ports = filter_of(host, address)
    assert put(host, ports, {"Protocol": "TCP", "LocalPort": ["1700"]}).status == 200
    _, addresses = filter_of(host, address, BY_ADDRESS)
    assert put(host, addresses, {"RemoteAddress": ["10.0.0.0/8"]}).status == 200
    assert not passes(host, INSIDE, 1700)
    enabled = host.invoke("MSFT_NetFirewallRule", "Enable", namespace=NAMESPACE, selectors=address[1])
    assert (enabled.status, list(content(enabled))) == (200, [])
    assert passes(host, INSIDE, 1700)
    assert not passes(host, "192.0.2.9", 1700)
    assert netsh(host, "advfirewall firewall show rule name=KMS") == 0
    assert {entry["profile"] for entry in opened(host, 1700)} == {"DomainProfile", "StandardProfile"}
    assert delete(host, address).status == 200
    assert not opened(host, 1700)
    assert codes(delete(host, address))[0] == NOT_FOUND


def test_a_new_rule_speaks_of_everything(host: Wire) -> None:
    """The risk is real: until it has ports, an enabled rule opens the whole machine."""
    assert create(host, {**NEW, "Enabled": 1}).status == 200
    assert passes(host)
    assert passes(host, port=65000)
    assert {entry["id"] for entry in opened(host, "any")} == {"mine"}


def test_a_rule_without_an_id_gets_one(host: Wire) -> None:
    made = create(host, {name: value for name, value in NEW.items() if name != "InstanceID"})
    assert get(host, address_in(content(made)))["InstanceID"].startswith("{")


def test_an_id_is_there_once(host: Wire) -> None:
    assert create(host, NEW).status == 200
    assert codes(create(host, {**NEW, "InstanceID": "MINE"}))[0] == EXISTS


def cim_status(reply: Reply) -> str:
    """CIMStatusCode of an MSFT_WmiError."""
    found = [element.text or "" for element in parse(reply.body).iter() if local(element.tag) == "CIMStatusCode"]
    return found[0] if found else ""


def test_the_mi_stack_says_that_a_rule_exists(wire: MakeWire) -> None:
    for setting, expected in (("msft_wmi_error", "11"), ("wsman_fault", "")):
        host = wire(persona="server-2016", dials={"error_detail": setting})
        create(host, NEW)
        assert cim_status(create(host, NEW)) == expected


def test_disable_and_rename(host: Wire) -> None:
    host.invoke("MSFT_NetFirewallRule", "Enable", namespace=NAMESPACE, selectors=KNOWN[1])
    assert rule(host, "SPPSVC-In-TCP")["Enabled"] == "1"
    host.invoke("MSFT_NetFirewallRule", "Disable", namespace=NAMESPACE, selectors=KNOWN[1])
    assert rule(host, "SPPSVC-In-TCP")["Enabled"] == "2"
    create(host, NEW)

    def rename(name: str) -> Reply:
        arguments = {"NewName": name}
        selectors = rule_address("mine")[1]
        return host.invoke("MSFT_NetFirewallRule", "Rename", arguments, namespace=NAMESPACE, selectors=selectors)

    assert codes(rename("SPPSVC-In-TCP"))[0] == EXISTS
    assert rename("yours").status == 200
    assert rule(host, "yours")["ElementName"] == "KMS"
    assert not host.rows("SELECT * FROM MSFT_NetFirewallRule WHERE InstanceID='mine'", NAMESPACE)


def test_put_changes_only_what_is_given(host: Wire) -> None:
    before = rule(host, "SPPSVC-In-TCP")
    answer = put(host, KNOWN, {"Profiles": 3, "Enabled": 1})
    after = rule(host, "SPPSVC-In-TCP")
    assert values(content(answer)) == after
    assert {name for name in after if after[name] != before[name]} == {"Profiles", "Enabled"}


def test_a_whole_instance_can_be_put_back(host: Wire) -> None:
    row = get(host, KNOWN)
    assert put(host, KNOWN, {**row, "Enabled": 1}).status == 200
    assert get(host, KNOWN) == {**row, "Enabled": "1"}


def test_null_ports_are_any_ports(host: Wire) -> None:
    _, address = filter_of(host, KNOWN)
    assert put(host, address, {"LocalPort": None}).status == 200
    assert get(host, address)["LocalPort"] == "Any"


def test_the_profiles(host: Wire) -> None:
    rows = host.rows("SELECT * FROM MSFT_NetFirewallProfile", NAMESPACE)
    assert [(row["Name"], row["Enabled"]) for row in rows] == [("Domain", "1"), ("Private", "1"), ("Public", "1")]
    address = (f"{WMI}{NAMESPACE}/MSFT_NetFirewallProfile", {"InstanceID": rows[0]["InstanceID"]})
    assert put(host, address, {"Enabled": 0}).status == 200
    assert host.shown["firewall"]["domain_enabled"] is False
    assert passes(host)


# -- refused ---------------------------------------------------------------------------------------------------------

SERVICE = (f"{WMI}root/cimv2/Win32_Service", {"Name": "Spooler"})
FILTER = (
    PORTS,
    {"CreationClassName": KNOWN[1]["CreationClassName"], "Name": "", "SystemCreationClassName": "", "SystemName": ""},
)


def made(properties: dict[str, Any], uri: str = RULE) -> Callable[[Wire], Reply]:
    """A Create."""
    return lambda host: create(host, properties, uri)


def changed(properties: dict[str, Any], address: tuple[str, dict[str, str]] = KNOWN) -> Callable[[Wire], Reply]:
    """A Put."""
    return lambda host: put(host, address, properties)


def sent(verb: str, body: str, address: tuple[str, dict[str, str]] = KNOWN) -> Callable[[Wire], Reply]:
    """Any other transfer."""
    return lambda host: host.send(address[0], f"{TRANSFER}/{verb}", body, selectors=address[1])


REFUSED = [
    ("no display name", made({"InstanceID": "x"}), BAD_VALUE),
    ("an id with the separator of the store", made({**NEW, "InstanceID": "a|b"}), BAD_VALUE),
    ("an action that does not exist", made({**NEW, "Action": 9}), BAD_VALUE),
    ("a direction that does not exist", made({**NEW, "Direction": 3}), BAD_VALUE),
    ("a boolean for Enabled", made({**NEW, "Enabled": "true"}), REPRESENTATION),
    ("Enabled 0", made({**NEW, "Enabled": 0}), BAD_VALUE),
    ("profiles nobody has", made({**NEW, "Profiles": 8}), BAD_VALUE),
    ("a column that nobody sets", made({**NEW, "PolicyStoreSource": "x"}), BAD_VALUE),
    ("a column the class does not have", made({**NEW, "LocalPort": "1688"}), REPRESENTATION),
    ("a column in another case", made({**NEW, "enabled": 1}), REPRESENTATION),
    ("a column given twice", made({**NEW, "Action": [2, 4]}), REPRESENTATION),
    ("Create with selectors", sent("Create", body_of(RULE, NEW)), UNEXPECTED),
    ("Create without a body", sent("Create", "", (RULE, {})), REPRESENTATION),
    ("Create of another class's body", sent("Create", body_of(PORTS, {}), (RULE, {})), REPRESENTATION),
    ("Create of a filter", made({"LocalPort": "1688"}, PORTS), NOT_CAPABLE),
    ("Create of a service", made({"Name": "x"}, SERVICE[0]), NOT_CAPABLE),
    ("Put of a service", changed({"StartMode": "Auto"}, SERVICE), NOT_CAPABLE),
    ("Delete of a service", sent("Delete", "", SERVICE), NOT_CAPABLE),
    ("Delete of a filter", sent("Delete", "", FILTER), NOT_CAPABLE),
    ("Delete of nobody", sent("Delete", "", rule_address("nobody")), NOT_FOUND),
    ("Delete with a body", sent("Delete", body_of(RULE, {})), 2150858817),
    ("Put on nobody", changed({"Enabled": 1}, rule_address("nobody")), NOT_FOUND),
    ("Put without selectors", changed({"Enabled": 1}, (RULE, {})), 2150859002),
    ("Put with too few selectors", changed({"Enabled": 1}, (RULE, {"CreationClassName": "x"})), INSUFFICIENT),
    ("Put with a selector that is no key", changed({"Enabled": 1}, (RULE, {"InstanceID": "mine"})), UNEXPECTED),
    ("Put of a key", changed({"InstanceID": "other"}), BAD_VALUE),
    ("Put of an empty name", changed({"ElementName": ""}), BAD_VALUE),
    ("ports that are none", changed({"LocalPort": "many"}, FILTER), BAD_VALUE),
    ("a port that is too high", changed({"LocalPort": "65536"}, FILTER), BAD_VALUE),
    ("ports without a protocol that has any", changed({"Protocol": "Any"}, FILTER), BAD_VALUE),
    ("a protocol nobody knows", changed({"Protocol": "SCTPX"}, FILTER), BAD_VALUE),
    ("addresses that are none", changed({"RemoteAddress": "ten"}, (ADDRESSES, FILTER[1])), BAD_VALUE),
]


@pytest.mark.parametrize(("ask", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused_changes_nothing(host: Wire, ask: Callable[[Wire], Reply], code: int) -> None:
    before = host.shown
    reply = ask(host)
    assert reply.status == 500
    assert codes(reply)[0] == code
    after = host.shown
    assert {**after, "clock": ""} == {**before, "clock": ""}


def test_a_selector_can_hold_a_reference(host: Wire) -> None:
    """No class here has such a key, so the reference is read and then found unexpected."""
    empty = association((RULE, {"Dependent": ""}), BY_PORT)

    def asked(value: str) -> int:
        return codes(of(empty.replace('Name="Dependent">', f'Name="Dependent">{value}'))(host))[0]

    assert asked(f"<a:EndpointReference>{reference(KNOWN)}</a:EndpointReference>") == UNEXPECTED
    assert asked("<a:Nothing/>") == 2150858817
