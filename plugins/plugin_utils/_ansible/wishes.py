# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules and what they mean: each group once, for the small module and for `host`.

Internal to the collection activation.kms; not a public interface.
"""

from __future__ import annotations

import typing as t

from .._errors import Refusal
from .._kms.catalogue import CLIENTS, KEY_GROUPS, STANDARD, Catalogue, catalogue
from .._kms.endpoint import POLICIES
from .._kms.firewall_wish import FirewallWish, noted_rules, remote_addresses
from .._kms.key_products import wished_product
from .._kms.keys import Activation, KeyWish, activation_id, host_key
from .._kms.offline import InstallationId, confirmation_id, read_installation_id
from .._kms.packages import Packages, UpdateWish, read_packages
from .._kms.publication import AGING, PublishWish
from .._kms.record import Record, read_record
from .._kms.removal import RemovalWish
from .._kms.restart import Restart, read_restart_care
from .._kms.self_publication import read_self_publication
from .._kms.setting_values import check_interval, domains
from .._kms.settings import SettingsWish, licensing_readers
from .._kms.updates import Updates, read_updates
from .._plan import Reader, Resource
from .._secret import Secret
from .._srv.gss import GssKey
from .._srv.members import State
from .._srv.place import VERIFY_REPLY
from .._srv.tsig import ALGORITHMS, TsigKey
from .._windows.edition import Edition, read_edition
from .._windows.firewall.model import Firewall
from .._windows.firewall.reader import Interest, read_firewall
from .._windows.licensing import Licensing
from .._windows.restart import RestartOptions
from .._windows.restart_care import RestartCare
from .._windows.system import System, read_system
from . import resolver
from .options import ArgumentSpec

Options = t.Mapping[str, t.Any]
T = t.TypeVar("T")

LONGEST_REASON = (
    127  # characters shutdown.exe of Server 2003 takes ("shutdown /?"); it refuses more, long after planning
)

UPDATE_OPTIONS: ArgumentSpec = {
    "serve": {"type": "list", "elements": "str", "choices": list(CLIENTS)},
    "packages": {"type": "str"},
    "package_files": {"type": "dict", "default": {}},
    "package_checksums": {"type": "dict", "default": {}},
    "install_args": {"type": "dict", "default": {}},
    "install_timeout": {"type": "int", "default": 1800},
    "accepted_updates": {"type": "list", "elements": "str", "default": []},
    "catalogue_overrides": {"type": "dict", "default": {}},
}
REBOOT_OPTIONS: ArgumentSpec = {
    "reboot_timeout": {"type": "int", "default": 600},
    "reboot_delay": {"type": "int"},
    "reboot_reason": {"type": "str"},
}
KEY_OPTIONS: ArgumentSpec = {
    "product_key": {"type": "str", "no_log": True},
    "key_group": {"type": "str", "no_log": False, "choices": list(KEY_GROUPS)},
    "activation": {"type": "str", "choices": ["online", "offline", "phone", "unmanaged"], "default": "online"},
    "confirmation_id": {"type": "str"},
    "activation_id": {"type": "str"},
    "replace": {"type": "bool", "default": False},
    "reactivate": {"type": "bool", "default": False},
    "max_activations": {"type": "int", "default": 1},
    "activation_timeout": {"type": "int", "default": 300},
}
SETTINGS_OPTIONS: ArgumentSpec = {
    "port": {"type": "int"},
    "self_publishing": {"type": "bool"},
    "self_publishing_domains": {"type": "list", "elements": "str"},
    "low_priority": {"type": "bool"},
    "activation_interval": {"type": "int"},
    "renewal_interval": {"type": "int"},
}
SELF_PUBLISHING_OPTIONS: ArgumentSpec = {
    "verify_self_publishing": {"type": "str", "choices": list(POLICIES), "default": "warn"},
    "resolver": {
        "type": "dict",
        "options": {
            "server": {"type": "list", "elements": "str", "default": []},
            "server_port": {"type": "int", "default": 53},
            "timeout": {"type": "float", "default": 5.0},
        },
    },
}
DNS_OPTIONS: ArgumentSpec = {
    "server": {"type": "str", "required": True},
    "server_port": {"type": "int", "default": 53},
    "server_address": {"type": "str"},
    "auth": {"type": "str", "choices": ["none", "tsig", "gss_tsig"], "default": "none"},
    "key_name": {"type": "str", "no_log": False},
    "key_secret": {"type": "str", "no_log": True},
    "key_algorithm": {"type": "str", "no_log": False, "choices": list(ALGORITHMS), "default": "hmac-sha256"},
    "principal": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "keytab": {"type": "path"},
    "verify_reply": {"type": "str", "choices": list(VERIFY_REPLY)},
}
DNS_WISH_OPTIONS: ArgumentSpec = {
    "aging": {"type": "str", "choices": list(AGING), "default": "unknown"},
    "refresh": {"type": "bool", "default": False},
}
PUBLISH_OPTIONS: ArgumentSpec = {
    "publish": {
        "type": "list",
        "elements": "dict",
        "options": {
            "zone": {"type": "str", "required": True},
            **DNS_OPTIONS,
            "target": {"type": "str"},
            "priority": {"type": "int", "default": 0},
            "weight": {"type": "int", "default": 0},
            "ttl": {"type": "int"},
            **DNS_WISH_OPTIONS,
        },
    },
}
_KEY_OPTIONS: t.Final = {"tsig": ("key_name", "key_secret"), "gss_tsig": ("principal", "password", "keytab")}


def system_readers(
    known: Catalogue, wanted: t.Collection[str] | None = None, *, key: KeyWish | None = None, thorough: bool = False
) -> dict[type, Reader]:
    """The readers of what every module about a KMS host builds on. `wanted`, `thorough`: see `read_updates`."""
    readers = {
        System: read_system,
        Record: read_record,
        **licensing_readers(key, None if key is None else key.activation_id),
        Updates: read_updates(known, wanted, key=key, thorough=thorough),
    }
    return {**readers, **({} if key is None else key_readers(key))}


def key_readers(wish: KeyWish) -> dict[type, Reader]:
    """The readers of what matters for a host key only while it is not installed, or not activated."""
    return {
        Edition: read_edition(lambda look: wished_product(look[Licensing], wish) is None),
        InstallationId: read_installation_id(wish),
    }


def removal_readers(wish: RemovalWish) -> dict[type, Reader]:
    """The readers of what the removal of a host key needs."""
    return {
        System: read_system,
        Record: read_record,
        **licensing_readers(None, wish.activation_id),
        Edition: read_edition(lambda look: wish.setup_key),
    }


def known_catalogue(options: Options) -> Catalogue:
    """The catalogue with the user's corrections and the rollups the user vouches for. Raises Refusal."""
    overrides, accepted = options.get("catalogue_overrides"), options.get("accepted_updates")
    return catalogue(overrides, accepted or ()) if overrides or accepted else STANDARD


