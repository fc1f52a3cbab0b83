# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret anywhere: a job as AWX runs it, with rollouts that work and tasks that fail, as loud as Ansible gets, and
every byte searched.

Searched are standard output and error, the artifacts (command line, environment, job events, fact cache), the rest of
the private data dir, Ansible's log and home, results that are printed and written to a file, whatever stands in the
temporary folders afterwards, and what the other side wrote down. A secret is not looked for in the one file that
brings it into the job. The table of tasks is secret_tasks.py's, the search leaks.py's.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import textwrap
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import bind_server
import pytest
from awx_job import ARTIFACTS, EXTRAVARS, Job, run_job
from dns_server import ADDRESS, free_port
from estate import DOMAIN, HOST_KEY, KEY_GROUP, PASSWORD, USER, Data, Estate, serving
from leaks import contents, found_in, left_in_shared_folders
from secret_tasks import (
    CHANGED,
    DNS_HOSTS,
    FAILED,
    HOSTS,
    IN_EXTRAVARS,
    LAST_FIVE,
    LATER_GROUP,
    NAMES,
    SAME,
    STRANGER,
    UNREACHABLE,
    Row,
    credentials,
    hidden,
    keytab_of,
    make_up,
    plays,
    rows,
    variables,
)

from emulated_windows.core import FIRMWARE_KEY

BROUGHT_BY = f"job/{EXTRAVARS}"
RESULTS = ("stdout", "job_events/", "fact_cache/")  # artifacts that hold results
ENDS = {"runner_on_ok": "", "runner_on_failed": FAILED, "runner_on_unreachable": UNREACHABLE}


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything that was written, by the name of where it stands, and the parts of the secrets that must not be in it.

    Attributes:
        elsewhere: what was written to the machine's temporary folders meanwhile, by whomever.
        outcomes: how each row came out, and how it should have.
        kerberos_keys: those of the keytab.
        tickets: whether there is a file where Kerberos keeps tickets.
        deeds: methods and command lines by host.
    """

    written: Mapping[str, bytes]
    elsewhere: Mapping[str, bytes]
    secrets: Mapping[str, tuple[str, ...]]
    kerberos_keys: list[bytes]
    tickets: bool
    outcomes: tuple[Mapping[str, str], Mapping[str, str]]
    deeds: Mapping[str, list[str]]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    folder = tmp_path_factory.mktemp("secrets")
    try:
        dns = bind_server.start(folder / "bind", realm="CORP.EXAMPLE")
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    secrets = make_up(dns)
    keys = {secrets["host_key"]: KEY_GROUP, secrets["later_key"]: LATER_GROUP}
    login = {"user": USER, "password": secrets["password"]}
    zone = {"address": ADDRESS, "port": free_port(), "zone": DOMAIN, "flavour": "microsoft", "updates": "nonsecure"}
    try:
        with (
            pytest.MonkeyPatch.context() as kerberos,
            serving(folder / "estate", {**HOSTS, **DNS_HOSTS}, host_keys=keys, credentials=login, dns=zone) as estate,
        ):
            write_keytab(dns)
            for name, value in dns.environment.items():
                kerberos.setenv(name, value)
            yield collect(folder, estate, dns, secrets, zone)
    finally:
        bind_server.stop(folder / "bind")


def write_keytab(dns: bind_server.BindServer) -> None:
    assert dns.kdc is not None
    dns.kdc.write_keytab(dns.kdc.user, keytab_of(dns))


def collect(folder: Path, estate: Estate, dns: bind_server.BindServer, secrets: Data, zone: Data) -> Evidence:
    """Run the job and gather what was written."""
    inventory = estate.inventory()
    group = inventory["all"]["children"]["kms_hosts"]
    for one in inventory["all"]["children"].values():
        for name in ("ansible_user", "ansible_password"):
            one["vars"].pop(name, None)  # AWX's machine credential brings them
    group["vars"].update(variables(dns))
    group["hosts"][STRANGER] = {**group["hosts"]["sealed"], "ansible_password": "{{ wrong_password }}"}
    table = rows(estate.packages(), dns, zone)
    started = time.time()
    job = run_job(
        folder / "job", plays(table, folder / "job/around/results.json"), inventory, USER, credentials(secrets)
    )
    written = contents([job.folder, estate.folder / "journal.jsonl", estate.folder / "emulator.log"], folder)
    return Evidence(
        written,
        left_in_shared_folders(started, folder),
        {name: hidden(secret, name) for name, secret in secrets.items()},
        keys_in(keytab_of(dns).read_bytes()),
        Path(dns.environment["KRB5CCNAME"].removeprefix("FILE:")).exists(),
        ({row.name: came_out(job, row) for row in table}, {row.name: row.outcome for row in table}),
        {host: [str(entry["method"]) for entry in estate.journal(host)] for host in estate.hosts},
    )


def keys_in(keytab: bytes) -> list[bytes]:
    """By their kind and length before them: AES with 256 and 128 bits (RFC 3962)."""
    return [
        found[4:]
        for pattern in (rb"\x00\x12\x00\x20.{32}", rb"\x00\x11\x00\x10.{16}")
        for found in re.findall(pattern, keytab, re.DOTALL)
    ]


def came_out(job: Job, row: Row) -> str:
    """By the last event that ends a task of ours in the row's play; "" when there was none."""
    said = ""
    for event in job.events():
        data = event.get("event_data", {})
        ours = data.get("play") == row.name and str(data.get("task_action", "")).startswith("activation.kms.")
        if ours and event["event"] in ENDS:
            said = ENDS[event["event"]] or (CHANGED if data["res"]["changed"] else SAME)
    return said


