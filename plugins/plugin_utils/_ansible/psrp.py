# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from an action plugin through Ansible's own psrp connection: WS-Management bytes in and out.

Internal to the collection activation.kms; not a public interface.

The only file that knows the inside of ansible.builtin.psrp and of pypsrp. The plugin turns its options into arguments
of the WSMan class (`_build_kwargs`, `_psrp_conn_kwargs`), whose `transport` posts bytes. Its runspace pool is never
opened, so that the host needs neither PowerShell nor a session configuration. A contract test runs this file on every
supported ansible-core.
"""

from __future__ import annotations

import typing as t
import weakref

from .._errors import Refusal
from .door import Door

try:
    from pypsrp.exceptions import AuthenticationError, WinRMTransportError
    from pypsrp.wsman import WSMan

    HAS_PYPSRP = True
except ImportError:
    HAS_PYPSRP = False

_Made = tuple[dict[str, t.Any], t.Any]
_MADE: weakref.WeakKeyDictionary[t.Any, _Made] = weakref.WeakKeyDictionary()
"""The transport of a connection, and of what arguments it was made: the items of a loop share one login."""


def psrp_door(connection: t.Any, host: str) -> PsrpDoor:
    """The way through this connection; nothing is sent yet.

    Raises:
        Refusal: pypsrp is missing, or takes no such combination of options.
    """
    if not HAS_PYPSRP:
        raise Refusal(
            f"{host}: the connection of this host is psrp, but the Python library pypsrp is missing on the "
            "controller; install it with: pip install pypsrp, or set ansible_connection: winrm",
            name="library_missing",
            advice="pip install pypsrp",
        )
    try:
        return PsrpDoor(connection, host)
    except (ValueError, ImportError) as error:
        raise Refusal(
            f"{host}: these ansible_psrp_* variables do not go together ({error}); Basic and certificates need "
            "ansible_psrp_protocol: https, or say ansible_psrp_message_encryption: never",
            name="psrp_options",
            advice="Correct the ansible_psrp_* variables.",
        ) from None


class PsrpDoor(Door):
    """Sends WS-Management messages over one psrp connection."""

    trust_option = "ansible_psrp_ca_cert"
    path_option = "ansible_psrp_path"

    def __init__(self, connection: t.Any, host: str) -> None:
        """Contacts nobody. Raises ValueError."""
        self._host = host
        connection._build_kwargs()
        arguments = dict(connection._psrp_conn_kwargs)
        known, transport = _MADE.get(connection, ({}, None))
        if transport is None or known != arguments:
            transport = WSMan(**arguments).transport
            _MADE[connection] = (arguments, transport)
        connection._connected = True  # or Ansible makes another connection for the next item of a loop
        self._transport = transport

    def encrypted(self) -> bool:
        """As pypsrp has decided it from its options."""
        return bool(self._transport.ssl or self._transport.wrap_required)

    def disconnect(self) -> None:
        """Drop the session without a word; the next message logs in anew."""
        self._transport.close()
        self._transport.session = self._transport.encryption = None

    def _sealed(self) -> bool:
        return self._transport.encryption is not None

    def _post(self, message: bytes, patience: float) -> tuple[int, bytes]:
        transport = self._transport
        transport.read_timeout = patience
        self._open_session()
        try:
            answer: bytes = transport.send(message)
            return 200, answer
        except AuthenticationError:
            return 401, b""
        except WinRMTransportError as error:
            if self._logging_in():
                raise self._login_failed(int(error.code)) from None
            return int(error.code), str(error.response_text).encode("utf-8")
        except Exception as error:  # an answer that is none breaks the libraries in ways of their own
            raise self._silence(error, sent=not self._logging_in()) from None

    def _open_session(self) -> None:
        """As pypsrp would on its own, contacting nobody. Raises Refusal: the login lacks something."""
        if self._transport.session is not None:
            return
        try:
            session = self._transport.session = self._transport._build_session()
        except (ValueError, ImportError) as error:
            raise Refusal(
                f"{self._host}: the connection psrp cannot log in like that ({error}); correct ansible_psrp_auth, or "
                "give what it needs",
                name="psrp_options",
                advice="Correct the ansible_psrp_* variables, ansible_user and ansible_password.",
            ) from None
        session.max_redirects = 0  # a message is never sent to an address that nobody has named

    def _logging_in(self) -> bool:
        """Whether messages are to be sealed and cannot be yet: pypsrp logs in first, by an empty message."""
        return bool(self._transport.wrap_required) and self._transport.encryption is None
