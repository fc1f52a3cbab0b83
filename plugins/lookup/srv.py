# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup activation.kms.srv: the KMS hosts a client with these DNS suffixes would find."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: srv
short_description: The KMS hosts a client with a DNS suffix would find
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Asks DNS for the SRV records at C(_vlmcs._tcp) below each domain, as a KMS client does, from the controller.
  - For each domain there is one list of records, in the order in which a client tries the hosts (RFC 2782), with the
    probability that a client turns to it first. Nothing is drawn by lot, so that two runs say the same.
  - A domain without such a record has an empty list. A DNS server that refuses, fails or is silent is an error.
extends_documentation_fragment:
  - activation.kms.resolver
options:
  _terms:
    description:
      - The DNS domains (suffixes) of the clients, C(corp.example) for instance. They are asked one by one, as absolute
        names; the search list of the controller plays no part.
    type: list
    elements: str
    required: true
  resolve:
    description:
      - Whether the addresses of each host are asked for too, of the same servers.
    type: bool
    default: true
  fail_on_missing:
    description:
      - Makes a domain without a record an error.
    type: bool
    default: false
notes:
  - A client asks its primary DNS suffix, the domain it is a member of, or the one DHCP gave it. A host that was set by
    hand (C(slmgr.vbs /skms)) or that answered last time goes before DNS.
  - Windows Vista and Windows Server 2008 choose at random whatever the priorities and weights (Microsoft's
    documentation; nobody has confirmed it here).
  - With one domain, C(lookup) has the list of its records. With several use C(query), or C(wantlist=true), which have
    one list a domain however many there are.
seealso:
  - module: activation.kms.srv_record
  - module: activation.kms.endpoint_info
  - plugin: activation.kms.srv
    plugin_type: inventory
"""

EXAMPLES = r"""
---
- name: What a client in corp.example would find
  ansible.builtin.debug:
    msg: "{{ lookup('activation.kms.srv', 'corp.example') }}"

- name: The same from the domain controller the clients ask, without a look at the addresses
  ansible.builtin.debug:
    msg: "{{ lookup('activation.kms.srv', 'corp.example', server='dc1.corp.example', resolve=false) }}"

- name: Insist on a first choice with an address
  ansible.builtin.assert:
    that:
      - found[0].target == 'kms1.corp.example'
      - found[0].addresses | length > 0
  vars:
    found: "{{ lookup('activation.kms.srv', 'corp.example', fail_on_missing=true) }}"

- name: Ask the KMS port of every host that clients of three domains could be sent to
  activation.kms.endpoint_info:
    target: "{{ item.target }}"
    port: "{{ item.port }}"
  loop: "{{ query('activation.kms.srv', 'corp.example', 'branch.example', 'lab.example') | flatten }}"
  loop_control:
    label: "{{ item.domain }}: {{ item.target }}"
"""

RETURN = r"""
---
_raw:
  description: One list for each domain, of the records found there, in a client's order.
  type: list
  elements: list
  sample:
    - - addresses: [192.0.2.10]
        domain: corp.example
        port: 1688
        priority: 0
        probability: 0.7
        target: kms1.corp.example
        ttl: 3600
        weight: 3
      - addresses: [192.0.2.11, "2001:db8::11"]
        domain: corp.example
        port: 1688
        priority: 0
        probability: 0.3
        target: kms2.corp.example
        ttl: 3600
        weight: 1
  contains:
    domain:
      description: The domain it was found at, in lower case, international names as C(xn--...).
      type: str
    target:
      description: The KMS host, in lower case, without the dot at its end.
      type: str
    port:
      description: The TCP port.
      type: int
    priority:
      description: Clients try the lowest first.
      type: int
    weight:
      description: Its share among those of the same priority.
      type: int
    ttl:
      description: How many seconds the answer may still be remembered.
      type: int
    probability:
      description:
        - How probable it is that a client which honours priority and weight turns to it first, worked out from
          RFC 2782, weights of zero included. Zero for all but the lowest priority.
      type: float
    addresses:
      description:
        - The addresses of the host, IPv4 first. An empty list means that its name does not resolve; V(null) that
          O(resolve=false).
      type: list
      elements: str
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ..plugin_utils._ansible.resolver import Resolver
from ..plugin_utils._errors import Failure, Problem
from ..plugin_utils._srv.discovery import discover


class LookupModule(LookupBase):
    """Asks for each domain in turn."""

    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[list[dict[str, t.Any]]]:
        """Entry point of Ansible."""
        ansible = t.cast(t.Any, self)
        ansible.set_options(var_options=variables, direct=kwargs)
        try:
            resolver = Resolver(*(ansible.get_option(name) for name in ("server", "server_port", "timeout")))
            return [self._found(resolver, str(domain or "")) for domain in ansible._flatten(terms)]
        except Problem as problem:
            raise AnsibleLookupError(problem.message) from None

    def _found(self, resolver: Resolver, domain: str) -> list[dict[str, t.Any]]:
        ansible = t.cast(t.Any, self)
        offers = discover(resolver.ask, domain, resolve=ansible.get_option("resolve"))
        if not offers and ansible.get_option("fail_on_missing"):
            raise Failure(
                f"{resolver.peer} knows no KMS host for {domain}: there is no SRV record at _vlmcs._tcp.{domain}; "
                "publish one, or correct the domain",
                name="record_missing",
            )
        return [offer.as_data() for offer in offers]
