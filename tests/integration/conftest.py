# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for the tests beside this file. A server that is missing is a failure, never a skip."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import bind_server
import knot_server
import powerdns_server
import publishing
import pytest
import samba_server
from dns_server import CannotStart, DnsServer

# Tests that use these fixtures speak to a server, not to the insides of ansible-core: one core is enough.
SERVERS = {"bind", "bind_of_realm", "dns", "knot", "powerdns", "samba", "server"}

NAMES = ("bind", "bind_by_ticket", "knot", "powerdns", "samba")
Started = t.TypeVar("Started", bound=DnsServer)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what need not run on every supported core."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.once)


@contextlib.contextmanager
def running(start: Callable[[Path], Started], stop: Callable[[Path], None], folder: Path) -> Iterator[Started]:
    """A server for a while."""
    try:
        server = start(folder)
    except CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield server
    finally:
        stop(folder)


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[bind_server.BindServer]:
    """A BIND 9 of the test's own: zone corp.example, one TSIG key that may change SRV at _vlmcs._tcp only."""
    with running(bind_server.start, bind_server.stop, tmp_path / "bind") as server:
        yield server


@pytest.fixture
def bind_of_realm(tmp_path: Path) -> Iterator[bind_server.BindServer]:
    """The same with a Kerberos realm, whose user and whose hosts may do what the key may."""

    def start(folder: Path) -> bind_server.BindServer:
        return bind_server.start(folder, realm="CORP.EXAMPLE")

    with running(start, bind_server.stop, tmp_path / "bind") as server:
        yield server


@pytest.fixture(scope="session")
def shared_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    """The same for many tests."""
    with running(bind_server.start, bind_server.stop, tmp_path_factory.mktemp("bind")) as server:
        yield server


@pytest.fixture(scope="session")
def bind_by_ticket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bind_server.BindServer]:
    """A BIND with a realm of its own, updated by GSS-TSIG."""

    def start(folder: Path) -> bind_server.BindServer:
        return bind_server.start(folder, realm="CORP.EXAMPLE")

    with running(start, bind_server.stop, tmp_path_factory.mktemp("ticket")) as server:
        yield server


@pytest.fixture(scope="session")
def knot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    """A Knot DNS: zone corp.example, one TSIG key that may change SRV at _vlmcs._tcp only."""
    with running(knot_server.start, knot_server.stop, tmp_path_factory.mktemp("knot")) as server:
        yield server


@pytest.fixture(scope="session")
def powerdns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[powerdns_server.PowerDnsServer]:
    """A PowerDNS: zone corp.example, one TSIG key that may change all of it."""
    with running(powerdns_server.start, powerdns_server.stop, tmp_path_factory.mktemp("powerdns")) as server:
        yield server


@pytest.fixture(scope="session")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[samba_server.SambaServer]:
    """A domain controller of ad.example, whose zone takes secure updates only."""
    with running(samba_server.start, samba_server.stop, tmp_path_factory.mktemp("samba")) as server:
        yield server


@pytest.fixture(scope="session", params=NAMES)
def server(request: pytest.FixtureRequest) -> DnsServer:
    """Each of them in turn."""
    found: DnsServer = request.getfixturevalue({"bind": "shared_bind"}.get(request.param, request.param))
    return found


@pytest.fixture
def dns(server: DnsServer, monkeypatch: pytest.MonkeyPatch) -> DnsServer:
    """Each of them in turn, with nobody published, and its Kerberos to be found."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    publishing.log_in(server)
    publishing.clear(server)
    return server
