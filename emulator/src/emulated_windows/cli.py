# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `emulated-windows`.

Knows its arguments, what it prints and its exit codes: 0, 1 with a sentence where the emulated Microsoft refuses, and
2 with one for every mistake. Refuses to know how anything is done; what only serving needs is imported there, so that
`show` and `fault` cost little.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .control import ask, trusted_certificate
from .faults import KINDS
from .packages import ARCHITECTURES, LANGUAGES, NOTICE, UPDATES, catalogue, write_packages
from .section import EstateError

_DESCRIPTION = (
    "Emulated Windows: machines that speak WinRM on loopback, to try KMS host administration on. "
    "It answers no activation request."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except EstateError as error:
        print(f"emulated-windows: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; Python would complain at exit
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emulated-windows", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"emulated-windows {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    serving = commands.add_parser("serve", help="serve an estate until SIGTERM or SIGINT")
    serving.add_argument("estate", type=Path, metavar="ESTATE.yml")
    serving.add_argument("--journal", type=Path, metavar="FILE", help="append one JSON line an HTTP exchange")
    serving.add_argument("--ready-file", type=Path, metavar="FILE", help="exists while everything listens")
    serving.set_defaults(run=_serve)
    inventory = commands.add_parser("inventory", help="print an Ansible inventory of an estate")
    inventory.add_argument("estate", type=Path, metavar="ESTATE.yml")
    inventory.set_defaults(run=_inventory)
    trust = commands.add_parser("ca", help="print the file with what a client has to trust for HTTPS, while serving")
    trust.add_argument("estate", type=Path, metavar="ESTATE.yml")
    trust.set_defaults(run=_trust)
    show = commands.add_parser("show", help="print the state of a machine (or all) of a running estate as JSON")
    show.add_argument("estate", type=Path, metavar="ESTATE.yml")
    show.add_argument("host", nargs="?", metavar="HOST")
    show.add_argument("--dns", action="store_true", help="print the zone of the embedded DNS server instead")
    show.set_defaults(run=_show)
    fault = commands.add_parser("fault", help="make something go wrong on a machine of a running estate")
    fault.add_argument("--list", action=_FaultList, nargs=0, help="print the kinds there are, and exit")
    fault.add_argument("estate", type=Path, metavar="ESTATE.yml")
    fault.add_argument("host", metavar="HOST")
    fault.add_argument("kind", metavar="KIND", help="drop, drop-answer, stale, quota, slow-boot ...: see --list")
    fault.add_argument("args", nargs="*", metavar="ARGS")
    fault.set_defaults(run=_fault)
    confirm = commands.add_parser("confirm", help="get the confirmation ID for an installation ID, as by telephone")
    confirm.add_argument("estate", type=Path, metavar="ESTATE.yml")
    confirm.add_argument(
        "installation_id", nargs="+", metavar="INSTALLATION_ID", help="blanks and dashes do not matter"
    )
    confirm.set_defaults(run=_confirm)
    _add_packages(commands)
    personas = commands.add_parser("personas", help="print what there is to emulate, and how sure it is")
    personas.set_defaults(run=_personas)
    return parser


class _FaultList(argparse.Action):
    """Works without the other arguments, as --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_unused: Any) -> None:
        width = max(map(len, KINDS))
        for kind, meaning in KINDS.items():
            print(f"{kind:{width}}  {meaning}")
        parser.exit()


def _add_packages(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    packages = commands.add_parser("packages", help="write empty stand-ins for the KMS update installers")
    packages.add_argument("folder", type=Path, metavar="DIR")
    packages.add_argument("--pad", type=_megabytes, default=0, metavar="MEGABYTES", help="make each file larger")
    packages.add_argument("--language", default="ENU", type=str.upper, choices=sorted(LANGUAGES))
    packages.add_argument("--architecture", choices=ARCHITECTURES, help="only this one; otherwise both")
    packages.add_argument(
        "--update", "--only", action="append", choices=UPDATES, help="only this update (may be repeated)"
    )
    packages.add_argument("--unknown-engine", action="store_true", help="installers nobody can recognise")
    packages.set_defaults(run=_packages)


def _megabytes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 1024:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of megabytes from 0 to 1024")
    return int(text)


def _serve(options: argparse.Namespace) -> int:
    from .estate import load_estate
    from .server import serve

    estate = load_estate(options.estate)
    asyncio.run(serve(estate, options.journal, options.ready_file))
    return 0


def _inventory(options: argparse.Namespace) -> int:
    from .estate import load_estate
    from .inventory import inventory_text

    print(inventory_text(load_estate(options.estate)), end="")
    return 0


def _trust(options: argparse.Namespace) -> int:
    file = trusted_certificate(options.estate)
    if not file.is_file():
        raise EstateError(f"no machine of {options.estate} is being served over HTTPS now.")
    print(file)
    return 0


def _show(options: argparse.Namespace) -> int:
    if options.dns and options.host:
        raise EstateError("show takes a HOST or --dns, not both.")
    if options.dns:
        found = ask(options.estate, {"command": "dns"})
        print(found["zone"], end="")
        for name, count in sorted(found["counters"].items()):
            print(f"; {name} {count}")
    else:
        found = ask(options.estate, {"command": "show", "host": options.host})
        print(json.dumps(found, indent=2, sort_keys=True))
    return 0


def _fault(options: argparse.Namespace) -> int:
    ask(options.estate, {"command": "fault", "host": options.host, "kind": options.kind, "args": options.args})
    return 0


def _confirm(options: argparse.Namespace) -> int:
    said = " ".join(options.installation_id)
    if not re.fullmatch(r"[0-9\s-]*[0-9][0-9\s-]*", said):
        raise EstateError("an installation ID is made of digits, with blanks or dashes between them.")
    answer = ask(options.estate, {"command": "confirm", "installation_id": said})
    if "refused" in answer:
        print(f"emulated-windows: {answer['refused']}", file=sys.stderr)
        return 1
    print(" ".join(answer["groups"]))
    return 0


def _packages(options: argparse.Namespace) -> int:
    engine = "unknown" if options.unknown_engine else "update.exe"
    architectures = [options.architecture] if options.architecture else ARCHITECTURES
    wanted = catalogue(options.language, engine, options.update or UPDATES, architectures)
    print(f"# {NOTICE} Each of these files:", flush=True)
    try:
        for path, digest in write_packages(options.folder, wanted, options.pad << 20):
            print(f"{digest}  {path.as_posix()}")
    except OSError as error:
        raise EstateError(f"{error.filename or options.folder} cannot be written: {error.strerror}.") from None
    return 0


def _personas(options: argparse.Namespace) -> int:
    from .persona_table import table_text

    print(table_text(), end="")
    return 0
