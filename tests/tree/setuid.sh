#!/usr/bin/env bash
# setuid.sh - programs that gain privileges, started by an ordinary user, with ld-stable as the system's dynamic linker: they
# start plainly. Not that they work is looked at (system.sh does), but the running process (started.c): no epoch image in
# its memory, and a link map name by name like that by the real ld.so. The same file without its privileges is started from
# its mapping, or this would see nothing. Runs in the tree: tests/tree/tree /tests/tree/setuid.sh
#
# MATR_TEST_APT=: empty: without sudo, which comes from the network.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2317 # functions called by check
. "$(dirname "$0")/lib.sh"
[ -z "${MATR_TEST_APT-1}" ] || check "sudo" apt-get -y -q install sudo
check "started.c" gcc -O1 -static -o "$T/started" /tests/tree/started.c
user=$(id -u user)
cp /bin/id /usr/local/bin/suid-id
chmod 4755 /usr/local/bin/suid-id
cp /bin/id /usr/local/bin/sgid-id
chgrp shadow /usr/local/bin/sgid-id
chmod 2755 /usr/local/bin/sgid-id
cp /bin/id /usr/local/bin/capable-id
setcap cap_net_raw+ep /usr/local/bin/capable-id

# Print the arguments that an ordinary user would give.
arguments() # PROGRAM
{
	case ${1##*/} in
	su) echo 'root -c id' ;;
	ping) echo '-c 1 127.0.0.1' ;;
	umount | mount) echo /mnt ;;
	chsh) echo '-s /bin/sh' ;;
	gpasswd) echo '-a user games' ;;
	sudo) echo '-n id' ;;
	chage) echo '-l user' ;;
	expiry) echo '-c' ;;
	unix_chkpwd) echo 'user nullok' ;;
	esac
}
run() # PROGRAM FILE [AS]: starts it, or AS in its place
{
	# shellcheck disable=SC2046 # several words
	"$T/started" "$user" "${3:-$1}" $(arguments "$1") >"$2"
}
linked() { sed -n 's/^linked //p' "$1"; }
secure() { sed -n 's/^secure //p' "$1"; }
# ld-stable started it, and is gone: its image is not mapped.
is_plain() # FILE
{
	grep -q '^mapped .*/lib64/matr-ld\.so$' "$1" && ! grep -q '^mapped /var/lib/matr/' "$1"
}
# The image is mapped, and nothing of ours is in the link map.
is_applied() # FILE
{
	grep -Eq '^mapped /var/lib/matr/epoch\.[0-9-]+\.image$' "$1" && ! grep -q '^linked /var/lib/matr/' "$1"
}

{
	find / -xdev -type f -perm /6000 -perm /111
	getcap -r / 2>/dev/null | cut -d ' ' -f 1
} | grep -v '^/tmp/' | sort -u >"$T/programs"
mkdir "$T/real" "$T/ours" "$T/without"
for program in su passwd ping mount umount chsh chfn newgrp gpasswd suid-id sgid-id capable-id ${MATR_TEST_APT-sudo}; do
	check "$program is one that gains privileges" grep -q "/$program\$" "$T/programs"
done
while read -r program; do
	run "$program" "$T/real/${program##*/}"
done <"$T/programs"
# A mapping belongs to a file: so the copies are programs of the epoch, too.
copies=/usr/local/libexec/copies
mkdir -p $copies
while read -r program; do
	cp "$program" $copies # without privileges, mode and attributes stay behind
	chmod 755 "$copies/${program##*/}"
done <"$T/programs"
check "epoch begin" matr epoch begin -q
check "loader install" matr loader install
while read -r program; do
	name=${program##*/}
	run "$program" "$T/ours/$name"
	run "$program" "$T/without/$name" "$copies/$name"
	equal "$name: AT_SECURE, by the real ld.so and by ld-stable" "1 1" "$(secure "$T/real/$name") $(secure "$T/ours/$name")"
	check "$name: ld-stable started it, plainly" is_plain "$T/ours/$name"
	check "$name: its link map is as by the real ld.so" diff <(linked "$T/real/$name") <(linked "$T/ours/$name")
	equal "$name: the same ids, privileges and end" "$(grep -E '^(uid|gid|privileges|status)' "$T/real/$name")" \
		"$(grep -E '^(uid|gid|privileges|status)' "$T/ours/$name")"
	equal "$name: a copy has no privileges" 0 "$(secure "$T/without/$name")"
	check "$name: a copy is started from the mapping" is_applied "$T/without/$name"
done <"$T/programs"
echo "# $(wc -l <"$T/programs") programs: $(sed 's|.*/||' "$T/programs" | paste -sd ' ')"

# Root has nothing to gain from a set-user-ID program of its own: from the mapping.
"$T/started" 0 /usr/local/bin/suid-id -u >"$T/root"
check "the set-user-ID program, started by root, is started from its mapping" is_applied "$T/root"

# Variables in the user's environment are ignored.
check "LD_PRELOAD, LD_STABLE_DEBUG and the prefix" sh -c "su user -c 'LD_STABLE_DEBUG=1 MATR_PREFIX=/home/user LD_PRELOAD=/nonexistent.so suid-id -u' >$T/said 2>&1"
equal "have no effect" 0 "$(cat "$T/said")"
finish
