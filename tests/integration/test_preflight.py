# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook activation.kms.preflight finds WinRM where the connection finds it, and does not blame what is right.

Every host is one machine, described in another way; what is said of it is the last task's. Kerberos has tests of its
own (test_kerberos_info.py).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from estate import Data, Estate, serving
from ways import described

pytestmark = pytest.mark.once


def preflight(estate: Estate, hosts: t.Mapping[str, Data], *arguments: str) -> dict[str, str]:
    """What the playbook says in the end, by host."""
    inventory = estate.inventory()
    group = inventory["all"]["children"]["kms_hosts"]
    group["hosts"] = dict(hosts)
    if arguments:
        del group["vars"]["ansible_connection"]
    folder = estate.folder / f"preflight-{'-'.join(hosts)}"
    folder.mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "activation.kms.preflight", *arguments]
    settings = {"ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    said = done.stdout.rpartition("TASK [Say what was found]")[2].partition("PLAY RECAP")[0]
    results = re.finditer(r"^(?:ok|fatal): \[(\w+)\].*?=> ", said, re.MULTILINE)
    found = {each.group(1): json.JSONDecoder().raw_decode(said, each.end())[0]["msg"] for each in results}
    assert set(found) == set(hosts), done.stdout + done.stderr
    return found


def without(host: Data, *names: str) -> Data:
    return {name: value for name, value in host.items() if name not in names}


def test_winrm_is_looked_for_where_the_connection_looks(tmp_path: Path) -> None:
    machines: dict[str, Data] = {"open": {"persona": "server-2019"}, "tls": {"scheme": "https", "transport": "basic"}}
    with serving(tmp_path / "estate", machines) as estate:
        given = estate.inventory()["all"]["children"]["kms_hosts"]["hosts"]
        winrm, psrp = given["open"], described(given["open"], "psrp")
        tls = given["tls"]
        nameless = without(winrm, "ansible_host", "ansible_port")
        hosts = {
            "fqcn": {**winrm, "ansible_connection": "ansible.builtin.winrm"},
            "own_names": {**nameless, "ansible_winrm_host": winrm["ansible_host"], "ansible_winrm_port": 5985},
            "psrp_names": {
                **without(psrp, "ansible_host", "ansible_port", "ansible_psrp_protocol"),
                "ansible_connection": "ansible.builtin.psrp",
                "ansible_psrp_host": winrm["ansible_host"],
                "ansible_psrp_port": 5985,
                "ansible_winrm_port": 1,
            },
            "psrp_default": without(psrp, "ansible_port"),
            "psrp_tls": described(tls, "psrp"),
            "tls": tls,
            "wrong_path": {**psrp, "ansible_psrp_path": "elsewhere"},
            "distrusted": without(tls, "ansible_winrm_ca_trust_path"),
            "distrusted_psrp": without(described(tls, "psrp"), "ansible_psrp_ca_cert"),
            "down": {**psrp, "ansible_host": f"{estate.network}.200"},
        }
        said = preflight(estate, hosts)
        wrong = {name for name in hosts if f"{name} is ready: " not in said[name]}
        assert wrong == {"wrong_path", "distrusted", "distrusted_psrp", "down"}, said
        assert "/elsewhere" in said["wrong_path"] and "ansible_psrp_path" in said["wrong_path"]
        for name, option in (
            ("distrusted", "ansible_winrm_ca_trust_path"),
            ("distrusted_psrp", "ansible_psrp_ca_cert"),
        ):
            assert "its TLS certificate is not trusted" in said[name] and option in said[name]
            assert "Nothing answers" not in said[name]
        assert f"Nothing answers at http://{estate.network}.200:5985/wsman" in said["down"]


def test_a_connection_of_the_command_line(tmp_path: Path) -> None:
    with serving(tmp_path / "estate", {"open": {"persona": "server-2019"}}) as estate:
        (host,) = estate.inventory()["all"]["children"]["kms_hosts"]["hosts"].values()
        bare = without(described(host, "psrp"), "ansible_connection", "ansible_port")
        said = preflight(estate, {"bare": bare}, "-c", "psrp")
        assert "bare is ready: " in said["bare"]
        assert {entry["operation"] for entry in estate.journal("open")} >= {"identify", "enumerate"}
