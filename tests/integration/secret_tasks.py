# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of the secret search, and the table of tasks they go through: a new module is a new row.

The hosts are of several generations, so that a key takes every way there is: by WMI on Server 2003, sealed and in the
clear; beside dism on Server 2012 R2; on Server 2016, where Windows shows the key of the machine's firmware to whoever
asks for too much; offline on Server 2008 R2. One more is a Microsoft DNS server, which gets no key at all.
"""

from __future__ import annotations

import base64
import dataclasses
import random
import secrets
from collections.abc import Sequence
from pathlib import Path

import bind_server
from awx_job import VAULT_FILE, Credentials
from estate import DOMAIN, Data, host_options

from emulated_windows.core import FIRMWARE_KEY

HOSTS: dict[str, Data] = {
    "sealed": {},
    "plain": {"transport": "basic", "start": "kms_1_2"},
    "later": {"persona": "server-2012-r2"},
    "newest": {"persona": "server-2016", "transport": "basic"},
    "away": {"persona": "server-2008-r2-sp1"},
}
DNS_SERVER = "dc"
DNS_HOSTS: dict[str, Data] = {DNS_SERVER: {"persona": "server-2012-r2", "dns_server": True}}
STRANGER = "stranger"  # the machine "sealed" again, with a wrong password
LATER_GROUP = "server_2016"
LAST_FIVE = "67892"  # of host_key; these may be shown
CHANGED, SAME, FAILED, UNREACHABLE = "changed", "same", "failed", "unreachable"
NAMES = (
    "host_key",
    "later_key",
    "unknown_key",
    "firmware_key",
    "password",
    "wrong_password",
    "tsig",
    "wrong_tsig",
    "kerberos",
    "wrong_kerberos",
    "vault_password",
    "confirmation_id",
)
IN_EXTRAVARS = ("host_key", "unknown_key", "tsig", "kerberos", "wrong_password", "confirmation_id")
IN_VAULT = ("later_key", "wrong_tsig", "wrong_kerberos")


@dataclasses.dataclass(frozen=True)
class Row:
    """A task: where, what, and how it must come out. `module` may be ROLE; names are unique."""

    host: str
    name: str
    module: str
    options: Data
    outcome: str


ROLE = "the role kms_host"
AUDIT_LOG = "../../around/audit.jsonl"  # from the playbook's folder, into what is searched


def make_up(dns: bind_server.BindServer) -> dict[str, str]:
    """The secrets by name, new ones each time: where one is found, this run has left it."""
    token = secrets.token_hex(4)
    return {
        "host_key": _key(LAST_FIVE),
        "later_key": _key("6789F"),
        "unknown_key": _key("MMMMM"),  # of the right form, but nobody's
        "firmware_key": FIRMWARE_KEY,
        "password": f"Rem0te&<Pass>{token}word",
        "wrong_password": f"guessed & <wrong>%41 {token}",
        "tsig": dns.key_secret,
        "wrong_tsig": base64.b64encode(f"wrong, but base64: {token}".encode()).decode(),
        "kerberos": dns.login[1],
        "wrong_kerberos": f"mistyped <{token}> & gone",
        "confirmation_id": "".join(random.choices("0123456789", k=48)),  # no secret, and yet no message repeats it
        "vault_password": f"Open {token} 'n' \"shut\"",
    }


def _key(last_five: str) -> str:
    groups = ("".join(random.choices("BCDFGHJKMPQRTVWXY2346789", k=5)) for number in range(4))
    return "-".join((*groups, last_five))


def hidden(secret: str, name: str) -> tuple[str, ...]:
    """The parts that must not be shown: of a key, whose last five may be, the halves of the rest."""
    return (secret[:11], secret[12:23]) if name.endswith("_key") else (secret,)


def credentials(made_up: Data) -> Credentials:
    """Who brings which secret into the job."""
    return Credentials(
        variables={name: made_up[name] for name in IN_EXTRAVARS},
        password=made_up["password"],
        vault={name: made_up[name] for name in IN_VAULT},
        vault_password=made_up["vault_password"],
    )


def rows(packages: Path, dns: bind_server.BindServer, microsoft: Data) -> list[Row]:
    """Everything that is done, in its order. `microsoft` is the estate's own DNS server, as in ESTATE.yml."""
    failing = [*_failing(dns), *_misplacing(dns), *_showing(dns)]
    publishing = [*_together(packages, dns), *_by_wmi(dns), *_looking(dns), *_publishing_themselves(microsoft)]
    working = [*_working(packages, dns), *_by_kerberos(dns), *publishing, *_offline()]
    return [*working, *failing, *_removing(), *_retiring(dns)]


