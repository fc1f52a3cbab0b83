# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that somebody else publishes later: no DNS server is asked, and no client loses the record it has."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from keyed import FAMILIES
from personas import PERSONAS
from rollout import Run, run, wish_of
from simulated import ZONE, SimulatedWorld, Surroundings, publishes_itself, srv_members, surroundings

from emulated_windows.core import HostOptions

NAME, FOREIGN = f"kms03.{ZONE}", f"foreign.{ZONE}"
Personas = pytest.mark.parametrize("persona", FAMILIES)


class WithoutDns(SimulatedWorld):
    """Doors of a controller that must not ask a DNS server."""

    def exchange(self, message: bytes, server: str, port: int, *, timeout: float) -> bytes:
        raise AssertionError("nobody asks DNS")


def later(around: Surroundings, packages: pathlib.Path, persona: str, **changes: t.Any) -> Run:
    options = wish_of(PERSONAS[persona], packages, publish_later=True, **changes)
    return run(around, packages, options, doors=WithoutDns)


@Personas
def test_a_bare_host_never_publishes_itself(persona: str, packages: pathlib.Path) -> None:
    around = surroundings(HostOptions(name="kms03", persona=persona))
    done = later(around, packages, persona)
    assert done.converged, done.story
    assert srv_members(around.zone) == {FOREIGN} and not publishes_itself(around)
    again = later(around, packages, persona)
    assert again.converged and not again.done, again.story
    assert run(around, packages, wish_of(PERSONAS[persona], packages)).done == ["srv_record.publish"]


@Personas
def test_a_host_that_serves_keeps_its_own_record(persona: str, packages: pathlib.Path) -> None:
    """Until somebody has published it; then nothing is left to do but to end self-publishing."""
    around = surroundings(HostOptions(name="kms03", persona=persona, host_key=PERSONAS[persona].key))
    assert NAME in srv_members(around.zone)
    done = later(around, packages, persona)
    assert done.converged, done.story
    assert NAME in srv_members(around.zone) and publishes_itself(around)
    ended = run(around, packages, wish_of(PERSONAS[persona], packages))
    assert ended.converged and ended.done == ["host_settings.apply"], ended.story
    assert NAME in srv_members(around.zone) and not publishes_itself(around)
    assert later(around, packages, persona).done == []


@Personas
def test_a_record_that_windows_takes_back_is_published_again(persona: str, packages: pathlib.Path) -> None:
    """Nobody has shown that Windows does so when its publishing ends; where it does, clients keep the host."""
    dials = {"publishing_ends": "record_goes"}
    around = surroundings(HostOptions(name="kms03", persona=persona, host_key=PERSONAS[persona].key, dials=dials))
    assert NAME in srv_members(around.zone)
    done = run(around, packages, wish_of(PERSONAS[persona], packages))
    assert done.converged, done.story
    assert NAME in srv_members(around.zone) and not publishes_itself(around)
