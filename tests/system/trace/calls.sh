#!/usr/bin/env bash
# calls.sh - counting and timing by way of the mapping (matr-trace(1)): counts against a counting library, against what the program knows, and
# programs that leave functions in every way there is.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/trace.sh
. "$TESTS/lib/trace.sh"

# calls NAME SYMBOL [CALLER]: their sum; finished: those that were seen to return
sum()
{
	/usr/bin/python3 - "$T/$1.csv" "$2" "$3" "${4:-}" <<'END2'
import csv, fnmatch, sys
rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["symbol"] == sys.argv[3] and fnmatch.fnmatch(r["caller"], sys.argv[4] or "*")]
print(sum(int(r["calls"]) - (int(r["unfinished"]) if sys.argv[2] == "finished" else 0) for r in rows))
END2
}
calls() { sum "$1" calls "$2" "${3:-}"; }
finished() { sum "$1" finished "$2" "${3:-}"; }

mkdir -p "$T/lib"
$CXX -O1 -fPIC -shared -o "$T/lib/libf.so" "$HERE/sources/calls.cc" -Wno-psabi -L"$T/lib" 2>/dev/null
$CXX -O1 -fPIC -shared -o "$T/lib/libg.so" "$HERE/sources/calls_more.cc"
$CXX -O1 -o "$T/main" "$HERE/sources/calls_main.cc" -Wno-psabi -L"$T/lib" -lf -lg -Wl,-rpath,"$T/lib" -pthread
echo 'extern void outer(void); int main(void) { outer(); outer(); return 0; }' >"$T/v.c"
$CC -O1 -fPIC -shared -o "$T/lib/libu.so" "$HERE/sources/sleeps_more.c"
$CC -O1 -fPIC -shared -o "$T/lib/libt.so" "$HERE/sources/sleeps.c" -L"$T/lib" -lu -Wl,-rpath,"$T/lib"
$CC -O1 -o "$T/v" "$T/v.c" -L"$T/lib" -lt -lu -Wl,-rpath,"$T/lib"

# every way to be called, and to leave
case_calls()
{
	status=0
	"$T/main" >"$T/plain.out" || status=$?
	trace all --symbol '*' "$T/main"
	check "everything traced: the output" cmp "$T/plain.out" "$T/all.out"
	check "everything traced: the exit status" test "$(cat "$T/all.status")" = $status
	trace ours --requester main --requester '*' --symbol add --symbol mix --symbol large --symbol sum --symbol wide --symbol two --symbol middle --symbol thrower \
		--symbol jumper --symbol deep --symbol recurse --symbol 'tail*' --symbol longer "$T/main"
	check "some traced: the output" cmp "$T/plain.out" "$T/ours.out"
	check "threads, signals, coroutines, fork: calls" test "$(calls ours add)" = $((1 + 8 * 10000 + 1 + 10 + 3 + 1))
	check "all of them were seen to return" test "$(finished ours add)" = "$(calls ours add)"
	check "exceptions: calls" test "$(calls ours middle) $(calls ours thrower)" = "100 100"
	check "exceptions: those that were thrown through did not return" test "$(finished ours middle) $(finished ours thrower)" = "50 50"
	check "longjmp: calls" test "$(calls ours jumper)" = 5000
	check "recursion" test "$(calls ours deep) $(finished ours deep)" = "501 501"
	check "tail calls" test "$(calls ours tail) $(finished ours tail) $(finished ours tail_target)" = "1 1 1"
	trace kill --symbol add "$T/main" kill
	check "kill -9: exit status" test "$(cat "$T/kill.status")" = 137
	check "kill -9: nothing is lost" test "$(calls kill add)" = "$(calls ours add)"
	trace exec --symbol add "$T/main" exec
	check "exec: the other program runs, the calls before count" test "$(tail -n 1 "$T/exec.out") $(calls exec add)" = "executed $(calls ours add)"
	trace count --count --symbol add "$T/main"
	check "--count" test "$(calls count add) $(finished count add)" = "$(calls ours add) 0"
}

case_timing()
{
	local from=${EPOCHREALTIME/./}
	trace time --symbol outer --symbol inner "$T/v"
	/usr/bin/python3 - "$T/time.csv" $((${EPOCHREALTIME/./} - from)) >"$T/said" 2>&1 <<'END2' && ok "total and self time" || not_ok "total and self time" "$T/said" "$T/time.csv"
import csv, sys
r = {r["symbol"]: r for r in csv.DictReader(open(sys.argv[1]))}
total, own, inner = (int(r["outer"]["total_ns"]), int(r["outer"]["self_ns"]), int(r["inner"]["total_ns"]))
# two calls of 150 ms, of which 50 are its own; a busy machine takes longer, but no longer than the whole run
assert 290e6 < total < int(sys.argv[2]) * 1000 and 95e6 < own < total - 190e6 and inner > 195e6 and abs(total - own - inner) < 1e6, (total, own, inner)
END2
}