def variables(dns: bind_server.BindServer) -> Data:
    """What srv_record_together reads of each host: right, wrong in one secret, and no list at all."""
    right, login = _record(dns), {"principal": dns.login[0], "password": "{{ kerberos }}"}
    return {
        "zones": [right],
        "wrong_zones": [{**right, "key_secret": "{{ wrong_tsig }}"}],
        "two_secrets": [{**right, **login}],
        "secret_zones": "{{ tsig }}",
    }


def _working(packages: Path, dns: bind_server.BindServer) -> list[Row]:
    """A rollout, its repetition, and the small modules."""
    rollout = host_options(packages, product_key="{{ host_key }}", publish=[_record(dns)])
    later = {**rollout, "serve": ["server_2016"], "key_group": LATER_GROUP, "product_key": "{{ later_key }}"}
    settings = {"port": 1689, "low_priority": True, "activation_interval": 30, "renewal_interval": 10000}
    return [
        Row("later", "later", "host", later, CHANGED),
        Row("later", "later_again", "host", later, SAME),
        Row("later", "later_settings", "host_settings", settings, CHANGED),
        Row("later", "later_told", "host_info", {}, SAME),
        Row("newest", "new", "host_key", _in_the_clear("{{ later_key }}"), CHANGED),
        Row("newest", "new_told", "host_info", {}, SAME),
        Row("plain", "old_settings", "host_settings", settings, CHANGED),
        Row("sealed", "rollout", ROLE, rollout, CHANGED),
        Row("sealed", "rollout_again", "host", rollout, SAME),
        Row("plain", "old", "host_key", _in_the_clear("{{ host_key }}"), CHANGED),
        Row("plain", "named", "srv_record", _named(dns), CHANGED),
        Row("sealed", "tickets", "kerberos_info", {}, SAME),
    ]


def _by_kerberos(dns: bind_server.BindServer) -> list[Row]:
    """By password and by keytab; passwords that are wrong, or stand where others do."""
    password, wrong = {"password": "{{ kerberos }}"}, {"password": "{{ wrong_kerberos }}"}
    named = {**_named(dns), "target": "kms8.corp.example", "auth": "gss_tsig", "principal": dns.login[0]}
    for name in ("key_name", "key_secret"):
        del named[name]
    told = {name: value for name, value in named.items() if name != "target"}
    return [
        Row("plain", "by_password", "srv_record", {**named, **password}, CHANGED),
        Row("plain", "by_password_again", "srv_record", {**named, **password}, SAME),
        Row("plain", "by_password_told", "srv_record_info", {**told, **password}, SAME),
        Row("plain", "by_keytab", "srv_record", {**named, "keytab": str(keytab_of(dns)), "state": "absent"}, CHANGED),
        Row("plain", "by_wrong_password", "srv_record", {**named, **wrong}, FAILED),
        Row("plain", "password_as_principal", "srv_record", {**named, **wrong, "principal": wrong["password"]}, FAILED),
        Row("plain", "password_as_auth", "srv_record", {**named, **wrong, "auth": wrong["password"]}, FAILED),
        Row("plain", "password_as_keytab", "srv_record", {**named, **wrong, "keytab": wrong["password"]}, FAILED),
        Row("plain", "password_for_tsig", "srv_record", {**_named(dns), **wrong}, FAILED),
    ]


