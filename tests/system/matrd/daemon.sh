#!/usr/bin/env bash
# daemon.sh - matrd: epochs begun and ended through it, what it does when files change, and what it bears.
#
# usage: daemon.sh [CASE]...    MATR_DAEMON_KILLS=N for more than 20 kill -9
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2119,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/matrd.sh
. "$TESTS/lib/matrd.sh"
applied() { LD_STABLE_DEBUG=1 "$MATR" run "$1" 2>&1 | grep -q '^ld-stable: applied'; }
plain() { ! applied "$1"; }
withdrawn() # PROGRAM
{
	"$MATR" epoch status --format json | jq -e --arg p "$1" '[.violations[].withdrawn[]] | index($p)' >/dev/null
}
withdrawn_soon() { within 1 withdrawn "$1"; }
violations() { "$MATR" epoch status --format json | jq '.violations | length'; } # their number
ended() { "$MATR" epoch status --format json >"$T/ended" || :; [ ! -e "$MATR_PREFIX/epoch.image" ] && jq -e '.violations[0].action == "ended"' "$T/ended"; }
begin() { "$MATR" epoch begin --only -q "$T/a" "$T/b" "$T/c" && watching; }

mkdir "$T/one" "$T/two" "$T/other"
echo 'int f(void){return 1;}' >"$T/f.c"
echo 'int f(void); int main(void){return f()-1;}' >"$T/m.c"
$CC -shared -fPIC -Wl,-soname,libf.so.1 -o "$T/two/libf.so.1.0" "$T/f.c"
ln -s libf.so.1.0 "$T/two/libf.so.1"
cp "$T/two/libf.so.1.0" "$T/two/libf.so.1.1"
cp "$T/two/libf.so.1.0" "$T/other/libf.so.1"
$CC -o "$T/a" "$T/m.c" "$T/two/libf.so.1" -Wl,-rpath,"$T/one:$T/two"
$CC -o "$T/b" "$T/m.c" "$T/two/libf.so.1" -Wl,-rpath,"$T/two"
$CC -o "$T/c" "$T/m.c" "$T/other/libf.so.1" -Wl,-rpath,"$T/missing:$T/other"

violation() # NAME VICTIM SURVIVOR COMMAND...
{
	local name=$1 victim=$2 survivor=$3
	shift 3
	begin || not_ok "$name: begin"
	"$@"
	check "$name: withdrawn within a second" withdrawn_soon "$victim"
	check "$name: plain start" plain "$victim"
	check "$name: the others are not concerned" applied "$survivor"
	"$MATR" epoch end
}
replace() { cp "$1" "$1.new" && mv "$1.new" "$1"; }
before_case()
{
	stop
	"$MATR" epoch end >/dev/null 2>&1 || :
	start
}

# the same as without
case_embedded()
{
	stop
	"$MATR" epoch begin --only -q "$T/a" "$T/b" "$T/c"
	cp "$MATR_PREFIX/epoch.image" "$T/embedded.image"
	"$MATR" epoch end
	rm -rf "$MATR_PREFIX"
	start
	check "begin through matrd" begin
	check "its image is the one that matr makes itself" same_image "$T/embedded.image" "$MATR_PREFIX/epoch.image"
	check "status says that matrd watches" sh -c "'$MATR' epoch status | grep -q '^matrd .*watches'"
	check "a program starts from it" applied "$T/a"
	check "end through matrd" "$MATR" epoch end
	check "end again is an error" sh -c "! '$MATR' epoch end 2>/dev/null"
	check "an epoch that matr begins itself is watched too" sh -c "'$MATR' epoch begin --only --no-daemon -q '$T/a'"
	check "... it is" watching
}

# who may
case_permissions()
{
	begin
	chmod 755 "$T" "$MATR_PREFIX"
	nobody='setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/ MATR_PREFIX='$MATR_PREFIX
	if [ "$(id -u)" -eq 0 ]; then
		# shellcheck disable=SC2086 # words
		check "anyone may ask for the status" grep -q watched_epoch <($nobody "$T/request" '{"request":"status"}')
		# shellcheck disable=SC2086
		check "not everybody may end" grep -q untrusted <($nobody "$T/request" '{"request":"end"}')
		check "... nor begin" sh -c "! $nobody '$MATR' epoch begin --only /bin/true 2>/dev/null"
	fi
}

