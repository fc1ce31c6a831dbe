#!/usr/bin/env bash
# completion.sh - bash, zsh and fish complete every command, every subcommand and every long option that --help names, and
# no option that it does not: asked of the shells themselves.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2317,SC2016 # called by name; expanded in there
. "$(dirname "$0")/../../lib/matr.sh"
files=$SOURCE/tools/completion
export HOME=$T # no settings of anybody's

# subcommands COMMAND: the second words in its usage.
subcommands()
{
	case $1 in
	epoch)
		"$MATR" epoch --help | awk '/^  matr epoch / { print $3 }' | sort -u
		;;
	loader | hooks | baseline)
		"$MATR" "$1" --help | sed -n '/^$/q; s/\[[^]]*\]//g; s/^usage: //; s/^ *matr '"$1"' //p' | tr '|' '\n' | awk '/^ *[a-z]/ { print $1 }' | sort -u
		;;
	esac
}
"$MATR" --help | awk '/^  matr / { print $2 } / (disable) / && /enable/ { print "disable" }' | sort -u >"$T/commands"
[ "$(wc -l <"$T/commands")" -ge 20 ] || echo "Bail out! no commands in matr --help"

# One line of contexts for each: "NAME<tab>LINE", the line up to the cursor; and what --help has of options.
: >"$T/contexts"
mkdir "$T/help" "$T/words"
printf 'commands\tmatr \n' >>"$T/contexts"
while read -r command; do
	subs=$(subcommands "$command")
	[ -z "$subs" ] || printf '%s subcommands\tmatr %s \n' "$command" "$command" >>"$T/contexts"
	for sub in ${subs:-''}; do
		name="$command${sub:+ $sub}"
		printf '%s\tmatr %s --\n' "$name" "$name" >>"$T/contexts"
		# shellcheck disable=SC2086 # words
		"$MATR" $name --help >"$T/help/$name" 2>&1
	done
	printf '%s\n' "$subs" | grep . >"$T/words/$command subcommands" || :
done <"$T/commands"
cp "$T/commands" "$T/words/commands"

bash_answers()
{
	cut -f 2- "$T/contexts" | bash --norc --noprofile -c '. "$1"
		complete -p matr >/dev/null || exit
		while IFS= read -r line; do
			read -ra COMP_WORDS <<<"$line"
			[[ $line == *" " ]] && COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
			_matr matr "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
			printf "%s\n" "${COMPREPLY[@]}" .
		done' bash "$files/matr.bash"
}
fish_answers()
{
	cut -f 2- "$T/contexts" | fish -N -c 'source $argv[1]
		while read -l line
			complete -C $line | string split -f 1 \t
			echo .
		end' "$files/matr.fish"
}
zsh_answers()
{
	cut -f 2- "$T/contexts" | timeout 300 zsh -f "$HERE/completion.zsh" "$files" "$T/zsh" >/dev/null 2>&1
	cat "$T/zsh"
}

for shell in bash zsh fish; do
	if ! command -v $shell >/dev/null; then # tools/packages test has them
		skip "$shell" "there is none"
		continue
	fi
	${shell}_answers >"$T/answers" </dev/null || :
	rm -rf "$T/$shell.of"
	mkdir "$T/$shell.of"
	# One file for each context.
	while IFS=$'\t' read -r name _ <&3; do
		while read -r word && [ "$word" != . ]; do
			printf '%s\n' "${word%% *}"
		done | sort -u >"$T/$shell.of/$name"
	done 3<"$T/contexts" <"$T/answers"
	equal "$shell: all contexts were answered" "$(wc -l <"$T/contexts")" "$(grep -cx '[.]' "$T/answers")"

	for name in commands 'epoch subcommands' 'loader subcommands' 'hooks subcommands' 'baseline subcommands'; do
		equal "$shell: $name" "" "$(sort -u "$T/words/$name" | comm -23 - "$T/$shell.of/$name" | paste -sd ' ')"
	done
	# A help text that several subcommands share: what it has, one of them completes at least.
	missing='' unknown=''
	for help in "$T"/help/*; do
		name=${help##*/}
		for other in "$T"/help/*; do
			! cmp -s "$help" "$other" || cat "$T/$shell.of/${other##*/}"
		done | grep '^--' | sort -u >"$T/completed" || :
		grep -oE '^ +(-[a-zA-Z0-9], )?--[a-z][a-z-]*' "$help" | grep -oE -- '--[a-z-]+' | sort -u >"$T/documented" || :
		for option in $(comm -13 "$T/completed" "$T/documented"); do missing+=" $name $option;"; done
		{
			grep -oE -- '--[a-z][a-z-]*' "$help"
			printf '%s\n' --prefix --help --verbose --version
		} | sort -u >"$T/mentioned"
		for option in $(comm -23 "$T/completed" "$T/mentioned"); do unknown+=" $name $option;"; done
	done
	equal "$shell: every option of every --help" "" "$missing"
	equal "$shell: and no other" "" "$unknown"
done
finish
