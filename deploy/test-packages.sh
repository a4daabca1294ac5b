#!/bin/sh
# Installs what the tests run against for real and a machine may lack: a browser and an Alertmanager.
# Where it cannot (no apt, no rights) it says so; those tests then skip loudly, and fail under CI=true.
set -u
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v prometheus-alertmanager >/dev/null 2>&1 || missing="$missing prometheus-alertmanager"
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
if $as_root apt-get update -qq >/dev/null && $as_root env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
    echo "Installed:$missing"
else
    echo "!! Could not install:$missing. Tests that need them will be skipped." >&2
fi
exit 0
