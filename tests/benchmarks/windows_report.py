# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of the rollouts on emulated Windows as a table and as JSON, and the bars they must clear.

Knows what is good enough there. No bar is a number of seconds: those depend on the machine, so CPU is told as a ratio
to the floor of the same run.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generations import Generation
from in_spec import InSpec
from processes import MIB
from report import Bar, Section, aligned, milliseconds, rounded
from rollouts import Rollout
from traffic import Span, Traffic

MOST_OPERATIONS = 20
MOST_GROWTH = 100  # MB of the controller, for packages of the size asked for


@dataclass(frozen=True)
class Figures:
    """Everything measured in one run.

    Attributes:
        about: what it was measured on and how.
        in_spec: by case: floor and the transports.
        from_bare: by transport, all hosts of it.
        messages, repeated: of one task in spec, and how many were equal to an earlier one.
        small, padded: rollouts of one host with packages of a few kilobytes, and with padded ones.
        generations: one host of each persona.
    """

    about: Mapping[str, Any]
    in_spec: Mapping[str, InSpec]
    from_bare: Mapping[str, Rollout]
    messages: int
    repeated: int
    small: Rollout
    padded: Rollout
    generations: Sequence[Generation]


def section(figures: Figures) -> Section:
    """All of it."""
    return Section(
        about=figures.about,
        figures=_data(figures),
        lines=_lines(figures),
        comparable=_comparable(figures),
        bars=_bars(figures),
    )


def _data(figures: Figures) -> dict[str, Any]:
    growth = {name: round(size, 1) for name, size in _growths(figures).items()}
    rollouts = {name: _rollout_cpu(figures, name) for name in figures.from_bare}
    return {**dataclasses.asdict(figures), "rollout_cpu_a_host": rollouts, "growth_mb": growth}


def _bars(figures: Figures) -> list[Bar]:
    """What must hold, and whether it does."""
    cases = {name: case for name, case in figures.in_spec.items() if case.single is not None}
    found = [bar for name, case in cases.items() for bar in _bars_in_spec(name, case)]
    found += [bar for generation in figures.generations for bar in _bars_of(generation)]
    found.append(
        Bar(
            "in spec, basic: no message twice, parameters included",
            f"{figures.repeated} of {figures.messages}",
            figures.repeated == 0 and figures.messages > 0,
        )
    )
    growth = _growths(figures)
    for side in ("controller, largest process", "controller, all processes"):
        found.append(
            Bar(f"growth of the {side} < {MOST_GROWTH} MB", f"{growth[side]:.1f} MB", growth[side] < MOST_GROWTH)
        )
    return found


def _comparable(figures: Figures) -> dict[str, float]:
    found: dict[str, float] = {}
    floor = figures.in_spec["floor"].cpu_median
    for name, case in figures.in_spec.items():
        if case.many is not None:
            found[f"in spec, {name}: operations"] = case.many.operations[1]
            found[f"in spec, {name}: HTTP requests"] = case.many.requests[1]
            found[f"in spec, {name}: bytes"] = case.many.bytes_in[1] + case.many.bytes_out[1]
            found |= {f"in spec, {name}: CPU, x floor": case.cpu_median / floor} if floor > 0 else {}
    for name, rollout in figures.from_bare.items():
        found[f"from bare, {name}: operations"] = rollout.traffic.operations[1]
        found |= {f"from bare, {name}: CPU, x floor": _rollout_cpu(figures, name) / floor} if floor > 0 else {}
    found |= {f"growth of {name}, MB": size for name, size in _growths(figures).items()}
    for generation in figures.generations:
        name = generation.wanted.persona
        found[f"{name}: operations in spec"] = generation.spec.operations[1]
        found[f"{name}: operations from bare"] = generation.bare.operations[1]
        if _floor(figures.generations) > 0:
            found[f"{name}: CPU in spec, x floor"] = generation.spec_cpu / _floor(figures.generations)
    return rounded(found)


def _lines(figures: Figures) -> list[str]:
    lines = [*_in_spec_lines(figures), "", *_rollout_lines(figures), "", *_memory_lines(figures)]
    return [*lines, "", *_generation_lines(figures)]


def _bars_in_spec(name: str, case: InSpec) -> Iterator[Bar]:
    single, many = case.single, case.many
    if single is None or many is None:
        return
    most = max(single.operations[2], many.operations[2])
    asked = min(single.operations[0], many.operations[0]) > 0
    yield Bar(f"in spec, {name}: at most {MOST_OPERATIONS} operations", f"{most:g}", asked and most <= MOST_OPERATIONS)
    yield Bar(f"in spec, {name}: no query twice", str(single.repeated), single.repeated == 0)
    for what, number in (
        ("shell", single.shells + many.shells),
        ("request that could change a host", single.mutations + many.mutations),
        ("request refused", single.refused + many.refused),
        ("change reported", int(case.changed)),
    ):
        yield Bar(f"in spec, {name}: no {what}", str(number), number == 0)
    updates = case.dns.get("updates", 0.0)
    yield Bar(f"in spec, {name}: no DNS update", f"{updates:g}", updates == 0)


