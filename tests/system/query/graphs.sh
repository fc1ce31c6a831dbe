#!/usr/bin/env bash
# graphs.sh - --format dot and svg of tree, why, exposed and diff: what is drawn, names that dot and XML read otherwise,
# many libraries, and a system without graphviz.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"
HOSTILE='<script>alert("1")&lt;\N{a|b}.so'

# A program with a library of that name, one that nothing binds to, and one more definition of `twice`.
mkdir "$T/lib"
$CC -shared -fPIC -o "$T/lib/$HOSTILE" -Wl,-soname,"$HOSTILE" -xc - <<<'int twice(int n) { return 2 * n; }'
$CC -shared -fPIC -o "$T/lib/libidle.so" -Wl,-soname,libidle.so -xc - <<<'int twice(int n) { return 3 * n; }'
$CC -o "$T/program" -xc - -xnone -Wl,--no-as-needed "$T/lib/$HOSTILE" "$T/lib/libidle.so" -Wl,-rpath,"$T/lib" \
	<<<'int twice(int); int main(void) { return twice(2); }'

# drawn FILE REGEX...: the file is dot, and has lines like these.
drawn()
{
	local file=$1 regex
	shift
	head -n 1 "$file" | grep -qx 'digraph matr {' || return 1
	[ "$(tail -n 1 "$file")" = '}' ] || return 1
	for regex; do
		grep -Eq "$regex" "$file" || {
			echo "no $regex"
			return 1
		}
	done
	! have dot || dot -Tplain "$file" >/dev/null
}

# svg FILE TEXT: it is XML, and has this text, as text.
svg()
{
	/usr/bin/python3 - "$@" <<-'END'
		import sys, xml.etree.ElementTree as tree
		root = tree.parse(sys.argv[1]).getroot()
		assert root.tag.endswith("svg"), root.tag
		assert any(sys.argv[2] in text for text in root.itertext()), sys.argv[2]
		assert not any(node.tag.endswith("script") for node in root.iter())
	END
}

case_what()
{
	check "epoch begin" begin "$T/program" git
	"$MATR" tree --format dot "$T/program" >"$T/tree.dot"
	check "tree" drawn "$T/tree.dot" 'label="program\\n' 'label="<script>alert\(\\"1\\"\)&amp;lt;\\\\N\{a\|b\}\.so' 'libidle.so.*dashed' '"1 reference' 'label="nothing binds to it"'
	"$MATR" why --format dot "$T/program" twice >"$T/why.dot"
	check "why" drawn "$T/why.dot" 'label="twice' 'libidle.so.*eeeeee' 'label="would be next"'
	"$MATR" why --library --format dot "$T/program" libc.so.6 >"$T/library.dot"
	check "why --library" drawn "$T/library.dot" '__libc_start_main' 'label="the library"'
	"$MATR" exposed --library "$HOSTILE" --format dot >"$T/exposed.dot" 2>/dev/null
	check "exposed" drawn "$T/exposed.dot" 'fillcolor="#c0392b"' 'label="program"'
	status=0
	"$MATR" diff --format dot "$T/program" git >"$T/diff.dot" || status=$?
	check "diff" drawn "$T/diff.dot" 'libidle.so.*f5c6c4' 'libpcre2.*c9e8c5' 'style=dashed, label="'
	equal "diff: exit status" 1 $status
	"$MATR" diff --format dot git git >"$T/same.dot"
	check "diff: nothing" drawn "$T/same.dot" 'nothing to draw'
}

case_svg()
{
	check "epoch begin" begin "$T/program"
	if ! have dot; then
		skip "svg" "no graphviz"
		return
	fi
	"$MATR" tree --format svg "$T/program" >"$T/tree.svg"
	check "a name that XML would read otherwise" svg "$T/tree.svg" '<script>alert("1")&lt;\N{a|b}.so'
	"$MATR" why --format svg "$T/program" twice >"$T/why.svg"
	check "why" svg "$T/why.svg" 'would be next'
}

# More libraries than can be drawn with every dependency; leaves of one kind become one node.
case_many()
{
	local i libraries=()
	for i in {10..39}; do
		$CC -shared -fPIC -o "$T/lib/libm$i.so" -Wl,-soname,"libm$i.so" -xc - \
			<<<"int getpid(void); int f$i(void) { return getpid(); }"
		libraries+=("$T/lib/libm$i.so")
	done
	{
		printf 'int f%d(void);\n' {10..39}
		echo 'int main(void) { return '
		printf 'f%d() + ' {10..39}
		echo '0; }'
	} >"$T/many.c"
	$CC -o "$T/many" "$T/many.c" "${libraries[@]}" -Wl,-rpath,"$T/lib"
	check "epoch begin" begin "$T/many"
	"$MATR" tree --format dot "$T/many" >"$T/many.dot"
	check "leaves become one" drawn "$T/many.dot" 'label="30:\\llibm10.so\\l' 'and 6 more'
	check "dependencies that are left out are counted" drawn "$T/many.dot" '30 more dependencies are left out'
	equal "no node of their own" 0 "$(grep -c 'label="libm2' "$T/many.dot")"
}

case_refused()
{
	check "epoch begin" begin git
	mkdir -p "$T/empty"
	one_line "no graphviz" 1 env PATH="$T/empty" "$MATR" tree --format svg /usr/bin/git
	check "which says so" grep -q 'graphviz' "$T/line.err"
	check "dot needs none" env PATH="$T/empty" "$MATR" tree --format dot /usr/bin/git
	for command in 'inspect git' 'shadowed git' 'epoch list'; do
		# shellcheck disable=SC2086 # words
		capture line "$MATR" $command --format svg
		equal "$command has no pictures" 2 "$(cat "$T/line.status")"
	done
}

run_cases "$@"
