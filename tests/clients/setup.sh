#!/bin/sh
# Fetches the client libraries the tests play with. Does nothing when they are already there.
set -eu
cd "$(dirname "$0")"

missing=''
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
if [ -n "$missing" ]; then
    echo "The client tests need a few packages. On Debian: apt-get install$missing" >&2
    exit 1
fi
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || {
    echo "The client tests need Node 20 or newer, this is $(node --version)." >&2
    exit 1
}

# A copy of what was installed lies inside: as long as it is the same, there is nothing to do.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    npm ci --no-audit --no-fund
    cp package-lock.json node_modules/.installed-lock.json
fi

for version in 4 5; do
    wanted="requirements-$version.txt"
    venv=".venv-$version"
    if ! cmp -s "$wanted" "$venv/installed.txt"; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
        cp "$wanted" "$venv/installed.txt"
    fi
done
