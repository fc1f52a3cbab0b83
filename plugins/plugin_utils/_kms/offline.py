# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Activating a host key without the host reaching Microsoft, in two phases that days may lie between.

Internal to the collection activation.kms; not a public interface.

Phase one tells the installation ID and ends well. A person takes it to Microsoft's portal or telephone and comes back
with a confirmation ID, which phase two deposits. Which installation ID was told is noted on the host, so that another
controller knows whether the confirmation ID can still be the right one. What the digits mean is the business of
Microsoft and of the licensing service: only their number is judged here.
"""

from __future__ import annotations

import dataclasses
import textwrap
import typing as t

from .._data import load
from .._errors import Refusal
from .._plan import Item, Look, Pause, Reader, Seen, Step
from .._windows import licensing as windows
from .._windows.licensing import KEYS_ONLY, LICENSED, Licensing, Product
from .._windows.system import System, moment_text
from .._world import World
from . import errors
from .activation import licensed
from .key_products import PREDICTED, wished_product
from .keys import KeyWish
from .record import Record, load_record, rewrite

_ROUTES = load(__file__, "data", "offline.yml")
PORTAL, TELEPHONE = str(_ROUTES["portal"]), str(_ROUTES["telephone"])
_CONFIRMATION_DIGITS = int(_ROUTES["confirmation_digits"])
_GROUPS = int(_ROUTES["installation_groups"])


@dataclasses.dataclass(frozen=True)
class InstallationId:
    """The digits Microsoft wants for the wished key; None where they do not matter, or Windows shows none."""

    key: t.ClassVar[str] = "installation_id"

    digits: str | None = None

    def as_data(self) -> dict[str, str] | None:
        """Plain data for results; None where it does not matter."""
        return None if self.digits is None else {"digits": self.digits, "grouped": grouped(self.digits)}


def read_installation_id(wish: KeyWish) -> Reader:
    """A reader that asks for the installation ID only while the wished key awaits its activation."""

    def read(world: World, look: Look) -> InstallationId:
        product = wished_product(look[Licensing], wish)
        if product is None or product.license_status == LICENSED:
            return InstallationId()
        digits = windows.read_installation_id(world, product.id) or ""
        return InstallationId("".join(character for character in digits if character.isdecimal()) or None)

    return read


def confirmation_id(text: str) -> str:
    """The 48 digits of a confirmation ID, without what people put between them. Raises Refusal; repeats no digit."""
    digits = "".join(text.split()).replace("-", "")
    only_digits = digits.isascii() and digits.isdecimal()
    if only_digits and len(digits) == _CONFIRMATION_DIGITS:
        return digits
    found = f"{len(digits)} digits" if only_digits else "other characters than digits, or none"
    raise Refusal(
        f"confirmation_id must be the {_CONFIRMATION_DIGITS} digits that Microsoft gives for the installation ID, with "
        f"blanks or dashes between them or without; this one has {found}; copy it again, and put it in quotes in YAML",
        name="confirmation_id_malformed",
        advice=f"Give all {_CONFIRMATION_DIGITS} digits, in quotes.",
    )


def grouped(digits: str) -> str:
    """Digits in nine groups, as Microsoft's forms have them: of six, or of seven on newer releases."""
    size = len(digits) // _GROUPS
    return " ".join(textwrap.wrap(digits, size)) if size and len(digits) % _GROUPS == 0 else digits


def offline(wish: KeyWish, seen: Seen, product: Product) -> Item:
    """Tell the installation ID and wait, or deposit the confirmation ID. Raises Refusal."""
    told = seen[InstallationId].digits
    if told is None and product.id != PREDICTED:
        raise Refusal(
            f"Windows shows no installation ID for the host key {wish.key}, so it cannot be activated offline; look at "
            "the application event log of the host, or install the key again (state: absent, then this task)",
            name="no_installation_id",
            advice="Look at the host's application event log.",
        )
    noted = seen[Record].installation_id_told(wish.key.last_five)
    if wish.confirmation_id is None or noted is None or told is None:
        return _note(wish, seen, told) if told not in (None, noted) else _awaiting(wish, product, told)
    if noted != told:
        raise Refusal(
            f"the installation ID of the host key {wish.key} is another one than the one this collection last told, so "
            "the confirmation ID cannot fit (the hardware has changed, for instance); run the task without "
            "confirmation_id for the new one, and get another confirmation ID for that",
            name="installation_id_changed",
            advice="Run the task without confirmation_id, and get a new confirmation ID.",
        )
    return _deposit(wish, wish.confirmation_id, seen, product, told)


def _note(wish: KeyWish, seen: Seen, told: str | None) -> Step:
    """What is told is noted first: whoever deposits the confirmation ID must know what it was asked for."""

    def noted(record: Record, at: str) -> dict[str, t.Any]:
        return {**(record.confirming or {}), wish.key.last_five: {"installation_id": told or "", "at": at}}

    def run(world: World) -> None:
        record = load_record(world)
        rewrite(world, record, confirming=noted(record, moment_text(seen[System].time(world))))

    def predict(before: Seen) -> Seen:
        record = before[Record]
        confirming = noted(record, moment_text(before[System].clock))
        return before.having(dataclasses.replace(record, confirming=confirming))

    return Step(
        id="host_key.tell",
        summary=f"note which installation ID is told for the host key {wish.key}",
        predict=predict,
        run=run,
        touches=(Record,),
        upkeep=True,
    )


def _awaiting(wish: KeyWish, product: Product, told: str | None) -> Pause:
    shown = None if told is None else grouped(told)
    given = f"the installation ID {shown}" if shown else "its installation ID, which is told once it is installed,"
    unused = " The confirmation_id of now was not used: it was asked for before this one was told."
    return Pause(
        reason=(
            f"The host key {wish.key} awaits its confirmation ID: take {given} to {PORTAL}, or to {TELEPHONE}, and run "
            f"this task again with the confirmation_id you get for it.{unused if wish.confirmation_id else ''}"
        ),
        result={
            "awaiting_confirmation": True,
            "installation_id": told,
            "installation_id_grouped": shown,
            "offline_activation": {
                "partial_product_key": wish.key.last_five,
                "activation_id": None if product.id == PREDICTED else product.id,
                "portal": PORTAL,
                "telephone": TELEPHONE,
            },
        },
        predict=lambda before: licensed(before, product),
    )


def _deposit(wish: KeyWish, confirmation: str, seen: Seen, product: Product, told: str) -> Step:
    """Not `once`: the activation was spent when Microsoft gave the confirmation ID, and it may be deposited again."""

    def run(world: World) -> None:
        doing = f"depositing the confirmation ID of the host key {wish.key}"
        errors.carry_out(world.host, doing, lambda: windows.deposit(world, product.id, told, confirmation))
        windows.refresh(world, seen[Licensing].version)

    return Step(
        id="host_key.deposit",
        summary=f"activate the host key {wish.key} offline, with the confirmation ID",
        predict=lambda before: licensed(before, product),
        run=run,
        touches=(*KEYS_ONLY, Record, InstallationId),
        settle=30.0,
        before=f"host key {wish.key} not activated",
        after=f"host key {wish.key} activated",
    )
