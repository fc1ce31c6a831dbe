#!/usr/bin/env bash
# untrusted.sh - names that nobody vouches for, in everything that is printed: see untrusted.py.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/matrd.sh
. "$(dirname "$0")/../../lib/matrd.sh"

# Whatever bytes there are, a symbol can have them: objcopy renames. The rest are names of files.
E=$'\e]0;title\a\e[31m\n/usr/bin/row  9\t\xff\xc2\x9b31m\xe2\x80\xae\xe4\xb8\xad'
export SYMBOL=s$E DIRECTORY=$T/d$'\e[31m\n\xff'
export PROGRAM=$DIRECTORY/p$'\e[31m\n\xff' LIBRARY=$DIRECTORY/libe$'\e[31m\nq\xff.so'
export SECOND=$DIRECTORY/libf$'\e[31m\nq\xff.so' LOADED=$DIRECTORY/libl$'\e[31m\nq\xff.so' DECLINED=$DIRECTORY/x$'\e[31m\n\xff'
mkdir "$DIRECTORY"
cd "$T"
make_library() # FILE C...
{
	local file=$1
	shift
	printf '%s\n' "$@" | $CC -c -fPIC -g -xc - -o library.o
	objcopy --redefine-sym "placeholder=$SYMBOL" library.o
	$CC -shared -o "$file" library.o -Wl,-soname,"${file##*/}" -Wl,--version-script=versions
}
printf 'VERSION12345 { global: *; };\n' >versions
make_library "$LIBRARY" 'int placeholder(void) { return 3; }' 'int plain(void) { return 1; }'
make_library "$SECOND" 'int placeholder(void) { return 4; }' 'int other(void) { return 5; }'
make_library "$LOADED" 'int placeholder(void);' 'int loaded(void) { return placeholder(); }'
printf '%s\n' '#include <dlfcn.h>' 'int placeholder(void), plain(void), other(void);' \
	'int main(int n, char **v) { return dlopen(v[n - 1], 2) ? placeholder() + plain() + other() : 99; }' |
	$CC -c -xc - -o program.o
objcopy --redefine-sym "placeholder=$SYMBOL" program.o
$CC -o "$PROGRAM" program.o "$LIBRARY" "$SECOND" -Wl,-rpath,"$DIRECTORY"
make_library "$T/next" 'int placeholder(void) { return 3; }' 'int plain(void) { return 1; }'
# A version's name is found by its hash, which is that of the name before.
sed -i $'s/VERSION12345/V\e[31m\\\n\xffIONS/' "$PROGRAM" "$LIBRARY" "$SECOND" "$LOADED" "$T/next"
printf '#!/bin/sh\n' >"$DECLINED"
chmod 755 "$DECLINED"
status=0
"$PROGRAM" "$LOADED" || status=$?
[ $status -eq 9 ] || { not_ok "the program runs without MatR"; finish; }
start
/usr/bin/python3 "$HERE/untrusted.py" "$MATR" "$T" "$LOG"
