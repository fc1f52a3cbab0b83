# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the gate, as a table at the end of this file, and the jobs each consists of.

Knows what is checked, on which ansible-core, and where. How a job is run is jobs.py's business, what an environment
holds is that of environments.py, what is printed that of gate.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from build_tree import BUILD, COLLECTIONS, ROOT, TREE
from environments import CORES, Environment, covered
from jobs import Job

TOOLS = "tests/tools"
PYTEST = ("python", "-m", "pytest", "-p", "no:cacheprovider", "--color=no")


def python(script: str, *arguments: str) -> tuple[str, ...]:
    """A script of ours, run by the job's own interpreter."""
    return ("python", str(ROOT / script), *arguments)


def older_cores() -> list[Environment]:
    """The cores every machine must have the Python for."""
    return [core for core in CORES if core.required]


def covered_cores() -> list[Environment]:
    """All cores this machine has the Python for, the newest last."""
    return [core for core in CORES if covered(core)]


def system() -> list[Job]:
    return [Job("system packages", ("sh", f"{TOOLS}/system_packages.sh"))]


def lint() -> list[Job]:
    return [
        Job("ruff check", ("ruff", "check", "."), "dev"),
        Job("ruff format", ("ruff", "format", "--check", "--diff", "."), "dev"),
        Job("yamllint", ("yamllint", "--strict", "."), "dev"),
        Job("ansible-lint", ("ansible-lint", "--strict", "--profile", "production", "--nocolor"), "dev"),
        Job("changelog", ("antsibull-changelog", "lint"), "dev"),
        Job("licences", ("reuse", "lint", "--lines"), "dev"),
        Job("tree", python(f"{TOOLS}/check_tree.py"), "dev"),
        Job("layout", (*PYTEST, "tests/layout"), "dev"),
    ]


def types() -> list[Job]:
    mypy = ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir")
    plugins = TREE.relative_to(COLLECTIONS) / "plugins"
    kinds = [str(plugins / kind) for kind in ("plugin_utils", "action", "inventory", "lookup")]
    return [
        Job(
            "types of the plugins",
            (*mypy, str(BUILD / "mypy-plugins"), *kinds),
            "dev",
            directory=COLLECTIONS,
        ),
        Job(
            "types of the emulated Windows",
            (*mypy, str(BUILD / "mypy-emulator"), "emulated_windows"),
            "dev",
            directory=ROOT / "emulator" / "src",
        ),
        Job("types of the tools", (*mypy, str(BUILD / "mypy-tools"), "."), "dev", directory=ROOT / TOOLS),
    ]


def sanity() -> list[Job]:
    return [
        Job(f"sanity on {core.name}", python(f"{TOOLS}/sanity.py"), core.name, minutes=15) for core in covered_cores()
    ]


def unit() -> list[Job]:
    main, oldest, newest = older_cores()[-1], CORES[0], covered_cores()[-1]
    cores = {core.name: core for core in (main, oldest, newest)}
    return [
        *(Job(f"unit on {name}", (*PYTEST, "tests/unit"), name) for name in cores),
        Job("emulated Windows", (*PYTEST, "tests/emulator"), main.name),
    ]


def simulation() -> list[Job]:
    return [Job("simulation", (*PYTEST, "tests/simulation"), older_cores()[-1].name, minutes=30, shown=True)]


def integration() -> list[Job]:
    """Everything on the newest of the older cores; on the others what depends on the core."""
    main = older_cores()[-1]
    others = [core for core in covered_cores() if core is not main]
    every = (*PYTEST, "tests/integration")
    return [
        Job(f"integration on {main.name}", every, main.name),
        *(Job(f"integration on {core.name}", (*every, "-m", "not once"), core.name) for core in others),
    ]


def molecule() -> list[Job]:
    """`default` on every core, the other scenarios on the newest; each with loopback addresses of its own."""
    *others, newest = covered_cores()
    scenarios = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
    pairs = [*((scenario, newest) for scenario in scenarios), *(("default", core) for core in others)]
    return [molecule_job(scenario, core, f"127.0.{31 + number}") for number, (scenario, core) in enumerate(pairs)]


