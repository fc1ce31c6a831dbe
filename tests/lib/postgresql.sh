# postgresql.sh - a PostgreSQL server of a test: an ordinary user's, on a socket in $T/pg. Sourced after matr.sh.
# shellcheck shell=bash disable=SC2034 # variables for the scripts
PG=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -n 1)
URL="postgresql://fleet@/fleet?host=$T/pg"

as_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$T/pg" PATH="$PG:$PATH" "$@"
	else
		env PATH="$PG:$PATH" "$@"
	fi
}

stop_server()
{
	[ ! -e "$T/pg/data/postmaster.pid" ] || as_user pg_ctl -D "$T/pg/data" -m immediate stop >/dev/null 2>&1 || :
}

start_server()
{
	as_user pg_ctl -D "$T/pg/data" -w -l "$T/pg/log" -o "-c listen_addresses='' -k $T/pg -c fsync=off" start
}

# has_libpq MATR: it was built with libpq, and the library is there.
has_libpq()
{
	! "$1" export --to postgresql:///x 2>&1 | grep -q 'built without libpq\|cannot be loaded'
}

# A server, which cleanup stops; or the script ends here, where there is none.
make_server()
{
	if [ -z "$PG" ] || ! have psql || ! has_libpq "$MATR"; then
		skip "PostgreSQL" "no server here, or built without libpq"
		finish
	fi
	mkdir -m 755 "$T/pg"
	[ "$(id -u)" -ne 0 ] || chown 65534:65534 "$T/pg"
	trap 'stop_server; cleanup' EXIT
	check "initdb" as_user initdb -D "$T/pg/data" -U fleet -A trust -E UTF8 --no-sync
	LOG=$T/pg/log check "the server starts" start_server
	unset LOG
}

ask()
{
	psql -X -qAt -v ON_ERROR_STOP=1 -d "$URL" "$@"
}

# again: an empty database.
again()
{
	psql -X -q -d "postgresql://fleet@/postgres?host=$T/pg" -c 'DROP DATABASE IF EXISTS fleet' -c 'CREATE DATABASE fleet' &&
		ask -f "$SOURCE/docs/fleet/postgresql.sql"
}

# counts: how many rows the tables have that loads share.
counts()
{
	ask -c "SELECT (SELECT count(*) FROM matr.exports), (SELECT count(*) FROM matr.states), (SELECT count(*) FROM matr.objects), (SELECT count(*) FROM matr.bindings), (SELECT count(*) FROM matr.scope)"
}
