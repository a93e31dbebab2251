"""A bot: plays some rounds of Wulin and prints what came of each. Python 3.9 or newer.

pip install websocket-client
python3 examples/bot.py [wss://localhost:8443/applet/websocket] [3]
"""

import json
import sys
import uuid

import websocket

HANDS = {None: "nothing", 1: "scissors", 2: "rock", 3: "paper"}
address = sys.argv[1] if len(sys.argv) > 1 else "wss://localhost:8443/applet/websocket"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
me = {"uid": str(uuid.uuid4()), "uname": "Python bot", "uavatar": ""}
hand = 2

# Where the server says nothing for a minute, `recv` fails: no wait goes on for ever.
socket = websocket.create_connection(address, timeout=60)


def say(event, data=None):
    socket.send(json.dumps({"event": event, "data": data}))


def wait_for(event):
    """The payload of the next event of this name. Others are skipped: a newer server may know more of them."""
    while True:
        message = json.loads(socket.recv())
        if message["event"] == "fault":
            sys.exit("refused: {message} ({code})".format(**message["data"]))
        if message["event"] == event:
            return message["data"]


say("hello", {"user": me})
wait_for("hi")
for number in range(1, rounds + 1):
    say("join")
    wait_for("start")
    say("choice", {"choice": hand})
    result = wait_for("result")["result"]
    mine = next(player for player in result if player["uid"] == me["uid"])
    theirs = next(player for player in result if player["uid"] != me["uid"])
    score = f"scores {mine['roundScore']}, {mine['totalScore']} in all"
    print(f"round {number}: {HANDS[mine['choice']]} against {HANDS[theirs['choice']]} {score}", flush=True)
    # People repeat themselves: the next hand is the one that beats their last.
    if theirs["choice"]:
        hand = theirs["choice"] % 3 + 1
socket.close()