def leak_in(content: bytes, parts: tuple[str, ...]) -> str:
    return next(filter(None, (found_in(content, part) for part in parts)), "")


def test_every_task_came_out_as_it_should(evidence: Evidence) -> None:
    """Or the search would prove nothing."""
    came_out, expected = evidence.outcomes
    assert came_out == expected, evidence.written["job/around/stdout"].decode()[-3000:]


def test_every_way_was_taken(evidence: Evidence) -> None:
    """dism where there is one, WMI methods for the settings from 2008 R2 on, the key by WMI everywhere."""
    later = evidence.deeds["later"]
    assert any(deed.lower().startswith("dism") for deed in later)
    assert {"SetKeyManagementServiceListeningPort", "SetVLActivationInterval", "SetVLRenewalInterval"} <= set(later)
    for host in HOSTS:
        assert "InstallProductKey" in evidence.deeds[host]


def test_everything_was_gathered(evidence: Evidence) -> None:
    """What may be shown of a key is there, in every place a result can get to; the other places are there, too."""
    around = (f"around/{name}" for name in ("stdout", "results.json", "log", "audit.jsonl"))
    results = (*around, *(f"{ARTIFACTS}/{name}" for name in RESULTS))
    others = (f"job/{ARTIFACTS}/{name}" for name in ("command", "rc", "status", "stderr"))
    told = [name for name, content in evidence.written.items() if LAST_FIVE.encode() in content]
    for place in results:
        assert any(name.startswith(f"job/{place}") for name in told), (place, sorted(told))
    assert {*others, "estate/journal.jsonl", "estate/emulator.log"} <= set(evidence.written)


def test_the_search_finds_the_secrets_where_they_come_from(evidence: Evidence) -> None:
    for name in IN_EXTRAVARS:
        assert leak_in(evidence.written[BROUGHT_BY], evidence.secrets[name]), name


@pytest.mark.parametrize("which", NAMES)
def test_no_secret_is_written(evidence: Evidence, which: str) -> None:
    for name, content in evidence.written.items():
        leak = leak_in(content, evidence.secrets[which])
        if leak and not (which in IN_EXTRAVARS and name == BROUGHT_BY):
            pytest.fail(f"{which} in {name}: {leak}", pytrace=False)


def test_nothing_is_left_in_temporary_folders(evidence: Evidence) -> None:
    """Neither a file in the job's own, nor a secret in the machine's. Other programs write there while the job runs, so
    that a secret of this job is looked for."""
    assert not [name for name in evidence.written if name.startswith("job/around/tmp/")]
    for which in set(NAMES) - {"firmware_key"}:
        leaky = [name for name, content in evidence.elsewhere.items() if leak_in(content, evidence.secrets[which])]
        assert not leaky, f"{which} in {leaky}"


def test_nothing_of_kerberos_is_left(evidence: Evidence) -> None:
    """Tickets lived in memory; the keys of the keytab stayed in it, in whichever form."""
    assert not evidence.tickets
    assert evidence.kerberos_keys
    for key in evidence.kerberos_keys:
        forms = [
            key,
            key.hex().encode(),
            key.hex().upper().encode(),
            base64.b64encode(key)[:-4],
            repr(key)[2:-1].encode(),
        ]
        for name, content in {**evidence.written, **evidence.elsewhere}.items():
            assert not any(form in content for form in forms), name


@pytest.mark.parametrize(
    "secret", [HOST_KEY, FIRMWARE_KEY, PASSWORD, "d3JvbmcsIGJ1dCBiYXNlNjQ+/HRoZSBzYW1l", 'a "b" c&d']
)
def test_the_search_finds_what_it_looks_for(secret: str) -> None:
    """The searcher itself, on texts as they would leak."""
    basic = base64.b64encode(f"Administrator:{secret}".encode()).decode()
    leaks = [
        f"key {secret}.",
        secret.replace("-", "").lower(),
        f"<p:ProductKey>{escape(secret)}</p:ProductKey>",
        urllib.parse.quote(secret, safe=""),
        f"Authorization: Basic {basic}",
        base64.b64encode(secret.encode("utf-16-le")).decode(),
        base64.urlsafe_b64encode(secret.lower().encode()).decode(),
        secret.upper().encode("utf-16-le").hex(),
        json.dumps({"a": [secret]}),
        json.dumps({"event": json.dumps({"a": secret})}),
        "\n".join(textwrap.wrap(f"[WARNING]: the key {secret} is unknown", width=24)),
        json.dumps({"stdout": f"the \x1b[0;31mkey {secret[:6]}\x1b[0m\r\n\x1b[0;31m{secret[6:]}\x1b[0m"}),
    ]
    for leak in leaks:
        assert found_in(f"... {leak} ...".encode(), secret), leak
    assert not found_in(b"*****-67892 and ********", secret)