case_violations()
{
	for mode in "" --inotify; do
		stop
		# shellcheck disable=SC2086
		start $mode
		violation "library replaced ($mode)" "$T/a" "$T/c" replace "$T/two/libf.so.1.0"
		violation "library modified in place ($mode)" "$T/b" "$T/c" touch "$T/two/libf.so.1.0"
		violation "library made unreadable ($mode)" "$T/c" "$T/a" chmod 640 "$T/other/libf.so.1"
		chmod 755 "$T/other/libf.so.1"
		violation "symbolic link switched ($mode)" "$T/a" "$T/c" ln -sfn libf.so.1.1 "$T/two/libf.so.1"
		ln -sfn libf.so.1.0 "$T/two/libf.so.1"
		violation "library removed ($mode)" "$T/c" "$T/a" mv "$T/other/libf.so.1" "$T/away"
		mv "$T/away" "$T/other/libf.so.1"
		violation "library in an earlier directory ($mode)" "$T/a" "$T/b" cp "$T/two/libf.so.1.0" "$T/one/libf.so.1"
		rm "$T/one/libf.so.1"
		mkdir -p "$T/new"
		cp "$T/other/libf.so.1" "$T/new"
		violation "earlier directory that was not there ($mode)" "$T/c" "$T/a" mv "$T/new" "$T/missing"
		rm -r "$T/missing"
		violation "directory renamed ($mode)" "$T/c" "$T/a" mv "$T/other" "$T/elsewhere"
		mv "$T/elsewhere" "$T/other"
		violation "application replaced ($mode)" "$T/b" "$T/a" replace "$T/b"
	done
	begin
	echo x >"$T/two/unrelated"
	rm "$T/two/unrelated"
	touch "$T/b" # events come in order
	check "(a violation after that)" withdrawn_soon "$T/b"
	equal "a file that nobody asked for is no violation" 1 "$(violations)"
	"$MATR" epoch end
	begin
	kill "$D"; wait "$D" || :
	touch "$T/other/libf.so.1"
	start
	check "what changed while nobody watched is found" withdrawn_soon "$T/c"
	stop
	start
	watching
	equal "... and not reported twice" 1 "$(violations)"
	check "the next epoch has them again" begin
	check "... and all is well" applied "$T/c"
	"$MATR" epoch end
	stop
	start --strict
	begin
	touch "$T/two/libf.so.1.0"
	check "--strict: the epoch ends within a second" within 1 ended
	stop
	start
}

# settings that are read again
case_settings()
{
	stop
	printf '[matrd]\nstrict = no\n' >"$T/matr.conf"
	start --config "$T/matr.conf"
	begin
	printf '[matrd]\nstrict = yes\ninotify = yes\n' >"$T/matr.conf"
	kill -HUP "$D"
	check "SIGHUP: the configuration is read again" wait_until grep -q 'read again: strict yes, inotify yes' "$LOG"
	check "... inotify from now on" wait_until status_has '"method":"inotify"'
	check "... it is no violation" test -e "$MATR_PREFIX/epoch.image"
	echo 'strict = perhaps' >>"$T/matr.conf"
	kill -HUP "$D"
	check "SIGHUP with a file that is wrong: it is named" wait_until grep -q 'matr.conf: line 4: .*yes or no' "$LOG"
	check "... and matrd goes on" sh -c "'$T/request' '{\"request\":\"ping\"}' | grep -q pong"
	touch "$T/two/libf.so.1.0"
	check "... as it was, strictly" within 1 ended
	stop
	capture wrong timeout -k 5 120 "$MATRD" --config "$T/matr.conf"
	check "such a file at the start is an error" test "$(cat "$T/wrong.status")" -eq 1 -a "$(grep -c 'matr.conf: line 4' "$T/wrong.err")" -eq 1
	printf '[matrd]\nstrict = yes\n' >"$T/matr.conf"
	start --config "$T/matr.conf"
	begin
	printf '[matrd]\n' >"$T/matr.conf"
	kill -HUP "$D"
	wait_until grep -q 'read again: strict no' "$LOG"
	touch "$T/two/libf.so.1.0"
	check "SIGHUP: not strict any more" withdrawn_soon "$T/a"
	check "... the epoch goes on" applied "$T/c"
	"$MATR" epoch end
	stop
	start
}

