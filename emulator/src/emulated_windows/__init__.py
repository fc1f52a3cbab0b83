# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulated Windows: machines that speak WinRM on loopback, for tests and demonstrations of KMS host administration.

It is no KMS server: on TCP 1688 it acknowledges an RPC bind and answers no activation request.
Nothing is imported here, so that the in-process core can be used without the socket libraries.
"""

from __future__ import annotations

__version__ = "0.1.0"
