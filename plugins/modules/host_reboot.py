#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_reboot
short_description: A restart that is known to have happened and to be over
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Restarts a Windows machine and waits until another boot time has been read several times in a row and, where KMS is
    installed, the licensing service answers.
  - Before that it looks at what the restart meets, and says so in warnings and in RV(observed.restart_care) -
    interactive log-on sessions, a running failover cluster service, the role of a domain controller, and what others
    left pending. None of it stops the restart. Use check mode to see it first.
  - A host whose WinRM service does not start by itself is never restarted, since nobody could reach it afterwards.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.reboot
  - activation.kms.options.audit
  - activation.kms.windows
attributes:
  idempotent:
    support: partial
    details: With O(if_pending=false) every run restarts the host.
options:
  if_pending:
    description:
      - Restart only where a KMS update awaits it. What other installations left pending is no reason. V(false) restarts
        in any case.
    type: bool
    default: true
"""

EXAMPLES = r"""
---
- name: Restart where a KMS update awaits it
  activation.kms.host_reboot:

- name: See what a restart would meet
  activation.kms.host_reboot:
    if_pending: false
  check_mode: true

- name: Restart in any case, with a word to whoever is logged on
  activation.kms.host_reboot:
    if_pending: false
    reboot_delay: 60
    reboot_reason: KMS maintenance
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
    restart_care:
      description:
        - What a restart would meet, or has met. Read only where a restart is pending, foreseen or asked for.
      type: dict
      returned: when a restart is near
      contains:
        winrm_start_mode:
          description: The start mode of the service WinRM, V(Auto), V(Manual), V(Disabled) or V(Unknown).
          type: str
        sessions:
          description: The interactive log-on sessions, or null where they could not be read. Never their names.
          type: int
        cluster:
          description: Whether the failover cluster service runs.
          type: bool
        domain_controller:
          description: Whether the host is a domain controller.
          type: bool
        pending:
          description: What else awaits a restart without being a KMS update of this collection.
          type: list
          elements: str
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
