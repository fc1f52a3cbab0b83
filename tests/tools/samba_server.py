# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a private Active Directory domain controller (Samba) with its DNS server, for updates as Windows takes them.

A domain controller wants ports 53, 88 and 389, a host name and a resolver of its own. So it lives in namespaces of its
own (network, mounts, host name, processes; needs root and `unshare`), where nothing collides with the machine or with
another one beside it. The ports that matter are listened to out here and handed in: a socket belongs to the network it
was made in, so the process that holds the namespaces takes connections from out here and makes its own in there.
Everything lies in one folder, and ends with that process.

    samba_server.py start FOLDER [--zone ad.example]
    samba_server.py stop FOLDER
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import dns_server
import kdc
from dns_server import CannotStart, DnsServer

PACKAGES = "samba samba-dsdb-modules samba-vfs-modules samba-ad-provision winbind python3-samba ldb-tools"
INSIDE = "10.99.0.1"
COMPUTER = "dc1"
USER = "kmsadmin"
OTHER_USER = "kmsother"
PATIENCE = 120.0  # seconds; provisioning takes 8, on a busy machine more
FULL_CONTROL = "CCDCLCSWRPWPDTLOCRSDRCWDWO"  # right by right, as Windows stores it
NAMESPACES = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")

# Written before the provisioning, which takes it as it is. sysvol would need file attributes that not every file system
# has: xattr_tdb keeps them in a file.
SETTINGS = """
[global]
    server role = active directory domain controller
    realm = {realm}
    workgroup = ADX
    netbios name = {computer}
    interfaces = lo {inside}
    bind interfaces only = yes
    server services = ldap, cldap, kdc, dns, rpc
    allow dns updates = secure only
    tls enabled = no
    vfs objects = dfs_samba4 acl_xattr xattr_tdb
    private dir = {domain}/private
    state directory = {domain}/state
    cache directory = {domain}/cache
    lock directory = {domain}/lock
    binddns dir = {domain}/bind-dns
    ncalrpc dir = {domain}/ncalrpc
    pid directory = {domain}
    logging = file
    log file = {domain}/log
    log level = 1
[sysvol]
    path = {domain}/state/sysvol
    read only = no
[netlogon]
    path = {domain}/state/sysvol/{zone}/scripts
    read only = no
"""


