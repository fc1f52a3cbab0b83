# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for what must not be in the repository, by name and by text; says where, and fails.

Ignore files for ansible-test, symbolic links, names of one machine's folders, what editors and merges leave.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from build_tree import ROOT, checkout_files

FORBIDDEN_NAMES = {
    "ignore file for ansible-test": re.compile(r"^tests/sanity/ignore|(^|/)\.ansible-lint-ignore$"),
    "left by an editor or a merge": re.compile(r"\.(orig|rej|bak)$|~$"),
}
FORBIDDEN_TEXTS = {
    # root/cimv2 and its like are WMI namespaces.
    "folder of one machine": re.compile(rb"(?<![\w.])/(root/(?!cimv2|default|standardcimv2)|home/[a-z]\w*/)", re.I),
    "conflict marker": re.compile(rb"^(<{7} |>{7} )", re.MULTILINE),
}
TEXTS_NOT_OURS = ("COPYING", "LICENSES/")


def main() -> int:
    findings = [finding for name in checkout_files() for finding in (*by_name(name), *by_text(name))]
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    return 1 if findings else 0


def by_name(name: str) -> Iterator[str]:
    if (ROOT / name).is_symlink():
        yield f"{name}: symbolic link (sanity and Windows checkouts stumble over it)"
    for subject, pattern in FORBIDDEN_NAMES.items():
        if pattern.search(name):
            yield f"{name}: {subject}"


def by_text(name: str) -> Iterator[str]:
    if name.startswith(TEXTS_NOT_OURS):
        return
    content = (ROOT / name).read_bytes()
    for subject, pattern in FORBIDDEN_TEXTS.items():
        for match in pattern.finditer(content):
            line = content.count(b"\n", 0, match.start()) + 1
            yield f"{name}:{line}: {subject}: {match.group().decode()}"


if __name__ == "__main__":
    sys.exit(main())
