#!/bin/sh
# Wulin and the stack it replaces, side by side on this machine: the same load and the same certificate, taking turns, and
# the floor of the machine beside them. Writes benches/RESULTS.md. `run.sh check` only has each stack play a round.
#
# Everything listens on the loopback network, at ports the system gives, and is ended by its process id.
#
# From the environment: RUNS (3) of everything, whose medians count; TIME (30s) of playing and HOLD_TIME (15s) of holding;
# CONNECT (3000), HOLD (4000) and PLAY ("3000 4000") people; MANY people (as many as files may be open, but for a hundred), held
# once for MANY_TIME (600s); WULIN and ECHO, programs to take in place of those built here; BENCH, a load generator to take in
# place of `wulin bench`; KEEP, a folder for the JSON documents (target/compare/runs).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
RUNS=${RUNS:-3} TIME=${TIME:-30s} HOLD_TIME=${HOLD_TIME:-15s} MANY_TIME=${MANY_TIME:-600s}
CONNECT=${CONNECT:-3000} HOLD=${HOLD:-4000} PLAY=${PLAY:-3000 4000}
files=$(prlimit --nofile --output HARD --noheadings | tr -d ' ')
# At most as many people as loopback addresses and ports allow without further settings.
MANY=${MANY:-$(( (files > 100000 ? 100000 : files) - 100 ))}
keep=${KEEP:-target/compare/runs}
scratch=$(mktemp -d)
stack='' port='' pids='' # of the stack that runs
wulin=${WULIN:-$PWD/target/release/wulin}
bench=${BENCH:-$wulin}
floor=${ECHO:-$PWD/target/release/examples/echo}
if [ -z "${WULIN:-}" ] || [ -z "${ECHO:-}" ]; then
    # Built one after the other: in one call, cargo would give the program the features that only examples and tests need.
    cargo build --release --locked --bin wulin
    cargo build --release --locked --example echo
fi
trap 'stop; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM

# Debian's nginx, unpacked and not installed, so that no service is started and no port is taken.
bring_nginx() {
    if command -v nginx >/dev/null 2>&1; then
        nginx=nginx
        return
    fi
    home="$here/../../target/compare/nginx"
    nginx="$home/usr/sbin/nginx"
    [ -x "$nginx" ] && return
    mkdir -p "$home"
    (cd "$home" && { fetch_nginx || { apt-get update && fetch_nginx; } } && dpkg-deb -x nginx_*.deb .) \
        >"$scratch/apt.log" 2>&1 || {
        cat "$scratch/apt.log" >&2
        echo 'nginx is missing and could not be fetched. On Debian, as root: apt-get install nginx' >&2
        exit 1
    }
}

fetch_nginx() {
    apt-get download nginx
}

# bring_packages FOLDER: installs what its lock file names, unless it is there already.
bring_packages() {
    cmp -s "$1/package-lock.json" "$1/node_modules/.installed-lock.json" && return
    (cd "$1" && npm ci --silent --no-audit --no-fund)
    cp "$1/package-lock.json" "$1/node_modules/.installed-lock.json"
}

# One certificate for all: ECDSA on P-256, as certificate authorities give them today.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$scratch/key.pem" -out "$scratch/chain.pem" 2>/dev/null
}

