#!/usr/bin/env bash
# why.sh - matr why and matr shadowed: against the real ld.so, readelf and ldd for real programs, and every reason
# not to match with libraries built here.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"

cd "$T"
# One library a reason; the last one has it, and one after that would be next.
cat >app.c <<'END'
extern int wanted(void), protected_too(void);
extern int data;
int main(void) { return wanted() + protected_too() + data; }
END
echo 'int other; int *use(void) { return &other; } int twice(void) { return 1; }' >absent.c
echo 'extern int wanted(void), data; int refer(void) { return wanted() + data; } int (*too)(void) = wanted;' >refers.c
echo '__attribute__((visibility("hidden"))) int wanted(void) { return 1; } int h(void) { return wanted(); } int twice(void) { return 2; }' >hidden.c
printf '%s\n' 'int wanted_old(void) { return 2; }' '__asm__(".symver wanted_old,wanted@OLD");' >version.c
echo 'OLD { global: wanted; };' >version.map
echo '__attribute__((weak)) int wanted(void) { return 3; } int data = 4; int protected_too(void) { return 0; }' >weak.c
echo 'NEW { global: wanted; data; protected_too; };' >weak.map
cat >strong.c <<'END'
int wanted(void) { return 5; }
__attribute__((visibility("protected"))) int protected_too(void) { return 6; }
int call(void) { return protected_too(); }
int (*address)(void) = protected_too;
END
echo 'NEW { global: wanted; protected_too; call; address; };' >strong.map
for name in absent hidden version weak strong refers; do
	map=()
	[ ! -e $name.map ] || map=("-Wl,--version-script=$name.map")
	"$CC" -shared -fPIC -O0 -o lib$name.so $name.c -Wl,-soname,lib$name.so "${map[@]}"
done
"$CC" -o app app.c -no-pie -fno-pie -Wl,--no-as-needed -Wl,-rpath,"$T" -L. -labsent -lrefers -lhidden -lversion \
	-lweak -lstrong -Wl,--allow-shlib-undefined 2>"$T/link" || sed 's/^/# /' "$T/link"
readelf --dyn-syms -W app | grep -q 'wanted@NEW' || echo '# the application does not ask for wanted@NEW'
if ! begin ./app; then
	not_ok "an epoch to ask about"
	finish
fi

outcome() # LIBRARY: what the search for wanted@NEW of the application says of it
{
	"$MATR" why --format json ./app wanted@NEW | /usr/bin/python3 -c "
import json, sys
d = json.load(sys.stdin)
search = d['references'][0]['search']
for s in d['searches']:
    if s['search'] == search and s['object'].split('/')[-1] == '$1':
        print(s['outcome'], s['has_version'] or '-', s['weak'] or '-')"
}
reason() # LIBRARY EXPECTED
{
	outcome "$1" >"$T/outcome" 2>&1 || :
	echo "$2" >"$T/expected"
	if cmp -s "$T/outcome" "$T/expected"; then
		ok "$1: $2"
	else
		not_ok "$1: $2" "$T/expected" "$T/outcome"
	fi
}
reason app "undefined there too NEW -"
reason libabsent.so "not defined - -"
reason librefers.so "undefined there too - -"
reason libhidden.so "not defined - -" # the linker leaves hidden symbols out altogether
reason libversion.so "other version OLD -"
reason libweak.so "match NEW weak"
reason libstrong.so "match: would be next NEW -"

"$MATR" why --format json ./app data >"$T/data"
check "data that is copied is not sought in the application" grep -q 'passed over: copy relocation' "$T/data"
if readelf -rW libstrong.so | grep -q protected_too; then
	"$MATR" why --format json ./app protected_too >"$T/protected"
	check "a protected symbol is its own library's" grep -q '"rule":"protected"' "$T/protected"
else
	skip "a protected symbol is its own library's" "this linker leaves no reference to one"
fi
"$MATR" shadowed --format csv ./app >"$T/shadowed"
check "shadowed: weak wins because it is first" grep -q ',wanted,NEW,.*/libweak.so,.*/libstrong.so,' "$T/shadowed"
check "who calls it and takes its address is one requester: the application and librefers" \
	grep -q ',wanted,NEW,.*/libweak.so,.*/libstrong.so,1,' "$T/shadowed"
