# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets every test import `ansible_collections.activation.kms` and load its plugins by name.

The checkout is copied to where Ansible expects a collection (tests/tools/build_tree.py), each time pytest starts, and
ansible-core's own finder is pointed there; so are the ansible commands that tests start. Knows nothing of any test.
"""

from __future__ import annotations

import os

from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig
from build_tree import refresh
from hypothesis import settings

# A slow machine is no defect.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

COLLECTIONS = str(refresh().parents[2])
# For the ansible commands that tests start.
os.environ["ANSIBLE_COLLECTIONS_PATH"] = COLLECTIONS

if AnsibleCollectionConfig.collection_finder is None:
    init_plugin_loader([COLLECTIONS])
