# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates, credential types and the workflow of playbooks/awx, run as AWX runs them, on a synced checkout.

Judged are the machines, the zone, the events and artifacts AWX would keep, and that no secret is in them. Everything
that Ansible writes is searched but the files that bring the secrets into the job.
"""

from __future__ import annotations

import base64
import os
import random
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import bind_server
import pytest
import yaml
from awx_job import Job
from awx_template import COLLECTIONS, Credential, inject, launch, slice_of, sync
from estate import USER, Data, Estate, serving
from leaks import contents, found_in
from publishing import records

pytestmark = pytest.mark.once

HOSTS = ("kms01", "kms02", "kms03", "kms04")
KEY_GROUP = "server_2019"
PREFLIGHT, ROLLOUT, OFFLINE = "KMS: preflight", "KMS: rollout", "KMS: offline activation"
RETIRE = "KMS: retire"


@dataclass
class Shop:
    """All there is: a synced project, hosts, a DNS server, and the secrets."""

    folder: Path
    synced: Path
    estate: Estate
    dns: bind_server.BindServer
    key: str
    password: str

    def credentials(self) -> list[Credential]:
        tsig = {"key_name": self.dns.key_name, "key_secret": self.dns.key_secret, "key_algorithm": "hmac-sha256"}
        return [Credential("KMS host key", {"product_key": self.key}), Credential("KMS TSIG key", tsig)]

    def inventory(self, **variables: object) -> Data:
        """What an administrator has in AWX: hosts and wishes, no secret."""
        tree = self.estate.inventory()
        group = tree["all"]["children"]["kms_hosts"]
        for name in ("ansible_user", "ansible_password"):
            group["vars"].pop(name, None)  # the machine credential brings them
        zone = {"zone": self.dns.zone, "server": self.dns.host, "server_address": self.dns.address}
        signed = {name: f"{{{{ kms_tsig_{name} }}}}" for name in ("key_name", "key_secret", "key_algorithm")}
        group["vars"].update(
            kms_host_serve=[KEY_GROUP],
            kms_host_key_group=KEY_GROUP,
            kms_host_verify_endpoint="skip",
            kms_host_publish=[{**zone, "server_port": self.dns.port, "auth": "tsig", **signed}],
            **variables,
        )
        return tree

    def run(self, name: str, template: str, inventory: Data, limit: str = "", **answers: object) -> Job:
        """A finished job; no secret of it is in anything that was written."""
        job = launch(
            self.synced,
            self.folder / name,
            template,
            inventory,
            (USER, self.password),
            self.credentials(),
            answers,
            limit,
        )
        written = contents([job.folder / "around", job.folder / "private" / "artifacts"], job.folder)
        assert any(self.key[-5:].encode() in content for content in written.values()), job.said()[-3000:]
        for secret in (self.key[:11], self.key[12:23], self.password, self.dns.key_secret):
            assert not [name for name, content in written.items() if found_in(content, secret)]
        return job


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("awx")
    try:
        dns = bind_server.start(folder / "bind")
    except bind_server.CannotStart as error:
        pytest.fail(str(error), pytrace=False)
    key = "-".join(["".join(random.choices("BCDFGHJKMPQRTVWXY2346789", k=5)) for number in range(4)] + ["67892"])
    password = f"Pass & <word> {secrets.token_hex(4)}"
    machines: Mapping[str, Data] = {name: {"persona": "server-2019"} for name in (*HOSTS, "away")}
    login = {"user": USER, "password": password}
    try:
        with serving(folder / "estate", machines, host_keys={key: KEY_GROUP}, credentials=login) as estate:
            yield Shop(folder, sync(folder / "synced"), estate, dns, key, password)
    finally:
        bind_server.stop(folder / "bind")


def members(shop: Shop) -> list[str]:
    return [record.split()[-1].partition(".")[0] for record in records(shop.dns)]


def test_a_synced_checkout_can_use_itself(shop: Shop, tmp_path: Path) -> None:
    """By the names of the collection, from a folder that is not the checkout."""
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(shop.inventory()), encoding="utf-8")
    places = {"ANSIBLE_COLLECTIONS_PATH": str(shop.synced / COLLECTIONS), "ANSIBLE_HOME": str(tmp_path / "home")}
    for playbook in ("preflight", "rollout", "offline_activation"):
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", f"activation.kms.{playbook}"]
        done = subprocess.run(
            [*command, "--list-tasks", "--list-hosts"],
            cwd=tmp_path,
            env={**os.environ, **places},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "hosts (5):" in done.stdout
    assert not list((shop.synced / COLLECTIONS).rglob("emulator"))


def test_preflight(shop: Shop) -> None:
    """It changes nothing, and a limit holds."""
    job = shop.run("preflight", PREFLIGHT, shop.inventory(), "kms01")
    assert job.returncode == 0, job.said()[-3000:]
    assert "kms01 is ready: " in job.said() and "kms02" not in job.said()
    assert not shop.estate.mutations() and members(shop) == []


def test_two_slices_at_once_publish_into_one_zone(shop: Shop) -> None:
    """Each is given half of the hosts, and counts the hosts of a key among these only."""
    inventory = shop.inventory(kms_host_max_hosts_per_key=3)
    jobs: dict[int, Job] = {}

    def work(number: int) -> None:
        sliced = slice_of(inventory, number, 2)
        jobs[number] = shop.run(f"slice{number}", ROLLOUT, sliced, ",".join(HOSTS), kms_rollout_serial=2)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(jobs) == [1, 2], "each slice ended, and nothing leaked"
    for job in jobs.values():
        assert job.returncode == 0, job.said()[-3000:]
    ours = [set(job.results()) for job in jobs.values()]
    assert not ours[0] & ours[1] and ours[0] | ours[1] == set(HOSTS)
    assert all(job.results()[host][-1]["changed"] for job in jobs.values() for host in job.results())
    assert members(shop) == list(HOSTS)
    for host in HOSTS:
        assert shop.estate.show(host)["activations_spent"] == {shop.key[-5:]: 1}


def test_the_whole_counts_all_hosts_of_a_key(shop: Shop) -> None:
    """What the slices together may exceed, a job without slices refuses; it comes before anybody is spoken to."""
    before = len(shop.estate.exchanges())
    inventory = shop.inventory(kms_host_max_hosts_per_key=3)
    job = shop.run("whole", ROLLOUT, inventory, ",".join(HOSTS), kms_rollout_serial=4)
    assert job.returncode != 0
    assert "too_many_hosts_for_key" in job.said() and len(shop.estate.exchanges()) == before


def test_a_second_rollout_changes_nothing(shop: Shop) -> None:
    before = len(shop.estate.mutations())
    job = shop.run("again", ROLLOUT, shop.inventory(), ",".join(HOSTS), kms_rollout_serial=4)
    assert job.returncode == 0, job.said()[-3000:]
    for host in HOSTS:
        assert [result["changed"] for result in job.results()[host]][-1] is False
    assert len(shop.estate.mutations()) == before and members(shop) == list(HOSTS)


def test_the_workflow_of_an_offline_activation(shop: Shop) -> None:
    """Job, approval, job; the same template, its survey unanswered. The approver writes to the inventory."""
    first = shop.run("first", OFFLINE, shop.inventory(), "away")
    assert first.returncode == 0, first.said()[-3000:]
    asked = first.artifacts()["kms_offline_installation_ids"]
    assert list(asked) == ["away"] and "away awaits the confirmation ID" in first.said()
    assert shop.estate.show("away")["activations_spent"] == {} and "away" not in members(shop)
    told = shop.estate.command("confirm", str(shop.estate.file), asked["away"].replace(" ", "")).strip()
    inventory = shop.inventory(kms_offline_confirmation_ids={"away": told})
    second = shop.run("second", OFFLINE, inventory, "away", **first.artifacts())  # a later node gets the artifacts
    assert second.returncode == 0, second.said()[-3000:]
    assert "away has an activated host key" in second.said() and "away" in members(shop)
    assert second.artifacts() == {}


def test_retire(shop: Shop) -> None:
    """The hosts of the survey, and nobody else."""
    job = shop.run("retire", RETIRE, shop.inventory(kms_host_drain=0), kms_retire_hosts="kms04")
    assert job.returncode == 0, job.said()[-3000:]
    assert "kms04 is retired." in job.said() and set(job.results()) == {"kms04"}
    assert "kms04" not in members(shop) and "kms03" in members(shop)
    keys = {host: [product["partial_product_key"] for product in shop.estate.show(host)["products"]] for host in HOSTS}
    assert shop.key[-5:] not in keys["kms04"] and shop.key[-5:] in keys["kms03"]


def test_a_survey_takes_confirmation_ids(shop: Shop) -> None:
    """As text, which is no template whatever it holds."""
    answer = '"{{ 6 * 7 }}": "012345"'
    job = shop.run("survey", OFFLINE, shop.inventory(), "away", kms_offline_confirmation_ids=answer)
    assert job.returncode == 0, job.said()[-3000:]
    assert "There are confirmation IDs for {{ 6 * 7 }}, which this run has not met" in job.said()


def test_a_realm_comes_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    text = "[libdefaults]\n    default_realm = CORP.EXAMPLE\n    # {{ no template }}"
    environment, (argument,) = inject(Credential("KMS Kerberos realm", {"krb5_conf": text}), tmp_path)
    assert Path(environment["KRB5_CONFIG"]).read_text(encoding="utf-8") == text
    assert "KRB5_CONFIG" in Path(argument.removeprefix("-e @")).read_text(encoding="utf-8")


def test_a_dns_account_is_taken_as_it_is(tmp_path: Path) -> None:
    """Quotes, braces and what YAML thinks of: the variables hold what was typed."""
    (tmp_path / "env").mkdir()
    password = base64.b64encode(secrets.token_bytes(6)).decode() + "'\"{{ 1 }}: #\n"
    inputs = {"principal": "kms-dns@CORP.EXAMPLE", "password": password}
    environment, (argument,) = inject(Credential("KMS DNS account", inputs), tmp_path)
    file = Path(argument.removeprefix("-e @"))
    told = [sys.executable, "-m", "ansible", "adhoc", "localhost", "-m", "debug", "-a", "var=kms_gss_password"]
    done = subprocess.run([*told, "-e", f"@{file}"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert yaml.safe_load(done.stdout.partition("=>")[2])["kms_gss_password"] == password, done.stderr
    assert environment == {} and file.stat().st_mode & 0o777 == 0o400
