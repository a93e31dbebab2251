"""What the booted machine's test needs of a client, with nothing but Python's standard library.

player.py round             plays one round on the native WebSocket and prints its result
player.py certificate       prints the fingerprint of the certificate that is served
player.py load STOP         connects without pause until the file STOP exists; prints how many were answered
player.py once              connects once and waits for the answer
player.py names             answers every question for a name with 127.0.0.1, as a DNS server at port 53
player.py look NAME         looks the name up and connects to port 443 there, as whoever fetches a certificate does

The server is at localhost:443; its certificate is checked against $CA.
"""

import base64
import hashlib
import json
import os
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time

ADDRESS = ("localhost", 443)
PATIENCE = 60
THREADS = 8


def connect():
    context = ssl.create_default_context(cafile=os.environ["CA"])
    stream = socket.create_connection(ADDRESS, timeout=PATIENCE)
    return context.wrap_socket(stream, server_hostname="localhost")


def ask():
    """One HTTPS request on a connection of its own; fails unless the answer is a 200."""
    with connect() as stream:
        stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = stream.makefile("rb").readline()
    if answer != b"HTTP/1.1 200 OK\r\n":
        raise ConnectionError(f"answered {answer!r}")


def load(stop):
    lock = threading.Lock()
    answered, failures, longest = 0, [], 0.0

    def client():
        nonlocal answered, longest
        while not stop.exists():
            started = time.monotonic()
            try:
                ask()
            except OSError as error:
                with lock:
                    failures.append(repr(error))
                continue
            with lock:
                answered += 1
                longest = max(longest, time.monotonic() - started)

    threads = [threading.Thread(target=client) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{answered + len(failures)} tried, {len(failures)} refused or cut off, longest wait {longest:.2f} s")
    for failure in sorted(set(failures)):
        print(f"  {failures.count(failure)} x {failure}")
    return not failures and answered > 0


class WebSocket:
    """The few frames a round needs: text out, masked; text in."""

    def __init__(self):
        self.stream = connect()
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET /applet/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.input = self.stream.makefile("rb")
        status = self.input.readline()
        if not status.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"answered {status!r}")
        while self.input.readline() != b"\r\n":
            pass

    def say(self, event, data=None):
        message = {"event": event} if data is None else {"event": event, "data": data}
        text = json.dumps(message).encode()
        length = struct.pack("!BB", 0x81, 0x80 | len(text)) if len(text) < 126 else struct.pack("!BBH", 0x81, 0xFE, len(text))
        # Masked with zeros, which leaves it as it is.
        self.stream.sendall(length + bytes(4) + text)

    def hear(self, wanted):
        while True:
            kind, length = self.input.read(2)
            if length == 126:
                (length,) = struct.unpack("!H", self.input.read(2))
            payload = self.input.read(length)
            if kind == 0x81:
                message = json.loads(payload)
                if message["event"] == wanted:
                    return message["data"]
            elif kind == 0x88:
                raise ConnectionError(f"closed while waiting for {wanted}")


def round_():
    socket_ = WebSocket()
    socket_.say("hello", {"user": {"uid": "player", "uname": "Player", "uavatar": ""}})
    socket_.say("join")
    socket_.hear("start")
    socket_.say("choice", {"choice": 2})
    print("a round:", json.dumps(socket_.hear("result"))[:120])
    return True


def certificate():
    with connect() as stream:
        print(hashlib.sha256(stream.getpeercert(binary_form=True)).hexdigest())
    return True


def once():
    started = time.monotonic()
    ask()
    print(f"answered after {time.monotonic() - started:.2f} s")
    return True


def names():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, client = server.recvfrom(512)
        end = query.index(b"\0", 12) + 5
        is_a = query[end - 4 : end] == b"\0\1\0\1"
        header = query[:2] + b"\x81\x80" + struct.pack("!HHHH", 1, int(is_a), 0, 0)
        answer = b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + bytes([127, 0, 0, 1])
        server.sendto(header + query[12:end] + (answer if is_a else b""), client)


def look(name):
    with socket.create_connection((name, 443), timeout=PATIENCE) as stream:
        print(f"{name} is {stream.getpeername()[0]}, and can be connected to")
    return True


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    commands = {
        "round": round_,
        "certificate": certificate,
        "once": once,
        "names": names,
        "look": look,
        "load": lambda path: load(pathlib.Path(path)),
    }
    sys.exit(not commands[what](*arguments))
