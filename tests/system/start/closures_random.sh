#!/usr/bin/env bash
# closures_random.sh - random libraries, loaded in random orders, with MatR and without.
#
#	closures_random.sh [SEED]...
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
exec_python() { python3 "$HERE/closures/random_loads.py" "$@"; }
[ $# -gt 0 ] || set -- 3 10 209 # RTLD_DEEPBIND; a member that another load made global; RTLD_LAZY
for seed; do
	mkdir -p "$T/$seed"
	end
	"$MATR" record --forget-all >/dev/null 2>&1 || :
	if exec_python "$HERE" "$T/$seed" "$seed" "$MATR" >"$T/random" 2>&1; then
		ok "seed $seed: $(tail -n 1 "$T/random")"
	else
		not_ok "seed $seed" "$T/random"
	fi
	[ -n "${MATR_TEST_KEEP:-}" ] || rm -rf "${T:?}/$seed"
done
