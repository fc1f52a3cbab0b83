# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from an action plugin through Ansible's own winrm connection: WS-Management bytes in and out.

Internal to the collection activation.kms; not a public interface.

The only file that knows the inside of a connection plugin (ansible.builtin.winrm): its attributes `protocol` and
`shell_id`, and pywinrm's `transport`. A contract test runs it on every supported ansible-core. The plugin's habit of
opening a remote shell on connect is skipped: it costs two requests and a process on the host, and fails where WinRS is
disabled or at its quota although WMI would answer.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from .._errors import Refusal
from .._world import NoAnswer

try:
    import requests
    from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

    HAS_WINRM = True
except ImportError:
    HAS_WINRM = False

_NO_SHELL = "activation.kms wants no shell"  # any true value keeps the plugin from opening one
_SEALING = ("ntlm", "kerberos", "credssp")  # transports that can encrypt messages over HTTP
_READ_MARGIN = 10.0  # seconds the socket waits longer than WinRM was asked to take


def check_connection(connection: t.Any, host: str) -> None:
    """Refuse, before anything is sent, a connection this collection cannot use.

    Raises:
        Refusal: not winrm, several transports, or pywinrm missing.
    """
    kind = getattr(connection, "transport", None)
    if kind != "winrm":
        raise Refusal(
            f"{host}: this module speaks WS-Management through the connection plugin ansible.builtin.winrm, "
            f"but the connection of this host is {kind!r}; set ansible_connection: winrm (and ansible_port, "
            "ansible_winrm_transport) for it",
            name="connection_not_winrm",
            advice="Set ansible_connection: winrm for the host or the delegate.",
        )
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


class WinrmDoor:
    """Sends WS-Management messages over one winrm connection."""

    def __init__(self, connection: t.Any) -> None:
        self._connection = connection

    def encrypted(self) -> bool:
        """Whether messages travel encrypted: over TLS, or sealed by NTLM, Kerberos or CredSSP. Contacts nobody."""
        option = self._connection.get_option
        scheme = option("scheme") or ("http" if option("port") == 5985 else "https")
        if scheme == "https":
            return True
        by_user = "kerberos" if "@" in str(option("remote_user") or "") else "plaintext"
        transport = (option("transport") or [by_user])[0] or by_user
        extras = option("_extras") or {}
        return transport in _SEALING and extras.get("ansible_winrm_message_encryption", "auto") != "never"

    def send(self, message: bytes, timeout: float) -> tuple[int, bytes]:
        """Post one message; (HTTP status, body). Raises NoAnswer."""
        transport = self._transport()
        transport.read_timeout_sec = timeout + _READ_MARGIN
        self._open_session(transport)
        sealed = transport.encryption is not None
        status, body = self._post(transport, message)
        if sealed and status in (400, 401):
            # The server dropped the idle connection and cannot decrypt a body sealed for the old one; nothing was
            # carried out, so the same message is sent again in a new session.
            self._forget(transport)
            self._open_session(transport)
            status, body = self._post(transport, message)
        if status == 401:
            raise NoAnswer("the login was refused", sent=False, login_refused=True)
        return status, body

    def disconnect(self) -> None:
        """Drop the session without a word; the next message logs in anew."""
        if self._connection.protocol is not None:
            self._forget(self._connection.protocol.transport)

    def _transport(self) -> t.Any:
        """pywinrm's transport, connecting first where that has not happened."""
        connection = self._connection
        if connection.protocol is None:
            connection.shell_id = _NO_SHELL
            try:
                connection._connect()
            except (AnsibleConnectionFailure, AnsibleError) as error:
                raise NoAnswer(str(error), sent=False) from None
            finally:
                connection.shell_id = None
        return connection.protocol.transport

    @staticmethod
    def _forget(transport: t.Any) -> None:
        transport.close_session()
        transport.encryption = None

    def _open_session(self, transport: t.Any) -> None:
        """Log in where encryption needs it before the first message; nothing of ours has been sent if this fails."""
        try:
            # pywinrm has put the environment's proxies and certificates into the session by then; that requests looks
            # them up again for every message costs more than anything of ours.
            transport.build_session().trust_env = False
        except InvalidCredentialsError:
            self._forget(transport)
            raise NoAnswer("the login was refused", sent=False, login_refused=True) from None
        except WinRMTransportError as error:
            self._forget(transport)
            hint = ", so WinRM is not at this ansible_port and ansible_winrm_path" if error.code == 404 else ""
            raise NoAnswer(f"the login ended with HTTP status {error.code}{hint}", sent=False) from None
        except (requests.RequestException, WinRMError, OSError) as error:
            self._forget(transport)
            raise NoAnswer(_reason(error), sent=False) from None
        except BaseException:  # pywinrm would keep a session without encryption and send the next message openly
            self._forget(transport)
            raise

    def _post(self, transport: t.Any, message: bytes) -> tuple[int, bytes]:
        try:
            return 200, transport.send_message(message)
        except WinRMTransportError as error:
            return int(error.code), str(error.response_text).encode("utf-8")
        except InvalidCredentialsError:
            return 401, b""
        except (requests.RequestException, WinRMError, OSError) as error:
            self._forget(transport)
            raise NoAnswer(_reason(error), sent=not _never_sent(error)) from None


def _never_sent(error: Exception) -> bool:
    """Whether the error proves that the request did not reach the host."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    signs = ("NewConnectionError", "NameResolutionError", "CERTIFICATE_VERIFY_FAILED")
    return isinstance(error, requests.exceptions.ConnectionError) and any(sign in repr(error) for sign in signs)


def _reason(error: Exception) -> str:
    """A few words for a connection error; library texts are long and repeat URLs."""
    text = repr(error)
    for sign, words in (
        ("Connection refused", "the connection was refused"),
        ("ConnectTimeout", "no connection within the time-out"),
        ("ReadTimeout", "no answer within the time-out"),
        ("NameResolutionError", "the host name does not resolve"),
        ("Name or service not known", "the host name does not resolve"),
        ("CERTIFICATE_VERIFY_FAILED", "its TLS certificate is not trusted"),
        ("SSLError", "TLS could not be agreed on"),
        ("RemoteDisconnected", "the connection was closed without an answer"),
        ("reset by peer", "the connection was reset"),
        ("No route to host", "there is no route to the host"),
    ):
        if sign in text:
            return words
    return f"the connection failed ({type(error).__name__})"
