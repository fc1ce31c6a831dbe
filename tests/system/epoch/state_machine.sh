#!/usr/bin/env bash
# state_machine.sh - each state of docs/states.md, brought about as it comes about, is what `matr epoch status` says; and begin
# puts every one right.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

state() { "$MATR" epoch status --format json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])'; }
# in_state NAME STATE EXPLANATION: the state, and a line that matches in the table.
in_state()
{
	"$MATR" epoch status >"$T/status" 2>&1 || :
	if [ "$(state)" = "$2" ] && grep -Eq "^state  *$2" "$T/status" && grep -Eq "$3" "$T/status"; then
		ok "$1: $2"
	else
		not_ok "$1: $2" "$T/status"
	fi
}
# mends NAME: the next begin leads to an epoch, in which all is well.
mends()
{
	begin /bin/bash /bin/ls >/dev/null
	in_state "$1, then begin" epoch '^state  *epoch [0-9]+, begun '
	check "$1: all is well" "$MATR" epoch status
}
image=$MATR_PREFIX/epoch.image store=$MATR_PREFIX/store.db

in_state "nothing was ever begun" management 'start the ordinary way'
mends "nothing"
"$MATR" epoch end >/dev/null
in_state "end" management 'start the ordinary way'
check "management is no trouble" "$MATR" epoch status
mends "end"
"$MATR" epoch suspend --by state_machine.sh >/dev/null
in_state "suspend" suspended 'ended by state_machine.sh,.*matr epoch resume'
"$MATR" epoch resume >/dev/null 2>&1
in_state "resume" epoch 'begun'
"$MATR" epoch suspend >/dev/null
mends "suspend"

# Killed after the store's commit and before the image's rename: the image is the one before.
cp -p "$image" "$T/image"
"$MATR" epoch begin --only -q /bin/bash /bin/ls /bin/cat
mv "$T/image" "$image"
in_state "interrupted before the rename" ahead 'was interrupted.*begin'
same "ahead: the epoch before is in force" /bin/bash -c 'echo x'
mends "ahead"
rm "$image"
in_state "the image was removed" lost 'has no image.*begin again'
same_any "lost: programs start" /bin/bash -c 'echo x'
mends "lost"
mv "$store" "$T/store"
rm -f "$store-wal" "$store-shm"
in_state "the store was removed" unrecorded 'makes a new one|begin again'
same "unrecorded: the image serves" /bin/bash -c 'echo x'
mends "unrecorded"
head -c 4096 /dev/zero >"$image"
in_state "the image has no header" damaged 'plainly until an epoch is begun'
same_any "damaged: programs start" /bin/bash -c 'echo x'
mends "damaged"
size=$(stat -Lc %s "$image")
printf '\377' | dd of="$image" bs=1 seek=$((size - 20)) conv=notrunc status=none
in_state "a byte of the image has changed" damaged 'plainly until an epoch is begun'
mends "a changed byte"

# Somebody else has the lock: the state is what it is, and that is said too.
exec 9<>"$MATR_PREFIX/lock"
flock 9
in_state "somebody has the lock" epoch '^busy '
capture line "$MATR" epoch begin --only /bin/bash
check "begin is told" sh -c "[ \"\$(cat '$T/line.status')\" = 1 ] && grep -q 'another process is beginning' '$T/line.err'"
exec 9>&-
exec 9<>"$MATR_PREFIX/lock"
flock 9
"$MATR" epoch begin --only -q /bin/bash /bin/ls </dev/null >"$T/waits" 2>&1 9>&- &
begin=$!
tries() { grep -q '^230 ' "/proc/$begin/syscall"; } # clock_nanosleep, between two attempts
check "begin finds the lock taken" wait_until tries
exec 9>&-
check "somebody has it for a moment, as matrd has: begin waits that long" wait $begin
"$MATR" epoch status >"$T/status"
in_state "and has it no longer" epoch 'begun'
check "nobody is busy" sh -c "! grep -q '^busy' '$T/status'"
finish
