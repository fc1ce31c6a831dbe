#!/usr/bin/env bash
# enable.sh - single programs by ld-stable: enabled and restored exactly, killed at system calls, replaced by packages.
# Runs in the tree: tests/tree/tree /tests/tree/enable.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2317 # called by wait_until
. "$(dirname "$0")/lib.sh"
every=${MATR_TEST_EVERY:-29}

file_state() # FILE: everything but the time of the last status change
{
	stat -c '%n %i %h %u:%g %a %s %y' "$1"
	md5sum "$1"
	getfattr -d -m - -e hex "$1" 2>/dev/null
	getfacl -p "$1" 2>/dev/null
}
P=/usr/local/bin/subject
cp /bin/ls $P
chown user:games $P
chmod 750 $P
touch -d '2024-03-03 03:03:03.123456789' $P
setfattr -n user.colour -v blue $P 2>/dev/null || echo "# no user attributes on this file system"
setfacl -m u:nobody:rx $P 2>/dev/null || echo "# no ACLs on this file system"
ln $P /usr/local/bin/subject2
before=$(file_state $P)
directory=$(loader_state)
matr epoch begin --only -q bash ls perl cat $P

check "enable" matr enable $P
equal "it starts from its mapping" applied "$(how $P /)"
equal "others do not start by ld-stable" "" "$(how /bin/cat /dev/null)"
equal "the same output" "$(/bin/ls /)" "$($P /)"
equal "owner, mode, size, time, attributes" "$(stat -c '%u:%g %a %s %y' /usr/local/bin/subject2)" "$(stat -c '%u:%g %a %s %y' $P)"
equal "attributes, ACL" "$(cd /; getfattr -d -m - -e hex usr/local/bin/subject2 2>/dev/null | sed 1d; getfacl -c $P 2>/dev/null)" \
	"$(cd /; getfattr -d -m - -e hex usr/local/bin/subject 2>/dev/null | sed 1d; getfacl -c /usr/local/bin/subject2 2>/dev/null)"
equal "bytes that differ: those of the path" yes "$([ "$(cmp -l $P /usr/local/bin/subject2 | wc -l)" -le 28 ] && echo yes)"
check "readelf" sh -c "readelf -lW $P | grep -q 'Requesting program interpreter: /lib64/matr-ld.so'"
check "ldd" sh -c "ldd $P | grep -q libc.so.6"
cp $P "$T/stripped"
check "strip, and it starts" sh -c "strip $T/stripped && $T/stripped / >/dev/null"
check "enable again" matr enable $P
equal "the list" enabled "$(matr enable --list --format json | jq -r '.[0].state')"
check "loader install and uninstall leave matr-ld.so to it" sh -c 'matr loader install -q && matr loader uninstall -q'
check "it starts" $P /
check "disable" matr disable $P
equal "exactly as it was, inode and hard links" "$before" "$(file_state $P)"
equal "nothing is left" "$directory" "$(loader_state)"
equal "nothing is left beside it" "" "$(find /usr/local/bin -name '.*subject*')"
check "disable again" matr disable $P

# ---- in mid-epoch, watched: neither is a violation, and the mapping stays ----
matrd 2>"$T/matrd" &
daemon=$!
watches() { matr epoch status | grep -q '^matrd .*watches'; }
watched() { wait_until watches; }
violations() { matr epoch status --format json | jq -c '[.violations[].file, .changed[].file]'; }
matr epoch begin --only -q bash ls perl cat $P
watched
check "enable, while matrd watches" matr enable $P
sleep 1
equal "no violation" '[]' "$(violations)"
equal "it starts from its mapping" applied "$(how $P /)"
check "disable, while matrd watches" matr disable $P
sleep 1
equal "no violation" '[]' "$(violations)"
equal "exactly as it was" "$before" "$(file_state $P)"
matr enable -q $P
matr epoch begin --only -q bash ls perl cat $P
watched
equal "an epoch that begins with it enabled" applied "$(how $P /)"
check "disable and enable in that one" sh -c "matr disable $P && sleep 0.5 && matr enable $P"
sleep 1
equal "no violation" '[]' "$(violations)"
equal "it starts from its mapping" applied "$(how $P /)"
# A program that has no build-id is known by all that the store holds of it.
Q=/usr/local/bin/nobuildid
printf '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n' >"$T/q.c"
gcc -Wl,--build-id=none -o $Q "$T/q.c"
touch -d '2024-03-03 03:03:03.123456789' $Q
matr disable $P
matr epoch begin --only -q bash ls perl cat $P $Q
watched
check "a program without build-id: enable in mid-epoch" matr enable $Q
sleep 1
equal "no violation" '[]' "$(violations)"
equal "it starts from its mapping" applied "$(how $Q)"
check "disable" matr disable $Q
sleep 1
equal "no violation" '[]' "$(violations)"
equal "it starts from its mapping" applied "$(LD_STABLE_DEBUG=1 matr run $Q 2>&1 >/dev/null | grep -o applied)"
matr enable -q $Q
matr epoch begin --only -q bash ls perl cat $P $Q
watched
check "disable and enable it in an epoch that began with it enabled" sh -c "matr disable $Q && sleep 0.5 && matr enable $Q"
sleep 1
equal "no violation" '[]' "$(violations)"
equal "it starts from its mapping" applied "$(how $Q)"
matr disable -q $Q
sed 's/puts/perror/' "$T/q.c" >"$T/q2.c"
sed -i 's/"hello"/"hell"/' "$T/q2.c"
gcc -Wl,--build-id=none -o "$T/q2" "$T/q2.c"
truncate -s "$(stat -c %s $Q)" "$T/q2"
touch -r $Q "$T/q2"
cp -p "$T/q2" $Q.new
mv $Q.new $Q
violated() { [ "$(violations | jq -c unique)" = "[\"$1\"]" ]; }
check "another program of that size and time is a violation" wait_until violated $Q
matr enable -q $P
matr epoch begin --only -q bash ls perl cat $P
watched
cp -p $P "$T/other"
printf '\1' | dd of="$T/other" bs=1 seek=$(($(stat -c %s "$T/other") - 1)) conv=notrunc status=none
touch -r $P "$T/other"
cp -p "$T/other" $P.new
mv $P.new $P
check "a file with another byte, the same size and time, is one" wait_until violated $P
mv /usr/local/bin/.subject.matr-original $P
matr disable -q $P
equal "exactly as it was" "$before" "$(file_state $P)"
kill $daemon
wait $daemon

