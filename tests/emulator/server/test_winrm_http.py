# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP framing, limits and the way of a request to the machine, spoken by hand over raw sockets."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable

import pytest
from served import PASSWORD, Served, wait_for

Serve = Callable[..., Served]
BASIC = base64.b64encode(f"Administrator:{PASSWORD}".encode()).decode()


def request(body: bytes = b"", *, user: str | None = BASIC, target: str = "/wsman", **headers: str) -> bytes:
    """A POST by hand."""
    lines = [f"POST {target} HTTP/1.1", "Host: kms03", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: Basic {user}"] if user else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client:
    """One TCP connection."""

    def __init__(self, served: Served) -> None:
        self._socket = socket.create_connection((served.address, 5985), timeout=10)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers["content-length"]))

    def ended(self) -> bool:
        """Has the server closed the connection in an orderly way?"""
        return self._file.read(1) == b""


def test_keep_alive_serves_many_requests_on_one_connection(serve: Serve) -> None:
    served = serve(transport="basic")
    client = Client(served)
    for number in range(3):
        client.send(request(b"n%d" % number))
        status, headers, body = client.answer()
        assert (status, body) == (200, b"echo: n%d" % number)
        assert headers["content-type"] == "application/soap+xml;charset=UTF-8"
    assert [seen[:2] for seen in served.machine.seen] == [(b"n%d" % n, "Administrator") for n in range(3)]


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    client = Client(serve(transport="basic"))
    client.send(request(b"one") + request(b"two") + request(b"three")[:-2])
    assert [client.answer()[2] for _ in range(2)] == [b"echo: one", b"echo: two"]
    client.send(b"ee")
    assert client.answer()[2] == b"echo: three"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(b"x", target="/other"), 404),
        (b"GET /wsman HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: -4\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n", 400),
        (b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /wsman HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /wsman HTTP/1.1\r\nX: " + b"y" * 17000, 431),
    ],
)
def test_what_is_refused_before_the_machine_sees_it(serve: Serve, sent: bytes, status: int) -> None:
    served = serve(transport="basic")
    client = Client(served)
    client.send(sent)
    assert client.answer()[0] == status
    assert served.machine.seen == []
    assert served.journal()[-1]["status"] == status


def test_bodies_of_150_kb_pass(serve: Serve) -> None:
    client = Client(serve(transport="basic"))
    body = b"x" * 153600
    client.send(request(body))
    assert client.answer()[2] == b"echo: " + body


def test_expect_continue_is_answered(serve: Serve) -> None:
    client = Client(serve(transport="basic"))
    whole = request(b"body", Expect="100-continue")
    client.send(whole[:-4])
    assert client._file.readline() == b"HTTP/1.1 100 Continue\r\n"
    client._file.readline()
    client.send(b"body")
    assert client.answer()[2] == b"echo: body"


def test_connection_close_is_honoured(serve: Serve) -> None:
    client = Client(serve(transport="basic"))
    client.send(request(b"x", Connection="close"))
    assert client.answer()[0] == 200
    assert client.ended()


@pytest.mark.parametrize("user", [None, "bm8gY29sb24=", "%%%", base64.b64encode(b"Administrator:wrong").decode()])
def test_basic_refuses_with_its_challenge(serve: Serve, user: str | None) -> None:
    served = serve(transport="basic")
    client = Client(served)
    client.send(request(b"<secret-body/>", user=user))
    status, headers, _ = client.answer()
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="WSMAN"')
    assert served.machine.seen == []
    assert served.journal()[-1]["auth_only"] is True


@pytest.mark.parametrize(
    ("name", "status"),
    [("administrator", 200), (".\\Administrator", 200), ("KMS03\\Administrator", 200), ("CORP\\Administrator", 401)],
)
def test_basic_takes_local_accounts_only(serve: Serve, name: str, status: int) -> None:
    client = Client(serve(transport="basic"))
    client.send(request(b"x", user=base64.b64encode(f"{name}:{PASSWORD}".encode()).decode()))
    assert client.answer()[0] == status


def test_identify_needs_no_login(serve: Serve) -> None:
    served = serve(transport="ntlm")
    client = Client(served)
    client.send(request(b"<identify/>", user=None, WSMANIDENTIFY="unauthenticated"))
    assert client.answer()[2] == b"echo: <identify/>"
    body, user, _, anonymous = served.machine.seen[0]
    assert (body, user, anonymous) == (b"<identify/>", "", True)


