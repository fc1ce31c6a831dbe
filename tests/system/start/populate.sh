#!/usr/bin/env bash
# populate.sh - an application with many pages to relocate: they are mapped at once, and hold what they should.
#
#	populate.sh [CASE]...   all cases, or some
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh source=../../lib/build.sh
# shellcheck disable=SC2317 # cases are called by name
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/build.sh"

# source_of WORDS: tables of pointers in RELRO and in .data, with data on the same pages before and behind them. The last page of
# .data is the first of .bss, which the kernel has cleared: in the file a note follows there.
source_of()
{
	cat <<-C
	#include <stdio.h>
	enum { WORDS = $1 };
	int value = 7, first = 3;
	int *const constant[WORDS] = {[0 ... WORDS - 1] = &value};
	int *table[WORDS] = {[0 ... WORDS - 1] = &value};
	int last = 5;
	char zeros[10000];
	static int count(int *const *words)
	{
		int n = 0;
		for (int i = 0; i < WORDS; i++)
			n += words[i] == &value;
		return n;
	}
	int main(void)
	{
		char line[256], how[5] = "";
		unsigned long start, end;
		int cleared = 0;
		for (unsigned i = 0; i < sizeof zeros; i++)
			cleared += !zeros[i];
		FILE *maps = fopen("/proc/self/maps", "r");
		while (maps && fgets(line, sizeof line, maps))
			if (sscanf(line, "%lx-%lx %4s", &start, &end, how) == 3 &&
			    (unsigned long)&constant[WORDS / 2] - start < end - start)
				break;
		for (int i = 0; i < WORDS; i++)
			table[i] = &last;
		printf("%d %d %d %d %d %s %d\n", value, first, last, count(constant), cleared, how, *table[WORDS - 1]);
		return count(table);
	}
	C
}

source_of 20000 | program many -Wl,-z,relro
source_of 20000 | program many-lazy -Wl,-z,lazy -Wl,-z,norelro
source_of 20000 | program many-dense -Wl,-z,noseparate-code
source_of 200 | program few
objcopy --add-section .note.test="$T/bin/few" "$T/bin/many" "$T/bin/many.new" && mv "$T/bin/many.new" "$T/bin/many"
cp "$T/bin/many" "$T/bin/unreadable"
chmod 711 "$T/bin/unreadable"

begin() { "$MATR" epoch begin --only --config "$T/conf" "$@" >"$T/begin" 2>&1 || not_ok "epoch begin" "$T/begin"; }

# mapped_at_once PROGRAM: how often it maps something of the application with its pages.
mapped_at_once()
{
	"$MATR" run strace -qq -e trace=openat,mmap,close -o "$T/strace" "$@" >/dev/null 2>&1 || :
	sed -n '/self\/exe/,/^close/p' "$T/strace" | grep -c 'PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_POPULATE' || :
}

# on_device FILE: its file system has a device of its own, as neither overlayfs nor a network's has.
on_device()
{
	local device
	device=$(stat -c %d "$1")
	[ $((device >> 8 & 0xfff | device >> 32 & ~0xfff)) -ne 0 ]
}

case_words()
{
	local layout name
	for layout in shared random pack; do
		printf '[epochs]\nlayout = %s\n' $layout >"$T/conf"
		begin "$T"/bin/many "$T"/bin/many-lazy "$T"/bin/many-dense "$T/bin/few"
		for name in many many-lazy many-dense few; do
			same "$layout: $name" "$T/bin/$name"
		done
		check "$layout: every word is as ld.so writes it" "$MATR" verify "$T"/bin/many*
	done
	equal "the program tells what it should" "7 3 5 20000 10000 r--p 5" "$("$T/bin/many")"
	same "started by name" "$MATR_PREFIX/ld-stable" "$T/bin/many"
}

