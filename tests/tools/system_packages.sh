#!/bin/sh
# Copyright (c) activation.kms contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs the servers and clients the tests speak to, and what signs their stand-ins for Microsoft's packages. Nothing
# is started and nothing is configured: the tests run their own instances, on loopback, in folders of their own.
#
# "command package" or "/path package", one a line; a package is missing when its command or file is.
set -eu

NEEDED="named bind9
dig bind9-dnsutils
tsig-keygen bind9-utils
knotd knot
pdns_server pdns-server
/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql pdns-backend-sqlite3
samba samba-ad-dc
/usr/share/samba/setup/provision.ldif samba-ad-provision
/usr/lib/*/samba/ldb/acl.so samba-dsdb-modules
/usr/lib/*/samba/vfs/xattr_tdb.so samba-vfs-modules
/usr/lib/python3/dist-packages/samba/provision/__init__.py python3-samba
krb5kdc krb5-kdc
kadmin.local krb5-admin-server
kinit krb5-user
krb5-config libkrb5-dev
gcc gcc
ip iproute2
openssl openssl
osslsigncode osslsigncode"

PATH="$PATH:/usr/sbin:/sbin"

is_here() {
    case $1 in
    # shellcheck disable=SC2086  # the pattern is to be expanded
    /*) ls $1 >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing() {
    echo "$NEEDED" | while read -r thing package; do
        is_here "$thing" || echo "$package"
    done | sort -u | tr '\n' ' '
}

wanted=$(missing)
if [ -z "$wanted" ]; then
    echo "All system packages are here."
    exit 0
fi

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing system packages: $wanted(names of Debian and Ubuntu). Install them, for instance with"
    echo "  sudo apt-get install --no-install-recommends $wanted"
    exit 1
fi

# A freshly installed server must not start: it would take port 53.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
for attempt in 1 2 3; do
    # shellcheck disable=SC2086  # a list of names
    if apt-get -qq -o DPkg::Lock::Timeout=300 update && apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --no-install-recommends --yes $wanted; then
        break
    fi
    echo "Attempt $attempt to install $wanted failed."
    sleep 5
done

left=$(missing)
if [ -n "$left" ]; then
    echo "Still missing after the installation: $left"
    exit 1
fi
