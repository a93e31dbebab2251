#!/bin/sh
# Pins the images that the Dockerfile begins with to what they are today, by digest: packaging/pin.sh
# With --check it changes nothing and says which are not pinned. ENGINE is the program to ask: docker or podman.
set -eu
cd "$(dirname "$0")/.."
file=${DOCKERFILE:-Dockerfile}
code=0
if [ "${1:-}" != --check ]; then
    engine=${ENGINE:-$(command -v docker || command -v podman)} || {
        echo 'There is neither docker nor podman to ask for digests.' >&2
        exit 1
    }
fi
for name in BUILDER BASE; do
    image=$(sed -n "s/^ARG $name=//p" "$file")
    if [ "${1:-}" = --check ]; then
        if ! echo "$image" | grep -Eq '@sha256:[0-9a-f]{64}$'; then
            echo "$name is $image: what that is can change. packaging/pin.sh pins it."
            code=1
        fi
        continue
    fi
    tag=${image%@*}
    "$engine" pull --quiet "$tag" >/dev/null
    # Of an image for several machines this is the digest of the whole list. Podman knows it by this name, Docker by the other.
    digest=$("$engine" image inspect --format '{{.Digest}}' "$tag" 2>/dev/null) \
        || digest=$("$engine" image inspect --format '{{index .RepoDigests 0}}' "$tag" | sed 's/.*@//')
    if [ -z "$digest" ]; then
        echo "$tag has no digest here." >&2
        exit 1
    fi
    sed -i "s|^ARG $name=.*|ARG $name=$tag@$digest|" "$file"
    echo "$name is $tag@$digest"
done
exit "$code"
