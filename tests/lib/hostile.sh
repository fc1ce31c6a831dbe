# shellcheck shell=bash
# hostile.sh - a program whose library and symbol have names that are no UTF-8 and hurt CSV, SQL and JSON. Sourced after
# matr.sh by the tests of exports.

# The file's name, and the symbol of it to which the program binds.
HOSTILE=$'a"\'",\n\\u0041;\xff\xee\xbe\x80.so'
HOSTILE_SYMBOL=$'\');drop\xc3"'

# make_hostile: $T/program, which loads $T/lib/$HOSTILE; its other object is $T/hostile.o.
make_hostile()
{
	mkdir "$T/lib"
	$CC -c -fPIC -o "$T/hostile.o" -xc - <<<'int placeholder(void) { return 0; }'
	objcopy --redefine-sym "placeholder=$HOSTILE_SYMBOL" "$T/hostile.o"
	$CC -shared -o "$T/lib/hostile.so" -Wl,-soname,hostile.so "$T/hostile.o"
	mv "$T/lib/hostile.so" "$T/lib/$HOSTILE"
	ln -s "$HOSTILE" "$T/lib/hostile.so"
	$CC -c -o "$T/program.o" -xc - <<<'int placeholder(void); int main(void) { return placeholder(); }'
	objcopy --redefine-sym "placeholder=$HOSTILE_SYMBOL" "$T/program.o"
	$CC -o "$T/program" "$T/program.o" "$T/lib/hostile.so" -Wl,-rpath,"$T/lib"
}