check "who asks without a version has a row of its own" grep -q ',wanted,,.*/libversion.so,.*/libweak.so,1,' "$T/shadowed"
check "shadowed: copied data" grep -q ',data,[^,]*,.*/app,.*/libweak.so,[0-9]*,copied' "$T/shadowed"
check "why --library says that nothing binds" grep -q 'Nothing binds to it' <("$MATR" why --library ./app libabsent.so)
check "why --library says how it was found" grep -Eq 'found by +DT_RUNPATH' <("$MATR" why --library ./app libabsent.so)
answers() # NAME LINE ARGUMENT...: the first line
{
	local name=$1 line=$2
	shift 2
	"$MATR" "$@" 2>&1 | sed -n '1p;1q' >"$T/answer" || :
	echo "$line" >"$T/expected"
	if cmp -s "$T/expected" "$T/answer"; then ok "$name"; else not_ok "$name" "$T/expected" "$T/answer"; fi
}
answers "the answer comes first" "wanted: the only reference binds to libweak.so; libstrong.so would be next; libversion.so has another version of it." \
	why ./app wanted@NEW
answers "nothing else has it" "other: the only reference binds to libabsent.so; nothing else provides it." why ./app other
answers "nothing refers to it" "address: nothing refers to it; dlsym() without a version would find that of libstrong.so." why ./app address
answers "a glob" "wanted: 1 reference binds to libweak.so, 2 to libversion.so; others would be next; libversion.so has another version of it." \
	why ./app 'want*'
answers "a library" "libabsent.so: needed by app. Nothing binds to it." why --library ./app libabsent.so
answers "a library by glob" "*weak*: needed by app; 3 of its symbols bound, by app alone." why --library ./app '*weak*'
protected=$(readelf -rW libstrong.so | grep -c protected_too) || : # no reference by some linkers
answers "shadowed says how many" "./app: $((4 + (protected > 0))) symbols that are bound have more than one provider; 1 of them is a copy of data." shadowed ./app
"$MATR" shadowed --format csv --all ./app >"$T/all"
check "--all has what nothing refers to" grep -q ',twice,[^,]*,.*/libabsent.so,.*/libhidden.so,0,' "$T/all"
check "which is left out otherwise" [ "$(grep -c ',twice,' "$T/shadowed")" -eq 0 ]
for command in "why app_ wanted" "why ./app wantde" "why ./app wanted@NEWER" "why --library ./app libwaek.so" "shadowed app_"; do
	# shellcheck disable=SC2086 # words
	one_line "one line: $command" 1 "$MATR" $command
done
"$MATR" why ./app wantde 2>"$T/near" || :
check "the nearest symbol" grep -q 'nearest: wanted' "$T/near"
"$MATR" why ./app wanted@NEWER 2>"$T/near" || :
check "the versions that there are" grep -q 'with .*NEW' "$T/near"
"$MATR" why --library ./app libwaek.so 2>"$T/near" || :
check "the nearest library" grep -q 'nearest: libweak.so' "$T/near"

# Places that were tried, in ld.so's own order, and libraries that come with dlopen().
mkdir -p "$T/first" "$T/second/deep"
echo 'int found(void) { return 1; }' | "$CC" -x c -shared -fPIC -o "$T/second/deep/libfound.so" - -Wl,-soname,libfound.so
echo 'int found(void); int plug(void) { return found(); }' | "$CC" -x c -shared -fPIC -o "$T/plug.so" - -L"$T/second/deep" -lfound \
	-Wl,-rpath,"\$ORIGIN/first:\$ORIGIN/second:\${ORIGIN}/second/deep"
cat >loads.c <<'END'
#include <dlfcn.h>
int main(int c, char **v) { void *p = dlopen(v[c - 1], RTLD_NOW); return !p || !dlsym(p, "plug"); }
END
echo 'int found(void); int main(void) { return found() - 1; }' | "$CC" -x c -o needs - -L"$T/second/deep" -lfound -Wl,-rpath,"$T/first:$T/second:$T/second/deep"
"$CC" -o loads loads.c
begin ./needs
"$MATR" why --library --format json ./needs libfound.so | /usr/bin/python3 -c "
import json, sys
for p in json.load(sys.stdin)['sought_in']: print(p['where'], p['found'])" >"$T/ours"
LD_DEBUG=libs ./needs 2>&1 | sed -n 's|.* trying file=\(.*\)/libfound.so|\1|p' | grep -v hwcaps | grep -Ev '/(tls|x86_64|haswell|avx512_1)(/|$)' >"$T/tried"
sed 's/$/ False/; $s/False/True/' "$T/tried" >"$T/expected"
check "places are those that ld.so says it tries" cmp "$T/expected" "$T/ours"
check "and are told" grep -q "$T/first, DT_RUNPATH of $T/needs: not there" <("$MATR" why --library ./needs libfound.so)
check "csv has chain, rule and places" grep -q ",DT_RUNPATH,$T/needs -> libfound.so,$T/first:$T/second:$T/second/deep" \
	<("$MATR" why --library --format csv ./needs libfound.so)
