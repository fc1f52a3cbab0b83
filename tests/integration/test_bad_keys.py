# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can be wrong about a host key and its activation, as a new user would meet it.

What can be known beforehand is refused, and the host is untouched. What only Windows or Microsoft can know fails with
its number, and `done` says what stands; nobody activates behind our back then, since Activation\\Manual stays 1. Told
on Server 2003, 2008, 2008 R2 and 2022 where they could differ.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
from collections.abc import Iterator, Sequence

import pytest
import sentences
from estate import HOST_KEY, KEY_GROUP, PASSWORD, Data, Estate, Play, serving

GENERATIONS: dict[str, Data] = {
    "old": {"start": "kms_1_2"},
    "kms08": {"persona": "server-2008-sp2", "updates": ["kb968912"]},
    "r2": {"persona": "server-2008-r2-sp1"},
    "new": {"persona": "server-2022"},
}
"""A machine's name begins with its generation; what is peculiar about it follows after a dash."""
LATER = ("kms08", "r2", "new")
PECULIAR: dict[str, Data] = {"evaluation": {"evaluation": True}, "clock": {"clock_offset": -3 * 86400}}
MICROSOFT_SAYS = {"spent": "0xC004C008", "silent": "0x80072EE2", "unknown": "0x80072EE7"}

BLOCKED, MAK, CLIENTS = (f"BCDFG-HJKMP-QRTVW-XY234-{last}" for last in ("BBBBB", "MMMMM", "CCCCC"))
KEY_2022, BLOCKED_2022 = "BCDFG-HJKMP-QRTVW-XY234-22222", "BCDFG-HJKMP-QRTVW-XY234-2BBBB"
MISTYPED = f"{HOST_KEY[:-1]}3"  # the characters are right, and nobody has issued it
# Public: Windows Server 2008 R2 Enterprise, Microsoft Learn "Key Management Services (KMS) client activation keys".
SETUP_KEY = "489J6-VHDMP-X63PK-3K798-CPX3Y"
HOST_KEYS: Data = {
    HOST_KEY: KEY_GROUP,
    KEY_2022: "server_2022",
    BLOCKED: {"group": KEY_GROUP, "blocked": True},
    BLOCKED_2022: {"group": "server_2022", "blocked": True},
    MAK: "mak",
    CLIENTS: "windows_10",
}
PRODUCT = "2de67392-b7a7-462a-b1ca-108dd189f588"  # of Windows 10: no server has it
SHORT_ID, LETTERS = "0123456789" * 4 + "0123456", "o" + "0123456789" * 4 + "0123456"

HELD = ("host_settings.hold",)
INSTALLED = (*HELD, "host_key.install")


@dataclasses.dataclass(frozen=True)
class Case:
    """One task of host_key that must not work.

    Attributes:
        id: its name here.
        host: the machine.
        options: beside the right key of its generation, or in the place of it; None takes it away.
        error: the error's name.
        says: what the sentence must name.
        code: the error's number.
        stands: the ids of the steps that were done and stand.
    """

    id: str
    host: str
    options: Data
    error: str
    says: tuple[str, ...]
    code: str | None = None
    stands: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.host}: {self.id}"

    @property
    def variable(self) -> str:
        return "r_" + "".join(c if c.isalnum() else "_" for c in self.name)

    @property
    def generation(self) -> str:
        return self.host.partition("-")[0]


def each(name: str, peculiar: str, options: Data, error: str, *says: str, **more: t.Any) -> list[Case]:
    """The same on a machine of each generation, or of those named by `on`."""
    on: Sequence[str] = more.pop("on", GENERATIONS)
    return [Case(name, f"{host}{peculiar and '-'}{peculiar}", options, error, says, **more) for host in on]


def once(name: str, options: Data, error: str, *says: str) -> list[Case]:
    """What no host is asked about; on one of them."""
    return each(name, "", options, error, *says, on=["old"])