def test_unencrypted_bodies_are_marked_for_the_machine(serve: Serve) -> None:
    served = serve(transport="basic", allow_unencrypted=False)
    client = Client(served)
    client.send(request(b"x"))
    client.answer()
    assert served.machine.seen[0][2] is False


def test_sealed_body_without_a_session_is_a_bad_request(serve: Serve) -> None:
    served = serve(transport="basic")
    client = Client(served)
    sealed = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
    client.send(request(b"--Encrypted Boundary\r\n", Content_Type=sealed))
    assert client.answer()[0] == 400
    assert served.machine.seen == []


def test_the_machines_status_is_passed_on(serve: Serve) -> None:
    served = serve(transport="basic")
    served.machine.status = 500
    client = Client(served)
    client.send(request(b"x"))
    assert client.answer()[0] == 500
    assert served.journal()[-1]["status"] == 500


def test_a_delayed_answer_holds_nobody_else_up(serve: Serve) -> None:
    served = serve(transport="basic")
    slow, fast = Client(served), Client(served)
    served.machine.delay = 1.0
    slow.send(request(b"slow"))
    assert wait_for(lambda: served.machine.seen)
    served.machine.delay = 0.0
    fast.send(request(b"fast"))
    assert fast.answer()[2] == b"echo: fast"
    assert slow.answer()[2] == b"echo: slow"


def test_a_dropped_answer_closes_the_connection_after_the_work_is_done(serve: Serve) -> None:
    served = serve(transport="basic")
    served.machine.drop = True
    client = Client(served)
    client.send(request(b"work"))
    assert client.ended()
    assert len(served.machine.seen) == 1
    line = served.journal()[-1]
    assert (line["dropped"], line["status"], line["mutation"]) == (True, None, True)


@pytest.mark.parametrize(("fault", "carried_out"), [("drop", 0), ("drop-after", 1)])
def test_transport_faults_that_lose_the_answer(serve: Serve, fault: str, carried_out: int) -> None:
    served = serve(transport="basic")
    served.machine.faults = [None, fault]
    client = Client(served)
    client.send(request(b"fine"))
    assert client.answer()[0] == 200
    client.send(request(b"lost"))
    assert client.ended()
    assert len(served.machine.seen) == 1 + carried_out
    assert served.journal()[-1]["dropped"] is True


def test_transport_fault_reset(serve: Serve) -> None:
    served = serve(transport="basic")
    served.machine.faults = ["reset"]
    client = Client(served)
    client.send(request(b"lost"))
    with pytest.raises(ConnectionResetError):
        client.ended()


def test_transport_fault_stale_is_a_400(serve: Serve) -> None:
    served = serve(transport="basic")
    served.machine.faults = ["stale"]
    client = Client(served)
    client.send(request(b"x"))
    assert client.answer()[0] == 400
    assert served.machine.seen == []


def test_a_defect_of_the_machine_is_a_500_and_the_server_lives_on(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    served = serve(transport="basic")

    def fail() -> None:
        raise RuntimeError("a defect")

    served.machine.on_handle = fail
    client = Client(served)
    client.send(request(b"x"))
    assert client.answer()[0] == 500
    assert "a defect" in capfd.readouterr().err
    served.machine.on_handle = None
    client.send(request(b"y"))
    assert client.answer()[0] == 200


def test_connections_are_bounded(serve: Serve) -> None:
    served = serve(transport="basic", connections=1)
    first = Client(served)
    first.send(request(b"x"))
    assert first.answer()[0] == 200
    with pytest.raises((ConnectionError, IndexError)):
        second = Client(served)
        second.send(request(b"x"))
        second.answer()
    first._file.close()
    first._socket.close()
    assert wait_for(lambda: served.slots.free == 1)
    third = Client(served)
    third.send(request(b"x"))
    assert third.answer()[0] == 200


def test_journal_lines_have_their_fields_and_no_secrets(serve: Serve) -> None:
    served = serve(transport="basic")
    client = Client(served)
    sent = request(b"<key>BCDFG-HJKMP</key>")
    client.send(sent)
    _, _, body = client.answer()
    line = served.journal()[-1]
    assert set(line) == {
        "time", "host", "operation", "resource", "method", "auth_only", "mutation", "bytes_in", "bytes_out", "status",
    }  # fmt: skip
    assert (line["host"], line["operation"], line["resource"], line["method"]) == (
        "kms03", "invoke", "Win32_Thing", "Poke",
    )  # fmt: skip
    assert line["bytes_in"] == len(sent)
    assert line["bytes_out"] > len(body)
    text = served.journal_text()
    assert PASSWORD not in text and BASIC not in text and "HJKMP" not in text
