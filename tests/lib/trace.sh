# trace.sh - functions shared by the tests of `matr trace`. Sourced after matr.sh.
# shellcheck shell=bash
unset MATR_PREFIX # it makes its own

# trace NAME OPTION...: the program's output in NAME.out, the table in NAME.csv
trace()
{
	local name=$1 status=0
	shift
	timeout 300 "$MATR" trace -o "$T/$name.csv" --format csv "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null || status=$?
	echo "$status" >"$T/$name.status"
}
