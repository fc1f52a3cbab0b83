# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators type, by ansible.builtin.raw over Ansible's own winrm: the comparison of fleets rests on it.

Every supported core wraps raw commands into PowerShell in its own way, and emulated Windows must understand each.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

import pytest
from estate import HOST_KEY, KEY_GROUP, Data, Estate, serving

KEY_2019 = "BCDFG-HJKMP-QRTVW-XY234-BBBBB"
SLMGR = r"cscript //nologo C:\Windows\System32\slmgr.vbs"
HOSTS: Mapping[str, Mapping[str, t.Any]] = {
    "kms19": {"persona": "server-2019", "host_key": KEY_2019, "count": 31},
    "kms03": {"start": "kms_1_2", "host_key": HOST_KEY, "count": 31, "transport": "basic"},
    "winrm11": {"persona": "server-2003-sp1-x86"},
}
WITH_POWERSHELL = ["kms19", "kms03"]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """A KMS host on Server 2019, one on Server 2003, and a Server 2003 with WinRM 1.1."""
    keys = {HOST_KEY: KEY_GROUP, KEY_2019: "server_2019"}
    with serving(tmp_path_factory.mktemp("raw"), HOSTS, host_keys=keys) as served:
        yield served


def raw(estate: Estate, hosts: Sequence[str], command: str) -> dict[str, Data]:
    """The result of one raw command on each host."""
    task = {"ansible.builtin.raw": command, "register": "r_raw", "ignore_errors": True, "name": "By hand"}
    done = estate.play([{"name": "Raw", "hosts": list(hosts), "gather_facts": False, "tasks": [task]}])
    assert done.returncode == 0, done.output
    found: dict[str, Data] = done.results["r_raw"]
    return found


def test_raw_reads_slmgr_dlv(estate: Estate) -> None:
    for host, result in raw(estate, WITH_POWERSHELL, f"{SLMGR} /dlv").items():
        (product,) = (each for each in estate.show(host)["products"] if each["partial_product_key"])
        assert (result["rc"], result["stderr"]) == (0, "")
        assert f"Installation ID: {product['installation_id']}" in result["stdout_lines"]
        assert "License Status: Licensed" in result["stdout_lines"]
        assert "    Current count: 31" in result["stdout_lines"]
    (sent,) = (entry for entry in estate.journal("kms19") if entry["method"].endswith("slmgr.vbs /dlv"))
    assert sent["method"].lower().startswith("powershell -noprofile -noninteractive -executionpolicy unrestricted -enc")
    assert not sent["mutation"]


def test_whatever_fails_in_powershell_fails_with_1(estate: Estate) -> None:
    for result in raw(estate, WITH_POWERSHELL, "sc.exe query nothing").values():
        assert (result["rc"], result["failed"]) == (1, True)
    for result in raw(estate, WITH_POWERSHELL, "sc.exe query nothing; exit $LASTEXITCODE").values():
        assert (result["rc"], result["failed"]) == (1060, True)


@pytest.mark.once
@pytest.mark.parametrize("command", ["sc query Spooler", "Get-Service Spooler | Stop-Service", "cscript x.vbs > C:\\x"])
def test_other_scripts_are_refused(estate: Estate, command: str) -> None:
    for result in raw(estate, WITH_POWERSHELL, command).values():
        assert (result["rc"], result["stdout"]) == (1, "")
        assert "Emulated PowerShell runs one program" in result["stderr"]
    assert not estate.show("kms19")["files_left"]


@pytest.mark.once
def test_a_host_with_winrm_1_1_has_no_powershell_for_raw(estate: Estate) -> None:
    result = raw(estate, ["winrm11"], "hostname")["winrm11"]
    assert result["rc"] == 1
    assert "is not recognized" in result["stderr"]
