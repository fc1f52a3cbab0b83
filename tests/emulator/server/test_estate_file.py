# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ESTATE.yml: everything it can say, and a sentence for every mistake; the inventory made from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulated_windows.control import trusted_certificate
from emulated_windows.dns_flavour import Aging
from emulated_windows.estate import Estate, KerberosSettings, load_estate
from emulated_windows.inventory import inventory_text
from emulated_windows.persona import dial_table
from emulated_windows.section import EstateError
from emulated_windows.server import make_authority

PERSONA = "server-2003-sp2-x86"
CREDENTIALS = "credentials: {user: Administrator, password: Secret 1}\n"
KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
SMALL = f"persona: {PERSONA}, network: 127.0.0.0/29"
HOST = f"hosts: {{kms03: {{persona: {PERSONA}, address: 127.0.30.1}}}}\n"


def load(folder: Path, text: str) -> Estate:
    path = folder / "ESTATE.yml"
    path.write_text(text, encoding="utf-8")
    return load_estate(path)


def with_host(more: str) -> str:
    return CREDENTIALS + f"hosts:\n  kms03: {{persona: {PERSONA}, address: 127.0.30.1, {more}}}\n"


def test_defaults(tmp_path: Path) -> None:
    estate = load(tmp_path, CREDENTIALS + HOST)
    (host,) = estate.hosts
    assert (host.port, host.scheme, host.transport, host.allow_unencrypted) == (5985, "http", "ntlm", False)
    assert (host.fqdn, host.options.start, host.options.firewall) == ("kms03.corp.example", "bare", "on")
    assert (host.options.seed, host.options.dials, host.options.user) == (None, {}, "Administrator")
    assert (estate.dns, estate.host_keys) == (None, {})


def test_what_filters_on_a_host(tmp_path: Path) -> None:
    more = (
        "tcpip_filtering: [5985, 3389], ipsec_policy: yes, rras: yes, group_policy: {enable_firewall: on,"
        " local_rules: no, open_ports: ['1688:TCP:*:enabled:KMS'], rules: {'{1}': 'v2.10|Action=Allow|Dir=In|'}}"
    )
    (host,) = load(tmp_path, with_host(more)).hosts
    options = host.options
    assert (options.tcpip_filtering, options.ipsec_policy, options.rras) == ((5985, 3389), True, True)
    assert options.group_policy == {
        "enable_firewall": True,
        "local_rules": False,
        "open_ports": ["1688:TCP:*:enabled:KMS"],
        "rules": {"{1}": "v2.10|Action=Allow|Dir=In|"},
    }


def test_everything_a_host_can_say(tmp_path: Path) -> None:
    dial, settings = next((name, settings) for name, settings in dial_table(PERSONA).items() if len(settings) > 1)
    more = (
        f"transport: basic, port: 8085, firewall: off, start: kms_1_0, seed: 7, virtual: yes, winrm_start_mode: manual,"
        f" domain_member: no, boot_seconds: 0.5, allow_unencrypted: no, dials: {{{dial}: {settings[1]}}}"
    )
    (host,) = load(tmp_path, "domain: Forest.Example\nboot_seconds: 3\n" + with_host(more)).hosts
    assert (host.port, host.transport, host.allow_unencrypted) == (8085, "basic", False)
    options = host.options
    assert (options.domain, options.firewall, options.start, options.seed) == ("forest.example", "off", "kms_1_0", 7)
    assert (options.virtual, options.winrm_start_mode, options.domain_member) == (True, "Manual", False)
    assert (options.boot_seconds, options.dials) == (0.5, {dial: settings[1]})


def test_what_a_later_windows_can_say(tmp_path: Path) -> None:
    text = (
        CREDENTIALS
        + f"host_keys: {{{KEY}: server_2022}}\n"
        + "hosts:\n  a: {persona: server-2019, address: 127.0.30.1, language: deu, ubr: 5458,"
        + " sessions: [remote, interactive],"
        + f" cluster: yes, domain_controller: yes, host_key: {KEY.lower()}, count: 50}}\n"
        + "  b: {persona: server-2012-r2, address: 127.0.30.2, updates: [kb3172614]}\n"
    )
    first, second = (host.options for host in load(tmp_path, text).hosts)
    assert (first.language, first.ubr, first.sessions) == ("DEU", 5458, ("remote", "interactive"))
    assert (first.cluster, first.domain_controller, first.host_key, first.count) == (True, True, KEY, 50)
    assert (second.language, second.ubr, second.updates, second.host_key) == ("ENU", None, ("kb3172614",), None)


