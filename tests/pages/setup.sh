#!/bin/sh
# Fetches what builds, checks and plays the page and the Mini Program. Does nothing when it is already there.
set -eu
cd "$(dirname "$0")/../.."

# A copy of what was installed lies inside: as long as it is the same, there is nothing to do.
if ! cmp -s package-lock.json node_modules/.installed-lock.json; then
    npm ci --no-audit --no-fund
    cp package-lock.json node_modules/.installed-lock.json
fi
