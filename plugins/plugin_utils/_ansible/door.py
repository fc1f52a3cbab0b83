# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every way to a managed host has in common: a session mended once, and what silence means.

Internal to the collection activation.kms; not a public interface.

Knows the exceptions of requests, on which the libraries of all connections that can be used are built. Refuses to know
any connection plugin: those are `winrm` and `psrp` beside it.
"""

from __future__ import annotations

import abc
import http.client
import typing as t

from .._world import NoAnswer

try:
    import requests
except ImportError:  # then there is no library of any connection either, and no door is made
    requests = t.cast(t.Any, None)

_READ_MARGIN = 10.0  # seconds the socket waits longer than WinRM was asked to take
_LOGIN_LIBRARIES = ("spnego", "krb5", "gssapi", "kerberos", "requests_credssp")
BY_KERBEROS = (
    "run the playbook activation.kms.preflight, which names the mistake; ansible_user must be user@REALM, and "
    "ansible_host the host's full name in the domain"
)
BY_OPTIONS = "correct ansible_user, ansible_password and the other variables of this connection"
_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
_NO_BUNDLE = "TLS CA certificate bundle"  # requests' words for a file of trusted certificates that is not there


class Door(abc.ABC):
    """Sends WS-Management messages over one connection."""

    trust_option: t.ClassVar[str]
    """The inventory's variable for the certificates of an authority, to be named where one is not trusted."""

    path_option: t.ClassVar[str]
    """The inventory's variable for the path of WinRM."""

    @abc.abstractmethod
    def encrypted(self) -> bool:
        """Whether messages travel encrypted: over TLS, or sealed by NTLM, Kerberos or CredSSP. Contacts nobody."""

    def send(self, message: bytes, timeout: float) -> tuple[int, bytes]:
        """Post one message; (HTTP status, body). Raises NoAnswer."""
        patience = timeout + _READ_MARGIN
        status, body = self._post(message, patience)
        if status in (400, 401) and self._sealed():
            # The server dropped the idle connection and cannot decrypt a body sealed for the old one; nothing was
            # carried out, so the same message is sent again in a new session.
            self.disconnect()
            status, body = self._post(message, patience)
        if status == 401:
            raise self._login_refused()
        return status, body

    @abc.abstractmethod
    def disconnect(self) -> None:
        """Drop the session without a word; the next message logs in anew."""

    @abc.abstractmethod
    def _sealed(self) -> bool:
        """Whether the session seals its messages."""

    @abc.abstractmethod
    def _post(self, message: bytes, patience: float) -> tuple[int, bytes]:
        """Log in where that has not happened, then post one message. Raises NoAnswer."""

    def _login_refused(self) -> NoAnswer:
        """What is to be raised then. Forgets the session, and so do the others."""
        self.disconnect()
        return NoAnswer("the login was refused", sent=False, login_refused=True)

    def _login_failed(self, status: int) -> NoAnswer:
        """A login that ended with another HTTP status than 401."""
        self.disconnect()
        hint = f", so WinRM is not at this ansible_port and {self.path_option}" if status == 404 else ""
        return NoAnswer(f"the login ended with HTTP status {status}{hint}", sent=False)

    def _silence(self, error: Exception, *, sent: bool = True) -> NoAnswer:
        """An exception of the transport; `sent`: whether the message was on its way when it came."""
        of_login = _of_login(error, self._sealed())
        self.disconnect()
        if of_login:
            words = "the login could not be made on the controller"
            return NoAnswer(f"{words} ({error})", sent=sent, advice=BY_KERBEROS)
        reason, advice = _explained(error)
        return NoAnswer(reason, sent=sent and not _never_sent(error), advice=advice.format(trust=self.trust_option))


def _of_login(error: Exception, sealed: bool) -> bool:
    """Whether a login failed; in a session that seals, the same libraries complain of an answer they cannot open."""
    kind = type(error)
    library = kind.__module__.partition(".")[0] in _LOGIN_LIBRARIES
    return (library and not sealed) or kind.__name__ == "KerberosExchangeError"


def _never_sent(error: Exception) -> bool:
    """Whether the error proves that the request did not reach the host."""
    if isinstance(error, (requests.exceptions.ConnectTimeout, UnicodeEncodeError)):
        return True
    signs = ("NewConnectionError", "NameResolutionError", _CERTIFICATE, _NO_BUNDLE)
    return isinstance(error, OSError) and any(sign in repr(error) for sign in signs)


def _explained(error: Exception) -> tuple[str, str]:
    """A few words for a connection error, since library texts are long and repeat URLs; and what to do, if known."""
    text = repr(error)
    for sign, words, advice in _SIGNS:
        if sign in text:
            return words, advice
    kind = type(error).__name__
    if kind == "WinRMError":  # pywinrm's and pypsrp's own words, mostly of an option that cannot be
        return f"the connection failed ({error})", BY_OPTIONS
    if isinstance(error, (OSError, http.client.HTTPException)):
        return f"the connection failed ({kind})", ""
    advice = "look whether WinRM is at this ansible_port, and for a proxy between the controller and the host"
    return f"what came over the connection makes no sense ({kind})", advice


_SIGNS = (
    ("Connection refused", "the connection was refused", ""),
    ("ConnectTimeout", "no connection within the time-out", ""),
    ("ReadTimeout", "no answer within the time-out", ""),
    ("NameResolutionError", "the host name does not resolve", ""),
    ("TimeoutError", "no answer within the time-out", ""),  # ours or urllib3's
    ("Name or service not known", "the host name does not resolve", ""),
    (
        "certificate is not valid for",  # "Hostname mismatch" and "IP address mismatch" of OpenSSL
        "its TLS certificate is for another name",
        "set ansible_host to a name that the certificate bears, or give WinRM's listener one for this name",
    ),
    (
        "certificate has expired",
        "its TLS certificate has expired",
        "give WinRM's listener a new one (and look at the controller's clock)",
    ),
    (
        _CERTIFICATE,
        "its TLS certificate is not trusted",
        "set {trust} to a file with the certificate of the authority that issued it",
    ),
    (_NO_BUNDLE, "the file with the certificates to be trusted is not there", "correct {trust}"),
    ("SSLError", "TLS could not be agreed on", ""),
    ("RemoteDisconnected", "the connection was closed without an answer", ""),
    ("reset by peer", "the connection was reset", ""),
    ("No route to host", "there is no route to the host", ""),
    (
        "TooManyRedirects",
        "the web server sends to another address, which WinRM never does",
        "correct ansible_port and the path",
    ),
    (
        "UnicodeEncodeError",
        "the user name or the password has characters that Basic cannot carry (it takes Latin-1)",
        "log in by NTLM or Kerberos",
    ),
)
