# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dials: one for everything nobody has confirmed about a release of Windows.

Knows each dial's possible settings (the first is the default), what it means and why it is a dial, and how a seed
turns them. Refuses to know how a setting is acted upon: that stands where the behaviour stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Dial:
    """One open question and the answers a client has to survive."""

    name: str
    settings: tuple[str, ...]
    meaning: str
    drawn: bool = True
    """Does a seed turn it? Not where a setting is a choice of the estate rather than a property of Windows."""
    since: str = ""
    """The first generation that has this question, "" for all."""
    until: str = ""
    """The last generation that has it, "" for all."""

    @property
    def default(self) -> str:
        """The setting used when nobody says otherwise."""
        return self.settings[0]


_WIRE = (
    Dial(
        "class_missing",
        ("cannot_process_filter", "nested_invalid_class", "destination_unreachable"),
        "Which numbers the fault carries when WQL names a class that does not exist.",
    ),
    Dial(
        "class_missing_by_uri",
        ("not_found", "invalid_resource_uri", "nested_invalid_class"),
        "Which numbers the fault carries when a resource URI names a class that does not exist.",
    ),
    Dial(
        "empty_enumeration",
        ("no_items", "empty_items", "context_then_pull"),
        "How an enumeration without rows is answered.",
    ),
    Dial(
        "paging",
        ("all_at_once", "one_then_pull"),
        "Everything in the EnumerateResponse (recorded on 2003), or one row and a context (recorded on 2008 R2).",
    ),
    Dial(
        "hresult_place",
        ("nested_code", "outer_code", "text_token", "return_value", "extended_status"),
        "Where the HRESULT of a provider stands when a method fails.",
    ),
    Dial(
        "error_detail",
        ("msft_wmi_error", "wsman_fault"),
        "Whether WMI's errors stand in MSFT_WmiError instead of WSManFault (a missing instance never does: recorded).",
        since="6.2",
    ),
    Dial(
        "error_namespace",
        ("cim_schema", "own_namespace", "storage"),
        "Namespace of MSFT_WmiError: clients in use have met several.",
        since="6.2",
    ),
    Dial("null_array_output", ("nil", "omitted"), "How an output parameter that is a NULL array is written."),
    Dial(
        "cim_create_refusal",
        ("action_not_supported", "provider_not_capable"),
        "Which fault refuses Create and Delete of CIM instances up to 2008 R2.",
        until="6.1",
    ),
    Dial(
        "instance_create",
        ("works", "refused"),
        "Whether Create and Delete of CIM instances work: shown on Windows 10 only, by nobody on 2012 and 2012 R2.",
        drawn=False,
        since="6.2",
        until="6.3",
    ),
    Dial("exit_code_form", ("signed", "unsigned"), "How an exit code above 0x7FFFFFFF is written in rsp:ExitCode."),
    Dial("time_zone", ("utc", "offset"), "Date and time with Z, or with the offset of a zone two hours ahead."),
    Dial("allow_unencrypted", ("no", "yes"), "WinRM service setting AllowUnencrypted.", drawn=False),
)

_SYSTEM = (
    Dial("value_missing", ("2", "1"), "StdRegProv's ReturnValue for a value that does not exist in an existing key."),
    Dial(
        "reboot",
        ("works", "privilege_not_held_fault_0x80041062", "returns_1314"),
        "Whether the token of a WinRM request may restart the machine through WMI.",
    ),
    Dial(
        "restart_with_people",
        ("goes_ahead", "refused_1191"),
        "Whether a restart through WMI that is not forced is refused while people are logged on.",
    ),
    Dial("reboot_answer", ("answered", "connection_lost"), "Whether a forced restart still gets its answer out."),
    Dial("boot_time_wobble", ("0", "1"), "Seconds by which LastBootUpTime moves between two readings."),
    Dial("clock_offset", ("0", "5400"), "Seconds by which the clock of the host is ahead of the true time."),
    Dial("qfe_noise", ("none", "file_1_rows"), "Rows of Win32_QuickFixEngineering named 'File 1'.", until="5.2"),
    Dial(
        "pending_renames",
        ("none", "unrelated"),
        "A PendingFileRenameOperations value that no update of ours has written.",
    ),
)

