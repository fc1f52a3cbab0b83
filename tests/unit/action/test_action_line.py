# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short way to post: on the connection that requests has made, and only while that stands."""

from __future__ import annotations

import http.client
import http.server
import threading
import typing as t
from collections.abc import Iterator

import pytest
import requests

from ansible_collections.activation.kms.plugins.plugin_utils._ansible.line import Line


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers with the number of the connection; on demand it hangs up after an answer, or never answers."""

    protocol_version = "HTTP/1.1"
    connections = 0
    heard: t.ClassVar[list[tuple[bytes, dict[str, str]]]] = []

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1
        self.number = type(self).connections

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((body, dict(self.headers)))
        if body == b"silence":
            threading.Event().wait(1.0)
            self.close_connection = True
            return
        self.send_response(503 if body == b"trouble" else 200)
        answer = b"%d" % self.number
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = body == b"hang up"  # without a word about it

    def log_message(self, format: str, *args: t.Any) -> None:
        """Silent."""


@pytest.fixture
def url() -> Iterator[str]:
    Peer.connections, Peer.heard[:] = 0, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/wsman"
        server.shutdown()


def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.auth = ("administrator", "x")
    return made


def first(line: Line, url: str, body: bytes = b"first") -> None:
    line.session.post(url, data=body)


def test_the_second_message_goes_out_on_the_connection_of_the_first(url: str) -> None:
    line = Line(session(), url)
    assert not line.stands
    first(line, url)
    assert line.stands
    assert line.post(b"second", 5.0, {"Content-Type": "text/x"})[::2] == (200, b"1")
    assert line.post(b"trouble", 5.0, {})[::2] == (503, b"1"), "a status is an answer"
    assert line.stands and Peer.connections == 1
    (body, headers), (_body, later) = Peer.heard[1:]
    assert body == b"second" and headers["Content-Type"] == "text/x" and headers["Accept-Encoding"] == "identity"
    assert headers["Authorization"] == later["Authorization"] == Peer.heard[0][1]["Authorization"]
    assert headers["Host"] == Peer.heard[0][1]["Host"]
    first(line, url)
    assert Peer.connections == 1, "and requests can go on with it"


def test_a_peer_that_has_hung_up_is_noticed_before_anything_is_sent(url: str) -> None:
    line = Line(session(), url)
    first(line, url)
    line.post(b"hang up", 5.0, {})
    for _wait in range(100):
        if not line.stands:
            break
        threading.Event().wait(0.02)
    assert not line.stands
    first(line, url)
    assert line.stands and line.post(b"again", 5.0, {})[::2] == (200, b"2")


def test_silence_ends_the_line(url: str) -> None:
    line = Line(session(), url)
    first(line, url)
    with pytest.raises(TimeoutError):
        line.post(b"silence", 0.1, {})
    assert not line.stands


class TimeIsUp(BaseException):
    """As Ansible's time-out of a task."""


def test_what_is_cut_off_leaves_nothing_to_the_next_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The items of a loop share a connection, and the answer to the first would be read as that to the second."""

    def interrupted(*args: t.Any) -> t.NoReturn:
        raise TimeIsUp

    line = Line(session(), url)
    first(line, url)
    with monkeypatch.context() as patch, pytest.raises(TimeIsUp):
        patch.setattr(http.client.HTTPConnection, "getresponse", interrupted)
        line.post(b"silence", 5.0, {})
    assert not line.stands
    for number in (2, 3):  # a later task makes a line of its own of the same session
        later = Line(line.session, url)
        first(later, url, b"later")
        assert later.post(b"later still", 5.0, {})[2] == b"2", number


def test_through_a_proxy_there_is_none(url: str) -> None:
    through = session()
    through.proxies = {"http": url}
    line = Line(through, "http://kms01.invalid:5985/wsman")
    line.session.post("http://kms01.invalid:5985/wsman", data=b"first")
    assert Peer.heard and not line.stands
