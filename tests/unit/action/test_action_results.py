# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task gives back: the shape of results and failures, what is refused, and that no secret is in any of it."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from winrm.exceptions import InvalidCredentialsError

from ansible_collections.activation.kms.plugins.action import (
    host,
    host_firewall,
    host_info,
    host_reboot,
    host_settings,
)
from ansible_collections.activation.kms.plugins.plugin_utils._ansible import winrm
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.action import Job, KmsAction
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.options import Specification
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.world import ControllerWorld
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Failure, Refusal, Unreachable
from ansible_collections.activation.kms.plugins.plugin_utils._plan import Item, Pause, Resource, Seen, Step
from ansible_collections.activation.kms.plugins.plugin_utils._windows.firewall.netsh import OUR_NAME
from ansible_collections.activation.kms.plugins.plugin_utils._windows.system import TCPIP
from ansible_collections.activation.kms.tests.unit.action.tasks import PASSWORD, Transport, connection, run
from ansible_collections.activation.kms.tests.unit.windows.firewalled import WHOLE, Firewalled
from ansible_collections.activation.kms.tests.unit.windows.licensing_host import LicensingHost
from ansible_collections.activation.kms.tests.unit.windows.small_windows import SmallWindows, moving

KEY = "BCDFG-HJKMP-QRTVW-XY234-67892"


# -- a plugin that does as it is told


@dataclasses.dataclass(frozen=True)
class Count:
    """A counter."""

    key: t.ClassVar[str] = "count"

    value: int

    def as_data(self) -> dict[str, t.Any]:
        return {"value": self.value}


class CountTo(Resource):
    """Counts to two, and has something to say."""

    name = "count"
    needs = (Count,)

    def __init__(self, plugin: type[Plugin]) -> None:
        self.plugin = plugin

    def next(self, seen: Seen) -> Item | None:
        value = seen[Count].value
        if self.plugin.refusal is not None:
            raise self.plugin.refusal
        if value == 1 and self.plugin.pauses:
            return Pause("a restart is awaited", {"reboot_required": True}, lambda later: later.having(Count(2)), True)
        if value >= 2:
            return None
        return Step(
            id=f"count.{value + 1}",
            summary=f"count to {value + 1}",
            predict=lambda later: later.having(Count(value + 1)),
            run=self.plugin.count,
            touches=(Count,),
            before=str(value),
        )

    def warnings(self, seen: Seen) -> list[str]:
        return [self.plugin.says] if self.plugin.says else []


class Plugin(KmsAction):
    """Counts, and meets what a test wants it to meet."""

    specification = Specification(
        {"product_key": {"type": "str", "no_log": True}, "port": {"type": "int"}}, windows=False
    )
    counted = 0
    refusal: t.ClassVar[Exception | None] = None
    problems: t.ClassVar[dict[int, Exception]] = {}
    pauses = False
    says = ""

    @classmethod
    def count(cls, world: t.Any) -> None:
        trouble = cls.problems.get(cls.counted + 1)
        if trouble is not None:
            raise trouble
        cls.counted += 1

    def _job(self, options: dict[str, t.Any], world: t.Any) -> Job:
        mine = type(self)
        return Job([CountTo(mine)], {Count: lambda w, look: Count(mine.counted)}, lambda outcome: {"own": "report"})


def plugin(**changes: t.Any) -> type[Plugin]:
    return type("Counting", (Plugin,), changes)


def step(number: int, after_restart: bool = False) -> dict[str, t.Any]:
    return {"id": f"count.{number}", "summary": f"count to {number}", "after_restart": after_restart}


