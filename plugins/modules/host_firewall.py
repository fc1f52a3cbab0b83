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
  - Opens one TCP port inbound for the networks named, in every profile of the Windows Firewall that is on. Of every
    Windows from Windows Server 2003 on, in every language.
  - A firewall that is off, or whose service does not run, is left as it is, with a warning that it filters nothing.
  - Rules that somebody else made are never changed. What admits the networks named already is enough. Otherwise a
    rule of this collection is made beside it. Windows Server 2003 has one entry a port, so there a foreign entry
    that is not enough is refused before anything is changed.
  - A rule that this collection made is for the networks named and no others, so networks that are no longer named
    lose the way.
extends_documentation_fragment:
  - activation.kms.attributes
  - activation.kms.attributes.changing
  - activation.kms.windows
options:
  port:
    description:
      - The TCP port. Each port is opened and closed for itself; after a change of the port close the former one.
    type: int
    default: 1688
  state:
    description:
      - V(closed) removes the rule that this collection made, gives Windows' own rules back what they were before this
        collection changed them, and touches nothing else.
    type: str
    choices: [open, closed]
    default: open
  remote_addresses:
    description:
      - For whom the port is opened, as networks, addresses, V(local_subnet), or the word V(any). Needed with
        O(state=open). The Windows Firewall of Windows Server 2003 knows IPv4 networks only.
    type: list
    elements: str
notes:
  - Windows Server 2003 is changed by C(netsh firewall), Windows Vista to Windows Server 2008 R2 by
    C(netsh advfirewall), both over a remote shell. From Windows 8 and Windows Server 2012 on the class
    C(MSFT_NetFirewallRule) is used, which needs none. All are read from the registry, whose words no language changes.
  - From Windows 8 and Windows Server 2012 on, Windows' own rules for KMS (C(SPPSVC-In-TCP),
    C(SPPSVC-In-TCP-NoScope)) are used for port 1688 where they are still off and together admit clients in every
    profile that is on. They are enabled for the networks named and nobody else. What they were is noted on the host
    first. Where they do not suffice, and for any other port, a rule C(activation.kms-In-TCP-<port>) is made for all
    profiles. It is created disabled and enabled last.
  - On Windows Vista to Windows Server 2008 R2 every rule that names the port is looked at. Rules for ranges of ports or
    for every port are not.
  - A rule that blocks the port wins over every rule that admits, so a warning names it. From Windows 8 and Windows
    Server 2012 on rules of somebody else are looked for before the port is opened only, and by
    M(activation.kms.host_info), where the host has a remote shell to do it with. What they admit does not count.
  - Group Policy is reported and never edited. A rule of the policy that admits the networks named is enough. Where the
    policy takes the effect from the host's own rules, or allows no exceptions, a warning says so.
  - Before the port is opened the module also looks for TCP/IP filtering, an assigned IPsec policy, and Routing and
    Remote Access, and warns of them.
seealso:
  - module: activation.kms.host
  - module: activation.kms.host_info
"""

EXAMPLES = r"""
---
- name: Let the company's clients in
  activation.kms.host_firewall:
    remote_addresses: [10.0.0.0/8, 192.168.0.0/16]

- name: Let the local subnet and an IPv6 network in, on another port
  activation.kms.host_firewall:
    port: 1700
    remote_addresses: [local_subnet, 2001:db8:12::/48]

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
