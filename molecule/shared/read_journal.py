# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts what a journal of emulated Windows holds, for tasks/look.yml: with fifty hosts templates are too slow for it.

read_journal.py JOURNAL      prints JSON: exchanges and mutations (numbers), activate and deposit (hosts, in order)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

SPENDING = {"activate": "Activate", "deposit": "DepositOfflineConfirmationId"}


def main(arguments: Sequence[str]) -> int:
    entries = [json.loads(line) for line in Path(arguments[0]).read_text(encoding="utf-8").splitlines()]
    told = {name: [one["host"] for one in entries if one["method"] == method] for name, method in SPENDING.items()}
    counted = {"exchanges": len(entries), "mutations": sum(one["mutation"] for one in entries)}
    sys.stdout.write(json.dumps({**counted, **told}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
