# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The DNS server other tests rely on: it grants what KMS hosts need and refuses the rest."""

from __future__ import annotations

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from bind_server import BindServer

RECORD = "0 0 1688 kms03.corp.example."


def send(server: BindServer, message: dns.message.Message) -> dns.message.Message:
    return dns.query.tcp(message, server.address, timeout=10, port=server.port)


def update(server: BindServer, owner: str, kind: str, data: str, *, signed: bool = True) -> dns.rcode.Rcode:
    key = dns.tsig.Key(server.key_name, server.key_secret, server.key_algorithm) if signed else None
    message = dns.update.UpdateMessage(server.zone, keyring=key)
    message.add(owner, 600, kind, data)
    return send(server, message).rcode()


def published(server: BindServer) -> list[str]:
    answer = send(server, dns.message.make_query(f"_vlmcs._tcp.{server.zone}", dns.rdatatype.SRV))
    return [str(record) for rrset in answer.answer for record in rrset]


def test_the_key_may_publish_a_kms_host(bind: BindServer) -> None:
    assert published(bind) == []
    assert update(bind, "_vlmcs._tcp", "SRV", RECORD) == dns.rcode.NOERROR
    assert published(bind) == [RECORD]


@pytest.mark.parametrize(
    ("owner", "kind", "data"),
    [("_vlmcs._tcp", "TXT", "x"), ("_ldap._tcp", "SRV", RECORD), ("kms03", "A", "127.0.0.1")],
)
def test_the_key_may_do_nothing_else(bind: BindServer, owner: str, kind: str, data: str) -> None:
    assert update(bind, owner, kind, data) == dns.rcode.REFUSED


def test_nobody_else_may_publish(bind: BindServer) -> None:
    assert update(bind, "_vlmcs._tcp", "SRV", RECORD, signed=False) == dns.rcode.REFUSED
    assert published(bind) == []
