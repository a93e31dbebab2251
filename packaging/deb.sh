#!/bin/sh
# Makes a Debian package of a wulin that is already built: packaging/deb.sh target/release/wulin target/debian
#
# With dpkg-deb, which every Debian has, and maintainer scripts of our own: those that cargo-deb and debhelper generate
# restart sockets at an upgrade, and for that moment connections are refused.
#
# The same program at the same commit gives the same package, byte by byte. REVISION becomes part of the version, COMPRESSION
# makes the package faster and larger, for tests.
set -eu
program=$1
folder=$2
here=$(dirname "$0")/..

version=$("$program" --version | cut -d ' ' -f 2)${REVISION:+-$REVISION}
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || stat -c %Y "$here/Cargo.toml")}
export SOURCE_DATE_EPOCH

umask 022
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
put() { # MODE FILE TARGET
    install -D -m "$1" "$2" "$tree/$3"
}

put 755 "$program" usr/bin/wulin
strip --strip-all "$tree/usr/bin/wulin"
for unit in wulin.service wulin.socket wulin-http.socket; do
    put 644 "$here/systemd/$unit" "usr/lib/systemd/system/$unit"
done
put 644 "$here/systemd/wulin.sysusers" usr/lib/sysusers.d/wulin.conf
put 644 "$here/systemd/wulin.tmpfiles" usr/lib/tmpfiles.d/wulin.conf
put 644 "$here/systemd/wulin.default" etc/default/wulin
put 644 "$here/LICENSE" usr/share/doc/wulin/copyright
put 644 "$here/README.md" usr/share/doc/wulin/README.md
put 644 "$here/CHANGELOG.md" usr/share/doc/wulin/CHANGELOG.md
for page in "$here"/docs/*.md; do
    put 644 "$page" "usr/share/doc/wulin/docs/$(basename "$page")"
done
gzip -9n "$tree/usr/share/doc/wulin/README.md" "$tree/usr/share/doc/wulin/CHANGELOG.md"
bom="${BOM:-}"
if [ -n "$bom" ]; then
    put 644 "$bom" usr/share/doc/wulin/bom.cdx.json
    gzip -9n "$tree/usr/share/doc/wulin/bom.cdx.json"
fi

# What the program says about itself, if this one can.
say() { # TARGET COMMAND...
    target="$tree/$1"
    shift
    mkdir -p "$(dirname "$target")"
    if ! "$program" "$@" >"$target" 2>/dev/null; then
        rm "$target"
        rmdir -p --ignore-fail-on-non-empty "$(dirname "$target")"
    fi
}
say usr/share/man/man1/wulin.1 man
say usr/share/bash-completion/completions/wulin completions bash
say usr/share/zsh/vendor-completions/_wulin completions zsh
say usr/share/fish/vendor_completions.d/wulin.fish completions fish
if [ -f "$tree/usr/share/man/man1/wulin.1" ]; then
    gzip -9n "$tree/usr/share/man/man1/wulin.1"
fi

# The oldest glibc that has all the program asks for.
glibc=$(objdump -T "$tree/usr/bin/wulin" | grep -o 'GLIBC_2\.[0-9.]*' | sort -uV | tail -n 1)
mkdir "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<END
Package: wulin
Version: $version
Architecture: $architecture
Section: net
Priority: optional
Maintainer: The Wulin developers
Installed-Size: $(du -sk --apparent-size "$tree" | cut -f 1)
Depends: libc6 (>= ${glibc#GLIBC_}), libgcc-s1, systemd (>= 250)
Description: realtime rock-paper-scissors server for WeChat and browsers
 One program that speaks HTTPS with your certificates, serves the page that
 plays, native WebSocket and Socket.IO, and runs the game.
 .
 It comes as a systemd service on sockets that stay open while it is restarted
 or upgraded: nobody is refused.
END
echo /etc/default/wulin >"$tree/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    put 755 "$here/packaging/deb/$script" "DEBIAN/$script"
done
(cd "$tree" && find usr -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)

mkdir -p "$folder"
package="$folder/wulin_${version}_$architecture.deb"
find "$tree" -print0 | xargs -0 touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
dpkg-deb --build --root-owner-group "-Z${COMPRESSION:-xz}" "$tree" "$package" >/dev/null
echo "$package"