def plain(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """As Ansible hands it on."""
    assert json.loads(json.dumps(result)) == result
    return result


def test_a_change() -> None:
    assert plain(run(plugin())) == {
        "changed": True,
        "plan": [step(1), step(2)],
        "observed": {"count": {"value": 2}},
        "reboot_required": False,
        "warnings": [],
        "own": "report",
    }


def test_no_change() -> None:
    result = run(plugin(counted=2))
    assert (result["changed"], result["plan"]) == (False, [])
    assert "msg" not in result and "done" not in result


def test_check_mode_shows_the_plan_and_what_is_really_there() -> None:
    counting = plugin()
    result = run(counting, check_mode=True)
    assert (result["changed"], result["plan"]) == (True, [step(1), step(2)])
    assert result["observed"] == {"count": {"value": 0}}
    assert counting.counted == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_diff_shows_what_is_changed(check_mode: bool) -> None:
    result = run(plugin(counted=1), diff=True, check_mode=check_mode)
    assert result["diff"] == [
        {"before_header": "count.2", "after_header": "count.2", "before": "1\n", "after": "count to 2\n"}
    ]
    assert "diff" not in run(plugin())


def test_a_pause_is_a_good_end_that_lists_what_remains() -> None:
    result = plain(run(plugin(pauses=True)))
    assert "failed" not in result
    assert (result["changed"], result["reboot_required"]) == (True, True)
    assert result["msg"] == "a restart is awaited" and result["pauses"] == ["a restart is awaited"]
    assert (result["done"], result["remaining"]) == ([step(1)], [])


def test_a_failure_in_the_middle_keeps_what_was_done() -> None:
    trouble = Failure("something broke; mend it", name="broken", advice="Mend it.", code="0xC004F050")
    result = plain(run(plugin(problems={2: trouble}), diff=True))
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"] == "kms01: something broke; mend it"
    assert result["error"] == {"name": "broken", "advice": "Mend it.", "code": "0xC004F050"}
    assert (result["done"], result["remaining"]) == ([step(1)], [step(2)])
    assert result["plan"] == [step(1), step(2)]
    assert [part["after_header"] for part in result["diff"]] == ["count.1"]
    assert result["own"] == "report"


def test_unreachable_in_the_middle_keeps_what_was_done() -> None:
    result = run(plugin(problems={2: Unreachable("kms01: no answer", name="unreachable")}))
    assert (result["unreachable"], result["changed"]) == (True, True)
    assert "failed" not in result
    assert (result["msg"], result["done"]) == ("kms01: no answer", [step(1)])


def test_a_refusal_changes_nothing() -> None:
    counting = plugin(refusal=Refusal("impossible", name="no", advice="Give up."))
    result = run(counting)
    assert result == {
        "failed": True,
        "changed": False,
        "msg": "kms01: impossible",
        "error": {"name": "no", "advice": "Give up."},
    }
    assert counting.counted == 0


def test_an_error_nobody_knows_becomes_a_sentence() -> None:
    result = run(plugin(refusal=KeyError("what")))
    assert (result["failed"], result["changed"]) == (True, False)
    assert "met an error it does not know (KeyError: 'what'); please report it" in result["msg"]
    assert "Traceback" not in json.dumps(result)
    assert result["error"]["name"] == "unexpected"


def test_warnings_are_handed_on() -> None:
    assert run(plugin(says="mind the gap"))["warnings"] == ["mind the gap"]


@pytest.mark.parametrize("word", ["failed", "changed", "unreachable", "msg"])
def test_what_ansible_goes_by_survives_a_secret_of_the_same_name(word: str) -> None:
    result = run(plugin(refusal=Refusal(f"not {word}", name="no")), {"product_key": word})
    assert result["failed"] is True and result["changed"] is False


# -- secrets


SHOWN: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "refusal": lambda secret: {"refusal": Refusal(f"no {secret}", name="no", advice=secret, code=secret)},
    "failure": lambda secret: {"problems": {2: Failure(f"no {secret}", name=secret)}},
    "unknown error": lambda secret: {"refusal": ValueError(secret)},
    "warning": lambda secret: {"says": f"look: {secret}"},
}


@pytest.mark.parametrize("place", SHOWN)
@pytest.mark.parametrize("written", [KEY, KEY.replace("-", ""), KEY.lower()])
def test_the_key_is_in_no_result(place: str, written: str) -> None:
    result = run(plugin(**SHOWN[place](written)), {"product_key": KEY})
    assert written not in repr(result)
    assert "*****-67892" in repr(result)


def test_a_key_in_another_option_is_not_repeated() -> None:
    result = run(plugin(), {"port": KEY, "product_key": KEY})
    assert KEY not in repr(result)
    assert "option port must be of the type int" in result["msg"]


def test_the_password_of_the_connection_is_in_no_result() -> None:
    trouble = Failure(f"the host said {PASSWORD}", name="no")
    result = run(plugin(specification=Specification({}), refusal=trouble))
    assert PASSWORD not in repr(result)
    assert "the host said ********" in result["msg"]


# -- what is refused before anything is sent


