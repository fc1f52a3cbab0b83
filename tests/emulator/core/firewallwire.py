# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of firewalls need beyond the small client: open ports by port, dialling in, rules over WS-Transfer.

Knows addresses of instances (endpoint references), Create, Put, Delete, and the two filters beside WQL. Refuses to
check anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from corewire import ANONYMOUS, ENUMERATION, TRANSFER, WMI, Wire, codes, content, local, values

from emulated_windows.core import Reply

NAMESPACE = "root/StandardCimv2"
RULE = f"{WMI}{NAMESPACE}/MSFT_NetFirewallRule"
PORTS = f"{WMI}{NAMESPACE}/MSFT_NetProtocolPortFilter"
ADDRESSES = f"{WMI}{NAMESPACE}/MSFT_NetAddressFilter"
STAR = f"{WMI}{NAMESPACE}/*"
BINDING = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
ASSOCIATION = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter"
SELECTORS = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
BY_PORT = "MSFT_NetFirewallRuleFilterByProtocolPort"
BY_ADDRESS = "MSFT_NetFirewallRuleFilterByAddress"
LOCAL = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
RULES = rf"{LOCAL}\FirewallRules"

INSIDE, OUTSIDE = "10.20.0.77", "192.0.2.9"

Address = tuple[str, dict[str, str]]
"""Resource URI and selectors."""


def opened(wire: Wire, port: int | str = 1688) -> list[dict[str, Any]]:
    """What a report shows for one port."""
    return [entry for entry in wire.shown["open_ports"] if entry["port"] == port]


def passes(wire: Wire, remote: str = OUTSIDE, port: int = 1688) -> bool:
    """Does a connection get through the firewall (whether or not anything listens)?"""
    return wire.host.dial(port, remote) != "filtered"


def netsh(wire: Wire, arguments: str) -> int:
    """The exit code of a netsh command."""
    return wire.run(f"netsh {arguments}").code


def body_of(uri: str, properties: Mapping[str, Any]) -> str:
    """The body of a Put or a Create."""
    inside = ""
    for name, value in properties.items():
        for item in value if isinstance(value, list) else [value]:
            inside += f'<p:{name} xsi:nil="true"/>' if item is None else f"<p:{name}>{escape(str(item))}</p:{name}>"
    name = uri.rpartition("/")[2]
    return f'<p:{name} xmlns:p="{uri}">{inside}</p:{name}>'


def create(wire: Wire, properties: Mapping[str, Any], uri: str = RULE) -> Reply:
    """Create an instance."""
    return wire.send(uri, f"{TRANSFER}/Create", body_of(uri, properties))


def put(wire: Wire, address: Address, properties: Mapping[str, Any]) -> Reply:
    """Change some columns."""
    uri, selectors = address
    return wire.send(uri, f"{TRANSFER}/Put", body_of(uri, properties), selectors=selectors)


def delete(wire: Wire, address: Address) -> Reply:
    """Take an instance away."""
    return wire.send(address[0], f"{TRANSFER}/Delete", "", selectors=address[1])


def get(wire: Wire, address: Address) -> dict[str, Any]:
    """One instance."""
    reply = wire.send(address[0], f"{TRANSFER}/Get", "", selectors=address[1])
    assert reply.status == 200, codes(reply)
    return values(content(reply))


def address_in(element: ElementTree.Element) -> Address:
    """The address an element holds: of an instance that was made, or beside a row."""
    uri = next(found.text or "" for found in element.iter() if local(found.tag) == "ResourceURI")
    return uri, {found.get("Name", ""): found.text or "" for found in element.iter() if local(found.tag) == "Selector"}


def rule_address(rule_id: str) -> Address:
    """The address of a rule."""
    name = f"MSFT|FW|FirewallRule|{rule_id}"
    return RULE, {"CreationClassName": name, "PolicyRuleName": "", "SystemCreationClassName": "", "SystemName": ""}


def reference(address: Address) -> str:
    """The inside of an endpoint reference."""
    selectors = "".join(
        f"<w:Selector Name={quoteattr(name)}>{escape(value)}</w:Selector>" for name, value in address[1].items()
    )
    return (
        f"<a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><w:ResourceURI>{address[0]}</w:ResourceURI>"
        f"<w:SelectorSet>{selectors}</w:SelectorSet></a:ReferenceParameters>"
    )


def association(address: Address, name: str, result: str = "") -> str:
    """The inside of an association filter."""
    asked = f"<b:ResultClassName>{result}</b:ResultClassName>" if result else ""
    return (
        f'<b:AssociatedInstances xmlns:b="{BINDING}"><b:Object>{reference(address)}</b:Object>'
        f"<b:AssociationClassName>{name}</b:AssociationClassName>{asked}</b:AssociatedInstances>"
    )


def enumeration(dialect: str, inside: str, mode: str = "") -> str:
    """The body of an optimized Enumerate with a filter that is not text."""
    asked = f"<w:EnumerationMode>{mode}</w:EnumerationMode>" if mode else ""
    return (
        f"<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements>{asked}"
        f'<w:Filter Dialect="{dialect}">{inside}</w:Filter></n:Enumerate>'
    )


def items(reply: Reply) -> list[ElementTree.Element]:
    """The items of an EnumerateResponse."""
    assert reply.status == 200, codes(reply)
    return [item for child in content(reply) if local(child.tag) == "Items" for item in child]


def filter_of(wire: Wire, address: Address, name: str = BY_PORT) -> tuple[dict[str, Any], Address]:
    """The filter of a rule, found as a client finds it: columns and address."""
    reply = wire.send(
        STAR, f"{ENUMERATION}/Enumerate", enumeration(ASSOCIATION, association(address, name), "EnumerateObjectAndEPR")
    )
    (item,) = items(reply)
    return values(item[0]), address_in(item[1])
