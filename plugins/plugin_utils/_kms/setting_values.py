# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a KMS host as values: what may be wished, what differs from what is seen, and how it is told.

Internal to the collection activation.kms; not a public interface. Pure.
"""

from __future__ import annotations

import typing as t

from .._errors import Refusal
from .._srv import names
from .._windows.licensing import Licensing, Values, normal_domain
from .record import Record

SHORTEST_INTERVAL, LONGEST_INTERVAL = 15, 43200  # minutes; SetVLActivationInterval of SoftwareLicensingService
_MOST = 65535  # priority and weight of an SRV record, RFC 2782


def check_interval(value: int, option: str) -> None:
    """Refuse an interval that the licensing service would refuse, before anything is changed. Raises Refusal."""
    if not SHORTEST_INTERVAL <= value <= LONGEST_INTERVAL:
        raise Refusal(
            f"{option} must be between {SHORTEST_INTERVAL} and {LONGEST_INTERVAL} minutes (30 days)", name="bad_option"
        )


def domains(entries: t.Sequence[str]) -> tuple[str, ...]:
    """Domains to publish in, "domain" or "domain, priority, weight", in their normal form.

    Raises:
        Refusal: one is no such thing, or named twice; told by its place, not by what was offered.
    """
    found: dict[str, str] = {}
    for place, entry in enumerate(entries, 1):
        name, *numbers = [piece.strip() for piece in str(entry).split(",")]
        zone = _zone(name)
        if zone is None or len(numbers) not in (0, 2) or not all(map(_is_number, numbers)):
            raise Refusal(
                f"entry {place} of self_publishing_domains must be a DNS domain, corp.example for instance, or "
                f"domain, priority, weight with two numbers from 0 to {_MOST}",
                name="bad_option",
            )
        if zone in found:
            raise Refusal(
                f"entry {place} of self_publishing_domains names the same domain as one before it; drop one of them",
                name="bad_option",
            )
        found[zone] = normal_domain(", ".join((zone, *numbers)))
    return tuple(found.values())


def _zone(name: str) -> str | None:
    try:
        return names.zone_name(name)
    except Refusal:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= _MOST


def with_home(entries: tuple[str, ...], home: str) -> tuple[str, ...]:
    """The list that is written: the host's own domain first, whatever else is named; () for the own domain alone.

    Microsoft's texts disagree whether the list suspends publication in the home domain ("Deploy KMS Activation") or the
    home domain is always used ("Registry Settings for Volume Activation"): named explicitly it is published either way.
    """
    own = next((entry for entry in entries if _domain(entry) == home), home)
    listed = tuple(entry for entry in (own, *(entry for entry in entries if entry != own)) if entry)
    return () if not entries or listed == (home,) else listed


def missing(wanted: Values, licensing: Licensing, home: str) -> Values:
    """What has to be written so that the host is as wanted in every place that counts."""
    given = wanted.given()
    if "self_publishing_domains" in given:
        given["self_publishing_domains"] = with_home(given["self_publishing_domains"], home)
    return Values(
        **{
            name: value
            for name, value in given.items()
            if any(_differs(name, value, there, home) for there in licensing.everywhere(name))
        }
    )


def former(record: Record, licensing: Licensing, change: Values) -> dict[str, t.Any]:
    """What to note of the settings as they were before this collection first touched them; with what is noted."""
    noted = dict(record.former_settings or {})
    return {**{name: _plain(licensing.setting(name)) for name in change.given()}, **noted}


def predicted(licensing: Licensing, change: Values) -> Values:
    """What WMI will show once these are written: still only what it shows now."""
    shown = licensing.shown.given()
    return licensing.shown.having(Values(**{name: v for name, v in change.given().items() if name in shown}))


def lines(values: t.Mapping[str, t.Any]) -> str:
    """One line a setting, for a diff."""
    return "\n".join(f"{name}: {_told(value)}" for name, value in values.items())


def before(licensing: Licensing, change: Values) -> dict[str, t.Any]:
    """The settings that will be changed, as they are."""
    return {name: licensing.setting(name) for name in change.given()}


def words(change: Values) -> list[str]:
    """What is changed, a few words each."""
    told = {
        "port": f"listen on TCP {change.port}",
        "self_publishing": f"turn self-publishing {'on' if change.self_publishing else 'off'}",
        "self_publishing_domains": f"publish itself in {_told(change.self_publishing_domains)}",
        "low_priority": f"run KMS at {'low' if change.low_priority else 'normal'} priority",
        "activation_interval": f"set the activation interval to {change.activation_interval} minutes",
        "renewal_interval": f"set the renewal interval to {change.renewal_interval} minutes",
    }
    return [told[name] for name in change.given()]


def _differs(name: str, wanted: t.Any, there: t.Any, home: str) -> bool:
    """Lists are compared without their order, and without a list that says what holds anyway."""
    if name != "self_publishing_domains":
        return bool(wanted != there)
    return set(wanted) != (set() if tuple(there) == (home,) else set(there))


def _domain(entry: str) -> str:
    return entry.partition(",")[0]


def _plain(value: t.Any) -> t.Any:
    return list(value) if isinstance(value, tuple) else value


def _told(value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "; ".join(value) or "its own domain alone"
    return str(value)