def update_wish(options: Options, folder: str | None, known: Catalogue) -> UpdateWish:
    """The wish about update packages. `folder` is the packages folder, found. Raises Refusal."""
    for name in ("package_files", "package_checksums", "install_args"):
        unknown = sorted(set(options[name]) - set(known.updates))
        if unknown:
            raise Refusal(
                f"{name} has the unknown keys {', '.join(map(str, unknown))}; known are {', '.join(known.updates)}",
                name="bad_option",
            )
    for name, digest in options["package_checksums"].items():
        if not _is_sha256(str(digest)):
            raise Refusal(
                f"package_checksums of {name} is no SHA-256; write it as sha256: and 64 hexadecimal digits",
                name="bad_option",
            )
    _positive(options, "install_timeout")
    return UpdateWish(
        serve=frozenset(options["serve"] or ()),
        packages=folder,
        package_files={name: str(path) for name, path in options["package_files"].items()},
        checksums={name: str(digest) for name, digest in options["package_checksums"].items()},
        install_args={name: str(args) for name, args in options["install_args"].items()},
        install_timeout=float(options["install_timeout"]),
        reboot_timeout=float(options.get("reboot_timeout") or 600),
        known=known,
        key_group=options["key_group"],
    )


def update_readers(wish: UpdateWish) -> dict[type, Reader]:
    """The readers of the update packages."""
    return {Packages: read_packages(wish)}


