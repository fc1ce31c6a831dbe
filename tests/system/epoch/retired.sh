#!/usr/bin/env bash
# retired.sh - the image of an epoch keeps its name as long as a process maps it: no process maps a deleted file. Who removes
# it then, and what status says of it.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/matrd.sh"
. "$TESTS/lib/build.sh"

library "$T/lib/libone.so" <<<'int number(void) { return 1; }'
program waits -lone <<<'#include <stdio.h>
int number(void);
int main(void) { puts("ready"); fflush(stdout); return getchar() + number(); }'
program other -lone <<<'int number(void);
int main(void) { return number(); }'
settle "$T/lib" "$T/bin"

images() { (cd "$MATR_PREFIX" && printf '%s\n' epoch.*image* | xargs); }
P=
trap 'end_program; stop; cleanup' EXIT
start_program()
{
	rm -f "$T/in" "$T/out"
	mkfifo "$T/in"
	: >"$T/out"
	"$MATR" run "$T/bin/waits" <"$T/in" >"$T/out" &
	P=$!
	exec 8>"$T/in"
	wait_until grep -q ready "$T/out"
}
end_program()
{
	[ -n "$P" ] || return 0
	exec 8>&-
	wait "$P" 2>/dev/null || :
	P=
}
# mapped_images PID: paths of the prefix that it maps
mapped_images() { sed -n "s:.* \($MATR_PREFIX/.*image.*\):\1:p" "/proc/$1/maps" | sort -u; }
# another: an epoch that has another image
another()
{
	local programs=("$T/bin/waits")
	n=$((n + 1))
	((n % 2)) || programs+=("$T/bin/other")
	"$MATR" epoch begin --only -q "${programs[@]}" </dev/null
}
n=0
status_json() { "$MATR" epoch status --format json | /usr/bin/python3 -c "import json, sys; s = json.load(sys.stdin); print(s['retired_images'], s['retired_bytes'] > 0)"; }

another
equal "an image has its epoch's name; the name of the one in force is a link" "epoch.1.image epoch.1.image" "$(images | tr ' ' '\n' | grep 1) $(readlink "$MATR_PREFIX/epoch.image")"
start_program
equal "that is what processes map" "$MATR_PREFIX/epoch.1.image" "$(mapped_images $P)"
inode=$(stat -c %i "$MATR_PREFIX/epoch.1.image")
another
equal "another epoch: it is still there, the same file" "$inode epoch.2.image" "$(stat -c %i "$MATR_PREFIX/epoch.1.image") $(readlink "$MATR_PREFIX/epoch.image")"
equal "and nothing that is mapped is deleted" "$MATR_PREFIX/epoch.1.image" "$(mapped_images $P)"
equal "status: how many, and what they hold" "1 True" "$(status_json)"
check "status: as text" sh -c "'$MATR' epoch status | grep -q '^retired       1 image, [1-9].* of epochs before'"
another
another
equal "images that nobody maps go at once" "epoch.1.image epoch.4.image epoch.image" "$(images)"
"$MATR" epoch prune --keep 1 -q
equal "prune leaves what is mapped" "epoch.1.image epoch.4.image epoch.image" "$(images)"
"$MATR" epoch end >/dev/null
equal "an ended epoch's is kept for the next" "epoch.1.image epoch.4.image epoch.4.image" "$(images) $(readlink "$MATR_PREFIX/ended.image")"
"$MATR" epoch begin --only -q "$T/bin/waits" "$T/bin/other" </dev/null
equal "which has its own" "epoch.1.image epoch.5.image epoch.image" "$(images)"
end_program
"$MATR" epoch prune --keep 1 -q
equal "the process has ended: prune removes it" "epoch.5.image epoch.image" "$(images)"
equal "status: none" "0 False" "$(status_json)"
check "status: nothing is said" sh -c "! '$MATR' epoch status | grep -q '^retired'"

# ---- others who remove it ----

start_program
another
equal "mapped" "epoch.5.image epoch.6.image epoch.image" "$(images)"
end_program
another
equal "begin removes it" "epoch.7.image epoch.image" "$(images)"
start_program
another
end_program
start
gone() { [ ! -e "$MATR_PREFIX/epoch.7.image" ]; }
check "matrd removes it when it starts, as at boot" wait_until gone
stop
: >"$MATR_PREFIX/epoch.77.image" # of a begin that was killed
another
check "what a killed begin leaves goes" test ! -e "$MATR_PREFIX/epoch.77.image"

printf '[programs]\ndirectory = %s\n' "$T/bin" >"$T/conf"
settle "$T/conf"
"$MATR" epoch begin --only -q --config "$T/conf" </dev/null
image=$(readlink "$MATR_PREFIX/epoch.image")
"$MATR" epoch end >/dev/null
"$MATR" epoch begin --only -q --config "$T/conf" </dev/null
equal "an epoch in which nothing has changed goes on with the image" "$image $image epoch.image" "$(readlink "$MATR_PREFIX/epoch.image") $(images)"

# ---- ids that come again ----

start_program
mapped=$(mapped_images $P)
rm "$MATR_PREFIX"/store.db*
rm -f "$MATR_PREFIX/epoch.image"
mv "$mapped" "$MATR_PREFIX/epoch.1.image"
"$MATR" epoch begin --only -q "$T/bin/other" </dev/null
equal "a new store counts from 1 again: the name is another" "epoch.1-1.image" "$(readlink "$MATR_PREFIX/epoch.image")"
equal "and what is mapped stays" "$MATR_PREFIX/epoch.1.image" "$(mapped_images $P)"
check "a program starts from the new one" sh -c "LD_STABLE_DEBUG=1 '$MATR' run '$T/bin/other' 2>&1 | grep -q applied"
end_program
another
check "until nobody maps it" test ! -e "$MATR_PREFIX/epoch.1.image"

# ---- others' files ----

for name in epoch.1.image.txt epoch.x.image epoch.1.images 'epoch.1 .image' my-epoch.1.image epoch.1.image~; do echo keep >"$MATR_PREFIX/$name"; done
ln -s /etc/passwd "$MATR_PREFIX/epoch.98.image"
mkdir "$MATR_PREFIX/epoch.99.image"
another
another
"$MATR" epoch prune --keep 1 -q
equal "files of similar names, links and directories stay" "6 1 1" "$(grep -lxs keep "$MATR_PREFIX"/* | wc -l) $(find "$MATR_PREFIX" -name epoch.98.image -type l | wc -l) $(find "$MATR_PREFIX" -name epoch.99.image -type d | wc -l)"
finish
