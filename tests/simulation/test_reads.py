# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout of each persona puts on the wire: the reads of a host in spec, and no firmware key."""

from __future__ import annotations

import pathlib
import re

import pytest
import yaml
from personas import PERSONAS, Wanted
from rollout import run, wish_of
from simulated import Exchange, Surroundings, surroundings

from emulated_windows.core import FIRMWARE_KEY, HostOptions, personas

_DATA = yaml.safe_load((pathlib.Path(__file__).parent / "reads.yml").read_text(encoding="utf-8"))
READS = {name: [_DATA["questions"][read] for read in reads] for name, reads in _DATA["personas"].items()}
WITH_FIRMWARE_KEY = [name for name in PERSONAS if personas()[name].since >= (6, 2)]
"""Windows 8 and Server 2012 brought the column that shows the key of the machine's maker."""
_WITH_ID = b"</a:To><a:MessageID>uuid:6A5F1C2E-6A0E-4B5D-9A66-0F1D5A4B1E11</a:MessageID>"
PersonaNames = pytest.mark.parametrize("persona", PERSONAS)


def words(exchange: Exchange) -> list[str]:
    """An exchange as the list writes it: with the key and the value of a call of the registry."""
    told = exchange.words
    if exchange.resource == "StdRegProv":
        told[-1] = " ".join([exchange.method, *(_parameter(exchange, name) for name in ("sSubKeyName", "sValueName"))])
    return [told[0], told[1], told[2].rstrip()]


def _parameter(exchange: Exchange, name: str) -> str:
    found = re.search(rf":{name}>([^<]*)<", exchange.question.decode())
    return found[1] if found else ""


def rolled_out(wanted: Wanted, packages: pathlib.Path) -> Surroundings:
    """A host of this persona after its rollout; `exchanges` holds that rollout."""
    around = surroundings(HostOptions(name="kms03", persona=wanted.persona))
    done = run(around, packages, wish_of(wanted, packages))
    assert done.converged, done.story
    return around


@PersonaNames
def test_in_spec_a_run_sends_exactly_the_reads_of_the_persona(persona: str, packages: pathlib.Path) -> None:
    wanted = PERSONAS[persona]
    around = rolled_out(wanted, packages)
    around.exchanges.clear()
    again = run(around, packages, wish_of(wanted, packages))
    assert again.converged and again.outcome is not None and not again.outcome.changed
    assert [words(exchange) for exchange in around.exchanges] == READS[persona]
    assert len(around.exchanges) <= wanted.most_reads
    assert around.shells_made() == wanted.shells
    assert around.asked_twice() == []


def test_each_persona_has_its_list_and_no_question_is_left_over() -> None:
    assert list(READS) == list(PERSONAS)
    assert set(_DATA["questions"]) == set().union(*_DATA["personas"].values())


@pytest.mark.parametrize("persona", WITH_FIRMWARE_KEY)
def test_the_firmware_key_never_crosses_the_wire(persona: str, packages: pathlib.Path) -> None:
    """Neither in a rollout nor in the run after it; that Windows would show it is proved by asking for all columns."""
    around = rolled_out(PERSONAS[persona], packages)
    run(around, packages, wish_of(PERSONAS[persona], packages))
    key, sent = FIRMWARE_KEY.encode(), around.exchanges
    assert not any(key in exchange.question + exchange.body for exchange in sent)
    asked = next(one.question for one in sent if one.words[:2] == ["enumerate", "SoftwareLicensingService"])
    for_all = re.sub(rb"SELECT [^<]* FROM SoftwareLicensingService", b"SELECT * FROM SoftwareLicensingService", asked)
    for_all = for_all.replace(
        b"</a:To>", b"</a:To><a:MessageID>uuid:6A5F1C2E-6A0E-4B5D-9A66-0F1D5A4B1E11</a:MessageID>"
    )
    assert key in around.machine.handle(for_all, user="Administrator", encrypted=True).body
