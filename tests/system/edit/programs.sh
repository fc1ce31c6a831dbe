#!/usr/bin/env bash
# programs.sh - edits of mappings (matr-rebind(1)) on Debian's own programs, large ones too: another allocator for one library,
# a patched function for every program, what a portable epoch makes of edits, and libraries that change meanwhile.
#
# MATR_TEST_LARGE=: empty: leave out LibreOffice and clang.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/matrd.sh
. "$TESTS/lib/matrd.sh"
large=${MATR_TEST_LARGE-yes}

rebind() { "$MATR" rebind "$@" >"$T/rebind" 2>"$T/rebind.err" </dev/null; }
undo_all() { "$MATR" rebind --list --format csv | tail -n +2 | cut -d, -f1 | xargs -r "$MATR" rebind --quiet --undo; }
canonical() { readlink -f "$(command -v "$1")"; }
# query SQL: the rows, separated by |
query() { "$MATR" sql --format list --headers off --sql "$1"; }
# again NAME COMMAND...: as without MatR, from a mapping. Where the program is started by a script: SAID=last.
again()
{
	local name=$1
	shift
	capture plain "$@"
	capture_matr matr "$@"
	expect "$name" 'applied objects='
}

mkdir "$T/lib"
$CC -O1 -fPIC -shared -Wl,-soname,libpatched.so -o "$T/lib/libpatched.so" "$HERE/sources/patched.c"
$CC -O1 -fPIC -shared -Wl,-soname,libwrap.so -o "$T/lib/libwrap.so" "$HERE/sources/wrap.c"

programs=(git gdb curl gpg python3 file bash perl ssh ls find)
setuid=(su passwd mount)
wanted=()
for name in "${programs[@]}" "${setuid[@]}"; do
	path=$(PATH=/usr/bin:/bin canonical "$name") && wanted+=("$path")
done
if [ -n "$large" ]; then
	[ -e /usr/bin/clang ] && wanted+=("$(canonical clang)")
	office=/usr/lib/libreoffice/program/soffice.bin
	[ -e $office ] && wanted+=("$office")
fi
settle "$T/lib"
begin "${wanted[@]}"

# a patched function for every program
case_every_program()
{
	binding=$(query "SELECT count(DISTINCT application) FROM bindings WHERE symbol = 'setlocale'")
	status=0
	rebind --all-programs --symbol setlocale --to "$T/lib/libpatched.so:patched_setlocale" --reason 'CVE of the day' || status=$?
	check "a patched function for every program: done" test $status -eq 0
	check "it is one edit" test "$("$MATR" rebind --list --format csv | wc -l)" -eq 2
	refused=$(grep -c 'not edited: .*set-user-ID' "$T/rebind.err" || :)
	spared=$(query "SELECT count(DISTINCT application) FROM bindings WHERE symbol = 'setlocale' AND application IN ('/usr/bin/bash', '/usr/bin/dash')")
	check "nor those that a system is repaired with ($spared)" test "$spared" -gt 0 -a -z "$(query "SELECT 1 FROM store.edited WHERE application IN ('/usr/bin/bash', '/usr/bin/dash')")"
	check "which is said" grep -q "not edited, because they are needed to repair the system: " "$T/rebind.err"
	edited=$(query "SELECT programs FROM (SELECT count(DISTINCT application) AS programs FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs))")
	check "every program that binds it, but the set-user-ID ones, which are listed ($edited + $refused + $spared = $binding)" test $((edited + refused + spared)) -eq "$binding" -a "$refused" -gt 0 -a "$edited" -ge 8
	check "nothing is left that binds the old one" test -z "$(query "SELECT DISTINCT application, requester FROM bindings b
	WHERE symbol = 'setlocale' AND provider NOT LIKE '%/libpatched.so' AND requester NOT LIKE '%/libpatched.so'
	AND EXISTS (SELECT 1 FROM store.edited e WHERE e.application = b.application)")"
	for name in git gpg ls gdb file; do
		program=$(canonical $name)
		query "SELECT 1 FROM store.edited WHERE application = '$program' AND requester = '$program' LIMIT 1" | grep -q 1 || continue
		again "$name with the patched function behaves as without" "$program" --version
		PATCHED=1 capture_matr patched "$program" --version
		check "$name calls it" grep -q '^patched$' "$T/patched.err"
		check "$name started plainly does not" test "$(PATCHED=1 "$program" --version 2>&1 | grep -c '^patched$')" -eq 0
	done
	check "verify: everything else is ld.so's" "$MATR" verify git gdb gpg ls
	capture_matr matr "$(canonical su)" --version
	check "a set-user-ID program starts all the same" test -s "$T/matr.out"
	undo_all
	check "taken back: nothing is edited" test "$(query 'SELECT count(*) FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs)')" = 0
}