def refused(name: str, transport: Transport | None = None, **how: t.Any) -> str:
    transport = transport or Transport()
    how.setdefault("using", connection(over=transport))
    result = run(host_info.ActionModule, how.pop("args", {}), **how)
    assert result["failed"] is True and result["changed"] is False
    assert result["error"]["name"] == name
    assert transport.sent == [] and transport.logged_in == 0
    return str(result["msg"])


def test_become_is_refused() -> None:
    assert "set become: false" in refused("become_not_supported", become=True)


@pytest.mark.parametrize("kind", ["local", "ssh"])
def test_another_connection_is_refused(kind: str) -> None:
    message = refused("connection_not_usable", using=connection(kind))
    assert "ansible_connection: winrm" in message and "ansible_connection: psrp" in message


def test_without_pywinrm_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winrm, "HAS_WINRM", False)
    assert "pip install 'pywinrm>=0.5.0'" in refused("library_missing")


def test_several_transports_are_refused() -> None:
    using = connection(over=Transport())
    using.set_option("transport", ["kerberos", "ntlm"])
    message = refused("several_transports", using=using)
    assert "kerberos, ntlm" in message and "name exactly one" in message


@pytest.mark.parametrize("seconds", [0, -5, 3601])
def test_an_impossible_time_out_is_refused(seconds: int) -> None:
    message = refused("bad_option", args={"operation_timeout": seconds})
    assert "operation_timeout must be between 1 and 3600" in message


@pytest.mark.parametrize(
    "query", ["system.", "nonsense(@)", "system.services[?nonsense(@)]", "a | [", "length(`1`, nonsense(@))"]
)
def test_a_query_that_cannot_be_right_is_refused_before_the_host_is_asked(query: str) -> None:
    assert "query is no valid JMESPath expression" in refused("bad_query", args={"query": query})


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    assert "port must be between 1 and 65535" in refused("bad_option", args={"port": port})
    result = run(host.ActionModule, {"port": port})
    assert result["error"]["name"] == "bad_option" and "port must be between" in result["msg"]


@pytest.mark.parametrize(
    ("args", "name"),
    [
        ({"product_key": "hunter2"}, "key_malformed"),
        ({"product_key": "FJ82H-XT6CR-J8D7P-XQJJ2-GPDD4"}, "key_is_setup_key"),
        ({"firewall": "open"}, "remote_addresses_missing"),
        ({"firewall": "open", "firewall_remote_addresses": ["any", "10.0.0.0/8"]}, "bad_option"),
        ({"self_publishing": True, "publish": [{"zone": "corp.example", "server": "dc1"}]}, "two_publishers"),
        ({"self_publishing_domains": ["a.b"], "publish": [{"zone": "a.b", "server": "dc1"}]}, "two_publishers"),
        ({"activation_interval": 5}, "bad_option"),
        ({"serve": ["windows_7"], "packages": "no-such-folder"}, "packages_folder_missing"),
        ({"serve": ["windows_7"], "catalogue_overrides": {"kms_9": {}}}, "bad_override"),
        ({"serve": ["windows_10"], "accepted_updates": ["the rollup of May"]}, "bad_option"),
    ],
)
def test_wishes_of_a_whole_host_that_are_refused_before_it_is_asked(args: dict[str, t.Any], name: str) -> None:
    transport = Transport()
    result = run(host.ActionModule, args, using=connection(over=transport))
    assert (result["failed"], result["error"]["name"]) == (True, name)
    assert transport.sent == [] and transport.logged_in == 0
    assert "hunter2" not in repr(result)


def test_async_is_refused_in_the_words_of_ansible() -> None:
    with pytest.raises(AnsibleActionFail, match="async"):
        run(plugin(), async_val=10)


def test_a_delegated_task_speaks_of_the_delegate() -> None:
    result = run(plugin(refusal=Refusal("impossible", name="no")), delegate_to="other")
    assert result["msg"] == "other: impossible"


# -- a whole module over a small host


