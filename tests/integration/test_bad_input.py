# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a user can get wrong: refused before anything is changed, in one sentence that helps.

One run of ansible-playbook makes every mistake of the table below, against emulated Windows and a real BIND; the tests
look at what each task registered, and at the estate and the zone as witnesses that nothing was changed. What is offered
for an option that has another purpose is never repeated: it may be a secret in the wrong line.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import bind_server
import pytest
import sentences
import winrm
from estate import HOST_KEY, PASSWORD, USER, Data, Estate, Play, host_options, serving

CANARY = "Xq7-Hunter2-canary"  # a secret in the wrong option
BASE64_CANARY = "Y2FuYXJ5IG9mIHRoZSB0ZXN0cw=="
WRONG_SECRET = "d3JvbmcsIGJ1dCBiYXNlNjQgYWxsIHRoZSBzYW1l"
OTHER_KEY = "BCDFG-HJKMP-QRTVW-XY234-BBBBB"
# Public: Windows Server 2008 R2 Enterprise, Microsoft Learn "Key Management Services (KMS) client activation keys".
SETUP_KEY = "489J6-VHDMP-X63PK-3K798-CPX3Y"


@dataclasses.dataclass(frozen=True)
class Mistake:
    """One task that must not work.

    Attributes:
        id: its name here.
        module: of this collection.
        options: what it is given; for `host` beside a rollout that would work.
        error: the name of the error.
        says: what the sentence must name.
        host: a host of the inventory below.
        task: more keywords of the task.
    """

    id: str
    module: str
    options: Data
    error: str
    says: tuple[str, ...]
    host: str = "bare"
    task: Data = dataclasses.field(default_factory=dict)


def publish(**other: t.Any) -> Data:
    """A publication that would work, but for these."""
    right = {"zone": "{{ dns.zone }}", "server": "{{ dns.address }}", "server_port": "{{ dns.port }}", "auth": "tsig"}
    right.update(key_name="{{ dns.key_name }}", key_secret="{{ dns.key_secret }}")
    wrong = {**right, **other}
    return {"publish": [{name: value for name, value in wrong.items() if value is not None}]}


def record(**other: t.Any) -> Data:
    """The same for srv_record."""
    found: Data = publish(**{"target": "kms1.corp.example", **other})["publish"][0]
    return found


KEYS = [
    Mistake("key malformed", "host", {"product_key": "BCDFG-HJKMP-QRTVW-XY234"}, "key_malformed", ("product_key",)),
    Mistake("key with a zero", "host_key", {"product_key": "0CDFG-HJKMP-QRTVW-XY234-67892"}, "key_malformed",
            ("2346789BCD",)),
    Mistake("key masked", "host", {"product_key": "*****-*****-*****-*****-67892"}, "key_malformed", ("product_key",)),
    Mistake("password for a key", "host", {"product_key": CANARY}, "key_malformed", ("product_key",)),
    Mistake("setup key", "host", {"product_key": SETUP_KEY}, "key_is_setup_key", ("GVLK", "Server 2008 R2")),
    Mistake("setup key, small module", "host_key", {"product_key": SETUP_KEY.lower()}, "key_is_setup_key", ("GVLK",)),
    Mistake("key group too low", "host", {"key_group": "windows_vista"}, "key_group_too_low", ("serve", "windows_7")),
    Mistake("key of a newer host", "host", {"key_group": "server_2012"}, "key_group_wrong_host", ("server_2003",)),
    Mistake("no KMS yet", "host_key", {"product_key": HOST_KEY}, "no_licensing_service", ("host_update",)),
    Mistake("key in the clear", "host_key", {"product_key": HOST_KEY}, "key_unencrypted", ("ntlm",), host="plain"),
    Mistake("no activation wished", "host", {"max_activations": 0}, "activation_not_allowed",
            ("set max_activations: 1",)),
]  # fmt: skip

