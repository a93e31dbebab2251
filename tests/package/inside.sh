#!/bin/bash
# Runs on the booted machine, as root: the package from its installation to its purge. ../package.sh boots it.
set -Eeuo pipefail
shopt -s inherit_errexit
here=/wulin-test
export CA=/root/ca.pem
units=(wulin.service wulin.socket wulin-http.socket)

step() { echo; echo "== $SECONDS s: $*"; }
fail() {
    echo "FAILED: $*"
    systemctl --no-pager --lines=0 status "${units[@]}" || true
    journalctl --no-pager --lines=40 --unit=wulin.service
    exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

player() { python3 "$here/player.py" "$@"; }
of() { systemctl show --value --property="$1" wulin.service; }
# wait_until SECONDS COMMAND...
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "waited in vain until: $*"
        sleep 0.1
    done
}
is() { [ "$(of "$1")" = "$2" ]; }
# `set -e` ignores the status of a command behind `!`, so such a line alone could never fail the test.
not() { if "$@"; then return 1; fi; }
# New settings for the service alone, as `systemctl edit` makes them.
edit() { # NAME LINE...
    mkdir -p /etc/systemd/system/wulin.service.d
    { echo '[Service]'; printf '%s\n' "${@:2}"; } >"/etc/systemd/system/wulin.service.d/$1.conf"
    systemctl daemon-reload
}
unedit() {
    rm -r /etc/systemd/system/wulin.service.d
    systemctl daemon-reload
}
pair() { # FOLDER: a new certificate and its key, readable as the README says
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout /root/key.pem -out /root/ca.pem 2>/dev/null
    install -m 640 -g wulin /root/key.pem "$1/privkey.pem"
    install -m 640 -g wulin /root/ca.pem "$1/fullchain.pem"
}
start_load() {
    rm -f /root/stop
    player load /root/stop >/root/load 2>&1 &
    load=$!
    sleep 0.5
}
end_load() {
    sleep 0.5
    touch /root/stop
    wait "$load" || { cat /root/load; fail 'not everybody was answered'; }
    cat /root/load
}