def restart_options(options: Options) -> RestartOptions:
    """How to restart. Raises Refusal."""
    _positive(options, "reboot_timeout")
    delay = options["reboot_delay"]
    if delay is not None and not 0 <= delay <= 3600:
        raise Refusal("reboot_delay must be between 0 and 3600 seconds", name="bad_option")
    reason = options["reboot_reason"]
    if reason is not None and not (len(reason) <= LONGEST_REASON and reason.isprintable()):
        raise Refusal(f"reboot_reason must be one line of at most {LONGEST_REASON} characters", name="bad_option")
    return RestartOptions(timeout=float(options["reboot_timeout"]), delay=delay, reason=reason)


def restart_readers(restart: Restart, before: t.Sequence[Resource]) -> dict[type, Reader]:
    """The reader of what the restart meets; `before` are the resources that may make it necessary."""
    return {RestartCare: read_restart_care(restart.near(tuple(before)))}


def key_wish(options: Options, *, serve: t.Collection[str], encrypted: bool, known: Catalogue) -> KeyWish:
    """The wish about the host key. Raises Refusal."""
    _positive(options, "activation_timeout")
    activation: Activation = "offline" if options["activation"] == "phone" else options["activation"]
    if options["confirmation_id"] is not None and activation != "offline":
        raise Refusal(
            f"confirmation_id is given, but activation is {activation}; set activation: offline, or leave "
            "confirmation_id out",
            name="bad_option",
        )
    if options["max_activations"] not in (0, 1):
        raise Refusal(
            "max_activations must be 0 or 1: one activation a host and run is the most there is", name="bad_option"
        )
    return KeyWish(
        key=host_key(options["product_key"]),
        activation=activation,
        confirmation_id=_read(options, "confirmation_id", confirmation_id),
        activation_id=_read(options, "activation_id", activation_id),
        key_group=options["key_group"],
        serve=frozenset(serve),
        replace=options["replace"],
        reactivate=options["reactivate"],
        max_activations=options["max_activations"],
        activation_timeout=float(options["activation_timeout"]),
        encrypted=encrypted or options["allow_unencrypted_key"],
        known=known,
    )


def removal_wish(options: Options) -> RemovalWish:
    """The wish that a host key is gone. Raises Refusal."""
    try:
        key = _read(options, "product_key", host_key)
    except Refusal as refusal:
        if refusal.name != "key_is_setup_key":
            raise
        raise Refusal(
            "product_key is one of Microsoft's public client setup keys (GVLK), and state: absent removes KMS host "
            "keys only; give the host key that shall go, or leave product_key out for whichever is installed",
            name="key_is_setup_key",
            advice="Give the KMS host key, or leave product_key out.",
        ) from None
    return RemovalWish(
        last_five=None if key is None else key.last_five,
        activation_id=_read(options, "activation_id", activation_id),
        setup_key=options["install_setup_key"],
    )


def settings_wish(options: Options) -> SettingsWish:
    """The wish about the settings of the KMS host, without what goes by them. Raises Refusal."""
    if options["port"] is not None:
        check_port(options["port"])
    for name in ("activation_interval", "renewal_interval"):
        if options[name] is not None:
            check_interval(options[name], name)
    listed = None if options["self_publishing_domains"] is None else domains(options["self_publishing_domains"])
    if listed and options["self_publishing"] is False:
        raise Refusal(
            "self_publishing_domains says where the host publishes itself, and self_publishing: false that it does "
            "not; drop one of them",
            name="bad_option",
        )
    return SettingsWish(
        port=options["port"],
        self_publishing=options["self_publishing"],
        self_publishing_domains=listed,
        low_priority=options["low_priority"],
        activation_interval=options["activation_interval"],
        renewal_interval=options["renewal_interval"],
    )


