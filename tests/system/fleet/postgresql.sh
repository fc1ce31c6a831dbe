#!/usr/bin/env bash
# postgresql.sh - matr export --to: a fleet in a PostgreSQL server that this test starts as an ordinary user, on a socket in its
# directory. 200 hosts that differ in a few packages; the questions of docs/fleet.md, with answers from the exports
# themselves and from the store of the machine.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317 # cases are called by name
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/postgresql.sh
. "$TESTS/lib/postgresql.sh"
# shellcheck source=../../lib/hostile.sh
. "$TESTS/lib/hostile.sh"
HOSTS=${MATR_TEST_HOSTS:-200}

fleet_py()
{
	/usr/bin/python3 "$HERE/fleet.py" "$@"
}

make_server

# One program is declined.
printf '#!/bin/sh\n' >"$T/script"
chmod +x "$T/script"
"$MATR" epoch begin git /usr/bin/python3 /usr/bin/xz "$PG/psql" "$T/script" >"$T/begin" 2>&1 && status=0 || status=$?
equal "epoch begin" 3 "$status" "$T/begin"
check "export" "$MATR" export --host golden -o "$T/golden.jsonl"

case_fleet()
{
	local file before
	check "tables" again
	check "the store into the database" "$MATR" export --host golden --to "$URL"
	before=$(counts)
	check "what is there is the export" fleet_py database "$T/golden.jsonl" "$URL"
	check "once more" "$MATR" export --host golden --to "$URL"
	equal "is there once" "$before" "$(counts)"
	check "hosts" fleet_py hosts "$T/golden.jsonl" "$T/hosts" "$HOSTS"
	for file in "$T"/hosts/*.jsonl; do
		"$MATR" export --from "$file" --to "$URL" >"$T/load" 2>&1 || not_ok "load $file" "$T/load"
	done
	equal "all hosts are there" $((HOSTS + 1)) "$(ask -c 'SELECT count(*) FROM matr.exports')"
	check "a host is as its export" fleet_py database "$T/hosts/host7.jsonl" "$URL"
	check "the questions of docs/fleet.md" fleet_py questions "$T/hosts" "$T/golden.jsonl" "$SOURCE/docs/fleet.md" "$URL"
	# Equal machines.
	before=$(ask -c "SELECT pg_database_size('fleet')")
	for i in $(seq 50); do
		sed "s/\"host\":\"golden\"/\"host\":\"same$i\"/" "$T/golden.jsonl" >"$T/same.jsonl"
		"$MATR" export --from "$T/same.jsonl" --to "$URL" >"$T/load" 2>&1 || not_ok "load of the equal host same$i" "$T/load"
	done
	echo "# an equal host: $((($(ask -c "SELECT pg_database_size('fleet')") - before) / 50)) bytes"
	check "an equal host: less than 4 KB" test $((($(ask -c "SELECT pg_database_size('fleet')") - before) / 50)) -lt 4096
	# The answer of the store of this machine.
	"$MATR" exposed --library libz.so.1 --format json >"$T/exposed" 2>"$T/exposed.err"
	check "the store's own answer" fleet_py exposed "$T/exposed" "$URL"
}

case_faults()
{
	local before
	again >/dev/null
	check "an epoch" "$MATR" export --host golden --to "$URL"
	before=$(counts)
	fleet_py hosts "$T/golden.jsonl" "$T/few" 3
	head -c $(($(stat -c %s "$T/few/host1.jsonl") / 2)) "$T/few/host1.jsonl" >"$T/cut.jsonl"
	one_line "cut off" 1 "$MATR" export --from "$T/cut.jsonl" --to "$URL"
	head -n -1 "$T/few/host1.jsonl" >"$T/cut.jsonl"
	one_line "cut off at a line" 1 "$MATR" export --from "$T/cut.jsonl" --to "$URL"
	"$MATR" export --host golden --tables objects,scope -o "$T/part.jsonl"
	one_line "a part of an epoch" 1 "$MATR" export --from "$T/part.jsonl" --to "$URL"
	sed '1s/"epoch":1,/"epoch":2,/; 1s/"since":null/"since":1/; s/"epoch":1,/"epoch":2,/' "$T/golden.jsonl" >"$T/since.jsonl"
	check "what has changed since an epoch: it is an export" "$MATR" export --from "$T/since.jsonl" -o "$T/since2.jsonl"
	one_line "what has changed since an epoch" 1 "$MATR" export --from "$T/since.jsonl" --to "$URL"
	one_line "no such database" 1 "$MATR" export --to "postgresql://fleet@/none?host=$T/pg"
	one_line "no server" 1 "$MATR" export --to "postgresql://fleet@/fleet?host=$T/none"
	one_line "no tables" 1 "$MATR" export --to "postgresql://fleet@/postgres?host=$T/pg"
	one_line "a password on the command line" 2 "$MATR" export --to "postgresql://fleet:secret@/fleet?host=$T/pg"
	check "is not repeated" sh -c "! grep -q secret '$T/line.err'"
	capture line "$MATR" export --to mysql://x
	equal "no database" 2 "$(cat "$T/line.status")"
	# The server refuses the last statement of all: nothing of the transaction is there.
	ask -c 'ALTER TABLE matr.exports ADD CONSTRAINT no CHECK (host <> '"'host1'"')'
	one_line "the server refuses" 1 "$MATR" export --from "$T/few/host1.jsonl" --to "$URL"
	equal "nothing half" "$before" "$(counts)"
	ask -c 'ALTER TABLE matr.exports DROP CONSTRAINT no'
	sed '1s/"begun":[0-9]*/"begun":1/' "$T/golden.jsonl" >"$T/other.jsonl"
	one_line "the same epoch with other contents" 1 "$MATR" export --from "$T/other.jsonl" --to "$URL"
	check "replaced" "$MATR" export --from "$T/other.jsonl" --to "$URL" --replace
	equal "is there once" "$before" "$(counts)"
	# Two at once.
	"$MATR" export --from "$T/few/host1.jsonl" --to "$URL" 2>"$T/first" &
	check "two at once" "$MATR" export --from "$T/few/host2.jsonl" --to "$URL"
	wait $! && status=0 || status=$?
	equal "two at once: the other" 0 "$status" "$T/first"
	# The server goes away in between.
	before=$(counts)
	stop_server
	one_line "the server is away" 1 "$MATR" export --from "$T/few/host3.jsonl" --to "$URL"
	check "it comes back" start_server
	equal "nothing is lost" "$before" "$(counts)"
	check "retry" "$MATR" export --from "$T/few/host3.jsonl" --to "$URL"
	check "and it is whole" fleet_py database "$T/few/host3.jsonl" "$URL"
}

