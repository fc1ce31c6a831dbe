# bash completion for matr(1)

_matr()
{
	local cur prev word command= sub= i
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()

	# The first words that are not options are the command and, after `epoch`, what to do.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--prefix | --format | --symbol | --requester | --provider | --ld-stable | --config | --jobs) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ $command == epoch && -z $sub ]]; then
				sub=$word
			elif [[ $command == run ]]; then
				# What follows belongs to the program.
				_command_offset "$i" 2>/dev/null
				return
			fi
			;;
		esac
	done

	case $prev in
	--prefix)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--ld-stable | --config)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--format)
		word='table json csv'
		[[ $sub == status ]] && word='table json'
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
		return
		;;
	--symbol | --requester | --provider)
		return
		;;
	esac

	case $command/$sub in
	/) word='epoch inspect run verify --prefix --verbose --version --help' ;;
	epoch/) word='begin end status --help' ;;
	epoch/begin) word='--root --portable --config --jobs --ld-stable --wait --rebuild-store --format --quiet --prefix --help' ;;
	epoch/status) word='--format --prefix --help' ;;
	epoch/end) word='--prefix --help' ;;
	inspect/) word='--all --bindings --symbol --requester --provider --format --prefix --help' ;;
	run/) word='--verbose --prefix --help' ;;
	verify/) word='--format --prefix --help' ;;
	*) return ;;
	esac
	if [[ $cur == -* || -z $command || ($command == epoch && -z $sub) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
	elif [[ $sub != end && $sub != status ]]; then
		# Programs: by name, or by path.
		if [[ $cur == */* ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
		fi
	fi
}

complete -F _matr matr
