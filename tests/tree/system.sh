#!/usr/bin/env bash
# system.sh - a system that lives by epochs, from the package's installation to its purge: hundreds of programs, set-user-ID
# ones, compiling, scripts, an initramfs, apt through the hooks. tests/tree/system makes the package and starts this.
#
# MATR_TEST_APT=: empty: leave out what needs packages from the network.
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC2317 # functions called by check
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.sh
. "$(dirname "$0")/versions.sh"
loader_before=$(loader_state)
check "its package is installed" apt-get -y -q install /out/matr_*.deb

# begins: epoch begin, where some programs may be declined (initramfs-tools brings those of another libc).
begins()
{
	local status=0
	matr epoch begin -q || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
}

# Without ping_group_range, which systemd sets, Debian 13's ping is for root.
[ -n "$(getcap "$(command -v ping)")" ] || [ -u "$(command -v ping)" ] || check "a capability for ping" setcap cap_net_raw+ep "$(command -v ping)"

# ---- hundreds of programs ----

list_programs /usr/bin /usr/sbin >"$T/programs"
mkdir "$T/real" "$T/again" "$T/ours"
while read -r program; do run_version "$program" "$T/real"; done <"$T/programs"
check "epoch begin" matr epoch begin -q
check "loader install" matr loader install
while read -r program; do run_version "$program" "$T/ours"; done <"$T/programs"
total=$(wc -l <"$T/programs") applied=0 plain=0 different=''
while read -r program; do
	name=${program##*/}
	case $(cat "$T/ours/$name.said") in
	*applied*) applied=$((applied + 1)) ;;
	*) plain=$((plain + 1)) ;;
	esac
	cmp -s "$T/real/$name.out" "$T/ours/$name.out" && continue
	# Run it plainly once more: output that differs from run to run anyway does not count.
	matr loader uninstall -q
	run_version "$program" "$T/again"
	matr loader install -q
	cmp -s "$T/real/$name.out" "$T/again/$name.out" && different+=" $name"
done <"$T/programs"
equal "$total programs, $applied from their mapping: the same output, errors and status" "" "$different"
equal "nearly all of them from their mapping" yes "$([ $applied -gt $((total * 9 / 10)) ] && [ $applied -ge 200 ] && echo yes)"
echo "# $plain started plainly: $(cd "$T/ours" && grep -L applied ./*.said | sed 's/^..//; s/\.said$//' | paste -sd ' ')"

# ---- set-user-ID programs, by an ordinary user ----

echo 'root:rootpass' | chpasswd
echo 'user:userpass' | chpasswd
equal "su, from user to root" 0 "$(su user -c 'echo rootpass | su root -c "id -u"' 2>/dev/null)"
equal "su, with a wrong password" 1 "$(su user -c 'echo wrong | su root -c id' >/dev/null 2>&1; echo $?)"
equal "passwd -S" "user P" "$(su user -c 'passwd -S' | cut -d ' ' -f 1,2)"
check "passwd" su user -c 'printf "userpass\nAnother-1-pass\nAnother-1-pass\n" | passwd'
equal "the new password" 1000 "$(su user -c 'echo Another-1-pass | su user -c "id -u"' 2>/dev/null)"
check "ping" su user -c 'ping -c 1 127.0.0.1'
check "mount lists" su user -c 'mount | grep -q proc'
cp /bin/id /usr/local/bin/suid-id
chmod 4755 /usr/local/bin/suid-id
equal "a set-user-ID program" 0 "$(su user -c 'LD_PRELOAD=/nonexistent.so suid-id -u' 2>&1)"

# ---- a small project, scripts ----

mkdir -p "$T/project" && cd "$T/project" || exit
cat >greet.c <<'EOF'
#include <stdio.h>
#include "greet.h"
int greet(const char *who) { return printf("hello, %s\n", who); }
EOF
echo 'int greet(const char *who);' >greet.h
printf '#include "greet.h"\nint main(int argc, char **argv) { return greet(argc > 1 ? argv[1] : "tree") < 0; }\n' >main.c
cat >Makefile <<'EOF'
CFLAGS = -O2 -g -fPIC -Wall
greet: main.o libgreet.so
	$(CC) -o $@ main.o -L. -lgreet -Wl,-rpath,'$$ORIGIN'
libgreet.so: greet.o
	$(CC) -shared -o $@ greet.o
main.o greet.o: greet.h
clean:
	rm -f *.o *.so greet
