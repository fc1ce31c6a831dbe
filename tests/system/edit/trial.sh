#!/usr/bin/env bash
# trial.sh - edits are tried before they are in force (matr-rebind(1)): programs that die of one, in a library's constructor or
# in their own; what runs and what does not; halves of allocators; programs that are never edited; the documents' examples.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016,SC2317
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/build.sh"
ulimit -c 0

rebind() { "$MATR" rebind "$@" >"$T/rebind" 2>"$T/rebind.err" </dev/null; }
state() { sha256sum "$MATR_PREFIX/epoch.image" 2>/dev/null || :; "$MATR" rebind --list; ls -A "$MATR_PREFIX"; }
undo_all() { "$MATR" rebind --list --format csv | tail -n +2 | cut -d, -f1 | xargs -r "$MATR" rebind --quiet --force --undo; }

# refused NAME PATTERN ARGUMENT...: exit status 1, one line with the pattern, and nothing has changed
refused()
{
	local name=$1 pattern=$2 status=0
	shift 2
	state >"$T/before"
	rebind "$@" || status=$?
	state >"$T/after"
	if [ $status -eq 1 ] && [ "$(wc -l <"$T/rebind.err")" -eq 1 ] && grep -q -- "$pattern" "$T/rebind.err" && cmp -s "$T/before" "$T/after"; then
		ok "refused: $name"
	else
		diff "$T/before" "$T/after" >"$T/difference" || :
		not_ok "refused: $name (exit status $status)" "$T/rebind.err" "$T/difference"
	fi
}
made() # NAME ARGUMENT...
{
	local name=$1
	shift
	rebind "$@" && ok "made: $name" || not_ok "made: $name" "$T/rebind.err"
}
quiet() { check "$1: without a warning" test ! -s "$T/rebind.err"; }

library "$T/lib/libone.so" <<<'int number(void) { return 1; }'
library "$T/lib/libtwo.so" <<<'int number(void) { return 2; }'
$CC -x c -fPIC -shared -o "$T/lib/libaborts.so" - <<<'#include <stdlib.h>
int number(void) { abort(); }'
$CC -x c -fPIC -shared -o "$T/lib/libexits.so" - <<<'#include <stdio.h>
#include <unistd.h>
int number(void) { fprintf(stderr, "number: no\nand more\n"); _exit(7); }'
$CC -x c -fPIC -shared -o "$T/lib/libcalls.so" - -L"$T/lib" -lone <<<'int number(void);
__attribute__((constructor)) static void early(void) { number(); }'
$CC -x c -c -fPIC -o "$T/marks.o" - <<<'#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
int number(void);
static void mark(const char *name)
{
	int fd = getenv("MARKS") && chdir(getenv("MARKS")) == 0 ? open(name, O_CREAT | O_WRONLY, 0666) : -1;
	if (fd >= 0) close(fd);
}
__attribute__((constructor)) static void early(void) { mark("constructor"); if (getenv("LD_STABLE_TRIAL")) mark("variable"); number(); }
__attribute__((destructor)) static void late(void) { mark("destructor"); }
int main(void) { mark("main"); return number(); }'
program main -lone "$T/marks.o" <<<''
program lazy -lone "$T/marks.o" -no-pie -Wl,-z,lazy <<<''
program by_library -lone -lcalls <<<'int number(void);
int main(void) { return number(); }'
program later -lone <<<'int number(void);
int main(void) { return number(); }'
program ill -lone <<<'#include <stdlib.h>
int number(void);
__attribute__((constructor)) static void early(void) { abort(); }
int main(void) { return number(); }'
# an entry point of its own: no __libc_start_main
program bare -lone -nostartfiles <<<'int number(void);
void _start(void) { int n = number(); __asm__ volatile("syscall" : : "a"(231), "D"(n)); }'
programs=("$T/bin/main" "$T/bin/lazy" "$T/bin/by_library" "$T/bin/later" "$T/bin/ill" "$T/bin/bare")

