# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through ansible-core's winrm plugin: no shell on connect, a session mended once, what silence means."""

from __future__ import annotations

import socket
import sys
import threading
import types
import typing as t

import pytest
import requests
from ansible.errors import AnsibleConnectionFailure
from spnego.exceptions import BadMICError, InvalidTokenError
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMTransportError

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.winrm import WinrmDoor, winrm_door
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber, Secret
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.tests.unit.action.tasks import PASSWORD, Transport, connection

MESSAGE = b"<s:Envelope/>"


class Echo(Transport):
    """Answers everything with a word."""

    def answered(self, message: bytes) -> tuple[int, bytes]:
        return 200, b"answered"


def door(transport: Transport) -> WinrmDoor:
    return WinrmDoor(connection(over=transport))


def silence(transport: Transport) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        door(transport).send(MESSAGE, 60)
    assert PASSWORD not in caught.value.reason
    return caught.value


# -- connecting


class Protocol:
    """pywinrm's Protocol: what the plugin makes when it connects."""

    made: t.ClassVar[list[Protocol]] = []

    def __init__(self, endpoint: str, transport: str = "", **options: t.Any) -> None:
        self.endpoint = endpoint
        self.kind = transport
        self.options = options
        self.shells = 0
        self.transport = Echo()
        self.made.append(self)

    def open_shell(self, **options: t.Any) -> str:
        self.shells += 1
        return "a shell"

    def close_shell(self, shell_id: str) -> None:
        raise AssertionError("there is no shell to close")


@pytest.fixture
def protocol(monkeypatch: pytest.MonkeyPatch) -> type[Protocol]:
    monkeypatch.setattr(sys.modules[type(connection()).__module__], "Protocol", Protocol)
    Protocol.made = []
    return Protocol


def test_the_plugin_connects_without_a_shell_and_is_left_as_it_was(protocol: type[Protocol]) -> None:
    using = connection()
    assert WinrmDoor(using).send(MESSAGE, 60) == (200, b"answered")
    (made,) = protocol.made
    assert (made.shells, made.kind) == (0, "ntlm")
    assert made.endpoint == "http://kms01:5985/wsman"
    assert using.shell_id is None, "whoever runs a command next opens a shell of his own"
    using.close()
    assert made.shells == 0


def test_the_plugin_can_be_used_for_commands_afterwards(protocol: type[Protocol]) -> None:
    using = connection()
    WinrmDoor(using).send(MESSAGE, 60)
    using.reset()
    assert using.shell_id == "a shell"
    assert protocol.made[-1].shells == 1
    using.protocol = None  # nobody is to close it


def test_one_connection_serves_many_messages(protocol: type[Protocol]) -> None:
    using = connection()
    for _ in range(3):
        WinrmDoor(using).send(MESSAGE, 60)
    assert len(protocol.made) == 1
    assert protocol.made[0].transport.logged_in == 1


