#!/usr/bin/env bash
# vex.sh - matr exposed as OpenVEX and CycloneDX: a claim only where it is right, and documents as the schemas have them.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/build.sh
. "$TESTS/lib/build.sh"

library "$T/lib/libv.so" <<<'int bad(void) { return 0; } int good(void) { return bad(); } int other(void) { return 0; }'
library "$T/lib/libuser.so" -L"$T/lib" -lv -Wl,-rpath,"$T/lib" <<<'int bad(void); int user(void) { return bad(); }'
library "$T/lib/plain.so" <<<'int plain(void) { return 0; }'
library "$T/lib/calling.so" -L"$T/lib" -lv -Wl,-rpath,"$T/lib" <<<'int bad(void); int calling(void) { return bad(); }'
main='int main(void) { return 0; }'
program binds -lv <<<'int bad(void); int main(void) { return bad(); }'
program through -luser <<<'int user(void); int main(void) { return user(); }'
program takes_other -lv <<<'int good(void); int main(void) { return good(); }'
program only_loads -lv <<<"$main"
program by_name -lv -ldl <<<'#define _GNU_SOURCE
#include <dlfcn.h>
int main(void) { return !dlsym(RTLD_DEFAULT, "bad"); }'
program by_nss -lv <<<'#include <pwd.h>
int main(void) { return !getpwuid(0); }'
for plugin in plain calling; do
	program "loads_$plugin" -lv -ldl <<<"#include <dlfcn.h>
		int main(void) { return !dlopen(\"$T/lib/$plugin.so\", RTLD_NOW); }"
done
program without <<<"$main"
check "an epoch" begin "$T"/bin/*

statuses() # FORMAT ARGUMENT...: what the document says of each program; problems with its form too
{
	"$MATR" exposed --format "$1" --vulnerability CVE-2026-1 --library libv.so "${@:2}" 2>"$T/vex.err" |
		"$HERE/vex.py" "$1" >"$T/statuses" 2>&1 || :
}

says() # NAME STATUS:PROGRAM...
{
	printf '%s\n' "${@:2}" | tr : ' ' | sort >"$T/wanted"
	if cmp -s "$T/wanted" "$T/statuses"; then
		ok "$1"
	else
		not_ok "$1" "$T/wanted" "$T/statuses" "$T/vex.err"
	fi
}

doubt=under_investigation
# Without a record of dlopen() nothing is claimed of who uses it; and another function may call the one in question, as good()
# does.
for format in openvex cyclonedx; do
	statuses $format --symbol bad
	says "$format: one function" affected:binds affected:through $doubt:takes_other not_affected:only_loads $doubt:by_name \
		$doubt:by_nss $doubt:loads_plain $doubt:loads_calling
	statuses $format --symbol bad --symbol good --all-entries
	says "$format: all functions that lead to it" affected:binds affected:through affected:takes_other \
		not_affected:only_loads $doubt:by_name $doubt:by_nss $doubt:loads_plain $doubt:loads_calling
	statuses $format --symbol other --all-entries
	says "$format: a function that nobody binds" not_affected:binds not_affected:through not_affected:takes_other \
		not_affected:only_loads $doubt:by_name $doubt:by_nss $doubt:loads_plain $doubt:loads_calling
	statuses $format
	says "$format: anything of the library" affected:binds affected:through affected:takes_other not_affected:only_loads \
		$doubt:by_name $doubt:by_nss $doubt:loads_plain $doubt:loads_calling
	statuses $format --symbol bad --product pkg:oci/image@sha256%3A12
	says "$format: one product: the worst counts" "affected:image@sha256%3A12"
done

# Loads that the configuration names are known.
cat >"$T/matr.conf" <<END
[program one]
path = $T/bin/loads_plain
load = $T/lib/plain.so

[program two]
path = $T/bin/loads_calling
load = $T/lib/calling.so
END
check "an epoch with what they load" begin --config "$T/matr.conf" "$T"/bin/*
statuses openvex --symbol bad --all-entries
says "what dlopen() loads is known" affected:binds affected:through not_affected:takes_other not_affected:only_loads \
	$doubt:by_name $doubt:by_nss not_affected:loads_plain affected:loads_calling

# The evidence.
"$MATR" exposed --format openvex --vulnerability CVE-2026-1 --library libv.so --symbol bad 2>/dev/null >"$T/document"
note() # PROGRAM
{
	/usr/bin/python3 -c '
import json, sys
for s in json.load(open(sys.argv[1]))["statements"]:
    if s["products"][0]["@id"].endswith("/" + sys.argv[2]):
        print(s["status_notes"])' "$T/document" "$1" >"$T/note"
}
note through
check "which object binds it" grep -q "bad is bound by: $T/lib/libuser.so" "$T/note"
note takes_other
check "which other functions are bound" grep -q 'other functions of the library are bound.*: good' "$T/note"
note by_name
check "who uses dlsym()" grep -q 'by_name uses dlsym' "$T/note"

# Packages of Debian have package URLs.
if have dpkg-query && [ -e /usr/bin/git ] && "$MATR" epoch begin -q git >"$T/begin" 2>&1; then
	"$MATR" exposed --format openvex --vulnerability CVE-2022-37434 --library libz.so.1 --symbol inflateGetHeader \
		--all-entries 2>/dev/null >"$T/git"
	check "a document about git" sh -c "'$HERE/vex.py' openvex <'$T/git'"
	version=$(dpkg-query -Wf '${Version}' git | sed 's/+/%2B/g')
	check "git's package, and the program in it" grep -Eq "\"pkg:deb/[a-z]+/git@$version\?arch=[a-z0-9]+(&distro=[a-z0-9.-]+)?#usr/bin/git\"" "$T/git"
	check "zlib's package" grep -q '"@id": "pkg:deb/[a-z]*/zlib1g@' "$T/git"
else
	skip "packages" "no dpkg, or no git"
fi

usage() # NAME ARGUMENT...
{
	local name=$1 status=0
	"$MATR" exposed "${@:2}" >"$T/usage" 2>&1 || status=$?
	equal "$name" 2 "$status"
}
usage "which vulnerability?" --library libv.so --format openvex
usage "a format of VEX, please" --library libv.so --vulnerability CVE-2026-1
usage "one library" --symbol bad --format openvex --vulnerability CVE-2026-1
usage "a product that is no IRI" --library libv.so --format openvex --vulnerability CVE-2026-1 --product image
one_line "a function that is not there" 1 "$MATR" exposed --library libv.so --format openvex --vulnerability CVE-2026-1 \
	--symbol baad
finish