settle "$T/lib" "$T/bin"
before_case()
{
	rm -rf "$MATR_PREFIX"
	begin "${programs[@]}" bash git
}
returns() { local status=0; "$MATR" run "$1" >/dev/null 2>&1 || status=$?; test $status -eq "$2"; }
bad=(--symbol number --to "$T/lib/libaborts.so")

# programs that die before main()
case_dies()
{
	refused "killed in the program's constructor" "^matr: $T/bin/main: is killed by signal 6 (Aborted) before main(), with number to $T/lib/libaborts.so; not without" "$T/bin/main" "${bad[@]}"
	refused "lazily bound, at a fixed address" 'is killed by signal 6' "$T/bin/lazy" "${bad[@]}"
	refused "killed in a library's constructor" "by_library: is killed by signal 6" "$T/bin/by_library" "${bad[@]}"
	refused "exits, and says why" 'ends with exit status 7: number: no before main()' "$T/bin/main" --symbol number --to "$T/lib/libexits.so"
	refused "only to see" 'is killed by signal 6' --dry-run "$T/bin/main" "${bad[@]}"
	refused "one of several" "main: is killed by signal 6" "$T/bin/later" "$T/bin/main" "${bad[@]}"
	refused "every program" "is killed by signal 6" --all-programs "${bad[@]}"
	made "of what dies later nothing is known" "$T/bin/later" "${bad[@]}"
	quiet "the same"
	made "of what has no main() neither" "$T/bin/bare" "${bad[@]}"
	quiet "the same"
	made "it dies without the edit too" "$T/bin/ill" "${bad[@]}"
	check "which is said" grep -q "^matr: $T/bin/ill: edited, but not tried: without the edit it is killed by signal 6 (Aborted)" "$T/rebind.err"
	undo_all
	made "--force" --force "$T/bin/main" "${bad[@]}"
	check "it is in force" returns "$T/bin/main" 134
	check "and can be taken back" "$MATR" rebind --undo "$("$MATR" rebind --list --format csv | tail -n 1 | cut -d, -f1)"
	check "which helps" returns "$T/bin/main" 1
	"$MATR" epoch end >/dev/null
	refused "no epoch is in force" 'is killed by signal 6' "$T/bin/main" "${bad[@]}"
	made "no epoch is in force: another edit" "$T/bin/main" --symbol number --to "$T/lib/libtwo.so"
	check "nothing is left of the trial" test "$(find "$MATR_PREFIX" -name 'trial*' -o -name '*.next' | wc -l)" -eq 0
}

# what runs of a program that is tried
case_what_runs()
{
	mkdir "$T/marks"
	MARKS=$T/marks made "an edit that is fine" "$T/bin/main" --symbol number --to "$T/lib/libtwo.so"
	quiet "the same"
	equal "constructors, without the variable; not main() and not destructors" constructor "$(ls -x "$T/marks")"
	check "it is in force" returns "$T/bin/main" 2
	made "a program that starts plainly" "$T/bin/later" --symbol number --to "$T/lib/libtwo.so"
	# ld.so's variables of this session are not the program's
	undo_all
	LD_BIND_NOW=1 LD_LIBRARY_PATH=/nowhere rebind "$T/bin/main" "${bad[@]}" && not_ok "whatever the session has" || ok "whatever the session has"
}