if "$MATR" record "$T/loads" "$T/plug.so" >"$T/record" 2>&1 </dev/null && begin "$T/loads"; then
	"$MATR" why --library --details ./loads libfound.so >"$T/loaded"
	check "a library that comes with dlopen()" grep -q "^loaded by *dlopen() of $T/plug.so" "$T/loaded"
	check "and its chain" grep -q "^chain *$T/loads => $T/plug.so -> libfound.so" "$T/loaded"
	check "and its places" grep -q "^ *$T/second, DT_RUNPATH of $T/plug.so: not there" "$T/loaded"
	check "and what is bound" grep -q "^$T/plug.so  *found .*$T/plug.so" "$T/loaded"
	"$MATR" why --format json ./loads found >"$T/found" || :
	check "a symbol of what is loaded" /usr/bin/python3 -c "
import json
c = json.load(open('$T/found'))['closures'][0]
assert c['root'] == '$T/plug.so' and c['references'][0]['provider'] == '$T/second/deep/libfound.so', c"
	check "the same as a table" grep -q "^With dlopen() of $T/plug.so:" <("$MATR" why ./loads found)
	check "the tree has it" grep -q "^dlopen: $T/plug.so" <("$MATR" tree ./loads)
	check "and what it needs" grep -q -e "-- libfound.so => $T/second/deep/libfound.so (DT_RUNPATH)" <("$MATR" tree ./loads)
	check "as json" /usr/bin/python3 -c "
import json, subprocess
t = json.loads(subprocess.check_output(['$MATR', 'tree', '--format', 'json', './loads']))
assert 'libfound.so' in [n['name'] for n in t['loads'][0]['needs']], t['loads']"
	"$MATR" why --library ./loads libfuond.so 2>"$T/near" || :
	check "the nearest, among what is loaded" grep -q 'nearest: .*libfound.so' "$T/near"
else
	not_ok "a program that loads a library" "$T/record" "$T/begin"
fi

# Names that are given as nearest can be typed.
mkdir -p "$T/one" "$T/two"
cp app "$T/one/twins"
cp app "$T/two/twins"
begin "$T/one/twins" "$T/two/twins"
"$MATR" why twinz wanted 2>"$T/near" || :
check "two programs of one name are named by path" grep -q "nearest: $T/one/twins, $T/two/twins" "$T/near"
sed "s/.*nearest: //; s/, /\n/g" "$T/near" >"$T/names"
while read -r near; do
	check "which can be typed: ${near#"$T/"}" "$MATR" why "$near" wanted
done <"$T/names"

# C++ names as people write them, and as they are in the files.
echo 'namespace ns { int f(int x) { return x; } int f(long x) { return (int)x; } }' | "$CXX" -x c++ -shared -fPIC -o libcc.so - -Wl,-soname,libcc.so
echo 'namespace ns { int f(int), f(long); } int main() { return ns::f(0) + ns::f(0L); }' | "$CXX" -x c++ -o cc - -L. -lcc -Wl,-rpath,"$T"
begin ./cc
answers "a C++ name" "ns::f: all 2 references bind to libcc.so; nothing else provides it." why ./cc ns::f
answers "one overload" "ns::f(long): the only reference binds to libcc.so; nothing else provides it." why ./cc "ns::f(long)"
answers "its mangled name" "ns::f(long): the only reference binds to libcc.so; nothing else provides it." why ./cc _ZN2ns1fEl
answers "--raw" "_ZN2ns1fEl: the only reference binds to libcc.so; nothing else provides it." why --raw ./cc "ns::f(long)"
answers "exposed by a C++ name" "ns::f: 1 program binds to it." exposed --symbol ns::f
answers "exposed by a glob" "_ZN2ns*: 1 program binds to it." exposed --symbol '_ZN2ns*'
answers "exposed by the glob of a library" "libc[c].so: 1 program binds to it." exposed --library 'libc[c].so'
check "exposed says what it does not see" grep -q '^Not seen: dlopen() in 1 of 1 programs' <("$MATR" exposed --library libcc.so)

