# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where records are read and written, and with which key.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import dataclasses
import typing as t

from .._errors import Refusal
from . import names
from .gss import GssKey
from .tsig import TsigKey

VerifyReply = t.Literal["strict", "readback"]
VERIFY_REPLY: t.Final[tuple[VerifyReply, ...]] = ("strict", "readback")


@dataclasses.dataclass(frozen=True)
class Place:
    """One `_vlmcs._tcp` name on one server. Raises Refusal when made from something impossible.

    Attributes:
        zone: the DNS domain the clients search; usually a zone of its own.
        server: the primary server's name or address.
        port: its TCP port.
        key: what to sign with, or None. A GssKey wants the server's name: its Kerberos service is called by it.
        server_address: where it is contacted; None: where its name leads.
        verify_reply: by default strict, with a GssKey readback, since servers that sign wrongly are among those that
            take one (Samba; Windows DNS, as documented). strict: an answer that cannot be verified is none. readback:
            it is believed as far as a later look confirms it.
    """

    zone: str
    server: str
    port: int = 53
    key: TsigKey | GssKey | None = None
    verify_reply: VerifyReply | None = None
    server_address: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", names.zone_name(self.zone))
        object.__setattr__(self, "server", names.host_name(self.server))
        names.number(self.port, "server_port", 1, 65535)
        if self.server_address is not None:
            object.__setattr__(self, "server_address", names.address(self.server_address, "server_address"))
        if isinstance(self.key, GssKey) and ("." not in self.server or names.is_address(self.server)):
            raise Refusal(
                f"server is {self.server}, but auth: gss_tsig needs the full name of the DNS server, "
                "dc1.corp.example for instance, because its Kerberos service is DNS/ and that name; give the address "
                "in server_address where the name does not lead there",
                name="bad_name",
                advice="Nothing was sent. Write the server's full name in server, and run the play again.",
            )
        if self.verify_reply is None:
            object.__setattr__(self, "verify_reply", "readback" if isinstance(self.key, GssKey) else "strict")
        if self.verify_reply not in VERIFY_REPLY:
            raise Refusal(f"verify_reply must be one of {', '.join(VERIFY_REPLY)}", name="bad_wish")

    @property
    def owner(self) -> str:
        """The name of the records."""
        return names.owner_name(self.zone)

    @property
    def peer(self) -> str:
        """The server as messages name it."""
        return self.server if self.port == 53 else f"{self.server} (port {self.port})"
