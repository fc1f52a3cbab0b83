# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names and numbers a user writes for an SRV record, checked before anything is asked or sent.

Internal to the collection activation.kms; not a public interface.

Knows what a DNS name may look like. Knows nothing of servers and never looks a name up. Names leave here in lower case,
in A-label form (`xn--...`) and without a trailing dot.
"""

from __future__ import annotations

import ipaddress
import re

from .._errors import Refusal

SERVICE = "_vlmcs._tcp"  # the service KMS clients ask for, Microsoft Learn "Troubleshoot KMS DNS issues"
DEFAULT_PORT = 1688

_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_ZONE_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\Z")  # Active Directory domains may hold underscores
# IDNA 2003 turns these into something else than IDNA 2008 does, so only the written A-label is unambiguous.
_AMBIGUOUS = frozenset("\u00df\u03c2\u200c\u200d")
_LONGEST_LABEL = 63
_LONGEST_NAME = 253


def zone_name(text: str, what: str = "zone") -> str:
    """The DNS domain in which clients search for a KMS host. Raises Refusal."""
    name = _normal(text, what)
    labels = name.split(".")
    if name.startswith(SERVICE + "."):
        raise _bad(
            f"{what} {text!r} is the name of the record itself; write the domain it is for: {name[len(SERVICE) + 1 :]}"
        )
    if is_address(name):
        raise _bad(f"{what} {text!r} is an address; write the DNS domain of the clients, corp.example for instance")
    _check_labels(text, labels, _ZONE_LABEL, what, "letters, digits, hyphens and underscores")
    if len(owner_name(name)) > _LONGEST_NAME:
        raise _bad(f"{what} {text!r} is too long: with {SERVICE} before it, it exceeds {_LONGEST_NAME} characters")
    return name


def owner_name(zone: str) -> str:
    """The name at which the SRV records of a zone stand."""
    return f"{SERVICE}.{zone}"


def target_name(text: str) -> str:
    """The fully qualified name of a KMS host, fit to be an SRV target. Raises Refusal."""
    if str(text).strip() == ".":
        raise _bad("target '.' would tell every client that there is no KMS host; to remove a member use state: absent")
    name = _normal(text, "target")
    if is_address(name):
        raise _bad(f"target {text!r} is an address; an SRV record points to a name, kms1.corp.example for instance")
    if re.search(r":\d+\Z", name):
        raise _bad(f"target {text!r} holds a port; write the host name alone and give the port in the option port")
    labels = name.split(".")
    if any("_" in label for label in labels):
        raise _bad(
            f"target {text!r} holds an underscore, which no host name may (RFC 1123) and BIND refuses in SRV records; "
            "write the host's DNS name"
        )
    _check_labels(text, labels, _HOST_LABEL, "target", "letters, digits and hyphens")
    if len(labels) < 2:
        raise _bad(
            f"target {text!r} is a single label, which clients in other domains cannot resolve; "
            f"write the fully qualified name, {name}.corp.example for instance"
        )
    return name


def host_name(text: str, what: str = "server", port_option: str = "server_port") -> str:
    """A machine to be contacted: a host name, or an address as it stands. Raises Refusal."""
    stripped = str(text).strip().strip("[]")
    if is_address(stripped):
        return stripped
    name = _normal(text, what)
    if re.search(r":\d+\Z", name):
        raise _bad(f"{what} {text!r} holds a port; write the host alone, and the port in the option {port_option}")
    _check_labels(text, name.split("."), _ZONE_LABEL, what, "letters, digits and hyphens")
    return name


def key_name(text: str) -> str:
    """The name of a TSIG key. Raises Refusal, without the name: it may be the secret, where both were swapped."""
    try:
        name = _normal(text, "key_name")
        _check_labels(text, name.split("."), _ZONE_LABEL, "key_name", "letters, digits, hyphens and underscores")
    except Refusal:
        raise _bad(
            "key_name is not the name of a key, which holds letters, digits, hyphens, underscores and dots; write the "
            "name as it stands in the server's configuration, and look whether key_name and key_secret were swapped"
        ) from None
    return name


def address(text: str, what: str) -> str:
    """An IPv4 or IPv6 address. Raises Refusal."""
    stripped = str(text).strip().strip("[]")
    if not is_address(stripped):
        raise _bad(f"{what} is {text!r}; it must be an IPv4 or IPv6 address")
    return stripped


def number(value: int, what: str, least: int, most: int) -> int:
    """A number within its bounds. Raises Refusal."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _bad(f"{what} is {value!r}; it must be a whole number from {least} to {most}")
    return value


def _normal(text: str, what: str) -> str:
    """Lower case, A-labels, no trailing dot."""
    name = str(text).strip()
    if "{{" in name or "}}" in name:
        raise _bad(f"{what} {text!r} holds an unresolved template")
    if name.endswith("."):
        name = name[:-1]
    if not name:
        raise _bad(f"{what} is empty")
    if any(character in _AMBIGUOUS for character in name):
        raise _bad(f"{what} {text!r} holds a letter that IDNA standards disagree about; write the name as xn--...")
    return ".".join(_a_label(label, text, what) for label in name.lower().split("."))


def _a_label(label: str, text: str, what: str) -> str:
    if label.isascii():
        return label
    try:
        return label.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise _bad(f"{what} {text!r} is not a valid international name; write it as xn--...") from error


def _check_labels(text: str, labels: list[str], pattern: re.Pattern[str], what: str, allowed: str) -> None:
    for label in labels:
        if not label:
            raise _bad(f"{what} {text!r} has an empty label: two dots in a row, or one at the beginning")
        if len(label) > _LONGEST_LABEL:
            raise _bad(f"{what} {text!r} has a label of {len(label)} characters; at most {_LONGEST_LABEL} are allowed")
        if not pattern.match(label):
            raise _bad(
                f"{what} {text!r} is not a DNS name: the label {label!r} may hold {allowed} only, "
                "and neither begin nor end with a hyphen"
            )
    if len(".".join(labels)) > _LONGEST_NAME:
        raise _bad(f"{what} {text!r} is longer than the {_LONGEST_NAME} characters of a DNS name")


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _bad(message: str) -> Refusal:
    return Refusal(message, name="bad_name", advice="Nothing was sent. Correct the option and run the play again.")