PACKAGES = [
    Mistake("package missing", "host", {"packages": "{{ only_1_0 }}"}, "package_missing", ("KB968915-x86-ENU.exe",)),
    Mistake("both missing", "host_update", {"serve": ["windows_7"]}, "package_missing", ("Kmsw2k3.exe", "packages")),
    Mistake("no such folder", "host", {"packages": "kms-pakages"}, "packages_folder_missing", ("kms-pakages",)),
    Mistake("no such file", "host", {"package_files": {"kms_1_0": "/nowhere/K.exe"}}, "package_missing", ("/nowhere",)),
    Mistake("package empty", "host", {"packages": "{{ empty }}"}, "package_empty", ("KB968915", "again")),
    Mistake("a web page saved", "host", {"packages": "{{ page }}"}, "package_no_program", ("KB968915", "again")),
    Mistake("wrong checksum", "host", {"package_checksums": {"kms_1_2": "sha256:" + 64 * "0"}}, "package_checksum", ()),
    Mistake("no checksum", "host", {"package_checksums": {"kms_1_2": CANARY}}, "bad_option", ("SHA-256", "kms_1_2")),
    Mistake("checksum of what", "host", {"package_checksums": {"kms": 64 * "0"}}, "bad_option", ("kms_1_2",)),
    Mistake("x64 by name", "host", {"package_files": {"kms_1_2": "{{ x64 }}"}}, "package_architecture", ("x64", "x86")),
    Mistake("x64 inside", "host", {"packages": "{{ x64_renamed }}"}, "package_architecture", ("x64", "x86")),
    Mistake("German", "host", {"package_files": {"kms_1_2": "{{ german }}"}}, "package_language", ("DEU", "ENU")),
    Mistake("German only", "host", {"packages": "{{ german_only }}"}, "package_missing", ("x86-ENU.exe",)),
    Mistake("unknown installer", "host", {"packages": "{{ unknown }}"}, "installer_unknown", ("install_args",)),
    Mistake("service pack", "host", {"catalogue_overrides": {"kms_1_2": {"min_service_pack": 3}}},
            "service_pack_too_low",
            ("Service Pack 3", "Service Pack 2", "catalogue_overrides: {kms_1_2: {min_service_pack: 2}}")),
    Mistake("1.1 for 1.2", "host", {"package_files": {"kms_1_2": "{{ kms_1_1 }}"}}, "package_other",
            ("KB968915", "it says KB948003 of itself", "package_files")),
    Mistake("1.1 renamed", "host", {"packages": "{{ kms_1_1_renamed }}"}, "package_other",
            ("KB968915", "it says KB948003 of itself")),
    Mistake("1.2 for 1.0", "host", {"package_files": {"kms_1_0": "{{ kms_1_2 }}"}}, "package_other",
            ("Key Management Service 1.0", "it is the package of KB968915")),
    Mistake("signed and changed", "host", {"packages": "{{ changed }}"}, "package_damaged",
            ("not as its signer left it: what it holds was changed", "again from Microsoft")),
    Mistake("English for German", "host", {"package_files": {"kms_1_2": "{{ kms_1_2 }}"}}, "package_language",
            ("ENU", "DEU"), host="german"),
    Mistake("an msu for 2003", "host", {"package_files": {"kms_1_2": "{{ msu }}"}}, "package_no_program",
            ("is an .msu package of a later Windows", "the program for Key Management Service 1.2")),
]  # fmt: skip

NO_KEY: Data = {"product_key": None, "key_group": None}
R2: Data = {"serve": ["windows_10"], "key_group": "server_2012_r2_windows_10"}
R12: Data = {"serve": ["windows_10", "server_2016"], "key_group": "server_2016", "packages": "{{ nothing }}"}


def msu(file: str) -> Data:
    """A rollout on Server 2008 R2 with this file for its update."""
    return {**R2, "package_files": {"kb3079821": file}}


LATER = [
    Mistake("another msu", "host", msu("{{ msu_renamed }}"), "package_other", ("KB3079821", "KB2885698"), host="r2"),
    Mistake("msu for x86", "host", msu("{{ msu_x86 }}"), "package_architecture", ("x86", "x64"), host="r2"),
    Mistake("no msu at all", "host", msu("{{ page_msu }}"), "package_no_msu", ("begin like one", "again"), host="r2"),
    Mistake("half an msu", "host", msu("{{ half_msu }}"), "package_no_msu", ("half a download", "again"), host="r2"),
    Mistake("program for an msu", "host", msu("{{ kms_1_2 }}"), "package_no_msu", ("kb3079821", "again"), host="r2"),
    Mistake("switches for an msu", "host", {**R2, "install_args": {"kb3079821": "/quiet"}}, "bad_option",
            ("install_args", "kb3079821"), host="r2"),
    Mistake("nothing for 2008", "host", {"packages": "{{ nothing }}"}, "package_missing",
            ("Windows6.0-KB968912-x64.msu", "not confirmed", "package_files"), host="kms08"),
    Mistake("rollup unknown", "host", R12, "update_unknown", ("KB3172614", "server_2016", "accepted_updates"),
            host="r12"),
    Mistake("rollup accepted, not there", "host", {**R12, "accepted_updates": ["KB5099999"]}, "update_unknown",
            ("KB3172614", "nor is KB5099999, which accepted_updates names"), host="r12"),
    Mistake("rollup of no number", "host", {**R12, "accepted_updates": [CANARY]}, "bad_option",
            ("accepted_updates",), host="r12"),
]  # fmt: skip