_UPDATES = (
    Dial(
        "installed_witness",
        ("registry_sp3_and_qfe", "qfe_only", "registry_sp2_only", "registry_sp3_only"),
        "Where an installed update.exe package can be seen.",
        until="5.2",
    ),
    Dial(
        "volatile_mark",
        ("value", "subkey", "none"),
        "Shape of UpdateExeVolatile while a restart is pending.",
        until="5.2",
    ),
    Dial("kms10_restart", ("required", "not_required"), "Whether KMS 1.0 works only after a restart.", until="5.2"),
    Dial(
        "kms10_before_restart",
        ("class_present", "class_absent"),
        "Whether the licensing classes exist between the installation of KMS 1.0 and that restart.",
        until="5.2",
    ),
    Dial(
        "kms10_exit_code", ("3010", "0"), "Exit code of the KMS 1.0 package where a restart is required.", until="5.2"
    ),
    Dial(
        "kms_in_vm",
        ("refused_by_1_0", "allowed", "refused"),
        "Which versions refuse a host key in a virtual machine (0xC004F06B); matters where virtual is set.",
        until="6.0",
    ),
)

_LICENSING = (
    Dial(
        "licensing_service",
        ("sppsvc", "slsvc"),
        "Name of the licensing service of the KMS for Server 2003.",
        until="5.2",
    ),
    Dial(
        "licensing_registry",
        ("SL", "SPP", "both_SL_effective", "both_SPP_effective", "SL_made_at_first_start", "SPP_made_at_first_start"),
        "Which licensing key exists in the registry and which one the service reads.",
        until="5.2",
    ),
    Dial(
        "licensing_members",
        ("vista", "windows_7"),
        "Whether the WMI classes look as on Vista (no port, publishing or priority) or as on Windows 7.",
        until="5.2",
    ),
    Dial(
        "assumed_columns",
        ("accepted", "refused"),
        "Whether a column that a class whose members are only assumed may not have is answered with NULL or refused.",
    ),
    Dial(
        "licensing_stopped",
        ("fault", "starts_itself", "no_rows"),
        "What a query of the licensing classes gets while the licensing service does not run.",
        until="6.0",
    ),
    Dial("service_version", ("6.0", "5.2"), "First numbers of SoftwareLicensingService.Version.", until="5.2"),
    Dial("application_id", ("windows_55c9", "other"), "ApplicationID of the KMS product rows.", until="5.2"),
    Dial(
        "description_form",
        ("plain", "with_group"),
        "Whether descriptions all read VOLUME_KMS channel or name the key group.",
        until="5.2",
    ),
    Dial("host_flag", ("at_installation", "at_activation"), "When IsKeyManagementServiceMachine becomes 1."),
    Dial("status_after_key", ("2", "0", "5"), "LicenseStatus of a host key that is not yet activated."),
    Dial(
        "unlicensed_reason",
        ("0xC004F034", "0xC004E003"),
        "LicenseStatusReason beside status 0 where there is a key (without one: 0xC004F014).",
    ),
    Dial(
        "status_shown",
        ("at_once", "after_refresh"),
        "When an accepted activation shows as LicenseStatus 1: at once, or after RefreshLicenseStatus or a minute.",
    ),
    Dial(
        "auto_activation",
        ("on", "off"),
        "Whether Windows activates a fresh host key by itself where Activation\\Manual is absent or 0.",
    ),
    Dial(
        "auto_activation_after",
        ("25", "0"),
        "Seconds until it does, after a key, a start of the service or other hardware. With 0 a Manual that is written"
        " after the key comes too late.",
    ),
    Dial("activation_duration", ("short", "beyond_timeout"), "Whether online activation ends within MaxTimeoutms."),
    Dial("refresh_license_status", ("ok", "fault"), "Whether RefreshLicenseStatus succeeds on 2003.", until="5.2"),
    Dial(
        "installation_id_shown",
        ("keyed_rows", "every_row"),
        "Whether products without a key show an OfflineInstallationId too.",
    ),
    Dial("installation_id_digits", ("54", "63"), "Length of OfflineInstallationId."),
    Dial(
        "installation_id_depends_on",
        ("hardware_and_key", "also_each_installation"),
        "Whether installing the same key anew gives another installation ID on the same hardware.",
    ),
    Dial(
        "after_hardware_change",
        ("3_0x4004F00D", "3_0xC004F00F", "5_0xC004F00F"),
        "LicenseStatus and LicenseStatusReason of an activated host key once the hardware is another; 5: grace over.",
    ),
    Dial(
        "hardware_counts_as",
        ("same_host", "another_host"),
        "Whether Microsoft counts a machine on other hardware as one more host of the key.",
    ),
    Dial(
        "malformed_confirmation_id",
        ("by_kind", "0xC004F04D", "0x80070057"),
        "What refuses a confirmation ID that is not 48 digits; by kind: characters 0xC004F02C, length 0xC004F02F.",
    ),
    Dial(
        "foreign_confirmation_id",
        ("0xC004F04D", "0xC004F031", "0xC004F07E", "0xC004F07F"),
        "What refuses a confirmation ID that is well-formed and belongs to another host, key or hardware.",
    ),
    Dial(
        "wrong_clock",
        ("0x80072F8F", "0xC004F06C", "works"),
        "What online activation meets where the clock is a day or more off; matters where clock_offset is set.",
    ),
    Dial(
        "wow6432_root",
        ("present", "absent"),
        "Whether the licensing key exists below Wow6432Node too; matters on x64.",
    ),
    Dial(
        "kms_listens",
        ("with_key", "always", "after_service_start"),
        "When TCP 1688 is open and the host publishes itself: as soon as there is a host key, open even before, or once"
        " the licensing service has been started with a key.",
    ),
    Dial(
        "kms_ends",
        ("at_once", "at_service_start"),
        "Whether the host stops listening with its last host key or goes on until the licensing service starts anew.",
    ),
    Dial(
        "unknown_group",
        ("0xC004F050", "0xC004F015", "0xC004F069"),
        "What refuses a host key of a group this Windows has no licences for.",
        since="6.0",
    ),
    Dial(
        "key_used_too_early",
        ("spoilt", "forgiven"),
        "Whether a key that was tried before KB968912 is refused after it too (the article says so).",
        since="6.0",
        until="6.0",
    ),
    Dial(
        "count_after_new_key",
        ("unknown", "zero"),
        "The count after another host key, activated or not, until the first client asks: 4294967295 or 0.",
    ),
    Dial(
        "old_host_key",
        ("replaced", "stays"),
        "Whether the product row of the host key before keeps its key when a host key of another group is installed.",
    ),
    Dial(
        "own_product",
        ("kms_client", "retail"),
        "Under which key a machine runs before it gets a host key.",
        since="6.0",
    ),
    Dial(
        "own_key_after_host_key",
        ("gone", "stays"),
        "Whether the machine's own product row keeps its key when a host key is installed.",
        since="6.0",
    ),
    Dial(
        "key_after_uninstall",
        ("none", "own"),
        "Whether the machine's own key, where it has gone, comes back when the last host key is uninstalled.",
        since="6.0",
    ),
    Dial(
        "office_pack_missing",
        ("0xC004F069", "0xC004F015"),
        "What refuses a host key for Office whose licence pack is not installed.",
        since="6.2",
    ),
    Dial(
        "office_application",
        ("0ff1ce15", "0ff1ce16"),
        "First part of ApplicationID of the products of KMS for Office 2016 and later.",
        since="6.2",
    ),
    Dial(
        "publish_list",
        ("replaces_home", "adds_home"),
        "Whether DnsDomainPublishList suspends publishing in the home domain (the pages disagree).",
    ),
    Dial(
        "published_before",
        ("replaced", "stays"),
        "Whether a host takes its former record away when it publishes itself with another port, priority or weight.",
    ),
    Dial("published_ttl", ("3600", "1200"), "TTL of the record a host publishes of itself; no page names it."),
    Dial(
        "publish_list_numbers",
        ("ignored", "part_of_name"),
        "What priority and weight in DnsDomainPublishList are to a release that does not know them.",
        until="6.0",
    ),
    Dial(
        "publishing_ends",
        ("record_stays", "record_goes"),
        "Whether a host takes its record away once publishing is off or its last host key has gone. No page says so,"
        " and guides tell administrators to do it by hand: to be chosen, never drawn.",
        drawn=False,
    ),
    Dial(
        "publishing_refused",
        ("0x8007232D", "0x80072338", "0x80072339", "0x8007232A", "0x80070005"),
        "Which HRESULT event 12293 has where the DNS server refuses the account of the host.",
    ),
    Dial("publishing_hresult", ("upper", "lower"), "Letter case of the HRESULT in event 12293."),
    Dial(
        "publishing_failed_level",
        ("information", "warning", "error"),
        "Level of event 12293; its message id is one of an information.",
    ),
    Dial(
        "licensing_event_source",
        ("usual", "other"),
        "Whether SourceName of these events is the provider's, or the classic source's.",
    ),
    Dial(
        "port_shown",
        ("configured", "in_force"),
        "Whether KeyManagementServiceListeningPort shows the registry's value or the one read at the service's start.",
    ),
    Dial(
        "required_count",
        ("25", "5"),
        "RequiredClientCount: the highest threshold among the clients that have asked; 5 where only servers have.",
        drawn=False,
    ),
    Dial(
        "publishing_read",
        ("at_each_publication", "at_service_start"),
        "When DisableDnsPublishing is read.",
        drawn=False,
    ),
    Dial(
        "microsoft",
        ("reachable", "name_not_resolved", "timed_out"),
        "Whether the host reaches the activation servers.",
        drawn=False,
    ),
)

