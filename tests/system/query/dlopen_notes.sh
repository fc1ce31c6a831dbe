#!/usr/bin/env bash
# dlopen_notes.sh - what objects say that they may load (.note.dlopen), apart from what they do load.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2016 # $ORIGIN is for ld.so
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/dlopen_note.sh
. "$TESTS/lib/dlopen_note.sh"
cd "$T"

# lib NAME [FLAGS]...: of the notes in the standard input
lib()
{
	local name=$1
	shift
	(cat; echo '.section .note.GNU-stack, "", @progbits') >"$name.s"
	echo "int $name(void) { return 1; }" | "$CC" -shared -fPIC -o "lib$name.so" -Wl,-soname,"lib$name.so.1" -x c - -x assembler "$name.s" \
		-x none "$@"
	ln -sf "lib$name.so" "lib$name.so.1"
}

lib there </dev/null
lib later </dev/null
{
	note "$DLOPEN_NOTE" FDO '[{"soname":["liblater.so.1","liblater.so.0"],"feature":"later","description":"Something","priority":"suggested"}]'
	note "$DLOPEN_NOTE" FDO '[{"soname":["libthere.so.1"],"feature":"there"},{"soname":["libgone.so.3"]}]'
	note 1 FDO '[{"soname":["libtype.so.1"]}]'
	note "$DLOPEN_NOTE" FD0 '[{"soname":["libowner.so.1"]}]'
} | lib says
cat >main.c <<'C'
int says(void);
int there(void);
int main(void) { return says() + there() - 2; }
C
"$CC" -o program main.c -L. -lsays -lthere -Wl,-rpath,"$T"
"$CC" -o other main.c -L. -lsays -lthere -llater -Wl,--no-as-needed -Wl,-rpath,"$T" -Wl,--build-id=none
"$CC" -o loads -x c - -x none -L. -Wl,--no-as-needed -lsays -Wl,-rpath,"$T" <<C
#include <dlfcn.h>
int main(void) { return !dlopen("$T/liblater.so.1", RTLD_NOW); }
C
"$MATR" record ./loads >/dev/null 2>&1
check "epoch begin" begin ./program ./other ./loads

"$MATR" tree ./program >out
sed -n '/^may be loaded:/,$p' out >candidates
check "tree: what may be loaded, and is not" [ "$(cat candidates)" = "may be loaded:
    liblater.so.1 or liblater.so.0 (by libsays.so, for later, suggested)
    libgone.so.3 (by libsays.so)" ]
"$MATR" tree ./loads >out
check "tree: what is loaded as recorded is no candidate" [ "$(sed '1,/^may be loaded:/d' out)" = "    libthere.so.1 (by libsays.so, for there)
    libgone.so.3 (by libsays.so)" ]
check "tree: json" [ "$("$MATR" tree --format json ./program |
	python3 -c 'import json, sys; print([(c["sonames"], c["by"][-10:], c["feature"], c["priority"], c["description"]) for c in json.load(sys.stdin)["may_load"]])')" = \
	"[(['liblater.so.1', 'liblater.so.0'], 'libsays.so', 'later', 'suggested', 'Something'), (['libgone.so.3'], 'libsays.so', None, None, None)]" ]
"$MATR" why --library ./program liblater.so.1 >out 2>&1 && status=0 || status=$?
check "why --library: not loaded, and who may load it" grep -q 'is not loaded by program; libsays.so may load it (.note.dlopen: later, suggested)' out
check "why --library: as a library that is not there" [ "$status" = 1 ]
"$MATR" exposed --library liblater.so.1 >out 2>&1 || :
check "exposed: who may load it" grep -q 'libsays.so may load it with dlopen(), as it says (for later)' out

# ---- hostile notes ----

# hostile NAME: a library of the notes in the standard input; the tree of a program with it, within seconds.
hostile()
{
	rm -f libbad.so*
	lib bad
	echo 'int bad(void); int main(void) { return bad() - 1; }' | "$CC" -o hostile -x c - -x none -L. -lbad -Wl,-rpath,"$T"
	if timeout 300 "$MATR" tree --env LD_LIBRARY_PATH="$T" ./hostile >out 2>err && grep -q 'libbad.so' out; then
		ok "$1"
	else
		not_ok "$1" out err
	fi
}
hostile "not JSON" < <(note "$DLOPEN_NOTE" FDO 'this is not JSON')
hostile "empty" < <(note "$DLOPEN_NOTE" FDO '')
hostile "JSON that is cut" < <(note "$DLOPEN_NOTE" FDO '[{"soname":["libcut')
hostile "not an array" < <(note "$DLOPEN_NOTE" FDO '{"soname":"libbare.so.1"}')
hostile "other types" < <(note "$DLOPEN_NOTE" FDO '[1, null, "x", [], {}, {"soname":1}, {"soname":[]}, {"soname":[1,null,{},[[]]]}]')
check "and nothing is made of them" [ "$(grep -c 'may be loaded' out)" = 0 ]
hostile "deep" < <(note "$DLOPEN_NOTE" FDO "$(printf '%*s' 200000 '' | tr ' ' '[')")
{
	printf '['
	for ((i = 0; i < 5000; i++)); do printf '{"soname":["lib%d.so"],"feature":"f"},' "$i"; done
	printf '{}]'
} >many
hostile "many" < <(note "$DLOPEN_NOTE" FDO "$(cat many)")
check "of which some are shown" [ "$(grep -c '^    lib' out)" -le 1024 ]
hostile "control characters" < <(note "$DLOPEN_NOTE" FDO '[{"soname":["\\u001b[31mred\\u0000\\n"],"feature":"\\u001b]0;x\\u0007"}]')
check "which are not printed" sh -c '! grep -q "$(printf "\033")" out'
hostile "a size beyond the note" < <(printf '.section .note.dlopen, "a", @note\n.balign 4\n.long 4, 0xfffffff0, %s\n.asciz "FDO"\n' "$DLOPEN_NOTE")
hostile "a name beyond it" < <(printf '.section .note.dlopen, "a", @note\n.balign 4\n.long 0xffffffff, 4, %s\n.asciz "FDO"\n' "$DLOPEN_NOTE")
hostile "a note that is cut" < <(printf '.section .note.dlopen, "a", @note\n.balign 4\n.long 4\n')

finish