# SQL, and taking back
case_apply()
{
	"$MATR" sql --write "INSERT INTO store.edits (program, symbol, library) VALUES ('$T/bin/main', 'number', '$T/lib/libaborts.so')"
	status=0
	"$MATR" epoch apply >"$T/apply" 2>&1 </dev/null || status=$?
	check "epoch apply refuses" test "$status $(grep -c 'main: is killed by signal 6' "$T/apply")" = '1 1'
	check "nothing has changed" returns "$T/bin/main" 1
	check "epoch apply --force" "$MATR" epoch apply -q --force
	check "it is in force" returns "$T/bin/main" 134
	check "taken back" "$MATR" rebind --undo 1
	check "nothing is edited" returns "$T/bin/main" 1
	# A begin tries what nobody has tried, and leaves it out.
	"$MATR" sql --write "INSERT INTO store.edits (program, symbol, library) VALUES ('*', 'number', '$T/lib/libaborts.so'), ('git', 'inflate', '$T/lib/none.so'), ('$T/bin/later', 'number', '$T/lib/libtwo.so')"
	status=0
	"$MATR" epoch begin --only -q "${programs[@]}" git >"$T/begin" 2>&1 </dev/null || status=$?
	equal "epoch begin: the epoch begins without the edit" "3 1" "$status $(grep -c "edit .*is killed by signal 6 (Aborted) before main()" "$T/begin")"
	check "no program dies of it" returns "$T/bin/main" 1
	check "the others are in force" returns "$T/bin/later" 2
	equal "their states" "failed failed applied" "$("$MATR" rebind --list --format json | /usr/bin/python3 -c 'import json, sys; print(*(e["state"] for e in json.load(sys.stdin)))')"
	"$MATR" epoch begin --only -q "${programs[@]}" git >"$T/begin" 2>&1 </dev/null || :
	check "the same with the next epoch" returns "$T/bin/main" 1
	undo_all
	"$MATR" epoch end >/dev/null
	made "forced without an epoch" --force "$T/bin/main" "${bad[@]}"
	"$MATR" epoch begin --only -q "${programs[@]}" >/dev/null 2>&1 </dev/null || :
	check "is forced" returns "$T/bin/main" 134
	undo_all
}