_INSTALLERS = (
    Dial(
        "kms12_service_pack",
        ("2", "1"),
        "The lowest service pack KMS 1.2 installs on; its articles contradict each other.",
        until="5.2",
    ),
    Dial(
        "kms12_edition",
        ("supported", "refused"),
        "Whether KMS 1.2 supports the edition; KB968915 says `not all editions`, the list was not readable.",
        drawn=False,
        until="5.2",
    ),
    Dial("uninstall_key", ("present", "absent"), "Whether update.exe leaves an Uninstall key (ARP link).", until="5.2"),
    Dial("kms_mof_folder", ("wbem", "system32"), "The folder of Sppwmi.mof; KB948003 names none.", until="5.2"),
    Dial(
        "kms_files",
        ("new", "old"),
        "Whether the files are those of the update, or older ones somebody has restored: then the witnesses disagree.",
        drawn=False,
        until="5.2",
    ),
    Dial(
        "foreign_windows_update",
        ("none", "pending"),
        "Windows Update has installed something and waits for a restart (RebootRequired).",
        drawn=False,
    ),
    Dial(
        "foreign_servicing",
        ("none", "pending"),
        "Somebody has installed a package or a role and not restarted (RebootPending).",
        drawn=False,
        since="6.0",
    ),
    Dial(
        "msu_effect",
        ("after_restart", "at_service_start"),
        "When a KMS update in an .msu begins to work: after a restart (3010) or at the next service start (0).",
        since="6.0",
    ),
    Dial(
        "already_installed",
        ("0", "0x00240006", "0x800f081e"),
        "What servicing answers to a package that is installed.",
        since="6.0",
    ),
    Dial(
        "servicing_busy",
        ("0xf0801", "0x80240016"),
        "What servicing answers while it installs another package.",
        since="6.0",
    ),
    Dial(
        "servicing_goes_on",
        ("no", "yes"),
        "Whether an installation ends well when the program that asked for it is killed.",
        since="6.0",
    ),
    Dial(
        "rollup_prerequisite",
        ("checked", "not_checked"),
        "Whether the rollups for 8.1 and 2012 R2 are not applicable without KB2919355.",
        since="6.3",
        until="6.3",
    ),
    Dial(
        "qfe_before_restart",
        ("shown", "hidden"),
        "Whether a package is listed in Win32_QuickFixEngineering before the restart it waits for.",
        since="6.0",
    ),
    Dial(
        "qfe_installed_on",
        ("us_date", "filetime"),
        "How InstalledOn of Win32_QuickFixEngineering is written on Vista and Server 2008.",
        since="6.0",
        until="6.0",
    ),
    Dial(
        "cmd_waits_for_windows",
        ("no", "yes"),
        "Whether cmd.exe /c waits for pkgmgr, a program without a console, where nobody says start /w.",
        since="6.0",
        until="6.0",
    ),
)

