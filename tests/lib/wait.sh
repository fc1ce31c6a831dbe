# wait.sh - waiting for an event, not for a time. Sourced by bash scripts.
# shellcheck shell=bash

# wait_until COMMAND...: run it until it succeeds. Returns 1 after WAIT seconds (default 120): only a hang takes that long.
wait_until()
{
	local end=$((${EPOCHREALTIME/./} + ${WAIT:-120} * 1000000))
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.05
	done
}

# within SECONDS COMMAND...: run it until it succeeds. Returns 1 if that takes longer than SECONDS and than twelve runs a
# second, which take as long on a quiet machine. On a busy one they take longer, as does the event: so the command is to
# cost about what the event costs, as one that asks the same daemon.
within()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) runs=$(($1 * 12))
	shift
	until "$@"; do
		runs=$((runs - 1))
		[ "${EPOCHREALTIME/./}" -lt $end ] || [ $runs -gt 0 ] || return 1
		sleep 0.05
	done
}

# wait_for_lines N REGEX FILE: wait until so many lines match. A line that was there before is counted by the caller.
wait_for_lines() { wait_until has_lines "$@"; }
has_lines() { [ "$(grep -Ec -- "$2" "$3")" -ge "$1" ]; }

# settle FILE...: wait until an epoch that begins now trusts the times of these files and of all beneath them. Its second
# must be two seconds (the slack of store/epoch.c) after the last change; times cannot be set back, for ctime counts.
settle()
{
	local newest
	newest=$(find "$@" -printf '%C@\n' | sort -n | tail -n 1)
	until [ "$(date +%s)" -ge $((${newest%.*} + 3)) ]; do
		sleep 0.05
	done
}
