#!/usr/bin/python3
"""Queries that matrd has to answer, and those that it must not. A line each: "good NAME" or "BAD NAME: what came"."""
import json
import os
import socket
import time

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(os.environ["MATR_PREFIX"] + "/matrd.sock")
    return s


def put(s, sql):
    s.sendall(json.dumps({"request": "query", "sql": sql}).encode() + b"\n")


def ask(sql):
    rows = []
    with connect() as s:
        put(s, sql)
        for line in s.makefile("r"):
            event = json.loads(line)
            if event["event"] == "row":
                rows.append(event["values"])
            elif event["event"] != "columns":
                return rows, event
    return rows, {"event": "lost"}


def check(name, good, what=None):
    print(f"good {name}" if good else f"BAD {name}: {what!r}"[:300], flush=True)


rows, e = ask("SELECT path FROM application_records ORDER BY path")
check("an answer", len(rows) >= 3 and e["rows"] == len(rows) and not e["truncated"], (rows, e))
rows, e = ask("SELECT 1, 2.5, 'a\u00e9', NULL, x'00ff'")
check("every type", rows == [[1, 2.5, "a\u00e9", None, "x'00ff'"]], rows)
s = connect()
s.sendall(b'{"request":"query","sql":"SELECT 1"}\n{"request":"ping"}\n{"request":"query","sql":"SELECT 2"}\n')
f = s.makefile("r")
got = [json.loads(f.readline())["event"] for _ in range(7)]
check("one after the other on one connection", got == ["columns", "row", "done", "pong", "columns", "row", "done"], got)
s.sendall(b'{"request":"query","sql":7}\n')
check("sql is no string", json.loads(f.readline())["code"] == "usage")
s.sendall(b'{"request":"query"}\n')
check("no sql", json.loads(f.readline())["code"] == "usage")

for sql in ["DELETE FROM epochs", "UPDATE epochs SET ended = 1", "INSERT INTO epochs (id) VALUES (99)", "DROP TABLE epochs",
            "CREATE TABLE x (y)", "CREATE TEMP TABLE x (y)", "ATTACH '/etc/passwd' AS x",
            "ATTACH '/tmp/matr-test-attached' AS x", "VACUUM INTO '/tmp/matr-test-vacuumed'", "PRAGMA query_only = OFF",
            "PRAGMA journal_mode = DELETE", "PRAGMA writable_schema = ON", "BEGIN IMMEDIATE", "COMMIT", "REINDEX", "ANALYZE",
            "SELECT load_extension('/tmp/x.so')", "SELECT 1; DELETE FROM epochs", "SELECT 1; SELECT 2", "DETACH main",
            "CREATE VIRTUAL TABLE x USING fts5(a)", "SELECT * FROM pragma_database_list", "SELECT readfile('/etc/shadow')",
            "SELECT writefile('/tmp/matr-test-w', 'x')", "", ";", "-- nothing", "nonsense", "SELECT * FROM nowhere",
            "SELECT \0", "SAVEPOINT x", "WITH x AS (SELECT 1) DELETE FROM epochs", "SELECT fts3_tokenizer('a')"]:
    rows, e = ask(sql)
    check("refused: " + sql.replace("\0", "NUL"), rows == [] and e.get("code") in ("usage", "untrusted"), (rows, e))

everything = ", ".join(f"objects {c}" for c in "abcdefghijklm")
for name, sql in [
        ("endless recursion", ENDLESS + "count(*) FROM n"),
        ("memory", "WITH RECURSIVE n(i, s) AS (SELECT 1, randomblob(900000) UNION ALL"
                   " SELECT i + 1, randomblob(900000) FROM n) SELECT i FROM n ORDER BY s"),
        ("a large value", "SELECT zeroblob(2000000000)"),
        ("a value that grows", f"SELECT group_concat(a.path) FROM {everything}"),
        ("a join of everything", f"SELECT count(*) FROM {everything}"),
        ("nesting", "SELECT " + "(" * 2000 + "1" + ")" * 2000 + " + 1" * 500),
        ("terms", "SELECT 1" + " UNION ALL SELECT 1" * 300)]:
    start = time.time()
    rows, e = ask(sql)
    check(f"limited: {name}", rows == [] and e["event"] == "error" and time.time() - start < 9, (len(rows), e))
rows, e = ask(ENDLESS + "i FROM n")
check("rows are cut off", len(rows) == 10000 and e.get("truncated"), (len(rows), e))
rows, e = ask(ENDLESS + "hex(zeroblob(200000)) FROM n")
check("bytes are cut off", len(rows) < 30 and e.get("truncated"), (len(rows), e))

many = [connect() for _ in range(4)]
for s in many:
    put(s, ENDLESS + "count(*) FROM n")
time.sleep(0.5)
start = time.time()
p = connect()
p.sendall(b'{"request":"ping"}\n')
p.recv(100)
check("matrd answers others meanwhile", time.time() - start < 1, time.time() - start)
many[-1].settimeout(1)
check("too many at once are told", b"busy" in many[-1].recv(1000))
for s in many:
    s.close()
time.sleep(0.5)
rows, e = ask("SELECT 1")
check("who goes takes his query with him", rows == [[1]], (rows, e))
s = connect()
put(s, ENDLESS + "hex(zeroblob(200000)) FROM n")
time.sleep(12)
got, n = 0, 1
try:
    while n:
        n = len(s.recv(1 << 20))
        got += n
except ConnectionError:
    pass
check("who does not read is dropped", got < 8 << 20, got)
