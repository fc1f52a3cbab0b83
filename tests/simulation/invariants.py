# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every run, whatever is drawn, and what of a machine and a zone a rollout may touch at all.

Knows runs and the whole of a machine. Refuses to know what was wished, but for the names that stand in the lists.
"""

from __future__ import annotations

import typing as t

from rollout import Run
from simulated import Exchange, Surroundings
from whole import Whole, touched, unexpected, whole

from ansible_collections.activation.kms.plugins.plugin_utils._windows.licensing.part import Licensing

DEFECTS = ("unexpected", "no_end", "plan_does_not_settle")
"""Names of errors with which the collection accuses itself."""
_CLOSING, _CLOSED_SO_OFTEN = b"/transfer/Delete", 2
_RESTS = {"host_settings.apply": "host_settings.hold"}
"""What is left of a step when a fault met it: the values that were not written yet, and the service's restart."""
_BEHIND_A_STOPPED_SERVICE = {"host.drain", "host_key.remove"}
"""What nobody can foresee where a run was cut off before it started the licensing service again."""
_LICENSING = r"registry(\\software|\\software\\wow6432node)\\microsoft\\windows nt\\currentversion"
_SERVICE = rf"{_LICENSING}\\(sl|softwareprotectionplatform)"
_FIREWALL = r"registry\\system\\currentcontrolset\\services\\sharedaccess\\parameters\\firewallpolicy"
BY_ITSELF = (r"service\\(sppsvc|slsvc)",)
"""A service that starts when somebody asks it something."""
_OURS = (r"registry\\software\\activation\.kms(\\record)?",)
_SETTINGS = (
    *(
        "disablednspublishing",
        "keymanagementserviceversion",
        "keymanagementservicelisteningport",
        "enablekmslowpriority",
    ),
    *("vlactivationinterval", "vlrenewalinterval", r"activation(\\manual)?"),
)
_UPDATES = (
    r"hotfix\\(kb\d+|file 1)",
    r"file\\c:\\windows\\(kms-.*\.log|\$ntuninstall.*|logs(\\.*)?|system32\\(kms|slmgr|slsvc|sppwmi|wbem\\sppwmi).*)",
    r"registry\\software\\microsoft\\updates\\.*",
    r"registry\\software\\microsoft\\windows(\\currentversion(\\uninstall(\\kb.*)?)?)?",
    r"registry\\software\\microsoft\\windows\\currentversion\\component based servicing\\rebootpending",
    r"registry\\software\\microsoft\\windows\\currentversion\\windowsupdate\\auto update\\rebootrequired",
    r"registry\\system\\currentcontrolset\\control\\session manager\\pendingfilerenameoperations",
)
_RESTART = (r"machine\\(boot_count|logons|restart_pending)",)


def touchable(five: str, zones: t.Collection[str], *names: str, port: int = 1688) -> tuple[str, ...]:
    """What a rollout may touch: patterns. `five`: the last five of its key; `names`: what it may publish."""
    targets = "|".join(name.replace(".", r"\.") for name in names)
    published = "|".join(zone.replace(".", r"\.") for zone in zones)
    return (
        *(*BY_ITSELF, *_OURS, *_UPDATES, *_RESTART),
        rf"{_LICENSING}(\\sl|\\softwareprotectionplatform)?",
        r"registry\\software\\wow6432node(\\microsoft(\\windows nt)?)?",
        rf"{_SERVICE}\\({'|'.join(_SETTINGS)})",
        r"machine\\self_publishing",
        rf"(key|spent)\\{five}",
        rf"firewall\\{port}\\.*",
        rf"{_FIREWALL}\\.*\\globallyopenports(\\list(\\{port}:tcp)?)?",
        rf"zone\\_vlmcs\._tcp\.({published})\. \d+ \d+ \d+ ({targets})\.",
        rf"zone\\({published})\. emulated-dns\.({published})\. hostmaster.*",
    )


def check_touched(before: Whole, after: Whole, allowed: tuple[str, ...], told: str, *, port: int = 1688) -> None:
    """Nothing else has been touched. A rule of the firewall is about our port, before and after; a product key that
    went was none for a KMS host, whose place the installed one took."""
    found = touched(before, after)
    strange = [name for name in unexpected(found, *allowed) if not _harmless(name, found[name], port)]
    assert strange == [], "\n".join([told, *(f"touched: {name}: {found[name]}" for name in strange)])


def _harmless(name: str, values: tuple[t.Any, t.Any], port: int) -> bool:
    was, now = values
    if "\\firewallrules\\" in name.lower():
        return all(f"|LPort={port}|" in one[1] for one in values if one is not None)
    return name.startswith("key\\") and now is None and was[1] not in ("Volume:CSVLK", "Volume:MAK")


def check_nothing_touched(before: Whole, around: Surroundings, told: str) -> None:
    """As after a run in check mode, or a refusal."""
    check_touched(before, whole(around), BY_ITSELF, told)


def check_run(around: Surroundings, run: Run, told: str, *, alone: bool = True) -> None:
    """Converged, or a clear failure; what was done was foreseen; one activation at most was asked for.

    Args:
        alone: nobody else was at work: what another controller does nobody foresees.
    """
    sent = [one for one in around.exchanges if one.by == run.world.number]
    check_shells(around, run, sent, told)
    assert sum(one.method == "Activate" for one in sent) <= 1, told
    problem = run.problem
    if problem is not None:
        assert problem.message and problem.name not in DEFECTS, f"{told}\n{problem.name}: {problem.message}"
        assert "\n" not in problem.message.strip(), told
    if run.outcome is None:
        assert run.killed or not any(one.mutation for one in sent), told
        return
    assert problem or run.outcome.check or run.converged or run.outcome.pauses or _says_what_is_left(run), told
    if alone:
        planned = {one.step.id for one in run.outcome.plan}
        planned |= {rest for rest, begun in _RESTS.items() if begun in planned and run.world.met}
        planned |= set() if run.outcome.first[Licensing].answers else _BEHIND_A_STOPPED_SERVICE
        assert set(run.done) <= planned, f"{told}\nplanned {sorted(planned)}"


def _says_what_is_left(run: Run) -> bool:
    """Windows activated by itself between the end of the work and the last look: then there is more to do."""
    return run.outcome is not None and any(" run it again" in warning for warning in run.outcome.warnings)


def check_shells(around: Surroundings, run: Run, sent: t.Sequence[Exchange], told: str) -> None:
    """No shell of the run is open, but one whose number the controller was never told, or could not use any more.

    That is: it was killed, or the answer to the opening was lost, or that to closing it, twice. Such a one dies of its
    idle time-out.

    Args:
        sent: the run's own exchanges.
    """
    openings = [one.body for one in sent if (one.operation, one.resource) == ("shell", "create") and one.arrived]
    lost = [message for message in run.world.unanswered if _CLOSING in message]
    still = [shell.encode() for shell in around.machine.machine.open_shells()]
    known = [shell for shell in still if any(shell in body for body in openings)]
    strange = [shell for shell in known if sum(shell in message for message in lost) < _CLOSED_SO_OFTEN]
    assert run.killed or strange == [], f"{told}\nopen: {strange}"


def check_mode(around: Surroundings, foresee: t.Callable[[], Run], told: str) -> Run:
    """A run in check mode, or one that is refused, and that it has changed nothing at all."""
    before, sent = whole(around), len(around.exchanges)
    done = foresee()
    told = f"{told}\nin check mode: {done.story}"
    assert not any(one.mutation for one in around.exchanges[sent:]), told
    check_nothing_touched(before, around, told)
    check_run(around, done, told)
    return done