@dataclass(frozen=True)
class SambaServer(DnsServer):
    """A running domain controller. It has no TSIG key; it answers over TCP only.

    Attributes:
        realm: of its Kerberos.
        kdc_port: where that answers, at the same address.
        user, other_user: two plain domain users, realm included; neither owns a record at first.
        password: of both.
    """

    key_name: str = ""
    key_algorithm: str = ""
    realm: str = ""
    kdc_port: int = 0
    user: str = ""
    other_user: str = ""
    password: str = ""

    @property
    def settings(self) -> Path:
        """Its own smb.conf."""
        return Path(self.folder) / "smb.conf"

    @property
    def krb5_conf(self) -> Path:
        """The settings of a Kerberos client out here."""
        return Path(self.folder) / "krb5.conf"

    @property
    def login(self) -> tuple[str, str]:
        """The first of its users."""
        return self.user, self.password

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to its Kerberos, and keep a cache of tickets in the folder."""
        return {"KRB5_CONFIG": str(self.krb5_conf), "KRB5CCNAME": f"FILE:{self.folder}/tickets"}

    def share(self, name: str, group: str, *members: str) -> None:
        """Make a group of these accounts, and give it full control of a name in the zone, as the DNS console would."""
        self._tool("group", "add", group)
        self._tool("group", "addmembers", group, ",".join(members))
        domain = ",".join(f"DC={label}" for label in self.zone.split("."))
        found = self._tool("group", "show", group, "--attributes=objectSid")
        sid = next(line.partition(": ")[2] for line in found.splitlines() if line.startswith("objectSid"))
        node = f"DC={name},DC={self.zone},CN=MicrosoftDNS,DC=DomainDnsZones,{domain}"
        self._tool("dsacl", "set", "--action=allow", f"--objectdn={node}", f"--sddl=(A;;{FULL_CONTROL};;;{sid})")

    def write_keytab(self, principal: str, keytab: Path) -> None:
        """The keys of one of its principals into a file."""
        self._tool("domain", "exportkeytab", str(keytab), f"--principal={principal}")

    def _tool(self, *words: str) -> str:
        return dns_server.run([dns_server.find("samba-tool", PACKAGES), *words, f"--configfile={self.settings}"])


def start(folder: Path, zone: str = "ad.example") -> SambaServer:
    """Provision and start a domain controller in an empty or new folder; about 15 seconds.

    Raises:
        CannotStart: no Samba, no root, or it does not answer.
    """
    folder = dns_server.new_folder(folder)
    for program in ("samba", "samba-tool", "unshare"):
        dns_server.find(program, PACKAGES)
    if os.getuid() != 0:
        raise CannotStart("A domain controller needs namespaces and low ports: run these tests as root.")
    with contextlib.ExitStack() as open_sockets:
        doors = [open_sockets.enter_context(socket.create_server((dns_server.ADDRESS, 0))) for _door in range(2)]
        dns_port, kdc_port = (door.getsockname()[1] for door in doors)
        realm = zone.upper()
        server = SambaServer(
            str(folder),
            dns_server.ADDRESS,
            dns_port,
            zone,
            f"{COMPUTER}.{zone}",
            realm=realm,
            kdc_port=kdc_port,
            user=f"{USER}@{realm}",
            other_user=f"{OTHER_USER}@{realm}",
            password=f"Aa1-{secrets.token_urlsafe(12)}",  # Active Directory wants letters of both cases and a digit
        )
        values = {"realm": server.realm, "address": server.address, "port": server.kdc_port, "domain": server.zone}
        server.krb5_conf.write_text(kdc.CLIENT.format(**values), encoding="utf-8")
        numbers = [door.fileno() for door in doors]
        holder = [sys.executable, __file__, "hold", json.dumps(asdict(server)), *map(str, numbers)]
        command = [dns_server.find("unshare", "util-linux"), *NAMESPACES, "--", *holder]
        dns_server.launch(
            folder, server.log, command, lambda: dns_server.serves_zone(server), patience=PATIENCE, inherited=numbers
        )
    return server


def stop(folder: Path) -> None:
    """End the domain controller of this folder, if it runs: `unshare` hears nothing else, and takes all with it."""
    dns_server.stop(folder, [signal.SIGKILL])


# --- within the namespaces


def hold(server: SambaServer, doors: Sequence[socket.socket]) -> None:
    """Everything from here on happens in there, and ends with this process."""
    _settle_in(Path(server.folder), server)
    _provision(Path(server.folder, "domain"), server)
    samba = [dns_server.find("samba", PACKAGES), f"--configfile={server.settings}", "--interactive", "--model=single"]
    with subprocess.Popen([*samba, "--no-process-group"], stdin=subprocess.DEVNULL):
        asyncio.run(_hand_in(dict(zip(doors, (53, 88), strict=True))))


def _settle_in(folder: Path, server: SambaServer) -> None:
    """A network, a name and a resolver."""
    private = {
        "hosts": f"127.0.0.1 localhost\n{INSIDE} {server.host} {COMPUTER}\n",
        "resolv.conf": f"search {server.zone}\nnameserver {INSIDE}\n",
    }
    for name, content in private.items():
        (folder / name).write_text(content, encoding="utf-8")
        dns_server.run(["mount", "--bind", str(folder / name), str(Path("/etc", name).resolve())])
    socket.sethostname(COMPUTER)
    dns_server.run(["ip", "link", "set", "lo", "up"])
    dns_server.run(["ip", "address", "add", f"{INSIDE}/24", "dev", "lo"])


def _provision(domain: Path, server: SambaServer) -> None:
    """Make the domain, and two users who are nobody special in it."""
    tool, settings = dns_server.find("samba-tool", PACKAGES), f"--configfile={server.settings}"
    for name in ("private", "state", "cache", "lock", "bind-dns", "ncalrpc"):
        (domain / name).mkdir(parents=True)
    server.settings.write_text(
        SETTINGS.format(**vars(server), domain=domain, computer=COMPUTER.upper(), inside=INSIDE),
        encoding="utf-8",
    )
    command = [tool, "domain", "provision", settings, f"--realm={server.realm}", "--domain=ADX", "--server-role=dc"]
    command += ["--dns-backend=SAMBA_INTERNAL", f"--host-ip={INSIDE}", f"--host-name={COMPUTER}"]
    dns_server.run([*command, f"--adminpass={server.password}"])
    for user in (USER, OTHER_USER):
        dns_server.run([tool, "user", "create", user, server.password, settings])


async def _hand_in(doors: dict[socket.socket, int]) -> None:
    """Take connections out there, make one in here for each, and carry bytes both ways."""
    for door, port in doors.items():

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = port) -> None:
            try:
                inner_reader, inner_writer = await asyncio.open_connection(INSIDE, port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))

        await asyncio.start_server(connect, sock=door)
    await asyncio.Event().wait()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


def main(arguments: Sequence[str]) -> int:
    if arguments[0] == "hold":
        doors = [socket.socket(fileno=int(number)) for number in arguments[2:]]
        hold(SambaServer(**json.loads(arguments[1])), doors)
        return 0
    return dns_server.command_line(
        "Samba domain controller",
        lambda chosen: start(chosen.folder, chosen.zone),
        stop,
        {"zone": "ad.example"},
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
