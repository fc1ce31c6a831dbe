#!/usr/bin/env bash
# record_always.sh - record = always: what a program loads in daily life is noted, and the next epoch begin maps it.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
cd "$T"
"$CC" -O1 -D_GNU_SOURCE -o load "$HERE/closures/load.c" -Wl,--no-as-needed -ldl -pthread
cp load quiet
for name in one two three; do
	"$CC" -O1 -fPIC -shared -o "$name.so" -Wl,-z,lazy -x c - <<<"int rand(void); int go(void) { return 0 * rand() + ${#name}; } int (*pointer)(void) = go;"
done
mkdir other
cp one.so other/one.so
chmod 777 other
ln -s "$T/one.so" link.so
cat >conf <<-C
[programs]
directory = $T/empty
include = $T/load
include = $T/quiet
[program load]
path = $T/load
record = always
C
mkdir empty
NOTED=$MATR_PREFIX/noted

configured() { "$MATR" epoch begin --config conf >"$T/begin" 2>&1 </dev/null || { cat "$T/begin"; return 1; }; }
# noted: what has been noted, by all processes; recorded: what was collected. "LIBRARY FLAGS" per line.
noted() { cat "$NOTED"/* 2>/dev/null | sed -n "s|^$T/load $T/\(.*\) -$|\1|p" | sort || :; }
recorded() { sed -n "s|^$T/load $T/\(.*\) -$|\1|p" "$MATR_PREFIX/recordings" 2>/dev/null || :; }
# daily NAME STEP...: the program runs with its mapping as without.
daily()
{
	local name=$1
	shift
	capture plain "${UNDER[@]}" ./load "$@"
	capture_matr matr "${UNDER[@]}" ./load "$@"
	explain_difference
	if alike; then ok "$name"; else not_ok "$name" "$T/difference" "$T/matr.said"; fi
}
UNDER=(env)

check "epoch begin" configured
mode=$([ "$(id -u)" -eq 0 ] && echo 1733 || echo 700)
check "the directory is everybody's to create in" [ "$(stat -c %a "$NOTED")" = "$mode" ]
daily "a load" open a "$T/one.so" n call a go
check "noted" [ "$(noted)" = "one.so now" ]
check "in a file of the user's own" [ "$(stat -c '%a %u' "$NOTED"/*)" = "600 $(id -u)" ]
"$MATR" run ./quiet open a "$T/one.so" n >/dev/null 2>&1 || :
check "another program is not" [ "$(find "$NOTED" -type f | wc -l)" = 1 ]
check "begin collects" configured
check "recorded" [ "$(recorded)" = "one.so now" ]
check "the file is gone" [ -z "$(ls -A "$NOTED")" ]
daily "served now" open a "$T/one.so" n call a go
check "served" grep -q 'applied closure .*one.so' "$T/matr.said"
check "and not noted" [ -z "$(ls -A "$NOTED")" ]
daily "served and not" open a "$T/one.so" n fork open b "$T/two.so" l call b go end open c "$T/three.so" n close c open c "$T/three.so" n
check "what is not served is noted, once, of a child too" [ "$(noted)" = "three.so now
two.so lazy" ]
rm "$NOTED"/*

# ---- files that are not written to ----

UNDER=(bash -c 'set -o pipefail; (ulimit -f 0; "$@") 2>&1 | cat' -)
daily "a limit of the size of files" open b "$T/two.so" n
check "and nothing is noted" [ -z "$(ls -A "$NOTED")" ]
"$CC" -O1 -o refuse "$HERE/closures/refuse.c"
UNDER=("$T/refuse" write-exec)
daily "a seccomp filter" open b "$T/two.so" n
check "and nothing is noted" [ -z "$(ls -A "$NOTED")" ]
UNDER=(env)
daily "the name of the file" open b "$T/two.so" n
name=$(basename "$NOTED"/*)
check "as documented" expr "$name" : '[0-9a-f]*\.[0-9]*$'
: >victim
for ((i = 0; i < 16; i++)); do
	rm -f "$NOTED/${name%.*}.$i"
	case $((i % 4)) in
	0) ln -s "$T/victim" "$NOTED/${name%.*}.$i" ;;
	1) ln "$T/victim" "$NOTED/${name%.*}.$i" ;;
	2) mkfifo "$NOTED/${name%.*}.$i" ;;
	3) mkdir "$NOTED/${name%.*}.$i" ;;
	esac
done
daily "names that are taken" open b "$T/two.so" n
check "nothing is written to what was there" [ ! -s victim ]
check "begin" configured
check "all of it is removed" [ -z "$(ls -A "$NOTED")" ]
check "and nothing else" [ -e victim ]
chmod 555 "$NOTED"
rmdir "$NOTED"
daily "no directory" open b "$T/two.so" n
check "it is made again" configured
check "and is there" [ -d "$NOTED" ]

# ---- hostile content ----

{
	echo "$T/load $T/two.so now -"
	echo "$T/quiet $T/two.so now -"
	echo "$T/load $T/other/one.so now -"
	echo "$T/load $T/other/../three.so now -"
	echo "$T/load $T/not-there.so now -"
	echo "$T/load $T now -"
	echo "$T/load /etc/shadow now -"
	echo "$T/load $T/three.so evil,flags -"
	echo "$T/load $T/three.so now"
	echo "relative $T/three.so now -"
	echo "%00 %zz %"
	printf '%s\0%s\n' "$T/load $T/three.so" " now -"
	head -c 100000 /dev/urandom
	printf '\n%s' "$T/load $T/three.so now -" # not a whole line
} >"$NOTED/x"
ln -s "$T/load" "$NOTED/link"
truncate -s 1G "$NOTED/large"
check "begin" configured
recorded >lines
check "what is in nobody else's hands is recorded" grep -qx "two.so now" lines
check "and what could be no library is left to the resolver" [ "$(grep -c . lines)" = 2 ]
check "no other program" [ "$(grep -c quiet "$MATR_PREFIX/recordings")" = 0 ]
check "the files are gone" [ -z "$(ls -A "$NOTED")" ]

# ---- switched off ----

sed -i 's/always/no/' conf
check "begin without it" configured
check "the directory is gone" [ ! -e "$NOTED" ]
daily "nothing is noted" open c "$T/three.so" n
check "nor made" [ ! -e "$NOTED" ]
sed -i 's/record = no/record = perhaps/' conf
capture matr "$MATR" epoch begin --config conf
check "what is not understood" grep -q 'record has to be always or no' "$T/matr.err"

finish
