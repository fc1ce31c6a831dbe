#!/usr/bin/env bash
# loader.sh - ld-stable as the system's dynamic linker: installing and uninstalling it, what else looks at ld.so, faults,
# upgrades of libc6, and the rescue. Runs in the tree: tests/tree/tree /tests/tree/loader.sh
#
# MATR_TEST_EVERY=N: kill at every N-th system call only (default 29; the slow suite takes 1).
# MATR_TEST_APT=: empty: leave out what needs packages from the network.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
every=${MATR_TEST_EVERY:-29}

clean_state=$(loader_state)
shipped=$(readlink $LOADER) # absolute in Debian 12, relative in 13
uninstalled() # NAME
{
	equal "$1: the directory is as it was, to the inode" "$clean_state" "$(loader_state)"
}

# ---- install and uninstall ----

equal "status before" real "$(matr loader status --format json | jq -r .state)"
check "install" matr loader install
check "programs start" starts
equal "they start by ld-stable" plain "$(how /bin/true)"
check "status" matr loader status
equal "state" installed "$(matr loader status --format json | jq -r .state)"
installed_state=$(loader_state)
check "install again" matr loader install
equal "install again changes nothing" "$installed_state" "$(loader_state)"
check "refresh" matr loader refresh
equal "refresh changes nothing" "$installed_state" "$(loader_state)"
check "epoch begin while it is installed" matr epoch begin -q
equal "a program starts from its mapping" applied "$(how /bin/true)"
equal "another epoch" applied "$(matr epoch begin -q && how /usr/bin/python3 -c 1)"
check "epoch status" matr epoch status
check "matr verify while it is installed" matr verify bash python3 perl
equal "matr run while it is installed" applied "$(how matr run /bin/true)"
check "epoch end" matr epoch end
equal "plain starts after the epoch" plain "$(how /bin/true)"
check "uninstall" matr loader uninstall
uninstalled "uninstall"
check "uninstall again" matr loader uninstall
uninstalled "uninstall again"
check "an epoch that began with the real loader" matr epoch begin -q
check "install in it" matr loader install
equal "its mappings are used" applied "$(how /usr/bin/perl -e 1)"
check "epoch status: the loader has not changed" matr epoch status

# ---- other users of ld.so ----

matr loader uninstall -q
addresses='s/(0x[0-9a-f]*)//'
for program in /bin/ls /usr/bin/python3 /usr/bin/apt-get; do
	ldd $program | sed "$addresses" >"$T/ldd.real"
	LD_TRACE_LOADED_OBJECTS=1 $program | sed "$addresses" >>"$T/ldd.real"
	$LOADER --list $program | sed "$addresses" >>"$T/ldd.real"
	matr loader install -q
	ldd $program | sed "$addresses" >"$T/ldd.ours"
	LD_TRACE_LOADED_OBJECTS=1 $program | sed "$addresses" >>"$T/ldd.ours"
	$LOADER --list $program | sed "$addresses" >>"$T/ldd.ours"
	check "ldd, LD_TRACE_LOADED_OBJECTS, --list: $program" diff "$T/ldd.real" "$T/ldd.ours"
	matr loader uninstall -q
done
options=(--help --version --list-diagnostics --list-tunables --verify\ /bin/ls --inhibit-cache\ --list\ /bin/ls
	"--library-path /nowhere /bin/echo path" "--preload libm.so.6 /bin/echo preload" "--argv0 x /bin/echo argv0" "/nowhere")
run_options()
{
	local option
	for option in "${options[@]}"; do
		# shellcheck disable=SC2086 # several words
		$LOADER $option 2>&1 | sed "$addresses" | grep -v -e auxv -e cpu_features.features -e 'env_filtered\|env\['
		echo "$option: ${PIPESTATUS[0]}"
	done
}
run_options >"$T/options.real"
matr loader install -q
run_options >"$T/options.ours"
check "ld.so's own options" diff "$T/options.real" "$T/options.ours"
check "dpkg --verify libc6" test -z "$(dpkg --verify libc6)"
state=$(loader_state)
ldconfig && ldconfig -X && ldconfig
equal "ldconfig leaves it alone" "$state" "$(loader_state)"
equal "ldconfig's cache" "$(ldconfig -p | grep -c 'ld-linux-x86-64.so.2 .*/lib/x86_64-linux-gnu')" \
	"$(ldconfig -p | grep -c ld-linux-x86-64.so.2)"
