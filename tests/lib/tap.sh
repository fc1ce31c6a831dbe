# tap.sh - results of tests as TAP ("ok N - NAME"), which tools/test counts. Sourced by bash scripts,
# which set T, a directory for scratch files, before the first case.
# shellcheck shell=bash
N=0
FAILED=0

# wanted NAME: test whether to report this case. MATR_TEST_ONLY, a pattern of the shell that a part of the name matches,
# selects cases.
# The others run as well, because later ones build on them.
wanted()
{
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == *${MATR_TEST_ONLY:-}* ]]
}

ok()
{
	wanted "$1" || return 0
	N=$((N + 1))
	echo "ok $N - $1"
}

# not_ok NAME [FILE...]: the files explain.
not_ok()
{
	local file
	wanted "$1" || return 0
	N=$((N + 1))
	FAILED=$((FAILED + 1))
	echo "not ok $N - $1"
	shift
	for file; do
		[ -s "$file" ] || continue
		echo "# ${file##*/}:"
		sed -n '1,20p; 21s/.*/.../p' "$file" | cut -c 1-300 | sed 's/^/#   /'
	done
}

skip() # NAME REASON
{
	wanted "$1" || return 0
	N=$((N + 1))
	echo "ok $N - $1 # SKIP $2"
}

# check NAME COMMAND...: ok if the command succeeds. The end of its output explains a failure, and that of LOG.
check()
{
	local name=$1 status=0
	shift
	"$@" >"$T/check" 2>&1 </dev/null || status=$?
	if [ $status -eq 0 ]; then
		ok "$name"
	else
		{
			echo "$*"
			tail -n 15 "$T/check"
			echo "exit status $status"
		} >"$T/check.tail"
		[ -z "${LOG:-}" ] || tail -n 15 "$LOG" >"$T/check.log" 2>&1
		not_ok "$name" "$T/check.tail" ${LOG:+"$T/check.log"}
	fi
}

equal() # NAME WANTED GOT [FILE...]
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		printf 'wanted: %s\ngot:    %s\n' "$2" "$3" >"$T/equal"
		not_ok "$1" "$T/equal" "${@:4}"
	fi
}

have() # PROGRAM
{
	command -v "$1" >/dev/null 2>&1
}

# finish: the plan, and an exit status. No case at all is a failure.
finish()
{
	echo "1..$N"
	[ "$N" -gt 0 ] || echo "# no case${MATR_TEST_ONLY:+ has a name that $MATR_TEST_ONLY matches}"
	[ "$FAILED" -eq 0 ] || echo "# $FAILED of $N failed"
	[ "$FAILED" -eq 0 ] && [ "$N" -gt 0 ]
	exit
}

# run_cases [NAME]...: call case_NAME for each NAME, or those of MATR_TEST_CASES, or all in the order of the script; then
# finish. before_case NAME is called first where the script has it.
run_cases()
{
	local all name
	mapfile -t all < <(
		shopt -s extdebug # declare -F then has line numbers
		compgen -A function case_ | while read -r name; do declare -F "$name"; done |
			sort -k 2n | sed 's/^case_\([^ ]*\) .*/\1/'
	)
	# shellcheck disable=SC2086 # a list
	[ $# -gt 0 ] || set -- ${MATR_TEST_CASES:-}
	[ $# -gt 0 ] || set -- "${all[@]}"
	for name; do
		if ! declare -F "case_$name" >/dev/null; then
			echo "no case $name; there are: ${all[*]}" >&2
			exit 2
		fi
	done
	for name; do
		! declare -F before_case >/dev/null || before_case "$name"
		"case_$name"
	done
	finish
}