# Prints a port that is free at this moment.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# answers PORT: waits until somebody does a TLS handshake there.
answers() {
    tries=100
    until openssl s_client -connect "127.0.0.1:$1" -servername localhost </dev/null >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "$stack does not answer" >&2; cat "$scratch"/*.log >&2; exit 1; }
        sleep 0.1
    done
}

# said FILE: waits for the first line of a program's output, which is its port, and prints it.
said() {
    tries=100
    until [ -s "$1" ]; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "$stack does not start" >&2; cat "$scratch"/*.log >&2; exit 1; }
        sleep 0.1
    done
    head -1 "$1"
}

# start STACK
start() {
    stack=$1
    : >"$scratch/port"
    case $stack in
    wulin)
        port=$(free_port)
        "$wulin" serve --listen 127.0.0.1 --port "$port" --http-port 0 --admin off --domain localhost \
            --tls-cert "$scratch/chain.pem" --tls-key "$scratch/key.pem" >"$scratch/wulin.log" 2>&1 &
        pids=$!
        ;;
    socketio-2 | socketio-4)
        (cd "$here/$stack" && exec node server.mjs) >"$scratch/port" 2>"$scratch/node.log" &
        pids=$!
        node=$(said "$scratch/port")
        port=$(free_port)
        sed "s|@DIR@|$scratch|; s|@NODE@|$node|; s|@FILES@|$files|; s|@PORT@|$port|" "$here/nginx.conf" >"$scratch/nginx.conf"
        "$nginx" -p "$scratch" -c "$scratch/nginx.conf" 2>"$scratch/nginx.log" &
        pids="$pids $!"
        ;;
    floor)
        "$floor" "$scratch/chain.pem" "$scratch/key.pem" >"$scratch/port" 2>"$scratch/echo.log" &
        pids=$!
        port=$(said "$scratch/port")
        ;;
    esac
    answers "$port"
}

# Every process of the stack, those that nginx made included.
everybody() {
    for pid in $pids; do
        echo "$pid"
        ps -o pid= --ppid "$pid" | tr -d ' '
    done
}

stop() {
    for pid in ${pids:-}; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    pids=''
}

# What is measured, as stack:protocol.
ALL='wulin:native wulin:eio3 wulin:eio4 socketio-2:eio3 socketio-4:eio4 floor:native'

check() {
    tests/clients/setup.sh >"$scratch/setup.log" 2>&1 || { cat "$scratch/setup.log" >&2; exit 1; }
    for turn in wulin:2 wulin:4 socketio-2:2 socketio-4:4; do
        start "${turn%:*}"
        printf '%-11s ' "$stack"
        node "$here/round.mjs" "${turn#*:}" "$port"
        stop
    done
    start floor
    printf '%-11s ' floor
    load native echo 10 --time 1s --warm-up 0s | node -p "JSON.parse(require('fs').readFileSync(0)).echo.echo_ms.count + ' echoes'"
    stop
}

# load PROTOCOL MODE PEOPLE [FLAG...]: the one place that knows the load generator. Prints its JSON document.
load() {
    protocol=$1 mode=$2 people=$3
    shift 3
    "$bench" bench "localhost:$port" --protocol "$protocol" --mode "$mode" --people "$people" --json \
        --admin off --pid "$(everybody | paste -sd, -)" "$@"
}

# measure RUN STACK PROTOCOL MODE PEOPLE: on a stack that was started for it.
measure() {
    file="$keep/$2.$3.$4.$5.$1.json"
    start "$2"
    printf 'run %s: %s, %s, %s %s\n' "$1" "$2" "$3" "$5" "$4"
    mode=$4 time=$TIME
    case "$2.$4" in
    floor.play) mode="echo" ;;
    *.hold) time=$HOLD_TIME ;;
    *.many) mode=hold time=$MANY_TIME ;;
    esac
    # A run in which connections were lost is a result as well; the document says how many.
    load "$3" "$mode" "$5" --time "$time" >"$file" 2>"$scratch/load.log" || [ -s "$file" ] || { cat "$scratch/load.log" >&2; exit 1; }
    stop
}

everything() {
    rm -rf "$keep"
    mkdir -p "$keep"
    measure 1 wulin native many "$MANY"
    for run in $(seq "$RUNS"); do
        for what in $ALL; do measure "$run" "${what%:*}" "${what#*:}" connect "$CONNECT"; done
        for what in $ALL; do measure "$run" "${what%:*}" "${what#*:}" hold "$HOLD"; done
        for people in $PLAY; do
            for what in $ALL; do measure "$run" "${what%:*}" "${what#*:}" play "$people"; done
        done
    done
    {
        "$nginx" -v 2>&1 | sed 's/^nginx version: //'
        echo "Node $(node --version)"
        for folder in "$here"/socketio-*; do
            node -p "'socket.io ' + require('$folder/node_modules/socket.io/package.json').version"
        done
    } >"$keep/versions.txt"
    # The pure half needs no stack beside it.
    cargo bench --locked -p wulin-game --bench core -- \
        lobby::commands matching room codec::native_read >"$keep/core.txt"
    node "$here/results.mjs" "$keep" benches
    echo 'benches/RESULTS.md and benches/plots are written.'
}

bring_nginx
bring_packages "$here/socketio-2"
bring_packages "$here/socketio-4"
make_certificate

case ${1:-} in
check) check ;;
'')
    "$bench" bench --help >/dev/null 2>&1 || { echo "$bench has no load generator: wulin bench" >&2; exit 1; }
    everything
    ;;
*) echo "run.sh, or run.sh check" >&2; exit 2 ;;
esac