case_calls()
{
	if ! have strace; then
		skip "how the pages are mapped" "no strace"
		return
	fi
	: >"$T/conf"
	begin "$T"/bin/many "$T/bin/few"
	if ! on_device "$T/bin/many"; then
		equal "on a file system without a device: not mapped at once" 0 "$(mapped_at_once "$T/bin/many")"
		return
	fi
	check "many pages: mapped at once" [ "$(mapped_at_once "$T/bin/many")" -gt 0 ]
	equal "few pages: not" 0 "$(mapped_at_once "$T/bin/few")"
	check "... nor is the program opened" sh -c "! grep -q 'openat.*self/exe' '$T/strace'"
	"$MATR" run strace -qq -e trace=mmap -o "$T/strace" "$T/bin/many" >/dev/null
	local which
	which=$(grep -n 'MAP_PRIVATE|MAP_FIXED|MAP_POPULATE' "$T/strace" | head -1)
	capture plain "$T/bin/many"
	capture_matr matr strace -qq -e trace=mmap -e inject=mmap:error=ENOMEM:when="${which%%:*}" -o /dev/null "$T/bin/many"
	SAID=last expect "they cannot be mapped: it starts again" "plain start: the program's pages cannot be mapped"
	if [ "$(id -u)" -eq 0 ] && unshare -m mount -t tmpfs none "$T/lib" 2>/dev/null; then
		# shellcheck disable=SC2016 # expanded by the other shell
		unshare -m bash -euc 'mount -t tmpfs none "$1" && cp "$2" "$1/many" && "$0" epoch begin --only "$1/many" >/dev/null 2>&1 &&
			"$0" run strace -qq -e trace=openat -o "$3" "$1/many" >/dev/null' "$MATR" "$T/lib" "$T/bin/many" "$T/strace"
		check "on a tmpfs: the program is not opened" sh -c "grep -q libc.so.6 '$T/strace' && ! grep -q self/exe '$T/strace'"
	fi
}

# leaves_alone STRACE: something was unmapped after the injected failure, but nothing where that was to be mapped.
leaves_alone()
{
	python3 - "$1" <<-'END'
	import re, sys
	wanted, unmapped = None, []
	for line in open(sys.argv[1]):
	    call, start, size = re.match(r'(\w+)\((\w+), (\d+)', line).groups()
	    if 'INJECTED' in line:
	        wanted = int(start, 16), int(start, 16) + int(size)
	    elif call == 'munmap' and wanted:
	        unmapped.append((int(start, 16), int(start, 16) + int(size)))
	sys.exit(not unmapped or any(start < wanted[1] and end > wanted[0] for start, end in unmapped))
	END
}

# A library whose pointers lie between other data is mapped in parts. Where one of them cannot be mapped, something else may be:
# it is not unmapped.
case_taken()
{
	if ! have strace; then
		skip "a part of a library cannot be mapped" "no strace"
		return
	fi
	library "$T/lib/libparts.so" <<-C
	static int value = 4, before[12000] = {1};
	int *between[12000] = {[0 ... 11999] = &value};
	int behind[12000] = {1};
	int parts(void) { return *between[11999] + before[0] + behind[0]; }
	C
	program parts -lparts <<-C
	int parts(void);
	int main(void) { return parts(); }
	C
	printf '[epochs]\nlayout = random\n' >"$T/conf"
	begin "$T/bin/parts"
	"$MATR" run strace -qq -e trace=mmap -o "$T/strace" "$T/bin/parts" >/dev/null 2>&1 || :
	local before
	before=$(grep -n -B1 'MAP_POPULATE|MAP_FIXED_NOREPLACE' "$T/strace" | grep 'PROT_WRITE, MAP_PRIVATE|MAP_FIXED_NOREPLACE' | head -1)
	capture plain "$T/bin/parts"
	capture_matr matr strace -qq -e trace=mmap,munmap -e inject=mmap:error=EEXIST:when="${before%%-*}" -o "$T/strace" "$T/bin/parts"
	SAID=last expect "a part of a library cannot be mapped" "plain start: a library's address range is taken"
	check "... nothing is unmapped where it would have been" leaves_alone "$T/strace"
}

# The file of the program may be executed, but not read.
case_unreadable()
{
	if [ "$(id -u)" -ne 0 ] || ! have setpriv; then
		skip "a program that may not be read" "needs root and setpriv"
		return
	fi
	: >"$T/conf"
	begin "$T/bin/unreadable"
	SAID=last same "a program that may not be read" setpriv --reuid=65534 --regid=65534 --clear-groups "$T/bin/unreadable"
}

run_cases "$@"