SERVING = [
    Mistake("Windows 10 from 2003", "host", {"serve": ["windows_10"], **NO_KEY}, "serve_impossible",
            ("server_2003 cannot serve windows_10", "windows_7", "server_2025", "`serve`")),
    Mistake("Windows 10, key of 2008 R2", "host", {"serve": ["windows_10"]}, "key_group_too_low",
            ("server_2008_r2_c", "windows_10", "no key that server_2003 takes")),
    Mistake("2016 from 2008 R2", "host", {"serve": ["server_2016"], **NO_KEY}, "serve_impossible",
            ("server_2008_r2 cannot serve server_2016", "server_2012"), host="r2"),
    Mistake("key of 2016 on 2008 R2", "host", {**R2, "key_group": "server_2016"}, "key_group_wrong_host",
            ("server_2016", "server_2008_r2", "the group server_2012_r2_windows_10"), host="r2"),
    Mistake("client key on a server", "host", {**R2, "key_group": "windows_10"}, "key_group_wrong_host",
            ("takes no client keys", "server_2012_r2_windows_10"), host="r2"),
    Mistake("build too low", "host", {"serve": ["server_2022"], "key_group": "server_2022"}, "build_too_low",
            ("17763.1999 or higher (KB5003646", "it has 17763.1;", "server_2022"), host="old19"),
    Mistake("everything", "host", {"serve": ["windows_vista", "server_2025"], **NO_KEY}, "serve_impossible",
            ("windows_vista", "several hosts"), host="old19"),
]  # fmt: skip

CONNECTIONS = [
    Mistake("several transports", "host", {}, "several_transports", ("ansible_winrm_transport", "one"), host="several"),
    Mistake("not winrm", "host_info", {}, "connection_not_usable", ("ansible_connection: winrm",), host="elsewhere"),
    Mistake("by ssh", "host_info", {}, "connection_not_usable", ("'ssh'", "ansible_connection: psrp"), host="by_ssh"),
    Mistake("Basic by psrp", "host", {}, "psrp_options", ("ansible_psrp_message_encryption",), host="by_psrp"),
    Mistake("become", "host", {}, "become_not_supported", ("become: false",), task={"become": True}),
    Mistake("delegated to localhost", "host_info", {}, "connection_not_usable", ("localhost",),
            task={"delegate_to": "localhost"}),
    Mistake("WinRM by hand", "host", {}, "winrm_not_automatic", ("sc config WinRM start= auto",), host="manual"),
    Mistake("async", "host_info", {}, "", ("async",), task={"async": 60, "poll": 0}),
]  # fmt: skip

PORTS = [
    Mistake("port 0", "host", {"port": 0}, "bad_option", ("port", "65535")),
    Mistake("port 65536", "host_firewall", {"port": 65536, "remote_addresses": ["any"]}, "bad_option", ("port",)),
    Mistake("port of the endpoint", "endpoint_info", {"target": "kms1", "port": -1}, "bad_option", ("port",)),
    Mistake("port to read", "host_info", {"port": 70000}, "bad_option", ("port",)),
    Mistake("port of the record", "srv_record", record(port=65536), "bad_name", ("port", "65535")),
    Mistake("port of DNS", "srv_record", record(server_port=0), "bad_name", ("server_port",)),
    Mistake("port of the settings", "host_settings", {"port": 0}, "bad_option", ("port", "65535")),
    Mistake("interval too short", "host_settings", {"activation_interval": 14}, "bad_option",
            ("activation_interval", "15", "43200")),
    Mistake("interval too long", "host", {"renewal_interval": 43201}, "bad_option", ("renewal_interval", "43200")),
    Mistake("renewal too short", "host_settings", {"renewal_interval": 14}, "bad_option",
            ("renewal_interval", "15", "43200")),
    Mistake("domain of dots", "host_settings", {"self_publishing_domains": ["corp..example"]}, "bad_option",
            ("entry 1 of self_publishing_domains",)),
    Mistake("no domain", "host_settings", {"self_publishing_domains": ["corp.example", f"{CANARY}!"]}, "bad_option",
            ("entry 2 of self_publishing_domains",)),
    Mistake("domains of a silent host", "host_settings",
            {"self_publishing": False, "self_publishing_domains": ["corp.example"]}, "bad_option",
            ("self_publishing_domains", "self_publishing: false")),
    Mistake("nothing to set", "host_settings", {"low_priority": True}, "no_licensing_service", ("host_update",)),
    Mistake("nobody named", "host", {"firewall_remote_addresses": None}, "remote_addresses_missing", ("any",)),
    Mistake("nobody listed", "host", {"firewall_remote_addresses": []}, "remote_addresses_missing", ("any",)),
    Mistake("nobody named, small", "host_firewall", {}, "bad_option", ("remote_addresses",)),
    Mistake("nobody listed, small", "host_firewall", {"remote_addresses": []}, "remote_addresses_missing",
            ("remote_addresses", "any")),
    Mistake("asterisk", "host", {"firewall_remote_addresses": ["*"]}, "bad_option", ("entry 1", "any")),
    Mistake("everybody in numbers", "host", {"firewall_remote_addresses": ["0.0.0.0/0"]}, "bad_option", ("any",)),
    Mistake("any and more", "host", {"firewall_remote_addresses": ["any", "10.0.0.0/8"]}, "bad_option", ("any",)),
    Mistake("no network", "host", {"firewall_remote_addresses": ["10.0.0.0/8", CANARY]}, "bad_option",
            ("entry 2 of firewall_remote_addresses", "any")),
    Mistake("IPv6 on 2003", "host_firewall", {"remote_addresses": ["10.0.0.0/8", "fd00::/8"]}, "ipv6_not_supported",
            ("Server 2003 knows IPv4 only",)),
    Mistake("somebody's entry", "host_firewall", {"remote_addresses": ["10.0.0.0/8"]}, "foreign_firewall_entry",
            ("TCP 1688", "'KMS of the site'", "by hand"), host="plain"),
]  # fmt: skip

