# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's corrections of the catalogue: which fields can be corrected, and with what.

Internal to the collection activation.kms; not a public interface.

Refuses to know what the fields mean; a correction must be of the kind of what it corrects.
"""

from __future__ import annotations

import re
import typing as t

from .._errors import Refusal

Rows = dict[str, dict[str, t.Any]]
"""The catalogue's updates by id, each a row of fields."""
Words = t.Mapping[str, t.Collection[str]]

_FORMS: t.Mapping[str, str] = {
    "kind": "update_exe|msu|build",
    "hotfix": r"(KB\d{5,8})?",
    "build": r"(\d{1,6}\.\d{1,6})?",
    "restart": "required|none",
    "witness": "licensing_class|hotfix|build",
    # It becomes part of a command line, and processes whose command line holds it are ended where an installer hangs.
    "log": r"\w[\w-]{0,50}(\.[\w-]{1,10}){0,3}\.log",
}
_VALUES: t.Mapping[str, type] = {"files": str, "proof": int}


def correct(rows: Rows, overrides: t.Mapping[str, t.Any], words: Words) -> None:
    """Take the user's corrections, {update id: {field: value}}, into the rows.

    Args:
        words: by field that is a list of names, the names there are.

    Raises:
        Refusal: an unknown update or field, or a value of another kind.
    """
    for name, fields in overrides.items():
        _correct(rows, name, fields, words)


def _correct(rows: Rows, name: str, fields: t.Any, words: Words) -> None:
    if name not in rows:
        raise Refusal(
            f"catalogue_overrides has a key that is no update; its keys must be out of {', '.join(rows)}",
            name="bad_override",
        )
    if not isinstance(fields, t.Mapping):
        raise Refusal(
            f"catalogue_overrides of {name} must be a dictionary of fields, min_service_pack: 1 for instance",
            name="bad_override",
        )
    unknown = set(fields) - set(rows[name])
    if unknown:
        raise Refusal(
            f"catalogue_overrides of {name} has the unknown fields {', '.join(sorted(map(str, unknown)))}; "
            f"known are {', '.join(rows[name])}",
            name="bad_override",
        )
    rows[name].update({field: _fitting(rows, name, field, value, words) for field, value in fields.items()})


def _fitting(rows: Rows, name: str, field: str, value: t.Any, words: Words) -> t.Any:
    """A corrected value of the type the catalogue has there; numbers and words may come as text. Raises Refusal."""
    known = rows[name][field]
    fits = isinstance(value, type(known)) and not (isinstance(value, bool) and not isinstance(known, bool))
    if isinstance(known, int) and not isinstance(known, bool) and isinstance(value, str) and value.isdecimal():
        value, fits = int(value), True
    if field in words:
        fits = isinstance(value, list) and all(isinstance(one, str) and one in words[field] for one in value)
        fits = fits and not (field == "needs" and name in value)
    if field in _FORMS:
        fits = isinstance(value, str) and re.fullmatch(_FORMS[field], value, re.ASCII) is not None
    if field in _VALUES:
        fits = fits and all(isinstance(name, str) and isinstance(one, _VALUES[field]) for name, one in value.items())
    if field == "warnings":
        fits = False  # nobody needs to correct a sentence
    if not fits:
        raise Refusal(
            f"catalogue_overrides gives {name}.{field} a value of another kind than the catalogue has there "
            f"({known!r}); see ansible-doc",
            name="bad_override",
        )
    return value
