# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private Kerberos realm: the key distribution centre of MIT Kerberos, in one folder.

Needs no root. Nothing reads or writes the machine's own Kerberos settings: whoever wants tickets of this realm runs
with the variables of `Kdc.environment`.

    kdc.py start FOLDER [--realm CORP.EXAMPLE] [--port 8888]
    kdc.py stop FOLDER
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dns_server

PACKAGES = "krb5-kdc krb5-admin-server krb5-user"
USER = "kmsadmin"

# rdns and canonicalisation would ask the machine's resolver for names that exist in a private zone only. Server 2003
# knows no AES, and MIT Kerberos from 1.21 on no RC4 unless it is told to; older releases ignore the setting.
CLIENT = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 1
    allow_rc4 = true
[realms]
    {realm} = {{
        kdc = {address}:{port}
    }}
[domain_realm]
    .{domain} = {realm}
    {domain} = {realm}
"""

CENTRE = """
[kdcdefaults]
    kdc_listen = {address}:{port}
    kdc_tcp_listen = {address}:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/kadm5.acl
        max_life = 10h
    }}
[logging]
    kdc = STDERR
"""


@dataclass(frozen=True)
class Kdc:
    """A running KDC with one user.

    Attributes:
        folder: its own.
        realm: in capitals.
        address, port: where it answers, over TCP and UDP.
        user: a principal with a password, realm included.
        password: its password.
    """

    folder: str
    realm: str
    address: str
    port: int
    user: str
    password: str

    @property
    def krb5_conf(self) -> Path:
        """The client's settings."""
        return Path(self.folder) / "krb5.conf"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to this realm, and keep caches of tickets and of replays in the folder."""
        return {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KDC_PROFILE": f"{self.folder}/kdc.conf",
            "KRB5CCNAME": f"FILE:{self.folder}/tickets",
            "KRB5RCACHENAME": f"file2:{self.folder}/replays",
        }

    def add(self, principal: str, password: str | None = None, encryption: str = "") -> None:
        """A new principal, without a password by a random key; `encryption` (`rc4-hmac`) is all it knows."""
        how = ["-randkey"] if password is None else ["-pw", password]
        if encryption:
            how += ["-e", f"{encryption}:normal"]
        self._administer(["addprinc", "-clearpolicy", *how, principal])
        if encryption:
            self._administer(["setstr", principal, "session_enctypes", encryption])

    def set_password(self, principal: str, password: str) -> None:
        """Another password, and with it other keys."""
        self._administer(["cpw", "-pw", password, principal])

    def write_keytab(self, principal: str, keytab: Path) -> None:
        """Its keys, and those it has already, into a file; its password stays what it is."""
        self._administer(["ktadd", "-norandkey", "-k", str(keytab), principal])

    def _administer(self, request: Sequence[str]) -> None:
        program = dns_server.find("kadmin.local", PACKAGES)
        dns_server.run([program, "-r", self.realm, *request], self.environment)


def start(folder: Path, realm: str = "CORP.EXAMPLE", port: int = 0) -> Kdc:
    """Start a KDC in an empty or new folder; port 0 takes a free one.

    Raises:
        CannotStart: there is none here, or it does not answer.
    """
    folder = dns_server.new_folder(folder)
    programs = [dns_server.find(name, PACKAGES) for name in ("kdb5_util", "krb5kdc")]
    centre = Kdc(
        str(folder),
        realm,
        dns_server.ADDRESS,
        port or dns_server.free_port(),
        f"{USER}@{realm}",
        secrets.token_urlsafe(12),
    )
    values = {**vars(centre), "domain": realm.lower()}
    centre.krb5_conf.write_text(CLIENT.format(**values), encoding="utf-8")
    (folder / "kdc.conf").write_text(CENTRE.format(**values), encoding="utf-8")
    dns_server.run([programs[0], "-r", realm, "create", "-s", "-P", secrets.token_urlsafe(12)], centre.environment)
    centre.add(centre.user, centre.password)
    dns_server.launch(
        folder,
        folder / "server.log",
        [programs[1], "-n", "-r", realm, "-P", os.devnull],
        lambda: dns_server.accepts(centre.address, centre.port),
        environment=centre.environment,
    )
    return centre


def stop(folder: Path) -> None:
    """End the KDC of this folder, if it runs."""
    dns_server.stop(folder)


def main(arguments: Sequence[str]) -> int:
    return dns_server.command_line(
        "Kerberos realm",
        lambda chosen: start(chosen.folder, chosen.realm, chosen.port),
        stop,
        {"realm": "CORP.EXAMPLE", "port": 0},
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
