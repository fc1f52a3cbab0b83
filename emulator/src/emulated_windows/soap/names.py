# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces, actions and resource URIs of WS-Management (DSP0226, MS-WSMV). Knows names and nothing else."""

from __future__ import annotations

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
BINDING = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
CIM_SCHEMA = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
CONFIG = "http://schemas.microsoft.com/wbem/wsman/1/config"

ANONYMOUS = f"{ADDRESSING}/role/anonymous"
WSMAN_FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT_ACTION = f"{ADDRESSING}/fault"
ENUMERATION_FAULT_ACTION = f"{ENUMERATION}/fault"
TRANSFER_FAULT_ACTION = f"{TRANSFER}/fault"
FAULT_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/"

GET, PUT, CREATE, DELETE = (f"{TRANSFER}/{verb}" for verb in ("Get", "Put", "Create", "Delete"))
ENUMERATE, PULL, RELEASE = (f"{ENUMERATION}/{verb}" for verb in ("Enumerate", "Pull", "Release"))

WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
ASSOCIATION_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter"
WMI_PREFIX = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
CMD_SHELL_URI = f"{SHELL}/cmd"
STATE_PREFIX = f"{SHELL}/CommandState/"
SIGNAL_PREFIX = f"{SHELL}/signal/"
