# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing `_vlmcs._tcp` SRV records by dynamic update (RFC 2136), member by member, and finding them as clients do.

Internal to the collection activation.kms; not a public interface.

`names`, `tsig` and `gss` check what the user wrote, `members` plans without looking at anything, `exchange` carries one
message, `signing` finds the key that signs it, `client` reads and updates one place, `trouble` and `gss_trouble` say in
sentences what went wrong; `discovery` is what clients do. Nothing here opens a socket: the doors of World do, and for
`discovery` a resolver that is handed in.
"""

from __future__ import annotations
