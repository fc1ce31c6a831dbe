#!/usr/bin/env bash
# compare.sh - matr diff and matr baseline check with exports: two machines, without a server. What differs is what was made
# to differ, and the exit status says whether anything does.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"

# Two machines: prefixes with an epoch each of the same paths. Liblog of the second one has check() too, and comes before
# libauth; its libextra is new, its other program is gone.
mkdir "$T/lib"
library() # NAME SOURCE [ARG]...
{
	local name=$1
	$CC -shared -fPIC -Wl,--no-as-needed -o "$T/lib/$name.new" -Wl,-soname,"$name" "${@:3}" -xc - <<<"$2"
	mv "$T/lib/$name.new" "$T/lib/$name"
}
library libauth.so 'int check(void) { return 1; }'
library liblog.so 'int note(void) { return 1; }'
library libalike.so 'int same(void) { return 1; }'
for name in app other; do
	$CC -o "$T/$name" -L"$T/lib" -Wl,--no-as-needed -Wl,-rpath,"$T/lib" -xc - -llog -lauth -lalike <<<'int check(void), note(void), same(void); int main(void) { return check() + note() + same(); }'
done
check "host one: epoch" begin "$T/app" "$T/other" /usr/bin/xz
check "host one: export" "$MATR" export --host one --zstd -o "$T/one.zst"
check "host one: export under another name" "$MATR" export --host uno -o "$T/uno.jsonl"
"$MATR" baseline check --against "$T/one.zst" >"$T/against" 2>&1 && status=0 || status=$?
equal "host one agrees with its own export" 0 "$status" "$T/against"
library libextra.so 'int extra(void) { return 1; }'
library liblog.so 'int extra(void); int note(void) { return 1; } int check(void) { return extra(); }' -L"$T/lib" -lextra -Wl,-rpath,"$T/lib"
library libalike.so 'int same(void) { return 2; }'
export MATR_PREFIX=$T/prefix2
check "host two: epoch, with other libraries" begin "$T/app" /usr/bin/xz
check "host two: export" "$MATR" export --host two -o "$T/two.jsonl"

# rows FILE EXPRESSION: of JSON rows r, with short paths.
rows()
{
	/usr/bin/python3 - "$@" <<-'END'
		import json, sys
		r = json.load(open(sys.argv[1]))
		for row in r:
		    row["path"] = row.get("path", "").split("/")[-1]
		    for side in ("before", "after"):
		        if row.get(side) and row[side][0] == "/":
		            row[side] = row[side].split("/")[-1]
		has = lambda **w: [x for x in r if all(x.get(k) == v for k, v in w.items())]
		assert eval(sys.argv[2]), r
	END
}