cat >"$T/static.c" <<'EOF'
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
int main(void)
{
	struct passwd *root = getpwnam("root");
	void *library = dlopen("libm.so.6", RTLD_NOW);
	double (*cosine)(double) = library ? (double (*)(double))dlsym(library, "cos") : NULL;
	printf("%s %.0f\n", root ? root->pw_dir : "none", cosine ? cosine(0) : -1);
	return 0;
}
EOF
gcc -static -o "$T/static" "$T/static.c" 2>/dev/null
equal "a static program that loads libraries" "/root 1" "$("$T/static")"
check "linking a program" sh -c "echo 'int main(void) { return 0; }' | gcc -x c - -o $T/linked && $T/linked"

# ---- never a moment without a loader ----

cat >"$T/starter.c" <<'EOF'
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static volatile sig_atomic_t stop;
static void on_term(int signal) { (void)signal; stop = 1; }
int main(void) /* starts /bin/true again and again, counts what fails */
{
	long n = 0, failed = 0;
	signal(SIGTERM, on_term);
	while (!stop) {
		int status = 1;
		pid_t pid = vfork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(126);
		}
		while (waitpid(pid, &status, 0) < 0) ;
		failed += status != 0;
		n++;
	}
	printf("%ld %ld\n", n, failed);
	return 0;
}
EOF
gcc -O1 -static -o "$T/starter" "$T/starter.c"
"$T/starter" >"$T/starts" &
starter=$!
for _ in 1 2 3 4 5 6 7 8; do
	matr loader uninstall -q
	matr loader install -q
done
kill -TERM $starter
wait $starter
read -r started failed <"$T/starts"
equal "$started starts while it is installed and uninstalled" 0 "$failed"

# ---- killed between any two system calls ----

matr loader uninstall -q
matr epoch begin -q
# kill_at N COMMAND...: true as long as the command got that far.
kill_at()
{
	local n=$1
	shift
	{ strace -o /dev/null -e trace=all -e inject=all:signal=KILL:when="$n" "$@"; } >/dev/null 2>&1
	[ $? -eq 137 ]
}
dead=0 wrong=0 n=1
while kill_at $n matr loader install; do
	starts || dead=$((dead + 1))
	if [ $((n / every % 2)) -eq 0 ]; then # half of them are completed first
		{ matr loader install -q && [ "$(how /bin/true)" = applied ]; } || wrong=$((wrong + 1))
	fi
	matr loader uninstall -q || wrong=$((wrong + 1))
	[ "$(loader_state)" = "$clean_state" ] || wrong=$((wrong + 1))
	n=$((n + every))
done
[ $n -gt 200 ] || wrong=999 # too few system calls: nothing was tested
equal "install killed at every ${every}. of $n system calls: programs start" 0 $dead
equal "install killed: install and uninstall repair" 0 $wrong
dead=0 wrong=0 n=1
matr loader install -q
while kill_at $n matr loader uninstall; do
	starts || dead=$((dead + 1))
	if [ $((n % 2)) -eq 0 ]; then
		{ matr loader uninstall -q && [ "$(loader_state)" = "$clean_state" ]; } || wrong=$((wrong + 1))
	fi
	{ matr loader install -q && [ "$(how /bin/true)" = applied ]; } || wrong=$((wrong + 1))
	n=$((n + (every + 4) / 5))
done
[ $n -gt 30 ] || wrong=999
equal "uninstall killed at every $(((every + 4) / 5)). of $n system calls: programs start" 0 $dead
equal "uninstall killed: uninstall and install repair" 0 $wrong
matr loader uninstall -q
uninstalled "after all that"

# ---- failures ----

head -c 20000 /usr/local/libexec/matr/ld-stable >"$T/truncated"
refuses "an ld-stable that is truncated" 'ld-stable' matr loader install --ld-stable "$T/truncated"
uninstalled "after a truncated one"
/usr/bin/python3 - "$T/broken" <<'EOF'
import struct, sys
data = bytearray(open("/usr/local/libexec/matr/ld-stable", "rb").read())
entry = struct.unpack_from("<Q", data, 24)[0]
data[entry : entry + 2] = b"\x0f\x0b"  # ud2
open(sys.argv[1], "wb").write(data)
EOF
refuses "an ld-stable that crashes: the self-test" 'self-test: .* killed' matr loader install --ld-stable "$T/broken"
uninstalled "after one that crashes"
check "starts after a failed install" starts
matr loader install -q
state=$(loader_state)
refuses "one that crashes, over a good one" 'self-test' matr loader install --ld-stable "$T/broken"
equal "the good one is still there" "$state" "$(loader_state)"
refuses "an ordinary user installs" 'ermission|denied|belongs|only root' su user -c 'matr loader install'
refuses "an ordinary user uninstalls" 'ermission|denied|cannot|only root' su user -c 'matr loader uninstall'
equal "neither changed anything" "$state" "$(loader_state)"
matr --prefix "$T/other" epoch begin -q sh
refuses "in a namespace of matr run" 'matr run' matr --prefix "$T/other" run matr loader uninstall

