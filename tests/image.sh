#!/bin/bash
# Builds the image from the Dockerfile and runs it by compose.yaml: no root, no capability, nothing to write to but a volume.
#
# No registry is needed: the base is a small Debian made here, and the program that is already built takes the place of
# the Dockerfile's build stages. tests/dockerfile.sh tries those.
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
for tool in mmdebstrap podman podman-compose runc openssl nsenter; do
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
    pod volume rm --all --force >/dev/null 2>&1 || true
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

# Compose's own folder: the file as it is, the certificates beside it, and what this machine needs on top.
mkdir -p "$here/compose/certs"
certs=$here/compose/certs
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$certs/privkey.pem" -out "$certs/fullchain.pem" 2>/dev/null
chgrp -R 65532 "$certs"
chmod -R g=rX,o= "$certs"
chmod 755 "$here"
cp compose.yaml "$here/compose"
# Limits below those of this shell, since raising them takes a privilege.
cat >"$here/compose/here.yaml" <<'END'
services:
  wulin:
    container_name: wulin
    network_mode: none
    ulimits:
      nofile: 8192
      nproc: 4096
    environment:
      - WULIN_GAME_TIME=3s
END
# What Compose asks of Podman, less three things. No port of this machine is published: it may be another's. The health check
# is the image's, for Debian 12's podman-compose garbles its command. Nor is there a timer for it, which would be systemd's.
cat >"$here/podman" <<END
#!/bin/bash
arguments=()
while [ \$# -gt 0 ]; do
    case \$1 in
        run) arguments+=(run --health-interval=disable) ;;
        -p | --net | --network-alias | --healthcheck-*) shift ;;
        *) arguments+=("\$1") ;;
    esac
    shift
done
exec podman --root '$here/storage' --runroot '$here/run' --runtime runc --log-level=fatal "\${arguments[@]}"
END
chmod +x "$here/podman"
compose() {
    (cd "$here/compose" && podman-compose --podman-path "$here/podman" -f compose.yaml -f here.yaml "$@") >"$here/compose.log" 2>&1 \
        || { cat "$here/compose.log"; fail "compose $*"; }
}
WULIN_DOMAIN=localhost compose up --detach --no-build
pid=$(pod inspect --format '{{.State.Pid}}' wulin)
until pod healthcheck run wulin >/dev/null 2>&1; do
    [ "$(pod inspect --format '{{.State.Running}}' wulin)" = true ] || fail 'it has ended'
    [ "$SECONDS" -lt 120 ] || fail 'it does not become healthy'
    sleep 0.1
done
pod logs wulin 2>&1 | grep -F 'Wulin is open at https://localhost'
[ "$(pod inspect --format '{{.HostConfig.Memory}}' wulin)" = 1073741824 ] || fail 'its memory has no end'
grep -q $'^Uid:\t65532\t65532' "/proc/$pid/status" || fail 'it runs as another user'
grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status" || fail 'it has capabilities'
grep -q $'^NoNewPrivs:\t1$' "/proc/$pid/status" || fail 'it could get privileges'
pod exec wulin touch /var/lib/wulin/x || fail 'it cannot write to its volume'
for folder in / /usr/local/bin /certs /var/lib /dev; do
    if pod exec wulin touch "$folder/x" 2>/dev/null; then fail "it can write to $folder"; fi
done

# SIGTERM in the middle of a round: it is finished first.
CA=$certs/fullchain.pem nsenter --net="/proc/$pid/ns/net" python3 tests/package/player.py round >"$here/round" 2>&1 &
player=$!
until pod exec wulin /usr/local/bin/wulin health | grep -q '"rooms":1,'; do
    [ "$SECONDS" -lt 120 ] || fail 'no round begins'
    sleep 0.1
done
# By Podman, since Debian 12's podman-compose passes stop_grace_period over.
pod stop --time 20 wulin >/dev/null
wait "$player" || { cat "$here/round"; fail 'the round was cut off'; }
cat "$here/round"
[ "$(pod inspect --format '{{.State.ExitCode}}' wulin)" = 0 ] || fail 'it ended badly'

# The health check fails when the program does not work.
if pod run --rm --network none --entrypoint /usr/local/bin/wulin wulin health --port 1 >/dev/null 2>&1; then
    fail 'a server that is not there is called healthy'
fi