step 'the package is installed: it answers at once, with a certificate it made'
dpkg --install "$here"/old/*.deb
is ActiveState active
is SubState running
for unit in "${units[@]}"; do
    systemctl --quiet is-enabled "$unit"
    systemctl --quiet is-active "$unit"
done
wulin health
of StatusText | grep -F 'people online'
wulin status | grep -F '0 online'
[ "$(stat -c '%a %U %G' /etc/wulin/certs)" = '750 root wulin' ]

step 'it has no privilege'
pid=$(of MainPID)
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$pid/status"
grep -q '^CapEff:.*0000000000000000$' "/proc/$pid/status"
grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status"
grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
grep -q '^Seccomp:.*2$' "/proc/$pid/status"
[ "$(stat -c %U "/proc/$pid")" = wulin ]
systemd-analyze security --no-pager wulin.service | tail -n 1

step 'with these restrictions, names can be looked up and servers connected to'
install -m 644 "$here/player.py" /usr/local/lib/player.py
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
python3 /usr/local/lib/player.py names &
names=$!
sed -e 's|^ExecStart=.*|ExecStart=/usr/bin/python3 /usr/local/lib/player.py look game.example|' -e 's|^Type=.*|Type=oneshot|' \
    -e '/^Restart/d; /^WatchdogSec=/d; s|wulin/root|look/root|' /usr/lib/systemd/system/wulin.service >/run/systemd/system/look.service
systemctl start look.service || { journalctl --no-pager --unit=look.service; fail 'no name can be looked up'; }
journalctl --no-pager --unit=look.service | grep -F 'game.example is 127.0.0.1'
kill "$names"
rm /usr/local/lib/player.py /run/systemd/system/look.service
systemctl daemon-reload

step 'certificates and settings as the README says; a round is played'
pair /etc/wulin/certs
echo 'WULIN_DOMAIN=localhost' >>/etc/default/wulin
echo 'WULIN_GAME_TIME=1s' >>/etc/default/wulin
systemctl restart wulin
player round
python3 - <<'END'
import http.client
plain = http.client.HTTPConnection("localhost", 80, timeout=30)
plain.request("GET", "/a")
location = plain.getresponse().getheader("location")
assert location == "https://localhost/a", location
END

step 'a reload serves the new certificate, by the same process'
pid=$(of MainPID)
before=$(player certificate)
pair /etc/wulin/certs
systemctl reload wulin
# $CA is the new one: the connection succeeds only when it is served.
wait_until 10 player certificate
[ "$(player certificate)" != "$before" ]
is MainPID "$pid"
is ActiveState active

step 'three restarts under load'
start_load
for _ in 1 2 3; do
    systemctl restart wulin
    sleep 0.3
done
end_load

step 'an upgrade under load'
pid=$(of MainPID)
start_load
dpkg --install "$here"/new/*.deb
end_load
[ "$(of MainPID)" != "$pid" ]
is ActiveState active

step 'a process that hangs is ended and started again, and who connects meanwhile is answered'
edit watchdog 'WatchdogSec=2s'
systemctl restart wulin
pid=$(of MainPID)
# The service outlives the watchdog's time-out, since it reports to the watchdog.
sleep 5
is MainPID "$pid"
is NRestarts 0
kill -STOP "$pid"
player once
is NRestarts 1
[ "$(of MainPID)" != "$pid" ]
journalctl --no-pager --unit=wulin.service | grep -F 'Watchdog timeout' | tail -n 1
unedit

step 'credentials'
pair /root
chmod 600 /root/*.pem
edit credentials 'LoadCredential=fullchain.pem:/root/fullchain.pem' \
    'LoadCredential=privkey.pem:/root/privkey.pem' 'Environment=WULIN_TLS_DIR=%d'
systemctl restart wulin
player round
unedit

step 'for those who bring their certificates: no network of its own at all'
pair /etc/wulin/certs
edit network 'PrivateNetwork=yes' 'RestrictAddressFamilies=' 'RestrictAddressFamilies=AF_UNIX'
systemctl restart wulin
player round
systemd-analyze security --no-pager wulin.service | tail -n 1
unedit

step 'another port'
mkdir /etc/systemd/system/wulin.socket.d
printf '%s\n' '[Socket]' ListenStream= ListenStream=8443 >/etc/systemd/system/wulin.socket.d/port.conf
systemctl daemon-reload
systemctl restart wulin.socket
wait_until 10 wulin health --port 8443
journalctl --no-pager --unit=wulin.service | grep -F 'open at https://localhost:8443'
rm -r /etc/systemd/system/wulin.socket.d
systemctl daemon-reload
systemctl restart wulin.socket
wait_until 10 player once

step 'what cannot work is said and not tried again by itself'
edit wrong 'Environment=WULIN_BASE_PATH=oops'
systemctl restart wulin && fail 'it starts with a wrong path'
is ExecMainStatus 78
is NRestarts 0
journalctl --no-pager --unit=wulin.service | grep -F '"oops" cannot be a path here' | tail -n 1
unedit
systemctl restart wulin
player once

step 'who has switched the redirect off finds it switched off after an upgrade'
systemctl --quiet disable --now wulin-http.socket
dpkg --install "$here"/old/*.deb
not systemctl --quiet is-active wulin-http.socket
player once

step 'the package is removed and purged'
dpkg --purge wulin
for unit in "${units[@]}"; do
    [ "$(systemctl show --value --property=LoadState "$unit")" = not-found ]
done
[ -z "$(ss -Hltn '( sport = :443 or sport = :80 )')" ]
left=$(find / -xdev -path /proc -prune -o -path /sys -prune -o -path /var/log -prune -o -path "$here" -prune \
    -o -name '*wulin*' ! -name 'wulin-test*' -print)
# Somebody's certificates are not the package's to delete.
[ "$left" = /etc/wulin ] || fail "left behind: $left"
find /etc/wulin -type f

step 'the same by hand, as the README says'
cd "$here"
install -m 755 wulin /usr/local/bin/
install -m 644 systemd/*.service systemd/*.socket /etc/systemd/system/
install -D -m 644 systemd/wulin.sysusers /etc/sysusers.d/wulin.conf
install -D -m 644 systemd/wulin.tmpfiles /etc/tmpfiles.d/wulin.conf
systemd-sysusers
systemd-tmpfiles --create wulin.conf
systemctl daemon-reload
systemctl enable --now wulin
for unit in "${units[@]}"; do
    systemctl --quiet is-enabled "$unit"
    systemctl --quiet is-active "$unit"
done
player round
systemctl stop wulin.socket
for unit in "${units[@]}"; do
    not systemctl --quiet is-active "$unit"
done
step 'done'
