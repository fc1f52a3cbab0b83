# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Basic and NTLM with the real client library, sealed messages included."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import spnego
from served import PASSWORD, Served, sent_again, wait_for
from spnego.channel_bindings import GssChannelBindings
from winrm.exceptions import InvalidCredentialsError, WinRMTransportError
from winrm.transport import Transport

from emulated_windows.auth import NtlmGate
from emulated_windows.sealing import Opened, SealError
from emulated_windows.tls import CertificateAuthority

Serve = Callable[..., Served]
SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'


def client(served: Served, transport: str, password: str = PASSWORD, user: str = "Administrator") -> Any:
    """pywinrm's transport."""
    return Transport(
        served.endpoint,
        username=user,
        password=password,
        auth_method=transport,
        server_cert_validation="ignore",
        read_timeout_sec=20,
    )


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
def test_many_messages_over_one_login(serve: Serve, transport: str) -> None:
    served = serve(transport=transport)
    winrm = client(served, transport)
    for size in (1, 1000, 153600):
        message = b"m" * size
        assert winrm.send_message(message) == b"echo: " + message
    assert {(user, encrypted) for _, user, encrypted, _ in served.machine.seen} == {("Administrator", True)}
    assert [line["auth_only"] for line in served.journal()] == ([True] * 3 if transport == "ntlm" else []) + [False] * 3


def test_sealed_messages_are_not_readable_on_the_wire(serve: Serve) -> None:
    served = serve(transport="ntlm")
    winrm = client(served, "ntlm")
    winrm.send_message(b"first")
    session = winrm.session
    answers: list[requests.Response] = []
    session.hooks["response"].append(lambda answer, *_, **__: answers.append(answer))
    assert winrm.send_message(b"readable request") == b"echo: readable request"
    (answer,) = answers
    assert answer.headers["Content-Type"] == SEALED
    assert b"readable" not in answer.request.body and b"readable" not in answer.content


def test_faults_are_sealed_too(serve: Serve) -> None:
    served = serve(transport="ntlm")
    served.machine.status = 500
    with pytest.raises(WinRMTransportError) as caught:
        client(served, "ntlm").send_message(b"<x/>")
    assert (caught.value.code, caught.value.response_text) == (500, "echo: <x/>")


@pytest.mark.parametrize("transport", ["basic", "ntlm"])
@pytest.mark.parametrize(("user", "password"), [("Administrator", "wrong"), ("Somebody", PASSWORD)])
def test_wrong_accounts_are_refused(serve: Serve, transport: str, user: str, password: str) -> None:
    served = serve(transport=transport)
    with pytest.raises(InvalidCredentialsError):
        client(served, transport, password, user).send_message(b"<x/>")
    assert served.machine.seen == []
    assert all(line["auth_only"] for line in served.journal())
    assert PASSWORD not in served.journal_text()


@pytest.mark.parametrize(
    ("user", "accepted"),
    [
        ("kms03\\administrator", True),
        ("CORP\\Administrator", True),
        (".\\Administrator", True),
        ("other\\Administrator", False),
    ],
)
def test_ntlm_domains(serve: Serve, user: str, accepted: bool) -> None:
    """`other` is another machine of the estate: its local account is not ours."""
    served = serve(transport="ntlm")
    winrm = client(served, "ntlm", user=user)
    if accepted:
        assert winrm.send_message(b"x") == b"echo: x"
    else:
        with pytest.raises(InvalidCredentialsError):
            winrm.send_message(b"x")


def test_unsealed_messages_over_ntlm_are_marked_for_the_machine(serve: Serve) -> None:
    served = serve(transport="ntlm")
    winrm = Transport(
        served.endpoint,
        username="Administrator",
        password=PASSWORD,
        auth_method="ntlm",
        message_encryption="never",
        server_cert_validation="ignore",
    )
    assert winrm.send_message(b"in clear") == b"echo: in clear"
    assert served.machine.seen == [(b"in clear", "Administrator", False, False)]


