#!/bin/bash
# Boots a small Debian in a container of its own and runs the Debian package there under its systemd: tests/package/inside.sh.
# The tree is made once and kept below target/. Needs root. On a machine that cannot boot it, the script says so and tests nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
program=${WULIN_BIN:-$target/debug/wulin}
work=$target/package
# The release this machine has: its glibc is the one the program was built with.
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

skip() {
    echo "SKIPPED: the package is not tried under a booted systemd, $*"
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip 'only root can boot one'
for tool in mmdebstrap systemd-nspawn dpkg-deb; do
    command -v "$tool" >/dev/null || skip "this machine has no $tool"
done
grep -qw overlay /proc/filesystems || skip 'the kernel has no overlayfs'

packages=systemd,systemd-sysv,libgcc-s1,python3-minimal,libpython3-stdlib,openssl,iproute2
tree=$work/tree-$suite
mkdir -p "$work"
if [ "$(cat "$tree.packages" 2>/dev/null)" != "$packages" ]; then
    echo "making a tree of $suite"
    rm -rf "$tree" "$tree.packages"
    mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$tree" || skip 'no Debian can be fetched'
    echo '127.0.0.1 localhost' >"$tree/etc/hosts"
    cat >"$tree/etc/systemd/system/wulin-test.service" <<'END'
[Unit]
Description=The test of Wulin
SuccessAction=exit-force
FailureAction=exit-force
FailureActionExitStatus=1
[Service]
Type=exec
ExecStart=/bin/bash /wulin-test/inside.sh
StandardOutput=file:/wulin-test/log
StandardError=inherit
[Install]
WantedBy=multi-user.target
END
    systemctl --root="$tree" --quiet enable wulin-test.service
    echo "$packages" >"$tree.packages"
fi

# Two versions: one to be installed, and one to upgrade to.
here=$(mktemp -d "$work/run.XXXXXX")
trap 'rm -rf "$here"' EXIT
export COMPRESSION=none
REVISION=1 packaging/deb.sh "$program" "$here/old"
REVISION=2 packaging/deb.sh "$program" "$here/new"
REVISION=1 packaging/deb.sh "$program" "$here/again" >/dev/null
cmp "$here"/old/*.deb "$here"/again/*.deb
cp -r tests/package/inside.sh tests/package/player.py systemd "$here"
strip --strip-all -o "$here/wulin" "$program"

# Everything the machine writes is in memory and gone with it; its network is its own.
timeout --kill-after=5 240 systemd-nspawn --quiet --directory="$tree" --volatile=overlay --bind="$here:/wulin-test" \
    --private-network --machine=wulin-test --register=no --keep-unit --boot </dev/null >"$here/console" 2>&1 && status=0 || status=$?
if [ ! -f "$here/log" ]; then
    tail -n 20 "$here/console" >&2
    skip 'systemd-nspawn cannot boot here'
fi
cat "$here/log"
exit "$status"
