#!/bin/sh
# Installs what the tests run against for real and a machine may lack: a browser, an Alertmanager, PostgreSQL.
# Where it cannot (no apt, no rights) it says so; those tests then skip loudly, and fail under CI=true.
set -u
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v prometheus-alertmanager >/dev/null 2>&1 || missing="$missing prometheus-alertmanager"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
[ -z "$missing" ] && exit 0
as_root=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "!! Not installed and not root:$missing. Tests that need them will be skipped." >&2
        exit 0
    fi
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "!! No apt-get here:$missing. Tests that need them will be skipped." >&2
    exit 0
fi
echo "Installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
# A service started by its package would hold a port; policy-rc.d is the Debian way to keep it off.
# PostgreSQL would make and start a database of its own; the tests want its programs only.
no_cluster() {
    case "$missing" in *postgresql*) ;; *) return 0 ;; esac
    $as_root apt-get install -y -qq --no-install-recommends postgresql-common >/dev/null &&
        $as_root sed -ri 's/^#?create_main_cluster.*$/create_main_cluster = false/' \
            /etc/postgresql-common/createcluster.conf
}
if $as_root apt-get update -qq >/dev/null && no_cluster && $as_root env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
    echo "Installed:$missing"
else
    echo "!! Could not install:$missing. Tests that need them will be skipped." >&2
fi
exit 0
