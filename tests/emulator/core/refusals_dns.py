# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong requests to the WMI classes of a DNS server.

The labels are those of refusals.py. A `ProviderError` shows its first number, that of the fault; which HRESULT stands
inside is a dial and is tested where the dial is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from corewire import TRANSFER, WMI, Wire
from dnswire import NAMESPACE, OWNER, SRV, SRV_URI
from refusals import ASSUMED, DOCUMENTED, Refusal, changed, invocation, query
from refusals_later import NO_FILTER, NO_REPRESENTATION, NOT_SUPPORTED, R2, S2012, S2019, VISTA, written

S2003 = "server-2003-sp2-x86"
STAR = f"{WMI}{NAMESPACE}/*"
FAILED = 2150858755
CREATE = "CreateInstanceFromPropertyData"
_PAGE = "class page of MicrosoftDNS_SRVType"
_NO_ROLE = "the provider comes with the DNS Server service (installing the provider, Learn); number assumed"
_GIVEN = {
    "DnsServerName": "kms03.corp.example",
    "ContainerName": "corp.example",
    "OwnerName": OWNER,
    "RecordClass": "1",
    "TTL": "600",
    "Priority": "0",
    "Weight": "0",
    "Port": "1688",
    "SRVDomainName": "kms1.corp.example",
}
_ROW = {
    "ContainerName": "corp.example",
    "DnsServerName": "kms03.corp.example",
    "DomainName": "_tcp.corp.example",
    "OwnerName": OWNER,
    "RecordClass": "1",
    "RecordData": "0 0 1688 KMS01.corp.example.",
}


def creation(changes: Mapping[str, str | None], **how: Any) -> Callable[[Wire], bytes]:
    """CreateInstanceFromPropertyData with other parameters; None leaves one out."""
    given = {**_GIVEN, **changes}
    inside = "".join(f"<q:{name}>{value}</q:{name}>" for name, value in given.items() if value is not None)
    return invocation(SRV_URI, CREATE, inside, **how)


def dns(name: str, make: Callable[[Wire], bytes], code: int, subcode: str, source: str, **more: Any) -> Refusal:
    """A request to a DNS server."""
    return Refusal(name, make, 500, code, subcode, source, **{"persona": R2, "dns_server": True, **more})


def malformed(name: str, make: Callable[[Wire], bytes], source: str = _PAGE, **more: Any) -> Refusal:
    """A body that does not fit the class."""
    return dns(name, make, NO_REPRESENTATION, "x:InvalidRepresentation", source, **more)


def failed(name: str, make: Callable[[Wire], bytes], source: str, **more: Any) -> Refusal:
    """What the provider refuses."""
    return dns(name, make, FAILED, "w:InternalError", source, **more)


_ABSENT = tuple(
    Refusal(
        f"{what} of root/MicrosoftDNS without the role on {persona}",
        make,
        500,
        2150858752,
        "a:DestinationUnreachable",
        _NO_ROLE,
        persona=persona,
    )
    for persona in (S2003, R2, S2019)
    for what, make in (("a query", query("SELECT * FROM MicrosoftDNS_Zone", STAR)), ("a method", creation({})))
)

_CLASSES = (
    *(
        dns(
            f"MicrosoftDNS_SRVType.{name}",
            query(f"SELECT {name} FROM {SRV}", STAR),
            NO_FILTER,
            "n:CannotProcessFilter",
            "the class page has no such column; number assumed",
        )
        for name in ("Target", "NameTarget", "DomainNameTarget")
    ),
    dns(
        "MicrosoftDNS_Server.EnableDirectoryPartitions on Server 2003",
        query("SELECT EnableDirectoryPartitions FROM MicrosoftDNS_Server", STAR),
        NO_FILTER,
        "n:CannotProcessFilter",
        "class page: EnableDirectoryPartitionSupport there; number assumed",
        persona=S2003,
    ),
    dns(
        "a type of record that is not modelled",
        query("SELECT * FROM MicrosoftDNS_MXType", STAR),
        NO_FILTER,
        "n:CannotProcessFilter",
        ASSUMED,
    ),
    dns(
        "WQL on the URI of a DNS class",
        query(f"SELECT * FROM {SRV}", SRV_URI),
        2150859003,
        "a:DestinationUnreachable",
        "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL",
    ),
    dns(
        "a DNS class in root/cimv2",
        query("SELECT * FROM MicrosoftDNS_Zone"),
        NO_FILTER,
        "n:CannotProcessFilter",
        "class page: namespace root/MicrosoftDNS",
    ),
)

