# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: one JSON line an HTTP exchange, written before its answer leaves.

Knows what kind of exchange it was and how large. Refuses to know bodies and passwords: nothing that could hold a
secret is ever handed to it.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from .contract import Event

NOTHING = Event(operation="", resource="", method="", mutation=False)
"""The event of an exchange that never reached the machine: an authentication leg, a wrong path, a dropped request."""


class Journal:
    """Appends to `path`; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8")

    def record(
        self,
        host: str,
        event: Event,
        *,
        bytes_in: int,
        bytes_out: int,
        status: int | None,
        auth_only: bool = False,
        dropped: bool = False,
    ) -> None:
        """Write one line. `status` is None where no answer was sent; sizes are whole HTTP messages, heads included."""
        if self._file is None:
            return
        line: dict[str, object] = {
            "time": datetime.now(timezone.utc).isoformat(timespec="microseconds"),
            "host": host,
            "operation": event.operation,
            "resource": event.resource,
            "method": event.method,
            "auth_only": auth_only,
            "mutation": event.mutation,
            "bytes_in": bytes_in,
            "bytes_out": bytes_out,
            "status": status,
        }
        if dropped:
            line["dropped"] = True
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