def keytab_of(dns: bind_server.BindServer) -> Path:
    """Where the keys of the realm's user are."""
    return Path(dns.folder) / "user.keytab"


def _together(packages: Path, dns: bind_server.BindServer) -> list[Row]:
    """What host leaves to another task: secrets of the hosts' own variables, and in place of their names."""
    record = {**_record(dns), "priority": 5}
    later = host_options(packages, product_key="{{ host_key }}", publish=[record], publish_later=True)
    task = {"variable": "zones", "result": "r_ready"}
    wrong = {
        "together_wrong": {"variable": "wrong_zones"},
        "together_two_secrets": {"variable": "two_secrets"},
        "together_of_a_secret": {"variable": "secret_zones"},
        "together_key_as_variable": {"variable": "{{ host_key }}"},
        "together_tsig_as_result": {"result": "{{ tsig }}"},
        "together_password_as_log": {"audit_log": "{{ wrong_password }}/{{ host_key }}"},
    }
    return [
        Row("sealed", "ready", "host", later, SAME),
        *(Row("sealed", name, "srv_record_together", {**task, **options}, FAILED) for name, options in wrong.items()),
        Row("sealed", "together", "srv_record_together", task, CHANGED),
        Row("sealed", "together_again", "srv_record_together", task, SAME),
    ]


def _by_wmi(dns: bind_server.BindServer) -> list[Row]:
    """On the DNS server itself there is only one password, that of its connection."""
    key = "{{ host_key }}"
    here = {"provider": "microsoft_wmi", "zone": DOMAIN}
    named = {**here, "target": "kms9.corp.example"}
    by_key = {"auth": "tsig", "key_name": dns.key_name, "key_secret": "{{ tsig }}"}
    wrong: dict[str, Data] = {
        "wmi_with_tsig": by_key,
        "wmi_with_password": {"auth": "gss_tsig", "principal": dns.login[0], "password": "{{ wrong_kerberos }}"},
        "wmi_tsig_as_server": {"server": "{{ tsig }}"},
        "wmi_key_as_zone": {"zone": key},
        "wmi_key_as_target": {"target": key},
        "wmi_key_in_target": {"target": "{{ host_key | lower }}.corp.example"},
        "wmi_key_as_ttl": {"ttl": key},
        "wmi_password_as_static": {"static": "{{ wrong_password }}"},
        "wmi_tsig_as_provider": {"provider": "{{ tsig }}"},
    }
    return [
        Row(DNS_SERVER, "wmi", "srv_record", named, CHANGED),
        Row(DNS_SERVER, "wmi_again", "srv_record", named, SAME),
        Row(DNS_SERVER, "wmi_told", "srv_record_info", here, SAME),
        *(Row(DNS_SERVER, name, "srv_record", {**named, **options}, FAILED) for name, options in wrong.items()),
        Row(DNS_SERVER, "wmi_key_as_zones", "srv_record_info", {"provider": "microsoft_wmi", "zones": [key]}, FAILED),
        Row(DNS_SERVER, "wmi_absent", "srv_record", {**named, "state": "absent"}, CHANGED),
        Row(STRANGER, "wmi_knock", "srv_record", named, UNREACHABLE),
    ]