NAMES = [
    Mistake("secret no base64", "host", publish(key_secret="not base64!"), "bad_key", ("key_secret",)),
    Mistake("secret masked", "srv_record", record(key_secret="********"), "bad_key", ("asterisks",)),
    Mistake("secret cut off", "host", publish(key_secret="Y2FuYXJ5I"), "bad_key", ("key_secret", "cut off")),
    Mistake("secret wrong", "host", publish(key_secret="{{ wrong_secret }}"), "key_secret_wrong", ("key_secret",)),
    Mistake("secret wrong, small", "srv_record", record(key_secret="{{ wrong_secret }}"), "key_secret_wrong",
            ("corp.example was not changed",)),
    Mistake("key unknown", "host", publish(key_name="kms-rolout"), "key_unknown", ("kms-rolout", "key_name")),
    Mistake("other algorithm", "host", publish(key_algorithm="hmac-sha512"), "key_unknown", ("key_algorithm",)),
    Mistake("name and secret swapped", "srv_record", record(key_name="{{ dns.key_secret }}", key_secret="kms-rollout"),
            "bad_name", ("key_name", "swapped")),
    Mistake("no name of a key", "host", publish(key_name=None), "bad_option", ("key_name",)),
    Mistake("secret without auth", "host", publish(auth=None), "bad_option", ("auth: tsig",)),
    Mistake("zone not served", "host", publish(zone="other.example"), "zone_not_served", ("other.example", "server")),
    Mistake("zone is the record", "srv_record", record(zone="_vlmcs._tcp.corp.example"), "bad_name", ("corp.example",)),
    Mistake("no DNS server there", "host", publish(server_port="{{ closed_port }}"), "dns_no_answer", ("refused",)),
    Mistake("server unknown", "srv_record", record(server="dns.invalid"), "dns_server_unknown", ("dns.invalid",)),
    Mistake("target one label", "host", publish(target="kms03"), "bad_name", ("kms03", "fully qualified")),
    Mistake("host without a domain", "host", publish(), "bad_name", ("'single'", "fully qualified"), host="single"),
    Mistake("target underscore", "host", publish(target="kms_03.corp.example"), "bad_name", ("kms_03", "underscore")),
    Mistake("target an address", "srv_record", record(target="10.0.0.3"), "bad_name", ("10.0.0.3", "name")),
    Mistake("no target", "srv_record", record(target=None), "bad_option", ("target", "members")),
    Mistake("unsigned", "srv_record", record(auth="none", key_name=None, key_secret=None), "update_refused", ("tsig",)),
    Mistake("two publishers", "host", {**publish(), "self_publishing": True}, "two_publishers", ("self_publishing",)),
]  # fmt: skip