# another allocator for one library only
case_allocator()
{
	# allocator NAME PROGRAM LIBRARY: what the library allocates and frees comes from jemalloc, and nobody else's
	allocator()
	{
		local name=$1 program=$2 library=$3 outside
		if ! rebind "$program" --requester "$library" --family malloc --to libjemalloc.so.2; then
			not_ok "$name: malloc of $library only" "$T/rebind.err"
			return 1
		fi
		outside=$(query "SELECT count(*) FROM bindings WHERE application = '$program' AND symbol IN ('malloc', 'free') AND provider LIKE '%/libjemalloc.so.2'
		AND requester NOT LIKE '%/${library%%.so*}%' AND requester NOT LIKE '%/libjemalloc.so.2'")
		inside=$(query "SELECT count(*) FROM bindings WHERE application = '$program' AND symbol IN ('malloc', 'free') AND provider LIKE '%/libjemalloc.so.2'
		AND requester LIKE '%/${library%%.so*}%'")
		check "$name: malloc and free of $library, and of nobody else, are jemalloc's" test "$outside $inside" = '0 2'
	}

	if ldconfig -p | grep -q libjemalloc.so.2; then
		allocator gdb "$(canonical gdb)" libstdc++.so.6
		again "gdb with jemalloc in libstdc++" gdb -nx -batch -ex 'print sizeof(long)' -ex 'info line main' "$(canonical ls)"
		check "gdb with jemalloc in libstdc++: verify" "$MATR" verify gdb
		undo_all
		if [ -e /usr/lib/python3/dist-packages/numpy/__init__.py ]; then
			"$MATR" record /usr/bin/python3 -c 'import numpy' >/dev/null 2>&1 </dev/null
			"$MATR" epoch begin --only -q "${wanted[@]}" 2>/dev/null </dev/null
			allocator python3 "$(PATH=/usr/bin canonical python3)" libz.so.1
			again "numpy with jemalloc in libz" /usr/bin/python3 -c 'import numpy, zlib; print(numpy.arange(1000).reshape(10, 100).dot(numpy.ones(100)).sum(), len(zlib.compress(bytes(100000))))'
			check "numpy: its closures are applied in the larger scope" grep -q 'applied closure' "$T/matr.said"
			check "numpy: what it loads is as ld.so has it" "$MATR" verify --loads /usr/bin/python3 -c 'import numpy'
			undo_all
		else
			skip "numpy with jemalloc in libz" "no python3-numpy"
		fi
		if [ -n "$large" ] && [ -e /usr/bin/clang ]; then
			printf '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n' >"$T/hello.c"
			allocator clang "$(canonical clang)" libstdc++.so.6
			again "clang with jemalloc in libstdc++" clang -O2 -S -o - "$T/hello.c"
			check "clang with jemalloc in libstdc++: verify" "$MATR" verify clang
			undo_all
		fi
		if [ -n "$large" ] && [ -e "${office:-}" ]; then
			printf 'a,b\n1,2\n' >"$T/table.csv"
			allocator soffice "$office" libstdc++.so.6 &&
				capture plain "$office" -env:UserInstallation="file://$T/office" --headless --convert-to txt:Text "$T/hello.c" && # makes the profile
				capture_matr matr "$office" -env:UserInstallation="file://$T/office" --headless --convert-to txt:Text --outdir "$T/converted" "$T/hello.c"
			check "soffice with jemalloc in libstdc++: converts a file" grep -q compiled "$T/converted/hello.txt"
			check "soffice with jemalloc in libstdc++: from its mapping" grep -q 'applied objects' "$T/matr.said"
			check "soffice with jemalloc in libstdc++: it really allocates" grep -q . <("$MATR" run env MALLOC_CONF=stats_print:true "$office" --version 2>&1 | grep 'jemalloc statistics')
			check "soffice with jemalloc in libstdc++: verify" "$MATR" verify "$office"
			undo_all
		fi
	else
		skip "another allocator for one library" "no libjemalloc2"
	fi
}

# a wrapper around one function of one library
case_wrapper()
{
	rebind git --requester libz.so.1 --symbol memcpy --to "$T/lib/libwrap.so:counting_memcpy" && ok "a wrapper around memcpy of libz only" ||
		not_ok "a wrapper around memcpy of libz only" "$T/rebind.err"
	libz=$(readlink -f /usr/lib/x86_64-linux-gnu/libz.so.1)
	check "and nobody else's" test "$(query "SELECT group_concat(DISTINCT requester) FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs)")" = "$libz"
	git init -q "$T/repository" && seq 5000 >"$T/repository/file" && git -C "$T/repository" add file
	git -C "$T/repository" -c user.email=a@b -c user.name=n commit -q -m one
	again "git with the wrapper" git -C "$T/repository" cat-file -p HEAD:file
	PATCHED=1 capture_matr patched git -C "$T/repository" cat-file -p HEAD:file
	check "git calls it" grep -q '^counted$' "$T/patched.err"
	undo_all
}

reports() { "$MATR" epoch status --format json | grep -q "$1"; }

# the library changes in mid-epoch
case_changing_library()
{
	rebind ls git --symbol setlocale --to "$T/lib/libpatched.so:patched_setlocale"
	start
	check "matrd watches" watching
	PATCHED=1 capture_matr patched ls --version
	check "matrd: the edit is in force" grep -q '^patched$' "$T/patched.err"
	cp "$T/lib/libpatched.so" "$T/new.so" && echo >>"$T/new.so" && mv "$T/new.so" "$T/lib/libpatched.so"
	check "matrd: the substitute changed: a violation" within 3 reports libpatched.so
	"$MATR" epoch status >"$T/status" 2>&1 || :
	for name in ls git; do
		PATCHED=1 capture_matr patched "$(canonical $name)" --version
		check "the substitute changed: $name starts plainly" test "$(grep -c '^patched$' "$T/patched.err") $(grep -c applied "$T/patched.said")" = '0 0'
	done
	capture_matr matr gpg --version
	check "nobody else does" grep -q 'applied objects' "$T/matr.said"
	check "recorded with epoch, file and kind" query "SELECT 1 / count(*) FROM violations WHERE path LIKE '%/libpatched.so' AND epoch = (SELECT max(id) FROM epochs)"
	stop
	"$MATR" epoch begin --only -q "${wanted[@]}" 2>/dev/null </dev/null
	PATCHED=1 capture_matr patched ls --version
	check "the next epoch has the edit, with the new library" grep -q '^patched$' "$T/patched.err"
	undo_all
}

# an epoch that holds in copies of the system
case_portable()
{
	begin --portable ls git
	rebind ls git --symbol setlocale --to "$T/lib/libpatched.so:patched_setlocale" && ok "a portable epoch: an edit" || not_ok "a portable epoch: an edit" "$T/rebind.err"
	cp "$T/lib/libpatched.so" "$T/copy.so" && touch -d '2001-01-01' "$T/copy.so" && mv "$T/copy.so" "$T/lib/libpatched.so"
	for name in ls git; do
		PATCHED=1 capture_matr patched "$name" --version
		check "a portable epoch: the copy of the library is as good ($name)" grep -q '^patched$' "$T/patched.err"
		check "a portable epoch: applied ($name)" grep -q 'applied objects' "$T/patched.said"
	done
	check "a portable epoch: it stays one" test "$(query 'SELECT portable FROM store.epochs ORDER BY id DESC LIMIT 1')" = 1
	sed 's/> 1000/> 2000/' "$HERE/sources/patched.c" >"$T/other.c"
	$CC -O1 -fPIC -shared -Wl,-soname,libpatched.so -o "$T/other.so" "$T/other.c"
	truncate -s "$(stat -c %s "$T/lib/libpatched.so")" "$T/other.so"
	check "(a library of the same size)" test "$(stat -c %s "$T/other.so")" -eq "$(stat -c %s "$T/lib/libpatched.so")"
	mv "$T/other.so" "$T/lib/libpatched.so"
	PATCHED=1 capture_matr patched ls --version
	check "a portable epoch: another build of the same size is not" test "$(grep -c '^patched$' "$T/patched.err") $(grep -c 'applied objects' "$T/patched.said")" = '0 0'
	check "and ls works" test "$(cat "$T/patched.status")" = 0
	undo_all
	$CC -O1 -fPIC -shared -Wl,-soname,libpatched.so -Wl,--build-id=none -o "$T/lib/libpatched.so" "$HERE/sources/patched.c"
	status=0
	rebind ls --symbol setlocale --to "$T/lib/libpatched.so:patched_setlocale" || status=$?
	check "a portable epoch: a library without a build-id is refused" test "$status $(grep -c 'no build-id' "$T/rebind.err")" = '1 1'
}

run_cases "$@"
