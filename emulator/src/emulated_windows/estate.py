# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ESTATE.yml: which machines there are, where they listen, who may log on.

Knows every key of the file and has a sentence for every mistake in it. Refuses to know how anything is served.
All scalars are read as text first, so that `on`, `no` and `0123` mean what the author typed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from .contract import POLICY_FLAGS, SESSION_KINDS, HostOptions
from .estate_dns import DnsSettings, read_dns
from .key_groups import hosting, known_words
from .language import languages
from .persona import dial_table, personas
from .section import LABEL, EstateError, Section

TRANSPORTS = ("basic", "ntlm", "kerberos")
CERTIFICATES = ("trusted", "self_signed", "expired", "other_name")
SCHEMES = {"http": 5985, "https": 5986}
FIREWALLS = ("on", "off", "stopped")
START_MODES = ("Auto", "Manual", "Disabled")
_KB = re.compile(r"KB\d{6,7}")
"""Any other update, a later rollup for instance."""
MAX_HOSTS = 4000
_HOST_KEY = re.compile(r"[A-Z0-9]{5}(-[A-Z0-9]{5}){4}", re.IGNORECASE)
_NETBIOS_LENGTH = 15
_TEN_YEARS = 315_360_000


@dataclass(frozen=True)
class Credentials:
    """The one account of the estate, the same on every machine."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"


@dataclass(frozen=True)
class KerberosSettings:
    """The realm the machines are members of; `config` None: the krb5.conf of this system."""

    realm: str
    keytab: Path
    config: Path | None


@dataclass(frozen=True)
class HostSettings:
    """One machine: where it is served and, in `options`, what it is."""

    name: str
    address: str
    port: int
    scheme: str
    transport: str
    allow_unencrypted: bool
    options: HostOptions
    certificate: str = "trusted"
    """What is right or wrong with the certificate of a machine served over HTTPS."""

    @property
    def fqdn(self) -> str:
        """The machine's full DNS name."""
        return f"{self.options.name}.{self.options.domain}".lower()


@dataclass(frozen=True)
class Estate:
    """A whole ESTATE.yml."""

    path: Path
    domain: str
    credentials: Credentials
    dns: DnsSettings | None
    host_keys: Mapping[str, str]
    """By key: its key group, or the word `mak`."""
    blocked_keys: frozenset[str]
    """Those of them Microsoft has blocked."""
    hosts: tuple[HostSettings, ...]
    kerberos: KerberosSettings | None = None


class _Loader(yaml.SafeLoader):
    """YAML with text scalars only, and no key twice."""

    yaml_implicit_resolvers = {
        "<": [("tag:yaml.org,2002:merge", re.compile("<<"))],
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen and name != "<<":
                raise EstateError(f"{name} stands twice (line {key.start_mark.line + 1}).")
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_estate(path: Path) -> Estate:
    """Read and judge the file. Raises EstateError with one sentence."""
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_Loader)  # a SafeLoader
    except EstateError as error:
        raise EstateError(f"{path}: {error}") from None
    except OSError as error:
        raise EstateError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise EstateError(f"{path} is not UTF-8 text.") from None
    except yaml.YAMLError as error:
        raise EstateError(f"{path} is not valid YAML: {_yaml_problem(error)}.") from None
    if not isinstance(data, dict):
        raise EstateError(f"{path} must be a mapping with at least `credentials` and `hosts` or `fleet`.")
    try:
        return _estate(path, Section("", data))
    except EstateError as error:
        raise EstateError(f"{path}: {' '.join(str(error).split())}") from None  # a value may have several lines


def _yaml_problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    mark = getattr(error, "problem_mark", None)
    return f"{problem}, line {mark.line + 1}" if mark else str(problem)


def _estate(path: Path, top: Section) -> Estate:
    domain = top.domain("domain", "corp.example")
    credentials = _credentials(top.section("credentials"))
    boot_seconds = top.number("boot_seconds", 2.0)
    dns = read_dns(top.section("dns")) if top.has("dns") else None
    host_keys, blocked = _host_keys(top.section("host_keys")) if top.has("host_keys") else ({}, frozenset[str]())
    kerberos = _kerberos(path.parent, top.section("kerberos")) if top.has("kerberos") else None
    common = {"domain": domain, "boot_seconds": boot_seconds, "user": credentials.user}
    hosts: list[HostSettings] = []
    if top.has("hosts"):
        section = top.section("hosts")
        hosts += [_host(name, section.section(name), common) for name in section.names()]
    if top.has("fleet"):
        hosts += _fleets(top.sections("fleet"), common)
    top.finish()
    if not hosts:
        raise EstateError("there are no hosts: add `hosts` or `fleet`.")
    _refuse_clashes(hosts, dns)
    for host in hosts:
        for option in ("host_key", "office_key"):
            if getattr(host.options, option) not in (None, *host_keys):
                raise EstateError(f"{host.name}: {option} is none of the keys in host_keys.")
        if host.transport == "kerberos" and kerberos is None:
            raise EstateError(f"{host.name}: transport kerberos needs the key `kerberos` (realm, keytab, config).")
    return Estate(path, domain, credentials, dns, host_keys, blocked, tuple(hosts), kerberos)


