#!/usr/bin/env bash
# export.sh - matr export: the rows are those of the store in every format, whatever names there are; files are whole or not
# there; a spoilt export is refused.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"

exports()
{
	/usr/bin/python3 "$HERE/exports.py" "$@"
}

# shellcheck source=../../lib/hostile.sh
. "$TESTS/lib/hostile.sh"
make_hostile

case_formats()
{
	local file status
	check "epoch begin" begin "$T/program" git /usr/bin/python3
	check "jsonl" "$MATR" export --host web1 -o "$T/web1.jsonl"
	check "csv" "$MATR" export --host web1 --format csv -o "$T/web1"
	check "sqlite" "$MATR" export --host web1 --format sqlite -o "$T/web1.db"
	check "sql" "$MATR" export --host web1 --format sql -o "$T/web1.sql"
	check "sql: SQLite takes it" sh -c "sqlite3 -bail '$T/loaded.db' <'$T/web1.sql'"
	# Twice, and another export of the same epoch: all of it or nothing.
	sqlite3 "$T/loaded.db" .dump >"$T/dump"
	sed '/^INSERT INTO "objects"/s/libc[.]so/libx.so/' "$T/web1.sql" >"$T/other.sql"
	for file in web1 other; do
		status=0
		sqlite3 -bail "$T/loaded.db" <"$T/$file.sql" 2>"$T/refused" || status=$?
		equal "sql: SQLite refuses $file.sql, since the epoch is there" 1 "$status" "$T/refused"
		sqlite3 "$T/loaded.db" .dump >"$T/dump.now"
		check "sql: and has what it had" cmp "$T/dump" "$T/dump.now"
	done
	check "the same rows in every format" exports same "$T/web1.jsonl" "$T/web1" "$T/web1.db" "$T/loaded.db"
	check "the rows of matr sql" exports sql "$T/web1.jsonl" "$MATR"
	check "names to the byte" exports get "$T/web1.jsonl" '[p for p in path.values() if p.endswith(b"""/a"\x27",\n\\u0041;\xff\xee\xbe\x80.so""")] and [b for b in rows["bindings"] if raw(b["symbol"]) == b"\x27);drop\xc3\x22" and b["provider"] > 0]'
	check "packages" exports get "$T/web1.jsonl" '[o for o in rows["objects"] if o["path"].endswith("/libc.so.6") and o["package"] == "libc6" and o["version"]]'
	check "zstd" "$MATR" export --host web1 --zstd -o "$T/web1.jsonl.zst"
	check "zstd: the same" sh -c "zstd -dc '$T/web1.jsonl.zst' | cmp - '$T/web1.jsonl'"
	"$MATR" export --host web1 --format sqlite --zstd | zstd -dcq >"$T/piped.db"
	equal "sqlite in a pipe" ok "$(sqlite3 "$T/piped.db" 'PRAGMA integrity_check')"
	check "from a file" "$MATR" export --from "$T/web1.jsonl.zst" -o "$T/again.jsonl"
	check "from a file: the same" cmp "$T/again.jsonl" "$T/web1.jsonl"
	"$MATR" export --host web1 --format csv --tables declined >"$T/declined.csv"
	equal "csv: no rows, a header" $'host,epoch,path,reason\r' "$(cat "$T/declined.csv")"
	"$MATR" export --host web1 --tables objects,scope >"$T/some.jsonl"
	check "some tables" exports get "$T/some.jsonl" 'list(rows) == ["export", "objects", "scope", "end"] and rows["export"][0]["tables"] == "objects,scope"'
	check "some tables: read again" "$MATR" export --from "$T/some.jsonl" -o "$T/some2.jsonl"
	"$MATR" export --from "$T/web1.jsonl" --tables objects,scope >"$T/some2.jsonl"
	check "some tables of a file" cmp "$T/some.jsonl" "$T/some2.jsonl"
	if have sqlite-utils; then
		check "sqlite-utils" sqlite-utils tables --counts "$T/web1.db"
		check "sqlite-utils: a query" sqlite-utils query "$T/web1.db" 'select count(*) from binding_names'
		check "sqlite-utils: takes JSON lines" sh -c "grep '\"table\":\"bindings\"' '$T/web1.jsonl' | sqlite-utils insert '$T/utils.db' bindings - --nl"
		equal "sqlite-utils: all rows" "$(sqlite3 "$T/web1.db" 'select count(*) from bindings')" "$(sqlite3 "$T/utils.db" 'select count(*) from bindings')"
	else
		skip "sqlite-utils" "not installed"
	fi
}

case_since()
{
	check "epoch begin" begin git /usr/bin/python3 "$T/program"
	check "base" "$MATR" export -o "$T/base.jsonl"
	$CC -shared -fPIC -o "$T/new.so" -Wl,-soname,hostile.so "$T/hostile.o" -xc - <<<'int more(void) { return 1; }'
	mv "$T/new.so" "$T/lib/$HOSTILE"
	check "another epoch" "$MATR" epoch begin --only git /usr/bin/python3 "$T/program" /usr/bin/xz
	check "what has changed" "$MATR" export --since previous -o "$T/delta.jsonl"
	check "all" "$MATR" export -o "$T/whole.jsonl"
	check "on the base it is the whole" exports since "$T/base.jsonl" "$T/delta.jsonl" "$T/whole.jsonl"
	check "a program less" "$MATR" epoch begin --only git "$T/program"
	check "what is gone" "$MATR" export --since previous -o "$T/less.jsonl"
	check "xz is gone" exports get "$T/less.jsonl" 'len([r for r in rows["removed"] if r["kind"] == "application"]) == 2 and "applications" not in rows'
	one_line "not earlier" 2 "$MATR" export --epoch previous --since current -o "$T/none"
	check "read again" "$MATR" export --from "$T/delta.jsonl" -o "$T/delta2.jsonl"
	check "the same" cmp "$T/delta.jsonl" "$T/delta2.jsonl"
}