WRONG_OPTIONS = [
    Mistake("auth", "host", publish(auth=CANARY), "bad_option", ("auth", "publish", "tsig")),
    Mistake("auth, small", "srv_record", record(auth=BASE64_CANARY), "bad_option", ("auth", "tsig")),
    Mistake("algorithm", "srv_record", record(key_algorithm=CANARY), "bad_option", ("key_algorithm", "hmac-sha256")),
    Mistake("port", "host", {"port": CANARY}, "bad_option", ("port", "int")),
    Mistake("port of DNS no number", "host", publish(server_port=CANARY), "bad_option", ("server_port", "int")),
    Mistake("firewall", "host", {"firewall": CANARY}, "bad_option", ("firewall", "unmanaged")),
    Mistake("key group", "host", {"key_group": "{{ secret_key }}"}, "bad_option", ("key_group", "server_2008_r2_c")),
    Mistake("activation", "host", {"activation": CANARY}, "bad_option", ("activation", "online")),
    Mistake("serve", "host", {"serve": [CANARY, "windows_7"]}, "bad_option", ("serve", "windows_7")),
    Mistake("reboot", "host", {"reboot": CANARY}, "bad_option", ("reboot", "bool")),
    Mistake("time-out", "host", {"reboot_timeout": CANARY}, "bad_option", ("reboot_timeout", "int")),
    Mistake("reason too long", "host", {"reboot_reason": 128 * "x"}, "bad_option", ("reboot_reason", "127")),
    Mistake("reason in lines", "host", {"reboot_reason": "KMS\nupdates"}, "bad_option", ("reboot_reason", "one line")),
    Mistake("time-out 0", "host", {"install_timeout": 0}, "bad_option", ("install_timeout", "86400")),
    Mistake("publish true", "host", {"publish": True}, "bad_option", ("publish", "zone")),
    Mistake("publish text", "host", {"publish": CANARY}, "bad_option", ("publish", "zone")),
    Mistake("publish texts", "host", {"publish": [BASE64_CANARY]}, "bad_option", ("publish", "zone")),
    Mistake("publish dictionary", "host", {"publish": {"zone": CANARY}}, "bad_option", ("publish",)),
    Mistake("publish without server", "host", publish(server=None), "bad_option", ("server", "publish")),
    Mistake(
        "publish by Kerberos on an address",
        "host",
        publish(auth="gss_tsig", key_name=None, key_secret=None),
        "bad_name",
        ("127.0.0.1", "full name of the DNS server", "server_address"),
    ),
    Mistake("publish with a password", "host", publish(password=CANARY), "bad_option", ("password", "auth: gss_tsig")),
    Mistake("no zone", "srv_record_info", {"server": "ns1.corp.example"}, "bad_option", ("zone",)),
    Mistake("empty zones", "srv_record_info", {"server": "ns1.corp.example", "zones": []}, "bad_option", ("zones",)),
    Mistake("publish misspelt", "host", publish(key_secrt=BASE64_CANARY), "bad_option", ("key_secrt", "publish")),
    Mistake("members", "srv_record", {**record(target=None), "members": [CANARY]}, "bad_option", ("members", "target")),
    Mistake("state", "srv_record", record(state=CANARY), "bad_option", ("state", "absent")),
    Mistake("option misspelt", "host", {"product_kye": "{{ secret_key }}"}, "bad_option", ("product_kye",)),
    Mistake("files text", "host", {"package_files": CANARY}, "bad_option", ("package_files",)),
    Mistake("overrides text", "host", {"catalogue_overrides": CANARY}, "bad_option", ("catalogue_overrides",)),
    Mistake("overrides of what", "host", {"catalogue_overrides": {"kms_1_2": CANARY}}, "bad_override", ("kms_1_2",)),
    Mistake("overrides unknown", "host", {"catalogue_overrides": {CANARY: {}}}, "bad_override", ("kms_1_2",)),
    Mistake("override's value", "host", {"catalogue_overrides": {"kms_1_2": {"min_service_pack": CANARY}}},
            "bad_override", ("kms_1_2", "min_service_pack")),
    Mistake("many activations", "host", {"max_activations": 10}, "bad_option", ("max_activations",)),
    Mistake("a key for a target", "srv_record", record(target="{{ secret_key }}"), "bad_option", ("target",)),
    Mistake("a key for a zone", "srv_record", record(zone="{{ secret_key }}"), "bad_option", ("zone",)),
    Mistake("a secret for a server", "srv_record", record(server=BASE64_CANARY), "bad_option", ("server",)),
]  # fmt: skip

QUERIES = [
    Mistake("query broken", "host_info", {"query": "system.[os"}, "bad_query", ("query", "JMESPath"), host="off"),
    Mistake("query empty", "host_info", {"query": ""}, "bad_query", ("query",), host="off"),
    Mistake("query of a function", "host_info", {"query": "nonsense(system)"}, "bad_query", ("nonsense",), host="off"),
    Mistake("function misused", "host_info", {"query": "length(`1`)"}, "bad_query", ("length",)),
]