# what is loaded with dlopen() only
case_dlopen()
{
	mkdir "$T/plugins"
	echo 'int f(void); int g(void){return f();}' >"$T/g.c"
	$CC -shared -fPIC -o "$T/plugins/helper.so" "$T/f.c"
	$CC -shared -fPIC -o "$T/plugins/plugin.so" "$T/g.c" "$T/plugins/helper.so" -Wl,-rpath,"$T/plugins"
	cat >"$T/d.c" <<'P'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
	void *plugin = dlopen(argv[1], RTLD_NOW);
	int (*g)(void) = plugin ? (int (*)(void))dlsym(plugin, "g") : 0;
	(void)argc;
	if (!g) puts(dlerror());
	return g ? g() - 1 : 1;
}
P
	$CC -o "$T/d" "$T/d.c" -ldl
	"$MATR" record "$T/d" "$T/plugins/plugin.so" >"$T/check.out" 2>&1 || not_ok "record" "$T/check.out"
	loaded() { LD_STABLE_DEBUG=1 "$MATR" run "$T/d" "$T/plugins/plugin.so" 2>&1; }
	for mode in "" --inotify; do
		stop
		# shellcheck disable=SC2086
		start $mode
		for file in plugin.so helper.so; do
			"$MATR" epoch begin --only -q "$T/d" "$T/c" && watching || :
			check "$file: the closure is applied ($mode)" grep -q 'applied closure' <(loaded)
			replace "$T/plugins/$file"
			check "$file, which only a closure has, replaced ($mode): withdrawn within a second" withdrawn_soon "$T/d"
			check "... a plain start, that does the same" sh -c "! LD_STABLE_DEBUG=1 '$MATR' run '$T/d' '$T/plugins/plugin.so' 2>&1 | grep -q applied && '$MATR' run '$T/d' '$T/plugins/plugin.so'"
			check "... the others are not concerned" applied "$T/c"
			"$MATR" epoch end
		done
	done
	"$MATR" record --forget-all >/dev/null
	stop
	start
}

# more events than the kernel keeps, and a mount
case_lost_events()
{
	for mode in "" --inotify; do
		stop
		# shellcheck disable=SC2086
		start $mode
		begin
		kill -STOP "$D"
		(cd "$T/two" && seq -f 'flood%.0f' 30000 | xargs touch && find . -name 'flood*' -delete)
		touch "$T/other/libf.so.1"
		kill -CONT "$D"
		check "events were lost ($mode): withdrawn all the same" withdrawn_soon "$T/c"
		check "... and the others not" applied "$T/a"
		"$MATR" epoch end
	done
}

case_hostile_clients()
{
	python3 - >"$T/hostile" <<'P'
import os, socket, time
path = os.environ["MATR_PREFIX"] + "/matrd.sock"
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(path); return s
for data in [b"\0\xff garbage\n", b"[1,2]\n", b"{" * 10000 + b"\n", b'{"request":7}\n', b"x" * (5 << 20)]:
    s = connect()
    try: s.sendall(data)
    except OSError: pass
    s.close()
many = []
for i in range(500):
    try: many.append(connect())
    except OSError: break
slow = many[0]
try: slow.send(b'{"requ')
except OSError: pass
for s in many[1:]: s.close()
end, pong = time.monotonic() + 60, b"" # matrd has to see first that they have gone
while not pong and time.monotonic() < end:
    try: s = connect(); s.sendall(b'{"request":"ping"}\n'); pong = s.recv(100)
    except OSError: pass
print(pong.decode(), end="")
P
	check "hostile clients do not keep others out" grep -q pong "$T/hostile"

	check "a request may come in pieces" python3 -c '
import os, socket, time
s = socket.socket(socket.AF_UNIX); s.settimeout(60)
s.connect(os.environ["MATR_PREFIX"] + "/matrd.sock")
for c in b"{\"request\":\"ping\"}\n": s.send(bytes([c])); time.sleep(0.01)
assert b"pong" in s.recv(100)'
}

# hold_lock, release_lock: that of the prefix. A begin with --wait is at work in between, and comes to no end.
hold_lock() { exec 9<>"$MATR_PREFIX/lock" && flock 9; }
release_lock() { exec 9>&-; }
connected() { find "/proc/$D/fd" -lname 'socket:*' | wc -l; }
more_connections() { [ "$(connected)" -gt "$1" ]; } # N

# two begins
case_busy()
{
	hold_lock
	"$MATR" epoch begin --only -q --wait "$T/a" "$T/b" >"$T/first.out" 2>&1 9>&- &
	first=$!
	wait_until status_has '"job"'
	check "status answers while a begin runs" sh -c "'$MATR' epoch status | grep -q '^begin '"
	check "a second begin is told" sh -c "'$MATR' epoch begin --only -q '$T/a' 2>&1 | grep -q already"
	connections=$(connected)
	"$MATR" epoch begin --only -q --wait "$T/a" 9>&- &
	second=$!
	wait_until more_connections "$connections"
	release_lock
	check "the first one ends" wait "$first"
	check "... and the one that waits begins its own" wait "$second"
	check "... which is in force" sh -c "'$MATR' epoch status --format json | jq -e '.programs == 1'"
}

