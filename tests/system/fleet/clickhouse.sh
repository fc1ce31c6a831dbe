#!/usr/bin/env bash
# clickhouse.sh - an export in ClickHouse, by the recipe of docs/fleet.md: a server of this test, on a port of 127.0.0.1, takes
# the CSV, and has the rows of the export and of the machine's own store. Skipped where ClickHouse is not installed.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/hostile.sh
. "$TESTS/lib/hostile.sh"

if ! command -v clickhouse-server >/dev/null || ! command -v clickhouse-client >/dev/null; then
	skip "ClickHouse" "not installed"
	finish
fi
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$T/clickhouse"
cat >"$T/clickhouse/config.xml" <<END
<yandex>
  <logger><level>warning</level><log>$T/clickhouse/log</log><errorlog>$T/clickhouse/errors</errorlog></logger>
  <tcp_port>$port</tcp_port>
  <listen_host>127.0.0.1</listen_host>
  <path>$T/clickhouse/data/</path>
  <tmp_path>$T/clickhouse/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5368709120</mark_cache_size>
</yandex>
END
cat >"$T/clickhouse/users.xml" <<'END'
<yandex>
  <profiles><default><max_threads>2</max_threads></default></profiles>
  <quotas><default></default></quotas>
  <users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
</yandex>
END
clickhouse-server --config-file="$T/clickhouse/config.xml" >"$T/clickhouse/out" 2>&1 &
SERVER=$!
trap 'kill $SERVER 2>/dev/null; wait $SERVER 2>/dev/null; cleanup' EXIT

ask()
{
	clickhouse-client --host 127.0.0.1 --port "$port" "$@"
}
responds()
{
	[ "$(ask -q 'SELECT 1' 2>"$T/clickhouse/refused")" = 1 ]
}
# The rows of ClickHouse are those of the export, and not few. A function, since check() gives no standard input.
same_rows()
{
	/usr/bin/python3 - "$T/clickhouse.json" "$T/bindings.jsonl" <<'PY'
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    got = [(int(r["requester"]), r["symbol"], r["version"], int(r["provider"])) for r in json.load(file)["data"]]
with open(sys.argv[2], encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]
wanted = [(r["requester"], r["symbol"], r["version"], r["provider"]) for r in rows if r["table"] == "bindings"]
assert sorted(got) == sorted(wanted), (len(got), len(wanted), sorted(set(got) ^ set(wanted))[:4])
assert any(row[1].startswith("');drop") for row in got) and len(got) > 500, len(got)
PY
}

check "the server starts" wait_until responds
make_hostile
check "epoch begin" begin "$T/program" /usr/bin/xz /usr/bin/git

# The table of docs/fleet.md, and its command.
check "the table of docs/fleet.md" ask -q "$(sed -n '/^CREATE TABLE bindings/,/;$/p' "$SOURCE/docs/fleet.md")"
"$MATR" export --host web1 --format csv --tables bindings >"$T/bindings.csv"
check "it takes the csv" sh -c "clickhouse-client --host 127.0.0.1 --port $port -q 'INSERT INTO bindings FORMAT CSVWithNames' <'$T/bindings.csv'"
ask -q 'SELECT requester, symbol, version, provider FROM bindings ORDER BY requester, symbol, version, provider FORMAT JSON' >"$T/clickhouse.json"
"$MATR" export --host web1 --tables bindings >"$T/bindings.jsonl"
check "the same rows" same_rows
users=$("$MATR" sql --format list "SELECT count(DISTINCT requester) FROM bindings WHERE symbol = 'malloc'")
check "malloc has users in the store" test "$users" -gt 2
equal "ClickHouse has as many" "$users" \
	"$(ask -q "SELECT uniqExact(requester) FROM bindings WHERE symbol = 'malloc'")"
finish