def firewall_wish(port: int, state: str, addresses: t.Sequence[str] | None, option: str) -> FirewallWish:
    """The wish about the firewall; `state` is open or closed, `option` the one that names addresses. Raises Refusal."""
    check_port(port)
    if state == "closed":
        return FirewallWish(port, open=False)
    return FirewallWish(port, open=True, scope=remote_addresses(addresses, option))


def firewall_readers(wish: FirewallWish) -> dict[type, Reader]:
    """The reader of what a wish about the firewall needs."""
    return {Firewall: read_firewall(wish.interest)}


def firewall_report(port: int) -> dict[type, Reader]:
    """The reader of everything about a port in the firewall."""
    return {Firewall: read_firewall(Interest(port, "report", first=noted_rules))}


def dns_server(options: Options, beside_playbook: t.Callable[[str], str]) -> dict[str, t.Any]:
    """Which DNS server, and how to sign what is sent there: arguments of PublishWish and of Place. Raises Refusal."""
    return {
        "server": options["server"],
        "server_port": options["server_port"],
        "server_address": options["server_address"],
        "verify_reply": options["verify_reply"],
        "key": signing_key(options, beside_playbook),
    }


def signing_key(options: Options, beside_playbook: t.Callable[[str], str]) -> TsigKey | GssKey | None:
    """Who signs DNS messages; `beside_playbook` finds a file. Raises Refusal."""
    auth = options["auth"]
    for needed, names in _KEY_OPTIONS.items():
        given = [name for name in names if options[name]]
        if given and needed != auth:
            verb = "are" if len(given) > 1 else "is"
            raise Refusal(
                f"{' and '.join(given)} {verb} given, but auth is {auth}; set auth: {needed}", name="bad_option"
            )
    if auth == "gss_tsig":
        password = options["password"]
        return GssKey(
            options["principal"] or "",
            Secret(password) if password else None,
            beside_playbook(options["keytab"]) if options["keytab"] else "",
        )
    if auth == "none":
        return None
    if not (options["key_name"] and options["key_secret"]):
        raise Refusal("auth: tsig needs key_name and key_secret", name="bad_option")
    return TsigKey(options["key_name"], options["key_algorithm"], Secret(options["key_secret"]))


def publish_wish(
    options: Options, port: int, beside_playbook: t.Callable[[str], str], state: State = "present"
) -> PublishWish:
    """One element of `publish`. Raises Refusal."""
    return PublishWish(
        zone=options["zone"],
        target=options["target"],
        port=port,
        priority=options["priority"],
        weight=options["weight"],
        ttl=options["ttl"],
        aging=options["aging"],
        refresh=options["refresh"],
        state=state,
        **dns_server(options, beside_playbook),
    )


def self_publication_reader(options: Options) -> Reader:
    """The reader of what a host published itself, asked of whom `resolver` names. Raises Refusal."""
    rules = SELF_PUBLISHING_OPTIONS["resolver"]["options"]
    asked = options["resolver"] or {name: rule["default"] for name, rule in rules.items()}
    whom = (asked["server"], asked["server_port"], asked["timeout"])
    resolver.check(*whom)
    return read_self_publication(lambda world: world.resolver(*whom))


def check_probe_timeout(seconds: int) -> None:
    """Refuse a time-out for looking at ports that is none. Raises Refusal."""
    if not 1 <= seconds <= 300:
        raise Refusal("timeout must be between 1 and 300 seconds", name="bad_option")


def check_port(port: int) -> None:
    """Refuse what is no TCP port."""
    if not 1 <= port <= 65535:
        raise Refusal("port must be between 1 and 65535", name="bad_option", advice="KMS listens on 1688 by default.")


def _read(options: Options, name: str, reader: t.Callable[[str], T]) -> T | None:
    """An option read in its own form; None where it is not given."""
    return None if options[name] is None else reader(options[name])


def _positive(options: Options, name: str) -> None:
    if not 1 <= options[name] <= 86400:
        raise Refusal(f"{name} must be between 1 and 86400 seconds", name="bad_option")


def _is_sha256(text: str) -> bool:
    digits = text.lower().removeprefix("sha256:")
    return len(digits) == 64 and all(character in "0123456789abcdef" for character in digits)
