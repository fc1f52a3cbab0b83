# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a provider says no."""

from __future__ import annotations


class ProviderError(Exception):
    """A WMI provider failed with an HRESULT. `seconds` is how long it took to find out."""

    def __init__(self, hresult: int, seconds: float = 0.0) -> None:
        super().__init__(f"HRESULT 0x{hresult:08x}")
        self.hresult = hresult
        self.seconds = seconds


class CimError(Exception):
    """A provider of the MI stack refuses with a CIM status code (DSP0223). `about` is the name of what is wrong."""

    def __init__(self, status: int, about: str, seconds: float = 0.0) -> None:
        super().__init__(f"CIM status {status}: {about}")
        self.status = status
        self.about = about
        self.seconds = seconds
