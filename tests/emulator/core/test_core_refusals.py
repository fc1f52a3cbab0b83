# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the table of wrong requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from corewire import (
    ENUMERATION,
    MESSAGE_ID,
    TRANSFER,
    WMI,
    Wire,
    cim_status,
    codes,
    enumerate_body,
    envelope,
    headers,
    parse,
    subcode,
)
from dnswire import make_zone
from refusals import REFUSALS, Refusal
from refusals_dns import REFUSALS_DNS
from refusals_later import REFUSALS_LATER

from emulated_windows.core import VirtualClock

MakeWire = Callable[..., Wire]
ROWS = REFUSALS + REFUSALS_LATER + REFUSALS_DNS


def test_the_table_is_long_enough_and_says_where_it_comes_from() -> None:
    assert len(ROWS) >= 50
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.source for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_refused_as_windows_refuses(wire: MakeWire, row: Refusal) -> None:
    dials = dict(row.dials)
    start, clock = dials.pop("start", "bare"), VirtualClock()
    zones = [make_zone(clock, published=True)] if row.dns_server else []
    host = wire(persona=row.persona, start=start, dials=dials, clock=clock, zones=zones, dns_server=row.dns_server)
    request = row.make(host)
    before = host.shown
    reply = host.raw(request, **row.how)
    assert reply.status == row.status
    if row.code is None:
        assert reply.body == b""
    else:
        assert codes(reply)[0] == row.code
        assert subcode(reply) == row.subcode
    assert cim_status(reply) == row.cim_status
    after = host.shown
    for volatile in ("clock",):
        before.pop(volatile)
        after.pop(volatile)
    assert after == before  # what is refused changes nothing


def test_a_fault_relates_to_its_request_and_names_the_machine(wire: MakeWire) -> None:
    host = wire()
    reply = host.enumerate("SELECT * FROM Win32_Nothing")
    root = parse(reply.body)
    assert [element.text for element in root[0] if element.tag.endswith("}RelatesTo")] == [MESSAGE_ID]
    machines = [element.get("Machine") for element in root.iter() if element.tag.endswith("}WSManFault")]
    assert machines == ["kms03", "kms03"]


def test_a_request_with_every_header_is_not_refused(wire: MakeWire) -> None:
    """What the table's requests are variations of works."""
    assert wire().enumerate("SELECT Version FROM Win32_OperatingSystem").status == 200


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("cannot_process_filter", (2150858778, [2150858778, 2150858778])),
        ("nested_invalid_class", (2150858778, [2150858778, 0x80041010])),
        ("destination_unreachable", (2150858752, [2150858752, 2150858752])),
    ],
)
def test_a_missing_class_by_dial(wire: MakeWire, setting: str, expected: tuple[int, list[int]]) -> None:
    reply = wire(dials={"class_missing": setting}).enumerate("SELECT * FROM SoftwareLicensingProduct")
    assert (codes(reply)[0], codes(reply)) == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("not_found", [2150858752, 2150858752]),
        ("invalid_resource_uri", [2150858811, 2150858811]),
        ("nested_invalid_class", [2150858752, 0x80041010]),
    ],
)
def test_a_missing_class_in_a_resource_uri_by_dial(wire: MakeWire, setting: str, expected: list[int]) -> None:
    dials = {"class_missing_by_uri": setting}
    reply = wire(dials=dials).invoke("SoftwareLicensingService", "RefreshLicenseStatus")
    assert codes(reply) == expected
    reply = wire(persona="server-2019", dials=dials).invoke("Win32_Nothing", "Do")
    assert (codes(reply), cim_status(reply)) == ([expected[1]], 5)


@pytest.mark.parametrize("persona", ["server-2012", "server-2012-r2"])
def test_nobody_has_shown_create_on_2012(wire: MakeWire, persona: str) -> None:
    uri = f"{WMI}root/StandardCimv2/MSFT_NetFirewallRule"
    body = f'<q:MSFT_NetFirewallRule xmlns:q="{uri}"><q:InstanceID>x</q:InstanceID><q:ElementName>x</q:ElementName>'
    body += "</q:MSFT_NetFirewallRule>"
    for setting, status in (("works", 200), ("refused", 500)):
        host = wire(persona=persona, dials={"instance_create": setting})
        assert host.send(uri, f"{TRANSFER}/Create", body).status == status
        assert host.invoke("Win32_Service", "InterrogateService", selectors={"Name": "WinRM"}).status == 200
    assert (codes(host.send(uri, f"{TRANSFER}/Create", body))[0], setting) == (2150858771, "refused")


def test_unencrypted_is_accepted_where_the_estate_says_so(wire: MakeWire) -> None:
    request = envelope(
        headers(f"{WMI}root/cimv2/*", f"{ENUMERATION}/Enumerate"),
        enumerate_body("SELECT Version FROM Win32_OperatingSystem"),
    )
    assert wire(dials={"allow_unencrypted": "yes"}).raw(request, encrypted=False).status == 200
    assert wire(dials={"allow_unencrypted": "no"}).raw(request, encrypted=False).status == 500


def test_identify_tells_strangers_no_version(wire: MakeWire) -> None:
    host = wire()
    identify = (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body><i:Identify '
        b'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/></s:Body></s:Envelope>'
    )
    known, stranger = host.raw(identify), host.raw(identify, user="", encrypted=False, anonymous=True)
    assert b"OS: 5.2.3790 SP: 2.0 Stack: 2.0" in known.body
    assert b"OS: 0.0.0 SP: 0.0 Stack: 2.0" in stranger.body
    assert known.event.operation == "identify"


def test_resource_uris_do_not_mind_case(wire: MakeWire) -> None:
    host = wire()
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/ROOT/CIMV2/win32_operatingsystem"
    assert host.send(uri, "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", "").status == 200