def offline(confirmation: str) -> Data:
    return {"activation": "offline", "confirmation_id": confirmation}


OF_CLIENTS: Data = {"product_key": CLIENTS, "key_group": "windows_10"}
CLIENT_PRODUCT: Data = {"activation_id": "{{ client_products[inventory_hostname] }}"}
GONE: Data = {"state": "absent", "product_key": None}
WITH_ITS_OWN = offline("{{ confirmation_ids[inventory_hostname] }}")
WITH_ANOTHERS = offline("{{ confirmation_ids[inventory_hostname | replace('foreign', 'stale')] }}")

REFUSED = [
    *once("malformed", {"product_key": HOST_KEY[:-1]}, "key_malformed", "five groups of five", "portal"),
    *once("alphabet", {"product_key": f"{HOST_KEY[:-1]}0"}, "key_malformed", "2346789BCDFGHJKMNPQRTVWXY"),
    *once("setup key", {"product_key": SETUP_KEY}, "key_is_setup_key", "GVLK", "Server 2008 R2 Enterprise", "CSVLK"),
    *once("no key", {"product_key": None}, "bad_option", "product_key"),
    *once("ID too short", offline(SHORT_ID), "confirmation_id_malformed", "48 digits", "has 47 digits"),
    *once("ID with a letter", offline(LETTERS), "confirmation_id_malformed", "48 digits", "other characters"),
    *once("ID online", {"confirmation_id": f"{SHORT_ID}7"}, "bad_option", "set activation: offline"),
    *once("product malformed", {"activation_id": PRODUCT[:-1]}, "activation_id_malformed", "host_info shows"),
    *once("two activations", {"max_activations": 2}, "bad_option", "max_activations must be 0 or 1"),
    *once("setup key without absent", {"install_setup_key": True}, "bad_option", "install_setup_key", "state: absent"),
    *once("setup key to remove", {**GONE, "product_key": SETUP_KEY}, "key_is_setup_key", "GVLK", "leave product_key"),
    *each("client key with its group", "", OF_CLIENTS, "key_group_wrong_host", "client keys", "windows_10"),
    *each("product unknown", "", {"activation_id": PRODUCT}, "activation_id_unknown", PRODUCT, "volume licence pack"),
    *each("product of a client", "", CLIENT_PRODUCT, "activation_id_no_host", "VOLUME_KMSCLIENT", on=LATER),
    *each("evaluation", "evaluation", {}, "evaluation_edition", "full edition", "0xC004F069", on=("r2", "new")),
    *each("clock", "clock", {}, "clock_wrong", "3 days behind", "set whichever is wrong"),
    *each("setup key of 2003", "", {**GONE, "install_setup_key": True}, "setup_key_unknown", "Server 2003", on=["old"]),
    *each("log nowhere", "", {"audit_log": "/nowhere/a"}, "audit_log_unwritable", "/nowhere/a", "directory"),
    *each("log a directory", "", {"audit_log": "/"}, "audit_log_unwritable", "name a file", on=["old"]),
    *each("log in a file", "", {"audit_log": "/etc/passwd/a"}, "audit_log_unwritable", "/etc/passwd/a", on=["old"]),
    # Linux lets nobody, root neither, make a file there.
    *each("log unwritable", "", {"audit_log": "/sys/a"}, "audit_log_unwritable", "may write", on=["old"]),
]  # fmt: skip