case_diff()
{
	capture d "$MATR" diff "$T/one.zst" "$T/uno.jsonl"
	equal "equal machines" "0 one (epoch 1) and uno (epoch 1) are alike: 3 programs, $(sqlite3 "$T/prefix/store.db" 'select count(*) from objects') objects." "$(cat "$T/d.status" "$T/d.out" | paste -sd' ')"
	capture d "$MATR" diff --details --format json "$T/one.zst" "$T/two.jsonl"
	equal "others: status" 1 "$(cat "$T/d.status")" "$T/d.err"
	check "a program less" rows "$T/d.out" 'has(what="program", change="removed", path="other")'
	check "a scope with another library" rows "$T/d.out" 'has(what="program", change="changed", path="app", before=None, after="libextra.so")'
	check "a library more" rows "$T/d.out" 'has(what="object", change="added", path="libextra.so")'
	check "a library less: the program itself" rows "$T/d.out" 'has(what="object", change="removed", path="other")'
	check "another file" rows "$T/d.out" 'has(what="object", change="replaced", path="liblog.so") and has(what="object", change="replaced", path="libalike.so") and not has(what="object", path="libauth.so")'
	check "a binding moved" rows "$T/d.out" 'has(what="binding", change="moved", path="app", symbol="check", before="libauth.so", after="liblog.so")'
	check "a binding added" rows "$T/d.out" 'has(what="binding", change="added", path="liblog.so", symbol="extra", after="libextra.so")'
	check "and no other of them" rows "$T/d.out" '{(x["path"], x["change"]) for x in has(what="binding")} == {("app", "moved"), ("liblog.so", "added")}'
	capture back "$MATR" diff --details --format json "$T/two.jsonl" "$T/one.zst"
	check "the other way" rows "$T/back.out" "len(r) == $(/usr/bin/python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' "$T/d.out")"
	capture d "$MATR" diff "$T/one.zst" "$T/two.jsonl"
	check "a sentence first" grep -q '^one (epoch 1) and two (epoch 1) differ: programs 0 added, 1 removed, 1 changed; objects 1 added, 1 removed, 2 replaced; bindings 1 added, 0 removed, 1 moved\.$' "$T/d.out"
	check "bindings by object" grep -Eq 'bindings +changed +.*/app +1 moved' "$T/d.out"
	capture d "$MATR" diff --symbol 'ch*' --format json "$T/one.zst" "$T/two.jsonl"
	check "one symbol" rows "$T/d.out" '[x["symbol"] for x in r] == ["check"]'
	capture d "$MATR" diff --symbol nothing "$T/one.zst" "$T/two.jsonl"
	equal "no such difference" 0 "$(cat "$T/d.status")"
	capture d "$MATR" diff --totals --format json "$T/one.zst" "$T/two.jsonl"
	check "totals" rows "$T/d.out" 'has(what="binding", change="moved", number=1) and has(what="object", change="replaced", number=2) and len(r) == 9'
}

case_baseline()
{
	capture d "$MATR" baseline check --against "$T/one.zst" --format json
	equal "another machine" 1 "$(cat "$T/d.status")" "$T/d.err"
	check "what binds otherwise" rows "$T/d.out" 'has(what="binding", change="moved", path="app", symbol="check")'
	check "files that bind alike are left out" rows "$T/d.out" 'not has(change="replaced")'
	capture d "$MATR" baseline check --against "$T/two.jsonl"
	equal "itself" 0 "$(cat "$T/d.status")" "$T/d.out"
	"$MATR" rebind "$T/app" --symbol check --to "$T/lib/libauth.so" >"$T/rebind" 2>&1 || :
	capture d "$MATR" baseline check --against "$T/two.jsonl" --format json
	check "an edit" rows "$T/d.out" 'has(what="binding", change="moved", symbol="check", before="liblog.so", after="libauth.so")'
}

case_refused()
{
	head -c 20000 "$T/two.jsonl" >"$T/cut.jsonl"
	zstd -dcq "$T/one.zst" | head -n -1 | zstd -q >"$T/cut.zst"
	MATR_PREFIX=$T/prefix "$MATR" export --tables objects,bindings -o "$T/part.jsonl"
	sed '1s/"format":1/"format":2/' "$T/two.jsonl" >"$T/later.jsonl"
	for file in cut.jsonl cut.zst part.jsonl later.jsonl; do
		one_line "diff: $file" 2 "$MATR" diff "$T/$file" "$T/two.jsonl"
		one_line "diff: other way: $file" 2 "$MATR" diff "$T/two.jsonl" "$T/$file"
		one_line "baseline: $file" 2 "$MATR" baseline check --against "$T/$file"
		equal "baseline: no answer: $file" "" "$(cat "$T/line.out")"
	done
	one_line "baseline: no such file" 2 "$MATR" baseline check --against "$T/none"
	for arguments in "diff $T/two.jsonl git" "diff --from 1 $T/two.jsonl $T/two.jsonl" "diff --format dot $T/two.jsonl $T/two.jsonl" "diff --totals --details $T/two.jsonl $T/two.jsonl" "baseline save --against $T/two.jsonl" "baseline check --against $T/two.jsonl x"; do
		# shellcheck disable=SC2086 # words
		capture line "$MATR" $arguments
		equal "usage: ${arguments//$T\//}" 2 "$(cat "$T/line.status")"
	done
}

run_cases "$@"
