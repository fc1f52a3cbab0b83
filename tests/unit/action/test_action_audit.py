# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: what its lines say, what they never say, and what happens where they cannot be written."""

from __future__ import annotations

import dataclasses
import getpass
import json
import multiprocessing
import os
import pathlib
import re
import resource
import typing as t

import pytest

from ansible_collections.activation.kms.plugins.plugin_utils._ansible import audit
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.action import Job, KmsAction
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.audit import origin_of
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.options import AUDIT_OPTIONS, Specification
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, OutcomeUnknown
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Item, Resource, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._secret import Scrubber
from ansible_collections.activation.kms.tests.unit.action.tasks import run

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"
AWX = {"awx_job_id": 42, "awx_user_name": "ada", "tower_job_id": 41, "tower_user_name": "bob"}
Entry = dict[str, t.Any]


# -- a plugin that changes one thing


@dataclasses.dataclass(frozen=True)
class Lamp:
    """It is on or off."""

    key: t.ClassVar[str] = "lamp"

    on: bool

    def as_data(self) -> dict[str, t.Any]:
        return {"on": self.on}


class Lit(Resource):
    """Wants the lamp to be on."""

    name = "lit"
    needs = (Lamp,)

    def __init__(self, plugin: type[Lamplighter]) -> None:
        self.plugin = plugin

    def next(self, seen: Seen) -> Item | None:
        if seen[Lamp].on:
            return None
        return Step(
            id="lamp.light",
            summary=self.plugin.summary,
            predict=lambda later: later.having(Lamp(True)),
            run=self.plugin.light,
            touches=(Lamp,),
            once=True,
            before=self.plugin.before,
            after="on",
        )


class Lamplighter(KmsAction):
    """Lights a lamp, and meets what a test wants it to meet."""

    specification = Specification(
        {"product_key": {"type": "str", "no_log": True}, "word": {"type": "str", "no_log": True}, **AUDIT_OPTIONS},
        windows=False,
    )
    on = False
    summary = "light the lamp"
    before = "off"
    problem: t.ClassVar[BaseException | None] = None
    fills: t.ClassVar[pathlib.Path | None] = None

    @classmethod
    def light(cls, world: t.Any) -> None:
        if cls.fills is not None:  # from here on nothing can be written under that name
            cls.fills.unlink()
            cls.fills.mkdir()
        if cls.problem is not None:
            raise cls.problem
        cls.on = True

    def _job(self, options: dict[str, t.Any], world: t.Any) -> Job:
        mine = type(self)
        return Job([Lit(mine)], {Lamp: lambda door, look: Lamp(mine.on)})


def lamplighter(**changes: t.Any) -> type[Lamplighter]:
    return type("Lighting", (Lamplighter,), {"__module__": __name__, **changes})


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "audit.jsonl"


def entries(log: pathlib.Path) -> list[Entry]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def only(log: pathlib.Path) -> Entry:
    (entry,) = entries(log)
    return dict(entry)


# -- what a line says


def test_a_step_is_one_line(log: pathlib.Path) -> None:
    result = run(lamplighter(), {"audit_log": str(log), "product_key": KEY}, task_vars=AWX)
    assert result["changed"] and result["warnings"] == []
    entry = only(log)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.pop("time"))
    assert entry == {
        "outcome": "done",
        "job": "42",
        "user": "ada",
        "host": "kms01",
        "module": "activation.kms.test_action_audit",
        "key": "67892",
        "step": "lamp.light",
        "summary": "light the lamp",
        "before": "off",
        "after": "on",
        "code": None,
        "error": None,
    }


