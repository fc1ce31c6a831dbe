#!/usr/bin/env bash
# process.sh - `matr trace` and what a process does meanwhile: results of every kind, callbacks, descriptors that are closed,
# an exec of itself, signals from the terminal; and times against those that the program takes itself.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/trace.sh
. "$TESTS/lib/trace.sh"

# calls NAME SYMBOL: calls and unfinished
calls()
{
	/usr/bin/python3 -c 'import csv, sys
rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["symbol"] == sys.argv[2]]
print(sum(int(r["calls"]) for r in rows), sum(int(r["unfinished"]) for r in rows))' "$T/$1.csv" "$2"
}

mkdir -p "$T/lib" "$T/a directory"
$CC -O1 -fPIC -shared -Wno-psabi -o "$T/lib/libvalues.so" "$HERE/sources/values.c"

# arguments and results in every place the ABI has for them
case_values()
{
	$CC -O1 -fPIC -shared -o "$T/lib/libcounted.so" "$HERE/sources/count_compare.c"
	$CC -O1 -Wno-psabi -o "$T/uses" "$HERE/sources/uses.c" -L"$T/lib" -lvalues -Wl,-rpath,"$T/lib"
	"$T/uses" >"$T/plain.out" || echo "Bail out! $?"
	trace values --symbol '*' "$T/uses"
	check "arguments and results of every kind: output" cmp "$T/plain.out" "$T/values.out"
	check "arguments and results of every kind: status" test "$(cat "$T/values.status")" = 0
	for function in words mixed reals large extended two_extended many variadic small qsort; do
		check "$function was timed" test "$(calls values $function)" = '1 0'
	done
	check "a callback, as often as a counting library sees it" test "$(calls values compare)" = "$(LD_PRELOAD=$T/lib/libcounted.so "$T/uses" 2>&1 >/dev/null)"

	# The address of a function may be its PLT entry in the program, for all; calls are bound to the function all the same.
	$CC -O1 -fPIC -shared -o "$T/lib/libtaker.so" "$HERE/sources/taker.c"
	$CC -O1 -fno-pie -no-pie -o "$T/plt" "$HERE/sources/plt.c" -L"$T/lib" -ltaker -lvalues -Wl,-rpath,"$T/lib"
	check "(the program has such an address)" test "$(readelf -W --dyn-syms "$T/plt" | awk '$8 == "compare" { print $7, $2 !~ /^0*$/ }')" = 'UND 1'
	trace plt --symbol compare --requester libtaker.so "$T/plt"
	check "a function that has a PLT entry for its address: calls" test "$(cat "$T/plt.status") $(calls plt compare)" = '0 2 0'
}

