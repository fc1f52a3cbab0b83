# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""activation.kms.host: a whole KMS host, in one task."""

from __future__ import annotations

import dataclasses
import typing as t

from ..plugin_utils._ansible import wishes
from ..plugin_utils._ansible.action import Job, KmsAction
from ..plugin_utils._ansible.options import Specification
from ..plugin_utils._ansible.retirement import RETIREMENT_OPTIONS, retirement_job
from ..plugin_utils._ansible.world import ControllerWorld
from ..plugin_utils._errors import Refusal
from ..plugin_utils._kms.drain import Found
from ..plugin_utils._kms.endpoint import Endpoint, EndpointCheck, read_endpoint
from ..plugin_utils._kms.firewall import OpenPort
from ..plugin_utils._kms.host_key import HostKeyResource
from ..plugin_utils._kms.keys import KeyWish
from ..plugin_utils._kms.publication import Publication, PublishWish, Zones, read_zones
from ..plugin_utils._kms.publish_later import PublishLater
from ..plugin_utils._kms.release import Release
from ..plugin_utils._kms.replacement import replaced
from ..plugin_utils._kms.restart import Restart
from ..plugin_utils._kms.self_publication import SelfPublicationCheck
from ..plugin_utils._kms.self_published import SelfPublication
from ..plugin_utils._kms.settings import Settings, SettingsWish
from ..plugin_utils._kms.update_chain import UpdateChain
from ..plugin_utils._plan import Outcome, Reader, Resource, Seen
from ..plugin_utils._windows.licensing import Licensing
from ..plugin_utils._windows.system import System

SPECIFICATION = Specification(
    argument_spec={
        **wishes.UPDATE_OPTIONS,
        "reboot": {"type": "bool", "default": False},
        **wishes.REBOOT_OPTIONS,
        **wishes.KEY_OPTIONS,
        **wishes.SETTINGS_OPTIONS,
        **RETIREMENT_OPTIONS,
        **wishes.SELF_PUBLISHING_OPTIONS,
        "firewall": {"type": "str", "choices": ["open", "closed", "unmanaged"], "default": "unmanaged"},
        "firewall_remote_addresses": {"type": "list", "elements": "str"},
        "verify_endpoint": {"type": "str", "choices": ["warn", "fail", "skip"], "default": "warn"},
        **wishes.PUBLISH_OPTIONS,
        "publish_later": {"type": "bool", "default": False},
    },
)
"""What the module accepts."""