EOF
check "make" make -j 2
equal "what was compiled runs" "hello, world" "$(./greet world)"
check "make clean, make again" sh -c 'make clean && make'
check "a static program" sh -c 'gcc -static -o static main.c greet.c && ./static'
cd /
equal "python3" "ok 4 {'a': [1, 2]}" "$(python3 -c '
import concurrent.futures, ctypes, hashlib, json, sqlite3, ssl, subprocess, sys, zlib
pool = concurrent.futures.ThreadPoolExecutor(4)
assert list(pool.map(lambda n: n * n, range(100)))[-1] == 9801
assert ctypes.CDLL("libm.so.6").abs(-3) == 3
assert sqlite3.connect(":memory:").execute("select 2 + 2").fetchone() == (4,)
assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\n"
print("ok", 2 + 2, json.loads(json.dumps({"a": [1, 2]})))')"
equal "perl" "ok 3.14 16" "$(perl -e 'use POSIX qw(floor); use List::Util qw(sum); use Digest::MD5 qw(md5_hex);
	die unless md5_hex("x") eq "9dd4e461268c8034f5c8564e155c67a6"; my @a = map { `echo $_` } 1 .. 3; chomp @a;
	printf "ok %.2f %d\n", 3.14159, sum(@a) + floor(10.5);')"
equal "a pipeline" 3 "$(printf 'c\na\nb\n' | sort | xz | xz -d | zstd -q | zstd -dq | wc -l | tr -d ' ')"
check "tar of /usr/share" sh -c 'tar -C /usr/share -cf - perl | tar -tf - >/dev/null'

# ---- packages, through the hooks ----

if [ -n "${MATR_TEST_APT-1}" ]; then
	check "hooks install" matr hooks install
	check "apt-get install of real packages" apt-get -y -q install git tree nano lua5.4 initramfs-tools
	equal "git starts from its mapping" applied "$(how git --version)"
	check "git works" sh -c "cd $T/project && git init -q . && git add . && git -c user.name=n -c user.email=e commit -qm one && git log --oneline"
	equal "lua" 42 "$(lua5.4 -e 'print(6 * 7)')"
	check "apt-get upgrade" apt-get -y -q upgrade
	check "apt-get remove" apt-get -y -q remove nano tree
	equal "ld-stable is still installed" installed "$(matr loader status --format json | jq -r .state)"

	# An initramfs has what PT_INTERP leads to, and not MatR's prefix.
	mkdir -p /lib/modules/0.0.0-test
	touch /lib/modules/0.0.0-test/modules.builtin /lib/modules/0.0.0-test/modules.order
	depmod 0.0.0-test 2>/dev/null
	printf 'CONFIG_RD_ZSTD=y\nCONFIG_RD_GZIP=y\n' >/boot/config-0.0.0-test
	check "mkinitramfs" mkinitramfs -o "$T/initrd" 0.0.0-test
	check "unmkinitramfs" unmkinitramfs "$T/initrd" "$T/unpacked"
	initrd=$T/unpacked
	[ -d "$initrd/main" ] && initrd=$initrd/main
	echo "# its loader: $(find "$initrd" -name '*ld-linux*' -o -name 'matr-*' | sed "s|$initrd||" | paste -sd ' ')"
	program=$(cd "$initrd" && for p in usr/bin/kmod bin/kmod sbin/blkid usr/sbin/blkid; do [ -x $p ] && echo "/$p" && break; done)
	check "a program starts in it: $program" chroot "$initrd" "$program" --version
	rm "$initrd"/usr/lib/x86_64-linux-gnu/ld-linux* "$initrd"/lib/x86_64-linux-gnu/ld-linux* 2>/dev/null
	check "and without the real ld.so, by the copy in ld-stable" chroot "$initrd" "$program" --version
fi

# ---- without MatR again ----

# With everything in force that it offers: its package goes, and all programs run as they did.
matr hooks install >/dev/null
check "epoch begin" begins
check "loader install" matr loader install
check "enable" matr enable -q perl python3
check "all is well" matr doctor
mkdir "$T/before" "$T/after"
while read -r program; do run_version "$program" "$T/before"; done <"$T/programs"
equal "no program has gone" "" "$(while read -r program; do [ -x "$program" ] || echo "$program"; done <"$T/programs")"
check "purge" apt-get -y -q purge matr
equal "the loader's directory is as it was before MatR" "$loader_before" "$(loader_state)"
check "everything still starts" starts
while read -r program; do run_version "$program" "$T/after"; done <"$T/programs"
equal "without a word of ld-stable" "" "$(cat "$T"/after/*.said)"
different=''
while read -r program; do
	name=${program##*/}
	cmp -s "$T/before/$name.out" "$T/after/$name.out" && continue
	run_version "$program" "$T/again"
	cmp -s "$T/after/$name.out" "$T/again/$name.out" && different+=" $name"
done <"$T/programs"
equal "all $total programs: the same output, errors and status" "" "$different"
equal "programs are as their packages have them" "" "$(dpkg --verify | grep -v ' c ')"
equal "nothing names MatR" "" "$(find / -xdev -name '*matr*' ! -path '/proc/*' ! -path '/tmp/*' ! -path '/tests/*' ! -path '/out/*' ! -name 'matrox*')"
finish
