#!/bin/bash
# Builds the image from the Dockerfile and runs it as compose.yaml does: no root, no capability, nothing to write to.
#
# No registry is needed: the base is a small Debian made here, and in place of the Dockerfile's first stage comes the program
# that is already built. What that stage does, `docker build` alone shows.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
program=${WULIN_BIN:-$target/debug/wulin}
work=$target/image
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

skip() {
    echo "SKIPPED: the container image is not tried, $*"
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip 'only root can make its base'
for tool in mmdebstrap podman runc openssl nsenter; do
    command -v "$tool" >/dev/null || skip "this machine has no $tool"
done
fail() {
    echo "FAILED: $*"
    pod logs wulin | tail -n 20
    exit 1
}

mkdir -p "$work"
here=$(mktemp -d "$work/run.XXXXXX")
# Images and containers of its own, which go with it. runc: crun refuses machines that mount cgroups of both versions.
pod() { podman --root "$here/storage" --runroot "$here/run" --runtime runc --log-level=fatal "$@"; }
end() {
    pod rm --force --time 0 wulin >/dev/null 2>&1 || true
    pod rmi --all --force >/dev/null 2>&1 || true
    rm -rf "$here"
}
trap end EXIT
size() { pod image inspect --format '{{.Size}}' "$1"; }

base=$work/base-$suite.tar
if [ ! -f "$base" ]; then
    echo "making a base of $suite"
    mmdebstrap --quiet --variant=minbase --include=libgcc-s1 "$suite" "$work/new.tar" || skip 'no Debian can be fetched'
    mv "$work/new.tar" "$base"
fi
pod import --quiet "$base" wulin-base >/dev/null

stage=$here/stage/build
mkdir -p "$stage/target/release" "$stage/state"
strip --strip-all -o "$stage/target/release/wulin" "$program"
pod build --quiet --format docker --isolation chroot --build-context "build=$here/stage" \
    --build-arg BASE=localhost/wulin-base --tag wulin . >/dev/null
added=$(($(size wulin) - $(size wulin-base)))
binary=$(stat -c %s "$stage/target/release/wulin")
echo "the image adds $added bytes to its base, of which $binary are the program"
[ $((added - binary)) -lt 100000 ] || fail 'more than the program is in it'
for label in title description licenses version; do
    [ -n "$(pod image inspect --format "{{index .Labels \"org.opencontainers.image.$label\"}}" wulin)" ] || fail "no label $label"
done
[ "$(pod image inspect --format '{{index .Labels "org.opencontainers.image.version"}}' wulin)" \
    = "$("$program" --version | cut -d ' ' -f 2)" ] || fail 'the label has another version than the program'

certs=$here/certs
mkdir "$certs"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$certs/privkey.pem" -out "$certs/fullchain.pem" 2>/dev/null
chgrp 65532 "$certs"/*
chmod 640 "$certs"/*
chmod 755 "$here"
# Limits below those of this shell need no privilege here. The health is asked for below; without systemd, Podman has no timer.
pod run --detach --name wulin --network none --read-only --read-only-tmpfs=false --cap-drop=ALL --security-opt no-new-privileges \
    --ulimit nofile=8192:8192 --ulimit nproc=4096:4096 --health-interval=disable --stop-timeout 20 \
    --sysctl net.ipv4.ip_unprivileged_port_start=0 --env WULIN_GAME_TIME=3s --volume "$certs:/certs:ro" wulin >/dev/null
pid=$(pod inspect --format '{{.State.Pid}}' wulin)
until pod healthcheck run wulin >/dev/null 2>&1; do
    [ "$(pod inspect --format '{{.State.Running}}' wulin)" = true ] || fail 'it has ended'
    [ "$SECONDS" -lt 120 ] || fail 'it does not become healthy'
    sleep 0.1
done
pod logs wulin 2>&1 | grep -F 'Wulin is open at https://localhost'
grep -q $'^Uid:\t65532\t65532' "/proc/$pid/status" || fail 'it runs as another user'
grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status" || fail 'it has capabilities'
if pod exec wulin sh -c 'touch /var/lib/wulin/x || touch /tmp/x' 2>/dev/null; then fail 'it can write'; fi

# SIGTERM in the middle of a round: it is finished first.
CA=$certs/fullchain.pem nsenter --net="/proc/$pid/ns/net" python3 tests/booted/player.py round >"$here/round" 2>&1 &
player=$!
until pod exec wulin /usr/local/bin/wulin health | grep -q '"rooms":1,'; do
    [ "$SECONDS" -lt 120 ] || fail 'no round begins'
    sleep 0.1
done
pod stop wulin >/dev/null
wait "$player" || { cat "$here/round"; fail 'the round was cut off'; }
cat "$here/round"
[ "$(pod inspect --format '{{.State.ExitCode}}' wulin)" = 0 ] || fail 'it ended badly'

# The same program that is unwell is unhealthy.
if pod run --rm --network none --entrypoint /usr/local/bin/wulin wulin health --port 1 >/dev/null 2>&1; then
    fail 'a server that is not there is called healthy'
fi