def small_host() -> SmallWindows:
    """A Server 2003 whose firewall is on."""
    world = SmallWindows()
    world.classes["Win32_OperatingSystem"] = [
        {
            "BuildNumber": "3790",
            "Caption": "Server 2003",
            "LastBootUpTime": "2026-03-01T06:00:00Z",
            "LocalDateTime": "2026-03-01T08:00:00Z",
            "OSLanguage": 1033,
            "ProductType": 3,
            "ServicePackMajorVersion": 2,
            "Version": "5.2.3790",
            "WindowsDirectory": r"C:\WINDOWS",
        }
    ]
    world.classes["Win32_ComputerSystem"] = [{"DNSHostName": "KMS01", "SystemType": "X86-based PC"}]
    world.classes["Win32_Service"] = [{"Name": "SharedAccess", "State": "Running", "StartMode": "Auto"}]
    world.classes["Win32_QuickFixEngineering"] = []
    for profile in ("Domain", "Standard"):
        world.set(f"{POLICY}\\{profile}Profile", "EnableFirewall", 1)

    def open_it(line: str) -> int:
        for profile in ("Domain", "Standard"):
            entry = f"1688:TCP:10.0.0.0/255.0.0.0:Enabled:{OUR_NAME}"
            world.set(f"{POLICY}\\{profile}Profile\\GloballyOpenPorts\\List", "1688:TCP", entry)
        return 0

    world.programs.append(("^netsh firewall set portopening .* profile=ALL$", open_it))
    return world


POLICY = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
OPEN = {"state": "open", "remote_addresses": ["10.0.0.0/8"]}


def test_a_port_is_opened_once() -> None:
    windows = small_host()
    using = connection(over=Transport(windows))
    foretold = run(host_firewall.ActionModule, OPEN, using=using, check_mode=True)
    assert windows.deeds == []
    opened = plain(run(host_firewall.ActionModule, OPEN, using=using))
    assert foretold["plan"] == opened["plan"] and opened["changed"] is True
    assert [one["scope"] for one in opened["observed"]["firewall"]["rules"]] == [["10.0.0.0/8"]] * 2
    windows.deeds.clear()
    assert run(host_firewall.ActionModule, OPEN, using=using)["changed"] is False
    assert windows.deeds == []


WANTED = {"port": 1689, "low_priority": True, "self_publishing_domains": ["lab.example"], "renewal_interval": 1440}


@pytest.mark.parametrize("is_host", [False, True])
def test_settings_are_set_once(is_host: bool) -> None:
    windows = licensing_host("5.2.3790", is_host)
    using = connection(over=Transport(windows))
    foretold = run(host_settings.ActionModule, WANTED, using=using, check_mode=True, diff=True)
    assert windows.deeds == []
    done = plain(run(host_settings.ActionModule, WANTED, using=using, diff=True))
    assert foretold["plan"] == done["plan"] and foretold["diff"] == done["diff"]
    assert done["changed"] is True and [step["id"] for step in done["plan"]] == ["host_settings.apply"]
    assert done["diff"][0]["after"] == (
        "port: 1689\nself_publishing_domains: corp.example; lab.example\nlow_priority: true\nrenewal_interval: 1440\n"
    )
    seen = done["observed"]["licensing"]
    assert {name: seen[name] for name in WANTED} == {
        **WANTED,
        "self_publishing_domains": ["corp.example", "lab.example"],
    }
    windows.deeds.clear()
    assert run(host_settings.ActionModule, WANTED, using=using)["changed"] is False
    assert windows.deeds == []


def test_settings_of_a_host_without_a_licensing_service_are_refused() -> None:
    result = run(host_settings.ActionModule, WANTED, using=connection(over=Transport(small_host())))
    assert (result["failed"], result["changed"], result["error"]["name"]) == (True, False, "no_licensing_service")


def licensing_host(version: str, is_host: bool) -> LicensingHost:
    """The small host with a licensing service."""
    windows = LicensingHost(version, host=is_host)
    for name, rows in small_host().classes.items():
        windows.classes.setdefault(name, rows)
    windows.set(TCPIP, "Domain", "Corp.Example")
    return windows


def later_host() -> Firewalled:
    """A Server 2022 whose firewall is on."""
    world = Firewalled("10.0.20348", WHOLE)
    (row,) = t.cast("list[dict[str, t.Any]]", small_host().classes["Win32_OperatingSystem"])
    world.classes |= small_host().classes
    world.classes["Win32_OperatingSystem"] = [{**row, "BuildNumber": "20348", "Version": "10.0.20348"}]
    world.classes["Win32_Service"] = [{"Name": "MpsSvc", "StartMode": "Auto", "State": "Running"}]
    return world