mv /var/lib/matr /var/lib/matr.gone
equal "the prefix is gone: plain starts" plain "$(how /bin/true)"
check "the prefix is gone: programs start" starts
mv /var/lib/matr.gone /var/lib/matr
chmod 777 /var/lib/matr
equal "others may write to the prefix: plain starts" plain "$(how /bin/true)"
chmod 755 /var/lib/matr
equal "the prefix is back" applied "$(how /bin/true)"

# The file at the loader's path needs no other code: whatever becomes of PREFIX/ld-stable, it is not read.
cp -p /var/lib/matr/ld-stable "$T/ld-stable.good"
bad_copy() # NAME, of what was done to it
{
	equal "$1: no matter" applied "$(how /bin/true)"
	check "$1: programs start" starts
	cp -p --remove-destination "$T/ld-stable.good" /var/lib/matr/ld-stable
}
cp /bin/ls /var/lib/matr/ld-stable
bad_copy "PREFIX/ld-stable overwritten with a program"
: >/var/lib/matr/ld-stable
bad_copy "empty"
truncate -s 30000 /var/lib/matr/ld-stable
bad_copy "truncated"
dd if=/dev/urandom of=/var/lib/matr/ld-stable bs=64 count=8 conv=notrunc status=none
bad_copy "its head is overwritten"
rm /var/lib/matr/ld-stable
bad_copy "gone"
chmod 777 /var/lib/matr/ld-stable
bad_copy "others may write to it"
chmod 700 /var/lib/matr/ld-stable
equal "a user may not read it: no matter" applied "$(su user -c 'LD_STABLE_DEBUG=1 /bin/true' 2>&1 | sed -n 's/^ld-stable: \([a-z]*\).*/\1/p')"
chmod 755 /var/lib/matr/ld-stable
unshare -m sh -c 'mount --bind /var/lib/matr /var/lib/matr && mount -o remount,bind,noexec /var/lib/matr &&
	LD_STABLE_DEBUG=1 /usr/bin/apt-get --version' >"$T/noexec" 2>&1
equal "the prefix is mounted noexec: no matter" "ld-stable: applied" "$(grep -o '^ld-stable: [a-z]*' "$T/noexec")"
check "and it is one that works" grep -q '^apt ' "$T/noexec"
equal "it is as it was" applied "$(how /bin/true)"

real=$(realpath /lib64/matr-original.so)
"$T/starter" >/dev/null & # something static that lives on
starter=$!
mv "$real" "$real.gone"
check "the real ld.so is gone: programs start by the copy in matr-ld.so" starts
equal "status says so" "not to be found" "$(matr loader status --format json | grep -o 'not to be found')"
refuses "uninstall would leave nothing" 'ld.so|dynamic linker' matr loader uninstall
mv "$real.gone" "$real"
kill $starter
cp -p "$real" "$T/ld.so"
touch "$real"
check "the real ld.so has another time" starts
equal "it is used, and the mapping too" applied "$(how /bin/true)"
touch -r "$T/ld.so" "$real"

rm /lib64/matr-original.so
equal "the original's name is gone: status says so" "is missing" \
	"$(matr loader status --format json | grep -o 'is missing')"
check "install makes it again" matr loader install
check "it is there" test -L /lib64/matr-original.so
rm /lib64/matr-original.so
check "uninstall without it" matr loader uninstall
equal "leads to the real one" "$real" "$(realpath $LOADER)"
check "programs start" starts
rm -f /lib64/ld-linux.saved
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$T/link"
touch -h -d '2024-01-01' "$T/link"
mv "$T/link" $LOADER
clean_state=$(loader_state)

# ---- the loader path is the real ld.so itself, as on other distributions ----

cp -p "$real" "$T/ld.so"
touch -d '2024-02-02' "$T/ld.so"
mv "$T/ld.so" $LOADER
clean_state=$(loader_state)
check "a regular file at the loader path: install" matr loader install
check "programs start" starts
check "epoch begin" matr epoch begin -q
equal "from their mapping" applied "$(how /bin/true)"
check "install again" matr loader install
dead=0 wrong=0 n=3
while kill_at $n matr loader uninstall; do
	starts || dead=$((dead + 1))
	{ matr loader install -q && [ "$(how /bin/true)" = applied ]; } || wrong=$((wrong + 1))
	n=$((n + every))
done
equal "uninstall killed: programs start" 0 $dead
equal "uninstall killed: install repairs" 0 $wrong
check "uninstall" matr loader uninstall
uninstalled "a regular file at the loader path"
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$T/link"
mv "$T/link" $LOADER
clean_state=$(loader_state)

# ---- rescue ----

