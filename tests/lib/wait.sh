# wait.sh - waiting for an event, not for a time. Sourced by bash scripts.
# shellcheck shell=bash

# wait_until COMMAND...: run it until it succeeds, for WAIT seconds (default 20) at most.
wait_until()
{
	local end=$((${EPOCHREALTIME/./} + ${WAIT:-20} * 1000000))
	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.05
	done
}
within() { WAIT=$1 wait_until "${@:2}"; } # SECONDS COMMAND...

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
