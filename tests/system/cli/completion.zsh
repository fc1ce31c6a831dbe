# completion.zsh - what zsh would complete: real completion in a terminal (zpty), as zsh has no other way to ask.
# usage: zsh -f completion.zsh DIRECTORY-OF-_matr OUTPUT <LINES     OUTPUT: matches, and "." after those of each line
zmodload zsh/zpty
zpty session zsh -f -i
zpty -w session "PROMPT= RPROMPT= TERM=dumb; fpath=($1 \$fpath); autoload -Uz compinit; compinit -D -u; test_output=$2"
# Every compadd is asked what of its words fits; those that ask themselves are let through.
zpty -w session 'compadd() {
	local -a found
	if [[ " $* " != *" "-[OAD]" "* ]]; then
		builtin compadd -O found "$@"
		(( $#found )) && print -rl -- $found >>$test_output
	fi
	builtin compadd "$@"
}'
zpty -w session 'finished() { compstate[insert]= compstate[list]=; print -r -- . >>$test_output; }
capture() { comppostfuncs=(finished); zle complete-word; }
zle -N capture; bindkey "^I" capture; zstyle ":completion:*" verbose no; echo rea""dy'
while zpty -r session line; do [[ $line == *ready* ]] && break; done
n=0
while IFS= read -r words; do
	n=$((n + 1))
	zpty -w -n session "$words"$'\t'
	for ((i = 0; i < 6000; i++)); do
		while zpty -r -t session line; do :; done
		[[ -e $2 && $(grep -cx '[.]' $2) -ge $n ]] && break
		sleep 0.02
	done
	zpty -w -n session $'\C-u'
done
zpty -d session