def test_unsealed_messages_can_be_allowed(serve: Serve) -> None:
    served = serve(transport="ntlm", allow_unencrypted=True)
    winrm = Transport(
        served.endpoint,
        username="Administrator",
        password=PASSWORD,
        auth_method="ntlm",
        message_encryption="never",
        server_cert_validation="ignore",
    )
    winrm.send_message(b"in clear")
    assert served.machine.seen[0][2] is True


def test_a_lost_session_is_a_400_until_the_client_logs_on_anew(serve: Serve) -> None:
    """A body sealed for a session that is gone cannot be read: real WinRM says 400, and so does this."""
    served = serve(transport="ntlm")
    winrm = client(served, "ntlm")
    winrm.send_message(b"one")
    served.call(served.server.drop_connections)
    assert wait_for(lambda: not served.server.connections)
    with pytest.raises(WinRMTransportError) as caught:
        winrm.send_message(b"two")
    assert caught.value.code == 400
    winrm.close_session()
    winrm.encryption = None
    assert winrm.send_message(b"three") == b"echo: three"
    assert [seen[0] for seen in served.machine.seen] == [b"one", b"three"]


def test_a_sealed_message_is_taken_once(serve: Serve) -> None:
    served = serve(transport="ntlm")
    assert [sent_again(client(served, "ntlm"), served), len(served.machine.seen)] == [400, 2]


def test_the_stale_fault_costs_the_session(serve: Serve) -> None:
    served = serve(transport="ntlm")
    winrm = client(served, "ntlm")
    winrm.send_message(b"one")
    served.machine.faults = ["stale"]
    for message in (b"two", b"three"):
        with pytest.raises(WinRMTransportError) as caught:
            winrm.send_message(message)
        assert caught.value.code == 400
    assert [seen[0] for seen in served.machine.seen] == [b"one"]


def trusting(served: Served, authority: CertificateAuthority, folder: Path) -> Any:
    """pywinrm's transport, with certificates validated."""
    (folder / "ca.pem").write_bytes(authority.pem)
    winrm = client(served, "ntlm")
    winrm.server_cert_validation = "validate"
    winrm.ca_trust_path = str(folder / "ca.pem")
    return winrm


def test_ntlm_over_https(serve: Serve, tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    served = serve(transport="ntlm", scheme="https", certificates=authority)
    assert trusting(served, authority, tmp_path).send_message(b"over TLS") == b"echo: over TLS"
    assert served.machine.seen == [(b"over TLS", "Administrator", True, False)]


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize(
    ("bound_to", "status"), [(None, 200), ("this", 200), (b"tls-server-end-point:" + bytes(32), 401)]
)
def test_a_login_bound_to_another_channel_is_refused(
    serve: Serve, tmp_path: Path, protocol: str, bound_to: str | bytes | None, status: int
) -> None:
    """One that is bound to none is not."""
    served = serve(transport="ntlm", scheme="https", certificates=CertificateAuthority(tmp_path))
    certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((served.address, 5985)))
    this = b"tls-server-end-point:" + hashlib.sha256(certificate).digest()
    data = this if bound_to == "this" else bound_to
    context = spnego.client(
        "Administrator", PASSWORD, hostname=served.address, service="http", protocol=protocol,
        options=spnego.NegotiateOptions.use_ntlm | spnego.NegotiateOptions.use_negotiate,
        channel_bindings=None if data is None else GssChannelBindings(application_data=data),
    )  # fmt: skip
    session, token, answer = requests.Session(), context.step(), None
    while token is not None:
        sent = {"Authorization": f"Negotiate {base64.b64encode(token).decode()}"}
        answer = session.post(served.endpoint, data=b"", headers=sent, verify=False)
        said = answer.headers.get("WWW-Authenticate", "").partition(" ")[2]
        token = context.step(base64.b64decode(said)) if said else None
    assert answer is not None and answer.status_code == status


