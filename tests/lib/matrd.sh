# matrd.sh - a matrd of the test's own prefix, and requests to it. Sourced after matr.sh.
# shellcheck shell=bash disable=SC2119,SC2120
MATRD=$BUILD/tools/matrd
D=
LOG=$T/matrd.log
stop() { [ -z "$D" ] || { kill "$D" 2>/dev/null || :; wait "$D" 2>/dev/null || :; D=; }; }
trap 'stop; cleanup' EXIT
start()
{
	"$MATRD" "$@" 2>>"$LOG" &
	D=$!
	wait_until answers && return
	not_ok "matrd starts" "$LOG"
	exit 1
}
answers() { [ -S "$MATR_PREFIX/matrd.sock" ] && request '{"request":"ping"}' >/dev/null 2>&1; }
# watching, not_watching: wait until matrd has compared all files of the newest epoch, or has seen that none is in force.
watching() { wait_until watches; }
watches() { status_has "\"watched_epoch\":$(newest_epoch)[,}]"; }
# shellcheck disable=SC2153 # matr.sh has it
newest_epoch() { "$MATR" epoch status --format json | sed -n '0,/^  "epoch": /s/^  "epoch": \([0-9]*\).*/\1/p'; }
not_watching() { wait_until status_has '"watched_epoch":0'; }
status_has() { request '{"request":"status"}' | grep -q "$1"; } # REGEX
status_has_not() { request '{"request":"status"}' >"$T/status.line" && ! grep -q "$1" "$T/status.line"; }
# request LINE...: the first answer to each
cat >"$T/request" <<'P'
#!/usr/bin/python3
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect(os.environ["MATR_PREFIX"] + "/matrd.sock")
f = s.makefile("r")
for line in sys.argv[1:]:
    s.sendall(line.encode() + b"\n")
    print(f.readline().strip())
P
chmod 755 "$T/request"
request() { "$T/request" "$@"; }
