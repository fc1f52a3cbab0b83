# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Kerberos realm other tests rely on, and a BIND that takes its tickets: who may publish there, and who may not.

Spoken to with MIT's kinit and BIND's nsupdate; nothing of the machine's own Kerberos is read or written.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import dns_server
import pytest
from bind_server import BindServer
from kdc import PACKAGES, Kdc
from publishing import records

RECORD = "0 0 1688 kms1.corp.example."


def centre(server: BindServer) -> Kdc:
    assert server.kdc is not None
    return server.kdc


def log_in(kdc: Kdc, principal: str, folder: Path) -> None:
    """Get a ticket by a keytab, into the cache the environment names."""
    keytab = folder / "keytab"
    kdc.write_keytab(principal, keytab)
    kinit = dns_server.find("kinit", PACKAGES)
    dns_server.run([kinit, "-k", "-t", str(keytab), principal], kdc.environment)


def publish(server: BindServer, owner: str = "_vlmcs._tcp", kind: str = "SRV", data: str = RECORD) -> str:
    """What nsupdate says to an update signed by the ticket at hand; nothing when it was done."""
    script = f"server {server.address} {server.port}\nzone {server.zone}\n"
    script += f"update add {owner}.{server.zone}. 600 {kind} {data}\nsend\n"
    variables = {**os.environ, **centre(server).environment}
    done = subprocess.run(["nsupdate", "-g"], input=script, text=True, capture_output=True, check=False, env=variables)
    return done.stderr.strip()


@pytest.mark.parametrize("principal", ["kmsadmin", "host/kms1.corp.example", "KMS1$"])
def test_who_may_publish(bind_of_realm: BindServer, principal: str, tmp_path: Path) -> None:
    """The user of the realm, and the hosts by the principals of MIT's and of Active Directory's kind."""
    if principal != "kmsadmin":
        centre(bind_of_realm).add(principal)
    log_in(centre(bind_of_realm), principal, tmp_path)
    assert publish(bind_of_realm) == ""
    assert records(bind_of_realm) == [RECORD]
    assert "REFUSED" in publish(bind_of_realm, "kms1", "A", "127.0.0.1")


def test_who_may_not(bind_of_realm: BindServer, tmp_path: Path) -> None:
    assert "No credentials" in publish(bind_of_realm)
    centre(bind_of_realm).add("somebody", "a password")
    log_in(centre(bind_of_realm), "somebody", tmp_path)
    assert "REFUSED" in publish(bind_of_realm)
    assert records(bind_of_realm) == []


def test_a_password_stays_what_it_is_when_a_keytab_is_written(bind_of_realm: BindServer, tmp_path: Path) -> None:
    kdc = centre(bind_of_realm)
    kdc.write_keytab(kdc.user, tmp_path / "keytab")
    command = [dns_server.find("kinit", PACKAGES), kdc.user]
    variables = {**os.environ, **kdc.environment}
    done = subprocess.run(
        command, input=f"{kdc.password}\n", text=True, capture_output=True, check=False, env=variables
    )
    assert done.returncode == 0, done.stderr
