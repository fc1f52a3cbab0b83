# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to emulate, as a table for people: each behaviour with how we know it, each dial with its settings.

Knows how it is laid out. Refuses to know the facts: they stand with the personas and the dials.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from .core import Authority, EmulatedHost, HostOptions, VirtualClock
from .dials import ALL, GENERATIONS, Dial
from .dns_flavour import ZONE_DIALS, ZONE_MEANINGS
from .persona import Persona, personas

_WIDTH = 118
_LABELS = {
    "captured": "seen in a recorded exchange with that Windows",
    "documented": "written down by Microsoft or the DMTF",
    "assumed": "nobody here has seen it",
}
_SOURCES = {
    "recording": "columns as in recorded answers of that generation",
    "dump": "members as a live system lists them",
    "document": "members by Microsoft's pages, or recorded on another generation",
    "assumed": "members nobody has published; columns the class may not have are a dial (assumed_columns)",
}


def table_text() -> str:
    """The whole table."""
    return "\n".join([*_legend(), *(line for persona in personas().values() for line in _persona(persona)), *_dials()])


def _legend() -> Iterator[str]:
    yield "How we know what emulated Windows does:"
    yield from _rows([[label, meaning] for label, meaning in _LABELS.items()])
    yield ""
    yield "How we know the members of its WMI classes, inherited ones included:"
    yield from _rows([[source, meaning] for source, meaning in _SOURCES.items()])
    yield ""


def _persona(persona: Persona) -> Iterator[str]:
    release = f"{persona.release.version}.{persona.release.ubr}" if persona.release.ubr else persona.release.version
    counts = [f"{label} {sum(b.label == label for b in persona.behaviours)}" for label in _LABELS]
    yield f"{persona.name}: {persona.title}, {release} ({', '.join(counts)})"
    yield from _rows([[each.label, f"{each.what} [{each.source}]"] for each in persona.behaviours])
    yield "  WMI classes:"
    yield from _rows(_classes(persona))
    yield ""


def _classes(persona: Persona) -> list[list[str]]:
    """The modelled classes by how we know their members, those of a DNS server among them."""
    options = HostOptions("table", persona=persona.name, dns_server=persona.server)
    host = EmulatedHost(options, VirtualClock(), Authority({}))
    sources = host.class_sources()
    found = [[source, ", ".join(sorted(name for name in sources if sources[name] == source))] for source in _SOURCES]
    return [row for row in found if row[1]]


def _dials() -> Iterator[str]:
    yield "Dials: what nobody has confirmed can be set either way (first setting: default; a persona may have its own)"
    yield from _rows([[dial.name, f"{' | '.join(dial.settings)}. {dial.meaning}{_where(dial)}"] for dial in ALL])
    yield ""
    yield "Dials of a zone of flavour microsoft (dns.dials of ESTATE.yml):"
    yield from _rows(
        [[name, f"{' | '.join(settings)}. {ZONE_MEANINGS[name]}"] for name, settings in ZONE_DIALS.items()]
    )
    yield ""


def _where(dial: Dial) -> str:
    """For which generations of Windows it is a question."""
    if not dial.since and not dial.until:
        return ""
    first, last = dial.since or GENERATIONS[0], dial.until or GENERATIONS[-1]
    return f" [{first} to {last}]" if first != last else f" [{first}]"


def _rows(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    first = max((len(row[0]) for row in rows), default=0)
    for name, text in rows:
        lines = textwrap.wrap(" ".join(text.split()), _WIDTH - first - 4, break_long_words=False) or [""]
        yield f"  {name:<{first}}  {lines[0]}"
        yield from (f"  {'':<{first}}  {line}" for line in lines[1:])
