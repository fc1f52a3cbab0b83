# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable as every host sees it, on an ansible-core that does not tell: hostvars do, and it is said.

What the supported cores tell is looked at in tests/integration/test_host_key_quota.py, by real plays.
"""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible.errors import AnsibleUndefinedVariable

from ansible_collections.activation.kms.plugins.action import srv_record_together
from ansible_collections.activation.kms.plugins.plugin_utils._ansible.play_variable import PlayVariable
from ansible_collections.activation.kms.plugins.plugin_utils._errors import Refusal

OMIT = "__omit_place_holder__1"


class Undefined(dict[str, t.Any]):
    """Variables of a host, one of which comes to nothing once it is asked for."""

    def get(self, key: str, default: t.Any = None) -> t.Any:
        raise AnsibleUndefinedVariable(f"{key} is undefined")


class Broken(dict[str, t.Any]):
    def get(self, key: str, default: t.Any = None) -> t.Any:
        raise ValueError("of what is not to be said")


HOSTVARS = {
    "given": {"key": "a value"},
    "none": {},
    "empty": {"key": None},
    "number": {"key": 5},
    "list": {"key": ["a value"]},
    "omitted": {"key": OMIT},
    "undefined": Undefined(),
    "broken": Broken(),
}


class Manager:
    """A variable manager of a core to come."""

    def get_vars(self, **asked: t.Any) -> t.NoReturn:
        raise TypeError("get_vars() got an unexpected keyword argument 'play'")


def variable(task: t.Any) -> PlayVariable:
    known = {"ansible_play_hosts_all": list(HOSTVARS), "hostvars": HOSTVARS, "omit": OMIT}
    return PlayVariable("key", task, types.SimpleNamespace(available_variables=known))


@pytest.mark.parametrize(
    "task",
    [
        types.SimpleNamespace(),
        types.SimpleNamespace(get_variable_manager=lambda: None, get_play=lambda: None),
        types.SimpleNamespace(
            get_play=lambda: None,
            get_variable_manager=lambda: types.SimpleNamespace(get_vars=Manager().get_vars, _inventory=None),
        ),
    ],
)
def test_where_a_task_does_not_tell_hostvars_do(task: t.Any) -> None:
    seen = variable(task)
    assert seen.complete
    assert {host: seen.text(host) for host in seen.hosts() if host != "broken"} == {
        host: "a value" if host == "given" else "" for host in HOSTVARS if host != "broken"
    }
    assert not seen.complete


def test_a_value_that_cannot_be_told_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(Refusal) as caught:
        variable(types.SimpleNamespace()).text("broken")
    assert caught.value.name == "variable_unreadable"
    assert "key of broken cannot be evaluated (ValueError)" in caught.value.message
    assert "not to be said" not in caught.value.message


def test_a_host_that_does_not_say_how_it_is_published_is_refused() -> None:
    """The host was set up with a variable that the play which publishes does not see."""
    action = srv_record_together.ActionModule.__new__(srv_record_together.ActionModule)
    ready = {"zone": "corp.example", "server": "dc1.corp.example", "server_port": 53, "port": 1688}
    with pytest.raises(Refusal, match="set it where every play sees it") as caught:
        action._wish("none", ready, variable(types.SimpleNamespace()), "key", t.cast(t.Any, None))
    assert caught.value.name == "publish_unknown"
