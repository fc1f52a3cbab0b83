# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote shell against a small WinRS in memory, and against answers that do not come."""

from __future__ import annotations

import base64
import tracemalloc
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsman_doors import TIMED_OUT, Answer, FakeWorld, Sent, envelope, fault, wsman_fault

from ansible_collections.activation.kms.plugins.plugin_utils._errors import (
    Failure,
    OutcomeUnknown,
    Problem,
    Unreachable,
)
from ansible_collections.activation.kms.plugins.plugin_utils._world import NoAnswer
from ansible_collections.activation.kms.plugins.plugin_utils._wsman import shell as wsman_shell
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.client import Client
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.faults import Fault
from ansible_collections.activation.kms.plugins.plugin_utils._wsman.shell import CHUNK, Completed, Shell

ENVELOPE_LIMIT = 153600
STATE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/"
COMMAND = "C-1"


def opened(shell_id: str = "S-1") -> bytes:
    """A CreateResponse as WinRM 1.1 gives it: nothing but the reference."""
    return envelope(
        "<x:ResourceCreated><a:Address>any</a:Address><a:ReferenceParameters><w:ResourceURI>any</w:ResourceURI>"
        f'<w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
        "</x:ResourceCreated>"
    )


def started(command_id: str = COMMAND) -> bytes:
    return envelope(f"<rsp:CommandResponse><rsp:CommandId>{command_id}</rsp:CommandId></rsp:CommandResponse>")


def received(*streams: tuple[str, bytes], exit_code: str | None = None, state: str = "Done") -> bytes:
    """A ReceiveResponse; the command has ended when there is an exit code."""
    body = "".join(
        f'<rsp:Stream Name="{name}" CommandId="{COMMAND}">{base64.b64encode(data).decode()}</rsp:Stream>'
        for name, data in streams
    )
    if exit_code is None:
        return envelope(f'<rsp:ReceiveResponse>{body}<rsp:CommandState State="{STATE}Running"/></rsp:ReceiveResponse>')
    body += f'<rsp:Stream Name="stdout" CommandId="{COMMAND}" End="true"></rsp:Stream>'
    ended = f'<rsp:CommandState State="{STATE}{state}"><rsp:ExitCode>{exit_code}</rsp:ExitCode></rsp:CommandState>'
    return envelope(f"<rsp:ReceiveResponse>{body}{ended}</rsp:ReceiveResponse>")


SENT = envelope("<rsp:SendResponse/>")
SIGNALLED = envelope("<rsp:SignalResponse/>")
DELETED = envelope("")
BUSY = (500, fault(wsman_fault(170)))
PIPE_CLOSED = (500, fault(wsman_fault(2147942509)))
NO_SUCH_COMMAND = (500, fault(wsman_fault(2150858843), subcode="w:InvalidSelectors"))


class WinRS:
    """Answers by verb: a list is used up, and its last answer repeats."""

    def __init__(self, **answers: list[Answer] | Answer) -> None:
        self.answers: dict[str, list[Answer]] = {
            "Create": [opened()],
            "Command": [started()],
            "Send": [SENT],
            "Receive": [received(exit_code="0")],
            "Signal": [SIGNALLED],
            "Delete": [DELETED],
        }
        for verb, answer in answers.items():
            self.answers[verb] = list(answer) if isinstance(answer, list) else [answer]

    def __call__(self, sent: Sent) -> t.Any:
        waiting = self.answers[sent.action]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def run(world: FakeWorld, *, mutating: bool = True, timeout: float = 600, **more: t.Any) -> Completed:
    with Shell(Client(world)) as shell:
        return shell.run("cmd", timeout=timeout, mutating=mutating, **more)


def test_the_life_of_a_command() -> None:
    world = FakeWorld(WinRS(Receive=received(("stdout", b"out"), ("stderr", b"err"), exit_code="3")))
    client = Client(world)
    with Shell(client) as shell:
        assert shell.run("net", ["stop", "x"], timeout=60, mutating=True) == Completed(3, "out", "err")
    assert world.actions() == ["Create", "Command", "Receive", "Signal", "Delete"]
    assert [request[:2] for request in client.requests] == [
        ("shell", verb) for verb in ("create", "command", "receive", "signal", "delete")
    ]
    assert [item.text for item in world.sent[1].body] == ["net", "stop", "x"]
    assert world.sent[1].named("Option")["WINRS_CONSOLEMODE_STDIN"] == "TRUE"


