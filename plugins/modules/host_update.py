#!/usr/bin/python
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; there is no code here."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_update
short_description: Install the KMS update packages a host needs
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Installs the packages that make a machine a KMS host and let it serve the clients named, by the shortest way, for
    example KMS 1.0 and KMS 1.2 on Windows Server 2003 for Windows 7 clients, or KB3079821 on Windows Server 2008 R2 for
    Windows 10 clients.
  - Knows Windows Server 2003 to 2025 and the client releases from Windows Vista on. What no host of the release can
    serve is refused, with the releases that could.
  - The packages are copied through WinRM itself, without PowerShell and without file sharing.
  - Never restarts the host; what awaits a restart is told by RV(reboot_required).
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.options.updates
  - activation.kms.options.key_group
  - activation.kms.options.audit
  - activation.kms.windows
options:
  serve:
    description:
      - The clients that the host shall be able to activate.
      - With O(key_group), the updates that the host needs to take a key of that group are installed too.
    type: list
    elements: str
    required: true
    choices:
      - server_2008
      - server_2008_r2
      - server_2012
      - server_2012_r2
      - server_2016
      - server_2019
      - server_2022
      - server_2025
      - server_sac
      - windows_10
      - windows_11
      - windows_11_ltsc_2024
      - windows_7
      - windows_8
      - windows_8_1
      - windows_vista
"""

EXAMPLES = r"""
---
- name: Bring Server 2003 to KMS 1.2
  activation.kms.host_update:
    serve: [windows_7, server_2008_r2]
    packages: kms-packages
    package_checksums:
      kms_1_2: "sha256:{{ kms_1_2_sha256 }}"
  register: updates

- name: Windows 10 clients from a Server 2012 R2 host that has a later rollup than the one Microsoft names
  activation.kms.host_update:
    serve: [windows_10]
    accepted_updates: [KB5012345]

- name: Restart it where that is needed
  activation.kms.host_reboot:
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
      description:
        - KMS version, installed KMS updates, and whether one awaits its restart.
        - C(serves) are the clients the host can activate now, C(serves_after) those it can activate after each further
          update; C(unknown) are updates that a later rollup may stand for; C(disagreements) are witnesses that
          contradict each other; C(build) is build and revision, where the release is known by them.
      type: dict
    licensing:
      description: The licensing service with its keyed products, its settings as a KMS host, count and threshold.
      type: dict
    record:
      description: What this collection noted on the host.
      type: dict
    packages:
      description: The packages examined on the controller, by update id, with path, size, SHA-256, installer engine
        and signature (C(state), C(signer), C(reason)).
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