ACCEPTED = [
    Mistake("override of the service pack", "host", {"catalogue_overrides": {"kms_1_2": {"min_service_pack": 1}}}, "",
            ("host_update.kms_1_0", "host_update.kms_1_2"), task={"check_mode": True}),
    Mistake("file beside the playbook", "host", {"package_files": {"kms_1_0": "../packages/Kmsw2k3.exe"},
            "packages": "../only"}, "package_missing", ("KB968915",), task={"check_mode": True}),
    Mistake("everybody", "host", {"firewall_remote_addresses": ["any"]}, "", ("host_firewall.open",),
            task={"check_mode": True}),
    Mistake("rollup accepted", "host", {**R12, "accepted_updates": ["5012345"]}, "",
            ("host_key.install", "host_key.activate"), host="rolled", task={"check_mode": True}),
    Mistake("build high enough", "host", {"serve": ["server_2019"], "key_group": "server_2019"}, "",
            ("host_key.install",), host="old19", task={"check_mode": True}),
]  # fmt: skip
"""What is no mistake, or not the one it looks like: the way out that a message names must work."""

WARNED = [
    Mistake("policy shuts", "host_firewall", {"remote_addresses": ["10.0.0.0/8"]}, "",
            ("Group Policy takes the effect from this host's own rules", "open the port in the policy"), host="policed",
            task={"check_mode": True}),
    Mistake("policy bars exceptions", "host_firewall", {"remote_addresses": ["10.0.0.0/8"]}, "",
            ("allows no exceptions", "TCP 1688 stays shut"), host="barred", task={"check_mode": True}),
    Mistake("virtual machine", "host", {}, "", ("before kms_1_0", "virtual machine", "0xC004F06B"), host="virtual",
            task={"check_mode": True}),
    Mistake("signed by others", "host", {"packages": "{{ signed }}"}, "",
            ("KB968915", "does not carry Microsoft's signature", "is not pinned"), task={"check_mode": True}),
]  # fmt: skip
"""What is allowed, and worth a word before it is done."""

MISTAKES = [*KEYS, *PACKAGES, *LATER, *SERVING, *CONNECTIONS, *PORTS, *NAMES, *WRONG_OPTIONS, *QUERIES]

UNREACHABLE = [
    Mistake("wrong password", "host", {}, "login_refused", ("ansible_password", "ansible_user"), host="stranger"),
    Mistake("wrong password, Basic", "host_info", {}, "login_refused", ("ansible_password",), host="plain_stranger"),
    Mistake("host down", "host", {}, "unreachable", ("refused", "ansible_port"), host="off"),
    Mistake("no such name", "host_info", {}, "unreachable", ("does not resolve",), host="nameless"),
    Mistake("other web server", "host_info", {}, "unreachable", ("404", "ansible_winrm_path"), host="elsepath"),
]


@dataclasses.dataclass(frozen=True)
class Story:
    """The run, and what stood where before and after it. `secrets`: all that must never be shown."""

    play: Play
    serials: tuple[str, str]
    changed: list[Data]
    states: tuple[Data, Data]
    secrets: tuple[str, ...]

    def result(self, mistake: Mistake) -> Data:
        found: Data = self.play.results[variable(mistake)]
        return found


def variable(mistake: Mistake) -> str:
    return "r_" + "".join(c if c.isalnum() else "_" for c in f"{mistake.module} {mistake.id}")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("bad-input")
    try:
        dns = bind_server.start(folder / "bind")
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    hosts: dict[str, Data] = {
        "bare": {},
        "plain": {"transport": "basic", "start": "kms_1_2"},
        "manual": {"winrm_start_mode": "Manual"},
        "single": {"domain_member": False},
        "german": {"start": "kms_1_0", "language": "DEU"},
        "virtual": {"virtual": True},
        "kms08": {"persona": "server-2008-sp2"},
        "r2": {"persona": "server-2008-r2-sp1"},
        "r12": {"persona": "server-2012-r2"},
        "rolled": {"persona": "server-2012-r2", "updates": ["KB5012345"]},
        "old19": {"persona": "server-2019", "ubr": 1},
        "policed": {"persona": "server-2022", "group_policy": {"local_rules": False}},
        "barred": {"persona": "server-2012", "group_policy": {"no_exceptions": True}},
    }
    try:
        with serving(folder / "estate", hosts) as estate, socket.socket() as silent:
            silent.bind((dns.address, 0))  # bound, but nobody listens: connections are refused
            yield tell(estate, dns, silent.getsockname()[1])
    finally:
        bind_server.stop(folder / "bind")


