# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks as a user has them over winrm and over psrp: what is sent, whose connection it is, what is said then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from estate import HOST_KEY, PASSWORD, Data, Estate, host_options, one_task, serving
from ways import WAYS, described

KEYS = ("BCDFG-HJKMP-QRTVW-XY234-BBBBB", "BCDFG-HJKMP-QRTVW-XY234-BBBBC")  # one a machine that is rolled out
HOSTS = {
    "sealed": {},
    "other": {"start": "kms_1_2"},
    "plain": {"transport": "basic"},
    "tls": {"transport": "basic", "scheme": "https", "start": "kms_1_2"},
    # For whole rollouts; a machine each.
    "byntlm": {"persona": "server-2019"},
    "bybasic": {"persona": "server-2003-sp2-x86", "transport": "basic", "scheme": "https"},
}
of_each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    keys = {HOST_KEY: "server_2008_r2_c", KEYS[0]: "server_2019", KEYS[1]: "server_2008_r2_c"}
    with serving(tmp_path_factory.mktemp("tasks"), HOSTS, host_keys=keys) as running:
        yield running


def inventory_by(estate: Estate, way: str) -> Data:
    """The estate's inventory for one way, and the same hosts described wrongly."""
    tree = estate.inventory()
    hosts = tree["all"]["children"]["kms_hosts"]["hosts"]
    hosts.update({name: described(host, way) for name, host in hosts.items()})
    hosts["open_hearted"] = {**hosts["sealed"], f"ansible_{way}_message_encryption": "never"}
    hosts["stranger"] = {**hosts["sealed"], "ansible_password": "guessed"}
    hosts["off"] = {**hosts["sealed"], "ansible_host": f"{estate.network}.200"}
    return tree


@pytest.fixture(scope="module", params=WAYS)
def played(request: pytest.FixtureRequest, estate: Estate) -> tuple[Data, list[Data]]:
    """Results, and what was sent meanwhile."""
    before = len(estate.exchanges())
    plays = [
        one_task("sealed", "host_info", {}, "r_sealed"),
        one_task("plain", "host_info", {"query": "system.hostname"}, "r_plain"),
        one_task("plain", "host_info", {"query": "{{ item }}.release"}, "r_loop", loop=["system", "system", "system"]),
        one_task("plain", "host_info", {"query": "system.hostname"}, "r_delegated", delegate_to="other"),
        one_task("tls", "host_key", {"product_key": HOST_KEY}, "r_tls", check_mode=True),
        one_task("open_hearted", "host_info", {}, "r_open"),
        one_task("stranger", "host_info", {}, "r_stranger"),
        one_task("off", "host_info", {}, "r_off"),
        one_task("sealed", "host_info", {}, "r_become", become=True),
    ]
    play = estate.play(plays, inventory=inventory_by(estate, request.param))
    assert PASSWORD not in play.output
    return play.results, estate.exchanges()[before:]


def test_no_task_opens_a_shell_to_look(played: tuple[Data, list[Data]]) -> None:
    results, sent = played
    worked = ("r_sealed", "r_plain", "r_loop", "r_delegated", "r_tls")
    assert not [results[name] for name in worked if results[name].get("failed") or results[name].get("unreachable")]
    assert {entry["host"] for entry in sent} == {"sealed", "other", "plain", "tls"}
    looking = {"enumerate", "pull", "invoke", "get"}
    assert {entry["operation"] for entry in sent if not entry["auth_only"] and entry["status"] == 200} <= looking


@of_each_way
def test_a_loop_logs_in_once(estate: Estate, way: str) -> None:
    """With NTLM a login is requests of its own: a loop of three needs as many as one task."""

    def logins(*items: str) -> int:
        before = len(estate.exchanges())
        task = one_task("sealed", "host_info", {"query": "{{ item }}"}, "r_loop", loop=list(items))
        estate.play([task], inventory=inventory_by(estate, way))
        return sum(entry["auth_only"] for entry in estate.exchanges()[before:])

    assert logins("system", "record", "updates") == logins("system") > 0


def test_loop_items_have_results_of_their_own(played: tuple[Data, list[Data]]) -> None:
    assert [item["query_result"] for item in played[0]["r_loop"]["results"]] == ["server_2003"] * 3


def test_delegation_uses_the_delegates_connection(played: tuple[Data, list[Data]]) -> None:
    assert played[0]["r_plain"]["query_result"].lower() == "plain"
    assert played[0]["r_delegated"]["query_result"].lower() == "other"


def test_a_key_may_travel_in_tls(played: tuple[Data, list[Data]]) -> None:
    assert [step["id"] for step in played[0]["r_tls"]["plan"]][-2:] == ["host_key.install", "host_key.activate"]


def test_an_unsealed_message_is_refused_with_the_way_out(played: tuple[Data, list[Data]]) -> None:
    result = played[0]["r_open"]
    assert result["failed"] and not result.get("unreachable")
    assert result["error"]["name"] == "unencrypted_refused"
    assert "ansible_winrm_transport (ansible_psrp_auth)" in result["msg"]


def test_a_wrong_password_is_unreachable(played: tuple[Data, list[Data]]) -> None:
    result = played[0]["r_stranger"]
    assert result["unreachable"] and result["error"]["name"] == "login_refused"


def test_a_port_where_nobody_listens(played: tuple[Data, list[Data]]) -> None:
    result = played[0]["r_off"]
    assert result["unreachable"] and "the connection was refused" in result["msg"]


def test_become_is_refused(played: tuple[Data, list[Data]]) -> None:
    assert played[0]["r_become"]["error"]["name"] == "become_not_supported"


def test_a_library_that_is_missing_is_named(estate: Estate) -> None:
    """pypsrp is optional: who has it not can use everything else."""
    (estate.folder / "without" / "pypsrp").mkdir(parents=True)
    (estate.folder / "without" / "pypsrp" / "__init__.py").write_text("raise ImportError('not here')\n")
    environment = {"PYTHONPATH": str(estate.folder / "without")}
    task = [one_task("sealed", "host_info", {"query": "system.hostname"})]
    result = estate.play(task, inventory=inventory_by(estate, "psrp"), environment=environment).results["r_it"]
    assert result["failed"] and result["error"]["name"] == "library_missing" and "pip install pypsrp" in result["msg"]
    result = estate.play(task, inventory=inventory_by(estate, "winrm"), environment=environment).results["r_it"]
    assert result["query_result"].lower() == "sealed"


@pytest.mark.once
@pytest.mark.parametrize(
    ("host", "key", "options"),
    [
        ("byntlm", KEYS[0], {"serve": ["server_2019"], "key_group": "server_2019"}),
        ("bybasic", KEYS[1], {}),
    ],
)
def test_a_whole_rollout_over_psrp(estate: Estate, host: str, key: str, options: Data) -> None:
    wish = host_options(estate.packages(), product_key=key, **options)
    task = [one_task(host, "host", wish)]
    first = estate.play(task, inventory=inventory_by(estate, "psrp")).results["r_it"]
    assert first["changed"] and not first.get("failed"), first.get("msg")
    state = estate.show(host)
    assert state["activations_spent"] == {key[-5:]: 1} and "1688" in str(state["open_ports"])
    assert (state["shells_open"], state["files_left"]) == (0, [])
    second = estate.play(task, inventory=inventory_by(estate, "psrp")).results["r_it"]
    assert not second["changed"] and not second.get("failed"), second.get("msg")
