#!/usr/bin/env bash
# record.sh - matr record: what is noted of a program's loads, and that the program does not notice.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
# shellcheck disable=SC2016 # $ORIGIN is for ld.so
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
cd "$T"
"$CC" -O1 -D_GNU_SOURCE -o load "$HERE/closures/load.c" -Wl,--no-as-needed -ldl -pthread

# lib NAME [FLAGS]... <<<CODE
lib()
{
	local name=$1
	shift
	"$CC" -O1 -fPIC -shared -o "$name.so" -x c - -x none -L. '-Wl,-rpath,$ORIGIN' -Wl,--no-as-needed "$@"
}
lib deep -Wl,-z,lazy <<<'int puts(const char *); int deep(void) { return puts("deep"); }'
lib plugin -l:deep.so -Wl,-z,lazy <<<'int deep(void); int go(void) { return deep(); }'
lib bound -l:deep.so -Wl,-z,now <<<'int deep(void); int go(void) { return deep(); }'
lib bare -Wl,-z,norelro -Wl,-z,lazy <<<'int rand(void); int go(void) { return rand(); }'
lib broken -Wl,-z,lazy <<<'extern int nowhere_data; int *pointer = &nowhere_data;'
lib other <<<'int go(void) { return 7; }'

# noted: "LIBRARY FLAGS NAME" per line, of what is recorded of ./load.
noted()
{
	sed -n "s|^$T/load $T/||p" "$MATR_PREFIX/recordings" 2>/dev/null || :
}

# record NAME WANTED STEP...: the lines, separated by ";". The program does what it does otherwise.
record()
{
	local name=$1 wanted=$2
	shift 2
	rm -rf "$MATR_PREFIX"
	capture plain "${UNDER[@]}" ./load "$@"
	capture matr "$MATR" record "${UNDER[@]}" ./load "$@"
	sed -i '/^matr: .* libraries were loaded with dlopen/d' "$T/matr.err"
	explain_difference
	noted >lines
	tr ';' '\n' <<<"$wanted" | sed '/^$/d' >expected
	if alike && cmp -s lines expected; then
		ok "$name"
	else
		not_ok "$name" "$T/difference" lines expected
	fi
	[ -z "$(find "$MATR_PREFIX" -name 'record.*')" ] || not_ok "$name: nothing is left behind"
}
UNDER=(env)

record "RTLD_NOW" 'plugin.so now -' open p "$T/plugin.so" n call p go
record "RTLD_LAZY" 'plugin.so lazy -' open p "$T/plugin.so" l call p go
record "lazy once is not now" 'plugin.so lazy -' open p "$T/plugin.so" n close p open p "$T/plugin.so" l call p go
record "what wants to be bound at once; its dependency tells" 'bound.so lazy -;other.so - -' open p "$T/bound.so" l open o "$T/other.so" n
record "no RELRO" 'bare.so - -;plugin.so now -' open b "$T/bare.so" n open p "$T/plugin.so" n call b go
record "a load that fails" 'broken.so - -;plugin.so now -' open b "$T/broken.so" n open p "$T/plugin.so" n call p go
record "what is there is no load" 'plugin.so now -' open p "$T/plugin.so" n open d "$T/deep.so" n open p "$T/plugin.so" n
record "no file, RTLD_NOLOAD" '' open p "$T/nothing.so" n open p "$T/plugin.so" no
record "a relative name" 'plugin.so now -' open r ./other.so n open p "$T/plugin.so" n
record "another namespace" 'plugin.so now -' private q "$T/plugin.so" open p "$T/plugin.so" n call q go
record "a thread with a small stack" 'plugin.so now -' small open p "$T/plugin.so" n call p go end
record "a forked child" 'other.so - -;plugin.so now -' open o "$T/other.so" n fork open p "$T/plugin.so" n call p go end
record "a name with a space" 'a%20b.so - -' link "$T/a b.so" "$T/other.so" open p "$T/a b.so" n
mkdir empty
UNDER=(env "LD_LIBRARY_PATH=$T/empty:$T")
record "a name that is searched for" 'plugin.so now plugin.so' open p plugin.so n call p go
record "a search in vain before" 'plugin.so now -' open p nothing.so n open p "$T/plugin.so" n call p go
UNDER=(env "LD_PRELOAD=$T/other.so")
record "LD_PRELOAD" 'plugin.so now -' open p "$T/plugin.so" n call - go
UNDER=(bash -c 'set -o pipefail; (ulimit -f 0; "$@") | cat' -)
record "a limit of the size of files" '' open p "$T/plugin.so" n call p go
UNDER=(bash -c '"$@"; exit 5' -)
record "a shell's child, and the shell's status" 'plugin.so now -' open p "$T/plugin.so" n call p go
UNDER=(env)

