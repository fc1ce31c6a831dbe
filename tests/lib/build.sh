# build.sh - libraries and programs of the C on standard input. Sourced after matr.sh.
# shellcheck shell=bash
mkdir -p "$T/lib" "$T/bin"

# library FILE [FLAG...]: without libc, so that the library has only what is written; its soname is the file's name, unless
# the flags have another. FILE is replaced by a rename.
library()
{
	"$CC" -x c -fPIC -shared -nostdlib -o "$1.new" -Wl,-soname,"${1##*/}" - -x none "${@:2}" && mv "$1.new" "$1"
}

# program NAME [FLAG...]: $T/bin/NAME, with libraries of $T/lib, which it finds in RUN_PATH (by default $T/lib).
program()
{
	"$CC" -x c -o "$T/bin/$1" - -x none -L"$T/lib" -Wl,--no-as-needed "${@:2}" -Wl,-rpath,"${RUN_PATH:-$T/lib}"
}
