#!/usr/bin/env bash
# docs_examples.sh - the `console` blocks of pages of docs/: every command is run again, in the order of the page, in an epoch of the
# programs that it is about, and has to print what is written there. Numbers are not compared: versions of packages, counts,
# times; nor who ran it. A `c` block that begins with /* NAME is the file NAME. Commands run in an empty directory, which the
# pages call /tmp/rb.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
. "$(dirname "$0")/../../lib/matr.sh"
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=a@b
unset HOME; export HOME=$T

shopt -s extglob

# The pages say that their output is of Debian 12.
if ! grep -qx 'VERSION_CODENAME=bookworm' /etc/os-release; then
	skip "the examples of docs/" "they are of Debian 12"
	finish
fi

same_but_for_numbers() # FILE; csv has CRs
{
	sed -E "s,$T/[a-z]+,/tmp/rb,g"' ; s/\r//; s/[0-9a-f]*[0-9][0-9a-f]{6,}/N/g; s/[0-9]+/N/g; s/(\.N)+/.N/g; s/[a-z_][-a-zN]* \(uid N\)/USER/
		s/[ \t]+/ /g; s/ $//' "$1" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# page NAME LEAST [PROGRAM...]: its commands, which are LEAST at least; without programs the page begins an epoch itself. A command
# goes on in the next line after a backslash.
page()
{
	local file=$SOURCE/docs/$1.md name=${1##*/} least=$2 n=0 at command program label
	shift 2
	mkdir "$T/$name" "$T/$name.commands"
	export MATR_PREFIX=$T/$name.prefix
	if [ $# -gt 0 ] && ! begin "$@"; then
		not_ok "$name: an epoch to ask about" "$T/begin"
		return
	fi
	# One file per command: N.command, N.wanted.
	awk -v t="$T/$name.commands/" -v d="$T/$name/" '
		/^```/ { inside = $0 == "```console"; source = $0 == "```c"; file = ""; next }
		source && !file { match($0, /[a-z]+\.c/); file = d substr($0, RSTART, RLENGTH) }
		source { print >file }
		more { print >(t n ".command"); more = /\\$/; next }
		inside && /^\$ / { n++; print substr($0, 3) >(t n ".command"); printf "" >(t n ".wanted"); more = /\\$/; next }
		inside { print >(t n ".wanted") }' "$file"
	cd "$T/$name"
	while [ -e "$T/$name.commands/$((n + 1)).command" ]; do
		n=$((n + 1))
		at=$T/$name.commands/$n
		command=$(cat "$at.command")
		label="$name: ${command//\\$'\n'*( )/}"
		case $command in # what has to be installed for it
		*sshd* | *openssh*) program=sshd ;;
		*clang*) program=clang ;;
		*jemalloc*) program=jemalloc-config ;;
		*) program=git ;;
		esac
		if ! PATH=$PATH:/usr/sbin have $program && { [ $program != jemalloc-config ] || ! ldconfig -p | grep -q libjemalloc.so.2; }; then
			skip "$label" "no $program"
			continue
		fi
		PATH=$(dirname "$MATR"):$PATH bash -c "${command//\/tmp\/rb/$T/$name}" >"$at.out" 2>&1 </dev/null || :
		same_but_for_numbers "$at.out" >"$at.ours"
		same_but_for_numbers "$at.wanted" >"$at.text"
		if cmp -s "$at.text" "$at.ours"; then
			ok "$label"
		else
			diff "$at.text" "$at.ours" >"$at.difference" || :
			not_ok "$label" "$at.difference"
		fi
	done
	cd "$T"
	check "$name: there are such commands" [ "$n" -ge "$least" ]
}

mapfile -t programs < <(for program in git bash sshd clang; do PATH=$PATH:/usr/sbin command -v $program || :; done)
page explain 10 "${programs[@]}"
page edit 10 git bash
page trace 5 git
page tutorial 8
page howto/ci 6
page howto/jemalloc 5
if have ninja; then
	page howto/build 6
fi
mapfile -t programs < <(for program in git curl openssl sshd; do PATH=$PATH:/usr/sbin command -v $program || :; done)
if [ ${#programs[@]} -eq 4 ]; then
	page howto/cve 3 "${programs[@]}"
fi
finish