# ---- files that end the recording ----

rm -rf "$MATR_PREFIX"
capture plain ./load open p "$T/plugin.so" n call p go
for file in "$T/nothing" /proc/self/mem /dev/full "$T" "$T/fifo"; do
	[ "$file" != "$T/fifo" ] || mkfifo "$file"
	capture matr "$MATR" record env LD_STABLE_RECORD="$file" ./load open p "$T/plugin.so" n call p go
	sed -i '/^matr: .* libraries were loaded with dlopen/d' "$T/matr.err"
	explain_difference
	if alike; then ok "the program runs with LD_STABLE_RECORD=$file"; else not_ok "LD_STABLE_RECORD=$file" "$T/difference"; fi
done
: >here
ln -s here link
"$MATR" record env LD_STABLE_RECORD="$T/link" ./load open p "$T/plugin.so" n >/dev/null 2>&1
check "a symbolic link is not followed" [ ! -s here ]

# ---- the command ----

for status in 0 3 77; do
	capture matr "$MATR" record sh -c "exit $status"
	check "status $status" [ "$(cat "$T/matr.status")" = "$status" ]
done
capture matr "$MATR" record sh -c 'kill -9 $$'
check "killed" [ "$(cat "$T/matr.status")" = 137 ]
capture matr "$MATR" record "$T/nothing"
check "not found" [ "$(cat "$T/matr.status")" = 127 ]
mkdir "$MATR_PREFIX/record.abcdef"
touch -d '2 hours ago' "$MATR_PREFIX/record.abcdef"
"$MATR" record ./load open p "$T/plugin.so" n >/dev/null 2>&1
check "what a killed run has left is removed" [ ! -e "$MATR_PREFIX/record.abcdef" ]
mkdir "$T/mine"
: >"$T/mine/file"
capture matr "$MATR" record --prefix "$T/mine" ./load
check "no prefix: the program is not started" [ "$(cat "$T/matr.status")" = 125 ]
check "and nothing is made in it" [ "$(ls "$T/mine")" = file ]

# ---- an epoch is in force: loads that it serves are noted like others ----

rm -rf "$MATR_PREFIX"
"$MATR" record ./load open p "$T/plugin.so" n >/dev/null 2>&1
check "epoch begin" begin ./load
capture_matr matr ./load open p "$T/plugin.so" n call p go
check "what was recorded is served" grep -q 'applied closure .*plugin.so' "$T/matr.said"
"$MATR" record --forget-first ./load open p "$T/plugin.so" l open o "$T/other.so" n >/dev/null 2>&1
check "recorded anew" [ "$(noted)" = "plugin.so lazy -
other.so - -" ]
"$MATR" run "$MATR" record --forget-first ./load open p "$T/plugin.so" n >/dev/null 2>&1
check "in a namespace of matr run" [ "$(noted)" = "plugin.so now -" ]

# ---- no namespace is to be had ----

confined() { unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_mnt_namespaces; exec "$@"' - "$@"; }
if confined true 2>/dev/null; then
	rm -rf "$MATR_PREFIX"
	capture plain ./load open p "$T/plugin.so" n call p go
	confined "$MATR" record ./load open p "$T/plugin.so" n call p go >"$T/matr.out" 2>"$T/by-name"
	check "by name: the program's output" cmp -s "$T/plain.out" "$T/matr.out"
	check "by name: noted" [ "$(noted)" = "plugin.so now -" ]
	check "by name: said" grep -q 'nothing is noted of what ./load starts' "$T/by-name"
else
	skip "by name" "no user namespace"
fi

finish