def molecule_job(scenario: str, core: Environment, network: str) -> Job:
    folder = str(BUILD / "molecule" / f"{scenario}-{core.name}")
    command = python(f"{TOOLS}/run_molecule.py", scenario, folder)
    return Job(f"molecule {scenario} on {core.name}", command, core.name, {"KMS_LOOPBACK": network})


def docs() -> list[Job]:
    """Documentation without a flaw, and pages from it; antsibull-docs wants their folder to be there and private."""
    (BUILD / "docs").mkdir(mode=0o700, parents=True, exist_ok=True)
    check = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", ".")
    render = ("antsibull-docs", "collection", "--use-current", "--fail-on-error", "--dest-dir", str(BUILD / "docs"))
    variables = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
    return [
        Job("documentation", check, "dev", directory=TREE),
        Job("rendered documentation", (*render, "activation.kms"), "dev", variables),
    ]


def demo() -> list[Job]:
    return [Job("demo", python("demo/run.py"), "demo", shown=True)]


def simulate() -> list[Job]:
    """The long run; KMS_SIMULATION_SEEDS says how long. KMS_SIMULATION_SEED replays one seed."""
    for name in ("SEED", "SEEDS", "FIRST"):
        given = os.environ.get(f"KMS_SIMULATION_{name}", "")
        if given and not given.isdecimal():
            raise SystemExit(f"{name} is a whole number, not {given!r}: make simulate {name}=17")
    seed = os.environ.get("KMS_SIMULATION_SEED")
    what, variables = ("tests/simulation",), {}
    if seed:
        what, variables = (
            ("tests/simulation/test_rollouts.py",),
            {"KMS_SIMULATION_FIRST": seed, "KMS_SIMULATION_SEEDS": "1"},
        )
    return [Job("long simulation", (*PYTEST, *what), older_cores()[-1].name, variables, minutes=600, shown=True)]


def bench() -> list[Job]:
    """All of it; KMS_BENCH_ONLY names a part. It uses servers and helpers of the tests, and the collection itself."""
    variables = {"PYTHONPATH": _beside_tests()}
    only = os.environ.get("KMS_BENCH_ONLY")
    script = python("tests/benchmarks/run.py", *(("--only", only) if only else ()))
    return [Job("benchmarks", script, older_cores()[-1].name, variables, minutes=120, shown=True)]


def faults() -> list[Job]:
    """The table of faults on the wire."""
    variables = {"PYTHONPATH": _beside_tests(), "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)}
    script = python("tests/benchmarks/faults.py")
    return [Job("faults on the wire", script, older_cores()[-1].name, variables, minutes=60, shown=True)]


def _beside_tests() -> str:
    """Where servers and helpers of the tests are found, and the collection."""
    return os.pathsep.join(map(str, (ROOT / TOOLS, ROOT / "tests" / "integration", COLLECTIONS)))


@dataclass(frozen=True)
class Part:
    """A part of the gate.

    Attributes:
        name: how it is asked for.
        heading: what is printed above its jobs.
        jobs: makes them.
        alone: starts when everything before it has ended, and is waited for.
        usual: belongs to `make test`.
    """

    name: str
    heading: str
    jobs: Callable[[], list[Job]]
    alone: bool = False
    usual: bool = True


PARTS = (
    Part("system", "System packages", system, alone=True),
    Part("lint", "Style, licences, layout", lint),
    Part("types", "Types", types),
    Part("sanity", "ansible-test sanity on the artifact", sanity),
    Part("unit", "Unit tests", unit),
    Part("simulation", "Simulated rollouts", simulation),
    Part("integration", "Real servers", integration),
    Part("molecule", "Molecule scenarios", molecule),
    Part("docs", "Documentation", docs),
    Part("demo", "Demonstration", demo, alone=True),
    Part("simulate", "Simulated rollouts, the long run", simulate, usual=False),
    Part("bench", "Benchmarks", bench, alone=True, usual=False),
    Part("faults", "Faults on the wire", faults, alone=True, usual=False),
)
