# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_OperatingSystem, Win32_ComputerSystem, Win32_NetworkAdapterConfiguration: the machine as a whole.

Columns as recorded on Server 2003 and 2008 R2 (arrays that were NULL there are added from the class pages), later ones
from the class pages. Restarting through
WMI is a dial: nobody has confirmed whether the token of a WinRM request holds the privilege.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from ..machine.errors import ProviderError
from ..machine.filters import ADAPTER
from ..machine.machine import Machine
from .provider import Arguments, Found, Outcome, WmiClass, moment, number_of, returned, text_of
from .schema import Method, Parameter, Schema, changed, methods, properties
from .values import Moment, Row
from .wql import Condition

WBEM_E_PRIVILEGE_NOT_HELD = 0x80041062
PRIVILEGE_NOT_HELD = 1314
USERS_LOGGED_ON = 1191
REBOOT_FLAG, FORCE_FLAG = 2, 4

_OPERATING_SYSTEM = properties("""
    BootDevice BuildNumber BuildType Caption CodeSet CountryCode CreationClassName CSCreationClassName CSDVersion
    CSName CurrentTimeZone:n DataExecutionPrevention_32BitApplications:b DataExecutionPrevention_Available:b
    DataExecutionPrevention_Drivers:b DataExecutionPrevention_SupportPolicy:n Debug:b Description Distributed:b
    EncryptionLevel:n ForegroundApplicationBoost:n FreePhysicalMemory:n FreeSpaceInPagingFiles:n
    FreeVirtualMemory:n InstallDate:d LargeSystemCache:n LastBootUpTime:d LocalDateTime:d Locale Manufacturer
    MaxNumberOfProcesses:n MaxProcessMemorySize:n Name NumberOfLicensedUsers:n NumberOfProcesses:n NumberOfUsers:n
    Organization OSLanguage:n OSProductSuite:n OSType:n OtherTypeDescription PAEEnabled:b PlusProductID
    PlusVersionNumber Primary:b ProductType:n QuantumLength:n QuantumType:n RegisteredUser SerialNumber
    ServicePackMajorVersion:n ServicePackMinorVersion:n SizeStoredInPagingFiles:n Status SuiteMask:n SystemDevice
    SystemDirectory SystemDrive TotalSwapSpaceSize:n TotalVirtualMemorySize:n TotalVisibleMemorySize:n Version
    WindowsDirectory""")

_OPERATING_SYSTEM_6 = changed(
    _OPERATING_SYSTEM, "MUILanguages:[] OperatingSystemSKU:n OSArchitecture", "QuantumLength QuantumType"
)
_OPERATING_SYSTEM_8 = changed(_OPERATING_SYSTEM_6, "PortableOperatingSystem:b")

_COMPUTER_SYSTEM = properties("""
    AdminPasswordStatus:n AutomaticResetBootOption:b AutomaticResetCapability:b BootOptionOnLimit:n
    BootOptionOnWatchDog:n BootROMSupported:b BootupState Caption ChassisBootupState:n CreationClassName
    CurrentTimeZone:n DaylightInEffect:b Description DNSHostName Domain DomainRole:n EnableDaylightSavingsTime:b
    FrontPanelResetStatus:n InfraredSupported:b InitialLoadInfo:[] InstallDate:d KeyboardPasswordStatus:n
    LastLoadInfo Manufacturer Model Name NameFormat NetworkServerModeEnabled:b NumberOfProcessors:n
    OEMLogoBitmap:n[] OEMStringArray:[] PartOfDomain:b PauseAfterReset:n PowerManagementCapabilities:n[]
    PowerManagementSupported:b PowerOnPasswordStatus:n PowerState:n PowerSupplyState:n PrimaryOwnerContact
    PrimaryOwnerName ResetCapability:n ResetCount:n ResetLimit:n Roles:[] Status SupportContactDescription:[]
    SystemStartupDelay:n SystemStartupOptions:[] SystemStartupSetting:n SystemType ThermalState:n
    TotalPhysicalMemory:n UserName WakeUpType:n Workgroup""")