NO_SUCH_KEY: Data = {"code": "0xC004F050", "stands": HELD}
ASKED: Data = {"stands": INSTALLED}
FAILED = [
    *each("mistyped", "mistyped", {"product_key": MISTYPED}, "SL_E_INVALID_PRODUCT_KEY", "typing", **NO_SUCH_KEY),
    *each("client key", "client", {"product_key": CLIENTS}, "SL_E_INVALID_PRODUCT_KEY", "its group", **NO_SUCH_KEY),
    *each("MAK", "mak", {"product_key": MAK}, "SL_E_INVALID_PRODUCT_KEY", "typing", on=["old"], **NO_SUCH_KEY),
    *each("MAK", "mak", {"product_key": MAK}, "key_is_no_host_key", "MAK", "slmgr.vbs /upk", on=LATER, **ASKED),
    *each("blocked", "blocked", {"product_key": BLOCKED}, "SL_E_CHPA_PRODUCT_KEY_BLOCKED", "another host key",
          on=("old", "kms08", "r2"), code="0xC004C003", **ASKED),
    *each("blocked", "blocked", {"product_key": BLOCKED_2022}, "SL_E_CHPA_PRODUCT_KEY_BLOCKED", "another host key",
          on=["new"], code="0xC004C003", **ASKED),
    *each("exhausted", "spent", {}, "SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED", "10 on each of 6 machines",
          "activation centre", code="0xC004C008", **ASKED),
    *each("no answer", "silent", {}, "WININET_E_TIMEOUT", "activation: offline", code="0x80072EE2", **ASKED),
    *each("no name", "unknown", {}, "WININET_E_NAME_NOT_RESOLVED", "activation: offline", code="0x80072EE7", **ASKED),
    *each("log full", "full", {"audit_log": "/dev/full"}, "audit_log_unwritable", "No space left", on=["old"],
          stands=HELD),
]  # fmt: skip

AWAITING = [case for name in ("foreign", "stale") for case in each("phase one", name, {"activation": "offline"}, "")]
CONFIRMED = [
    *each("ID of another host", "foreign", WITH_ANOTHERS, "SL_E_CIDIID_MISMATCHED", "meant for this host",
          code="0xC004F031"),
    *each("stale ID", "stale", WITH_ITS_OWN, "installation_id_changed", "hardware", "without confirmation_id"),
]  # fmt: skip


def machine(host: str) -> Data:
    """A machine as ESTATE.yml has it. Whose confirmation ID it is may be told by 0xC004F07F as well: a dial."""
    generation, ignored, peculiar = host.partition("-")
    dials = {"dials": {"foreign_confirmation_id": "0xC004F031"}} if peculiar == "foreign" else {}
    return {**GENERATIONS[generation], **PECULIAR.get(peculiar, {}), **dials}


