#!/usr/bin/env bash
# refused.sh - check-upgrade foresees what ld.so refuses after it has found every library.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"
PATH=$TESTS/oracle/rules:$PATH
mkdir "$T/new"

# foresees NAME MESSAGE REASON NEW PROGRAM: with NEW in the place of libd.so ld.so refuses the program with that message,
# and check-upgrade says so.
foresees()
{
	local old=$T/lib/libd.so
	[ "${4##*/}" = libd.so ] || old=$T/bin/$5
	capture real unshare -m sh -c "mount --bind '$4' '$old' && exec '$T/bin/$5'"
	grep -q "$2" "$T/real.err" || {
		not_ok "$1: what ld.so says" "$T/real.err" "$T/real.status"
		return 0
	}
	capture check "$MATR" check-upgrade --format csv --replace "$old=$4" "$T/bin/$5"
	if [ "$(cat "$T/check.status")" -eq 1 ] && grep -q ",refused,.*$3" "$T/check.out"; then
		ok "$1"
	else
		not_ok "$1" "$T/check.out" "$T/check.err"
	fi
}

# new NAME [FLAG...]: $T/new/NAME/libd.so
new()
{
	mkdir "$T/new/$1"
	library "$T/new/$1/libd.so" -fcf-protection "${@:2}"
}

code='int data[2] = {1, 2}; int *p = data; int d(void) { return *p; }'
library "$T/lib/libd.so" <<<"$code"
program calls -ld <<<'int d(void); int main(void) { return d() - 1; }'
program copies -ld -no-pie -fno-pie <<<'extern int data[]; int d(void); int main(void) { return d() + data[1] - 3; }'
program resolves -ld -Wl,--export-dynamic <<<'static int one(void) { return 1; } static void *pick(void) { return one; }
	int f(void) __attribute__((ifunc("pick"))); int d(void); int main(void) { return d() - f(); }'
check "epoch begin" begin "$T"/bin/*

new same <<<"$code"
check "the same again" "$MATR" check-upgrade --replace "$T/lib/libd.so=$T/new/same/libd.so"

new level <<<"$code"
elf-patch "$T/new/level/libd.so" property 0xc0000002 0xc0008002 0x10000
foresees "a CPU level" "CPU ISA level is lower than required" "CPU ISA level" "$T/new/level/libd.so" calls

new indirect <<<"__attribute__((visibility(\"protected\"))) $code"
elf-patch "$T/new/indirect/libd.so" property 0xc0000002 0xb0008000 1
foresees "a protected symbol that a program copies" "error due to GNU_PROPERTY_1_NEEDED_INDIRECT_EXTERN_ACCESS" \
	"protected symbol data" "$T/new/indirect/libd.so" copies

new resolver <<<"int f(void); int (*const q)(void) = f; $code"
foresees "the address of an IFUNC of the program" "unsatisfiable circular dependency" "IFUNC symbol f" \
	"$T/new/resolver/libd.so" resolves

new type <<<"$code"
elf-patch "$T/new/type/libd.so" retype 1 24
foresees "an unknown relocation type" "unexpected reloc type 0x18" "relocation of type 24" "$T/new/type/libd.so" calls

new count -Wl,-z,combreloc <<<"$code static int mine; int *own = &mine;"
elf-patch "$T/new/count/libd.so" tag 0x6ffffff9=9
foresees "DT_RELACOUNT" "reloc->r_info) == R_X86_64_RELATIVE" "DT_RELACOUNT" "$T/new/count/libd.so" calls

new relr -lc -Wl,-z,pack-relative-relocs <<<'int atoi(const char *); static int x = 1; int *p[] = {&x, &x}; int d(void) { return *p[atoi("0")]; }'
elf-patch "$T/new/relr/libd.so" version-as GLIBC_ABI_DT_RELR GLIBC_2.2.5
foresees "DT_RELR without its version" "DT_RELR without GLIBC_ABI_DT_RELR dependency" "GLIBC_ABI_DT_RELR" \
	"$T/new/relr/libd.so" calls

echo 'V1 { *; };' >"$T/v1.map"
library "$T/lib/libv.so" -Wl,--version-script="$T/v1.map" <<<'int v(void) { return 0; }'
new needs -L"$T/lib" -lv <<<"int v(void); $code int u(void) { return v(); }"
elf-patch "$T/new/needs/libd.so" retag 1 0x60000000
foresees "a version of a file that is not loaded" "Assertion .needed != NULL" "version V1 of libv.so" "$T/new/needs/libd.so" calls

new bare <<<"$code"
elf-patch "$T/new/bare/libd.so" segment 2 type=0
foresees "no dynamic section" "object file has no dynamic section" "no dynamic section" "$T/new/bare/libd.so" calls
finish