_METHODS = (
    malformed("the target under the name another provider has for it", creation({"DomainName": "kms1.corp.example"})),
    malformed("a parameter of a DNS method in the wrong case", creation({"Ttl": "600", "TTL": None})),
    malformed("a port beyond uint16", creation({"Port": "65536"})),
    malformed("a negative weight", creation({"Weight": "-1"})),
    malformed("the parameters of a DNS method in another namespace", creation({}, namespace=f"{SRV_URI}x")),
    dns(
        "the static method of records with selectors",
        creation({}, selectors=_ROW),
        2150858843,
        "w:InvalidSelectors",
        "class page: static",
    ),
    dns(
        "another type's method",
        invocation(SRV_URI, "CreateInstanceFromTextRepresentation", ""),
        NOT_SUPPORTED,
        "a:ActionNotSupported",
        "class page: a method of the base class, which is not modelled",
    ),
    *(
        failed(f"a record without {name}", creation({name: None}), f"{_PAGE}: not optional; number assumed")
        for name in ("DnsServerName", "ContainerName", "OwnerName", "Priority", "Weight", "Port", "SRVDomainName")
    ),
    failed("a record of another server", creation({"DnsServerName": "dc2.corp.example"}), ASSUMED),
    failed("a record of another class than IN", creation({"RecordClass": "3"}), ASSUMED),
    failed("a record in a zone that is not here", creation({"ContainerName": "other.example"}), ASSUMED),
    failed("a record outside its zone", creation({"OwnerName": "_vlmcs._tcp.other.example"}), "winerror.h: 9706"),
    failed("a record that is there", creation({"SRVDomainName": "kms01.CORP.example."}), "winerror.h: 9711"),
    failed(
        "a record that is there on 2003",
        creation({"SRVDomainName": "kms01.corp.example"}),
        "winerror.h: 9711",
        persona=S2003,
    ),
)

_INSTANCES = (
    dns(
        "Modify of no record",
        invocation(SRV_URI, "Modify", "<q:TTL>60</q:TTL>"),
        2150859002,
        "w:InvalidSelectors",
        "class page: not static",
    ),
    *(
        dns(
            f"Modify of a record without {name}",
            invocation(
                SRV_URI,
                "Modify",
                "<q:TTL>60</q:TTL>",
                selectors={key: value for key, value in _ROW.items() if key != name},
            ),
            2150858842,
            "w:InvalidSelectors",
            DOCUMENTED,
        )
        for name in ("ContainerName", "DomainName", "RecordData")
    ),
    dns(
        "Modify of a record that has gone",
        invocation(
            SRV_URI, "Modify", "<q:TTL>60</q:TTL>", selectors={**_ROW, "RecordData": "0 0 1688 x.corp.example."}
        ),
        2150858752,
        "a:DestinationUnreachable",
        "recorded on 2012 R2 for Get",
    ),
    malformed(
        "Modify of what is no parameter", invocation(SRV_URI, "Modify", "<q:OwnerName>x</q:OwnerName>", selectors=_ROW)
    ),
    *(
        dns(
            f"Delete of a record on {persona}",
            changed(SRV_URI, f"{TRANSFER}/Delete", "", selectors=_ROW),
            NOT_SUPPORTED,
            "a:ActionNotSupported",
            "MS-WSMV, appendix B: not up to 2008 R2; number assumed",
            persona=persona,
        )
        for persona in (S2003, VISTA, R2)
    ),
    *(
        dns(
            f"{verb} of a record on {persona}",
            written(SRV_URI, verb, "<q:Port>1700</q:Port>", **({"selectors": _ROW} if verb == "Put" else {})),
            2150859010,
            "a:ActionNotSupported",
            "class page: all columns are read-only; number assumed",
            persona=persona,
            cim_status=7,
        )
        for persona in (S2012, S2019)
        for verb in ("Create", "Put")
    ),
    dns(
        "Delete of a record that has gone",
        changed(SRV_URI, f"{TRANSFER}/Delete", "", selectors={**_ROW, "RecordData": "0 0 1688 x.corp.example."}),
        2150858752,
        "a:DestinationUnreachable",
        "recorded on 2012 R2 for Get",
        persona=S2019,
    ),
    dns(
        "Delete of a zone",
        changed(
            f"{WMI}{NAMESPACE}/MicrosoftDNS_Zone",
            f"{TRANSFER}/Delete",
            "",
            selectors={"ContainerName": "corp.example", "DnsServerName": "kms03.corp.example", "Name": "corp.example"},
        ),
        2150859010,
        "a:ActionNotSupported",
        "not modelled; number assumed",
        persona=S2019,
        cim_status=7,
    ),
)

REFUSALS_DNS: tuple[Refusal, ...] = _ABSENT + _CLASSES + _METHODS + _INSTANCES