_FIREWALL = (
    Dial(
        "rules_written_to_registry",
        ("after_service_start", "at_once"),
        "When the firewall service notices a rule that somebody has written into the registry.",
        since="6.0",
    ),
    Dial(
        "workgroup_profile",
        ("Public", "Private"),
        "The firewall profile of a host that is in no domain.",
        since="6.0",
    ),
    Dial("netsh_rule_id", ("guid", "name"), "The id of a rule that netsh advfirewall has added.", since="6.0"),
    Dial(
        "netsh_group",
        ("text_or_resource", "text_only"),
        "Whether netsh advfirewall finds a rule group by its resource string (@FirewallAPI.dll,-28002).",
        since="6.0",
    ),
    Dial(
        "old_kms_rule_id",
        ("slsvc", "sppsvc", "guid"),
        "The id of the predefined KMS exception before 6.2, which nobody has published.",
        since="6.0",
        until="6.1",
    ),
    Dial(
        "old_kms_rule_program",
        ("service", "none"),
        "Whether that exception is bound to the licensing service.",
        since="6.0",
        until="6.1",
    ),
    Dial(
        "kms_rule_split",
        ("as_on_clients", "one_for_all_profiles"),
        "Whether the KMS exception of a server is split by profile and scope as the one of a client is.",
        since="6.2",
    ),
    Dial(
        "filter_by_instance_id",
        ("works", "no_rows", "refused"),
        "WQL on a filter class of the firewall by InstanceID.",
        since="6.2",
    ),
    Dial(
        "filter_protocol",
        ("name_or_number", "name_only", "shown_as_number"),
        "Whether MSFT_NetProtocolPortFilter takes `6` for TCP, and whether it shows it that way.",
        since="6.2",
    ),
    Dial(
        "filter_addresses",
        ("mask", "prefix"),
        "How MSFT_NetAddressFilter shows a network: 10.0.0.0/255.0.0.0 or 10.0.0.0/8.",
        since="6.2",
    ),
)