# Names are data, in whatever column; what is an escape to COPY, to SQL or to JSON comes out as it went in.
case_hostile()
{
	make_hostile
	again >/dev/null
	check "hostile names: an epoch" "$MATR" epoch begin --only -q "$T/program"
	check "hostile names: an export" "$MATR" export --host evil -o "$T/evil.jsonl"
	check "hostile names: are in it" grep -qF "');drop" "$T/evil.jsonl"
	check "hostile names: into the database, from the file" "$MATR" export --from "$T/evil.jsonl" --to "$URL"
	check "hostile names: the database has them" fleet_py database "$T/evil.jsonl" "$URL"
	sed '1s/"host":"evil"/"host":"evil2"/; s/"host":"evil"/"host":"evil2"/' "$T/evil.jsonl" >"$T/evil2.jsonl"
	check "hostile names: straight from the store" "$MATR" export --host evil2 --to "$URL"
	check "hostile names: the database has them twice" fleet_py database "$T/evil2.jsonl" "$URL"
}

# The newest epoch is the current one, whenever it was loaded.
case_order()
{
	local first second
	again >/dev/null
	check "order: an epoch" "$MATR" epoch begin --only -q /usr/bin/xz
	check "order: its export" "$MATR" export --host late -o "$T/late1.jsonl"
	check "order: the next" "$MATR" epoch begin --only -q /usr/bin/xz /usr/bin/python3
	check "order: its export" "$MATR" export --host late -o "$T/late2.jsonl"
	first=$(/usr/bin/python3 -c 'import json, sys; print(json.loads(next(open(sys.argv[1])))["epoch"])' "$T/late1.jsonl")
	second=$((first + 1))
	check "order: the second is loaded" "$MATR" export --from "$T/late2.jsonl" --to "$URL"
	check "order: then the first" "$MATR" export --from "$T/late1.jsonl" --to "$URL"
	equal "order: both are there" "$first $second" \
		"$(ask -c "SELECT string_agg(epoch::text, ' ' ORDER BY epoch) FROM matr.exports WHERE host = 'late'")"
	check "order: the newest is the current one" fleet_py database "$T/late2.jsonl" "$URL"
	check "order: the first again" "$MATR" export --from "$T/late1.jsonl" --to "$URL"
	check "order: still" fleet_py database "$T/late2.jsonl" "$URL"
}

run_cases "$@"
