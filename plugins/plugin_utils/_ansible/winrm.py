# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from an action plugin through Ansible's own winrm connection: WS-Management bytes in and out.

Internal to the collection activation.kms; not a public interface.

The only file that knows the inside of ansible.builtin.winrm: its attributes `protocol` and `shell_id`, and pywinrm's
`transport`. A contract test runs it on every supported ansible-core. The plugin's habit of opening a remote shell on
connect is skipped: it costs two requests and a process on the host, and fails where WinRS is disabled or at its quota
although WMI would answer.
"""

from __future__ import annotations

import contextlib
import sys
import types
import typing as t
import weakref

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from .._errors import Refusal
from .._world import NoAnswer
from .door import BY_KERBEROS, BY_OPTIONS, Door
from .line import Line

try:
    from winrm.exceptions import InvalidCredentialsError, WinRMTransportError

    HAS_WINRM = True
except ImportError:
    HAS_WINRM = False

_NO_SHELL = "activation.kms wants no shell"  # any true value keeps the plugin from opening one
_LOGIN = ("remote_addr", "port", "scheme", "path", "remote_user", "remote_password", "transport", "_extras")
_MADE: weakref.WeakKeyDictionary[t.Any, list[t.Any]] = weakref.WeakKeyDictionary()
"""Of what options a connection has logged in, or will."""

_SEAL_OF_KERBEROS = "authGSSWinRMEncryptMessage"
_SEALING = ("ntlm", "kerberos", "credssp")  # transports that can encrypt messages over HTTP


with contextlib.suppress(Exception):
    # What spnego and OpenSSL set up at their first use, DES and RC4, each forked worker would set up for itself: set up
    # here, it is there already. Where they are forbidden (FIPS), or elsewhere in another release, that is all the same.
    from spnego._ntlm_raw.crypto import lmowfv1, rc4init

    lmowfv1("nothing")
    rc4init(bytes(16))


def winrm_door(connection: t.Any, host: str) -> WinrmDoor:
    """The way through this connection; nothing is sent yet.

    Raises:
        Refusal: several transports, or pywinrm missing.
    """
    if not HAS_WINRM:
        raise Refusal(
            f"{host}: the Python library pywinrm (0.5.0 or later) is missing on the controller; "
            "install it with: pip install 'pywinrm>=0.5.0'",
            name="library_missing",
            advice="pip install 'pywinrm>=0.5.0'",
        )
    transports = connection.get_option("transport") or []
    if len(transports) > 1:
        raise Refusal(
            f"{host}: ansible_winrm_transport names {len(transports)} transports ({', '.join(transports)}); "
            "name exactly one, so that it is certain how the host key travels",
            name="several_transports",
            advice="Set ansible_winrm_transport to one value, ntlm for instance.",
        )
    return WinrmDoor(connection)


class WinrmDoor(Door):
    """Sends WS-Management messages over one winrm connection."""

    trust_option = "ansible_winrm_ca_trust_path"
    path_option = "ansible_winrm_path"

    def __init__(self, connection: t.Any) -> None:
        self._connection = connection
        self.line: Line | None = None
        login = [connection.get_option(name) for name in _LOGIN]
        if _MADE.setdefault(connection, login) != login:
            # Ansible uses a connection again for the next item of a loop, which may have another user or port.
            self.disconnect()
            connection.protocol = None
            _MADE[connection] = login

    def encrypted(self) -> bool:
        """As the plugin's options and pywinrm decide it."""
        option = self._connection.get_option
        scheme = option("scheme") or ("http" if option("port") == 5985 else "https")
        if scheme == "https":
            return True
        # Without the library, ansible-core before 2.19 takes Basic for a user@REALM; later ones take nothing.
        kerberos = getattr(sys.modules[type(self._connection).__module__], "kerberos", None)
        by_user = "kerberos" if kerberos is not None and "@" in str(option("remote_user") or "") else "plaintext"
        transport = (option("transport") or [by_user])[0] or by_user
        if transport == "kerberos" and kerberos is not None and not hasattr(kerberos, _SEAL_OF_KERBEROS):
            return False  # Apple's library of this name, or an old pykerberos: pywinrm sends openly without a word
        extras = option("_extras") or {}
        return transport in _SEALING and extras.get("ansible_winrm_message_encryption", "auto") != "never"

    def disconnect(self) -> None:
        """Drop the session without a word; the next message logs in anew."""
        if self._connection.protocol is not None:
            transport = self._connection.protocol.transport
            transport.close_session()
            transport.encryption = None

    def _sealed(self) -> bool:
        protocol = self._connection.protocol
        return protocol is not None and protocol.transport.encryption is not None

    def _post(self, message: bytes, patience: float) -> tuple[int, bytes]:
        transport = self._transport()
        transport.read_timeout_sec = patience
        self._open_session(transport)
        line = self.line
        try:
            if line is not None and line.session is transport.session and line.stands:
                status, body = self._by_line(line, transport, message)
                if status != 401 or transport.encryption is not None:  # what is sealed can only be sealed anew
                    return status, body
            return self._by_pywinrm(transport, message)
        except Exception as error:  # an answer that is none breaks the libraries in ways of their own
            raise self._silence(error) from None

    @staticmethod
    def _by_line(line: Line, transport: t.Any, message: bytes) -> tuple[int, bytes]:
        """Straight on the connection, sealed where the session seals."""
        seal = transport.encryption
        if seal is None:
            status, _headers, body = line.post(message, transport.read_timeout_sec, {})
            return status, body
        sealed = seal.prepare_encrypted_request(_Plain(), transport.endpoint, message)
        status, headers, body = line.post(
            sealed.body, transport.read_timeout_sec, {"Content-Type": sealed.headers["Content-Type"]}
        )
        if body:
            asked = types.SimpleNamespace(url=transport.endpoint)
            body = seal.parse_encrypted_response(types.SimpleNamespace(headers=headers, content=body, request=asked))
        return status, body

    @staticmethod
    def _by_pywinrm(transport: t.Any, message: bytes) -> tuple[int, bytes]:
        """With a login where that is wanted."""
        try:
            return 200, transport.send_message(message)
        except WinRMTransportError as error:
            return int(error.code), str(error.response_text).encode("utf-8")
        except InvalidCredentialsError:
            return 401, b""

    def _transport(self) -> t.Any:
        """pywinrm's transport, connecting first where that has not happened."""
        connection = self._connection
        if connection.protocol is None:
            connection.shell_id = _NO_SHELL
            try:
                connection._connect()
            except (AnsibleConnectionFailure, AnsibleError) as error:
                # No shell, so nobody has been spoken to but by kinit: it is the options.
                advice = BY_KERBEROS if "kerberos" in str(error).lower() else BY_OPTIONS
                raise NoAnswer(str(error), sent=False, advice=advice) from None
            finally:
                connection.shell_id = None
        return connection.protocol.transport

    def _open_session(self, transport: t.Any) -> None:
        """Log in where encryption needs it before the first message; nothing of ours has been sent if this fails."""
        try:
            # pywinrm has put the environment's proxies and certificates into the session by then; that requests looks
            # them up again for every message costs more than anything of ours.
            session = transport.build_session()
            session.trust_env = False
            session.max_redirects = 0  # a message is never sent to an address that nobody has named
        except InvalidCredentialsError:
            raise self._login_refused() from None
        except WinRMTransportError as error:
            raise self._login_failed(int(error.code)) from None
        except Exception as error:
            raise self._silence(error, sent=False) from None
        except BaseException:  # pywinrm would keep a session without encryption and send the next message openly
            self.disconnect()
            raise
        if self.line is None or self.line.session is not session:
            self.line = Line(session, transport.endpoint)


class _Plain:
    """What pywinrm's encryption asks of a session: a request to put a body and headers into."""

    @staticmethod
    def prepare_request(request: t.Any) -> t.Any:
        """The sealed body as it is."""
        return types.SimpleNamespace(body=request.data, headers={})