@dataclasses.dataclass(frozen=True)
class Story:
    """Both runs, the machines before, between and after them, and the confirmation IDs that were given."""

    results: Data
    plays: tuple[Play, Play]
    before: Data
    between: Data
    after: Data
    confirmation_ids: dict[str, str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    machines = {case.host: machine(case.host) for case in [*REFUSED, *FAILED, *AWAITING]}
    with serving(tmp_path_factory.mktemp("bad-keys"), machines, host_keys=HOST_KEYS) as estate:
        yield tell(estate)


def tell(estate: Estate) -> Story:
    """One run with every mistake, a visit to Microsoft and a moved machine, and one run with what came of that."""
    for host in estate.hosts:
        if code := MICROSOFT_SAYS.get(host.partition("-")[2]):
            estate.fault(host, "no-microsoft", code)
    before = states(estate)
    products = {host: client_product(before[host]) for host in LATER}
    first = play(estate, [*REFUSED, *FAILED, *AWAITING], client_products=products)
    between = states(estate)
    given = {}
    for case in (one for one in AWAITING if one.host.endswith("-stale")):
        told = first.results[case.variable]["installation_id"]
        given[case.host] = estate.command("confirm", str(estate.file), told).strip()
        estate.fault(case.host, "hardware-changed")
    second = play(estate, CONFIRMED, confirmation_ids=given)
    results = {**first.results, **second.results}
    return Story(results, (first, second), before, between, states(estate), given)


def play(estate: Estate, cases: Sequence[Case], **variables: t.Any) -> Play:
    (estate.folder / "variables.yml").write_text(json.dumps(variables), encoding="utf-8")
    plays: dict[str, Data] = {}
    for case in cases:
        start: Data = {"name": case.host, "hosts": case.host, "gather_facts": False, "tasks": []}
        right = {"product_key": KEY_2022 if case.generation == "new" else HOST_KEY}
        options = {name: value for name, value in {**right, **case.options}.items() if value is not None}
        task = {"name": case.id, "activation.kms.host_key": options, "register": case.variable, "ignore_errors": True}
        plays.setdefault(case.host, {**start, "vars_files": ["../variables.yml"]})["tasks"].append(task)
    return estate.play(list(plays.values()), "-vvvvv")


def states(estate: Estate) -> Data:
    """What the machines are, without the time."""
    found: Data = json.loads(estate.command("show", str(estate.file)))
    return {host: {**found[host], "clock": ""} for host in estate.hosts}


def client_product(state: Data) -> str:
    """The ID of the product whose key Windows itself runs under: a client's."""
    return next(str(one["activation_id"]) for one in state["products"] if "KMSCLIENT" in str(one))


def judge(case: Case, result: Data) -> None:
    assert result["failed"], result
    assert (result["error"]["name"], result["error"].get("code")) == (case.error, case.code), result["msg"]
    assert result["error"]["advice"]
    sentences.judge(result["msg"], case.host, case.says)


def name_of(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_refused_before_anything_is_changed(story: Story, case: Case) -> None:
    judge(case, story.results[case.variable])
    assert not story.results[case.variable]["changed"] and not story.results[case.variable].get("done")
    assert story.between[case.host] == story.before[case.host]


@pytest.mark.parametrize("case", FAILED, ids=name_of)
def test_failed_and_said_what_stands(story: Story, case: Case) -> None:
    result = story.results[case.variable]
    judge(case, result)
    assert result["changed"] and tuple(step["id"] for step in result["done"]) == case.stands
    state = story.between[case.host]
    assert state["manual_activation"] == 1, "Windows itself would try again"
    assert not any(state["activations_spent"].values())


@pytest.mark.parametrize("case", CONFIRMED, ids=name_of)
def test_a_confirmation_id_that_does_not_fit(story: Story, case: Case) -> None:
    """The key stands since phase one, which went well."""
    result = story.results[case.variable]
    judge(case, result)
    assert not result["changed"] and not result.get("done")
    assert story.after[case.host]["manual_activation"] == 1
    assert [one["license_status"] for one in keyed(story.after[case.host])] == [
        one["license_status"] for one in keyed(story.between[case.host])
    ]


def keyed(state: Data) -> list[Data]:
    return [one for one in state["products"] if one["partial_product_key"]]


@pytest.mark.parametrize("host", GENERATIONS)
def test_only_server_2003_is_doubted(story: Story, host: str) -> None:
    """And not where Microsoft has judged the key: there it was reached."""
    for name in ("silent", "unknown", "spent", "blocked"):
        (case,) = (one for one in FAILED if one.host == f"{host}-{name}")
        doubted = "Microsoft may no longer activate this Windows online" in story.results[case.variable]["msg"]
        assert doubted is (host == "old" and name in ("silent", "unknown"))


def test_what_was_offered_is_not_repeated(story: Story) -> None:
    """On the screen at -vvvvv, and in results. Installation IDs may be seen; a confirmation ID need not be."""
    shown = "".join(play.output for play in story.plays) + json.dumps(story.results)
    keys = [key for key in (*HOST_KEYS, MISTYPED, SETUP_KEY) for key in (key, key.replace("-", ""), key.lower())]
    ids = [SHORT_ID, LETTERS, *story.confirmation_ids.values()]
    for secret in (*keys, *ids, *(one.replace("-", "") for one in ids), PASSWORD):
        at = shown.find(secret)
        assert at < 0, f"{secret} in: {shown[max(0, at - 200) : at + 100]}"