def _credentials(section: Section) -> Credentials:
    found = Credentials(section.text("user"), section.text("password"))
    section.finish()
    for what, value in (("user", found.user), ("password", found.password)):
        # pyspnego reads accounts from lines of DOMAIN:user:password.
        if not value or ":" in value or not value.isprintable():
            raise EstateError(f"credentials.{what} must be one line of text without a colon.")
    if re.search(r"[\\@]", found.user):
        raise EstateError("credentials.user must be the bare name of a local account, such as Administrator.")
    return found


def _kerberos(folder: Path, section: Section) -> KerberosSettings:
    """Files are named as seen from the folder of ESTATE.yml."""
    realm = section.text("realm")
    if not re.fullmatch(r"[A-Z0-9.-]{1,200}", realm):
        raise EstateError(f"kerberos.realm: {realm} is not the name of a realm, in capitals.")
    keytab = folder / section.text("keytab")
    config = folder / section.text("config") if section.has("config") else None
    section.finish()
    return KerberosSettings(realm, keytab, config)


def _host_keys(section: Section) -> tuple[dict[str, str], frozenset[str]]:
    """The keys with their groups, and which of them are blocked."""
    keys, blocked = {}, set()
    for number, key in enumerate(section.names(), 1):
        if not _HOST_KEY.fullmatch(key):
            raise EstateError(f"host_keys: entry {number} is not a key of five times five characters with dashes.")
        entry = section.entry(key, f"host_keys: entry {number}")
        group = entry if isinstance(entry, str) else entry.text("group")
        if group not in known_words():
            raise EstateError(f"host_keys: entry {number} is of no key group; there are {', '.join(known_words())}.")
        keys[key.upper()] = group
        if isinstance(entry, Section):
            if entry.flag("blocked", False):
                blocked.add(key.upper())
            entry.finish()
    return keys, frozenset(blocked)


def _host(name: str, section: Section, common: Mapping[str, Any]) -> HostSettings:
    address = section.loopback("address")
    found = _machine(name, address, section, common)
    section.finish()
    return found


def _fleets(blocks: list[Section], common: Mapping[str, Any]) -> Iterator[HostSettings]:
    """The blocks of `fleet`. Numbers go on from block to block that share a prefix, addresses where they share a
    network."""
    names: dict[str, int] = {}
    networks: dict[ipaddress.IPv4Network, Iterator[ipaddress.IPv4Address]] = {}
    for section in blocks:
        count = section.integer("count", 1, MAX_HOSTS)
        prefix = section.text("prefix", "fleet")
        network = _network(section)
        free = networks.setdefault(network, iter(network.hosts()))
        first = names.get(prefix, 0) + 1
        names[prefix] = first + count - 1
        for number in range(first, first + count):
            address = next(free, None)
            if address is None:
                raise EstateError(f"{section.path('network')}: {network} has no room for {count} hosts.")
            yield _machine(f"{prefix}{number:04d}", str(address), section, common, number)
        section.finish()


def _network(section: Section) -> ipaddress.IPv4Network:
    where = section.path("network")
    try:
        network = ipaddress.IPv4Network(section.text("network"))
    except ValueError:
        raise EstateError(f"{where} must be an IPv4 network such as 127.1.0.0/16.") from None
    if not network.is_loopback:
        raise EstateError(f"{where}: {network} is not inside 127.0.0.0/8; emulated Windows serves loopback only.")
    return network


def _machine(name: str, address: str, section: Section, common: Mapping[str, Any], number: int = 0) -> HostSettings:
    if not LABEL.fullmatch(name) or len(name) > _NETBIOS_LENGTH:
        raise EstateError(
            f"{section.where}: {name} is not a computer name: up to {_NETBIOS_LENGTH} letters, digits and dashes."
        )
    scheme = section.choice("scheme", tuple(SCHEMES), "http")
    transport = section.choice("transport", TRANSPORTS, "ntlm")
    return HostSettings(
        name=name,
        address=address,
        port=section.port("port", SCHEMES[scheme]),
        scheme=scheme,
        transport=transport,
        allow_unencrypted=section.flag("allow_unencrypted", transport == "basic"),
        options=_options(name, section, common, number),
        certificate=section.choice("certificate", CERTIFICATES, "trusted"),
    )