def test_a_shell_nobody_uses_is_never_opened() -> None:
    world = FakeWorld()
    with Shell(Client(world)):
        pass
    assert world.sent == []


def test_two_commands_share_one_shell() -> None:
    world = FakeWorld(WinRS())
    with Shell(Client(world)) as shell:
        shell.run("a", timeout=60, mutating=False)
        shell.run("b", timeout=60, mutating=False)
    assert world.actions().count("Create") == world.actions().count("Delete") == 1
    assert world.actions().count("Command") == 2


@pytest.mark.parametrize(
    "shell_id", ["uuid:739990FF-1492-4CDD-80BB-6E07ADB06D85", "62DE33F0-8674-43D9-B6A5-3298012CC4CD"]
)
def test_the_shells_name_is_given_back_as_it_came(shell_id: str) -> None:
    world = FakeWorld(WinRS(Create=opened(shell_id)))
    run(world)
    assert [sent.named("Selector") for sent in world.sent[1:]] == [{"ShellId": shell_id}] * (len(world.sent) - 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [("0", 0), ("3010", 3010), ("-1", 0xFFFFFFFF), ("-2145124329", 0x80240017), ("2149842967", 0x80240017)],
)
def test_exit_codes_are_unsigned(text: str, code: int) -> None:
    assert run(FakeWorld(WinRS(Receive=received(exit_code=text)))).exit_code == code


@given(text=st.text(max_size=40), cuts=st.lists(st.integers(0, 160), max_size=6))
def test_output_may_be_cut_anywhere(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "ignore")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[begin:end] for begin, end in zip(edges, edges[1:], strict=False)]
    answers: list[Answer] = [received(("stdout", piece), ("stderr", piece)) for piece in pieces]
    world = FakeWorld(WinRS(Receive=[*answers, received(exit_code="0")]))
    assert run(world) == Completed(0, data.decode(), data.decode())


@pytest.mark.parametrize(
    ("codepage", "data", "text"),
    [
        (65001, "ключ ü".encode(), "ключ ü"),
        (437, b"\x81", "ü"),
        (850, b"\x81", "ü"),
        (866, b"\xaa", "к"),
        (65001, b"\xff!", "\ufffd!"),
        (99999, b"\xfc", "ü"),
    ],
)
def test_code_pages(codepage: int, data: bytes, text: str) -> None:
    world = FakeWorld(WinRS(Receive=received(("stdout", data), exit_code="0")))
    with Shell(Client(world), codepage=codepage) as shell:
        assert shell.run("x", timeout=60, mutating=False).stdout == text
    assert world.sent[0].named("Option")["WINRS_CODEPAGE"] == str(codepage)


def test_skipping_the_command_processor() -> None:
    world = FakeWorld(WinRS())
    run(world, skip_cmd_shell=True)
    assert world.sent[1].named("Option")["WINRS_SKIP_CMD_SHELL"] == "TRUE"
    world = FakeWorld(WinRS())
    run(world)
    assert world.sent[1].named("Option")["WINRS_SKIP_CMD_SHELL"] == "FALSE"


def test_a_time_out_of_receive_means_that_it_still_runs() -> None:
    world = FakeWorld(WinRS(Receive=[TIMED_OUT, TIMED_OUT, received(("stdout", b"x"), exit_code="0")]), tick=60)
    assert run(world).stdout == "x"
    assert world.actions().count("Receive") == 3
    assert world.actions().count("Command") == 1


def test_an_answer_with_output_and_without_an_end_goes_on() -> None:
    world = FakeWorld(
        WinRS(Receive=[received(("stdout", b"a")), received(), received(("stdout", b"b"), exit_code="0")])
    )
    assert run(world).stdout == "ab"


def test_streams_nobody_asked_for_are_left_aside() -> None:
    world = FakeWorld(WinRS(Receive=received(("pr", b"x"), ("stdout", b"a"), exit_code="0")))
    assert run(world) == Completed(0, "a", "")


# -- standard input


