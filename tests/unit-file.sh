#!/bin/sh
# Holds the units in systemd/ against systemd: are they sound, and does the service expose no more than it must?
set -eu
cd "$(dirname "$0")/.."

if ! command -v systemd-analyze >/dev/null 2>&1; then
    echo "SKIPPED: the units are not verified, this machine has no systemd-analyze"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# verify wants to see the program; any will do.
cp systemd/wulin.socket systemd/wulin-http.socket "$folder"
sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' systemd/wulin.service >"$folder/wulin.service"
said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$folder"/wulin* 2>&1) || {
    echo "$said" >&2
    exit 1
}
# systemd-analyze succeeds even if it does not know a setting.
if echo "$said" | grep -F wulin >&2; then
    exit 1
fi

# What verify cannot know: that memory has an end, and that a port is open to both families whatever the machine says.
grep -q '^MemoryMax=[0-9]' systemd/wulin.service || { echo 'wulin.service has no MemoryMax=' >&2; exit 1; }
for unit in systemd/*.socket; do
    grep -qx 'BindIPv6Only=both' "$unit" || { echo "$unit has no BindIPv6Only=both" >&2; exit 1; }
done

# In tenths: 10 is an exposure of 1.0.
systemd-analyze security --offline=true --no-pager --threshold=10 "$folder/wulin.service" >"$folder/exposure" || {
    cat "$folder/exposure" >&2
    exit 1
}
tail -n 1 "$folder/exposure"