matr loader install -q
check "matr-rescue status" matr-rescue status
head -c 3000 /dev/urandom >/lib64/matr-ld.so.bad
chmod 755 /lib64/matr-ld.so.bad
mv /lib64/matr-ld.so.bad /lib64/matr-ld.so
if /bin/true 2>/dev/null; then dead=no; else dead=yes; fi
equal "matr-ld.so overwritten: no program starts" yes $dead
matr-rescue
equal "matr-rescue: its exit status" 0 $?
check "programs start again" starts
equal "the original is back" "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$(readlink $LOADER)"
check "install after a rescue" matr loader install
check "uninstall after a rescue" matr loader uninstall
uninstalled "after a rescue"
matr loader install -q
: >/lib64/matr-ld.so.bad
mv /lib64/matr-ld.so.bad /lib64/matr-ld.so
rm /lib64/matr-original.so 2>/dev/null || matr-rescue >/dev/null 2>&1
check "rescue of an empty matr-ld.so" starts
matr loader uninstall -q
unshare -m -p -f sh -c "
	mount -t tmpfs t /mnt && mkdir -p /mnt/lib64 /mnt/usr/lib/x86_64-linux-gnu /mnt/sbin /mnt/proc &&
	cp $real /mnt/usr/lib/x86_64-linux-gnu/ && ln -s matr-ld.so /mnt/lib64/ld-linux-x86-64.so.2 &&
	echo broken >/mnt/lib64/matr-ld.so && cp /usr/local/sbin/matr-rescue /mnt/sbin/ &&
	mkdir /mnt/bin && cp /bin/sh /mnt/bin/ && cp /lib/x86_64-linux-gnu/libc.so.6 /mnt/usr/lib/x86_64-linux-gnu/ &&
	ln -s usr/lib /mnt/lib && printf '#!/bin/sh\necho init has started\n' >/mnt/sbin/init && chmod 755 /mnt/sbin/init &&
	exec chroot /mnt /sbin/matr-rescue" >"$T/init" 2>&1
sed 's/^/# /' "$T/init"
check "as process 1 it repairs, and goes on as init" grep -q 'init has started' "$T/init"

# ---- an upgrade of libc6 ----

if [ -n "${MATR_TEST_APT-1}" ]; then
	matr loader install -q
	matr epoch begin -q
	check "libc6 is installed again in mid-epoch" apt-get install -y -q --reinstall libc6
	check "programs start" starts
	equal "a package has put its own loader back" displaced "$(matr loader status --format json | jq -r .state)"
	check "refresh" matr loader refresh
	check "programs start" starts
	equal "it is installed again" installed "$(matr loader status --format json | jq -r .state)"
	check "uninstall restores dpkg's link" matr loader uninstall
	equal "it does" "$shipped" "$(readlink $LOADER)"
	other=$(apt-cache madison libc6 | awk '{ print $3 }' | grep -vx "$(dpkg-query -W -f '${Version}' libc6)" | head -n 1)
	if [ -n "$other" ]; then
		matr loader install -q
		matr epoch begin -q
		check "another version of libc6 in mid-epoch: $other" apt-get install -y -q --allow-downgrades \
			libc6="$other" libc-bin="$other" libc6-dev="$other" libc-dev-bin="$other"
		check "programs start" starts
		matr loader refresh -q
		check "programs start by ld-stable" starts
		equal "the old epoch's mappings are not used" plain "$(how /bin/true)"
		check "the next epoch" matr epoch begin -q
		equal "its are" applied "$(how /bin/true)"
		check "and back" apt-get install -y -q libc6 libc-bin libc6-dev libc-dev-bin
		check "programs start" starts
		check "uninstall" matr loader uninstall
		# dpkg by itself, and no hook: nothing of MatR takes part.
		matr loader install -q
		libc=$(dpkg-query -W -f '${Version}' libc6)
		for version in "$other" "$libc"; do
			mkdir "$T/$version"
			(cd "$T/$version" && apt-get download -q {libc6,libc-bin,libc6-dev,libc-dev-bin}="$version" >/dev/null 2>&1)
			matr epoch begin -q
			check "bare dpkg: libc6 $version in mid-epoch" dpkg -i --auto-deconfigure "$T/$version"/*.deb
			equal "it is that version" "$version" "$(dpkg-query -W -f '${Version}' libc6)"
			check "programs start" starts
			matr loader refresh -q
			equal "by ld-stable, plainly" plain "$(how /bin/true)"
			check "the next epoch" matr epoch begin -q
			equal "from its mapping" applied "$(how /bin/true)"
		done
		check "uninstall" matr loader uninstall
	else
		echo "# no other version of libc6 is to be had"
	fi
fi
finish