def tell(estate: Estate, dns: bind_server.BindServer, closed_port: int) -> Story:
    """Make every mistake once. The secrets come from a file, as from a vault."""
    variables = {**folders(estate), "dns": dataclasses.asdict(dns), "closed_port": closed_port}
    variables.update(wrong_secret=WRONG_SECRET, secret_key=OTHER_KEY)
    (estate.folder / "variables.yml").write_text(json.dumps(variables), encoding="utf-8")
    plays: list[Data] = []
    for mistake in [*MISTAKES, *ACCEPTED, *WARNED, *UNREACHABLE]:
        if not plays or plays[-1]["hosts"] != mistake.host:
            plays.append({"name": mistake.host, "hosts": mistake.host, "gather_facts": False, "tasks": []})
            plays[-1]["vars_files"] = ["../variables.yml"]
        plays[-1]["tasks"].append(task_of(mistake, host_options(estate.packages())))
    by_hand(estate, "plain", 'netsh firewall add portopening TCP 1688 "KMS of the site" ENABLE SUBNET')
    earlier = len(estate.mutations())
    before = (serial(dns), states(estate))
    played = estate.play(plays, "-vvvvv", inventory=inventory(estate))
    after = (serial(dns), states(estate))
    secrets = (CANARY, BASE64_CANARY, OTHER_KEY, SETUP_KEY, HOST_KEY, WRONG_SECRET, dns.key_secret, PASSWORD)
    return Story(played, (before[0], after[0]), estate.mutations()[earlier:], (before[1], after[1]), secrets)


def task_of(mistake: Mistake, right: Data) -> Data:
    """The task that makes it; `right` are options of a rollout that would work."""
    options = {**(right if mistake.module == "host" else {}), **mistake.options}
    return {
        "name": mistake.id,
        f"activation.kms.{mistake.module}": {name: value for name, value in options.items() if value is not None},
        "register": variable(mistake),
        "ignore_errors": True,
        "ignore_unreachable": True,
        **mistake.task,
    }


def states(estate: Estate) -> Data:
    """What the machines are, without the time."""
    return {host: {**estate.show(host), "clock": ""} for host in estate.hosts}


def inventory(estate: Estate) -> Data:
    """The estate's hosts, and the same hosts described wrongly."""
    tree = estate.inventory()
    hosts = tree["all"]["children"]["kms_hosts"]["hosts"]
    hosts["several"] = {**hosts["bare"], "ansible_winrm_transport": ["ntlm", "basic"]}
    hosts["elsewhere"] = {**hosts["bare"], "ansible_connection": "local"}
    hosts["by_ssh"] = {**hosts["bare"], "ansible_connection": "ssh"}
    hosts["by_psrp"] = {
        **hosts["plain"],
        "ansible_connection": "psrp",
        "ansible_psrp_auth": "basic",
        "ansible_psrp_protocol": "http",
    }
    hosts["stranger"] = {**hosts["bare"], "ansible_password": CANARY}
    hosts["plain_stranger"] = {**hosts["plain"], "ansible_password": CANARY}
    hosts["off"] = {**hosts["bare"], "ansible_host": f"{estate.network}.200"}
    hosts["nameless"] = {**hosts["bare"], "ansible_host": "kms.invalid"}
    hosts["elsepath"] = {**hosts["bare"], "ansible_winrm_path": "/wsman2"}
    return tree


def folders(estate: Estate) -> dict[str, str]:
    """Packages folders and files with something wrong about them."""
    right = estate.packages()
    x86, x64 = "WindowsServer2003-KB968915-x86-ENU.exe", "WindowsServer2003.WindowsXP-KB968915-x64-ENU.exe"
    made = {}
    for name, content in (
        ("empty", b""),
        ("page", b"<!DOCTYPE html><title>Download</title>"),
        ("x64_renamed", (right / x64).read_bytes()),
    ):
        folder = copy_of(right, estate.folder / name)
        (folder / x86).write_bytes(content)
        made[name] = str(folder)
    only = copy_of(right, estate.folder / "only")
    (only / x86).unlink()
    for name, content in signed_and_changed(estate.folder, (right / x86).read_bytes()).items():
        folder = copy_of(right, estate.folder / name)
        (folder / x86).write_bytes(content)
        made[name] = str(folder)
    german = estate.packages("--language", "DEU")
    made.update(only_1_0=str(only), x64=str(right / x64), german_only=str(german))
    made["german"] = str(german / x86.replace("ENU", "DEU"))
    made["unknown"] = str(estate.packages("--unknown-engine"))
    return {**made, **msu_files(right, estate.folder), "kms_1_2": str(right / x86)}