_COMPUTER_SYSTEM_6 = changed(_COMPUTER_SYSTEM, "AutomaticManagedPagefile:b NumberOfLogicalProcessors:n PCSystemType:n")
_COMPUTER_SYSTEM_8 = changed(_COMPUTER_SYSTEM_6, "HypervisorPresent:b")
_COMPUTER_SYSTEM_8_1 = changed(_COMPUTER_SYSTEM_8, "PCSystemTypeEx:n")
_COMPUTER_SYSTEM_10 = changed(_COMPUTER_SYSTEM_8_1, "BootStatus:n[] ChassisSKUNumber SystemFamily SystemSKUNumber")

_DC_ROLES = ["LM_Workstation", "LM_Server", "Primary_Domain_Controller", "Timesource", "NT"]

_ADAPTER = properties("""
    ArpAlwaysSourceRoute:b ArpUseEtherSNAP:b Caption DatabasePath DeadGWDetectEnabled:b DefaultIPGateway:[]
    DefaultTOS:n DefaultTTL:n Description DHCPEnabled:b DHCPLeaseExpires:d DHCPLeaseObtained:d DHCPServer DNSDomain
    DNSDomainSuffixSearchOrder:[] DNSEnabledForWINSResolution:b DNSHostName DNSServerSearchOrder:[]
    DomainDNSRegistrationEnabled:b ForwardBufferMemory:n FullDNSRegistrationEnabled:b GatewayCostMetric:n[]
    IGMPLevel:n Index:n InterfaceIndex:n IPAddress:[] IPConnectionMetric:n IPEnabled:b IPFilterSecurityEnabled:b
    IPPortSecurityEnabled:b IPSecPermitIPProtocols:[] IPSecPermitTCPPorts:[] IPSecPermitUDPPorts:[] IPSubnet:[]
    IPUseZeroBroadcast:b IPXAddress IPXEnabled:b IPXFrameType:n[] IPXMediaType:n IPXNetworkNumber:[]
    IPXVirtualNetNumber KeepAliveInterval:n KeepAliveTime:n MACAddress MTU:n NumForwardPackets:n
    PMTUBHDetectEnabled:b PMTUDiscoveryEnabled:b ServiceName SettingID TcpipNetbiosOptions:n
    TcpMaxConnectRetransmissions:n TcpMaxDataRetransmissions:n TcpNumConnections:n TcpUseRFC1122UrgentPointer:b
    TcpWindowSize:n WINSEnableLMHostsLookup:b WINSHostLookupFile WINSPrimaryServer WINSScopeID
    WINSSecondaryServer""")


_TRACKER = Method(
    "Win32ShutdownTracker",
    (
        Parameter("Timeout", "uint32"),
        Parameter("Comment", "string"),
        Parameter("ReasonCode", "uint32"),
        Parameter("Flags", "sint32"),
    ),
)
"""From Vista on (class page)."""