def _looking(dns: bind_server.BindServer) -> list[Row]:
    """Refreshed, which is no change, and looked at; with secrets in the options of that."""
    refreshed = {**_named(dns), "aging": "yes", "refresh": True}
    told = {**_record(dns), "check_members": True, "inventory_group": "kms_hosts", "timeout": 1}
    return [
        Row("plain", "refreshed", "srv_record", refreshed, SAME),
        Row("plain", "refreshed_wrong", "srv_record", {**refreshed, "key_secret": "{{ wrong_tsig }}"}, FAILED),
        Row("plain", "tsig_as_refresh", "srv_record", {**refreshed, "refresh": "{{ tsig }}"}, FAILED),
        Row("plain", "password_as_aging", "srv_record", {**refreshed, "aging": "{{ wrong_password }}"}, FAILED),
        Row("plain", "looked_at", "srv_record_info", told, SAME),
        Row("plain", "key_as_group", "srv_record_info", {**told, "inventory_group": "{{ host_key }}"}, FAILED),
        Row("plain", "password_as_group", "srv_record_info", {**told, "inventory_group": "{{ kerberos }}"}, FAILED),
        Row("plain", "tsig_as_zones", "srv_record_info", {**told, "zones": ["{{ tsig }}"]}, FAILED),
    ]


def _publishing_themselves(microsoft: Data) -> list[Row]:
    """A host that is in DNS by itself; and secrets where the question to DNS is described."""
    asked = {"server": [microsoft["address"]], "server_port": microsoft["port"], "timeout": 3}
    itself = {"self_publishing": True, "verify_self_publishing": "fail", "resolver": asked}
    wrong: dict[str, Data] = {
        "tsig_as_resolver": {"resolver": "{{ tsig }}"},
        "tsig_to_ask": {"resolver": {**asked, "server": ["{{ tsig }}"]}},
        "key_as_port_to_ask": {"resolver": {**asked, "server_port": "{{ host_key }}"}},
        "key_to_verify": {"verify_self_publishing": "{{ host_key }}"},
        "key_as_self_publishing": {"self_publishing": "{{ host_key }}"},
    }
    return [
        Row("newest", "itself", "host", itself, SAME),
        *(Row("newest", name, "host", {**itself, **options}, FAILED) for name, options in wrong.items()),
        Row(STRANGER, "password_to_ask", "host", {**itself, "resolver": {"server": "{{ wrong_password }}"}}, FAILED),
    ]


def _offline() -> list[Row]:
    """Both phases; the key is counted first. The confirmation ID is made up, so that it fits nowhere."""
    first = {"product_key": "{{ host_key }}", "activation": "offline", "audit_log": AUDIT_LOG}
    return [
        Row("away", "counted", "host_key_quota", {"variable": "host_key"}, SAME),
        Row("away", "phase_one", "host_key", first, CHANGED),
        Row("away", "phase_one_again", "host_key", first, SAME),
        Row("away", "phase_two", "host_key", {**first, "confirmation_id": "{{ confirmation_id }}"}, FAILED),
        Row("away", "half_an_id", "host_key", {**first, "confirmation_id": "{{ confirmation_id }}7"}, FAILED),
        Row("away", "id_online", "host_key", {**first, **_confirmed("{{ confirmation_id }}", "online")}, FAILED),
    ]


def _removing() -> list[Row]:
    """The key is given to say which one goes."""
    gone = {"state": "absent", "product_key": "{{ host_key }}", "audit_log": AUDIT_LOG}
    return [
        Row("plain", "absent_another", "host_key", {**gone, "product_key": "{{ unknown_key }}"}, SAME),
        Row("plain", "absent", "host_key", gone, CHANGED),
        Row("plain", "absent_again", "host_key", gone, SAME),
        Row("away", "absent_malformed", "host_key", {**gone, "product_key": "{{ host_key[:-1] }}"}, FAILED),
    ]


