# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One variable, as every host of the play would see it in this very task.

Internal to the collection activation.kms; not a public interface.

What Ansible offers for that, `hostvars`, knows the inventory, facts and extra variables, but neither the variables of
the play nor those given to a role. What a task sees comes from Ansible's variable manager, asked with play, host and
task. A task knows its manager and its play (`get_variable_manager`, `get_play`), the manager its inventory
(`_inventory`); none of it is promised to plugins. It is the same in ansible-core 2.16 to 2.21, which a test looks at on
each of them. Where it is not, `hostvars` has to do, and `complete` says so.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleUndefinedVariable

from .._errors import Refusal

Variables = t.Mapping[str, t.Any]

_NO_TEXT = (type(None), int, float, list, tuple, t.Mapping)


def judge_names(options: Variables, *names: str) -> None:
    """Refuse options that name a variable and hold something else, its value for instance. Raises Refusal."""
    for name in names:
        if not options[name].isidentifier():
            raise Refusal(f"{name} must be the name of a variable, not its value", name="bad_option")


class PlayVariable:
    """A variable of the hosts of the play.

    Attributes:
        complete: False once `hostvars` had to do; variables of plays and roles were not seen then.
    """

    def __init__(self, name: str, task: t.Any, templar: t.Any) -> None:
        self._name = name
        self._task = task
        self._templar = templar
        self._known: Variables = templar.available_variables
        self.complete = True

    def hosts(self) -> list[str]:
        """All hosts of the play in the order of the inventory, those of other batches and those that failed too."""
        return [str(host) for host in self._known["ansible_play_hosts_all"]]

    def text(self, host: str) -> str:
        """The value a host sees; "" where it is undefined, omitted, or no text. It may be secret. Raises Refusal."""
        value = self.value(host)
        return "" if isinstance(value, _NO_TEXT) else str(value)

    def value(self, host: str) -> t.Any:
        """The value a host sees, of whatever type; None where it is undefined or omitted. It may hold secrets.

        Raises:
            Refusal: the value cannot be evaluated. No value is in the message, nor what Ansible said of it.
        """
        try:
            value = self._value(host)
            return None if value == self._known.get("omit") else value
        except AnsibleUndefinedVariable:
            return None
        except Exception as error:  # whatever a template, a lookup or a vault comes up with
            raise Refusal(
                f"the variable {self._name} of {host} cannot be evaluated ({type(error).__name__}), so it cannot be "
                "told what it holds; mend its template, lookup or vault password",
                name="variable_unreadable",
                advice="Mend the variable, or take the host out of the play.",
            ) from None

    def _value(self, host: str) -> t.Any:
        seen = self._seen_by_task(host) if self.complete else None
        if seen is None:
            self.complete = False
            return self._known["hostvars"][host].get(self._name)
        if self._name not in seen:
            return None
        templar = self._templar.copy_with_new_env(available_variables=seen)
        # In a dictionary, since ansible-core 2.19 raises when a value comes to `omit`, but drops it from a dictionary.
        return templar.template({"value": seen[self._name]}).get("value")

    def _seen_by_task(self, host: str) -> Variables | None:
        """All variables this task has on a host, or None where this ansible-core does not tell."""
        try:
            manager = self._task.get_variable_manager()
            found: Variables = manager.get_vars(
                play=self._task.get_play(), host=manager._inventory.get_host(host), task=self._task
            )
        except (AttributeError, TypeError):
            return None
        return found