def inputs(world: FakeWorld) -> list[tuple[bytes, bool]]:
    """What was sent as standard input, with the mark of the end."""
    streams = [sent.body[0] for sent in world.sent if sent.action == "Send"]
    return [(base64.b64decode(stream.text or ""), stream.get("End") == "true") for stream in streams]


@pytest.mark.parametrize(
    "pieces", [[], [b""], [b"abc"], [b"a", b"", b"bc"], [b"x" * CHUNK], [b"x" * (CHUNK + 1)], [b"xy" * 7] * 10000]
)
def test_all_input_arrives_in_order_and_only_the_last_piece_says_so(pieces: list[bytes]) -> None:
    world = FakeWorld(WinRS())
    run(world, stdin=pieces)
    found = inputs(world)
    assert b"".join(data for data, _ in found) == b"".join(pieces)
    assert [end for _, end in found] == [False] * (len(found) - 1) + [True]
    assert all(len(sent.data) * 2 < ENVELOPE_LIMIT for sent in world.sent), "even where WinRM counts UTF-16"
    assert world.sent[1].named("Option")["WINRS_CONSOLEMODE_STDIN"] == "FALSE"
    assert len(found) == max(1, -(-sum(map(len, pieces)) // CHUNK)), "no more messages than it takes"


@given(pieces=st.lists(st.binary(max_size=40), max_size=20))
def test_input_of_any_cut_arrives(pieces: list[bytes]) -> None:
    world = FakeWorld(WinRS())
    wsman_shell.CHUNK, whole = 7, wsman_shell.CHUNK  # type: ignore[misc]  # a small one meets every edge
    try:
        run(world, stdin=pieces)
    finally:
        wsman_shell.CHUNK = whole  # type: ignore[misc]
    assert b"".join(data for data, _ in inputs(world)) == b"".join(pieces)


def test_input_is_read_lazily_and_not_held() -> None:
    def endless() -> t.Iterator[bytes]:
        for number in range(400):
            consumed.append(number)
            yield bytes(CHUNK)

    def winrs(sent: Sent) -> t.Any:
        if sent.action == "Send":
            lead.append(len(consumed))
            world.sent.clear()
        return answers(sent)

    consumed: list[int] = []
    lead: list[int] = []
    answers = WinRS()
    world = FakeWorld(winrs)
    tracemalloc.start()
    run(world, stdin=endless())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(lead) == 400
    assert all(taken - position <= 2 for position, taken in enumerate(lead)), "at most one piece ahead"
    assert peak < 3_000_000, "21 MB went through"


def test_a_time_out_of_send_means_that_it_was_taken_late() -> None:
    world = FakeWorld(WinRS(Send=[TIMED_OUT, SENT]))
    assert run(world, stdin=[b"x" * CHUNK, b"y"]).exit_code == 0
    assert [data[:1] for data, _ in inputs(world)] == [b"x", b"y"]


def test_a_busy_shell_gets_the_same_piece_again() -> None:
    world = FakeWorld(WinRS(Send=[BUSY, BUSY, SENT]))
    before = world.clock
    assert run(world, stdin=[b"x"]).exit_code == 0
    assert inputs(world) == [(b"x", True)] * 3
    assert world.clock > before


@pytest.mark.parametrize(("refusal", "tries"), [(BUSY, 4), (PIPE_CLOSED, 1)])
def test_a_command_that_takes_no_input_is_asked_how_it_ended(refusal: Answer, tries: int) -> None:
    world = FakeWorld(WinRS(Send=refusal, Receive=received(("stderr", b"full"), exit_code="1")))
    assert run(world, stdin=[b"x" * CHUNK, b"y"]) == Completed(1, "", "full")
    assert [data[:1] for data, _ in inputs(world)] == [b"x"] * tries, "nothing is sent after a refusal"


def test_a_command_that_ended_well_without_its_input_is_a_failure() -> None:
    with pytest.raises(Failure) as caught:
        run(FakeWorld(WinRS(Send=PIPE_CLOSED)), stdin=[b"x"])
    assert caught.value.name == "input_not_read"


def test_a_command_that_refuses_its_input_and_goes_on_is_ended_soon() -> None:
    world = FakeWorld(WinRS(Send=PIPE_CLOSED, Receive=TIMED_OUT), tick=20)
    before = world.clock
    with pytest.raises(Failure) as caught:
        run(world, stdin=[b"x"], timeout=36000)
    assert caught.value.name == "input_not_read"
    assert "Signal" in world.actions()
    assert world.clock - before < 300


# -- too long


def test_a_command_that_takes_too_long_is_terminated() -> None:
    world = FakeWorld(WinRS(Receive=TIMED_OUT), tick=30)
    with pytest.raises(Failure) as caught:
        run(world, timeout=200)
    assert caught.value.name == "command_timeout"
    assert "200 seconds" in caught.value.message
    assert caught.value.message.startswith("kms01: ")
    assert world.actions()[-2:] == ["Signal", "Delete"]
    assert world.sent[-2].header("Code").endswith("/terminate")
    assert 200 <= world.clock - 1000 < 400


def test_a_hasty_server_is_not_asked_without_a_pause() -> None:
    for answer in (TIMED_OUT, received()):
        world = FakeWorld(WinRS(Receive=answer))  # its clock stands still unless somebody sleeps
        with pytest.raises(Failure) as caught:
            run(world, timeout=100)
        assert caught.value.name == "command_timeout"
        assert len(world.sent) < 110


def test_receive_does_not_wait_beyond_the_deadline() -> None:
    world = FakeWorld(WinRS(Receive=TIMED_OUT), tick=25)
    with pytest.raises(Failure):
        run(world, timeout=90)
    waits = [sent.timeout for sent in world.sent if sent.action == "Receive"]
    assert waits[0] == 40.0
    assert waits == sorted(waits, reverse=True)
    assert min(waits) >= 1.0


def test_feeding_has_the_same_deadline() -> None:
    world = FakeWorld(WinRS(), tick=10)
    with pytest.raises(Failure) as caught:
        run(world, timeout=50, stdin=(bytes(CHUNK) for _ in range(1000)))
    assert caught.value.name == "command_timeout"
    assert len(inputs(world)) < 10


# -- lost answers

Lost = dict[str, t.Any]


@pytest.mark.parametrize("mutating", [True, False])
@pytest.mark.parametrize(
    ("winrs", "reading"),
    [
        pytest.param({"Command": NoAnswer("reset")}, Unreachable, id="command, no answer"),
        pytest.param({"Command": TIMED_OUT}, Fault, id="command, time-out"),
        pytest.param({"Command": b"<html/>"}, Failure, id="command, garbage"),
        pytest.param({"Command": envelope("<rsp:CommandResponse/>")}, Failure, id="command, no id"),
        pytest.param({"Send": NoAnswer("reset")}, Unreachable, id="send, no answer"),
        pytest.param({"Receive": [NoAnswer("reset")] * 40}, Unreachable, id="receive, no answer"),
        pytest.param({"Receive": [NoAnswer("refused", sent=False)] * 40}, Unreachable, id="receive, never sent"),
        pytest.param({"Receive": [TIMED_OUT, *[NoAnswer("reset")] * 40]}, Unreachable, id="second receive, no answer"),
        pytest.param({"Receive": NO_SUCH_COMMAND}, Fault, id="receive, the command is gone"),
        pytest.param({"Receive": [NoAnswer("reset"), NO_SUCH_COMMAND]}, Unreachable, id="receive, its end was lost"),
        pytest.param({"Receive": b"<html/>"}, Failure, id="receive, garbage"),
        pytest.param({"Receive": received(exit_code="")}, Failure, id="receive, no exit code"),
        pytest.param(
            {"Receive": received(exit_code="0").replace(b'End="true">', b'End="true">A')}, Failure, id="not base64"
        ),
    ],
)
def test_a_lost_answer_about_a_command(winrs: Lost, reading: type[Problem], mutating: bool) -> None:
    world = FakeWorld(WinRS(**winrs))
    with pytest.raises(Problem) as caught:
        run(world, mutating=mutating, stdin=[b"x"])
    assert type(caught.value) is (OutcomeUnknown if mutating else reading)
    assert caught.value.message.startswith("kms01: ")
    assert world.actions().count("Command") == 1, "a command is never started twice"
    assert world.actions()[-1] == "Delete"


@pytest.mark.parametrize("silence", [NoAnswer("reset"), NoAnswer("refused", sent=False)])
def test_a_host_that_is_silent_for_a_moment_does_not_end_its_command(silence: NoAnswer) -> None:
    world = FakeWorld(WinRS(Receive=[silence, silence, received(exit_code="0")]))
    assert run(world).exit_code == 0
    assert world.actions().count("Command") == 1
    assert world.actions().count("Receive") == 3


def test_what_went_wrong_stands_beside_an_unknown_outcome() -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        run(FakeWorld(WinRS(Receive=NO_SUCH_COMMAND)))
    assert "0x8033805B" in caught.value.advice
    assert caught.value.code == "0x8033805B"


@pytest.mark.parametrize(
    ("winrs", "kind"),
    [
        ({"Create": NoAnswer("reset")}, Unreachable),
        ({"Create": (500, fault(wsman_fault(2150859173), subcode="w:QuotaLimit"))}, Fault),
        ({"Create": envelope("<x:ResourceCreated/>")}, Failure),
    ],
)
def test_a_shell_that_does_not_open_changed_nothing(winrs: Lost, kind: type[Problem]) -> None:
    world = FakeWorld(WinRS(**winrs))
    with pytest.raises(Problem) as caught:
        run(world, mutating=True)
    assert type(caught.value) is kind
    assert world.actions() == ["Create"]


def test_a_command_windows_refuses_to_start_is_a_fault() -> None:
    world = FakeWorld(WinRS(Command=(500, fault(wsman_fault(2147942402)))))
    with pytest.raises(Fault) as caught:
        run(world, mutating=True)
    assert caught.value.code == "0x80070002"
    assert world.actions() == ["Create", "Command", "Delete"]


# -- tidying up


@pytest.mark.parametrize("verb", ["Signal", "Delete"])
@pytest.mark.parametrize("answer", [NoAnswer("reset"), NO_SUCH_COMMAND, TIMED_OUT, b"", (401, b"")])
def test_what_was_done_stays_done_when_tidying_up_fails(verb: str, answer: Answer) -> None:
    world = FakeWorld(WinRS(**{verb: answer}))
    assert run(world).exit_code == 0
    assert len(world.logged) == world.actions().count(verb)
    assert world.actions()[-1] == "Delete"


@pytest.mark.parametrize(
    ("answers", "farewells"),
    [
        pytest.param([DELETED], 1, id="answered"),
        pytest.param([NO_SUCH_COMMAND], 1, id="refused"),
        pytest.param([(401, b"")], 1, id="login refused"),
        pytest.param([NoAnswer("reset"), DELETED], 2, id="lost once"),
        pytest.param([NoAnswer("reset")] * 9, 2, id="lost"),
    ],
)
def test_a_lost_farewell_is_said_once_more(answers: list[Answer], farewells: int) -> None:
    world = FakeWorld(WinRS(Delete=answers))
    assert run(world).exit_code == 0
    said = [sent for sent in world.sent if sent.action == "Delete"]
    assert len(said) == farewells
    assert len({sent.header("MessageID") for sent in said}) == farewells


def test_the_first_problem_is_the_one_that_is_told() -> None:
    world = FakeWorld(WinRS(Receive=[NoAnswer("first")] * 40, Delete=NoAnswer("second")))
    with pytest.raises(Unreachable, match="first"):
        run(world, mutating=False)


def test_an_error_of_the_caller_closes_the_shell_and_passes() -> None:
    world = FakeWorld(WinRS())
    with pytest.raises(ZeroDivisionError), Shell(Client(world)) as shell:
        shell.run("x", timeout=60, mutating=False)
        raise ZeroDivisionError
    assert world.actions()[-1] == "Delete"


def test_input_that_cannot_be_read_closes_the_shell_and_passes() -> None:
    def broken() -> t.Iterator[bytes]:
        yield b"x"
        raise OSError("disk")

    world = FakeWorld(WinRS())
    with pytest.raises(OSError, match="disk"):
        run(world, stdin=broken())
    assert world.actions()[-1] == "Delete"


def test_a_shell_can_be_used_again_after_its_block() -> None:
    world = FakeWorld(WinRS())
    shell = Shell(Client(world))
    for _ in range(2):
        with shell:
            shell.run("x", timeout=60, mutating=False)
    assert world.actions().count("Create") == world.actions().count("Delete") == 2
