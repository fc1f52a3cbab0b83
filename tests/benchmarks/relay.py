# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands between the controller and one host, and tells which messages were sent twice.

The journal keeps no bodies, so it cannot tell whether two calls of a registry method read the same value. This relay
sees them, with Basic over HTTP, and keeps a digest of each message without its MessageID. Knows nothing of WMI.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MESSAGE_ID = re.compile(rb"<(\w+:)?MessageID\b.*?</(\w+:)?MessageID>", re.DOTALL)
_HOP = {"connection", "content-length", "transfer-encoding", "server", "date"}


class Relay:
    """What passed through.

    Attributes:
        port: where the relay listens, on the host's own address.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._seen: Counter[str] = Counter()

    @property
    def messages(self) -> int:
        """How many messages were passed on."""
        return self._seen.total()

    @property
    def repeated(self) -> int:
        """How many were equal to an earlier one."""
        return sum(times - 1 for times in self._seen.values())

    def note(self, body: bytes) -> None:
        """Remember a message."""
        self._seen[hashlib.sha256(_MESSAGE_ID.sub(b"", body)).hexdigest()] += 1


@contextlib.contextmanager
def relaying(address: str, port: int) -> Iterator[Relay]:
    """A relay to `address`:`port`, on a free port of the same address."""

    class Handler(BaseHTTPRequestHandler):
        """One connection of the controller, and one to the host."""

        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self._host = http.client.HTTPConnection(address, port, timeout=120)

        def finish(self) -> None:
            self._host.close()
            super().finish()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            self._host.request("POST", self.path, body, headers)
            answer = self._host.getresponse()
            content = answer.read()
            if body and answer.status != 401:
                relay.note(body)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the digests are the log."""

    server = ThreadingHTTPServer((address, 0), Handler)
    relay = Relay(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
