# lib.sh - what the tests in the tree share: TAP, and what "the tree still works" means. Sourced by bash scripts that
# tests/tree/tree runs inside.
# shellcheck shell=bash
set -u
[ -n "${MATR_IN_TREE:-}" ] || {
	echo "this would replace the machine's own dynamic linker: run it by tests/tree/tree" >&2
	exit 2
}
# shellcheck disable=SC2034 # for the scripts
LOADER=/lib64/ld-linux-x86-64.so.2
T=/tmp/t
mkdir -p "$T"
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/wait.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/wait.sh"

# refuses NAME REGEX COMMAND...: the command fails with one line that matches.
refuses()
{
	local name=$1 wanted=$2
	shift 2
	if "$@" >"$T/check" 2>&1 </dev/null; then
		not_ok "$name: succeeded" "$T/check"
	elif [ "$(wc -l <"$T/check")" -eq 1 ] && grep -Eq "$wanted" "$T/check"; then
		ok "$name"
	else
		echo "wanted one line: $wanted" >>"$T/check"
		not_ok "$name" "$T/check"
	fi
}

# All there is to know of the loader's directory: names, targets, inodes, owners, modes, times, contents.
loader_state()
{
	local name
	for name in /lib64/*; do
		stat -c '%N %i %h %u:%g %a %s %y' "$name"
		md5sum "$name"
	done
}

# Programs start: an ordinary one, one with many libraries, a script's interpreter.
starts()
{
	/bin/sh -c '[ "$(/bin/echo started)" = started ]' && /usr/bin/apt-get --version >/dev/null &&
		/usr/bin/perl -e 'exit 0'
}

# Print how the command was started: "applied" or "plain".
how()
{
	LD_STABLE_DEBUG=1 "$@" 2>&1 >/dev/null | sed -n 's/^ld-stable: \(applied\|plain\).*/\1/p' | head -n 1
}