def test_a_port_is_opened_on_a_later_windows_and_closed_as_it_was() -> None:
    windows = later_host()
    using = connection(over=Transport(windows))
    wish = {**OPEN, "remote_addresses": ["10.0.0.0/8", "2001:db8::/32"]}
    opened = plain(run(host_firewall.ActionModule, wish, using=using))
    assert opened["changed"] is True and opened.get("failed") is not True
    assert windows.open_for("public") == {"10.0.0.0/255.0.0.0", "2001:db8::/32"}
    assert opened["observed"]["record"]["former_firewall"]["SPPSVC-In-TCP"] == {"enabled": False, "scope": ["any"]}
    assert run(host_firewall.ActionModule, wish, using=using)["changed"] is False
    closed = plain(run(host_firewall.ActionModule, {"state": "closed"}, using=using))
    assert closed["changed"] is True and windows.open_for("public") == set()
    assert "former_firewall" not in closed["observed"]["record"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("system.release", "server_2003"),
        ("firewall.profiles[].name", ["domain", "standard"]),
        ("length(firewall.profiles)", 2),
        ("nothing.here", None),
    ],
)
def test_a_query_over_what_is_observed(query: str, found: t.Any) -> None:
    result = plain(run(host_info.ActionModule, {"query": query}, using=connection(over=Transport(small_host()))))
    assert result["query_result"] == found
    assert result["changed"] is False and result["plan"] == []


@pytest.mark.parametrize("query", ["length(system.build)", "sort(system)", "starts_with(`1`, 'a')"])
def test_a_query_that_does_not_fit_what_is_observed_is_a_sentence(query: str) -> None:
    result = run(host_info.ActionModule, {"query": query}, using=connection(over=Transport(small_host())))
    assert (result["failed"], result["error"]["name"]) == (True, "bad_query")


def restarting_host() -> SmallWindows:
    """A domain controller with somebody logged on, which can be restarted."""
    windows = small_host()
    boots = ["2026-03-01T06:00:00Z"]
    (row,) = t.cast("list[dict[str, t.Any]]", windows.classes["Win32_OperatingSystem"])
    windows.classes["Win32_OperatingSystem"] = lambda: [{**row, "ProductType": 2, "LastBootUpTime": boots[-1]}]
    windows.classes["Win32_Service"] = [{"Name": "WinRM", "State": "Running", "StartMode": "Auto"}]
    windows.classes["Win32_LogonSession"] = [{"LogonId": "1", "LogonType": 10}]
    windows.methods["Win32_OperatingSystem.Win32Shutdown"] = moving(boots, "2026-03-01T08:05:00Z")
    return windows


MET = {"winrm_start_mode": "Auto", "sessions": 1, "cluster": False, "domain_controller": True, "pending": []}


@pytest.mark.parametrize("check", [True, False])
def test_what_a_restart_meets_is_told_before_and_after_it(check: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ControllerWorld, "sleep", lambda world, seconds: None)
    windows = restarting_host()
    using = connection(over=Transport(windows))
    result = plain(run(host_reboot.ActionModule, {"if_pending": False}, using=using, check_mode=check))
    assert [step["id"] for step in result["plan"]] == ["host_reboot.restart"]
    assert bool(windows.deeds) is not check and result["changed"] is True
    assert result["observed"]["restart_care"] == MET
    said = " ".join(result["warnings"])
    assert "1 interactive log-on session" in said and "domain controller" in said


def test_where_nothing_is_to_be_restarted_nobody_asks_what_it_would_meet() -> None:
    windows = restarting_host()
    result = plain(run(host_reboot.ActionModule, {}, using=connection(over=Transport(windows))))
    assert result["changed"] is False and result["warnings"] == []
    assert "restart_care" not in result["observed"]
    assert "query Win32_LogonSession" not in windows.asked


def test_somebody_who_looks_at_a_host_sees_what_a_restart_would_meet_and_what_its_count_means() -> None:
    result = plain(run(host_info.ActionModule, {}, using=connection(over=Transport(restarting_host()))))
    assert result["observed"]["restart_care"] == MET
    assert result["warnings"] == [] and result["notices"] == []


def test_a_refused_login_is_unreachable() -> None:
    transport = Transport(small_host())
    transport.logins = [InvalidCredentialsError("rejected")] * 3
    result = run(host_info.ActionModule, using=connection(over=transport))
    assert result["unreachable"] is True and "failed" not in result
    assert result["error"]["name"] == "login_refused"
    assert "ansible_password" in result["msg"] and PASSWORD not in repr(result)