def msu_files(right: Path, folder: Path) -> dict[str, str]:
    """The same for the packages of Windows 6.0 and later."""
    nothing, files = folder / "nothing", folder / "files"
    nothing.mkdir()
    files.mkdir()
    whole = right / "Windows6.1-KB3079821-x64.msu"
    made = {"nothing": str(nothing), "msu": str(whole), "msu_x86": str(right / "Windows6.1-KB3079821-x86.msu")}
    for name, content in (
        ("msu_renamed", (right / "Windows6.1-KB2885698-x64.msu").read_bytes()),
        ("page_msu", b"<!DOCTYPE html><title>Download</title>"),
        ("half_msu", whole.read_bytes()[: whole.stat().st_size // 2]),
    ):
        (files / name).mkdir()
        (files / name / whole.name).write_bytes(content)
        made[name] = str(files / name / whole.name)
    older = "WindowsServer2003-KB948003-x86-ENU.exe"
    renamed = copy_of(right, folder / "kms_1_1_renamed")
    shutil.copy(right / older, renamed / older.replace("KB948003", "KB968915"))
    return {**made, "kms_1_1": str(right / older), "kms_1_1_renamed": str(renamed)}


def signed_and_changed(folder: Path, content: bytes) -> dict[str, bytes]:
    """A program as somebody else has signed it, and the same with one letter changed afterwards."""
    plain, done, certificate, key = (folder / name for name in ("plain.exe", "signed.exe", "signer.pem", "signer.key"))
    plain.write_bytes(content)
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Somebody"]
    sign = ["osslsigncode", "sign", "-h", "sha256", "-certs", str(certificate), "-key", str(key)]
    for command in (
        [*make, "-keyout", str(key), "-out", str(certificate)],
        [*sign, "-in", str(plain), "-out", str(done)],
    ):
        finished = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr
    signed = done.read_bytes()
    return {"signed": signed, "changed": signed.replace(b"Empty stand-in", b"empty stand-in", 1)}


def by_hand(estate: Estate, host: str, command: str) -> None:
    """What an administrator types on a host that speaks Basic."""
    hosts = estate.inventory()["all"]["children"]["kms_hosts"]["hosts"]
    session = winrm.Session(
        f"http://{hosts[host]['ansible_host']}:5985/wsman", (USER, PASSWORD), transport="basic", ca_trust_path=None
    )
    done = session.run_cmd(command)
    assert done.status_code == 0, done.std_out + done.std_err


def copy_of(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


def serial(dns: bind_server.BindServer) -> str:
    command = ["dig", "+short", "+norecurse", f"@{dns.address}", "-p", str(dns.port), "SOA", dns.zone]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.module}: {mistake.id}")
def test_refused_in_one_sentence(story: Story, mistake: Mistake) -> None:
    result = story.result(mistake)
    assert result["failed"] and not result.get("unreachable") and not result["changed"], result
    assert result.get("error", {}).get("name", "") == mistake.error, result["msg"]
    judge_sentence(mistake, result["msg"])


@pytest.mark.parametrize("mistake", UNREACHABLE, ids=lambda mistake: mistake.id)
def test_unreachable_with_a_sentence(story: Story, mistake: Mistake) -> None:
    result = story.result(mistake)
    assert result["unreachable"] and not result["changed"], result
    assert result["error"]["name"] == mistake.error
    judge_sentence(mistake, result["msg"])


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.id)
def test_the_way_out_works(story: Story, case: Mistake) -> None:
    result = story.result(case)
    assert result.get("error", {}).get("name", "") == case.error, result.get("msg")
    found = result["msg"] if case.error else [step["id"] for step in result["plan"]]
    assert all(word in found for word in case.says)


@pytest.mark.parametrize("case", WARNED, ids=lambda case: case.id)
def test_a_word_of_warning(story: Story, case: Mistake) -> None:
    """Said before anything is done: these ran in check mode."""
    result = story.result(case)
    assert not result["failed"], result["msg"]
    said = " ".join(result["warnings"])
    assert result["plan"] and all(word in said for word in case.says), said


def judge_sentence(mistake: Mistake, said: str) -> None:
    """It names the host, and what it is about."""
    sentences.judge(said, mistake.task.get("delegate_to", mistake.host) if mistake.error else "", mistake.says)


def test_nothing_was_changed(story: Story) -> None:
    assert story.changed == []
    assert story.serials[0] == story.serials[1]
    assert story.states[0] == story.states[1]


def test_what_was_offered_is_not_repeated(story: Story) -> None:
    """Neither in results nor on the screen, at -vvvvv: a secret in the wrong option is a secret."""
    shown = (story.play.output + json.dumps(story.play.results, ensure_ascii=False)).lower()
    for secret in story.secrets:
        at = shown.find(secret.lower())
        assert at < 0, f"{secret} in: {shown[max(0, at - 200) : at + 100]}"


def test_a_switched_off_host_is_not_asked_a_bad_query(story: Story) -> None:
    """The three bad expressions were refused for themselves, though nobody could have answered them."""
    assert {story.result(one)["error"]["name"] for one in QUERIES if one.host == "off"} == {"bad_query"}
