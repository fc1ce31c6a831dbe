#!/usr/bin/env bash
# json_keys.sh - the keys of all JSON that commands print: see json_keys.py. With --print: the list of docs/json.md, as it is.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/dlopen_note.sh
. "$TESTS/lib/dlopen_note.sh"
# A program with an edit, a library that may load another (.note.dlopen), a recorded dlopen(), a declined neighbour and a symbol that two libraries define.
{
	note "$DLOPEN_NOTE" FDO '[{"soname":["libmaybe.so.1"],"feature":"more","description":"Something","priority":"suggested"}]'
	echo '.section .note.GNU-stack, "", @progbits'
} >"$T/note.s"
echo 'int value(void) { return 1; }' | $CC -shared -fPIC -xc - -xassembler "$T/note.s" -o "$T/libone.so" -Wl,-soname,libone.so
echo 'int value(void) { return 2; }' | $CC -shared -fPIC -xc - -o "$T/libtwo.so" -Wl,-soname,libtwo.so
echo 'int value(void); int main(int n, char **v) { extern void *dlopen(const char *, int); if (n > 1) dlopen(v[1], 2); return value() - 1; }' |
	$CC -xc - -xnone -o "$T/program" -Wl,--no-as-needed "$T/libone.so" "$T/libtwo.so" -Wl,-rpath,"$T"
echo 'int other(void) { return 3; }' | $CC -shared -fPIC -xc - -o "$T/liblate.so" -Wl,-soname,liblate.so
"$MATR" record "$T/program" "$T/liblate.so"
begin "$T/program" /usr/bin/xz "$T/none" || :
"$MATR" rebind "$T/program" --symbol value --to "$T/libtwo.so" --force -q
"$MATR" baseline save "$T/baseline" "$T/program" /usr/bin/xz
"$MATR" export -o "$T/before.jsonl"
"$MATR" rebind --undo 1 -q
"$MATR" export -o "$T/after.jsonl"
/usr/bin/python3 "$HERE/json_keys.py" "$MATR" "$SOURCE" "$T" "$@"