@pytest.mark.parametrize(
    ("certificate", "said"),
    [
        ("self_signed", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("other_name", "IP address mismatch"),
    ],
)
def test_certificates_with_something_wrong(serve: Serve, tmp_path: Path, certificate: str, said: str) -> None:
    authority = CertificateAuthority(tmp_path)
    served = serve(transport="ntlm", scheme="https", certificates=authority, certificate=certificate)
    with pytest.raises(requests.exceptions.SSLError, match=said):
        trusting(served, authority, tmp_path).send_message(b"x")
    assert client(served, "ntlm").send_message(b"x") == b"echo: x"  # not validated


def test_spnego_wrapped_ntlm_is_understood(serve: Serve) -> None:
    """pypsrp and Windows wrap NTLM in SPNEGO; pywinrm does not."""
    served = serve(transport="ntlm", allow_unencrypted=True)
    context = spnego.client(
        "Administrator", PASSWORD, hostname=served.address, service="http", protocol="negotiate",
        options=spnego.NegotiateOptions.use_negotiate | spnego.NegotiateOptions.use_ntlm,
    )  # fmt: skip
    session = requests.Session()
    token = context.step()
    for _ in range(4):
        answer = session.post(
            served.endpoint,
            data=b"x",
            headers={"Authorization": "Negotiate " + base64.b64encode(token or b"").decode()},
        )
        challenge = answer.headers.get("WWW-Authenticate", "").partition(" ")[2]
        token = context.step(base64.b64decode(challenge)) if challenge else None
        if answer.status_code == 200:
            break
    assert answer.content == b"echo: x"
    assert context.complete


@pytest.mark.parametrize(
    "header", ["Negotiate", "Negotiate %%%", "Negotiate TlRMTVNTUAADAAAA", "Basic YTpi", "Kerberos YWJj"]
)
def test_broken_tokens_are_answered_with_the_challenge(serve: Serve, header: str) -> None:
    served = serve(transport="ntlm")
    answer = requests.post(served.endpoint, data=b"", headers={"Authorization": header})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Negotiate")


class Pair:
    """A logged-on gate and the client's end of it."""

    def __init__(self) -> None:
        self.client = spnego.client(
            "Administrator", PASSWORD, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm
        )
        self.gate = NtlmGate(["corp"])
        challenge = self.gate.admit(self._header(self.client.step()))
        token = dict(challenge.headers)["WWW-Authenticate"].partition(" ")[2]
        self.gate.admit(self._header(self.client.step(base64.b64decode(token))))

    @staticmethod
    def _header(token: bytes | None) -> str:
        return "Negotiate " + base64.b64encode(token or b"").decode()

    def sealed(self, body: bytes, length: int | None = None) -> bytes:
        """A request as MS-WSMV 2.2.9.1.1 has it."""
        wrapped = self.client.wrap_winrm(body)
        return (
            b"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
            b"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
            % (len(body) if length is None else length)
            + len(wrapped.header).to_bytes(4, "little") + wrapped.header + wrapped.data + b"--Encrypted Boundary--\r\n"
        )  # fmt: skip


@pytest.fixture
def pair(serve: Serve) -> Pair:
    serve(transport="ntlm")  # its accounts
    return Pair()


def test_gate_opens_what_was_sealed_for_it(pair: Pair) -> None:
    assert pair.gate.open(SEALED, pair.sealed(b"--Encrypted Boundary--\r\n")) == Opened(
        b"--Encrypted Boundary--\r\n", "application/HTTP-SPNEGO-session-encrypted"
    )


def damaged(pair: Pair) -> list[bytes]:
    whole = pair.sealed(b"<message/>")
    flipped = bytearray(whole)
    flipped[-30] ^= 1
    return [bytes(flipped), whole[:-10], whole.replace(b"octet-stream", b"text"), b"", pair.sealed(b"abc", length=4)]


@pytest.mark.parametrize("number", range(5))
def test_gate_refuses_damaged_seals(pair: Pair, number: int) -> None:
    with pytest.raises(SealError):
        pair.gate.open(SEALED, damaged(pair)[number])
