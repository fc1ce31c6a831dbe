#!/usr/bin/python3
"""Requests that only read, as they should be and as they should not. A line each: "good NAME" or "BAD NAME: what came".

usage: store_copy_client.py [owner]     ask the matrd of MATR_PREFIX; owner: root or whose prefix it is
       store_copy_client.py deaf        ask, and do not read
       store_copy_client.py lie HOW     say to be that matrd, and answer badly
"""
import json
import os
import select
import socket
import sqlite3
import sys
import time

PATH = os.environ["MATR_PREFIX"] + "/matrd.sock"


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(PATH)
    return s


def put(s, **request):
    s.sendall(json.dumps(request).encode() + b"\n")


def read_exactly(f, n):
    data = f.read(n)
    return data if len(data) == n else b""


def store(s, f):
    """The event and the bytes that follow."""
    put(s, request="store")
    event = json.loads(f.readline() or "{}")
    return event, read_exactly(f, event["bytes"]) if event.get("event") == "store" else b""


def check(name, good, what=None):
    print(f"good {name}" if good else f"BAD {name}: {what!r}"[:300], flush=True)


def lie(how):
    server = socket.socket(socket.AF_UNIX)
    server.bind(PATH + ".new")
    os.chmod(PATH + ".new", 0o666)
    server.listen()
    os.rename(PATH + ".new", PATH) # who sees it can connect
    while True:
        s, _ = server.accept()
        s.recv(1000)
        answer = b""
        if how == "truncated":
            answer = b'{"event":"store","bytes":100000,"image":1}\n' + b"SQLite format 3\0"
        elif how == "absurd":
            answer = b'{"event":"store","bytes":9000000000000000000,"image":1}\n'
        elif how in ("garbage", "stranger"):
            answer = b'{"event":"store","bytes":8192,"image":1}\n' + os.urandom(8192)
        try:
            s.sendall(answer)
        except BrokenPipeError:
            pass
        s.close()


def hung_up(s, seconds=0):
    """Test whether the other side has gone. Waits so long for it, and reads nothing."""
    poll = select.poll()
    poll.register(s, 0)
    return any(events & select.POLLHUP for _, events in poll.poll(seconds * 1000))


def deaf():
    """Ask, and read when the other side has given up."""
    with connect() as s:
        put(s, request="store")
        size = json.loads(s.recv(1000, socket.MSG_PEEK).split(b"\n")[0])["bytes"]
        hung_up(s, 120)
        got, n = 0, 1
        try:
            while n:
                n = len(s.recv(1 << 20))
                got += n
        except ConnectionError:
            pass
        check("who does not read is dropped", 0 < got < size, (got, size))


if sys.argv[1:] == ["deaf"]:
    deaf()
    sys.exit()
if sys.argv[1:2] == ["lie"]:
    lie(sys.argv[2])
owner = sys.argv[1:] == ["owner"]

s = connect()
f = s.makefile("rb")
event, data = store(s, f)
check("the store comes", len(data) > 50000, event)
db = sqlite3.connect(":memory:")
db.deserialize(data)
check("it is sound", db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
check("it has the epochs", event["image"] in [row[0] for row in db.execute("SELECT id FROM epochs")], event)
s.sendall(b'{"request":"store"}\n{"request":"ping"}\n{"request":"report","format":"json"}\n')
size = json.loads(f.readline())["bytes"]
check("one after the other on one connection", read_exactly(f, size) == data and json.loads(f.readline())["event"] == "pong")
report = ""
while (line := json.loads(f.readline()))["event"] == "output":
    report += line["data"]
check("the report", line == {"event": "exit", "status": 0} and json.loads(report)["state"] == "epoch", (line, report))
for bad in [{}, {"format": "csv"}, {"format": 7}, {"format": "json --help"}, {"format": ["json"]}]:
    put(s, request="report", **bad)
    check(f"report: {bad}", json.loads(f.readline()).get("code") == "usage")
for verb in ["query", "stores", "", None, 7, "store "]:
    put(s, request=verb, sql="SELECT 1")
    check(f"no request: {verb!r}", json.loads(f.readline()).get("code") == "usage")
if not owner:
    for verb in ["begin", "end"]:
        put(s, request=verb, programs=["/bin/true"])
        check(f"refused: {verb}", json.loads(f.readline()).get("code") == "untrusted")
s.close()

# They ask and do not read: the readers wait with all that does not fit into the socket, and for so long only.
deaf = [connect() for _ in range(6)]
for s in deaf:
    put(s, request="store")
heads = [(s, s.recv(20)) for s in deaf]
deaf = [s for s, head in heads if b"store" in head]
with connect() as s:
    put(s, request="ping")
    check("others are answered meanwhile", b"pong" in s.recv(100) and not any(map(hung_up, deaf)))
check("too many at once are told", len(deaf) == (4 if owner else 2), heads)
for s in deaf + [s for s, head in heads if b"store" not in head]:
    s.close()
event, start = {}, time.monotonic()
while event.get("event") != "store" and time.monotonic() - start < 15: # the readers would wait for 20 seconds
    with connect() as s:
        event, data = store(s, s.makefile("rb"))
check("who goes takes his reader with him", len(data) > 50000, event)
for s in [connect() for _ in range(4)]:
    put(s, request="store")
    s.shutdown(socket.SHUT_WR)
    s.close()
with connect() as s:
    put(s, request="status")
    status = json.loads(s.makefile("rb").readline())
    check("matrd goes on", status.get("event") == "status", status)
