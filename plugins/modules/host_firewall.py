#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_firewall
short_description: Open or close the KMS port in the Windows Firewall
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Opens one TCP port inbound for the networks named, in every profile of the Windows Firewall that is on.
  - A firewall that is off is left off, with a warning. An entry for the port that somebody else made is never
    overwritten. It is enough, or the run is refused.
  - So far for the Windows Firewall of Windows Server 2003.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.windows
options:
  port:
    description:
      - The TCP port.
    type: int
    default: 1688
  state:
    description:
      - V(closed) removes the entry that this collection made, and no other.
    type: str
    choices: [open, closed]
    default: open
  remote_addresses:
    description:
      - For whom the port is opened, as networks, addresses, V(local_subnet), or the word V(any). Needed with
        O(state=open).
    type: list
    elements: str
"""

EXAMPLES = r"""
---
- name: Let the company's clients in
  activation.kms.host_firewall:
    remote_addresses: [10.0.0.0/8, 192.168.0.0/16]

- name: Close the port again
  activation.kms.host_firewall:
    state: closed
"""

RETURN = r"""
---
plan:
  description:
    - The steps foreseen at the beginning of the run, in their order. In check mode, the steps a run would take.
  returned: success, and failure after the first look
  type: list
  elements: dict
  contains:
    id:
      description: The step's id.
      type: str
    summary:
      description: What it does.
      type: str
    after_restart:
      description: Whether it comes after a restart, so that it may turn out unnecessary.
      type: bool
  sample:
    - id: host_update.kms_1_0
      summary: install Key Management Service 1.0 for Windows Server 2003
      after_restart: false
observed:
  description:
    - What was seen at the end, by part.
  returned: success, and failure after the first look
  type: dict
  contains:
    system:
      description: The machine with release, edition, service pack, architecture, language, boot time and full name.
      type: dict
    updates:
      description: KMS version, installed KMS updates, and whether one awaits its restart.
      type: dict
    licensing:
      description: The licensing service with its keyed products, its settings as a KMS host, count and threshold.
      type: dict
    record:
      description: What this collection noted on the host.
      type: dict
    firewall:
      description: The firewall with regard to the port.
      type: dict
reboot_required:
  description: Whether a KMS update awaits the restart of the host.
  returned: always
  type: bool
done:
  description: The steps carried out, like RV(plan).
  returned: when the run ended before everything was done
  type: list
  elements: dict
remaining:
  description: The steps still foreseen, like RV(plan).
  returned: when the run ended before everything was done
  type: list
  elements: dict
error:
  description: What went wrong, for programs.
  returned: failure
  type: dict
  contains:
    name:
      description: A stable name, or the symbol of a Windows code.
      type: str
      sample: SL_E_INVALID_PRODUCT_KEY
    advice:
      description: What to do.
      type: str
    code:
      description: The number that Windows or the DNS server gave, where there is one.
      type: str
      sample: "0xC004F050"
"""
