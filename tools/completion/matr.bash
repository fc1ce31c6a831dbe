# bash completion for matr(1). The answers are matr's own: `matr complete` has the tables that the commands parse their
# options with, and the names in the store.

_matr()
{
	local rest=${COMP_LINE:0:COMP_POINT} blanks word lead='' answer i
	local -a words=() first=() # the command line's words, and which of COMP_WORDS each begins with
	COMPREPLY=()

	# readline breaks words at = : and @ too; what stands together in the line is one word.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blanks=${rest%%[![:blank:]]*}
		rest=${rest:${#blanks}}
		word=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || word=$rest
		rest=${rest#"$word"}
		if [[ -n $blanks || $i -eq 0 ]]; then
			words+=("$word")
			first+=("$i")
		else
			words[-1]+=$word
		fi
	done
	# The beginning of the word, which readline does not replace.
	local breaks=${COMP_WORDBREAKS//[^=:@]/} cur=${words[-1]}
	[[ -z $breaks ]] || lead=${cur%"${cur##*["$breaks"]}"}
	word=${cur#"$lead"}

	type -P -- "${words[0]/#\~\//$HOME/}" >/dev/null || return 0
	while IFS=$'\t' read -r answer _; do
		case $answer in
		:file)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
			;;
		:directory)
			compopt -o filenames 2>/dev/null
			mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$word")
			;;
		:executable)
			if [[ $word == */* ]]; then
				compopt -o filenames 2>/dev/null
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$word" | sort -u)
			fi
			;;
		:command\ *) # the rest is another command's: bash-completion has that
			_command_offset "${first[${answer#:command }]}" 2>/dev/null
			;;
		*)
			answer=${answer#"$lead"}
			printf -v answer %q "$answer"
			COMPREPLY+=("$answer")
			;;
		esac
	done < <("${words[0]/#\~\//$HOME/}" complete -- "${words[@]}" 2>/dev/null)
}

complete -F _matr matr
