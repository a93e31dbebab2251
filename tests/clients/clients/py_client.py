"""Plays for the tests what they say on stdin, and tells them on stdout what came of it, one JSON object a line."""

import json
import os
import select
import ssl
import sys
import threading
import time
from inspect import signature

import socketio
import urllib3

GAME_EVENTS = ["hi", "room", "start", "movement", "leave", "result", "fault", "restart"]

stdout_lock = threading.Lock()
wanted_transport = None


class OneAtATime(ssl.SSLSocket):
    """OpenSSL takes one call at a time on a connection, and Python before 3.13 does not see to it: one thread of
    python-engineio reads while another writes, and now and then the connection is taken for closed (its issue 461).
    """

    def turn(self):
        return self.__dict__.setdefault("_turn", threading.Lock())

    def recv(self, size=1024, flags=0):
        while True:
            # Waiting happens outside the turn, or nobody could write meanwhile.
            if not self.pending() and not select.select([self], [], [], self.gettimeout())[0]:
                raise TimeoutError("The read operation timed out")
            with self.turn():
                patience = self.gettimeout()
                self.settimeout(0)
                try:
                    return super().recv(size, flags)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    self.settimeout(patience)

    def send(self, data, flags=0):
        with self.turn():
            return super().send(data, flags)


ssl.SSLContext.sslsocket_class = OneAtATime


def tell(**what):
    with stdout_lock:
        print(json.dumps(what), flush=True)


def listen(client):
    def relay(name):
        client.on(name, lambda *args: tell(event=name, data=args[0] if args else None))

    for name in GAME_EVENTS:
        relay(name)
    client.on("connect", lambda *_: threading.Thread(target=announce, args=(client,), daemon=True).start())
    client.on("disconnect", lambda *_: tell(event="disconnect"))


def announce(client):
    """Who asked for an upgrade has connected when the upgrade is done, which version 4 begins after its `connect`."""
    deadline = time.monotonic() + 10
    while client.transport() != wanted_transport and time.monotonic() < deadline:
        time.sleep(0.01)
    tell(event="connect", transport=client.transport())


def acknowledge(number):
    return lambda *args: tell(ack=number, data=args[0] if args else None)


def obey(client, order):
    what = order["do"]
    if what == "connect":
        global wanted_transport
        wanted_transport = order["transports"][-1]
        try:
            # Version 5 gives up after a second, which a busy machine may need.
            patient = {"wait_timeout": 15} if "wait_timeout" in signature(client.connect).parameters else {}
            client.connect(order["url"], transports=order["transports"], socketio_path=order["path"], **patient)
        except Exception as error:
            tell(event="broken", data=repr(error))
    elif what == "send":
        callback = acknowledge(order["ack"]) if "ack" in order else None
        client.emit(order["event"], order.get("data"), callback=callback)
    elif what == "close":
        client.disconnect()


def main():
    verify = "REQUESTS_CA_BUNDLE" in os.environ
    if not verify:
        urllib3.disable_warnings()
    client = socketio.Client(ssl_verify=verify, reconnection_delay=0.1, randomization_factor=0)
    listen(client)
    for line in sys.stdin:
        obey(client, json.loads(line))
    # Its background threads still say goodbye, but must not wait for a server that may be gone.
    deadline = time.monotonic() + 3
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0, deadline - time.monotonic()))
    os._exit(0)


main()
