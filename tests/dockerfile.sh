#!/usr/bin/env bash
# Does what the Dockerfile's first stages do, with folders in place of images and `cargo check` in place of `cargo build`: that
# the manifests alone can be built, that all a build needs is copied, and that nothing else would be.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Dependencies come from the usual target folder, so that they are not built again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}

# The build context: the files that .dockerignore lets through, committed or not yet.
mkdir "$work/context"
sed -n 's/^!//p' .dockerignore | xargs git ls-files --cached --others --exclude-standard -- |
    while read -r file; do [ ! -e "$file" ] || echo "$file"; done | xargs cp --parents --target-directory "$work/context"

stage=
sed -e ':a' -e '/\\$/N' -e 's/\\\n *//' -e 'ta' Dockerfile | while read -r word rest; do
    case $word in
    FROM)
        stage=${rest##* AS }
        # The last stage only takes the program.
        [ "$stage" != "$rest" ] || exit 0
        mkdir "$work/$stage"
        ;;
    COPY)
        from=$work/context
        case $rest in --from=*) from=$work/${rest%% *} from=${from/--from=/} rest=${rest#* } ;; esac
        target=$work/$stage/${rest##* }
        for source in ${rest% *}; do
            # `/manifests` is the working directory of the stage it names.
            case $source in /*) source=. ;; esac
            mkdir -p "$(dirname "$target")"
            if [ -d "$from/$source" ]; then cp -r "$from/$source/." "$target"; else cp "$from/$source" "$target"; fi
        done
        ;;
    RUN)
        echo "$stage: $rest"
        (cd "$work/$stage" && sh -ec "${rest//cargo build --release/cargo check --quiet}")
        ;;
    esac
done
echo 'The stages of the Dockerfile that build do so.'