class OperatingSystem(WmiClass):
    """Win32_OperatingSystem. Win32ShutdownTracker does not exist on Server 2003 (class page)."""

    schema = Schema(
        "Win32_OperatingSystem",
        source="recording",
        properties=_OPERATING_SYSTEM,
        keys=("Name",),
        singleton=True,
        methods=methods(
            Method("Reboot"),
            Method("Shutdown"),
            Method("Win32Shutdown", (Parameter("Flags", "sint32"), Parameter("Reserved", "sint32"))),
            Method("SetDateTime", (Parameter("LocalDateTime", "string"),)),
        ),
    )
    _six = replace(schema, properties=_OPERATING_SYSTEM_6, methods={**schema.methods, _TRACKER.name: _TRACKER})
    _eight = replace(_six, properties=_OPERATING_SYSTEM_8, source="document")

    def schema_for(self, machine: Machine) -> Schema:
        """The columns of this release."""
        since = machine.persona.since
        return self.schema if since < (6, 0) else self._six if since < (6, 2) else self._eight

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The one instance."""
        release = machine.persona.release
        language = machine.language
        booted = machine.power.boot_time
        if machine.dials["boot_time_wobble"] == "1":
            booted += machine.rng.choice((0.0, 1.0))
        row: Row = dict(machine.persona.operating_system)
        row.update(
            {
                "BuildNumber": release.build,
                "Caption": f"{release.caption}{' Evaluation' * machine.evaluation_edition}{language.edition_mark}",
                "CodeSet": language.code_page,
                "CountryCode": language.country,
                "CreationClassName": "Win32_OperatingSystem",
                "CSCreationClassName": "Win32_ComputerSystem",
                "CSDVersion": f"Service Pack {release.service_pack}" if release.service_pack else None,
                "CSName": machine.options.name.upper(),
                "CurrentTimeZone": 0 if machine.dials["time_zone"] == "utc" else 120,
                "InstallDate": Moment(1_331_501_284.0),
                "LastBootUpTime": moment(machine, booted),
                "LocalDateTime": Moment(round(machine.host_time(machine.now()), 3)),
                "Locale": f"{language.lcid:04x}",
                "MUILanguages": [language.tag],
                "Name": release.full_name,
                "NumberOfProcesses": len(machine.processes),
                "NumberOfUsers": len(machine.logons.people()) or machine.persona.operating_system["NumberOfUsers"],
                "OperatingSystemSKU": _sku(machine),
                "OSLanguage": language.lcid,
                "ProductType": machine.product_type,
                "SerialNumber": f"69713-640-{_digits(machine.options.fqdn, 7)}-45719",
                "ServicePackMajorVersion": release.service_pack,
                "Version": release.version,
            }
        )
        return Found([row])

    def invoke(self, machine: Machine, method: str, row: Row | None, arguments: Arguments) -> Outcome:
        """Reboot and Win32Shutdown with the reboot flag; the rest is refused as a privilege would be.

        Whether people who are logged on are in the way of a restart that is not forced is a dial.
        """
        flags = REBOOT_FLAG if method == "Reboot" else number_of(arguments, "Flags")
        if method not in ("Reboot", "Win32Shutdown", "Win32ShutdownTracker") or not flags & REBOOT_FLAG:
            return returned(PRIVILEGE_NOT_HELD)
        if machine.dials["reboot"] == "returns_1314":
            return returned(PRIVILEGE_NOT_HELD)
        if machine.dials["reboot"] != "works":
            raise ProviderError(WBEM_E_PRIVILEGE_NOT_HELD)
        polite = machine.dials["restart_with_people"] == "refused_1191" and not flags & FORCE_FLAG
        if polite and machine.logons.people():
            return returned(USERS_LOGGED_ON)
        if method == "Win32ShutdownTracker":
            seconds = float(number_of(arguments, "Timeout"))
            reason = str(number_of(arguments, "ReasonCode"))
            return returned(machine.power.restart_after(seconds, text_of(arguments, "Comment") or "", reason))
        return returned(machine.power.restart())


def _sku(machine: Machine) -> int | None:
    """OperatingSystemSKU; evaluation editions have numbers of their own (class page, winnt.h)."""
    sku: int | None = machine.persona.operating_system.get("OperatingSystemSKU")
    return {4: 72, 7: 79, 8: 80}.get(sku or 0, sku) if machine.evaluation_edition else sku


def _domain_role(machine: Machine) -> int:
    """0 and 1 workstation, 2 and 3 server, 5 primary domain controller (class page)."""
    if machine.options.domain_controller:
        return 5
    return (2 if machine.persona.server else 0) + int(machine.options.domain_member)


def _digits(text: str, count: int) -> str:
    return str(int(hashlib.sha256(text.encode()).hexdigest(), 16))[:count]


class ComputerSystem(WmiClass):
    """Win32_ComputerSystem."""

    schema = Schema(
        "Win32_ComputerSystem", source="recording", properties=_COMPUTER_SYSTEM, keys=("Name",), singleton=True
    )
    _six = replace(schema, properties=_COMPUTER_SYSTEM_6)
    _eight = replace(schema, properties=_COMPUTER_SYSTEM_8, source="document")
    _eight_one = replace(_eight, properties=_COMPUTER_SYSTEM_8_1)
    _ten = replace(_eight, properties=_COMPUTER_SYSTEM_10)

    def schema_for(self, machine: Machine) -> Schema:
        """The columns of this release."""
        newer = (((10, 0), self._ten), ((6, 3), self._eight_one), ((6, 2), self._eight), ((6, 0), self._six))
        return next((schema for since, schema in newer if machine.persona.since >= since), self.schema)

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """The one instance."""
        options = machine.options
        name = options.name.upper()
        row: Row = dict(machine.persona.computer_system)
        row.update(
            {
                "Caption": name,
                "CreationClassName": "Win32_ComputerSystem",
                "CurrentTimeZone": 0 if machine.dials["time_zone"] == "utc" else 120,
                "DNSHostName": options.name,
                "Domain": options.domain if options.domain_member else "WORKGROUP",
                "DomainRole": _domain_role(machine),
                "HypervisorPresent": options.virtual,
                "Manufacturer": "VMware, Inc." if options.virtual else "HP",
                "Model": "VMware Virtual Platform" if options.virtual else "ProLiant DL380 G4",
                "Name": name,
                "PartOfDomain": options.domain_member,
                "Roles": _DC_ROLES if options.domain_controller else machine.persona.computer_system["Roles"],
                "SystemType": machine.persona.release.system_type,
                "UserName": rf"{name}\{options.user}" if machine.logons.at_console() else None,
                "Workgroup": None if options.domain_member else "WORKGROUP",
            }
        )
        return Found([row])


class AdapterConfiguration(WmiClass):
    """Win32_NetworkAdapterConfiguration: one adapter that carries IP, one that does not."""

    schema = Schema("Win32_NetworkAdapterConfiguration", source="recording", properties=_ADAPTER, keys=("Index",))

    def rows(self, machine: Machine, where: Condition | None) -> Found:
        """Both adapters."""
        empty: Row = {item.name: None for item in self.schema.properties}
        ras: Row = {
            **empty,
            "Caption": "[00000001] RAS Async Adapter",
            "Description": "RAS Async Adapter",
            "DHCPEnabled": False,
            "Index": 1,
            "IPEnabled": False,
            "IPXEnabled": False,
            "ServiceName": "AsyncMac",
            "SettingID": "{5A3C1A1E-6C5B-4B7E-9F5D-0B8E4C1E0001}",
        }
        octet = 1 + int(_digits(machine.options.fqdn, 6)) % 250
        lan: Row = {
            **empty,
            "Caption": "[00000007] HP NC7782 Gigabit Server Adapter",
            "DatabasePath": r"%SystemRoot%\System32\drivers\etc",
            "DefaultIPGateway": ["10.20.0.1"],
            "Description": "HP NC7782 Gigabit Server Adapter",
            "DHCPEnabled": False,
            "DNSDomain": machine.options.domain,
            "DNSEnabledForWINSResolution": False,
            "DNSDomainSuffixSearchOrder": [machine.options.domain],
            "DNSHostName": machine.options.name,
            "DNSServerSearchOrder": ["10.20.0.10"],
            "DomainDNSRegistrationEnabled": False,
            "FullDNSRegistrationEnabled": True,
            "GatewayCostMetric": [0],
            "Index": 7,
            "InterfaceIndex": 65539,
            "IPAddress": [f"10.20.0.{octet}"],
            "IPConnectionMetric": 10,
            "IPEnabled": True,
            "IPFilterSecurityEnabled": machine.filters.filtering(),
            "IPSecPermitIPProtocols": machine.filters.shown("RawIPAllowedProtocols"),
            "IPSecPermitTCPPorts": machine.filters.shown("TCPAllowedPorts"),
            "IPSecPermitUDPPorts": machine.filters.shown("UDPAllowedPorts"),
            "IPSubnet": ["255.255.255.0"],
            "IPXEnabled": False,
            "MACAddress": f"00:12:79:3A:5B:{octet:02X}",
            "ServiceName": "q57w2k",
            "SettingID": ADAPTER,
            "TcpipNetbiosOptions": 0,
            "WINSEnableLMHostsLookup": True,
            "WINSScopeID": "",
        }
        if machine.persona.since >= (6, 0):  # TCP/IP filtering went with Server 2003
            lan.update(dict.fromkeys(("IPSecPermitIPProtocols", "IPSecPermitTCPPorts", "IPSecPermitUDPPorts")))
        return Found([ras, lan])
