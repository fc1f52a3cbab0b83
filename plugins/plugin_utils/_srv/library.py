# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether dnspython, the one library this package needs, is there.

Internal to the collection activation.kms; not a public interface.

Imported at module top level and guarded, because an import inside a function is repeated in every worker process.
"""

from __future__ import annotations

from .._errors import Refusal

try:
    import dns.rdtypes.IN.A
    import dns.rdtypes.IN.SRV
    import dns.update

    HAVE_DNSPYTHON = hasattr(dns.update, "UpdateMessage")
except ImportError:
    HAVE_DNSPYTHON = False


def need_dnspython() -> None:
    """Raises Refusal when dnspython is missing (or older than version 2, which has no UpdateMessage)."""
    if not HAVE_DNSPYTHON:
        raise Refusal(
            "the Python library dnspython (2.7 or newer) is missing on the controller: pip install dnspython",
            name="dnspython_missing",
            advice="Install it into the Python environment, or the execution environment, that runs Ansible.",
        )
