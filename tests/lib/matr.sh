# matr.sh - functions shared by the system tests. Sourced by bash scripts.
#
# A test compares: it runs a command as it is and again inside `matr run`, and wants the same output,
# the same errors and the same exit status, and ld-stable's debug line to say what was expected.
# Results are printed as TAP ("ok N - NAME"), so that tools/test can count cases.
#
# The prefix is always in a temporary directory and mount namespaces are private: the machine's own
# files stay as they are.
# shellcheck shell=bash source-path=SCRIPTDIR source=tap.sh disable=SC2034 # variables for the scripts
set -eu
export LC_ALL=C MATR_PAGER=
unset LD_STABLE_DEBUG LD_LIBRARY_PATH LD_PRELOAD LD_BIND_NOW

HERE=$(cd "$(dirname "$0")" && pwd) # of the script that sources this
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SOURCE=${TESTS%/*}
BUILD=${MATR_BUILD:-$SOURCE/build}
MATR=$BUILD/tools/matr
LD_STABLE=$BUILD/ld-stable/ld-stable
ORACLE=${MATR_ORACLE:-$SOURCE/../shared/oracle/ld-bindings}
CC=${CC:-gcc}
CXX=${CXX:-g++}

T=$(mktemp -d "${TMPDIR:-/tmp}/matr-test.XXXXXX")
chmod 755 "$T" # ordinary users are to reach it
mkdir -m 1777 "$T/tmp"
export TMPDIR=$T/tmp # what is left there is this test's
export MATR_PREFIX=$T/prefix
. "$TESTS/lib/tap.sh"
# shellcheck source=wait.sh
. "$TESTS/lib/wait.sh"

cleanup()
{
	cd /
	if [ -n "${MATR_TEST_KEEP:-}" ]; then
		echo "# kept: $T"
	else
		rm -rf "$T"
	fi
}
trap cleanup EXIT

# ld_so_bindings PROGRAM: requester, symbol, version, provider, as ld.so says: by the referee's script, or else by the parser
# that compare-bindings uses.
ld_so_bindings()
{
	if [ -x "$ORACLE" ]; then
		"$ORACLE" "$1"
		return
	fi
	rm -rf "$T/asked"
	mkdir "$T/asked"
	"$BUILD/tests/oracle/oracle-bindings" --ld.so "$T/asked" "$1" && cat "$T/asked/1"
}

# Rules that changed: the minor number of the glibc that is here decides what has to come of a case.
GLIBC=$(/lib64/ld-linux-x86-64.so.2 --list-diagnostics | sed -n 's/^version\.version="2\.\([0-9]*\).*/\1/p')
glibc_from() # MINOR
{
	[ "$GLIBC" -ge "$1" ]
}

# begin PROGRAM...: an epoch for the programs; an earlier one is ended first.
begin()
{
	end
	if ! "$MATR" epoch begin "$@" >"$T/begin" 2>&1 </dev/null; then
		sed 's/^/# /' "$T/begin"
		return 1
	fi
}

end()
{
	"$MATR" epoch end >/dev/null 2>&1 </dev/null || :
}

# capture NAME COMMAND...: NAME.out, NAME.err and NAME.status in $T.
capture()
{
	local name=$1 status=0
	shift
	# in a shell of its own, which says of crashes what it has to say to nobody; by env, because
	# bash's exec makes names absolute
	(exec env "$@") >"$T/$name.out" 2>"$T/$name.err" </dev/null || status=$?
	echo "$status" >"$T/$name.status"
}

# heard NAME: move what ld-stable said in NAME.err (NAME.out, where a program joins the two) to NAME.said.
heard()
{
	cat "$T/$1.err" "$T/$1.out" | grep -a '^ld-stable: ' >"$T/$1.said" || :
	sed -i '/^ld-stable: /d' "$T/$1.err"
	if grep -aq '^ld-stable: ' "$T/$1.out"; then
		sed -i '/^ld-stable: /d' "$T/$1.out"
	fi
}

# capture_matr NAME COMMAND...: the same inside `matr run`; what ld-stable says goes to NAME.said.
capture_matr()
{
	local name=$1
	shift
	capture "$name" timeout -k 5 300 env LD_STABLE_DEBUG=1 "$MATR" run "$@"
	heard "$name"
}

# FILTER: a sed script for what differs from run to run anyway, such as addresses.
filter()
{
	[ -z "${FILTER:-}" ] || sed -Ei "$FILTER" "$T/$1.out" "$T/$1.err"
}

# The names below are made by `capture plain` and `capture_matr matr`.
alike()
{
	cmp -s "$T/plain.out" "$T/matr.out" && cmp -s "$T/plain.err" "$T/matr.err" &&
		cmp -s "$T/plain.status" "$T/matr.status"
}

explain_difference()
{
	{
		diff "$T/plain.status" "$T/matr.status" | sed 's/^/status: /'
		diff "$T/plain.out" "$T/matr.out" | sed 's/^/out: /'
		diff "$T/plain.err" "$T/matr.err" | sed 's/^/err: /'
	} >"$T/difference" || :
}

# The first debug line is that of the program that `matr run` started; SAID=last looks at the last,
# where that program execs another.
said()
{
	if [ "${SAID:-first}" = last ]; then
		tail -n 1 "$T/matr.said"
	else
		head -n 1 "$T/matr.said"
	fi | grep -Eq "^ld-stable: $1"
}

# expect NAME REGEX: the captured runs are alike, and ld-stable said REGEX.
expect()
{
	local name=$1 wanted=$2
	explain_difference
	if ! alike; then
		not_ok "$name: behaves as without MatR" "$T/difference" "$T/matr.said"
	elif ! said "$wanted"; then
		echo "wanted: $wanted" >"$T/wanted"
		not_ok "$name" "$T/wanted" "$T/matr.said" "$T/matr.err"
	else
		ok "$name"
	fi
}

# capture_both COMMAND...: the captured runs are one without MatR and one with it.
capture_both()
{
	capture plain "$@"
	filter plain
	capture_matr matr "$@"
	filter matr
}

# same NAME COMMAND...: behaves alike, with the mapping applied.
same()
{
	local name=$1
	shift
	capture_both "$@"
	expect "$name" 'applied objects=[1-9][0-9]* relocations=[1-9][0-9]* residual=[0-9]+ placement=[a-z]+ cpu=[a-z]+ served=[0-9]+$'
}

# same_plain NAME REASON-REGEX COMMAND...: behaves alike after a plain start.
same_plain()
{
	local name=$1 reason=$2
	shift 2
	capture_both "$@"
	expect "$name" "plain start: .*($reason)"
}

# same_unapplied NAME COMMAND...: behaves alike, and the mapping is not applied; ld-stable may have
# nothing to say, as where `matr run` itself sees that there is no epoch.
same_unapplied()
{
	local name=$1
	shift
	capture plain "$@"
	capture_matr matr "$@"
	explain_difference
	if alike && ! said applied; then
		ok "$name"
	else
		not_ok "$name: behaves as without MatR, unapplied" "$T/difference" "$T/matr.said"
	fi
}

# same_any NAME COMMAND...: behaves alike, however it was started.
same_any()
{
	local name=$1
	shift
	capture_both "$@"
	: >>"$T/matr.said"
	explain_difference
	if alike; then
		ok "$name"
	else
		not_ok "$name: behaves as without MatR" "$T/difference" "$T/matr.said"
	fi
}

# one_line NAME STATUS COMMAND...: the command fails (STATUS: "!0", or a number) with one line on
# stderr and nothing that looks like a crash.
one_line()
{
	local name=$1 wanted=$2 status lines
	shift 2
	capture line "$@"
	status=$(cat "$T/line.status")
	lines=$(wc -l <"$T/line.err")
	if { [ "$wanted" = '!0' ] && { [ "$status" -eq 0 ] || [ "$status" -ge 126 ]; }; } ||
		{ [ "$wanted" != '!0' ] && [ "$status" -ne "$wanted" ]; }; then
		echo "exit status $status, wanted $wanted" >"$T/wanted"
		not_ok "$name" "$T/wanted" "$T/line.out" "$T/line.err"
	elif [ "$lines" -ne 1 ]; then
		echo "$lines lines on stderr instead of one" >"$T/wanted"
		not_ok "$name" "$T/wanted" "$T/line.err"
	else
		ok "$name"
	fi
}

# same_image IMAGE IMAGE...: test whether all give every program the same. Bases are drawn, so bytes differ.
same_image()
{
	local first=$1 image
	shift
	for image; do
		"$(dirname "${BASH_SOURCE[0]}")/epoch_image.py" same "$first" "$image" || return 1
	done
}