class ActionModule(KmsAction):
    """Updates, restart, key, settings, firewall, endpoint and publication of one host; or the end of all that."""

    specification = SPECIFICATION

    def _job(self, options: dict[str, t.Any], world: ControllerWorld) -> Job:
        if options["state"] == "absent":
            return retirement_job(options, self._beside_playbook)
        known = wishes.known_catalogue(options)
        port = 1688 if options["port"] is None else options["port"]
        settings = wishes.settings_wish(options)
        key = self._key(options, world, known) if options["product_key"] else None
        publish = [wishes.publish_wish(item, port, self._beside_playbook) for item in options["publish"] or []]
        given = "self_publishing_domains" if settings.self_publishing_domains else "self_publishing: true"
        if publish and (settings.self_publishing or settings.self_publishing_domains):
            raise Refusal(
                f"{given} beside publish would have two owners for one record; drop one of them", name="two_publishers"
            )
        readers: dict[type, Reader] = wishes.system_readers(known, key=key)
        resources: list[Resource] = [Release()]
        if options["serve"]:
            folder = None if options["packages"] is None else self._find_folder(options["packages"])
            options["package_files"] = self._find_files(options["package_files"])
            update = wishes.update_wish(options, folder, known)
            readers.update(wishes.system_readers(known, update.wanted, key=key))
            readers.update(wishes.update_readers(update))
            resources.append(UpdateChain(update))
        restart = Restart(options["reboot"], wishes.restart_options(options))
        readers.update(wishes.restart_readers(restart, resources))
        resources.append(restart)
        port_used = bool(publish) or options["firewall"] == "open"
        later = bool(publish) and options["publish_later"]
        resources.append(Settings(_settings(settings, key, publish, port_used, later)))
        if key is not None:
            resources.append(HostKeyResource(key))
        if options["firewall"] != "unmanaged":
            option = "firewall_remote_addresses"
            wish = wishes.firewall_wish(port, options["firewall"], options[option], option)
            readers.update(wishes.firewall_readers(wish))
            resources.append(OpenPort(wish))
        resources.append(EndpointCheck(options["verify_endpoint"], gate=_serving, after=(Restart, HostKeyResource)))
        readers[Endpoint] = read_endpoint(lambda look: self._address(look[System].fqdn), port, patience=10.0)
        if settings.self_publishing or settings.self_publishing_domains:
            readers[SelfPublication] = wishes.self_publication_reader(options)
            policy = options["verify_self_publishing"]
            resources.append(SelfPublicationCheck(policy, gate=_serving, after=(Restart, HostKeyResource)))
        resources += _publications(publish, readers, later)
        resources.append(Found(lambda seen: not later and _is_found(seen, publish)))

        def report(outcome: Outcome) -> dict[str, t.Any]:
            told = replaced(world, outcome, key) if key else {}
            ready = [one.report(outcome) for one in resources if isinstance(one, PublishLater)]
            return {**told, **(ready[0] if ready else {})}

        return Job(resources, readers, report)

    def _key(self, options: dict[str, t.Any], world: ControllerWorld, known: t.Any) -> KeyWish:
        return wishes.key_wish(options, serve=options["serve"] or (), encrypted=world.encrypted, known=known)

    def _address(self, fqdn: str) -> str:
        """Where the controller reaches the host: the address it manages it by."""
        return str(t.cast(t.Any, self._connection).get_option("remote_addr") or fqdn)


def _publications(publish: list[PublishWish], readers: dict[type, Reader], later: bool) -> list[Resource]:
    """The last of a host's resources; `later`: somebody else publishes it."""
    waits_for = "an activated host key"
    if not publish:
        return []
    if later:
        return [PublishLater(publish, gate=_serving, target=_fqdn, waits_for=waits_for)]
    readers[Zones] = read_zones(publish)
    after = (Restart, HostKeyResource, EndpointCheck)
    return [Publication(one, gate=_serving, target=_fqdn, after=after, waits_for=waits_for) for one in publish]


def _settings(
    wished: SettingsWish, key: KeyWish | None, publish: list[PublishWish], port_used: bool, later: bool
) -> SettingsWish:
    """`publish` implies that the host does not publish itself; a key to activate implies the hold.

    Args:
        later: the controller's record comes after this run, so a host that serves keeps its own.
    """
    return dataclasses.replace(
        wished,
        self_publishing=False if publish else wished.self_publishing,
        key=key,
        port_used=port_used,
        published=lambda seen: not later and all(_is_published(seen, wish) for wish in publish),
    )


def _is_found(seen: Seen, publish: t.Sequence[PublishWish]) -> bool:
    """Whether clients find the host: by the controller's records, or else by its own."""
    if not _serving(seen):
        return False
    if publish:
        return all(_is_published(seen, wish) for wish in publish)
    return seen[Licensing].setting("self_publishing") is True


def _is_published(seen: Seen, wish: PublishWish) -> bool:
    """Whether the controller's record is in the zone, so that the host's own is no longer needed.

    Where the zone ages, not before it was refreshed: whoever may not do that must not end what keeps the record.
    """
    return Publication(wish, target=_fqdn).next(seen) is None


def _serving(seen: Seen) -> bool:
    """Whether an activated host key makes publishing and probing the host worthwhile."""
    return seen[Licensing].serves


def _fqdn(seen: Seen) -> str:
    return seen[System].fqdn
