# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that cross the border between the core and the sockets around it.

Knows one exchange (Reply, Event), what an estate file can say about one host (HostOptions) and how a host publishes
itself (Publish). Refuses to know how bytes arrive and how a machine works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

ERROR_BAD_SIGNATURE = 9016


class PublishingError(OSError):
    """A machine's own record did not get into DNS. `number`: the error of Windows (winerror.h) its service sees."""

    def __init__(self, said: str, number: int = ERROR_BAD_SIGNATURE) -> None:
        super().__init__(said)
        self.number = number


class Publish(Protocol):
    """Takes the record a machine publishes of itself. Any OSError is a failed publication."""

    def __call__(
        self,
        zone: str,
        target: str,
        port: int,
        *,
        account: str,
        priority: int,
        weight: int,
        ttl: int,
        before: tuple[int, int, int] | None,
        withdrawn: bool,
    ) -> None:
        """`before`: priority, weight and port of its former record there; `withdrawn`: take this one away instead."""


SESSION_KINDS = ("interactive", "remote")
POLICY_FLAGS = ("enable_firewall", "no_exceptions", "local_rules")


@dataclass(frozen=True)
class Event:
    """What one exchange was, for the journal."""

    operation: str
    """identify, get, put, create, delete, enumerate, pull, release, invoke, shell or invalid."""
    resource: str
    """Class name, or for a shell the verb: create, command, send, receive, signal, delete."""
    method: str = ""
    """WMI method; for a shell command its command line; for enumerate the WQL text."""
    mutation: bool = False
    """Could it change the machine? Making and ending shells and read-only command lines could not."""


@dataclass(frozen=True)
class Reply:
    """The answer to one request."""

    status: int
    body: bytes
    event: Event
    delay: float = 0.0
    """Seconds the server holds the answer back."""
    drop: bool = False
    """After `delay` the connection is closed without an answer."""


@dataclass
class HostOptions:
    """Everything about one host that an estate file can say."""

    name: str
    persona: str = "server-2003-sp2-x86"
    domain: str = "corp.example"
    domain_member: bool = True
    firewall: str = "on"
    """on, off, or stopped (its service does not run)."""
    start: str = "bare"
    """What is installed at the beginning: bare, kms_1_0, kms_1_1, kms_1_2, and each with _unrestarted behind."""
    boot_seconds: float = 120.0
    """How long a restart takes. All other durations keep their proportion to it (see `Pace`)."""
    dials: Mapping[str, str] = field(default_factory=dict)
    """Explicit settings; what is not named here is drawn from `seed` (seed None: each dial's default)."""
    seed: int | None = None
    user: str = "Administrator"
    virtual: bool = False
    winrm_start_mode: str = "Auto"
    language: str = "ENU"
    """ENU, DEU or JPN."""
    ubr: int | None = None
    """The number behind the build from 10.0 on; None: the persona's."""
    updates: tuple[str, ...] = ()
    """Ids of updates installed (and effective) at the beginning, besides what `start` says: kb968912, kb3079821 ...;
    with _unrestarted behind, from 6.0 on: installed, and not restarted since."""
    host_key: str | None = None
    """A host key that is installed and activated at the beginning, with the updates it needs."""
    office_licences: tuple[str, ...] = ()
    """The licence packs of KMS for Office that are installed, by key group: office_2013, office_2016 ..."""
    office_key: str | None = None
    """A host key for Office that is installed and activated at the beginning; it needs its licence pack."""
    clock_offset: int | None = None
    """Seconds by which the clock is ahead (behind: negative); None: what the dial says."""
    count: int | None = None
    """How many clients the KMS host has counted at the beginning; None: none yet (dial count_after_new_key)."""
    sessions: tuple[str, ...] = ()
    """People who are logged on: `interactive` or `remote`, one a session."""
    cluster: bool = False
    """The cluster service is there and runs."""
    domain_controller: bool = False
    evaluation: bool | Literal["expired"] = False
    """An evaluation, or one whose days are over: it takes no key but one for Office."""
    group_policy: Mapping[str, Any] = field(default_factory=dict)
    """What Group Policy does to the firewall: enable_firewall, no_exceptions, local_rules (flags), open_ports (entries,
    5.2), rules (texts by id, from 6.0 on)."""
    tcpip_filtering: tuple[int, ...] = ()
    """The only TCP ports TCP/IP filtering lets in; empty: it is off."""
    ipsec_policy: bool = False
    """An IPsec policy is assigned."""
    rras: bool = False
    """Routing and Remote Access runs."""
    dns_server: bool = False
    """It is the Microsoft DNS server of the zones it is given."""

    @property
    def account(self) -> str:
        """The machine's account in its domain, "" without one."""
        return f"{self.name.upper()}$" if self.domain_member else ""

    @property
    def fqdn(self) -> str:
        """The full name under which this host stands in DNS."""
        return f"{self.name}.{self.domain}" if self.domain else self.name
