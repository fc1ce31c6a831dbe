#!/usr/bin/env bash
# documented.sh - the `console` blocks of docs/explain.md: every command is run again, in an epoch of the programs that
# they are about, and has to print what is written there. Numbers are not compared: versions of packages, counts.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t programs < <(for program in git bash sshd clang-14; do PATH=$PATH:/usr/sbin command -v $program || :; done)
if ! begin "${programs[@]}"; then
	not_ok "an epoch to ask about" "$T/begin"
	finish
fi
# One file per command: N.command, N.wanted.
awk -v t="$T/" '
	/^```/ { inside = $0 == "```console"; next }
	inside && /^\$ / { n++; print substr($0, 3) >(t n ".command"); printf "" >(t n ".wanted"); next }
	inside { print >(t n ".wanted") }' "$SOURCE/docs/explain.md"
same_but_for_numbers() # FILE; csv has CRs
{
	sed -E 's/\r//; s/[0-9]+/N/g; s/(\.N)+/.N/g; s/[ \t]+/ /g; s/ $//' "$1"
}
n=0
for command in "$T"/*.command; do
	at=${command%.command}
	n=$((n + 1))
	case $(cat "$command") in # what has to be installed for it
	*sshd* | *openssh*) program=sshd ;;
	*clang*) program=clang-14 ;;
	*) program=git ;;
	esac
	if ! PATH=$PATH:/usr/sbin have $program; then
		skip "$(cat "$command")" "no $program"
		continue
	fi
	PATH=$(dirname "$MATR"):$PATH bash "$command" >"$at.out" 2>&1 </dev/null || :
	same_but_for_numbers "$at.out" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$at.ours"
	same_but_for_numbers "$at.wanted" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$at.text"
	if [ -s "$at.text" ] && cmp -s "$at.text" "$at.ours"; then
		ok "$(cat "$command")"
	else
		diff "$at.text" "$at.ours" >"$at.difference" || :
		not_ok "$(cat "$command")" "$at.difference"
	fi
done
check "there are such commands" [ "$n" -ge 10 ]
finish