# what the process does
case_process()
{
	$CC -O1 -Wno-psabi -o "$T/does" "$HERE/sources/does.c" -L"$T/lib" -lvalues -Wl,-rpath,"$T/lib"
	cp "$T/does" "$T/a directory/a program"
	trace close --symbol small "$T/does" close
	check "all descriptors closed" test "$(calls close small)" = '5 0'
	trace exec --symbol small "$T/does" exec 3
	check "an exec of itself counts along" test "$(calls exec small) $(cat "$T/exec.out")" = '8 0 0'
	trace fault --symbol qsort --symbol compare "$T/does" fault
	check "out of a fault with siglongjmp" test "$(cat "$T/fault.status") $(calls fault qsort)" = '0 100 100'
	trace abort --symbol '*' "$T/does" abort
	check "abort()" test "$(cat "$T/abort.status") $(calls abort abort)" = '134 1 1'
	trace daemon --symbol small "$T/does" daemon
	check "who goes on after the program's end is not waited for" test "$(cat "$T/daemon.status") $(calls daemon small)" = '0 1 0'
	check "spaces in the program's name and in arguments, and --" test "$("$MATR" trace --symbol small -o "$T/spaces.csv" --format csv -- "$T/a directory/a program" -- 'two  words' '--symbol' 2>&1 |
		tr '\n' ,) $(calls spaces small)" = 'two  words,--symbol, 5 0'
	check "options behind the program are the program's" test "$(cd "$T" && "$MATR" trace --symbol small -o "$T/own.csv" --format csv ./does -x --format xml 2>&1 | tr '\n' ,)" = '--format,xml,'
	check "in front of it, they are not" test "$(cd "$T" && "$MATR" trace ./does --symbol small -o "$T/own.csv" --format csv -- -x --format xml 2>&1 | tr '\n' ,)" = '--format,xml,'
	# interrupted WHAT: as a terminal does it, the whole process group; exit status, and calls
	interrupted()
	{
		/usr/bin/python3 - "$MATR" "$T" "$1" <<'END2'
import os, signal, subprocess, sys
matr, directory, what = sys.argv[1:]
p = subprocess.Popen([matr, "trace", "--symbol", "small", "--format", "csv", "-o", f"{directory}/int.csv", f"{directory}/does", what],
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
assert p.stdout.readline() == b"ready\n"
os.killpg(p.pid, signal.SIGINT)
print(p.wait(60))
END2
		calls int small
	}
	check "Ctrl-C: the program dies of it, the table is there" test "$(interrupted wait | tr '\n' ,)" = '130,1 0,'
	check "Ctrl-C: the program has a handler" test "$(interrupted handle | tr '\n' ,)" = '3,2 0,'
	cat >"$T/signals.py" <<'END2'
import signal
print(*(signal.getsignal(s) for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)))
END2
	ignoring() { (trap '' HUP QUIT && "$@" /usr/bin/python3 "$T/signals.py"); }
	check "signals that are ignored stay so, others do not" test "$(ignoring "$MATR" trace --symbol malloc -o "$T/signals.csv")" = "$(ignoring env)"
	echo 'as it was' >"$T/kept"
	"$MATR" trace --symbol smal -o "$T/kept" "$T/does" x >"$T/out" 2>&1 || :
	check "nothing is run: the file for the table stays as it was" test "$(cat "$T/kept")" = 'as it was'
	"$MATR" trace --symbol small -o "$T/none/table" "$T/does" x printed >"$T/out" 2>&1 || :
	check "the table cannot be written: nothing is run" test "$(grep -c printed "$T/out") $(wc -l <"$T/out")" = '0 1'
}

# times: between what the function sees of the clock, and what its caller sees
case_times()
{
	$CC -O1 -fPIC -shared -o "$T/lib/libinner.so" "$HERE/sources/inner.c"
	$CC -O1 -fPIC -shared -o "$T/lib/libouter.so" "$HERE/sources/outer.c" -L"$T/lib" -linner -Wl,-rpath,"$T/lib"
	$CC -O1 -o "$T/times" "$HERE/sources/times.c" -L"$T/lib" -louter -linner -Wl,-rpath,"$T/lib" -pthread
	trace times --symbol outer --symbol inner "$T/times"
	/usr/bin/python3 - "$T/times.csv" "$T/times.out" >"$T/said" 2>&1 <<'END2' && ok "times of three threads, nested ($(cat "$T/said"))" || not_ok "times of three threads, nested" "$T/said" "$T/times.csv"
import csv, sys
rows = {r["symbol"]: {k: int(r[k]) for k in ("calls", "total_ns", "self_ns", "unfinished")} for r in csv.DictReader(open(sys.argv[1]))}
inside_inner, around_inner, inside_outer, around_outer = map(int, open(sys.argv[2]).read().split())
outer, inner = rows["outer"], rows["inner"]
assert outer["calls"] == inner["calls"] == 150 and outer["unfinished"] == inner["unfinished"] == 0, rows
allowed = 0.002 # the rate of the time stamp counter is measured
for name, low, value, high in (("inner", inside_inner, inner["total_ns"], around_inner), ("outer", inside_outer, outer["total_ns"], around_outer),
                               ("outer's own", inside_outer - around_inner, outer["self_ns"], around_outer - inside_inner)):
    assert low * (1 - allowed) <= value <= high * (1 + allowed), (name, low, value, high)
    print(f"{name}: {low} <= {value} <= {high};", end=" ")
assert abs(outer["total_ns"] - outer["self_ns"] - inner["total_ns"]) <= 150 * 100, rows
END2
}

run_cases "$@"