_DNS_SERVER = (
    Dial(
        "dns_namespace_missing",
        ("not_found", "nested_invalid_namespace"),
        "Which numbers the fault carries where the namespace root/MicrosoftDNS does not exist.",
    ),
    Dial(
        "dns_access",
        ("granted", "0x80041003", "0x80070005"),
        "Whether the administrator may do anything at the DNS server (DnsAdmins, rights on the namespace), or what"
        " refuses him: to be chosen, never drawn.",
        drawn=False,
    ),
    Dial(
        "dns_last_key",
        ("RecordData", "TextRepresentation"),
        "The last key of MicrosoftDNS_SRVType beside ContainerName, DnsServerName, DomainName, OwnerName, RecordClass.",
    ),
    Dial("dns_time_stamp", ("Timestamp", "TimeStamp"), "How WMI spells the column of the time stamp."),
    Dial("dns_letter_case", ("as_stored", "lower"), "Letter case of names in the rows of records."),
    Dial("dns_target_dot", ("with", "without"), "Whether SRVDomainName and RecordData end with a dot."),
    Dial(
        "dns_domain_name",
        ("parent", "zone"),
        "DomainName of a record: the name above its owner (a program in use asks so), or the zone.",
    ),
    Dial(
        "dns_integrated_zone",
        ("type_1", "type_0"),
        "ZoneType of a primary zone in the directory; the class page lists `DS integrated` first.",
    ),
    Dial(
        "dns_no_such_zone",
        ("no_rows", "0x80041002"),
        "What a query for records in a zone the server does not have gets.",
    ),
    Dial(
        "dns_zone_unknown",
        ("0x80072581", "0x80041001", "0x80041002"),
        "What refuses to create a record in a zone the server does not have.",
    ),
    Dial(
        "dns_record_exists",
        ("0x800725EF", "0x80041001", "no_change"),
        "What creating a record that exists gets; or nothing happens.",
    ),
    Dial(
        "dns_return_value",
        ("none", "0"),
        "Whether the methods of MicrosoftDNS_SRVType, which are void, answer with a ReturnValue all the same.",
    ),
    Dial(
        "dns_wmi_record",
        ("static", "ages"),
        "Whether a record made through WMI has a time stamp. (By the white paper only dynamic updates make them.)",
    ),
    Dial("dns_modified_record", ("static", "kept", "new"), "What Modify makes of the time stamp of a record."),
    Dial(
        "dns_instance_delete",
        ("works", "not_capable"),
        "Whether Delete of a record reaches the provider of root/MicrosoftDNS.",
        since="6.2",
    ),
    Dial(
        "dnscmd",
        ("present", "absent"),
        "Whether a DNS server has dnscmd: Support Tools on 2003, management tools of the role later.",
    ),
    Dial("dnscmd_exit_code", ("status", "zero"), "Whether dnscmd exits with the error of the DNS service, or with 0."),
    Dial(
        "dnscmd_target",
        ("relative", "absolute"),
        "What a target without a last dot means to dnscmd: a name in the zone, or a full name.",
    ),
)

