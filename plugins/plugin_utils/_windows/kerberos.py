# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a login to WinRM by Kerberos, as far as the controller can tell, in one sentence each.

Internal to the collection activation.kms; not a public interface.

Pure: judges what somebody else has found on the controller. Knows how the connection plugins winrm and psrp log in, and
how MIT's Kerberos reads its krb5.conf (MIT's documentation, krb5.conf(5)). Knows nothing of the host: what the host
makes of a ticket, its clock above all, only the host tells.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._errors import Refusal
from .._secret import Secret
from .._srv.names import is_address

DEFAULT_CONFIG = "/etc/krb5.conf"
OUT_OF_FILES: t.Final = ("KEYRING:", "KCM:", "API:", "MSLSA:")  # kinds of ticket caches that no folder holds
_RC4: t.Final = frozenset({"rc4", "arcfour-hmac", "arcfour-hmac-md5", "rc4-hmac", "default"})
_OFF: t.Final = frozenset({"n", "no", "false", "nil", "0", "off"})  # MIT's profile library, profile_get_boolean
_PAIR = re.compile(r"\s*([a-z0-9_]+)\s*=\s*(.*?)\s*$", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Login:
    """How a connection plugin logs in.

    Attributes:
        plugin: "winrm" or "psrp".
        host: whose ticket it asks for.
        service: for which service of it, "HTTP" for instance.
        principal: who logs in; "": whoever has the ticket.
        password: of the principal; None: a ticket is at hand.
        program: what gets the ticket, "kinit" for instance; "" where the library does.
        passed: variables of the environment that this program is given.
    """

    plugin: str
    host: str
    service: str = "HTTP"
    principal: str = ""
    password: Secret | None = None
    program: str = ""
    passed: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """The principal for a person."""
        return self.principal or "whoever runs Ansible"


@dataclasses.dataclass(frozen=True)
class Kerberos:
    """What there is on the controller.

    Attributes:
        login: how it is used; None where the connection does not use Kerberos.
        library: whether the plugin's Python library is there.
        program: whether the program that gets the ticket is there.
        config: where krb5.conf should be, by KRB5_CONFIG or by default.
        chosen: whether KRB5_CONFIG names it.
        config_found: whether there is one.
        settings: its [libdefaults], names in lower case.
        cache: where tickets are, by KRB5CCNAME or krb5.conf; "" for the library's default.
        tried: how an attempt to get a ticket for the host ended: "", or a reason of KerberosTrouble; "missing": nobody
            could try.
        said: what the library said then.
        canonical: the name that the host's name stands for in DNS; "" when it has none, or nobody asked.
        reverse: the name of its address.
    """

    key: t.ClassVar[str] = "kerberos"

    login: Login | None = None
    library: bool = True
    program: bool = True
    config: str = DEFAULT_CONFIG
    chosen: bool = False
    config_found: bool = True
    settings: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    cache: str = ""
    tried: str = ""
    said: str = ""
    canonical: str = ""
    reverse: str = ""

    def as_data(self) -> dict[str, t.Any]:
        """What a result shows of it."""
        if self.login is None:
            return {"used": False}
        return {
            "used": True,
            "principal": self.login.principal,
            "service": f"{self.login.service}/{self.login.host}",
            "config": self.config,
            "config_found": self.config_found,
            "ticket_cache": self.cache,
            "tried": self.tried != "missing",
        }


def libdefaults(lines: t.Iterable[str]) -> dict[str, str]:
    """The settings in the section [libdefaults], without its subsections; of two of a name the first counts."""
    found: dict[str, str] = {}
    inside, depth = False, 0
    for line in lines:
        text = line.strip()
        if text.startswith("["):
            inside, depth = text.rstrip("*").lower() == "[libdefaults]", 0
        elif text.startswith("}"):
            depth -= 1
        elif text.endswith("{"):
            depth += 1
        elif inside and not depth and text[:1] not in ("#", ";"):
            pair = _PAIR.match(text)
            if pair:
                found.setdefault(pair.group(1).lower(), pair.group(2).strip('"'))
    return found


def troubles(seen: Kerberos) -> list[Refusal]:
    """What is certainly wrong, the cause before its effects."""
    if seen.login is None:
        return []
    found = [*_missing(seen, seen.login)]
    if seen.tried not in ("", "missing"):
        found.append(_failed(seen, seen.login))
    return found


def _missing(seen: Kerberos, login: Login) -> t.Iterator[Refusal]:
    if not seen.library:
        library, extra = ("pykerberos", "pywinrm") if login.plugin == "winrm" else ("gssapi", "pypsrp")
        yield _trouble(
            "kerberos_library",
            f"the connection {login.plugin} needs the Python library {library} for Kerberos, which is missing on the "
            "controller, or cannot be loaded",
            f"Install it into the execution environment, or the Python environment, that runs Ansible: pip install "
            f"'{extra}[kerberos]'.",
        )
    if not seen.program:
        yield _trouble(
            "kerberos_kinit",
            f"the connection winrm gets its ticket with the program {login.program}, which is not on the controller",
            "Install it (krb5-workstation, or krb5-user on Debian) into the execution environment, or name it in "
            "ansible_winrm_kinit_cmd.",
        )
    if login.password is not None and not login.principal:
        yield _trouble(
            "kerberos_no_user",
            "there is a password, and no user that it belongs to",
            "Give ansible_user, as user@REALM with the realm in capitals.",
        )
    if login.program and seen.chosen and seen.config != DEFAULT_CONFIG and "KRB5_CONFIG" not in login.passed:
        yield _trouble(
            "kerberos_config_not_passed",
            f"KRB5_CONFIG names {seen.config}, but {login.program} is started without this variable and reads "
            f"{DEFAULT_CONFIG}",
            "Set ansible_winrm_kinit_env_vars: [KRB5_CONFIG].",
        )


def _failed(seen: Kerberos, login: Login) -> Refusal:
    """Why there was no ticket: by the attempt's end, and then by what explains it."""
    if seen.tried in ("realm_unknown", "kdc_unreachable") and not seen.config_found:
        return _trouble(
            "kerberos_no_config",
            f"there is no krb5.conf at {seen.config} on the controller, and DNS does not lead to a KDC for {login.who} "
            "either",
            "Put the realm's krb5.conf into the execution environment, or let AWX mount it (Paths to expose to "
            "isolated jobs); where it has another name, set KRB5_CONFIG.",
        )
    nothing_found = seen.tried in ("no_ticket", "failed")  # whatever else goes wrong, a ticket was there for it
    if nothing_found and login.password is None and seen.cache.upper().startswith(OUT_OF_FILES):
        return _trouble(
            "kerberos_cache_out_of_reach",
            f"there is no ticket of {login.who} in {seen.cache}, and a container (an execution environment) cannot use "
            "tickets that its host keeps there",
            "Let Ansible get its own ticket, with a user name and a password, or name a file that the container sees "
            "in KRB5CCNAME (FILE:/...).",
        )
    if seen.tried in ("principal_unknown", "realm_unknown"):
        badly_written = _badly_written(seen, login)
        if badly_written is not None:
            return badly_written
    if seen.tried == "service_unknown":
        return _nameless(seen, login)
    if seen.tried == "enctype":
        return _without_rc4(seen, login)
    name, what, advice = _REASONS.get(seen.tried, _REASONS["failed"])
    said = f" ({seen.said})" if seen.said else ""
    known = {"who": login.who, "service": f"{login.service}/{login.host}", "config": seen.config}
    return _trouble(name, what.format(**known) + said, advice.format(**known))


def _badly_written(seen: Kerberos, login: Login) -> Refusal | None:
    """A user that says no realm, or says it as Windows does."""
    if "\\" in login.principal:
        return _trouble(
            "kerberos_principal_unknown",
            f"{login.who} is a name for Windows and NTLM, which Kerberos does not take",
            "Write ansible_user as user@REALM, with the realm in capitals.",
        )
    if login.principal and not login.principal.partition("@")[2] and "default_realm" not in seen.settings:
        return _trouble(
            "kerberos_realm_unknown",
            f"{login.who} is without a realm, and {seen.config} has no default_realm",
            "Write ansible_user as user@REALM, with the realm in capitals.",
        )
    return None


def _nameless(seen: Kerberos, login: Login) -> Refusal:
    """The realm does not know the service: mostly the host has been called by another name than its own."""
    host, service = login.host, f"{login.service}/{login.host}"
    override = f"ansible_{login.plugin}_{'kerberos' if login.plugin == 'winrm' else 'negotiate'}_hostname_override"
    advice = f"Use the host's full name, as the domain has it, in ansible_host, or give it in {override}."
    if is_address(host):
        return _trouble("kerberos_address", f"Kerberos knows hosts by name, and {host} is an address", advice)
    if seen.canonical and seen.canonical.lower() != host.lower() and "." in host:
        what = f"{host} is an alias (CNAME) of {seen.canonical}, and the realm has no service {service}"
        return _trouble("kerberos_alias", what, advice)
    if "." not in host:
        what = f"{host} is a short name, and the realm has no service {service}"
        return _trouble("kerberos_short_name", what, advice)
    looked_up = not any(seen.settings.get(name, "").lower() in _OFF for name in ("rdns", "dns_canonicalize_hostname"))
    if looked_up and seen.reverse and seen.reverse.lower() != host.lower():
        return _trouble(
            "kerberos_reverse_name",
            f"the address of {host} has the name {seen.reverse}, which Kerberos takes for the host's and the realm "
            "does not know",
            f"Set rdns = false in the section [libdefaults] of {seen.config}, or correct the PTR record.",
        )
    other = " ansible_psrp_negotiate_service: HTTP asks for another service." if login.service == "WSMAN" else ""
    return _trouble(
        "kerberos_service_unknown",
        f"the realm knows no service {service}{f' ({seen.said})' if seen.said else ''}",
        f"Is {host} the host's name in the domain, and is it a member? setspn -L shows its names.{other}",
    )


def _without_rc4(seen: Kerberos, login: Login) -> Refusal:
    """Windows Server 2003 knows RC4 and DES only; MIT's Kerberos has no DES since 1.18."""
    names = ("permitted_enctypes", "default_tgs_enctypes")
    service = f"{login.service}/{login.host}"
    for name in filter(seen.settings.__contains__, names):
        if not _allows_rc4(seen.settings[name]):
            return _trouble(
                "kerberos_no_rc4",
                f"the realm has no encryption for {service} that the controller accepts, and {name} in {seen.config} "
                "leaves out RC4, the only one that Windows Server 2003 has",
                f"Add arcfour-hmac to {name}; on Red Hat's and CentOS' images the system-wide policy sets it: "
                "update-crypto-policies --set DEFAULT:AD-SUPPORT-LEGACY (or DEFAULT:AD-SUPPORT).",
            )
    return _trouble(
        "kerberos_enctype",
        f"the realm issues no ticket for {service} with an encryption that the controller accepts",
        "For Windows Server 2003 the account of the computer needs RC4 (4) in msDS-SupportedEncryptionTypes, since "
        "domain controllers take AES by default now; an MIT KDC of 1.21 or later needs allow_rc4 = true.",
    )


def _allows_rc4(setting: str) -> bool:
    """Whether a list of krb5.conf holds RC4: "DEFAULT -rc4" takes away what stands before it."""
    allowed = False
    for word in re.split(r"[\s,]+", setting.strip().lower()):
        name, taken = word.lstrip("+-"), word.startswith("-")
        if name in _RC4 and not (taken and name == "default"):
            allowed = not taken
    return allowed


def _trouble(name: str, what: str, advice: str) -> Refusal:
    return Refusal(f"{what}. {advice}", name=name, advice=advice)


_REASONS: t.Final[t.Mapping[str, tuple[str, str, str]]] = {
    "configuration": (
        "kerberos_config_unreadable",
        "Kerberos cannot read {config}",
        "Correct it, or the rights on it.",
    ),
    "realm_unknown": (
        "kerberos_realm_unknown",
        "no KDC is known for the realm of {who}, or of {service}",
        "Write the realm in capitals, or name its KDC in the section [realms] of {config}.",
    ),
    "kdc_unreachable": (
        "kerberos_no_kdc",
        "no KDC of the realm of {who} answers",
        "Is the KDC that {config} or DNS names the right one? TCP and UDP port 88 must be allowed from the controller.",
    ),
    "principal_unknown": (
        "kerberos_principal_unknown",
        "the realm does not know {who}",
        "Correct ansible_user, with the realm in capitals behind the @.",
    ),
    "secret_wrong": ("kerberos_password_wrong", "the password of {who} is wrong", "Correct ansible_password."),
    "password_expired": (
        "kerberos_password_expired",
        "the password of {who} has expired",
        "Set a new one, and let the passwords of service accounts not expire.",
    ),
    "revoked": ("kerberos_revoked", "{who} is locked or disabled in the realm", "Unlock the account."),
    "no_ticket": (
        "kerberos_no_ticket",
        "there is no ticket of {who} on the controller",
        "Give ansible_user (user@REALM) and ansible_password, in AWX by the machine credential, or run kinit before.",
    ),
    "ticket_expired": (
        "kerberos_ticket_expired",
        "the ticket of {who} has expired",
        "Run kinit again, or give ansible_password, so that Ansible gets a new ticket for each task.",
    ),
    "clock_skew": (
        "clock_skew",
        "the clocks of the controller and the KDC differ too much for {who}",
        "Synchronise both; Kerberos allows 300 seconds.",
    ),
    "failed": (
        "kerberos_failed",
        "Kerberos gave {who} no ticket for {service}",
        "Try the same with kinit and kvno {service} where Ansible runs.",
    ),
}
