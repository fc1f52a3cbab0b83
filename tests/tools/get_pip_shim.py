# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for get-pip.py, which `ansible-test --venv` would download from a host that many networks do not reach.

Does what is asked of the original: pip, in the wanted version, in the environment that runs this file. pip itself
comes with Python (ensurepip); the wanted version comes from wherever this machine's pip is set up to look.
"""

from __future__ import annotations

import subprocess
import sys

if __name__ == "__main__":
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    subprocess.check_call([sys.executable, "-m", "ensurepip"])
    if wanted:
        subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "--retries", "5", *wanted])
