# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong requests that only some generations of Windows refuse, or refuse in another way: from Vista on.

The labels are those of refusals.py. `cim_status` is CIMStatusCode of MSFT_WmiError (DSP0223), which stands in place of
WSManFault from WinRM 3.0 on.
"""

from __future__ import annotations

from collections.abc import Callable

from corewire import HKLM, TRANSFER, WMI, Wire
from refusals import ASSUMED, DOCUMENTED, GET, OS, REGISTRY, SERVICE, Refusal, changed, invocation, query

LICENSING, PRODUCT = f"{WMI}root/cimv2/SoftwareLicensingService", f"{WMI}root/cimv2/SoftwareLicensingProduct"
STANDARD = f"{WMI}root/StandardCimv2"
RULE, PORTS = f"{STANDARD}/MSFT_NetFirewallRule", f"{STANDARD}/MSFT_NetProtocolPortFilter"
VISTA, R2, WINDOWS_7 = "server-2008-sp2", "server-2008-r2-sp1", "windows-7-sp1"
S2012, S2012_R2, S2019 = "server-2012", "server-2012-r2", "server-2019"
NOT_SUPPORTED, NO_FILTER, NO_REPRESENTATION = 2150858771, 2150858778, 2150858773
KMS_RULE = {"InstanceID": "SPPSVC-In-TCP"}
_COLUMN = "the class page or dump of this release has no such column; number assumed"
_METHOD = "the class page or dump of this release has no such method; number assumed"


def column(persona: str, class_name: str, name: str, source: str = _COLUMN) -> Refusal:
    """A query for a column a release does not have."""
    status = 15 if persona in (S2012, S2012_R2, S2019) else None
    return Refusal(
        f"{class_name}.{name} on {persona}",
        query(f"SELECT {name} FROM {class_name}"),
        500,
        NO_FILTER,
        "n:CannotProcessFilter",
        source,
        persona=persona,
        cim_status=status,
    )


def method(persona: str, uri: str, name: str, source: str = _METHOD) -> Refusal:
    """A method a release does not have."""
    return Refusal(
        f"{uri.rpartition('/')[2]}.{name} on {persona}",
        invocation(uri, name, ""),
        500,
        NOT_SUPPORTED,
        "a:ActionNotSupported",
        source,
        persona=persona,
    )


def written(class_uri: str, verb: str, inside: str, **how: object) -> Callable[[Wire], bytes]:
    """A Put or a Create."""
    name = class_uri.rpartition("/")[2]
    body = f'<q:{name} xmlns:q="{class_uri}">{inside}</q:{name}>'
    return changed(class_uri, f"{TRANSFER}/{verb}", body, **how)


def on_rule(uri: str, verb: str, inside: str = "", *, name: str = "SPPSVC-In-TCP") -> Callable[[Wire], bytes]:
    """A Put or a Delete on a predefined rule or its filter, addressed as an enumeration gives it."""
    kind = "FirewallRule"
    selectors = {
        "CreationClassName": f"MSFT|FW|{kind}|{name}",
        "PolicyRuleName": "",
        "SystemCreationClassName": "",
        "SystemName": "",
    }
    if uri == PORTS:
        selectors = {**selectors, "Name": ""}
        del selectors["PolicyRuleName"]
    if verb == "Delete":
        return changed(uri, f"{TRANSFER}/Delete", "", selectors=selectors)
    return written(uri, verb, inside, selectors=selectors)


_COLUMNS = (
    column(VISTA, "SoftwareLicensingService", "KeyManagementServiceListeningPort"),
    column(VISTA, "SoftwareLicensingService", "KeyManagementServiceDnsPublishing"),
    column(VISTA, "SoftwareLicensingProduct", "IsKeyManagementServiceMachine"),
    column(VISTA, "SoftwareLicensingProduct", "ProductKeyChannel"),
    column(R2, "SoftwareLicensingProduct", "ProductKeyChannel"),
    column(R2, "SoftwareLicensingService", "OA3xOriginalProductKey"),
    column(WINDOWS_7, "SoftwareLicensingService", "KeyManagementServiceLookupDomain"),
    column(S2019, "SoftwareLicensingService", "KeyManagementServiceActivationDisabled"),
    column(S2012_R2, "SoftwareLicensingProduct", "ProductKeyID2"),
    column(R2, "Win32_OperatingSystem", "QuantumLength", "recorded on 2008 R2: SELECT * has none; number assumed"),
    column(R2, "Win32_OperatingSystem", "PortableOperatingSystem"),
    column(R2, "Win32_ComputerSystem", "HypervisorPresent"),
    column(S2012, "Win32_ComputerSystem", "PCSystemTypeEx"),
    column(S2012_R2, "Win32_Service", "DelayedAutoStart"),
)

_METHODS = (
    method(VISTA, LICENSING, "ClearKeyManagementServiceListeningPort"),
    method(R2, LICENSING, "ClearKeyManagementServiceLookupDomain"),
    method(S2019, LICENSING, "DisableKeyManagementServiceActivation"),
    method(WINDOWS_7, PRODUCT, "ReArmSku"),
    *(
        Refusal(
            f"the parameter of another program's copy of the class on {persona}",
            invocation(LICENSING, "DisableKeyManagementServiceDnsPublishing", "<q:Disable>true</q:Disable>"),
            500,
            NO_REPRESENTATION,
            "x:InvalidRepresentation",
            "class pages and dumps: DisablePublishing",
            persona=persona,
        )
        for persona in (R2, S2019)
    ),
    *(
        Refusal(
            f"the _INPUT of another method on {persona}",
            invocation(LICENSING, "RefreshLicenseStatus", "", tag="RefreshLicenseStatusInput"),
            500,
            NO_REPRESENTATION,
            "x:InvalidRepresentation",
            "wsmerror.h: ERROR_WSMAN_INVALID_REPRESENTATION",
            persona=persona,
        )
        for persona in (VISTA, S2019)
    ),
    Refusal(
        "a negative number for uint32 on server-2019",
        invocation(REGISTRY, "EnumKey", f"<q:hDefKey>-{HKLM}</q:hDefKey>"),
        500,
        NO_REPRESENTATION,
        "x:InvalidRepresentation",
        "wsmerror.h: ERROR_WSMAN_INVALID_REPRESENTATION",
        persona=S2019,
    ),
)

_SELECTORS = (
    *(
        Refusal(
            f"a product addressed by its name on {persona}",
            invocation(PRODUCT, "Activate", "", selectors={"Name": "x"}),
            500,
            2150858843,
            "w:InvalidSelectors",
            DOCUMENTED,
            persona=persona,
        )
        for persona in (VISTA, R2, S2019)
    ),
    *(
        Refusal(
            f"the licensing service without its version on {persona}",
            invocation(LICENSING, "RefreshLicenseStatus", ""),
            500,
            2150859002,
            "w:InvalidSelectors",
            "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_SINGLETON",
            persona=persona,
        )
        for persona in (VISTA, S2019)
    ),
    Refusal(
        "a rule without its empty keys",
        changed(RULE, GET, "", selectors={"CreationClassName": "MSFT|FW|FirewallRule|SPPSVC-In-TCP"}),
        500,
        2150858842,
        "w:InvalidSelectors",
        DOCUMENTED,
        persona=S2019,
    ),
)

_TRANSFER = (
    *(
        Refusal(
            f"{verb} of an instance on {persona}",
            written(SERVICE, verb, "")
            if verb == "Create"
            else changed(SERVICE, f"{TRANSFER}/Delete", "", selectors={"Name": "Spooler"}),
            500,
            NOT_SUPPORTED,
            "a:ActionNotSupported",
            "MS-WSMV, appendix B: not up to 2008 R2; number assumed",
            persona=persona,
        )
        for persona in (VISTA, WINDOWS_7, R2)
        for verb in ("Create", "Delete")
    ),
    Refusal(
        "a firewall class before 2012",
        written(RULE, "Create", "<q:InstanceID>x</q:InstanceID>"),
        500,
        2150858752,
        "a:DestinationUnreachable",
        "class page: from Server 2012 on; number assumed",
        persona=R2,
    ),
    Refusal(
        "Create of what only Windows creates",
        written(SERVICE, "Create", ""),
        500,
        2150859010,
        "a:ActionNotSupported",
        ASSUMED,
        persona=S2019,
        cim_status=7,
    ),
    Refusal(
        "Create of a filter",
        written(PORTS, "Create", "<q:LocalPort>1688</q:LocalPort>"),
        500,
        2150859010,
        "a:ActionNotSupported",
        "a filter comes with its rule (class page); number assumed",
        persona=S2019,
        cim_status=7,
    ),
    Refusal(
        "Create of a rule that is there",
        written(RULE, "Create", "<q:InstanceID>SPPSVC-In-TCP</q:InstanceID><q:ElementName>x</q:ElementName>"),
        500,
        2150858803,
        "w:AlreadyExists",
        "a client in daily use meets CIMStatusCode 11 on Windows 10; number assumed",
        persona=S2019,
        cim_status=11,
    ),
    Refusal(
        "Create with selectors",
        written(RULE, "Create", "<q:InstanceID>x</q:InstanceID>", selectors=KMS_RULE),
        500,
        2150858843,
        "w:InvalidSelectors",
        ASSUMED,
        persona=S2019,
    ),
    Refusal(
        "Put of a column the class does not have",
        on_rule(RULE, "Put", "<q:Colour>red</q:Colour>"),
        500,
        NO_REPRESENTATION,
        "x:InvalidRepresentation",
        "wsmerror.h: ERROR_WSMAN_INVALID_REPRESENTATION",
        persona=S2019,
    ),
    Refusal(
        "Put of a column in the wrong case",
        on_rule(RULE, "Put", "<q:enabled>1</q:enabled>"),
        500,
        NO_REPRESENTATION,
        "x:InvalidRepresentation",
        "Learn: names must match exactly",
        persona=S2019,
    ),
    Refusal(
        "Put of a value that does not exist",
        on_rule(RULE, "Put", "<q:Enabled>3</q:Enabled>"),
        500,
        2150859038,
        "w:InvalidParameter",
        "class page: 1 and 2; number assumed",
        persona=S2019,
        cim_status=4,
    ),
    Refusal(
        "Put of a port without a protocol",
        on_rule(PORTS, "Put", "<q:Protocol>Any</q:Protocol><q:LocalPort>1688</q:LocalPort>"),
        500,
        2150859038,
        "w:InvalidParameter",
        "New-NetFirewallRule: ports need TCP or UDP; number assumed",
        persona=S2019,
        cim_status=4,
    ),
    Refusal(
        "Delete of a rule that is not there",
        on_rule(RULE, "Delete", name="nothing"),
        500,
        2150858752,
        "a:DestinationUnreachable",
        "recorded on 2012 R2 for Get",
        persona=S2012_R2,
    ),
)

_QUERIES = (
    *(
        Refusal(
            f"WQL on a class URI on {persona}",
            query("SELECT Version FROM Win32_OperatingSystem", OS),
            500,
            2150859003,
            "a:DestinationUnreachable",
            "wsmerror.h: ERROR_WSMAN_INVALID_URI_WMI_ENUM_WQL",
            persona=persona,
        )
        for persona in (VISTA, S2019)
    ),
    Refusal(
        "an unknown class on server-2019",
        query("SELECT * FROM Win32_Nothing"),
        500,
        NO_FILTER,
        "n:CannotProcessFilter",
        "recorded on 2008 R2; CIMStatusCode by DSP0223",
        persona=S2019,
        cim_status=5,
    ),
)

REFUSALS_LATER: tuple[Refusal, ...] = _COLUMNS + _METHODS + _SELECTORS + _TRANSFER + _QUERIES
