# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that publish themselves in a secure zone, and the question to DNS, as tasks on the wire.

The first host owns the name, so that the second is refused: the trap of secure zones. What is said in every other case
is told by the simulation.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import dns_server
import pytest
import sentences
from estate import DOMAIN, HOST_KEY, Data, Estate, one_task, serving

pytestmark = pytest.mark.once

OWNER = f"_vlmcs._tcp.{DOMAIN}"


@pytest.fixture(scope="module")
def dns_port() -> int:
    return dns_server.free_port()


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory, dns_port: int) -> Iterator[Estate]:
    """kms01 has published itself from the beginning; kms02 has no key yet."""
    zone = {"address": "127.0.0.1", "port": dns_port, "zone": DOMAIN, "flavour": "microsoft", "updates": "secure"}
    hosts: dict[str, Data] = {
        "kms01": {"persona": "server-2008-r2-sp1", "host_key": HOST_KEY},
        "kms02": {"persona": "server-2008-r2-sp1"},
    }
    with serving(tmp_path_factory.mktemp("self-publishing"), hosts, dns=zone) as estate:
        yield estate


def told(estate: Estate, host: str, port: int, **options: object) -> Data:
    """The result of one task."""
    asked = {"server": ["127.0.0.1"], "server_port": port, "timeout": 3}
    wish = {"product_key": HOST_KEY, "self_publishing": True, "resolver": asked, **options}
    played = estate.play([one_task(host, "host", wish)])
    result: Data = played.results["r_it"]
    return result


def published(port: int) -> list[str]:
    command = ["dig", "+tcp", "+short", "@127.0.0.1", "-p", str(port), "SRV", OWNER]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def test_the_first_host_is_published_and_the_second_is_told_who_owns_the_name(estate: Estate, dns_port: int) -> None:
    first = told(estate, "kms01", dns_port, verify_self_publishing="fail")
    assert not first["failed"] and not first["changed"]
    (domain,) = first["observed"]["self_publication"]["domains"]
    assert (domain["domain"], domain["state"], domain["others"]) == (DOMAIN, "published", 0)
    assert not any(entry["resource"] == "Win32_NTLogEvent" for entry in estate.journal("kms01"))

    second = told(estate, "kms02", dns_port, verify_self_publishing="fail")
    assert second["failed"] and second["changed"], "it was set up, and nothing of that is lost"
    assert second["error"]["name"] == "not_self_published"
    sentences.judge(
        second["msg"], "kms02", [f"has not published itself in {DOMAIN}", "12293", "0x8007232D", OWNER, "full control"]
    )
    assert published(dns_port) == ["0 0 1688 kms01.corp.example."]
    warned = told(estate, "kms02", dns_port)
    assert not warned["failed"] and not warned["changed"]
    assert [text for text in warned["warnings"] if "full control" in text]


def test_a_dns_server_that_is_silent_is_a_warning_in_time(estate: Estate) -> None:
    result = told(estate, "kms01", dns_server.free_port())
    (text,) = [text for text in result["warnings"] if "could not be told" in text]
    assert not result["failed"] and "127.0.0.1" in text
    assert result["observed"]["self_publication"]["domains"][0]["state"] == "unknown"