refuses "set-user-ID" 'gains privileges' matr enable su
cp /bin/ls /usr/local/bin/capable
setcap cap_net_raw+ep /usr/local/bin/capable
refuses "a program with capabilities" 'gains privileges' matr enable capable
refuses "a script" 'not a dynamically linked' matr enable /usr/bin/ldd
refuses "a static program" 'not a dynamically linked' matr enable matr-rescue
refuses "a program that is not there" 'not found' matr enable nonesuch
cp /bin/ls /home/user/theirs
chown user /home/user/theirs
refuses "in a user's directory" 'belongs to' matr enable /home/user/theirs
refuses "an ordinary user" 'denied|ermission|cannot|only root' su user -c 'matr enable /bin/ls'
head -c 100 /bin/ls >/usr/local/bin/truncated
chmod 755 /usr/local/bin/truncated
refuses "a truncated program" 'not a dynamically linked' matr enable truncated
equal "nothing is left of these" "" "$(find /usr/bin /usr/local/bin -name '.*matr*')"
check "a program that is named by nothing else" matr enable /usr/bin/perl /bin/bash
equal "perl" applied "$(how perl -e 1)"
equal "bash, a new one" applied "$(how bash -c :)"
check "disable --all" matr disable --all
equal "nothing is left of these either" "" "$(find /usr/bin /usr/local/bin -name '.*matr*')"

matr epoch begin --only -q bash ls perl cat $P
dead=0 wrong=0 n=1
kill_at()
{
	local n=$1
	shift
	{ strace -o /dev/null -e inject=all:signal=KILL:when="$n" "$@"; } >/dev/null 2>&1
	[ $? -eq 137 ]
}
while kill_at $n matr enable $P; do
	$P / >/dev/null || dead=$((dead + 1))
	{ matr enable -q $P && [ "$(how $P /)" = applied ]; } || wrong=$((wrong + 1))
	matr disable -q $P || wrong=$((wrong + 1))
	[ "$(file_state $P)$(loader_state)" = "$before$directory" ] || wrong=$((wrong + 1))
	n=$((n + every))
done
[ $n -gt 100 ] || wrong=999
equal "enable killed at every ${every}. of $n system calls: it starts" 0 $dead
equal "enable killed: enable and disable repair" 0 $wrong
dead=0 wrong=0 n=1
matr enable -q $P
while kill_at $n matr disable $P; do
	$P / >/dev/null || dead=$((dead + 1))
	matr disable -q $P || wrong=$((wrong + 1))
	[ "$(file_state $P)" = "$before" ] || wrong=$((wrong + 1))
	matr enable -q $P || wrong=$((wrong + 1))
	n=$((n + (every + 4) / 5))
done
equal "disable killed at every $(((every + 4) / 5)). of $n system calls: it starts" 0 $dead
equal "disable killed: disable and enable repair" 0 $wrong
matr enable -q $P
rm /usr/local/bin/.subject.matr-original
check "the original is gone: disable" matr disable $P
equal "bytes, owner, mode, time all the same" "$(stat -c '%u:%g %a %s %y' /usr/local/bin/subject2; md5sum </usr/local/bin/subject2)" \
	"$(stat -c '%u:%g %a %s %y' $P; md5sum <$P)"

matr enable -q perl
matr epoch begin -q
equal "an epoch of the system: what is kept of an enabled program is none" "" "$(matr epoch status --format json | jq -r '.declined[]?.file, .changed[].file' | grep matr; matr sql "SELECT path FROM applications WHERE path LIKE '%matr-original'" 2>/dev/null | grep original)"
matr disable -q perl
equal "disabled in it: no file has changed" '[]' "$(violations)"
equal "it starts by the real loader" "" "$(how perl -e 1)"

if [ -n "${MATR_TEST_APT-1}" ]; then
	matr hooks install >/dev/null
	matr epoch begin -q
	matr enable -q bc jq
	check "a package that has an enabled program is installed again" apt-get -y -q install --reinstall bc
	equal "it is enabled again" applied "$(how sh -c 'exec bc </dev/null')"
	check "the package is removed" apt-get -y -q purge bc
	equal "nothing of it is left" "" "$(find /usr/bin -name '*bc*matr*'; matr enable --list --format csv | grep bc)"
	matr disable -q jq
	check "dpkg --verify" test -z "$(dpkg --verify jq)"
fi
finish
