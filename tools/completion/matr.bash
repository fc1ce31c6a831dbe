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
		--prefix | --format | --symbol | --requester | --provider | --ld-stable | --config | --jobs | --by | --root | --loader | --to | --reason | --output | --sort | --forget | --closure | --epoch | --keep | --vulnerability | --product | --author | --action | --progress | --env | --cause) ((i++)) ;;
		-*) ;;
		*)
			if [[ -z $command ]]; then
				command=$word
			elif [[ $command == @(baseline|epoch|loader|hooks) && -z $sub ]]; then
				sub=$word
			elif [[ $command == @(bench|record|run|trace) || $sub == wrap ]]; then
				# What follows belongs to the program.
				_command_offset "$i" 2>/dev/null
				return
			fi
			;;
		esac
	done

	case $prev in
	--prefix | --root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--ld-stable | --config | --loader | --to)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'calls total self' -- "$cur")
		return
		;;
	--output)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--format)
		word='table json csv'
		[[ $command/$sub == @(epoch|loader)/status ]] && word='table json'
		[[ $command == @(diff|exposed|tree|why) ]] && word='table json csv dot svg'
		[[ $command == exposed ]] && word+=' openvex cyclonedx'
		[[ $command == sql ]] && word='table list csv json markdown line'
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
		return
		;;
	--keep)
		return
		;;
	--headers)
		mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur")
		return
		;;
	--epoch | --from | --to)
		word='current previous'
		[[ $command == sql ]] && word='current all'
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
		return
		;;
	--env)
		mapfile -t COMPREPLY < <(compgen -W 'LD_LIBRARY_PATH= LD_PRELOAD=' -- "$cur")
		return
		;;
	--symbol | --requester | --provider | --reason | --sql | -s)
		return
		;;
	esac

	case $command/$sub in
	/) word='baseline bench check check-upgrade diff disable doctor enable epoch exposed hooks inspect loader rebind record run running shadowed sql trace tree verify why --prefix --verbose --version --help' ;;
	epoch/) word='apply begin end list prune rebase resume show status suspend wrap --help' ;;
	epoch/begin) word='--only --cause --progress --root --portable --config --jobs --ld-stable --wait --rebuild-store --no-daemon --format --quiet --prefix --help' ;;
	epoch/apply) word='--root --force --jobs --ld-stable --quiet --prefix --help' ;;
	epoch/list) word='--format --root --prefix --help' ;;
	epoch/show) word='current previous --programs --format --prefix --help' ;;
	epoch/prune) word='--keep --quiet --prefix --help' ;;
	epoch/status) word='--root --format --prefix --help' ;;
	epoch/end) word='--no-daemon --root --prefix --help' ;;
	epoch/wrap) word='--prefix --help' ;;
	epoch/rebase) word='--once-per-boot --prefix --help' ;;
	epoch/suspend | epoch/resume) word='--by --prefix --help' ;;
	loader/) word='install uninstall refresh status --help' ;;
	loader/install | loader/refresh) word='--root --ld-stable --loader --quiet --prefix --help' ;;
	loader/uninstall) word='--loader --quiet --help' ;;
	loader/status) word='--loader --format --help' ;;
	hooks/) word='install uninstall status --help' ;;
	hooks/install | hooks/uninstall) word='apt dpkg dnf dnf5 pacman --root --help' ;;
	hooks/status) word='--format --root --help' ;;
	baseline/) word='save check --help' ;;
	baseline/save) word='--all --epoch --prefix --help' ;;
	baseline/check) word='--epoch --format --prefix --help' ;;
	bench/) word='--rounds --start-only --format --prefix --help' ;;
	check/) word='--root --format --jobs --prefix --help' ;;
	check-upgrade/) word='--replace --add --remove --all --format --prefix --help' ;;
	diff/) word='--from --to --totals --details --symbol --format --root --prefix --help' ;;
	doctor/) word='--format --verbose --root --prefix --help' ;;
	enable/) word='--list --refresh --ld-stable --format --quiet --prefix --help' ;;
	disable/) word='--all --quiet --help' ;;
	inspect/) word='--closures --closure --epoch --all --bindings --symbol --requester --provider --format --root --prefix --help' ;;
	rebind/) word='--all-programs --symbol --family --requester --to --reason --force --root --dry-run --list --undo --format --jobs --ld-stable --quiet --prefix --help' ;;
	record/) word='--forget-first --list --forget --forget-all --format --prefix --help' ;;
	run/) word='--verbose --prefix --help' ;;
	running/) word='--all --format --help' ;;
	sql/) word='--sql --recursive --epoch --all-epochs --format --headers --cache --write --root --prefix --help' ;;
	exposed/) word='--symbol --library --list --details --epoch --format --vulnerability --all-entries --product --author --action --root --prefix --help' ;;
	tree/) word='--epoch --format --root --env --prefix --help' ;;
	shadowed/) word='--all --raw --epoch --format --root --prefix --help' ;;
	why/) word='--library --details --raw --epoch --format --root --env --prefix --help' ;;
	trace/) word='--symbol --requester --provider --count --sort --output --format --ld-stable --help' ;;
	verify/) word='--loads --bind-now --format --prefix --help' ;;
	*) return ;;
	esac
	if [[ $cur == -* || -z $command || $command == @(hooks|loader|doctor|running) || ($command == @(baseline|epoch) && -z $sub) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$word" -- "$cur")
	elif [[ $sub == show ]]; then
		mapfile -t COMPREPLY < <(compgen -W 'current previous' -- "$cur")
	elif [[ $sub != @(apply|end|list|prune|rebase|status|suspend|resume) ]]; then
		# Programs: by name, or by path. A baseline comes before them.
		if [[ $cur == */* || ($command == baseline && $prev == "$sub") ]]; then
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur" | sort -u)
		fi
	fi
}

complete -F _matr matr