def test_basic_allows_unencrypted_by_default_and_https_has_its_port(tmp_path: Path) -> None:
    (host,) = load(tmp_path, with_host("transport: basic, scheme: https")).hosts
    assert (host.allow_unencrypted, host.port) == (True, 5986)


def test_dns_and_keys(tmp_path: Path) -> None:
    text = CREDENTIALS + HOST + (
        "dns: {address: 127.0.0.1, port: 5301, zone: corp.example., tsig: {name: kms-rollout, secret: c2VjcmV0}}\n"
        "host_keys: {bcdfg-HJKMP-QRTVW-XY234-67892: server_2008_r2_c}\n"
    )  # fmt: skip
    estate = load(tmp_path, text)
    assert estate.dns is not None and estate.dns.tsig is not None
    assert (estate.dns.zones[0].name, estate.dns.tsig.algorithm, estate.dns.tsig.secret) == (
        "corp.example", "hmac-sha256", b"secret",
    )  # fmt: skip
    assert estate.host_keys == {"BCDFG-HJKMP-QRTVW-XY234-67892": "server_2008_r2_c"}
    assert "c2VjcmV0" not in repr(estate) and "secret" not in repr(estate) and "Secret 1" not in repr(estate)


ZONES = "dns: {address: 127.0.0.1, port: 5301, zone: corp.example"


def test_zones_of_microsofts(tmp_path: Path) -> None:
    text = CREDENTIALS + with_dns_server() + ZONES + (
        ", flavour: Microsoft, updates: secure, update_group: [KMS03$], dials: {deleted_node: free},"
        " aging: {no_refresh_hours: 24, scavenging_hours: 12}, zones: {other.example: {updates: none, paused: yes,"
        " aging: {enabled: no}}, far.example: {type: secondary}}}\n"
    )  # fmt: skip
    estate = load(tmp_path, text)
    assert estate.dns is not None and estate.dns.microsoft
    assert [host.options.dns_server for host in estate.hosts] == [True]
    first, other, far = estate.dns.zones
    assert (first.name, first.updates, first.update_group, first.dials) == (
        "corp.example", "secure", ("KMS03$",), {"deleted_node": "free"},
    )  # fmt: skip
    assert first.aging == Aging(enabled=True, no_refresh_hours=24, refresh_hours=168, scavenging_hours=12)
    assert (other.updates, other.paused, other.aging.enabled, other.aging.scavenging_hours) == ("none", True, False, 12)
    assert (far.kind, far.updates, far.aging) == ("secondary", "secure", first.aging)


def test_several_zones_of_binds(tmp_path: Path) -> None:
    estate = load(tmp_path, CREDENTIALS + HOST + ZONES + ", zones: [Other.Example., far.example]}\n")
    assert estate.dns is not None and not estate.dns.microsoft
    assert [zone.name for zone in estate.dns.zones] == ["corp.example", "other.example", "far.example"]
    assert {zone.flavour for zone in estate.dns.zones} == {"bind"}


