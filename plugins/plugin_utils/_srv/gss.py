# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs where no secret is shared: a principal of a Kerberos realm (GSS-TSIG, RFC 3645).

Internal to the collection activation.kms; not a public interface.

The user names a principal, with a password, a keytab, or the ticket that is there already; the key itself is negotiated
with each server, lives in memory, and ends with the task. Knows no Kerberos: a door of World does.
"""

from __future__ import annotations

import dataclasses

from .._errors import Refusal
from .._secret import Secret
from .._world import GssContext


@dataclasses.dataclass(frozen=True)
class NegotiatedKey:
    """A key that one server and we have agreed upon.

    Attributes:
        name: a single label. Samba 4.17 refuses every message signed by a key whose name shares a suffix with the zone.
        context: makes and judges the signatures.
    """

    name: str
    context: GssContext


@dataclasses.dataclass(frozen=True)
class GssKey:
    """Whose identity is used. Raises Refusal when made from what contradicts itself.

    Attributes:
        principal: kmsadmin@CORP.EXAMPLE; without a realm, the default one; "" for whoever has the ticket.
        password: the principal's.
        keytab: path of a file on the controller with the principal's keys.
        negotiated: the keys so far, by address and port of the server.
    """

    principal: str = ""
    password: Secret | None = None
    keytab: str = ""
    negotiated: dict[tuple[str, int], NegotiatedKey] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "principal", self.principal.strip())
        if self.password is not None and self.keytab:
            raise _bad("password and keytab are given; one of them is enough")
        if (self.password is not None or self.keytab) and not self.principal:
            raise _bad("password and keytab belong to a principal; name it in the option principal")
        if any(character.isspace() for character in self.principal) or self.principal.startswith("@"):
            raise _bad("principal is no Kerberos principal; write it as kmsadmin@CORP.EXAMPLE")

    @property
    def who(self) -> str:
        """As messages name it."""
        return f"Kerberos principal {self.principal}" if self.principal else "the Kerberos ticket of the controller"


def _bad(message: str) -> Refusal:
    return Refusal(message, name="bad_option", advice="Nothing was sent. Correct the option and run the play again.")
