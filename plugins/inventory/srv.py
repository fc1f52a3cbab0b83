# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory plugin activation.kms.srv: the KMS hosts that SRV records offer to clients."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: srv
short_description: KMS hosts from the SRV records of DNS domains
version_added: 1.0.0
author: activation.kms contributors (@activation-kms)
description:
  - Makes an inventory of the hosts that the SRV records at C(_vlmcs._tcp) of some domains offer to KMS clients, whoever
    published them.
  - The file's name must end with C(.kms_srv.yml) or C(.kms_srv.yaml).
  - Each domain is a group, C(kms_corp_example), also where it has no record. Each priority is a group below it,
    C(kms_corp_example_priority_0).
  - A host has the variables C(kms_srv_target), C(kms_srv_port), C(kms_srv_priority), C(kms_srv_weight) and
    C(kms_srv_ttl); of several records of a host those of the domain that is named first count, and there those of the
    record clients prefer. C(kms_srv_domains) names all domains that offer it. C(kms_srv_records) has all its records,
    as the lookup P(activation.kms.srv#lookup) shows them.
  - A DNS server that refuses, fails or is silent makes the whole file fail; a part of the hosts is never taken for all.
  - A record whose target is no host name is left out, with a warning.
extends_documentation_fragment:
  - activation.kms.resolver
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description:
      - The name of this plugin.
    type: str
    required: true
    choices: [activation.kms.srv]
  domains:
    description:
      - The DNS domains (suffixes) of the clients.
    type: list
    elements: str
    required: true
  hostname:
    description:
      - How hosts are named in the inventory.
      - V(target) is the full name that the record has.
      - V(short) is its first label. Two machines that would share it are refused.
    type: str
    choices: [target, short]
    default: target
  ansible_host:
    description:
      - Sets C(ansible_host), which is left alone otherwise.
      - V(target) sets it to the full name, for use with O(hostname=short).
      - V(address) sets it to the first address of the host, IPv4 preferred, asked of the same DNS servers. A host that
        has none is left without.
    type: str
    choices: [target, address]
notes:
  - With O(cache=true) an answer is kept for O(cache_timeout) seconds, whatever its TTL, and only while O(domains),
    O(server), O(server_port) and O(ansible_host) stay the same.
  - C(kms_srv_priority) and C(kms_srv_weight) are often V(0), which O(keyed_groups) takes for nothing; put a text before
    it, as in the examples.
seealso:
  - plugin: activation.kms.srv
    plugin_type: lookup
  - module: activation.kms.srv_record
"""

EXAMPLES = r"""
---
# estate.kms_srv.yml. Of all this plugin and domains are needed; the rest asks a server of one's own, uses short names,
# and adds variables and groups.
plugin: activation.kms.srv
domains:
  - corp.example
  - branch.example
server:
  - dc1.corp.example
hostname: short
ansible_host: target
compose:
  ansible_connection: "'winrm'"
  kms_port_is_usual: kms_srv_port == 1688
groups:
  kms_shared: kms_srv_domains | length > 1
keyed_groups:
  - prefix: kms
    key: "'weight_' ~ kms_srv_weight"
cache: true
cache_timeout: 600
"""

import typing as t

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ..plugin_utils._ansible.resolver import Resolver
from ..plugin_utils._errors import Problem, Refusal
from ..plugin_utils._srv import names
from ..plugin_utils._srv.discovery import discover
from ..plugin_utils._srv.hosts import Hosts, hosts

Asked = dict[str, t.Any]
Found = dict[str, list[dict[str, t.Any]]]


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Asks everything first, then adds everything."""

    NAME = "activation.kms.srv"

    def verify_file(self, path: str) -> bool:
        """Whether the file is meant for this plugin, by its name."""
        readable = t.cast(t.Any, super()).verify_file(path)
        return bool(readable) and path.endswith((".kms_srv.yml", ".kms_srv.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Entry point of Ansible."""
        t.cast(t.Any, super()).parse(inventory, loader, path, cache)
        self._ansible = t.cast(t.Any, self)
        try:
            self._configure(path)
            option = self._ansible.get_option
            found = self._found(path, cache)
            new = hosts(found, short=option("hostname") == "short", ansible_host=option("ansible_host"))
            self._add(new)
        except Problem as problem:
            raise AnsibleParserError(f"{path}: {problem.message}") from None
        except AnsibleError as error:
            # Core names a plugin by the path of its Python module.
            said = str(error.message).replace(self._ansible._load_name, self.NAME)
            raise AnsibleParserError(f"{path}: {said}") from None
        for target in new.left_out:
            self._ansible.display.warning(f"{path}: the SRV record of {target!r} is left out, as that is no host name")

    def _configure(self, path: str) -> None:
        """Options from the file; what core lets pass is refused here."""
        given = self._ansible._read_config_data(path)
        unknown = sorted({str(name) for name in given} - set(self._ansible.option_definitions))
        if unknown:
            raise Refusal(f"there is no option {unknown[0]}; correct its name or remove it", name="bad_option")
        if not self._ansible.get_option("domains"):
            raise Refusal("the option domains is empty; name at least one DNS domain", name="bad_option")

    def _found(self, path: str, cache: bool) -> Found:
        """What was found, now or, with a cache, when the same was asked before."""
        option = self._ansible.get_option
        asked: Asked = {
            "domains": [names.zone_name(domain or "", "domain") for domain in option("domains")],
            "server": [str(server) for server in option("server")],
            "server_port": option("server_port"),
            "resolve": option("ansible_host") == "address",
        }
        if not option("cache"):
            return self._ask(asked)
        self._ansible.load_cache_plugin()
        key = self._ansible.get_cache_key(path)
        kept = self._ansible._cache[key] if cache and key in self._ansible._cache else {}
        if kept.get("asked") != asked:
            kept = {"asked": asked, "found": self._ask(asked)}
            self._ansible._cache[key] = kept
        found: Found = kept["found"]
        return found

    def _ask(self, asked: Asked) -> Found:
        resolver = Resolver(asked["server"], asked["server_port"], self._ansible.get_option("timeout"))
        return {
            domain: [offer.as_data() for offer in discover(resolver.ask, domain, resolve=asked["resolve"])]
            for domain in asked["domains"]
        }

    def _add(self, new: Hosts) -> None:
        inventory, option = self._ansible.inventory, self._ansible.get_option
        for group, parent in new.groups.items():
            inventory.add_group(group)
            if parent is not None:
                inventory.add_child(parent, group)
        for name, variables in new.variables.items():
            for group in new.members[name]:
                inventory.add_host(name, group)
            for variable, value in variables.items():
                inventory.set_variable(name, variable, value)
            strict = option("strict")
            self._ansible._set_composite_vars(option("compose"), variables, name, strict=strict)
            known = inventory.get_host(name).get_vars()
            self._ansible._add_host_to_composed_groups(option("groups"), known, name, strict=strict)
            self._ansible._add_host_to_keyed_groups(option("keyed_groups"), known, name, strict=strict)
