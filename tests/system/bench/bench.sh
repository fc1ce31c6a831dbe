#!/usr/bin/env bash
# bench.sh - matr bench: what it prints, whose epoch it takes, who may, and that nothing is left. No time is judged.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"

# left: list what is there that was not before. The prefix of the test has to be there or not, as it was.
left()
{
	[ -z "$(ls -A "$TMPDIR")" ] || ls -A "$TMPDIR"
}

# figures FILTER: of the JSON in bench.out.
figures()
{
	/usr/bin/python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))
assert eval(sys.argv[2]), r' "$T/bench.out" "$1"
}

case_table()
{
	capture bench "$MATR" bench --rounds 6 git --version
	equal "measures" "0 0" "$(cat "$T/bench.status") $(wc -c <"$T/bench.err")" "$T/bench.err"
	check "a sentence first" grep -Eq '^git: with MatR the dynamic linker takes .*, a whole run .*\.$' <(head -n 1 "$T/bench.out")
	for row in loader 'whole run' 'page faults' 'private memory'; do
		check "row: $row" grep -q "^$row  " "$T/bench.out"
	done
	check "says whose epoch" grep -q '^6 rounds in turns; with an epoch of its own' "$T/bench.out"
	equal "nothing is left" "" "$(left)"
	check "no prefix is made" test ! -e "$MATR_PREFIX"
}

case_json()
{
	capture bench "$MATR" bench --rounds 6 --format json git --version
	check "figures" figures 'r["rounds"] == 6 and r["epoch"] is None and r["exit_status"] == 0 and r["ld_stable"].startswith("applied ")'
	check "intervals enclose medians" figures 'all(0 < r[m]["low"] <= r[m]["ratio"] <= r[m]["high"] and r[m]["ld_so"] > 0 and r[m]["matr"] > 0 for m in ("loader", "whole"))'
	check "memory" figures 'all(r[m]["ld_so"] > 0 and r[m]["matr"] > 0 for m in ("page_faults", "private_memory"))'
	capture bench "$MATR" bench --rounds 2 --format csv git --version
	equal "csv: rows" 5 "$(wc -l <"$T/bench.out")"
	check "csv: no interval of two rounds" grep -Eq ',loader,s,[0-9.e-]+,[0-9.e-]+,[0-9.e-]+,,,2' "$T/bench.out"
}

case_in_force()
{
	check "epoch begin" begin git
	find "$MATR_PREFIX" -type f ! -name 'store.db-*' -printf '%P %T@ %s\n' | sort >"$T/before"
	capture bench "$MATR" bench --rounds 1 --format json git --version
	check "the epoch in force" figures 'r["epoch"] == 1'
	capture bench "$MATR" bench --rounds 1 --format json ls /
	check "a program that it does not have" figures 'r["epoch"] is None'
	# In there ld-stable is the loader, and ld.so has to be compared all the same.
	capture bench "$MATR" run "$MATR" bench --rounds 1 --format json git --version
	check "inside matr run" figures 'r["rounds"] == 1'
	check "and ld.so is ld.so there" figures 'r["page_faults"]["ld_so"] != r["page_faults"]["matr"] or r["private_memory"]["ld_so"] != r["private_memory"]["matr"]'
	find "$MATR_PREFIX" -type f ! -name 'store.db-*' -printf '%P %T@ %s\n' | sort >"$T/after"
	check "the prefix is as it was" cmp "$T/before" "$T/after"
	end
	capture bench "$MATR" bench --rounds 1 --format json git --version
	check "after its end" figures 'r["epoch"] is None'
}

case_start_only()
{
	capture bench timeout 300 "$MATR" bench --rounds 2 --start-only --format json sleep 1000
	check "a program that does not end" figures '"whole" not in r and r["loader"]["ratio"] > 0'
	capture bench "$MATR" bench --rounds 1 sh -c 'exit 3'
	check "an exit status" grep -q '^The program ends with exit status 3 each time' "$T/bench.out"
}

case_refused()
{
	printf '#!/bin/sh\n' >"$T/script"
	chmod +x "$T/script"
	echo 'int main(void) { return 0; }' >"$T/static.c"
	$CC -static -o "$T/static" "$T/static.c"
	# Every second run ends otherwise.
	cat >"$T/moody.c" <<-'END'
		#include <stdio.h>
		int main(int argc, char **argv)
		{
			FILE *file = fopen(argv[argc - 1], "a");
			fputc('x', file);
			return (int)(ftell(file) % 2);
		}
	END
	$CC -o "$T/moody" "$T/moody.c"
	one_line "a script" 1 "$MATR" bench "$T/script"
	one_line "a static program" 1 "$MATR" bench "$T/static"
	one_line "another exit status with MatR" 1 "$MATR" bench --rounds 1 "$T/moody" "$T/runs"
	one_line "no such program" 1 "$MATR" bench no-such-program
	one_line "a plain start" 1 env LD_PRELOAD=libm.so.6 "$MATR" bench --rounds 1 git --version
	check "which says so" grep -q 'starts without its mapping' "$T/line.err"
	for rounds in 0 1001 x ''; do
		capture line "$MATR" bench --rounds "$rounds" git
		equal "rounds: '$rounds'" 2 "$(cat "$T/line.status")"
	done
	capture line "$MATR" bench
	equal "no program" 2 "$(cat "$T/line.status")"
	equal "nothing is left" "" "$(left)"
}

slumbers()
{
	pgrep -f "^$T/slumber 1000" >/dev/null
}
slumbers_not()
{
	! slumbers
}

# From another process group, as timeout(1) is: the signal goes to matr alone, and it has to see to the rest.
case_interrupted()
{
	cp "$(command -v sleep)" "$T/slumber"
	for signal in INT TERM HUP; do
		# Restore INT, which the shell makes commands in the background ignore.
		env --default-signal=INT "$MATR" bench "$T/slumber" 1000 >"$T/out" 2>&1 </dev/null &
		matr=$!
		check "$signal: is at work" wait_until slumbers
		kill -s "$signal" "$matr"
		status=0
		wait "$matr" 2>/dev/null || status=$?
		check "$signal: ends by it" test "$status" -gt 128
		check "$signal: the program too" wait_until slumbers_not
		equal "$signal: nothing is left" "" "$(left)"
	done
}

case_user()
{
	if [ "$(id -u)" -ne 0 ] || ! have setpriv; then
		skip "an ordinary user" "not root, or no setpriv"
		return
	fi
	set -- setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all
	if ! "$@" test -x "$MATR" || ! "$@" unshare -Urm true 2>/dev/null; then
		skip "an ordinary user" "no user namespaces, or the build directory is not reachable"
		return
	fi
	check "epoch begin by root" begin git
	capture bench "$@" "$MATR" bench --rounds 1 --format json git --version
	check "an ordinary user" figures 'r["epoch"] is None and r["rounds"] == 1'
	equal "nothing is left" "" "$(left)"
}

run_cases "$@"
