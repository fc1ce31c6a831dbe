#!/usr/bin/env bash
# root.sh - --root: a tree is asked, and the host is not, whose answers are others.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"
if [ "$(id -u)" -ne 0 ] && ! unshare -r true 2>/dev/null; then
	skip "everything" "neither root nor user namespaces"
	finish
fi

# The program is in both, in /opt/app; its library binds only here, or only there.
R=$T/root A=$T/opt/app
mkdir -p "$A"
library "$A/libl.so" <<<'int ours(void) { return 0; } int both(void) { return 0; }'
"$CC" -x c -o "$A/app" - -x none -L"$A" -ll -Wl,-rpath,"$A" -Wl,-z,now <<<'int both(void); int main(void) { return both(); }'
mkdir -p "$R$A" "$R/tmp" "$R/etc"
for file in "$A/app" /lib64/ld-linux-x86-64.so.2 "$(ldd "$A/app" | awk '/libc.so.6/ {print $3}')"; do
	mkdir -p "$R$(dirname "$file")"
	cp -L "$file" "$R$file"
done
cp "$A/app" "$R$A/second"
library "$R$A/libl.so" <<<'int theirs(void) { return 0; } int getpid(void) { return 0; } int both(void) { return getpid(); }'
# A prefix of the same name on either side.
P=$T/prefix
check "an epoch here" "$MATR" epoch begin --only -q "$A/app"
check "an epoch there" "$MATR" epoch begin --only -q --root "$R" "$A/app" "$A/second"

there() # COMMAND [ARGUMENT]...
{
	"$MATR" "$1" --root "$R" "${@:2}" 2>&1
}

# says NAME PATTERN COMMAND...: there it is so, and here it is not, or the other way round with !PATTERN.
says()
{
	local name=$1 pattern=$2
	shift 2
	there "$@" >"$T/there" || :
	"$MATR" "$@" >"$T/here" 2>&1 || :
	if grep -Eq "$pattern" "$T/there" && ! grep -Eq "$pattern" "$T/here"; then
		ok "$name"
	else
		not_ok "$name" "$T/there" "$T/here"
	fi
}

says inspect 'second: epoch 1' inspect "$A/second"
says "inspect, bindings" "^$A/second" inspect --bindings --symbol both "$A/second"
says tree "^$A/second" tree --epoch 1 "$A/second"
says why "^$A/second .*$A/libl.so" why --details --epoch 1 "$A/second" both
says "why: what a library has" "libl.so +match" why --details "$A/app" theirs
says shadowed "getpid.*libl.so" shadowed "$A/app"
says exposed "$A/second" exposed --details --library libl.so
says sql "^3$|^\| *3|  *3$" sql "SELECT count(*) FROM applications WHERE path LIKE '%/opt/app/%' UNION SELECT 3 FROM elf_symbols WHERE name = 'theirs' AND path LIKE '%libl.so'"
says "sql: files" "theirs" sql "$A/libl.so" "SELECT name FROM elf_symbols WHERE name = 'theirs'"
# The list is the caller's file.
echo libl.so >"$T/list"
says "exposed --list" "$A/second" exposed --details --list "$T/list"

epoch_there() # COMMAND...
{
	"$MATR" epoch "$1" --root "$R" "${@:2}"
}
check "a second epoch there" "$MATR" epoch begin --only -q --root "$R" "$A/app"
equal "epoch list: there" "1 2" "$(epoch_there list --format csv | tr -d '\r' | sed 1d | cut -d , -f 1 | paste -sd ' ')"
equal "epoch list: here" 1 "$("$MATR" epoch list --format csv | tr -d '\r' | sed 1d | cut -d , -f 1 | paste -sd ' ')"
says diff "second .*gone|second .*removed|second" diff --details 1 2
check "check" there check "$A/app"

# Answers of doctor are about the tree: no word on the host's kernel.
there doctor -v >"$T/doctor" || :
check "doctor: the epoch there" grep -q 'epoch 2 is in force' "$T/doctor"
equal "doctor: not of the kernel" 0 "$(grep -c '^[a-z]* *kernel' "$T/doctor")"

# Open nothing of the host before chroot(), which has to succeed.
if have strace; then
	for command in "tree $A/second" "sql SELECT(1)" "doctor" "diff 1 2" "exposed --library libl.so"; do
		# shellcheck disable=SC2086 # a list
		strace -f -qq -e trace=open,openat,chroot,execve -o "$T/strace" "$MATR" ${command%% *} --root "$R" \
			${command#"${command%% *}"} >/dev/null 2>&1 || :
		sed '/chroot(".*= 0/,$d' "$T/strace" |
			grep -E "\"($P|/var/lib|/etc/(matr|ld.so.preload|passwd)|/proc|/sys|/home|/opt|$T/opt)" |
			grep -v "\"$BUILD" >"$T/opened" || :
		if [ ! -s "$T/opened" ] && grep -q 'chroot(".*= 0' "$T/strace"; then
			ok "${command%% *}: nothing of the host is opened"
		else
			not_ok "${command%% *}: nothing of the host is opened" "$T/opened" "$T/strace"
		fi
	done
else
	skip "nothing of the host is opened" "no strace"
fi

one_line "no such tree" 1 "$MATR" tree --root "$T/none" "$A/app"
one_line "nor for SQL" 1 "$MATR" sql --root "$T/none" "SELECT 1"
check "epoch end" epoch_there end
equal "ended there" "ended" "$(epoch_there list --format csv | tr -d '\r' | tail -n 1 | cut -d , -f 9)"
equal "and here not" "in force" "$("$MATR" epoch list --format csv | tr -d '\r' | tail -n 1 | cut -d , -f 9)"
finish