def _bars_of(generation: Generation) -> Iterator[Bar]:
    wanted, spec = generation.wanted, generation.spec
    most, tasks = spec.operations[2], spec.tasks
    yield Bar(f"{wanted.persona}: at most {wanted.most_reads} operations", f"{most:g}", 0 < most <= wanted.most_reads)
    each = spec.shells / tasks
    yield Bar(f"{wanted.persona}: shells a task: {wanted.shells}", f"{each:g}", each == wanted.shells)
    changes = spec.mutations + int(generation.changed)
    yield Bar(f"{wanted.persona}: no change, no request that could", str(changes), changes == 0)


def _floor(generations: Sequence[Generation]) -> float:
    """Seconds of a task that does nothing: the middle of all hosts; one host alone is a matter of milliseconds."""
    return statistics.median(generation.floor_cpu for generation in generations)


def _generation_lines(figures: Figures) -> list[str]:
    rows = [["persona", "in spec:", "HTTP", "bytes in", "bytes out", "CPU", "x floor"]]
    rows[0] += ["from bare:", "HTTP", "bytes in", "bytes out", "CPU", "x floor"]
    floor = _floor(figures.generations)
    for generation in figures.generations:
        row = [generation.wanted.persona]
        for seen, cpu in ((generation.spec, generation.spec_cpu), (generation.bare, generation.bare_cpu)):
            ratio = f"{cpu / floor:.1f}" if floor > 0 else "?"
            row += [*_traffic(seen), milliseconds(cpu), ratio]
        rows.append(row)
    return ["One host of each persona over NTLM; in spec a task, from bare a rollout:", *aligned(rows)]


def _in_spec_lines(figures: Figures) -> list[str]:
    rows = [["case", "operations", "HTTP", "bytes in", "bytes out", "DNS", "CPU", "x floor", "rounds", "emulated CPU"]]
    for name, case in figures.in_spec.items():
        traffic = ["-"] * 5
        if case.many is not None:
            messages = case.dns.get("queries", 0.0) + case.dns.get("updates", 0.0)
            traffic = [*_traffic(case.many), f"{messages:g}"]
        rounds = f"{milliseconds(min(case.cpu))} - {milliseconds(max(case.cpu))}"
        cpu = [milliseconds(case.cpu_median), _ratio(figures, case.cpu_median), rounds]
        rows.append([name, *traffic, *cpu, milliseconds(case.server_cpu)])
    return ["In spec, one task on one host:", *aligned(rows)]


def _rollout_lines(figures: Figures) -> list[str]:
    rows = [["case", "operations", "HTTP", "bytes in", "bytes out", "shells", "mutations", "CPU", "x floor"]]
    for name, rollout in figures.from_bare.items():
        seen, cpu = rollout.traffic, _rollout_cpu(figures, name)
        each = [f"{number / rollout.hosts:g}" for number in (seen.shells, seen.mutations)]
        rows.append([name, *_traffic(seen), *each, milliseconds(cpu), _ratio(figures, cpu)])
    return ["From bare, one host (start-up of ansible-playbook deducted):", *aligned(rows)]


def _memory_lines(figures: Figures) -> list[str]:
    sizes = [["highest resident size, MB", "small", "padded", "growth"]]
    for name, (small, padded) in _memories(figures).items():
        sizes.append([name, *(f"{size / MIB:.1f}" for size in (small, padded, padded - small))])
    rows = [["packages", "operations", "HTTP", "bytes in", "bytes out", "CPU"]]
    for name, rollout in (("small", figures.small), ("padded", figures.padded)):
        rows.append([name, *_traffic(rollout.traffic), milliseconds(rollout.cpu)])
    heading = f"One bare host over NTLM, two packages of a few KB, and of {figures.about['padding MB']} MB each:"
    return [heading, *aligned(sizes), *aligned(rows)]


def _memories(figures: Figures) -> dict[str, tuple[int, int]]:
    small, padded = figures.small, figures.padded
    return {
        "controller, largest process": (small.largest, padded.largest),
        "controller, all processes": (small.tree, padded.tree),
        "emulated Windows": (small.server_peak, padded.server_peak),
    }


def _growths(figures: Figures) -> dict[str, float]:
    """MB by which memory grew with the packages."""
    return {name: (padded - small) / MIB for name, (small, padded) in _memories(figures).items()}


def _rollout_cpu(figures: Figures, name: str) -> float:
    rollout = figures.from_bare[name]
    return (rollout.cpu - figures.in_spec[name].startup) / rollout.hosts


def _ratio(figures: Figures, cpu: float) -> str:
    """How many times the floor."""
    floor = figures.in_spec["floor"].cpu_median
    return f"{cpu / floor:.2f}" if floor > 0 else "too few tasks to tell"


def _traffic(seen: Traffic) -> list[str]:
    return [_span(span) for span in (seen.operations, seen.requests, seen.bytes_in, seen.bytes_out)]


def _span(span: Span) -> str:
    """One figure where all hosts agree, else the mean and the ends."""
    low, mean, high = (round(figure, 1) for figure in span)
    return f"{mean:.12g}" if low == high else f"{mean:.12g} ({low:.12g}-{high:.12g})"