def _retiring(dns: bind_server.BindServer) -> list[Row]:
    """A host's end, by the role and by the module; what is wrong is said before it begins."""
    gone = {"state": "absent", "product_key": "{{ host_key }}", "publish": [_record(dns)], "drain": 0, "port": 1688}
    gone |= {"firewall": "closed", "audit_log": AUDIT_LOG}
    wrong: dict[str, Data] = {
        "retire_wrong": {"publish": [{**_record(dns), "key_secret": "{{ wrong_tsig }}"}]},
        "retire_swapped": {"publish": [{**_record(dns), "key_name": "{{ tsig }}", "key_secret": dns.key_name}]},
        "retire_key_as_drain": {"drain": "{{ host_key }}"},
        "retire_tsig_as_wait": {"drain_wait": "{{ tsig }}"},
        "retire_password_as_state": {"state": "{{ wrong_password }}"},
        "retire_half_a_key": {"product_key": "{{ host_key[:-1] }}"},
    }
    return [
        *(Row("sealed", name, "host", {**gone, **options}, FAILED) for name, options in wrong.items()),
        Row("sealed", "retire", ROLE, gone, CHANGED),
        Row("sealed", "retire_again", "host", gone, SAME),
    ]


def _failing(dns: bind_server.BindServer) -> list[Row]:
    """Keys nobody knows, and secrets that are wrong."""
    unknown = {**_in_the_clear("{{ unknown_key }}"), "replace": True}
    wrong = {**_named(dns), "key_secret": "{{ wrong_tsig }}"}
    return [
        Row("plain", "unknown", "host_key", unknown, FAILED),
        Row("plain", "wrong", "srv_record", wrong, FAILED),
        Row("plain", "role_unknown", ROLE, unknown, FAILED),
        Row("later", "later_unknown", "host_key", unknown, FAILED),
        Row("newest", "new_unknown", "host_key", unknown, FAILED),
        Row(STRANGER, "knock", "host_info", {}, UNREACHABLE),
    ]


def _misplacing(dns: bind_server.BindServer) -> list[Row]:
    """Secrets that stand in the wrong place, or in the right one and in a wrong one that messages repeat."""
    misplaced = {**_named(dns), "auth": "{{ tsig }}", "key_name": "{{ tsig }}"}
    swapped = {**_named(dns), "key_name": "{{ tsig }}", "key_secret": dns.key_name}
    everywhere = {"product_key": "{{ host_key[:-1] }}", "key_group": "{{ host_key }}"}
    shapes = {"product_key": {"key": "{{ host_key }}"}, "publish": "{{ tsig }}"}
    key_as_zone = {**_in_the_clear("{{ host_key }}"), "publish": [{**_record(dns), "zone": "{{ host_key | lower }}!"}]}
    password_as_zone = {"publish": [{**_record(dns), "zone": "{{ wrong_password }}"}]}
    return [
        Row("plain", "misplaced", "srv_record", misplaced, FAILED),
        Row("plain", "swapped", "srv_record", swapped, FAILED),
        Row("plain", "everywhere", "host_key", everywhere, FAILED),
        Row("plain", "shapes", "host", shapes, FAILED),
        Row("plain", "query", "host_info", {"query": "{{ host_key }}"}, FAILED),
        Row("plain", "key_as_zone", "host", key_as_zone, FAILED),
        Row("plain", "key_as_network", "host_firewall", {"remote_addresses": ["{{ host_key }}"]}, FAILED),
        Row("plain", "tsig_as_zone", "srv_record", {**_named(dns), "zone": "{{ tsig }}"}, FAILED),
        Row("plain", "tsig_as_server", "srv_record", {**_named(dns), "server": "{{ tsig }}"}, FAILED),
        Row(STRANGER, "password_as_zone", "host", password_as_zone, FAILED),
    ]


