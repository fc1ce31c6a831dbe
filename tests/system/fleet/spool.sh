#!/usr/bin/env bash
# spool.sh - fleet-export: every epoch comes into the database once, whatever happens in between; the password is in a file.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/postgresql.sh
. "$TESTS/lib/postgresql.sh"
FLEET_EXPORT=$BUILD/tools/fleet/fleet-export
make_server
check "tables" again
ask -c "CREATE ROLE loader LOGIN PASSWORD 'se:cret'" -c 'GRANT USAGE ON SCHEMA matr TO loader' \
	-c 'GRANT ALL ON ALL TABLES IN SCHEMA matr TO loader' -c 'GRANT TEMPORARY ON DATABASE fleet TO loader'
sed -i '1i local all loader scram-sha-256' "$T/pg/data/pg_hba.conf"
as_user pg_ctl -D "$T/pg/data" reload >/dev/null

# matr as the script calls it, noting command lines.
cat >"$T/matr" <<-END
	#!/bin/sh
	echo "\$*" >>"$T/command-lines"
	exec "$MATR" "\$@"
END
chmod +x "$T/matr"
cat >"$T/fleet.conf" <<-END
	MATR=$T/matr
	SPOOL=$T/spool
	PREFIX=$MATR_PREFIX
	HOST=web1
	TO='postgresql://loader@/fleet?host=$T/pg'
	PGPASSFILE=$T/pgpass
END
echo '*:*:*:loader:se\:cret' >"$T/pgpass"
chmod 600 "$T/fleet.conf" "$T/pgpass"
run()
{
	"$FLEET_EXPORT" "$@" >"$T/run" 2>&1
}
spooled()
{
	find "$T/spool" -maxdepth 1 -name '*.jsonl.zst' | sed 's/.*\///' | sort | paste -sd' '
}

check "without a configuration nothing is done" run "$T/none"
check "an epoch" begin git
check "run" run "$T/fleet.conf"
equal "the epoch is there" "web1 1" "$(ask -F' ' -c 'SELECT host, epoch FROM matr.exports')" "$T/run"
equal "the spool is empty" "" "$(spooled)"
check "once more" run "$T/fleet.conf"
equal "it is there once" 1 "$(ask -c 'SELECT count(*) FROM matr.exports')"

# The server is away for two epochs.
stop_server
check "second epoch" "$MATR" epoch begin --only git /usr/bin/xz
run "$T/fleet.conf" && status=0 || status=$?
equal "the server is away" 1 "$status" "$T/run"
check "which is said" grep -q 'tried again later' "$T/run"
check "third epoch" "$MATR" epoch begin --only /usr/bin/xz
check "the hook's part does not need the server" run --spool-only "$T/fleet.conf"
equal "both are kept" "000000000002.jsonl.zst 000000000003.jsonl.zst" "$(spooled)"
echo damaged >"$T/spool/000000000000.jsonl.zst"
check "the server is back" start_server
check "run again" run "$T/fleet.conf"
equal "all are there" "1 2 3" "$(ask -c 'SELECT epoch FROM matr.exports ORDER BY 1' | paste -sd' ')" "$T/run"
equal "the spool is empty again" "" "$(spooled | grep -v 000000000000)"
check "what is damaged is kept apart" test -e "$T/spool/damaged/000000000000.jsonl.zst"

# Killed between the database and the spool: the file is there still, and is loaded again.
"$MATR" export --host web1 --zstd --epoch 3 -o "$T/spool/000000000003.jsonl.zst"
check "a file that the database has" run "$T/fleet.conf"
equal "is there once" 3 "$(ask -c 'SELECT count(*) FROM matr.exports')"
equal "and is removed" "" "$(spooled)"

# Export the epoch in force again after a day: its violations, and the states of its edits, may have changed.
touch -d '2 days ago' "$T/spool/last"
check "a day later" run "$T/fleet.conf"
check "the epoch was exported again" grep -q -- '--epoch 3' "$T/command-lines"
equal "and is there once" 3 "$(ask -c 'SELECT count(*) FROM matr.exports')"

check "no password on a command line" sh -c "grep -q -- --to '$T/command-lines' && ! grep -q 'se.*cret' '$T/command-lines'"
echo '*:*:*:loader:wrong' >"$T/pgpass"
check "fourth epoch" "$MATR" epoch begin --only git
run "$T/fleet.conf" && status=0 || status=$?
equal "a wrong password" 1 "$status" "$T/run"
check "is not repeated" sh -c "! grep -q wrong '$T/run'"
equal "nothing is lost" "000000000004.jsonl.zst" "$(spooled)"
chmod 644 "$T/fleet.conf"
run "$T/fleet.conf" && status=0 || status=$?
equal "others may read the configuration" "1 chmod 600" "$status $(grep -o 'chmod 600' "$T/run")"
equal "the spool is this user's" 700 "$(stat -c %a "$T/spool")"
finish