def test_lines_are_added_and_a_new_file_is_private(log: pathlib.Path) -> None:
    for _round in range(3):
        run(lamplighter(), {"audit_log": str(log)})
    assert len(entries(log)) == 3
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_is_there_stays_as_it_is(log: pathlib.Path) -> None:
    log.write_text("a line of somebody else\n")
    log.chmod(0o640)
    run(lamplighter(), {"audit_log": str(log)})
    first, second = log.read_text().splitlines()
    assert first == "a line of somebody else" and json.loads(second)["outcome"] == "done"
    assert log.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("problem", "outcome", "code", "name"),
    [
        (Failure("kms01: no", name="SL_E_X", code="0xC004F050"), "failed", "0xC004F050", "SL_E_X"),
        (OutcomeUnknown("kms01: lost", name="outcome_unknown"), "unknown", None, "outcome_unknown"),
        (ZeroDivisionError(), "unknown", None, "unexpected"),
    ],
)
def test_a_step_that_did_not_end_well_says_so(
    log: pathlib.Path, problem: BaseException, outcome: str, code: str | None, name: str
) -> None:
    result = run(lamplighter(problem=problem), {"audit_log": str(log)})
    assert result["failed"]
    entry = only(log)
    assert (entry["outcome"], entry["code"], entry["error"]) == (outcome, code, name)


