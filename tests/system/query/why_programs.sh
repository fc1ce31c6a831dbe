#!/usr/bin/env bash
# why_programs.sh - why, why --library, shadowed and exposed against what readelf and ld.so say of real programs:
# why_programs.py computes the first three once more, and ld.so's bindings of every program tell who binds to what.
#
# MATR_TEST_EVERY=N: every N-th program of the machine (default 200; the slow suite takes 30, and 1 for exposed)
# MATR_TEST_PAIRS=N: so many symbols of each (default 3)
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2016
. "$(dirname "$0")/../../lib/matr.sh"

every=${MATR_TEST_EVERY:-200}
pairs=${MATR_TEST_PAIRS:-3}
truth=("$HERE/why_programs.py" "$MATR")
sample() { "$SOURCE/tests/oracle/compare-bindings" --build "$BUILD" --sample "$((7 % $1))/$1" --list; }
# Programs with many libraries, with run paths, with versions and with copied data, and a sample of all.
fixed=(/usr/bin/git /usr/bin/python3 /usr/sbin/sshd /usr/bin/journalctl /usr/bin/xz)
[ "$every" -eq 200 ] || fixed+=(/usr/bin/clang /usr/lib/libreoffice/program/soffice.bin)
mapfile -t programs < <({ for program in "${fixed[@]}"; do [ ! -x "$program" ] || readlink -f "$program"; done
	sample "$every"; } | sort -u)
# Of a sample some may be declined: they are not asked about.
begin_some() { begin "$@" || "$MATR" epoch show >"$T/shown" 2>&1; }
if ! begin_some "${programs[@]}"; then
	not_ok "an epoch to ask about" "$T/begin"
	finish
fi
mapfile -t programs < <("$MATR" epoch show --programs --format json | /usr/bin/python3 -c "
import json, sys
for r in json.load(sys.stdin):
    if r['mapped'] != 'declined': print(r['program'])")

# agrees NAME ARGUMENT...: of why_programs.py, which says how much it compared
agrees()
{
	local name=$1
	shift
	if /usr/bin/python3 "${truth[@]}" "$@" "${programs[@]}" >"$T/agrees" 2>&1 </dev/null; then
		ok "$name: $(tail -n 1 "$T/agrees")"
	else
		not_ok "$name" "$T/agrees"
	fi
}
agrees "why: each object, and why not" why "$pairs"
agrees "shadowed: who wins, and over whom" shadowed
agrees "why --library: where, and by which rule" library

# Programs that bind, and programs that only load.
[ "$every" -eq 200 ] || {
	mapfile -t programs < <(sample 1)
	begin_some "${programs[@]}" || sed 's/^/# /' "$T/begin"
}
mkdir "$T/theirs"
"$BUILD/tests/oracle/oracle-bindings" --ld.so "$T/theirs" "${programs[@]}" 2>"$T/refused" </dev/null || :
for i in "${!programs[@]}"; do
	[ ! -e "$T/theirs/$((i + 1))" ] || sed "s|^|${programs[$i]}\t|" "$T/theirs/$((i + 1))"
done | awk -F'\t' '$2 != $5' >"$T/bindings" # program, requester, symbol, version, provider
cut -f1 "$T/bindings" | sort -u >"$T/programs"
for program in "${programs[@]}"; do
	LD_TRACE_LOADED_OBJECTS=1 "$program" 2>/dev/null </dev/null |
		sed -n 's|^\t.* => \(/[^ ]*\) .*|\1|p' | sed "s|^|$program\t|"
done >"$T/loads"
# exposed NAME AWK-CONDITION ARGUMENT...
exposed()
{
	local name=$1 condition=$2
	shift 2
	awk -F'\t' "$condition {print \$1 \"\t\" \$2}" "$T/bindings" | sort -u >"$T/wanted"
	"$MATR" exposed --format json "$@" 2>"$T/counts" | /usr/bin/python3 -c "
import json, sys
known = set(open('$T/programs').read().split('\n'))
for r in json.load(sys.stdin):
    if r['program'] in known and not r['loaded_by_dlopen_of']: print(r['program'], r['requester'], sep='\t')" | sort >"$T/ours"
	if [ -s "$T/wanted" ] && cmp -s "$T/wanted" "$T/ours"; then
		ok "$name: $(wc -l <"$T/ours") as ld.so binds"
	else
		diff "$T/wanted" "$T/ours" >"$T/difference" || :
		not_ok "$name: as ld.so binds" "$T/difference" "$T/counts"
	fi
}
exposed "--symbol malloc" '$3 == "malloc"' --symbol malloc
exposed "--symbol memcpy@GLIBC_2.14" '$3 == "memcpy" && $4 == "GLIBC_2.14"' --symbol memcpy@GLIBC_2.14
exposed "--library libz.so.1" '$5 ~ /\/libz\.so\.1/' --library libz.so.1
exposed "--library liblzma.so.5" '$5 ~ /\/liblzma\.so\.5/' --library liblzma.so.5
# Of the last: whoever loads it either binds to it or only loads it.
loading=$(awk -F'\t' '$2 ~ /\/liblzma\.so\.5/ {print $1}' "$T/loads" | sort -u | wc -l)
check "all that load liblzma are counted, as bound to it or as only loading it ($loading)" \
	test "$(awk '/programs bind/ {print $2 + $7}' "$T/counts")" = "$loading"
finish
