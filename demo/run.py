# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: a bare Windows Server 2003 becomes a verified KMS host, without Windows.

Starts an estate of emulated Windows with an embedded DNS server on loopback addresses, then does what an administrator
would do: preflight, plan, rollout, the same rollout again, and a look into DNS as a client takes it. Fails when the
second rollout changes anything. Run by `make demo`, which makes the environment and the collection tree it needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import dns.resolver

PROGRAMS = pathlib.Path(sys.executable).parent
ROOT = pathlib.Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".build"
DNS_PORT = 5301
ZONE = "corp.example"

ESTATE = f"""\
domain: {ZONE}
credentials: {{user: Administrator, password: Demo-Only-1}}
boot_seconds: 2
dns:
  address: 127.0.0.1
  port: {DNS_PORT}
  zone: {ZONE}
  tsig: {{name: kms-rollout, algorithm: hmac-sha256, secret: "ZGVtbyBzZWNyZXQsIG5vdCBvbmUgdG8gdXNlIGVsc2V3aGVyZQ=="}}
host_keys: {{BCDFG-HJKMP-QRTVW-XY234-67892: server_2008_r2_c}}
hosts:
  kms03: {{persona: server-2003-sp2-x86, address: 127.0.30.1, transport: ntlm}}
"""

VARIABLES = f"""\
kms_host_serve: [windows_7, server_2008_r2]
kms_host_packages: "{{{{ inventory_dir }}}}/packages"
kms_host_reboot: true
kms_host_product_key: BCDFG-HJKMP-QRTVW-XY234-67892  # made up; the emulated Microsoft knows it
kms_host_key_group: server_2008_r2_c
kms_host_firewall: open
kms_host_firewall_remote_addresses: [10.0.0.0/8, 127.0.0.0/8]
kms_host_publish:
  - zone: {ZONE}
    server: 127.0.0.1
    server_port: {DNS_PORT}
    auth: tsig
    key_name: kms-rollout
    key_secret: ZGVtbyBzZWNyZXQsIG5vdCBvbmUgdG8gdXNlIGVsc2V3aGVyZQ==
"""


class DemoFailed(Exception):
    """The demonstration does not show what it should; the message says what."""


def main() -> int:
    """Tell the story; 0 when it came out as promised."""
    with tempfile.TemporaryDirectory(prefix="activation-kms-demo-") as name:
        folder = pathlib.Path(name)
        try:
            tell(folder)
        except DemoFailed as failure:
            print(f"\nThe demonstration failed: {failure}", file=sys.stderr)
            return 1
    print("\nEverything above happened on loopback addresses of this machine; nothing is left of it.")
    return 0


def tell(folder: pathlib.Path) -> None:
    """Prepare the estate, then go through the chapters."""
    heading("An estate: one bare Windows Server 2003 (emulated), a DNS server, stand-ins for Microsoft's packages")
    (folder / "estate.yml").write_text(ESTATE, encoding="utf-8")
    emulated("packages", str(folder / "packages"))
    with serving(folder):
        (folder / "inventory.yml").write_text(emulated("inventory", str(folder / "estate.yml")), encoding="utf-8")
        variables = folder / "group_vars" / "kms_hosts.yml"
        variables.parent.mkdir()
        variables.write_text(VARIABLES, encoding="utf-8")
        print(show(folder, "before"))
        heading("Preflight: would it work?")
        play(folder, "activation.kms.preflight")
        heading("The plan: check mode changes nothing")
        play(folder, "activation.kms.rollout", "--check", "--diff")
        expect_no_change(folder, "check mode", 0)
        heading("The rollout")
        play(folder, "activation.kms.rollout")
        print(show(folder, "after"))
        heading("The rollout again: nothing to do")
        seen = len(mutations(folder))
        again = play(folder, "activation.kms.rollout")
        if re.search(r"changed=[1-9]", again):
            raise DemoFailed("the second rollout reported a change")
        expect_no_change(folder, "the second rollout", seen)
        heading("What a client finds in DNS")
        ask_dns()


def heading(text: str) -> None:
    """A chapter."""
    print(f"\n== {text} ==\n", flush=True)


def emulated(*arguments: str) -> str:
    """Run the emulated-windows command; its output."""
    command = [str(PROGRAMS / "emulated-windows"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"{' '.join(arguments[:1])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


@contextlib.contextmanager
def serving(folder: pathlib.Path) -> Iterator[None]:
    """The estate runs inside."""
    ready = folder / "ready"
    command = [str(PROGRAMS / "emulated-windows"), "serve", str(folder / "estate.yml")]
    command += ["--journal", str(folder / "journal.jsonl"), "--ready-file", str(ready)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + 30
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > until:
                    trouble = process.stderr.read().strip() if process.poll() is not None and process.stderr else ""
                    raise DemoFailed(f"the emulated estate did not start: {trouble or 'no answer within 30 seconds'}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def play(folder: pathlib.Path, playbook: str, *arguments: str) -> str:
    """Run a playbook of the collection as a user would; its output, shown as well."""
    print(f"$ ansible-playbook -i inventory.yml {playbook} {' '.join(arguments)}\n", flush=True)
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_FORCE_COLOR": "1" if sys.stdout.isatty() else "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
    }
    command = [str(PROGRAMS / "ansible-playbook"), "-i", str(folder / "inventory.yml"), playbook, *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, cwd=folder
    ) as process:
        lines = []
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode != 0:
        raise DemoFailed(f"{playbook} ended with exit code {process.returncode}")
    return "".join(lines)


def mutations(folder: pathlib.Path) -> list[dict[str, str]]:
    """Every request so far that could have changed a host, from the estate's own journal."""
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["mutation"]]


def expect_no_change(folder: pathlib.Path, what: str, before: int) -> None:
    """The journal is the witness, not the collection."""
    sent = len(mutations(folder)) - before
    if sent:
        raise DemoFailed(f"{what} sent {sent} requests that could change the host")
    print(f"The estate's journal confirms: {what} sent nothing that could change the host.")


def show(folder: pathlib.Path, when: str) -> str:
    """The machine's own state in a few words."""
    state = json.loads(emulated("show", str(folder / "estate.yml"), "kms03"))
    keys = [
        f"*****-{p['partial_product_key']} (status {p['license_status']})"
        for p in state["products"]
        if p["partial_product_key"]
    ]
    return (
        f"kms03 {when}: {state['os']['caption']}, KMS {state['kms_version'] or 'none'}, host key "
        f"{', '.join(keys) or 'none'}, listening on {state['listening'] or 'nothing'}, "
        f"activations spent {state['activations_spent'] or 'none'}"
    )


def ask_dns() -> None:
    """Look up KMS hosts the way Windows clients do."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], DNS_PORT
    found = [record.to_text() for record in resolver.resolve(f"_vlmcs._tcp.{ZONE}.", "SRV")]
    print(f"$ dig @127.0.0.1 -p {DNS_PORT} +short _vlmcs._tcp.{ZONE} SRV")
    print("\n".join(found))
    if found != [f"0 0 1688 kms03.{ZONE}."]:
        raise DemoFailed(f"expected one record of kms03.{ZONE}, found {found}")


if __name__ == "__main__":
    sys.exit(main())
