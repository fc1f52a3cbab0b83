# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for the tests beside this file. A server that is missing is a failure, never a skip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bind_server
import pytest

# Tests that use these fixtures speak to a server, not to the insides of ansible-core: one core is enough.
SERVERS = {"bind"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what need not run on every supported core."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.once)


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[bind_server.BindServer]:
    """A BIND 9 of the test's own: zone corp.example, one TSIG key that may change SRV at _vlmcs._tcp only."""
    folder = tmp_path / "bind"
    try:
        server = bind_server.start(folder)
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    yield server
    bind_server.stop(folder)