def test_a_connection_that_fails_was_never_sent_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: t.Any, *args: t.Any, **options: t.Any) -> None:
        raise AnsibleConnectionFailure("Kerberos auth failure for principal x: no such realm")

    using = connection()
    monkeypatch.setattr(type(using), "_winrm_connect", fail)
    with pytest.raises(NoAnswer, match="Kerberos auth failure") as caught:
        WinrmDoor(using).send(MESSAGE, 60)
    assert caught.value.sent is False
    assert using.shell_id is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transport": ["telepathy"]}, "does not support transport"),
        ({"remote_password": None}, "requires a password"),
        ({"transport": ["certificate"]}, "cert_pem"),
        ({"transport": ["basic"], "_extras": {"ansible_winrm_message_encryption": "always"}}, "does not support it"),
    ],
)
def test_options_that_cannot_be_are_told_as_such(options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(NoAnswer, match=words) as caught:
        WinrmDoor(connection(**options)).send(MESSAGE, 60)
    assert not caught.value.sent and "variables of this connection" in caught.value.advice


# -- sessions


def test_a_message_is_sealed_before_the_first_one_goes_out() -> None:
    transport = Echo()
    assert door(transport).send(MESSAGE, 60) == (200, b"answered")
    assert transport.encryption is not None and transport.sent == [MESSAGE]


@pytest.mark.parametrize("status", [400, 401])
def test_a_sealed_session_the_host_has_forgotten_is_mended_once(status: int) -> None:
    transport = Echo()
    transport.answers = [status]
    assert door(transport).send(MESSAGE, 60) == (200, b"answered")
    assert transport.sent == [MESSAGE, MESSAGE]
    assert transport.logged_in == 2


def test_a_message_the_host_refuses_again_is_not_sent_a_third_time() -> None:
    transport = Echo()
    transport.answers = [400, 400, 400]
    assert door(transport).send(MESSAGE, 60) == (400, b"")
    assert len(transport.sent) == 2


def test_an_open_message_the_host_refuses_is_not_sent_again() -> None:
    transport = Echo(sealing=False)
    transport.answers = [400]
    assert door(transport).send(MESSAGE, 60)[0] == 400
    assert len(transport.sent) == 1


@pytest.mark.parametrize("sealing", [True, False])
def test_a_login_that_is_refused(sealing: bool) -> None:
    transport = Echo(sealing=sealing)
    transport.answers = [401, 401]
    found = silence(transport)
    assert (found.login_refused, found.sent) == (True, False)


def test_a_login_that_is_refused_before_the_first_message() -> None:
    transport = Echo()
    transport.logins = [InvalidCredentialsError("rejected")]
    found = silence(transport)
    assert (found.login_refused, found.sent, transport.sent) == (True, False, [])


@pytest.mark.parametrize(
    "trouble",
    [
        InvalidCredentialsError("rejected"),
        WinRMTransportError("http", 503, ""),
        requests.ConnectionError("reset by peer"),
        WinRMError("no encryption"),
        OSError("no route to host"),
        KeyError("www-authenticate"),
        InvalidTokenError(),
    ],
)
def test_a_login_that_broke_never_leaves_a_session_that_would_send_unsealed(trouble: Exception) -> None:
    transport = Echo()
    transport.logins = [trouble]
    found = silence(transport)
    assert found.sent is False
    assert transport.session is None and transport.encryption is None
    assert door(transport).send(MESSAGE, 60) == (200, b"answered"), "the next message logs in anew"


@pytest.mark.parametrize("status", [500, 503, 404])
def test_a_status_is_handed_on_with_its_body(status: int) -> None:
    transport = Echo()
    transport.answers = [WinRMTransportError("http", status, "<fault/>")]
    assert door(transport).send(MESSAGE, 60) == (status, b"<fault/>")
    assert len(transport.sent) == 1


def test_the_socket_waits_longer_than_winrm_may_take() -> None:
    transport = Echo()
    door(transport).send(MESSAGE, 300)
    assert transport.read_timeout_sec > 300


def test_disconnecting_forgets_the_session_and_speaks_to_nobody() -> None:
    transport = Echo()
    using = door(transport)
    using.send(MESSAGE, 60)
    using.disconnect()
    assert transport.session is None and transport.encryption is None
    assert len(transport.sent) == 1
    WinrmDoor(connection()).disconnect()  # never connected: nothing happens


# -- silence

NOBODY: t.Any = None  # urllib3 wants its pool or connection, and only shows it
REFUSED = requests.ConnectionError(
    MaxRetryError(NOBODY, "/wsman", NewConnectionError(NOBODY, "[Errno 111] Connection refused"))
)
NO_NAME = requests.ConnectionError(
    MaxRetryError(NOBODY, "/wsman", NameResolutionError("kms01", NOBODY, socket.gaierror(-2, "x")))
)
CLOSED = requests.ConnectionError("Connection aborted", "RemoteDisconnected('closed')")


@pytest.mark.parametrize(
    ("trouble", "sent", "words"),
    [
        (REFUSED, False, "the connection was refused"),
        (NO_NAME, False, "does not resolve"),
        (requests.ConnectTimeout("ConnectTimeout"), False, "within the time-out"),
        (requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self signed"), False, "is not trusted"),
        (requests.ReadTimeout("ReadTimeout"), True, "no answer within the time-out"),
        (CLOSED, True, "closed without an answer"),
        (requests.ConnectionError("Connection reset by peer"), True, "was reset"),
        (ConnectionResetError(104, "Connection reset by peer"), True, "was reset"),
        (WinRMError("no such message encryption"), True, "the connection failed (no such message encryption)"),
        (requests.TooManyRedirects("Exceeded 0 redirects."), True, "sends to another address"),
        (requests.exceptions.ChunkedEncodingError("x"), True, "the connection failed (ChunkedEncodingError)"),
        (KeyError("content-type"), True, "makes no sense (KeyError)"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), True, "makes no sense (UnicodeDecodeError)"),
        (UnicodeEncodeError("latin-1", f"{PASSWORD}\u20ac", 20, 21, "x"), False, "characters that Basic cannot carry"),
        (BadMICError(), True, "makes no sense (BadMICError)"),
    ],
)
def test_silence_says_whether_the_message_can_have_arrived(trouble: Exception, sent: bool, words: str) -> None:
    transport = Echo()
    transport.answers = [trouble]
    found = silence(transport)
    assert found.sent is sent
    assert words in found.reason
    assert len(transport.sent) == 1, "an answer that never came is never asked for again"
    assert transport.session is None


# -- what may be used


@pytest.mark.parametrize(
    ("options", "encrypted"),
    [
        ({"transport": ["ntlm"]}, True),
        ({"transport": ["kerberos"]}, True),
        ({"transport": ["credssp"]}, True),
        ({"transport": ["basic"]}, False),
        ({"transport": ["plaintext"]}, False),
        ({"transport": None}, False),
        ({"transport": ["basic"], "scheme": "https"}, True),
        ({"transport": ["basic"], "port": 5986}, True),
        ({"transport": ["basic"], "port": 5986, "scheme": "http"}, False),
        ({"transport": ["ntlm"], "_extras": {"ansible_winrm_message_encryption": "never"}}, False),
        ({"transport": ["ntlm"], "_extras": {"ansible_winrm_message_encryption": "always"}}, True),
    ],
)
def test_whether_messages_travel_encrypted(options: dict[str, t.Any], encrypted: bool) -> None:
    assert WinrmDoor(connection(**options)).encrypted() is encrypted


@pytest.mark.parametrize("transport", [None, ["kerberos"]])
@pytest.mark.parametrize("library", ["pykerberos", "one that cannot seal", "none"])
def test_kerberos_seals_only_where_its_library_does(
    library: str, transport: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any, ansible-core before 2.19 logs in a user@REALM by Basic, and the host key would travel open."""
    using = connection(transport=transport, remote_user="admin@CORP.EXAMPLE")
    plugin = sys.modules[type(using).__module__]
    monkeypatch.delattr(plugin, "kerberos", raising=False)
    if library != "none":
        seal = {"authGSSWinRMEncryptMessage": None} if library == "pykerberos" else {}
        monkeypatch.setattr(plugin, "kerberos", types.SimpleNamespace(**seal), raising=False)
    never_made = library == "none" and transport is not None
    assert WinrmDoor(using).encrypted() is (library == "pykerberos" or never_made)


def test_one_transport_is_enough_and_none_is_the_plugins_own_choice() -> None:
    for using in (connection(), connection(transport=None)):
        assert isinstance(winrm_door(using, "kms01"), WinrmDoor)
    with pytest.raises(Refusal, match="kms01"):
        winrm_door(connection(transport=["ntlm", "basic"]), "kms01")


# -- the other doors


def world(*secrets: str) -> ControllerWorld:
    return ControllerWorld("kms01", Scrubber(map(Secret, secrets)))


def test_without_a_connection_nothing_is_sent() -> None:
    with pytest.raises(NoAnswer) as caught:
        world().send(MESSAGE, timeout=1)
    assert caught.value.sent is False
    assert world().encrypted is False
    world().disconnect()


def serve(pieces: list[bytes]) -> tuple[socket.socket, int]:
    """A DNS server on loopback that answers one message with these pieces and closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        peer, _address = listener.accept()
        with peer:
            peer.recv(4096)
            for piece in pieces:
                peer.sendall(piece)

    threading.Thread(target=answer, daemon=True).start()
    return listener, int(listener.getsockname()[1])


@pytest.mark.parametrize("pieces", [[b"\0\4abcd"], [b"\0", b"\4ab", b"cd"], [b"\0\4abcdefgh"]])
def test_a_dns_answer_is_put_together(pieces: list[bytes]) -> None:
    listener, port = serve(pieces)
    with listener:
        assert world().exchange(b"question", "127.0.0.1", port, timeout=5) == b"abcd"


@pytest.mark.parametrize("pieces", [[], [b"\0"], [b"\0\4ab"]])
def test_a_dns_answer_that_breaks_off_is_none(pieces: list[bytes]) -> None:
    listener, port = serve(pieces)
    with listener, pytest.raises(NoAnswer):
        world().exchange(b"question", "127.0.0.1", port, timeout=5)


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    with pytest.raises(NoAnswer, match="refused") as caught:
        world().dial("127.0.0.1", port, timeout=5)
    assert caught.value.sent is False


def test_names_that_do_not_resolve_have_no_address() -> None:
    assert world().resolve("127.0.0.1") == ["127.0.0.1"]
    assert world().resolve("no such name.invalid") == []
    assert world().resolve("a" * 300) == []
