# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody can observe later, written down on the host itself: HKLM\\SOFTWARE\\activation.kms.

Internal to the collection activation.kms; not a public interface.

Another controller, days later, must be able to restore what was there before, to resume, and not to spend a second
activation after a crash. One registry value holds all of it as JSON: one request reads it, one write replaces it whole.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import typing as t

from .._errors import Failure, Refusal
from .._plan import Look
from .._windows.licensing import ROOTS
from .._windows.registry import Registry
from .._world import World
from .._wsman.client import Client

KEY = r"SOFTWARE\activation.kms"
VALUE = "record"
ABSENT = "absent"
"""Stands for "this registry value was not there"; None means "never recorded"."""
UNREADABLE = (
    f"the record of this collection on the host (HKLM\\{KEY}, value {VALUE}) cannot be read, so neither what has to be "
    "restored one day nor whether an activation is under way is known; look at it, delete the value and run the play "
    "again"
)
"""Why a host with such a record is not changed."""


@dataclasses.dataclass(frozen=True)
class Record:
    """Notes on one host. Times are the host's own, ISO 8601 in UTC.

    Attributes:
        former_manual: by registry root, what Activation\\Manual was before it was set to 1; None when not held.
        former_settings: by name, what each setting of the KMS host was before this collection first changed it.
        activating: by the key's last five, {"at", "until": host time, "by": which run}: written before `Activate` is
            sent; until then its end may still show.
        awaiting_restart: {"boot": boot time, "updates": {id: "started" | "done"}}: installed in that boot.
        staging: our folder on the host while something is in it.
        former_firewall: by id, what Windows' own firewall rules for KMS were before this collection changed them:
            {"enabled": false, "scope": ["local_subnet"]}.
        unreadable: there is a record that this collection cannot read.
        service_restart: the boot time, from before a setting is written until the licensing service has been restarted.
        confirming: by the key's last five, {"installation_id": digits, "at": host time}: told to the user, who is to
            come back with the confirmation ID that belongs to it.
        draining: {"at": host time, "ttl": seconds}: written before the host's records are taken out of DNS; clients and
            resolvers may remember them that long.
    """

    key: t.ClassVar[str] = "record"

    former_manual: t.Mapping[str, int | str] | None = None
    former_settings: t.Mapping[str, t.Any] | None = None
    activating: t.Mapping[str, t.Mapping[str, str]] | None = None
    awaiting_restart: t.Mapping[str, t.Any] | None = None
    staging: str | None = None
    service_restart: str | None = None
    former_firewall: t.Mapping[str, t.Mapping[str, t.Any]] | None = None
    confirming: t.Mapping[str, t.Mapping[str, str]] | None = None
    draining: t.Mapping[str, t.Any] | None = None
    unreadable: bool = False

    def refuse_unreadable(self) -> None:
        """Raises Refusal where the record cannot be read: nothing may be changed that it may speak of."""
        if self.unreadable:
            raise Refusal(
                UNREADABLE, name="record_unreadable", advice="Delete the unreadable record after looking at it."
            )

    def as_data(self) -> dict[str, t.Any]:
        """Only what is noted, or that it cannot be read."""
        return {name: getattr(self, name) for name in _DEFAULTS if getattr(self, name) != _DEFAULTS[name]}

    def updates_of_boot(self, boot: dt.datetime, tolerance: dt.timedelta) -> t.Mapping[str, str]:
        """The updates noted for the boot that is still running."""
        noted = self.awaiting_restart
        if not noted or abs(_moment(noted["boot"]) - boot) > tolerance:
            return {}
        return t.cast("t.Mapping[str, str]", noted["updates"])

    def service_restart_due(self, boot: dt.datetime, tolerance: dt.timedelta) -> bool:
        """Whether the licensing service still has to read a setting; a restart of the host has made it do so."""
        return self.service_restart is not None and abs(_moment(self.service_restart) - boot) <= tolerance

    def activation_asked(self, last_five: str) -> tuple[dt.datetime, dt.datetime] | None:
        """When the activation of this key was asked for, by the host's clock, and until when its end may show."""
        noted = (self.activating or {}).get(last_five)
        return None if noted is None else (_moment(noted["at"]), _moment(noted["until"]))

    def installation_id_told(self, last_five: str) -> str | None:
        """The installation ID that was last told for this key, where its confirmation is still awaited."""
        noted = (self.confirming or {}).get(last_five)
        return None if noted is None else noted["installation_id"]

    def withdrawn(self) -> tuple[dt.datetime, int] | None:
        """When the host's records were last taken out of DNS, by the host's clock, and their TTL in seconds."""
        return None if self.draining is None else (_moment(self.draining["at"]), int(self.draining["ttl"]))

    def noted_keys(self) -> frozenset[str]:
        """The last five of the keys whose activation was begun, by these notes, and its end not seen."""
        return frozenset([*(self.activating or {}), *(self.confirming or {})])


def read_record(world: World, look: Look) -> Record:
    """The record; an unreadable one is said to be so and counts as empty otherwise."""
    return load_record(world)


def load_record(world: World) -> Record:
    """The record, outside a look."""
    text = Registry(Client(world)).text(KEY, VALUE)
    try:
        data = json.loads(text) if text else {}
        record = Record(**{name: value for name, value in data.items() if name in _FIELDS})
        _check(record)
        return record
    except (ValueError, TypeError, AttributeError, KeyError):
        return Record(unreadable=True)


_DEFAULTS: t.Mapping[str, t.Any] = {field.name: field.default for field in dataclasses.fields(Record)}
_FIELDS = tuple(name for name in _DEFAULTS if name != "unreadable")
"""What is written down."""


def _check(record: Record) -> None:
    """Raises one of several errors where a note is not of the form in which this collection writes it."""
    if record.awaiting_restart is not None:
        _moment(record.awaiting_restart["boot"])
        dict(record.awaiting_restart["updates"])
    for asked in dict(record.activating or {}).values():
        _moment(asked["at"]), _moment(asked["until"])
    for told in dict(record.confirming or {}).values():
        _moment(told["at"]), told["installation_id"].isdecimal()
    record.withdrawn()
    if record.former_manual is not None:
        if not set(record.former_manual) <= set(ROOTS):
            raise ValueError("no settings key")
        for value in record.former_manual.values():
            int(0 if value == ABSENT else value)
    if record.former_settings is not None:
        dict(record.former_settings)
    if record.service_restart is not None:
        _moment(record.service_restart)
    for former in dict(record.former_firewall or {}).values():
        frozenset(map(str.lower, former["scope"]))
        bool(former["enabled"])


def note(world: World, **changes: t.Any) -> Record:
    """Change parts of the record; an empty record is removed from the host.

    Raises:
        Failure: what is there cannot be read; writing would destroy it.
    """
    return rewrite(world, load_record(world), **changes)


def rewrite(world: World, there: Record, **changes: t.Any) -> Record:
    """The same for a record that has just been read: another controller may have written it since. One request."""
    if there.unreadable:
        raise Failure(f"{world.host}: {UNREADABLE}", name="record_unreadable")
    if there == Record():
        Registry(Client(world)).create_key(KEY)  # an empty record leaves none; to write without it costs a request more
    record = dataclasses.replace(there, **changes)
    save(world, record)
    return record


def save(world: World, record: Record) -> None:
    """Write the record whole."""
    registry = Registry(Client(world))
    data = record.as_data()
    if data:
        registry.set_text(KEY, VALUE, json.dumps(data, sort_keys=True))
    else:
        registry.delete_key(KEY)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.timezone.utc)