def with_dns_server() -> str:
    return "hosts: {dc1: {persona: server-2022, address: 127.0.30.9, dns_server: yes}}\n"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (", flavour: dnsmasq", "dns.flavour: dnsmasq is none of bind, microsoft"),
        (", aging: {enabled: yes}", "dns.aging is for zones of Microsoft's: add flavour: microsoft"),
        (", updates: none", "dns.updates is for zones of Microsoft's"),
        (", zones: {a.example: {paused: yes}}", "dns.zones.a.example.paused is for zones of Microsoft's"),
        (", flavour: microsoft, updates: some", "dns.updates: some is none of none, nonsecure, secure"),
        (", flavour: microsoft, type: cache", "dns.type: cache is none of primary, secondary, stub, forwarder"),
        (", flavour: microsoft, aging: {refresh_hours: -1}", "dns.aging.refresh_hours: -1 is not a whole number"),
        (", flavour: microsoft, aging: {hours: 1}", "dns.aging.hours is not a key of an estate"),
        (", flavour: microsoft, dials: {x: y}", "dns.dials.x: there is no such dial; there are static_readded"),
        (", flavour: microsoft, dials: {deleted_node: y}", "dns.dials.deleted_node: y is none of keeps_owner, free"),
        (", flavour: microsoft, zones: {a.example: {port: 1}}", "dns.zones.a.example.port is not a key of an estate"),
        (", zones: [corp.example]", "dns.zones: corp.example is there twice"),
        (", zones: [a..b]", "dns.zones: a..b is not a DNS name"),
        (", zones: other.example", "dns.zones must be a mapping"),
        (
            ", flavour: microsoft, zones: {a.example: {aging: {scavenging_hours: 1}}}",
            "dns.zones: scavenging_hours is the server's",
        ),
    ],
)
def test_mistakes_in_zones(tmp_path: Path, more: str, sentence: str) -> None:
    with pytest.raises(EstateError, match=re.escape(sentence)):
        load(tmp_path, CREDENTIALS + HOST + ZONES + more + "}\n")


@pytest.mark.parametrize("dns", ["", ZONES + "}\n"])
def test_a_dns_server_needs_zones_of_microsofts(tmp_path: Path, dns: str) -> None:
    with pytest.raises(EstateError, match="dc1: dns_server is for estates with dns: {flavour: microsoft"):
        load(tmp_path, CREDENTIALS + with_dns_server() + dns)


def test_dns_servers_have_a_group_of_their_own(tmp_path: Path) -> None:
    text = CREDENTIALS + ZONES + ", flavour: microsoft}\n" + HOST.replace("}}", "}, dc1: {persona: server-2022,") + (
        " address: 127.0.30.9, dns_server: yes}}\n"
    )  # fmt: skip
    found = yaml.load(inventory_text(load(tmp_path, text)), Loader=_Loader)["all"]["children"]
    assert {name: list(one["hosts"]) for name, one in found.items()} == {"kms_hosts": ["kms03"], "dns_servers": ["dc1"]}
    assert found["dns_servers"]["vars"] == found["kms_hosts"]["vars"]


def test_keys_that_are_blocked_or_make_no_kms_host(tmp_path: Path) -> None:
    others = [KEY[:-1] + last for last in "BCD"]
    text = (
        f"host_keys:\n  {KEY}: server_2022\n  {others[0].lower()}: {{group: server_2016, blocked: true}}\n"
        f"  {others[1]}: {{group: office_2016}}\n  {others[2]}: mak\n"
    )
    estate = load(tmp_path, CREDENTIALS + HOST + text)
    assert list(estate.host_keys.values()) == ["server_2022", "server_2016", "office_2016", "mak"]
    assert estate.blocked_keys == {others[0]}
    authority = make_authority(estate)
    assert (authority.activate(others[0], "a"), authority.activate(KEY, "a")) == (0xC004C003, 0)


def test_office_and_a_wrong_clock(tmp_path: Path) -> None:
    more = f"office_licences: [office_2013, office_2016], office_key: {KEY.lower()}, clock_offset: -864000"
    (host,) = load(tmp_path, with_host(more) + f"host_keys: {{{KEY}: office_2016}}\n").hosts
    options = host.options
    assert (options.office_licences, options.office_key) == (("office_2013", "office_2016"), KEY)
    assert options.clock_offset == -864_000


def test_fleet(tmp_path: Path) -> None:
    text = f"fleet: {{count: 300, persona: {PERSONA}, network: 127.1.0.0/16, transport: basic, seed: 5}}\n"
    hosts = load(tmp_path, CREDENTIALS + HOST + text).hosts
    assert len(hosts) == 301
    assert [(host.name, host.address, host.options.seed) for host in (hosts[1], hosts[300])] == [
        ("fleet0001", "127.1.0.1", 6),
        ("fleet0300", "127.1.1.44", 305),
    ]