# real programs, against a counting library
case_programs()
{
	$CC -O1 -fPIC -shared -o "$T/lib/libcount.so" "$HERE/sources/count_inflate.c"
	git -C "$T" init -q repository && cd "$T/repository" && seq 5000 >file && git add file && git -c user.email=a@b -c user.name=n commit -q -m one && cd "$T"
	LD_PRELOAD=$T/lib/libcount.so git -C "$T/repository" cat-file -p HEAD:file >"$T/plain.out" 9>"$T/counted"
	trace git --symbol inflate git -C "$T/repository" cat-file -p HEAD:file
	check "git: inflate, as many calls as a counting library sees" test "$(calls git inflate)" = "$(cat "$T/counted")"
	check "git: output" cmp "$T/plain.out" "$T/git.out"
	trace git --symbol '*' git -C "$T/repository" log --stat
	git -C "$T/repository" log --stat >"$T/plain.out"
	check "git: everything traced" cmp "$T/plain.out" "$T/git.out"
	trace python --symbol '*' /usr/bin/python3 -c 'import json, zlib; print(json.dumps(len(zlib.compress(b"x" * 100000))))'
	check "python3: everything traced" test "$(cat "$T/python.out")" = "$(/usr/bin/python3 -c 'import zlib; print(len(zlib.compress(b"x" * 100000)))')"
	trace bash --symbol '*' bash -c 'for i in 1 2 3; do (echo $i); done; echo $(echo in)'
	check "bash: everything traced, with its children" test "$(tr '\n' ' ' <"$T/bash.out")" = "1 2 3 in "

	office=/usr/lib/libreoffice/program/soffice.bin
	if [ -x $office ]; then # ten times as many bindings as there is room for
		trace office --symbol '*' $office --version
		check "soffice: everything traced" test "$(cat "$T/office.out") $(cat "$T/office.status")" = "$($office --version) 0"
	else
		skip "soffice: everything traced" "there is none"
	fi

	if have gdb; then # as many; what it cannot print it throws
		gdb=(gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'print no_such_symbol' -ex 'print 2')
		trace gdb --symbol '*' "${gdb[@]}"
		"${gdb[@]}" >"$T/plain.out" 2>/dev/null </dev/null
		check "gdb: everything traced" cmp "$T/plain.out" "$T/gdb.out"
		check "gdb: there was an exception" test "$(calls gdb _Unwind_RaiseException)" -gt 0
	else
		skip "gdb: everything traced" "there is none"
	fi

	if [ "$(id -u)" -eq 0 ] && setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Um true 2>/dev/null; then
		setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp "$MATR" trace --symbol malloc --format csv ls / >"$T/user.out" 2>"$T/user.csv" </dev/null || :
		check "an ordinary user" grep -q ',malloc,' "$T/user.csv"
	else
		skip "an ordinary user" "no user namespaces"
	fi
}

case_usage()
{
	status=0
	"$MATR" trace --symbol inflat git --version >"$T/out" 2>"$T/err" || status=$?
	check "a symbol that nobody binds: the nearest" test "$status $(grep -c 'nearest: .*inflate' "$T/err")" = "125 1"
	check "and the program was not run" test ! -s "$T/out"
	status=0
	"$MATR" trace --symbol malloc "$T/none" 2>"$T/err" || status=$?
	check "a program that is not there" test $status -eq 125
	status=0
	"$MATR" trace git 2>"$T/err" || status=$?
	check "which symbol?" test $status -eq 125
	"$MATR" trace "$T/v" --symbol outer --format json -o "$T/json"
	check "json" /usr/bin/python3 -c 'import json, sys; r, = json.load(open(sys.argv[1])); assert r["symbol"] == "outer" and r["calls"] == 2' "$T/json"
	status=0
	LD_LIBRARY_PATH=$T/lib "$MATR" trace --symbol outer "$T/v" 2>"$T/err" || status=$?
	check "a plain start is said" grep -q 'started plainly' "$T/err"
	check "nothing is left behind" test -z "$(find "$TMPDIR" -maxdepth 1 -name 'matr-trace.*')"
}

run_cases "$@"