# nothing_left DIRECTORY: no temporary file.
nothing_left()
{
	[ -z "$(find "$1" "$TMPDIR" -mindepth 1 ! -name kept.jsonl)" ]
}

# limited COMMAND...: files end at 8 KB.
limited()
{
	(
		ulimit -c 0 -f 8
		exec "$@"
	)
}

case_whole_or_not()
{
	local format
	check "epoch begin" begin git /usr/bin/python3
	mkdir "$T/out"
	echo old >"$T/out/kept.jsonl"
	mkfifo "$T/fifo"
	for format in jsonl sql csv sqlite; do
		one_line "$format: a full device" 1 "$MATR" export --format $format --tables bindings -o /dev/full
		one_line "$format: a directory" 1 "$MATR" export --format $format --tables scope -o "$T/out"
		{ limited "$MATR" export --format $format --tables bindings -o "$T/out/kept.jsonl" >"$T/full" 2>&1; } 2>"$T/said" && status=0 || status=$?
		equal "$format: a full disk" 1 "$status" "$T/full"
		equal "$format: what was there is there" old "$(cat "$T/out/kept.jsonl")"
		check "$format: and nothing else" nothing_left "$T/out"
		{ strace -f -o /dev/null -e trace=write,pwrite64 -e inject=write,pwrite64:signal=SIGKILL:when=2 \
			"$MATR" export --format $format --tables bindings -o "$T/out/kept.jsonl"; } 2>"$T/said" && status=0 || status=$?
		equal "$format: killed while it writes" 137 "$status" "$T/said"
		equal "$format: what was there is there" old "$(cat "$T/out/kept.jsonl")"
		check "$format: and nothing else" nothing_left "$T/out"
		# A pipe that nobody reads.
		# shellcheck disable=SC2094 # of a pipe
		exec 3<>"$T/fifo" 4>"$T/fifo" 3>&-
		"$MATR" export --format $format --tables bindings >&4 2>"$T/pipe.err" && status=0 || status=$?
		exec 4>&-
		equal "$format: a closed pipe" "1 matr: standard output: cannot be written: Broken pipe" "$status $(cat "$T/pipe.err")"
	done
	one_line "csv of all: standard output" 2 "$MATR" export --format csv
	one_line "csv of all: what is there" 1 "$MATR" export --format csv -o "$T/out"
	{ limited "$MATR" export --format csv -o "$T/out/all" >"$T/full" 2>&1; } 2>"$T/said" && status=0 || status=$?
	equal "csv of all: a full disk" 1 "$status"
	check "csv of all: nothing left" nothing_left "$T/out"
	{ strace -f -o /dev/null -e trace=write,pwrite64 -e inject=write,pwrite64:signal=SIGKILL:when=2 \
		"$MATR" export --format csv -o "$T/out/all"; } 2>"$T/said" && status=0 || status=$?
	equal "csv of all: killed while it writes" 137 "$status" "$T/said"
	check "csv of all: nothing left then" nothing_left "$T/out"
}

case_refused()
{
	check "epoch begin" begin "$T/program" /usr/bin/xz
	check "an export" "$MATR" export --host web1 -o "$T/good.jsonl"
	exports bad "$T/good.jsonl" "$T/bad" >"$T/list"
	while IFS=$'\t' read -r file wanted; do
		capture line "$MATR" export --from "$T/bad/$file" -o "$T/converted"
		if [ "$(cat "$T/line.status")" != 0 ] && [ "$(wc -l <"$T/line.err")" = 1 ] &&
			grep -Eq "^matr: $T/bad/$file: .*($wanted)" "$T/line.err" && [ ! -e "$T/converted" ]; then
			ok "refused: $file: $wanted"
		else
			not_ok "refused: $file: $wanted" "$T/line.err"
		fi
	done <"$T/list"
	zstd -q "$T/good.jsonl" -o "$T/good.zst"
	local size cut
	size=$(stat -c %s "$T/good.zst")
	for cut in 3 20 $((size / 3)) $((size / 2)) $((size - 5)) $((size - 1)); do
		head -c "$cut" "$T/good.zst" >"$T/cut.zst"
		one_line "zstd, cut off after $cut of $size" 1 "$MATR" export --from "$T/cut.zst" -o "$T/converted"
	done
	check "and nothing was written" test ! -e "$T/converted"
	for arguments in '--format xml' '--tables nothing' '--tables objects,nothing' '--host ä' '--from x --epoch 1' 'program'; do
		# shellcheck disable=SC2086 # words
		capture line "$MATR" export $arguments
		equal "usage: $arguments" 2 "$(cat "$T/line.status")"
	done
	one_line "no such file" 1 "$MATR" export --from "$T/none"
	MATR_PREFIX=$T/none one_line "no epoch" 1 "$MATR" export
}

run_cases "$@"
