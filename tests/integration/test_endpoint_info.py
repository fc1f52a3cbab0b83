# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""endpoint_info as a task, against sockets that answer a bind, talk of something else, or are not there."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

ACKNOWLEDGED = struct.pack("<BBBBIHHI", 5, 0, 12, 3, 0x10, 60, 0, 1) + (
    struct.pack("<HHIH", 5840, 5840, 1, 5) + b"1688\0" + b"\0" + struct.pack("<BxxxHH", 1, 0, 0) + bytes(20)
)

PLAY = """
- name: Look
  hosts: kms1
  gather_facts: false
  become: true
  tasks:
    - activation.kms.endpoint_info: {{target: localhost, port: {kms}}}
      check_mode: true
      register: kms
    - activation.kms.endpoint_info: {{target: 127.0.0.1, port: {other}}}
      register: other
    - activation.kms.endpoint_info: {{target: 127.0.0.1, port: {closed}}}
      register: closed
    - activation.kms.endpoint_info: {{target: nowhere.invalid}}
      register: nowhere
    - activation.kms.endpoint_info: {{target: "127.0.0.1:1688"}}
      register: refused
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{{{ {{'kms': kms, 'other': other, 'closed': closed, 'nowhere': nowhere, 'refused': refused}}
                   | to_json }}}}"
        dest: "{results}"
        mode: "0600"
      delegate_to: localhost
      become: false
"""


@contextlib.contextmanager
def listening(answer: bytes, heard: list[bytes]) -> Iterator[int]:
    """A port that says one thing to everybody who says something."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                with connection, contextlib.suppress(ConnectionResetError):
                    heard.append(connection.recv(4096))
                    connection.sendall(answer)
                    heard.append(connection.recv(4096))

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_as_a_task(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = unused.getsockname()[1]
    heard: list[bytes] = []
    results = tmp_path / "results.json"
    (tmp_path / "hosts.ini").write_text(
        "kms1 ansible_connection=winrm ansible_host=192.0.2.1 ansible_user=nobody ansible_password=secret\n"
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"
    )
    with listening(ACKNOWLEDGED, heard) as kms, listening(b"SSH-2.0-OpenSSH_9.2\r\n", []) as other:
        (tmp_path / "play.yml").write_text(PLAY.format(kms=kms, other=other, closed=closed, results=results))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.ini", "play.yml"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(results.read_text())
    assert {name: found[name].get("state") for name in found} == {
        "kms": "answers",
        "other": "other_service",
        "closed": "refused",
        "nowhere": "unresolved",
        "refused": None,
    }
    assert not any(result["changed"] for result in found.values())
    assert found["kms"]["answers"] and found["kms"]["address"] == "127.0.0.1"
    assert "SSH-2.0" in found["other"]["detail"]
    assert found["refused"]["failed"] and "in the option port" in found["refused"]["msg"]
    assert [len(said) for said in heard] == [72, 0], "a bind, then the end: no request"