# many programs: a sample has every object
case_sample()
{
	local i
	mkdir -p "$T/many"
	for i in $(seq 100 169); do cp "$T/bin/later" "$T/many/$i"; done
	cp "$T/bin/by_library" "$T/many/150-calls"
	settle "$T/many"
	begin "$T"/many/*
	refused "the one that dies is in the sample" '150-calls: is killed by signal 6' --all-programs "${bad[@]}"
	refused "also by a pattern" '150-calls: is killed by signal 6' "$T/many/*" "${bad[@]}"
	made "the others" "$T/many/1*[0-9]" "${bad[@]}"
	rm -r "$T/many"
}

# allocators
case_allocators()
{
	local whole='#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
static char *at, *end;
void *malloc(size_t n)
{
	n = (n + 31) & ~15ul;
	if (!at || (size_t)(end - at) < n) { size_t m = (n | 0xfffff) + 1; at = mmap(0, m, 3, 34, -1, 0); end = at + m; }
	char *p = at + 16; *(size_t *)at = n - 16; at += n; return p;
}
void *calloc(size_t a, size_t b) { return malloc(a * b); }
void *realloc(void *p, size_t n) { void *q = malloc(n); if (p) memcpy(q, p, ((size_t *)p)[-2] < n ? ((size_t *)p)[-2] : n); return q; }
void free(void *p) { if (p && ((size_t *)p)[-1]) __builtin_trap(); }'
	$CC -x c -O1 -fno-builtin -fPIC -shared -o "$T/lib/libwhole.so" - <<<"$whole"
	$CC -x c -O1 -fno-builtin -fPIC -shared -o "$T/lib/libhalf.so" - <<<"${whole%%void \*calloc*}"
	$CC -x c -fPIC -shared -o "$T/lib/libwrap.so" - <<<'#include <stddef.h>
void *__libc_malloc(size_t);
void *malloc(size_t n) { return __libc_malloc(n); }'
	$CC -x c -fPIC -shared -o "$T/lib/libcount.so" - <<<'#include <stdlib.h>
void *counted(size_t n) { return malloc(n); }'
	$CC -x c -fPIC -shared -o "$T/lib/libnext.so" - <<<'#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
void *malloc(size_t n) { static void *(*f)(size_t); if (!f) f = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc"); return f(n); }'
	$CC -x c -fPIC -shared -o "$T/lib/libuser.so" - <<<'#include <stdlib.h>
int user(void) { void *p = malloc(10); free(p); return 0; }'
	program al -luser <<<'#include <stdlib.h>
#include <string.h>
int user(void);
int main(void) { char *p = malloc(100); p = realloc(p, 1 << 20); free(p); free(strdup("x")); return user(); }'
	settle "$T/lib" "$T/bin"
	begin "$T/bin/al"
	to=(--to "$T/lib/libwhole.so")
	refused "malloc alone: what is missing, and what to do" "libwhole.so (malloc); the rest stays in .*libc.so.6 (calloc, realloc, free).*--family malloc" "$T/bin/al" --symbol malloc "${to[@]}"
	refused "malloc and free" '(calloc, realloc).*--family malloc' "$T/bin/al" --symbol malloc --symbol free "${to[@]}"
	refused "free alone" '(malloc, calloc, realloc)' "$T/bin/al" --symbol free "${to[@]}"
	refused "of every program" '--family malloc' --all-programs --symbol malloc "${to[@]}"
	refused "from a library that has no more" 'libhalf.so (malloc);.*does not define calloc, realloc, free' "$T/bin/al" --symbol malloc --to "$T/lib/libhalf.so"
	refused "--family from such a library" 'does not define calloc, realloc, free' "$T/bin/al" --family malloc --to "$T/lib/libhalf.so"
	refused "one object's malloc without its free" '(free)' "$T/bin/al" --requester libuser.so --symbol malloc "${to[@]}"
	refused "a library that is not there" 'libnothere.so' "$T/bin/al" --family malloc --to libnothere.so
	refused "a library without any" 'does not define malloc' "$T/bin/al" --family malloc --to "$T/lib/libone.so"
	made "the whole family" "$T/bin/al" --family malloc "${to[@]}"
	equal "its members that are bound and defined" "calloc free malloc realloc" "$("$MATR" rebind --list --format csv | tail -n +2 | cut -d, -f3 | sort -u | xargs)"
	equal "those that it calls itself are its own" "malloc" "$("$MATR" rebind --list --format csv | grep 'libwhole.so,.*libwhole.so' | cut -d, -f3 | xargs)"
	check "the program runs" returns "$T/bin/al" 0
	refused "a part of it taken back" '(malloc, calloc, realloc); the rest stays in .*(free)' --undo "$("$MATR" rebind --list --format csv | grep ',free,' | cut -d, -f1)"
	undo_all
	check "all taken back" returns "$T/bin/al" 0
	made "one object's family" "$T/bin/al" --requester libuser.so --family malloc "${to[@]}"
	equal "its members that it binds" "free malloc" "$("$MATR" rebind --list --format csv | tail -n +2 | cut -d, -f3 | sort -u | xargs)"
	check "the program runs" returns "$T/bin/al" 0
	undo_all
	made "every program's family" --all-programs --family malloc "${to[@]}"
	check "the program runs" returns "$T/bin/al" 0
	undo_all
	"$MATR" epoch end >/dev/null
	made "the family, without an epoch" "$T/bin/al" --family malloc "${to[@]}"
	"$MATR" epoch begin --only -q "$T/bin/al" </dev/null
	check "the program runs" returns "$T/bin/al" 0
	undo_all
	refused "a wrapper that would find nothing" 'does not define' "$T/bin/al" --symbol malloc --to "$T/lib/libnext.so"
	for wrapper in libwrap.so libcount.so:counted; do
		made "a wrapper: $wrapper" "$T/bin/al" --symbol malloc --to "$T/lib/$wrapper"
		check "the program runs" returns "$T/bin/al" 0
		undo_all
	done
	made "--force" --force "$T/bin/al" --symbol malloc "${to[@]}"
	undo_all
	for arguments in "--family free --to x" "--family malloc --symbol free --to x" "--family malloc --to $T/lib/libwhole.so:x" "--family malloc"; do
		# shellcheck disable=SC2086 # words
		capture usage "$MATR" rebind "$T/bin/al" $arguments
		equal "usage: $arguments" 2 "$(cat "$T/usage.status")"
	done
}

# programs that are never edited
case_protected()
{
	library "$T/lib/libenv.so" <<<'char *getenv(const char *name) { (void)name; return 0; }'
	settle "$T/lib"
	cp "$(readlink -f /bin/bash)" "$T/bin/bash"
	settle "$T/bin"
	begin bash git "$T/bin/bash"
	to=(--symbol getenv --to "$T/lib/libenv.so")
	refused "by name" 'bash: is needed to repair the system: edits never apply to it' /bin/bash "${to[@]}"
	refused "with --force" 'is needed to repair the system' --force /bin/bash "${to[@]}"
	made "a bash that is nobody's shell" "$T/bin/bash" "${to[@]}"
	undo_all
	status=0
	rebind git bash "${to[@]}" || status=$?
	equal "among others: left out, which is said" "3 1" "$status $(grep -c '/bash: not edited: is needed to repair the system' "$T/rebind.err")"
	undo_all
	made "all others" --all-programs "${to[@]}"
	check "which is said in one line" grep -q '^matr: 1 programs are not edited, because they are needed to repair the system: /' "$T/rebind.err"
	edited() { "$MATR" sql --format list --headers off --sql "SELECT DISTINCT application FROM store.edited WHERE epoch = (SELECT max(id) FROM epochs) ORDER BY 1" | xargs; }
	equal "all others" "$(printf '%s\n' "$T/bin/bash" "$(readlink -f "$(command -v git)")" | sort | xargs)" "$(edited)"
	undo_all
	"$MATR" sql --write "INSERT INTO store.edits (program, symbol, library) VALUES ('bash', 'getenv', '$T/lib/libenv.so')"
	"$MATR" epoch apply -q --force >"$T/apply" 2>&1 </dev/null || :
	equal "nor by SQL" "$T/bin/bash" "$(edited)"
	cp "$MATR" "$T/bin/matr-copy"
}

# without namespaces: programs are started by name
case_ordinary_user()
{
	if [ "$(id -u)" -ne 0 ] || ! have setpriv; then
		skip "an ordinary user" "not root, or no setpriv"
		return
	fi
	mkdir -p "$T/user"
	cp "$T/bin/main" "$T/bin/later" "$T/user/"
	chown -R 54321 "$T/user"
	settle "$T/user"
	as_user() { setpriv --reuid 54321 --regid 54321 --clear-groups env MATR_PREFIX="$T/user/prefix" "$@"; }
	as_user "$MATR" epoch begin --only -q "$T/user/main" "$T/user/later" </dev/null
	status=0
	as_user "$MATR" rebind "$T/user/main" "${bad[@]}" >"$T/rebind" 2>"$T/rebind.err" </dev/null || status=$?
	check "an ordinary user: refused" test "$status $(grep -c 'is killed by signal 6' "$T/rebind.err")" = '1 1'
	check "an ordinary user: made" as_user "$MATR" rebind -q "$T/user/main" --symbol number --to "$T/lib/libtwo.so"
}

# examples of allocators in documents and help texts
case_examples()
{
	if ! ldconfig -p | grep -q libjemalloc.so.2; then
		skip "examples" "no libjemalloc2"
		return
	fi
	local n=0 line program
	{ "$MATR" rebind --help; cat "$SOURCE/README.md" "$SOURCE"/docs/*.md; sed 's/\\//g' "$SOURCE"/docs/man/*.1; } >"$T/texts"
	check "no example moves malloc alone" test -z "$(grep -E 'matr .*rebind .*--symbol malloc' "$T/texts" | grep -v -- '--symbol free\|libzz.so.1')"
	begin git
	# The programs that they are about need not be here: git stands for them.
	while read -r line; do
		n=$((n + 1))
		program=$(sed -E 's/.*rebind (--root [^ ]+ )?([a-z0-9-]+) .*/\2/' <<<"$line")
		line=$(sed -E "s/ #.*//; s/--prefix [^ ]+ //; s/--root [^ ]+ //; s/ $program / git /; s/ --quiet//" <<<"$line")
		check "$line (for $program)" bash -c "\"\$1\" ${line#matr }" - "$MATR"
		check "$line: git works" "$MATR" run git --version
		undo_all
	done < <(grep -oE 'matr ([a-z/-]+ )*rebind .*--family [^`]*' "$T/texts" | grep -v 'PROGRAM\|NAME' | sort -u)
	check "the texts have at least 4 examples with --family ($n)" test "$n" -ge 4
}

run_cases "$@"