def _showing(dns: bind_server.BindServer) -> list[Row]:
    """Secrets in options that others would show: Ansible, a folder, the host's logs; and keys in what names no key."""
    key, path = "{{ host_key }}", "packages/{{ host_key | lower }}/kms"
    right = {"product_key": key}
    serve = {"serve": ["windows_7"]}
    keyed = {**_in_the_clear(key), **serve}
    return [
        Row("plain", "role_of_keys", ROLE, {"port": key, "activation": key, "serve": [key], "reboot": key}, FAILED),
        Row("plain", "role_of_shapes", ROLE, {"port": [key], "publish": key, "install_args": key}, FAILED),
        Row("plain", "key_as_product", "host_key", {**right, "activation_id": key}, FAILED),
        Row("plain", "key_as_confirmation", "host_key", {**right, **_confirmed(key)}, FAILED),
        Row("plain", "key_as_variable", "host_key_quota", {"variable": key}, FAILED),
        Row("plain", "key_as_log", "host_settings", {"low_priority": False, "audit_log": key}, FAILED),
        Row("plain", "key_in_log", "srv_record", {**_named(dns), "audit_log": path}, FAILED),
        Row("plain", "key_as_reason", "host_reboot", {"reboot_reason": f"for {key}"}, FAILED),
        Row("plain", "key_as_switch", "host_update", {**serve, "install_args": {"kms_1_2": f"/q {key}"}}, FAILED),
        Row("plain", "key_as_domain", "host_settings", {"self_publishing_domains": [key]}, FAILED),
        Row("plain", "key_as_folder", "host", {**keyed, "packages": path}, FAILED),
        Row("plain", "key_as_file", "host", {**keyed, "package_files": {"kms_1_2": path}}, FAILED),
        Row("plain", "unknown_as_folder", "host_update", {**serve, "packages": "a/{{ unknown_key | lower }}"}, FAILED),
        Row(STRANGER, "password_as_folder", "host_update", {**serve, "packages": "{{ wrong_password }}"}, FAILED),
        Row(STRANGER, "password_as_log", "host_settings", {"port": 1688, "audit_log": "{{ wrong_password }}"}, FAILED),
    ]


def _confirmed(by: str, activation: str = "offline") -> Data:
    return {"activation": activation, "confirmation_id": by}


def _in_the_clear(key: str) -> Data:
    return {"product_key": key, "allow_unencrypted_key": True}


def _record(dns: bind_server.BindServer) -> Data:
    found = {"zone": dns.zone, "server": dns.host, "server_address": dns.address, "server_port": dns.port}
    found["auth"] = "tsig"
    return {**found, "key_name": dns.key_name, "key_secret": "{{ tsig }}"}


def _named(dns: bind_server.BindServer) -> Data:
    return {"target": "kms9.corp.example", **_record(dns)}


def plays(table: Sequence[Row], results: Path) -> list[Data]:
    """A play a row, named like it; at the end all results are written to a file."""
    return [*(_play(row) for row in table), _writing(table, results)]


def _play(row: Row) -> Data:
    """The task, its result printed and kept as a fact."""
    registered = "kms_host_result" if row.module == ROLE else f"r_{row.name}"
    kept = {f"kept_{row.name}": f"{{{{ {registered} }}}}", "cacheable": True}
    return {
        "name": row.name,
        "hosts": row.host,
        "gather_facts": False,
        "vars_files": [VAULT_FILE],
        "ignore_errors": True,
        "ignore_unreachable": True,
        "tasks": [
            _task(row, registered),
            {"name": f"Show {row.name}", "ansible.builtin.debug": {"var": registered}},
            {"name": f"Keep {row.name}", "ansible.builtin.set_fact": kept},
        ],
    }


def _task(row: Row, register: str) -> Data:
    if row.module == ROLE:
        variables = {f"kms_host_{name}": value for name, value in row.options.items()}
        role = {"name": "activation.kms.kms_host"}
        return {"name": row.name, "ansible.builtin.include_role": role, "vars": variables}
    return {"name": row.name, f"activation.kms.{row.module}": row.options, "register": register}


def _writing(table: Sequence[Row], results: Path) -> Data:
    found = {row.name: f"{{{{ hostvars['{row.host}']['kept_{row.name}'] | default(none) }}}}" for row in table}
    content = {"dest": str(results), "mode": "0600", "content": "{{ found | to_nice_json }}"}
    task = {"name": "Write", "ansible.builtin.copy": content, "vars": {"found": found}}
    return {"name": "Write what was kept", "hosts": "localhost", "gather_facts": False, "tasks": [task]}
