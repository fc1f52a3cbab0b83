# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the YAML that lies beside the code.

Internal to the collection activation.kms; not a public interface.

Called at import only: imports happen once in Ansible's parent process, forks inherit what was loaded. The C loader is
nine times as fast as the Python one.
"""

from __future__ import annotations

import pathlib
import typing as t

import yaml

_LOADER: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(beside: str, *names: str) -> t.Any:
    """The content of a YAML file in a folder beside a module's `__file__`."""
    path = pathlib.Path(beside).parent.joinpath(*names)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
