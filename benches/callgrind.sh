#!/bin/sh
# How many instructions a command costs on the hottest paths, counted by valgrind: the same figure on a busy machine as on
# an idle one, to one in a thousand or so. With a path's name (see hotpath.rs) it also says in which functions.
set -eu
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null 2>&1; then
    echo 'valgrind is missing. On Debian, as root: apt-get install valgrind' >&2
    exit 1
fi
hotpath=$(cargo bench --locked --quiet -p wulin-game --bench hotpath --no-run --message-format=json |
    sed -n 's/.*"name":"hotpath".*"executable":"\([^"]*\)".*/\1/p')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# instructions PATH COMMANDS: of one whole run.
instructions() {
    valgrind --tool=callgrind --callgrind-out-file="$scratch/$1" "$hotpath" "$1" "$2" 2>"$scratch/said" ||
        { cat "$scratch/said" >&2; exit 1; }
    sed -n 's/.*Collected : //p' "$scratch/said"
}

# The difference of two runs is what the commands cost: start and end are in both.
few=20000
many=60000
for path in ${1:-choice-native choice-socketio lobby}; do
    less=$(instructions "$path" $few)
    more=$(instructions "$path" $many)
    printf '%-16s %6d instructions a command\n' "$path" $(((more - less) / (many - few)))
done
[ -z "${1:-}" ] || callgrind_annotate --auto=no "$scratch/$1" | head -50