# Real programs: the first match is what ld.so binds to, for every symbol of the program itself.
mapfile -t programs < <(for program in /usr/bin/git /usr/bin/clang /usr/bin/python3 /usr/bin/ssh /usr/bin/bash; do
	[ ! -x "$program" ] || readlink -f "$program"
done)
begin "${programs[@]}"
for program in "${programs[@]}"; do
	name=${program##*/}
	ld_so_bindings "$program" | awk -F'\t' -v p="$program" '$1 == p && n++ % 40 == 0' >"$T/oracle"
	tr '\t' '|' <"$T/oracle" | while IFS='|' read -r _ symbol version _; do
		"$MATR" why --format json "$program" "$symbol@$version" | /usr/bin/python3 -c "
import json, sys
d = json.load(sys.stdin)
r = [r for r in d['references'] if r['requester'] == '$program'][0]
first = [s['object'] for s in d['searches'] if s['search'] == r['search'] and s['outcome'] == 'match'][0]
print('\t'.join([r['requester'], r['symbol'], r['version'] or '', first]))"
	done >"$T/ours"
	if [ -s "$T/oracle" ] && cmp -s "$T/oracle" "$T/ours"; then
		ok "$name: the first match is ld.so's, $(wc -l <"$T/ours") symbols"
	else
		diff "$T/oracle" "$T/ours" >"$T/difference" || :
		not_ok "$name: the first match is ld.so's" "$T/difference"
	fi
	# Paths at which libraries were found are ldd's.
	ldd "$program" | awk '$2 == "=>" {print $1}' | while read -r library; do
		"$MATR" why --library "$program" "$library" | awk -v l="$library" '/^found as/ {print l, $3}'
	done >"$T/found"
	ldd "$program" | awk '$2 == "=>" {print $1, $3}' >"$T/ldd"
	# Everything in the tree is in ldd's list, and the other way round; each is drawn in full once.
	"$MATR" tree --format json "$program" | /usr/bin/python3 -c "
import json, sys
seen = {}
def walk(node):
    if not node['repeated']: seen[node['path']] = seen.get(node['path'], 0) + 1
    for child in node['needs']: walk(child)
walk(json.load(sys.stdin))
assert all(n == 1 for n in seen.values()), seen
for path in sorted(seen): print(path)" >"$T/tree"
	{ readlink -f "$program"; ldd "$program" | grep -Eo '/[^ ]+' | xargs readlink -f; } | sort >"$T/list"
	check "$name: the tree has what ldd lists, each once" cmp "$T/list" "$T/tree"
	"$MATR" tree "$program" | grep -Eo '(=> )?/[^ ]+' | sed 's/=> //' | sort -u >"$T/drawn"
	check "$name: the drawing has the same" cmp "$T/list" "$T/drawn"
	check "$name: libraries are where ldd finds them" cmp "$T/ldd" "$T/found"
done
# Programs that bind, as in the SQL tables, which decode the store in their own way; and packages, as dpkg has them.
mapfile -t programs < <(for program in /usr/bin/git /usr/bin/xz /usr/bin/apt /usr/bin/dpkg /usr/bin/ssh /usr/sbin/sshd \
	/usr/bin/curl /usr/bin/gpg /usr/bin/python3 /usr/bin/ls /usr/bin/bash; do
	[ ! -x "$program" ] || readlink -f "$program"
done)
begin "${programs[@]}"
exposed() # NAME CONDITION OPTION...
{
	local name=$1 condition=$2
	shift 2
	"$MATR" exposed --format json "$@" 2>"$T/counts" | /usr/bin/python3 -c "
import json, sys
for r in json.load(sys.stdin): print(r['program'] + '|' + r['requester'])" | sort >"$T/ours"
	"$MATR" sql --format list "SELECT DISTINCT application, requester FROM bindings WHERE binding = 'bound' AND
		requester <> provider AND $condition" </dev/null | sort >"$T/sql"
	if [ -s "$T/sql" ] && cmp -s "$T/sql" "$T/ours"; then
		ok "$name: $(wc -l <"$T/ours") as SQL has them"
	else
		diff "$T/sql" "$T/ours" >"$T/difference" || :
		not_ok "$name: as SQL has them" "$T/difference" "$T/counts"
	fi
}
exposed "--library liblzma.so.5" "provider LIKE '%/liblzma.so.5%'" --library liblzma.so.5
exposed "--library by path" "provider LIKE '%/liblzma.so.5%'" --library "$(ldd /usr/bin/xz | awk '$1 == "liblzma.so.5" { print $3 }')"
exposed "--symbol lzma_code" "symbol = 'lzma_code'" --symbol lzma_code
exposed "--symbol malloc" "symbol = 'malloc'" --symbol malloc
exposed "--symbol memcpy@GLIBC_2.14" "symbol = 'memcpy' AND (version = 'GLIBC_2.14' OR provider_version = 'GLIBC_2.14')" \
	--symbol memcpy@GLIBC_2.14
exposed "--symbol of a library" "symbol = 'inflate' AND provider LIKE '%/libz.so.1%'" --symbol inflate --library libz.so.1
for library in libz.so.1 liblzma.so.5; do
	"$MATR" exposed --library $library --format csv 2>/dev/null
done | grep -v '^item,' >"$T/each"
"$MATR" exposed --library libz.so.1 --library liblzma.so.5 --format csv 2>/dev/null | grep -v '^item,' >"$T/both"
check "two libraries: the rows of each" cmp "$T/each" "$T/both"
exposed "a symbol of two libraries" "symbol = 'inflate' AND provider LIKE '%/libz.so.1%'" --symbol inflate --library libz.so.1 --library liblzma.so.5
capture line "$MATR" exposed --library libnobodyhas.so.1 --library libz.so.1 --format csv
check "one of two that is not there: the other is listed" sh -c "[ \"\$(cat '$T/line.status')\" = 1 ] && grep -q '^libz.so.1,' '$T/line.out' && grep -q 'libnobodyhas' '$T/line.err'"
loading=$("$MATR" sql --format list "SELECT count(DISTINCT application) FROM scopes WHERE object LIKE '%/libz.so.1%'" </dev/null)
"$MATR" exposed --symbol inflate --library libz.so.1 --format csv 2>&1 >/dev/null |
	awk '/programs bind/ {print $2 + $7}' >"$T/both"
check "who binds and who only loads are all that load" test "$(cat "$T/both")" = "$loading"
printf '# two\nlzma_code  # of any\n\nliblzma.so.5\n' >"$T/items"
check "--list" test "$("$MATR" exposed --list "$T/items" --format csv 2>/dev/null | cut -d, -f1 | sort -u | wc -l)" = 3
check "a symbol that nobody binds to" "$MATR" exposed --symbol inflateUndermine
one_line "a symbol that nobody has" 1 "$MATR" exposed --symbol inflateUndermin
check "gets the nearest" grep -q 'no object of epoch .*; nearest: .*inflateUndermine' "$T/line.err"
printf 'libnobodyhas.so.1\ninflate\n' >"$T/items.missing"
capture line "$MATR" exposed --list "$T/items.missing" --format csv
check "--list: what is not there is said, the others are listed" sh -c "[ \"\$(cat '$T/line.status')\" = 1 ] && grep -q '^inflate,' '$T/line.out' && grep -q 'libnobodyhas' '$T/line.err'"
for arguments in "--library liblzam.so.5" "--list $T/absent" "--symbol @V"; do
	# shellcheck disable=SC2086 # words
	one_line "one line: exposed $arguments" 1 "$MATR" exposed $arguments
done
if have dpkg; then
	libz=$(readlink -f "$(ldd /usr/bin/git | awk '$1 == "libz.so.1" { print $3 }')")
	libz=$(dpkg -S "*/${libz##*/}" 2>/dev/null | sed 's/: .*//; 1q') || libz=
	if [ -n "$libz" ]; then
		"$MATR" exposed --library "$libz" --format csv 2>/dev/null | cut -d, -f2- >"$T/ours"
		"$MATR" exposed --library libz.so.1 --format csv 2>/dev/null | cut -d, -f2- >"$T/byname"
		check "a package in the place of its library" cmp "$T/ours" "$T/byname"
	fi
	"$MATR" exposed --symbol malloc --format csv 2>/dev/null | tr -d '\r' | tail -n +2 | cut -d, -f2,3 | sort -u >"$T/ours"
	cut -d, -f2 "$T/ours" | while read -r path; do
		package=$(dpkg -S "$path" 2>/dev/null || dpkg -S "${path#/usr}" 2>/dev/null) || package=:
		echo "${package%: *},$path" | sed 's/^:,/,/'
	done | sort -u >"$T/dpkg"
	check "packages as dpkg -S has them" cmp "$T/dpkg" "$T/ours"
fi
finish