def test_several_blocks_of_a_fleet(tmp_path: Path) -> None:
    """Numbers and addresses go on where blocks share a prefix or a network."""
    text = (
        f"fleet:\n  - {{count: 2, persona: {PERSONA}, network: 127.1.0.0/16}}\n"
        "  - {count: 2, persona: server-2022, network: 127.1.0.0/16, transport: basic, scheme: https, port: 6000}\n"
        "  - {count: 1, persona: server-2012, network: 127.2.0.0/16, prefix: dmz}\n"
    )
    hosts = load(tmp_path, CREDENTIALS + text).hosts
    assert [(host.name, host.address, host.port, host.transport, host.options.persona) for host in hosts] == [
        ("fleet0001", "127.1.0.1", 5985, "ntlm", PERSONA),
        ("fleet0002", "127.1.0.2", 5985, "ntlm", PERSONA),
        ("fleet0003", "127.1.0.3", 6000, "basic", "server-2022"),
        ("fleet0004", "127.1.0.4", 6000, "basic", "server-2022"),
        ("dmz0001", "127.2.0.1", 5985, "ntlm", "server-2012"),
    ]


def test_kerberos(tmp_path: Path) -> None:
    """Files are named as seen from the estate's folder."""
    text = with_host("transport: kerberos") + "kerberos: {realm: CORP.EXAMPLE, keytab: keys, config: /etc/krb5.conf}\n"
    found = load(tmp_path, text)
    assert found.kerberos == KerberosSettings("CORP.EXAMPLE", tmp_path / "keys", Path("/etc/krb5.conf"))
    hosts = group(inventory_text(found))["hosts"]
    assert hosts["kms03"] == {
        "ansible_host": "127.0.30.1", "ansible_port": 5985,
        "ansible_winrm_scheme": "http", "ansible_winrm_transport": "kerberos",
        "ansible_user": "Administrator@CORP.EXAMPLE", "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],
        "ansible_winrm_kerberos_hostname_override": "kms03.corp.example",
    }  # fmt: skip


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = CREDENTIALS + (
        f"hosts:\n  a: &usual {{persona: {PERSONA}, address: 127.0.30.1, seed: 0010}}\n"
        "  b: {<<: *usual, address: 127.0.30.2}\n"
    )
    assert [(host.address, host.options.seed) for host in load(tmp_path, text).hosts] == [
        ("127.0.30.1", 10), ("127.0.30.2", 10),
    ]  # fmt: skip


