# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects a handful of each kind of fault on the wire and prints the table: injected, survived, activations spent.

    faults.py --handful 5
    faults.py --only quota --only "killed in a copy"

Exit code 1 when a host did not survive, an activation was spent twice, or a fault was not met.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from report import aligned
from wire_faults import KINDS, Told, cases, inject, table


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Inject faults on the wire and tell what became of the hosts.")
    parser.add_argument("--handful", type=int, default=5, help="hosts of each kind")
    parser.add_argument("--only", action="append", choices=KINDS, help="this kind only")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="activation-kms-faults-") as name:
        told = inject(Path(name), cases(options.handful, options.only or KINDS))
    print(f"ansible-core {version('ansible-core')}, pywinrm {version('pywinrm')}")
    print("\n".join(aligned(table(told))))
    bad = [one for one in told if not _fine(one)]
    for one in bad:
        print(f"{one.case.host}, {one.case.persona}, {' '.join(one.case.fault) or one.case.kind}: {_what(one)}")
    return 1 if bad else 0


def _fine(one: Told) -> bool:
    return one.met and one.survived and one.spent == 1


def _what(one: Told) -> str:
    return one.why or ("the fault was not met" if not one.met else f"{one.spent} activations spent")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
