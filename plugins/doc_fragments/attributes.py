# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes every module of this collection documents."""

from __future__ import annotations


class ModuleDocFragment:
    """What a module supports; `changing` and `reading` complete the standard fragment."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), in diff mode.
  idempotent:
    description: A second run with the same options reports no change and sends only reads.
  platform:
    description: Target systems the module can be used for.
    support: full
    platforms: windows
"""

    CHANGING = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Check mode reads and foresees the whole plan, steps after a restart included; it changes nothing anywhere.
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    READING = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module only reads.
  diff_mode:
    support: N/A
    details: This module only reads.
  idempotent:
    support: full
"""