DNS = "dns: {{address: 127.0.0.1, port: 5301, zone: corp.example, tsig: {}}}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a\n", "must be a mapping"),
        ("a: [\n", "is not valid YAML"),
        (HOST, "credentials is missing"),
        (CREDENTIALS, "there are no hosts"),
        (CREDENTIALS + "hosts: []\n", "hosts must be a mapping"),
        (CREDENTIALS + HOST + "hots: {}\n", "hots is not a key of an estate; did you mean hosts?"),
        (CREDENTIALS + HOST + HOST, "hosts stands twice"),
        (with_host("colour: red"), "hosts.kms03.colour is not a key of an estate"),
        (with_host("transport: credssp"), "hosts.kms03.transport: credssp is none of basic, ntlm, kerberos"),
        (with_host("transport: kerberos"), "kms03: transport kerberos needs the key `kerberos`"),
        (
            HOST + CREDENTIALS + "kerberos: {realm: corp.example, keytab: x}\n",
            "corp.example is not the name of a realm",
        ),
        (HOST + CREDENTIALS + "kerberos: {realm: CORP.EXAMPLE}\n", "kerberos.keytab is missing"),
        (
            with_host("scheme: https, certificate: bought"),
            "hosts.kms03.certificate: bought is none of trusted, self_si",
        ),
        (with_host("tcpip_filtering: [kms]"), "hosts.kms03.tcpip_filtering: kms is not a port"),
        (with_host("group_policy: {firewall: on}"), "hosts.kms03.group_policy.firewall is not a key of an estate"),
        (with_host("firewall: maybe"), "hosts.kms03.firewall: maybe is none of on, off, stopped"),
        (with_host("port: 70000"), "hosts.kms03.port: 70000 is not a whole number from 1 to 65535"),
        (with_host("port: [1]"), "hosts.kms03.port must be a single value"),
        (with_host("virtual: 3"), "hosts.kms03.virtual: 3 is neither true nor false"),
        (with_host("boot_seconds: nan"), "hosts.kms03.boot_seconds: nan is not a number of seconds"),
        (with_host("dials: {no_such_dial: x}"), "hosts.kms03.dials.no_such_dial: there is no such dial"),
        (CREDENTIALS + "hosts: {kms03: {address: 127.0.0.1}}\n", "hosts.kms03.persona is missing"),
        (
            CREDENTIALS + "hosts: {kms03: {persona: server-1999, address: 127.0.0.1}}\n",
            "hosts.kms03.persona: server-1999 is none of",
        ),
        (HOST.replace("127.0.30.1", "10.0.0.1") + CREDENTIALS, "hosts.kms03.address: 10.0.0.1 is not a loopback"),
        (HOST.replace("127.0.30.1", "localhost") + CREDENTIALS, "localhost is not an IPv4 address"),
        (HOST.replace("127.0.30.1", "0.0.0.0") + CREDENTIALS, "0.0.0.0 is not a loopback address"),
        (HOST.replace("kms03", "kms_03") + CREDENTIALS, "kms_03 is not a computer name"),
        (HOST.replace("kms03", "a-name-of-16-let") + CREDENTIALS, "a-name-of-16-let is not a computer name"),
        (
            CREDENTIALS + f"hosts: {{a: {{persona: {PERSONA}, address: 127.0.0.1}},"
            f" A: {{persona: {PERSONA}, address: 127.0.0.2}}}}\n",
            "there are two hosts named A",
        ),
        (
            CREDENTIALS + f"hosts: {{a: {{persona: {PERSONA}, address: 127.0.0.1}},"
            f" b: {{persona: {PERSONA}, address: 127.0.0.1}}}}\n",
            "a and b share 127.0.0.1",
        ),
        (HOST + "credentials: {user: Administrator, password: 'a:b'}\n", "credentials.password must be one line"),
        (HOST + "credentials: {user: CORP\\me, password: x}\n", "credentials.user must be the bare name"),
        (HOST + CREDENTIALS + "host_keys: {SECRET-KEY: x}\n", "host_keys: entry 1 is not a key"),
        (HOST + CREDENTIALS + DNS.format("{name: k, secret: '***'}"), "dns.tsig.secret is not Base64"),
        (HOST + CREDENTIALS + DNS.format("{name: k, secret: ''}"), "dns.tsig.secret is empty"),
        (HOST + CREDENTIALS + DNS.format("{name: k, secret: YQ==, algorithm: rot13}"), "rot13 is none of hmac-md5"),
        (HOST + CREDENTIALS + "dns: {address: 127.0.30.1, port: 5985, zone: a.b}\n", "dns and kms03 share"),
        (HOST + CREDENTIALS + "dns: {address: 127.0.0.1, port: 53, zone: a..b}\n", "dns.zone: a..b is not a DNS name"),
        (HOST + CREDENTIALS + f"host_keys: {{{KEY}: server_1999}}\n", "host_keys: entry 1 is of no key group"),
        (
            HOST + CREDENTIALS + f"host_keys: {{{KEY}: [mak]}}\n",
            "host_keys: entry 1 must be a single value or a mapping",
        ),
        (HOST + CREDENTIALS + f"host_keys: {{{KEY}: {{blocked: yes}}}}\n", "host_keys: entry 1.group is missing"),
        (HOST + CREDENTIALS + f"host_keys: {{{KEY}: {{group: mak, blokked: yes}}}}\n", "did you mean blocked?"),
        (with_host(f"office_key: {KEY}"), "kms03: office_key is none of the keys in host_keys"),
        (with_host("office_licences: office_2016"), "hosts.kms03.office_licences must be a list"),
        (with_host("clock_offset: 1d"), "hosts.kms03.clock_offset: 1d is not a number of seconds"),
        (with_host("clock_offset: -315360001"), "-315360001 is not a number of seconds, up to ten years"),
        (with_host(f"host_key: {KEY}"), "kms03: host_key is none of the keys in host_keys"),
        (with_host("language: FRA"), "hosts.kms03.language: FRA is none of ENU, DEU, JPN"),
        (with_host("updates: kms_1_1"), "hosts.kms03.updates must be a list"),
        (with_host("updates: [kb968912]"), "has no update kb968912; there are kms_1_0, kms_1_1, kms_1_2"),
        (with_host("sessions: [asleep]"), "hosts.kms03.sessions: asleep is none of interactive, remote"),
        (with_host("count: 51"), "hosts.kms03.count: 51 is not a whole number from 0 to 50"),
        (with_host("ubr: x"), "hosts.kms03.ubr: x is not a whole number"),
        (
            CREDENTIALS + "hosts: {a: {persona: server-2022, address: 127.0.0.1, updates: [kb5034770]}}\n",
            "server-2022 has no update kb5034770; from 10.0 on `ubr` says it",
        ),
        (
            CREDENTIALS + "hosts: {a: {persona: server-2022, address: 127.0.0.1, dials: {licensing_service: slsvc}}}\n",
            "hosts.a.dials.licensing_service: there is no such dial",
        ),
        (CREDENTIALS + f"fleet: {{count: 9, persona: {PERSONA}, network: 127.0.0.0/29}}\n", "no room for 9 hosts"),
        (
            CREDENTIALS + f"fleet: [{{count: 5, {SMALL}}}, {{count: 2, {SMALL}}}]\n",
            "fleet[2].network: 127.0.0.0/29 has",
        ),
        (
            CREDENTIALS + f"fleet: {{count: 2, persona: {PERSONA}, network: 127.0.0.9}}\n",
            "fleet.network: 127.0.0.9/32 has no room for 2 hosts",
        ),
        ("domain: |\n  several\n  lines\n" + CREDENTIALS + HOST, "domain: several lines is not a DNS name"),
        (CREDENTIALS + "fleet: [500]\n", "fleet[1] must be a mapping"),
        (CREDENTIALS + "fleet: []\n", "there are no hosts"),
        (CREDENTIALS + f"fleet: {{count: 9, persona: {PERSONA}, network: 10.0.0.0/8}}\n", "not inside 127.0.0.0/8"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(EstateError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert sentence in message
    assert message.startswith(str(tmp_path / "ESTATE.yml"))
    assert "\n" not in message
    assert KEY not in message and "SECRET-KEY" not in message and "a:b" not in message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="cannot be read: No such file"):
        load_estate(tmp_path / "nothing.yml")


class _Loader(yaml.SafeLoader):
    """Reads `!unsafe` as Ansible does."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def group(text: str) -> dict[str, Any]:
    found = yaml.load(text, Loader=_Loader)["all"]["children"]["kms_hosts"]
    assert isinstance(found, dict)
    return found


def test_inventory(tmp_path: Path) -> None:
    more = f"  web: {{persona: {PERSONA}, address: 127.0.30.2, scheme: https, transport: basic}}\n"
    found = group(inventory_text(load(tmp_path, with_host("port: 80") + more)))
    assert found["vars"] == {
        "ansible_connection": "winrm", "ansible_user": "Administrator", "ansible_password": "Secret 1",
    }  # fmt: skip
    assert found["hosts"] == {
        "kms03": {
            "ansible_host": "127.0.30.1", "ansible_port": 80,
            "ansible_winrm_scheme": "http", "ansible_winrm_transport": "ntlm",
        },
        "web": {
            "ansible_host": "127.0.30.2", "ansible_port": 5986,
            "ansible_winrm_scheme": "https", "ansible_winrm_transport": "basic",
            "ansible_winrm_ca_trust_path": str(trusted_certificate(tmp_path / "ESTATE.yml")),
        },
    }  # fmt: skip


def test_passwords_in_the_inventory_are_no_templates(tmp_path: Path) -> None:
    text = HOST + "credentials: {user: Administrator, password: \"{{ 'x' }}\"}\n"
    written = inventory_text(load(tmp_path, text))
    assert "!unsafe" in written
    assert group(written)["vars"]["ansible_password"] == "{{ 'x' }}"


@pytest.mark.parametrize(("said", "read"), [("yes", True), ("no", False), ("Expired", "expired")])
def test_an_evaluation(tmp_path: Path, said: str, read: bool | str) -> None:
    (host,) = load(tmp_path, with_host(f"evaluation: {said}")).hosts
    assert host.options.evaluation == read


def test_an_evaluation_that_is_nonsense(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="evaluation: soon is neither true nor false"):
        load(tmp_path, with_host("evaluation: soon"))
