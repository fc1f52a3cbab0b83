# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTPS with an authority of one's own: whose certificates are taken, and what is said of the others.

Validated by default, over winrm and over psrp; the estate's authority vouches for names and address of a host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from estate import Data, Estate, one_task, serving
from ways import WAYS, described

TRUSTED = {"ansible_winrm_ca_trust_path": "{ca}"}
OTHER = {"ansible_winrm_ca_trust_path": "{other_ca}"}
NOBODY = {"ansible_winrm_ca_trust_path": "{empty}"}
IGNORED = {"ansible_winrm_server_cert_validation": "ignore"}
UNTRUSTED = "its TLS certificate is not trusted; set {option} to a file with the certificate of the authority"

# host of the estate, what its inventory says of certificates, and what is said then; nothing: it works.
CASES: Mapping[str, tuple[str, Data, str]] = {
    "right": ("good", TRUSTED, ""),
    "ntlm": ("ntlm", TRUSTED, ""),
    "wrong": ("good", OTHER, UNTRUSTED),
    "ignored": ("good", IGNORED, ""),
    "selfmade": ("selfmade", TRUSTED, UNTRUSTED),
    "selfmade_ignored": ("selfmade", IGNORED, ""),
    "expired": ("expired", TRUSTED, "its TLS certificate has expired; give WinRM's listener a new one"),
    "mismatch": ("mismatch", TRUSTED, "its TLS certificate is for another name; set ansible_host to a name that"),
    "no_ca": ("good", NOBODY, "the certificates to be trusted is not there; correct {option}"),
}
HOSTS = {
    "good": {"transport": "basic", "scheme": "https"},
    "ntlm": {"transport": "ntlm", "scheme": "https"},
    "selfmade": {"transport": "basic", "scheme": "https", "certificate": "self_signed"},
    "expired": {"transport": "basic", "scheme": "https", "certificate": "expired"},
    "mismatch": {"transport": "basic", "scheme": "https", "certificate": "other_name"},
}
OPTION = {"winrm": "ansible_winrm_ca_trust_path", "psrp": "ansible_psrp_ca_cert"}


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with serving(tmp_path_factory.mktemp("certificates"), HOSTS) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def results(request: pytest.FixtureRequest, estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    """What became of each case, and which way it went."""
    with serving(tmp_path_factory.mktemp("other"), {"other": {"scheme": "https"}}) as other:
        places = {
            "ca": estate.command("ca", str(estate.file)).strip(),
            "other_ca": other.command("ca", str(other.file)).strip(),
            "empty": "/nowhere/ca.pem",
        }
        tree = estate.inventory()
        hosts = tree["all"]["children"]["kms_hosts"]["hosts"]
        for name, (host, words, _said) in CASES.items():
            bare = {key: value for key, value in hosts[host].items() if key != "ansible_winrm_ca_trust_path"}
            told = {key: value.format(**places) for key, value in words.items()}
            hosts[f"case_{name}"] = described({**bare, **told}, request.param)
        assert all(Path(places[name]).is_file() for name in ("ca", "other_ca"))
        tasks = [one_task(f"case_{name}", "host_info", {"query": "system.release"}, f"r_{name}") for name in CASES]
        yield {"way": request.param, **estate.play(tasks, inventory=tree).results}


@pytest.mark.parametrize("case", CASES)
def test_whose_certificates_are_taken(results: Data, case: str) -> None:
    result, said = results[f"r_{case}"], CASES[case][2]
    if not said:
        assert result.get("query_result") == "server_2003", result.get("msg")
        return
    assert result["unreachable"] and result["error"]["name"] == "unreachable"
    assert said.format(option=OPTION[results["way"]]) in result["msg"]


def test_nothing_was_sent_to_whom_is_not_trusted(results: Data, estate: Estate) -> None:
    assert {entry["host"] for entry in estate.exchanges()} == {"good", "ntlm", "selfmade"}