# who goes takes the begin with him; kill -9
case_killed()
{
	"$MATR" epoch begin --only -q "$T/a"
	hold_lock
	"$MATR" epoch begin --only -q --wait 9>&- &
	first=$!
	wait_until status_has '"job"'
	kill -9 "$first"; wait "$first" 2>/dev/null || :
	check "a begin is stopped when its client goes" wait_until status_has_not '"job"'
	release_lock
	as_before() { "$MATR" epoch status --format json | jq -e '.programs == 1 and .busy == false and (.problems | length == 0)'; }
	check "... and nothing has changed" wait_until as_before
	: >"$T/wrong"
	kills=${MATR_DAEMON_KILLS:-20}
	for _ in $(seq "$kills"); do
		"$MATR" epoch begin --only -q "$T/a" "$T/b" "$T/c" /bin/ls /bin/cat /usr/bin/git >/dev/null 2>&1 &
		first=$!
		sleep "0.$(printf %03d $((RANDOM % 250)))"
		kill -9 "$D"; wait "$D" 2>/dev/null || :
		wait "$first" 2>/dev/null || :
		"$MATR" epoch status >"$T/status" 2>&1 || :
		# "ahead" is what it leaves between the commit of the store and the rename of the image (docs/states.md).
		grep -Eq '^state  *(epoch|ahead: in force is epoch)' "$T/status" || cat "$T/status" >>"$T/wrong"
		"$MATR" epoch begin --only -q --no-daemon --wait "$T/a" "$T/b" "$T/c" 2>>"$T/wrong" || echo "begin: exit status $?" >>"$T/wrong"
		applied "$T/a" || echo "a plain start" >>"$T/wrong"
		start
	done
	[ ! -s "$T/wrong" ] && ok "kill -9 of matrd during begin, $kills times" || not_ok "kill -9 of matrd during begin, $kills times" "$T/wrong" "$LOG"
}

case_memory()
{
	rss() { awk '/VmRSS/ { print $2 }' "/proc/$D/status"; }
	for _ in $(seq 5); do "$MATR" epoch begin --only -q "$T/a" "$T/b" "$T/c"; done
	"$MATR" epoch begin --only -q "$T/a" "$T/b" # as in the end
	watching || not_ok "matrd watches the newest epoch" "$LOG"
	before=$(rss)
	for _ in $(seq 25); do
		"$MATR" epoch begin --only -q "$T/a"
		"$MATR" epoch begin --only -q "$T/a" "$T/b"
	done
	watching || not_ok "matrd watches the newest epoch" "$LOG"
	after=$(rss)
	check "50 begins: the memory of matrd stays ($before kB before, $after kB after)" test "$after" -lt $((before + 1024))
}

case_service_manager()
{
	stop
	python3 - "$T/notify" >"$T/notified" <<'P' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(600)
try:
    while True:
        text = s.recv(1000).decode(); print(text, flush=True)
        if "STOPPING" in text: break
except TimeoutError: pass
P
	listener=$!
	wait_until test -S "$T/notify"
	NOTIFY_SOCKET=$T/notify start
	"$MATR" epoch begin --only -q &
	first=$!
	wait_until grep -q ' of ' "$T/notified"
	kill $first 2>/dev/null || : # a small system's may have ended
	wait $first || :
	stop
	wait "$listener"
	check "sd_notify: ready, status, stopping" sh -c "grep -q READY=1 '$T/notified' && grep -q STATUS=waiting '$T/notified' && grep -q STOPPING=1 '$T/notified'"
	check "... and how far a begin is" grep -Eq '^STATUS=[a-z ]+: [0-9]+ of [1-9][0-9]*$' "$T/notified"
	if command -v systemd-socket-activate >/dev/null; then
		systemd-socket-activate -l "$MATR_PREFIX/matrd.sock" -E MATR_PREFIX "$MATRD" 2>>"$LOG" &
		D=$!
		wait_until grep -q "^Listening on $MATR_PREFIX/matrd.sock" "$LOG"
		activated() { "$MATR" epoch begin --only -q "$T/b" && watching && "$MATR" epoch status | grep -q '^matrd .*watches'; }
		check "socket activation" activated
	fi
	stop
	"$MATR" epoch end || : # none, where the begin was ended in time
}

run_cases "$@"