GENERATIONS = ("5.2", "6.0", "6.1", "6.2", "6.3", "10.0")
ALL: tuple[Dial, ...] = _WIRE + _SYSTEM + _UPDATES + _LICENSING + _INSTALLERS + _FIREWALL + _DNS_SERVER
BY_NAME: Mapping[str, Dial] = {dial.name: dial for dial in ALL}


def for_generation(
    generation: str, defaults: Mapping[str, str], ruled_out: Mapping[str, str] | None = None
) -> dict[str, tuple[str, ...]]:
    """The dials a generation has with their settings; a release's own default comes first.

    `ruled_out`: by dial a setting that a release is known not to have. Raises ValueError for a default of a dial or a
    setting that does not exist.
    """
    never = ruled_out or {}
    found = {}
    here = GENERATIONS.index(generation)
    for dial in ALL:
        first = GENERATIONS.index(dial.since) if dial.since else 0
        last = GENERATIONS.index(dial.until) if dial.until else len(GENERATIONS)
        if first <= here <= last:
            default = defaults.get(dial.name, dial.default)
            possible = [setting for setting in dial.settings if setting != never.get(dial.name)]
            if default not in possible:
                raise ValueError(f"dial {dial.name} can be {', '.join(possible)}, not {default!r}")
            found[dial.name] = (default, *(setting for setting in possible if setting != default))
    if unknown := {*defaults, *never} - set(found):
        raise ValueError(f"generation {generation} has no dial called {', '.join(sorted(unknown))}")
    return found


def _drawn(possible: tuple[str, ...], text: str) -> str:
    """A draw of its own for each dial, so that neither fixing one by hand nor a new dial turns the others."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return possible[int.from_bytes(digest, "big") % len(possible)]


def turn(
    table: Mapping[str, tuple[str, ...]], explicit: Mapping[str, str], seed: int | None, host: str
) -> dict[str, str]:
    """The settings in force: what is explicit, the rest drawn from the seed, or each dial's default.

    `table`: the dials there are with their settings, the default first. Raises ValueError, with a sentence, for a dial
    or a setting that does not exist.
    """
    unknown = set(explicit) - set(table)
    if unknown:
        raise ValueError(f"{host}: no dial is called {', '.join(sorted(unknown))}")
    settings = {}
    for name, possible in table.items():
        drawn = possible[0] if seed is None or not BY_NAME[name].drawn else _drawn(possible, f"{seed} {host} {name}")
        setting = explicit.get(name, drawn)
        if setting not in possible:
            raise ValueError(f"{host}: dial {name} can be {', '.join(possible)}, not {setting!r}")
        settings[name] = setting
    return settings
