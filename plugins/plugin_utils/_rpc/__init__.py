# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first packet of a DCE/RPC conversation, and nothing after it.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations
