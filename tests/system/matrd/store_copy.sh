#!/bin/bash
# Reading where matrd runs: commands that only read print the same for a user who may not read the store's files as for root,
# byte for byte. And matrd withstands clients that ask too much, or nonsense.
#
# usage: store_copy.sh
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
# shellcheck source=../../lib/matrd.sh
. "$TESTS/lib/matrd.sh"
cp "$HERE/store_copy_client.py" "$T/client"
chmod 755 "$T/client"
"$MATR" epoch begin --only -q git ls cat
"$MATR" epoch begin --only -q git ls
store=$MATR_PREFIX/store.db

# ---- clients that ask too much, or nonsense ----
start
timeout 200 "$T/client" owner >"$T/owner" 2>&1 || echo "BAD exit status $?" >>"$T/owner"
if [ "$(id -u)" -ne 0 ]; then
	sed -n 's/^good /ok - /p; s/^BAD /not ok - /p' "$T/owner" | awk '{ sub(/^(not )?ok/, "& " NR); print } /^not/ { bad = 1 } END { print "1.." NR; exit bad }'
	exit
fi
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent MATR_PREFIX="$MATR_PREFIX")
"${nobody[@]}" test -r "$MATR" -a -x "$MATR" || {
	echo "1..0 # SKIP the build directory is not reachable for an ordinary user"
	exit
}
verdicts()
{
	local verdict name
	while read -r verdict name; do
		case $verdict in
		good) ok "$2: $name" ;;
		*) not_ok "$2: $verdict $name" "$LOG" ;;
		esac
	done <"$1"
}
verdicts "$T/owner" owner
chmod 600 "$store"
before=$(md5sum <"$store")
timeout 200 "${nobody[@]}" "$T/client" >"$T/user" 2>&1 || echo "BAD exit status $?" >>"$T/user"
verdicts "$T/user" user
"${nobody[@]}" "$T/client" deaf >"$T/deaf" 2>&1 &
deaf=$!
check "the store is as it was" test "$before" = "$(md5sum <"$store")"

# ---- the same as root's ----
# same_as_root COMMAND...: output, errors and exit status
same_as_root()
{
	local status=0
	"$MATR" "$@" >"$T/root.out" 2>"$T/root.err" </dev/null || status=$?
	echo "status $status" >>"$T/root.out"
	status=0
	"${nobody[@]}" "$MATR" "$@" >"$T/user.out" 2>"$T/user.err" </dev/null || status=$?
	echo "status $status" >>"$T/user.out"
	if diff "$T/root.out" "$T/user.out" >"$T/difference" && diff "$T/root.err" "$T/user.err" >>"$T/difference"; then
		ok "$mode: matr $*"
	else
		not_ok "$mode: matr $*" "$T/difference"
	fi
}
# Each way to read, each format, what there is no answer to, and what is refused.
everything()
{
	local format
	for format in table list csv json markdown line; do
		same_as_root sql --format "$format" "SELECT * FROM bindings ORDER BY 1, 2, 3, 4 LIMIT 200" \
			"SELECT * FROM relocations LIMIT 200" "SELECT * FROM epochs" "SELECT * FROM store.epochs"
	done
	same_as_root sql --epoch all "SELECT epoch, application, count(*) FROM bindings GROUP BY 1, 2"
	same_as_root sql "SELECT o.path, count(*) FROM objects o JOIN elf_symbols s ON s.path = o.path GROUP BY 1"
	same_as_root sql .dump
	same_as_root sql --epoch 99 "SELECT * FROM bindings"
	same_as_root sql "SELECT * FROM nowhere"
	same_as_root sql "DELETE FROM store.epochs"
	same_as_root sql "ATTACH '/tmp/matr-test-attached' AS x"
	for format in table json csv; do
		same_as_root inspect --format "$format" git
		same_as_root inspect --format "$format" --symbol 'm*' git
		same_as_root epoch list --format "$format"
		same_as_root exposed --format "$format" --symbol malloc
		same_as_root why --format "$format" git malloc
	done
	same_as_root inspect --epoch previous cat
	same_as_root inspect cat
	same_as_root tree git
	same_as_root shadowed git
	same_as_root epoch show
	same_as_root epoch show 1
	same_as_root epoch show 99
	same_as_root diff previous current
	same_as_root diff git ls
	same_as_root rebind --list
	same_as_root epoch status
	same_as_root epoch status --format json
	"$MATR" baseline save "$T/baseline" git >/dev/null 2>&1
	chmod 644 "$T/baseline"
	same_as_root baseline check "$T/baseline"
}
mode="store 0600"
everything
check "... and SELECT sees what root sees" grep -q 'git.*malloc' <("${nobody[@]}" "$MATR" sql --format csv "SELECT application, symbol FROM bindings")
mode="busy"
exec 9<"$MATR_PREFIX/lock"
flock 9
same_as_root epoch status --format json
check "who may not look at the lock is told all the same" grep -q '"busy": *true' "$T/user.out"
exec 9<&-
"$MATR" epoch end
not_watching
mode="no epoch"
same_as_root epoch status
same_as_root epoch list
same_as_root inspect git
"$MATR" epoch begin --only -q git ls
chmod 600 "$store"

# ---- a writer who was killed ----
for journal in with without; do
	python3 - "$store" <<'P'
import os, signal, sqlite3, sys
if os.fork() == 0:
    d = sqlite3.connect(sys.argv[1])
    d.execute("UPDATE epochs SET cpu_level = cpu_level || '+'")
    d.commit()
    os.kill(os.getpid(), signal.SIGKILL)
os.wait()
P
	chmod 644 "$store"*
	[ $journal = with ] || rm -f "$store-shm"
	check "a journal is left, $journal its index" test -s "$store-wal"
	"${nobody[@]}" "$MATR" sql --format csv "SELECT max(length(cpu_level)) FROM store.epochs" >"$T/left.user" 2>&1 || :
	"${nobody[@]}" "$MATR" epoch list >"$T/list.user" 2>&1 || :
	"$MATR" sql --format csv "SELECT max(length(cpu_level)) FROM store.epochs" >"$T/left.root"
	"$MATR" epoch list >"$T/list.root"
	check "... what it committed is seen" cmp "$T/left.root" "$T/left.user"
	check "... and by epoch list" cmp "$T/list.root" "$T/list.user"
done
chmod 600 "$store"

# ---- while epochs begin ----
(for _ in 1 2 3 4 5 6; do
	"$MATR" epoch begin --only -q git
	chmod 600 "$store"
	"$MATR" epoch begin --only -q git ls cat
	chmod 600 "$store"
done) &
begins=$!
asked=0 wrong=0
while kill -0 $begins 2>/dev/null; do
	# No state that never was: the epoch in force has its programs, all of them.
	"${nobody[@]}" "$MATR" sql --format csv --headers off "SELECT count(*) FROM applications" >"$T/count" 2>"$T/count.err" || :
	grep -q '^[123]' "$T/count" || { wrong=$((wrong + 1)); cat "$T/count" "$T/count.err" >>"$T/wrong"; }
	asked=$((asked + 1))
done
wait $begins
: >>"$T/wrong"
[ $wrong -eq 0 ] && [ $asked -gt 5 ] && ok "asked $asked times while epochs begin" || not_ok "asked $asked times while epochs begin, $wrong answers are wrong" "$T/wrong"
for i in 1 2 3 4 5 6 7 8 9 10; do
	"${nobody[@]}" "$MATR" epoch list >"$T/at-once.$i" 2>&1 &
	pids[i]=$!
done
wait "${pids[@]}"
check "ten at once: each gets an answer" test "$(cat "$T"/at-once.* | grep -c 'in force')" -eq 10

wait $deaf || :
verdicts "$T/deaf" user
check "no process is left" test -z "$(pgrep -P "$D")"

# ---- one who says that he is matrd ----
stop
one_line "without matrd: one clear error (sql)" 1 "${nobody[@]}" "$MATR" sql "SELECT * FROM bindings"
check "... that says which file and why" grep -qx "matr: $store: cannot be read: Permission denied" "$T/line.err"
one_line "without matrd: inspect" 1 "${nobody[@]}" "$MATR" inspect git
one_line "without matrd: epoch list" 1 "${nobody[@]}" "$MATR" epoch list
check "without matrd: epoch status says it" grep -q 'store.db: cannot be read: Permission denied' <("${nobody[@]}" "$MATR" epoch status)
for lie in truncated garbage absurd; do
	"$T/client" lie "$lie" &
	D=$!
	wait_until test -S "$MATR_PREFIX/matrd.sock"
	one_line "a $lie answer: one error, and no more" 1 timeout 60 "${nobody[@]}" "$MATR" epoch list
	stop
	rm -f "$MATR_PREFIX/matrd.sock"
done
chmod 777 "$MATR_PREFIX"
"${nobody[@]}" "$T/client" lie stranger &
D=$!
wait_until test -S "$MATR_PREFIX/matrd.sock"
one_line "a matrd of somebody else is not asked" 1 setpriv --reuid 65533 --regid 65533 --clear-groups env MATR_PREFIX="$MATR_PREFIX" "$MATR" epoch list
check "... what may not be read stays so" grep -q 'Permission denied' "$T/line.err"
stop

# ---- the system's prefix, closed to others ----
if unshare -m true 2>/dev/null; then
	stop
	cat >"$T/closed" <<P
set -eu
mkdir "$T/over"
mount -t tmpfs t "$T/over"
mkdir "$T/over/up" "$T/over/work"
mount -t overlay o -o "lowerdir=/var/lib,upperdir=$T/over/up,workdir=$T/over/work" /var/lib
mount -t tmpfs r /run
rm -rf /var/lib/matr
unset MATR_PREFIX
"$MATR" epoch begin --only -q --no-daemon git ls
chmod 700 /var/lib/matr
"$MATRD" 2>>"$LOG" &
trap 'kill \$!' EXIT
. "$TESTS/lib/wait.sh"
wait_until test -S /run/matr/matrd.sock
for what in "sql 'SELECT * FROM bindings'" "inspect git" "epoch list" "epoch show" "epoch status" "tree git"; do
	echo "== \$what"
	eval "\$@ '$MATR' \$what" 2>&1 || echo "status \$?"
done
P
	unshare -m --propagation private bash "$T/closed" >"$T/closed.root" 2>&1 || :
	rmdir "$T/over"
	unshare -m --propagation private bash "$T/closed" setpriv --reuid 65534 --regid 65534 --clear-groups >"$T/closed.user" 2>&1 || :
	# The image is not in the copy: whoever may not read it is not told of placement.
	sed -i 's/20[0-9-]* [0-9:]*//; s/watches [0-9]* files/watches/; /^placement  [a-z].*: /,+1d' "$T/closed.root" "$T/closed.user"
	check "/var/lib/matr closed to others: the same as root's" cmp "$T/closed.root" "$T/closed.user"
	check "... which is an answer" sh -c "grep -q 'state  *epoch 1' '$T/closed.user' && grep -q 'git.*malloc' '$T/closed.user'"
else
	skip "/var/lib/matr closed to others" "no mount namespace"
fi
finish