def test_a_task_that_is_ended_from_outside_leaves_its_line(log: pathlib.Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(lamplighter(problem=KeyboardInterrupt()), {"audit_log": str(log)})
    assert (only(log)["outcome"], only(log)["error"]) == ("unknown", "interrupted")


def test_a_wish_without_a_key_has_none(log: pathlib.Path) -> None:
    run(lamplighter(before=""), {"audit_log": str(log)})
    assert (only(log)["key"], only(log)["before"]) == (None, None)


@pytest.mark.parametrize(
    ("task_vars", "environment", "job", "user"),
    [
        (AWX, {"JOB_ID": "7"}, "42", "ada"),
        ({"tower_job_id": 41, "tower_user_name": "bob"}, {"JOB_ID": "7"}, "41", "bob"),
        ({}, {"JOB_ID": "7"}, "7", None),
        ({"awx_user_name": ""}, {}, None, None),
    ],
)
def test_who_does_it(
    monkeypatch: pytest.MonkeyPatch, task_vars: Entry, environment: dict[str, str], job: str | None, user: str | None
) -> None:
    monkeypatch.delenv("JOB_ID", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = origin_of("kms01", "activation.kms.host", None, task_vars)
    assert (found["job"], found["user"]) == (job, user or getpass.getuser())


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(audit.getpass, "getuser", nobody)
    assert origin_of("kms01", "activation.kms.host", None, {})["user"] == str(os.getuid())


# -- where it is


def test_a_relative_path_counts_from_the_playbook(tmp_path: pathlib.Path) -> None:
    run(lamplighter(), {"audit_log": "audit.jsonl"}, folder=str(tmp_path))
    assert only(tmp_path / "audit.jsonl")["outcome"] == "done"


def test_a_tilde_is_the_home_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run(lamplighter(), {"audit_log": "~/audit.jsonl"})
    assert only(tmp_path / "audit.jsonl")["outcome"] == "done"


@pytest.mark.parametrize("args", [{}, {"audit_log": ""}])
def test_without_the_option_nothing_is_written(args: Entry, tmp_path: pathlib.Path) -> None:
    assert run(lamplighter(), args, folder=str(tmp_path))["changed"]
    assert list(tmp_path.iterdir()) == []


# -- where it cannot be written


@pytest.mark.parametrize("place", ["missing/audit.jsonl", ".", "audit\0.jsonl"])
def test_what_cannot_be_opened_is_refused_before_the_first_change(tmp_path: pathlib.Path, place: str) -> None:
    plugin = lamplighter()
    result = run(plugin, {"audit_log": f"{tmp_path}/{place}"})
    assert result["failed"] and not result["changed"]
    assert result["error"]["name"] == "audit_log_unwritable"
    assert result["msg"].startswith("kms01: the audit log ") and "audit_log" in result["msg"]
    assert (plugin.on, result["done"]) == (False, [])
    assert [step["id"] for step in result["remaining"]] == ["lamp.light"]


def test_check_mode_and_a_run_without_changes_do_not_touch_it(tmp_path: pathlib.Path) -> None:
    missing = {"audit_log": str(tmp_path / "missing" / "audit.jsonl")}
    assert "failed" not in run(lamplighter(), missing, check_mode=True)
    assert "failed" not in run(lamplighter(on=True), missing)
    run(lamplighter(), {"audit_log": str(tmp_path / "audit.jsonl")}, check_mode=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("problem", [None, OutcomeUnknown("kms01: lost", name="outcome_unknown")])
def test_a_line_that_cannot_be_written_ends_the_run(log: pathlib.Path, problem: BaseException | None) -> None:
    result = run(lamplighter(fills=log, problem=problem), {"audit_log": str(log)})
    assert result["failed"] and result["changed"]
    assert result["error"]["name"] == "audit_log_unwritable"
    assert '"light the lamp"' in result["msg"]
    assert [step["id"] for step in result["done"]] == ["lamp.light"]


def test_where_the_step_failed_too_its_problem_counts_and_the_log_is_a_warning(log: pathlib.Path) -> None:
    problem = Failure("kms01: no", name="SL_E_X")
    result = run(lamplighter(fills=log, problem=problem), {"audit_log": str(log)})
    assert result["error"]["name"] == "SL_E_X"
    assert len(result["warnings"]) == 1 and str(log) in result["warnings"][0]


# -- secrets


def test_no_secret_gets_in(log: pathlib.Path) -> None:
    secret = "T0p-Secret-Word"
    problem = Failure(f"kms01: {KEY}", name=secret, code=KEY.replace("-", ""))
    plugin = lamplighter(summary=f"say {secret}", before=f"{KEY.lower()} {secret}", problem=problem)
    run(plugin, {"audit_log": str(log), "product_key": KEY, "word": secret})
    entry, text = only(log), log.read_text()
    assert (entry["summary"], entry["before"]) == ("say ********", "*****-67892 ********")
    assert not any(form in text for form in (secret, KEY, KEY.lower(), KEY.replace("-", "")))
    assert entry["key"] == "67892"


@pytest.mark.parametrize("word", ["null", "outcome", "done", '", "', '": ', "step"])
def test_whatever_the_secret_is_a_line_stays_a_line(log: pathlib.Path, word: str) -> None:
    run(lamplighter(summary=f"say {word}"), {"audit_log": str(log), "word": word})
    entry = only(log)
    assert entry["outcome"] == "done" and {"step", "job", "time", "summary"} <= set(entry)
    assert len(word) < 4 or word not in entry["summary"]


# -- the door


def world() -> ControllerWorld:
    return ControllerWorld("kms01", Scrubber())


def write_many(path: str, writer: int) -> None:
    door = world()
    for number in range(100):
        door.append(path, json.dumps({"writer": writer, "number": number, "filler": "x" * (97 * number % 9000)}))


def test_lines_of_eight_processes_do_not_mix(log: pathlib.Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(str(log), writer)) for writer in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 8
    found = [(entry["writer"], entry["number"]) for entry in entries(log)]
    assert len(found) == 800
    assert [[number for who, number in found if who == writer] for writer in range(8)] == [list(range(100))] * 8


def write_past_the_end(path: str) -> None:
    """The disk is full in the middle of the line."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
    with pytest.raises(OSError, match="No space left"):
        world().append(path, "this one has more than twenty characters")


def test_a_line_that_fits_only_in_part_is_not_there(log: pathlib.Path) -> None:
    world().append(str(log), "the first")
    writer = multiprocessing.get_context("fork").Process(target=write_past_the_end, args=(str(log),))
    writer.start()
    writer.join(60)
    assert writer.exitcode == 0
    world().append(str(log), "the second")
    assert log.read_text() == "the first\nthe second\n"


def test_an_empty_line_only_finds_out(log: pathlib.Path) -> None:
    world().append(str(log), "")
    assert log.read_bytes() == b""
    with pytest.raises(FileNotFoundError):
        world().append(str(log.parent / "missing" / "log"), "")