def _options(name: str, section: Section, common: Mapping[str, Any], number: int) -> HostOptions:
    persona = section.choice("persona", tuple(sorted(personas())))
    seed = section.integer("seed", 0, 2**31) if section.has("seed") else None
    return HostOptions(
        name=name,
        persona=persona,
        domain=section.domain("domain", common["domain"]),
        domain_member=section.flag("domain_member", True),
        firewall=section.choice("firewall", FIREWALLS, "on"),
        start=section.text("start", "bare"),
        boot_seconds=section.number("boot_seconds", common["boot_seconds"]),
        dials=_dials(section, persona),
        seed=None if seed is None else seed + number,  # every machine of a fleet is drawn differently
        user=common["user"],
        virtual=section.flag("virtual", False),
        winrm_start_mode=section.choice("winrm_start_mode", START_MODES, "Auto"),
        language=section.choice("language", tuple(languages()), "ENU"),
        ubr=section.integer("ubr", 0, 99_999) if section.has("ubr") else None,
        updates=_updates(section, persona),
        host_key=section.text("host_key").upper() if section.has("host_key") else None,
        office_licences=tuple(section.texts("office_licences")),
        office_key=section.text("office_key").upper() if section.has("office_key") else None,
        clock_offset=_clock_offset(section),
        count=_count(section) if not number else None,  # in a fleet, `count` is the number of machines
        sessions=_sessions(section),
        cluster=section.flag("cluster", False),
        domain_controller=section.flag("domain_controller", False),
        evaluation=_evaluation(section),
        group_policy=_group_policy(section),
        tcpip_filtering=_ports(section, "tcpip_filtering"),
        ipsec_policy=section.flag("ipsec_policy", False),
        rras=section.flag("rras", False),
        dns_server=section.flag("dns_server", False),
    )


def _evaluation(section: Section) -> bool | Literal["expired"]:
    expired = section.text("evaluation", "false").lower() == "expired"
    return "expired" if expired else section.flag("evaluation", False)


def _updates(section: Section, persona: str) -> tuple[str, ...]:
    known = hosting()[personas()[persona].release.id].updates
    found = section.texts("updates")
    for update in found:
        name = update.removesuffix("_unrestarted")
        if name not in known and not _KB.fullmatch(name):
            there_are = f"there are {', '.join(known)}" if known else "from 10.0 on `ubr` says it"
            raise EstateError(f"{section.path('updates')}: {persona} has no update {update}; {there_are}.")
    return tuple(found)


def _group_policy(section: Section) -> dict[str, Any]:
    if not section.has("group_policy"):
        return {}
    policy = section.section("group_policy")
    found: dict[str, Any] = {word: policy.flag(word, True) for word in POLICY_FLAGS if policy.has(word)}
    if policy.has("open_ports"):
        found["open_ports"] = policy.texts("open_ports")
    if policy.has("rules"):
        rules = policy.section("rules")
        found["rules"] = {name: rules.text(name) for name in rules.names()}
    policy.finish()
    return found


def _ports(section: Section, key: str) -> tuple[int, ...]:
    found = section.texts(key)
    for text in found:
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
            raise EstateError(f"{section.path(key)}: {text} is not a port from 1 to 65535.")
    return tuple(map(int, found))


def _count(section: Section) -> int | None:
    return section.integer("count", 0, 50) if section.has("count") else None


def _clock_offset(section: Section) -> int | None:
    """Seconds, behind the true time where they are negative; up to ten years."""
    if not section.has("clock_offset"):
        return None
    text = section.text("clock_offset")
    if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII) or abs(int(text)) > _TEN_YEARS:
        raise EstateError(f"{section.path('clock_offset')}: {text} is not a number of seconds, up to ten years.")
    return int(text)


def _sessions(section: Section) -> tuple[str, ...]:
    found = section.texts("sessions")
    for kind in found:
        if kind not in SESSION_KINDS:
            raise EstateError(f"{section.path('sessions')}: {kind} is none of {', '.join(SESSION_KINDS)}.")
    return tuple(found)


def _dials(section: Section, persona: str) -> dict[str, str]:
    if not section.has("dials"):
        return {}
    table = dial_table(persona)
    dials = section.section("dials")
    for name in dials.names():
        if name not in table:
            raise EstateError(f"{dials.where}.{name}: there is no such dial; there are {', '.join(sorted(table))}.")
    return {name: dials.choice(name, table[name]) for name in dials.names()}


def _refuse_clashes(hosts: list[HostSettings], dns: DnsSettings | None) -> None:
    if len(hosts) > MAX_HOSTS:
        raise EstateError(f"{len(hosts)} hosts are too many for one process; the limit is {MAX_HOSTS}.")
    names: set[str] = set()
    addresses: dict[str, str] = {}
    for host in hosts:
        if host.options.dns_server and (dns is None or not dns.microsoft):
            raise EstateError(f"{host.name}: dns_server is for estates with dns: {{flavour: microsoft, ...}}.")
        if host.name.lower() in names:
            raise EstateError(f"there are two hosts named {host.name}.")
        if host.address in addresses:
            raise EstateError(f"{addresses[host.address]} and {host.name} share {host.address}; each needs its own.")
        names.add(host.name.lower())
        addresses[host.address] = host.name
        if dns is not None and (host.address, host.port) == (dns.address, dns.port):
            raise EstateError(f"dns and {host.name} share {host.address}:{host.port}.")
