# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTTP connection of a session that has logged in, used directly from its second message on.

Internal to the collection activation.kms; not a public interface.

requests and urllib3 prepare redirects, cookies, retries and logins for every message. WS-Management needs none of them
once somebody has logged in, and a task sends some twenty messages: that preparation was four fifths of their price. The
connection itself, its certificate checked and its login made, is theirs. Knows http.client and no connection plugin.
"""

from __future__ import annotations

import http.client
import typing as t

try:
    import requests
    from urllib3.util.connection import is_connection_dropped
except ImportError:
    requests = t.cast(t.Any, None)  # then no session is ever made


class Line:
    """Follows a session of requests and posts on its connection, as long as that stands."""

    def __init__(self, session: t.Any, endpoint: str) -> None:
        self.session = session
        self._endpoint = endpoint
        self._connection: t.Any = None
        self._path = ""
        self._headers: dict[str, str] = {}
        if not requests.utils.select_proxy(endpoint, session.proxies):  # a proxy wants headers and a URL of its own
            session.hooks["response"].append(self._notice)

    def _notice(self, response: t.Any, **_options: t.Any) -> None:
        """Called by requests for every answer, after its logins and before the body is read."""
        self._connection = response.raw.connection
        if not self._headers:  # not those of this request: its login, if there was one, is not to be repeated
            prepared = self.session.prepare_request(requests.Request("POST", self._endpoint))
            self._path = prepared.path_url
            said = {name: value for name, value in prepared.headers.items() if name != "Content-Length"}
            self._headers = {**said, "Accept-Encoding": "identity"}

    @property
    def stands(self) -> bool:
        """Whether a message can be posted: the peer has answered here and has not hung up since."""
        connection = self._connection
        return connection is not None and connection.sock is not None and not is_connection_dropped(connection)

    def post(
        self, body: bytes, patience: float, headers: t.Mapping[str, str]
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of an answer. Raises OSError and HTTPException; the line is dead then."""
        connection, self._connection = self._connection, None
        try:
            connection.sock.settimeout(patience)
            self._send(connection, body, {**self._headers, **headers})
            # The method of the class below urllib3's: theirs makes a response that knows retries, decoding and the pool.
            with http.client.HTTPConnection.getresponse(connection) as response:
                content = response.read()
        except BaseException:  # a task's time-out too: the next message must not get what is left of this answer
            connection.close()
            raise
        self._connection = connection
        return response.status, response.headers, content

    def _send(self, connection: t.Any, body: bytes, headers: t.Mapping[str, str]) -> None:
        """The whole request at once: http.client sends headers and body apart, in two packets and two TLS records."""
        pieces: list[bytes] = []
        connection.send = pieces.append
        try:
            http.client.HTTPConnection.request(connection, "POST", self._path, body, headers)
        finally:
            del connection.send
        connection.sock.sendall(b"".join(pieces))
