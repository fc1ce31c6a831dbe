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
	for _ in $(seq 100); do
		[ -S "$MATR_PREFIX/matrd.sock" ] && request '{"request":"ping"}' >/dev/null 2>&1 && return
		sleep 0.05
	done
	not_ok "matrd starts" "$LOG"
	exit 1
}
# request LINE...: the first answer to each
cat >"$T/request" <<'P'
#!/usr/bin/python3
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(3)
s.connect(os.environ["MATR_PREFIX"] + "/matrd.sock")
f = s.makefile("r")
for line in sys.argv[1:]:
    s.sendall(line.encode() + b"\n")
    print(f.readline().strip())
P
chmod 755 "$T/request"
request() { "$T/request" "$@"; }
