#!/usr/bin/env bash
# identity.sh - a mapping belongs to a file: no other file gets it, by whatever name, copy or mount it is reached.
#
# There are two versions of a library and of a program, which differ in what they print. Build-ids, sizes and modification
# times are the same, since none of these tells files apart.
#
#	identity.sh [CASE]...   all cases, or some
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh source=../../lib/build.sh
# shellcheck disable=SC2317,SC2016 # cases are called by name; $ORIGIN is ld.so's
set -eu
# For cases that mount: nothing is to be seen from outside.
if [ "$(id -u)" -eq 0 ] && [ -z "${MATR_TEST_NAMESPACE:-}" ] && unshare -m true 2>/dev/null; then
	MATR_TEST_NAMESPACE=1 exec unshare -m "$0" "$@"
fi
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/build.sh"

FLAGS=('-Wl,--build-id=0x0123456789abcdef' '-Wl,-z,now')
MAPPED='applied objects='
P=$T/place # where programs look for the library
for v in 1 2; do
	mkdir "$T/lib$v"
	library "$T/lib$v/libv.so" "${FLAGS[@]}" <<<"int value = $v; static int *pointer = &value; int get(void) { return *pointer; }"
	for path in "$P/lib" '$ORIGIN/../lib' /lib; do
		name=program$v
		case $path in \$*) name=origin$v ;; /lib) name=tree$v ;; esac
		RUN_PATH=$path program $name "${FLAGS[@]}" -L"$T/lib1" -lv <<-C
		#include <stdio.h>
		int get(void);
		int (*const function)(void) = get;
		int number = $v;
		int *numbers[] = {&number};
		int main(void) { printf("program %d, library %d\n", *numbers[0], function()); return 3; }
		C
	done
done
touch -d 2020-02-02 "$T"/lib?/* "$T"/bin/*
equal "the versions are alike in size" "$(stat -c %s "$T/lib1/libv.so" "$T/bin/program1")" \
	"$(stat -c %s "$T/lib2/libv.so" "$T/bin/program2")"

before_case()
{
	end
	rm -rf "$P"
	version 1
}

# version N: the program and the library of that version, each a new file.
version()
{
	mkdir -p "$P/lib" "$P/bin"
	place 1 "$1" bin/program
	place 1 "$1" lib/libv.so
}

# place N M FILE: FILE of version M, as a new file, in the place of the other.
place()
{
	case $3 in bin/*) cp -p "$T/bin/program$2" "$P/new" ;; lib/*) cp -p "$T/lib$2/libv.so" "$P/new" ;; esac
	mv "$P/new" "$P/$3"
}

# says NAME PROGRAM LIBRARY: the last run without MatR printed these versions, so that the comparison says something.
says() { equal "$1: which versions run" "program $2, library $3" "$(cat "$T/plain.out")"; }

case_replaced()
{
	check "epoch begin" begin "$P/bin/program"
	same "as it was" "$P/bin/program"
	says "as it was" 1 1
	place 1 2 lib/libv.so
	same_plain "the library is replaced" 'not the recorded file' "$P/bin/program"
	says "the library is replaced" 1 2
	check "verify says that it does not compare" sh -c "! '$MATR' verify $P/bin/program >$T/verify 2>&1"
	check "... and why" grep -q 'not compared.*libv.so' "$T/verify"
	check "status names the library" sh -c "'$MATR' epoch status | grep -q 'libv.so: '"
	version 1
	begin "$P/bin/program"
	place 1 2 bin/program
	same_plain "the program is replaced" 'no entry' "$P/bin/program"
	says "the program is replaced" 2 1
	check "verify does not compare another program" sh -c "! '$MATR' verify $P/bin/program >$T/verify 2>&1"
}

case_rewritten()
{
	begin "$P/bin/program"
	cat "$T/lib2/libv.so" >"$P/lib/libv.so" # the same inode
	touch -d 2020-02-02 "$P/lib/libv.so"
	same_plain "the library is written anew, its time set back" 'not the recorded file' "$P/bin/program"
	says "the library is written anew" 1 2
	check "status names it" sh -c "'$MATR' epoch status | grep -q 'libv.so: '"
	version 1
	begin "$P/bin/program"
	cat "$T/bin/program2" >"$P/bin/program"
	touch -d 2020-02-02 "$P/bin/program"
	same_plain "the program is written anew, its time set back" 'no entry' "$P/bin/program"
	says "the program is written anew" 2 1
}

# Another file may get the number of the inode that is gone.
case_inode_reused()
{
	begin "$P/bin/program"
	rm "$P/bin/program" "$P/lib/libv.so"
	cp -p "$T/bin/program2" "$P/bin/program"
	cp -p "$T/lib2/libv.so" "$P/lib/libv.so"
	same_plain "removed and made again" '' "$P/bin/program"
	says "removed and made again" 2 2
}

case_names()
{
	ln "$P/bin/program" "$P/bin/hard"
	ln -s program "$P/bin/symbolic"
	begin "$P/bin/program"
	same "a hard link to the program" "$P/bin/hard"
	same "a symbolic link to the program" "$P/bin/symbolic"
	cp -p "$P/bin/program" "$P/bin/copy"
	same_plain "a copy of the program" 'no entry' "$P/bin/copy"
	cp -p --reflink=auto "$T/bin/program2" "$P/bin/copy"
	same_plain "a copy of the other version" 'no entry' "$P/bin/copy"
	says "a copy of the other version" 2 1
	begin "$P/bin/program" "$P/bin/copy"
	same "both versions in one epoch: the first" "$P/bin/program"
	same "both versions in one epoch: the second" "$P/bin/copy"
	says "both versions in one epoch" 2 1
	ln "$P/bin/program" "$P/bin/another"
	same_plain "one link more: the inode has changed" 'no entry' "$P/bin/program"
}

# One inode, which finds another library by each of its names.
case_origin()
{
	mkdir -p "$P/other/bin" "$P/other/lib"
	cp -p "$T/bin/origin1" "$P/bin/origin"
	ln "$P/bin/origin" "$P/other/bin/origin"
	cp -p "$T/lib2/libv.so" "$P/other/lib"
	begin "$P/bin/origin"
	same "\$ORIGIN, by the recorded name" "$P/bin/origin"
	same_plain "\$ORIGIN, by another name of the same inode" 'at this path' "$P/other/bin/origin"
	says "\$ORIGIN, by another name" 1 2
	begin "$P/bin/origin" "$P/other/bin/origin"
	same "\$ORIGIN, both names in one epoch: the first" "$P/bin/origin"
	same "\$ORIGIN, both names in one epoch: the second" "$P/other/bin/origin"
	says "\$ORIGIN, both names in one epoch" 1 2
}

# Times that differ alone do not make another file, but only a begin compares contents.
case_touched()
{
	begin "$P/bin/program"
	touch "$P/lib/libv.so"
	same_plain "the library is touched" 'not the recorded file' "$P/bin/program"
	check "verify does not compare what would not be mapped" sh -c "! '$MATR' verify $P/bin/program >$T/verify 2>&1"
	check "... and says why" grep -q 'not compared.*libv.so' "$T/verify"
	begin "$P/bin/program"
	same "the library is touched, and another epoch has begun" "$P/bin/program"
	chmod 700 "$P/lib/libv.so"
	same_plain "the library's mode is changed" 'not the recorded file' "$P/bin/program"
	check "status names it" sh -c "'$MATR' epoch status | grep -q 'libv.so: '"
}

needs_mounts()
{
	[ -n "${MATR_TEST_NAMESPACE:-}" ] || skip "$1" "needs root, and a mount namespace"
	[ -n "${MATR_TEST_NAMESPACE:-}" ]
}

case_bind_mounts()
{
	needs_mounts "bind mounts" || return 0
	begin "$P/bin/program"
	mkdir "$P/view"
	mount --bind "$P/bin" "$P/view"
	same "the program through a bind mount" "$P/view/program"
	umount "$P/view"
	mount --bind "$T/lib2/libv.so" "$P/lib/libv.so"
	same_plain "another library is mounted in the library's place" 'not the recorded file' "$P/bin/program"
	says "another library is mounted" 1 2
	umount "$P/lib/libv.so"
	mount --bind "$T/bin/program2" "$P/bin/program"
	same_plain "another program is mounted in the program's place" 'no entry' "$P/bin/program"
	says "another program is mounted" 2 1
	umount "$P/bin/program"
	same "all as before" "$P/bin/program"
}

# A file's device number is that of its layer or of the whole, its inode may be another when it is written to.
case_overlay()
{
	needs_mounts "overlay file systems" || return 0
	mkdir "$T/lower" "$T/upper"
	mount -t tmpfs none "$T/upper" # not the lower file system
	mkdir "$T/upper/upper" "$T/upper/work" "$T/upper/upper2" "$T/upper/work2"
	if ! mount -t overlay -o "lowerdir=$P,upperdir=$T/upper/upper,workdir=$T/upper/work" none "$T/lower" 2>/dev/null; then
		umount "$T/upper"
		skip "overlay file systems" "cannot be mounted here"
		return
	fi
	mount --move "$T/lower" "$P"
	begin "$P/bin/program"
	same "on an overlay" "$P/bin/program"
	touch -a -d 2020-02-02 "$P/lib/libv.so" # to the upper layer
	same_plain "the library goes to the upper layer" 'not the recorded file' "$P/bin/program"
	place 1 2 lib/libv.so
	same_plain "another library in the upper layer" 'not the recorded file' "$P/bin/program"
	says "another library in the upper layer" 1 2
	begin "$P/bin/program"
	same "an epoch with files of both layers" "$P/bin/program"
	says "an epoch with files of both layers" 1 2
	umount -l "$P"
	same_plain "without the overlay" '' "$P/bin/program"
	says "without the overlay" 1 1
	# Another overlay over the same files: they may have the same numbers in both
	mount -t overlay -o "lowerdir=$P,upperdir=$T/upper/upper2,workdir=$T/upper/work2" none "$T/lower" && mount --move "$T/lower" "$P"
	begin "$P/bin/program"
	umount -l "$P"
	rm -rf "$T/upper/upper2" "$T/upper/work2"
	mkdir "$T/upper/upper2" "$T/upper/work2"
	version 2
	mount -t overlay -o "lowerdir=$P,upperdir=$T/upper/upper2,workdir=$T/upper/work2" none "$T/lower" && mount --move "$T/lower" "$P"
	same_plain "another overlay over other files" '' "$P/bin/program"
	says "another overlay over other files" 2 2
	umount -l "$P" "$T/upper"
}

# A file system in memory, mounted again: devices and inodes get the same numbers.
case_tmpfs()
{
	needs_mounts "tmpfs" || return 0
	local v
	for v in 1 2; do
		mount -t tmpfs none "$P"
		version $v
		if [ $v = 1 ]; then
			begin "$P/bin/program"
			same "on tmpfs" "$P/bin/program"
			umount "$P"
		fi
	done
	same_plain "on another tmpfs" '' "$P/bin/program"
	says "on another tmpfs" 2 2
	umount "$P"
}

# A tree and its copies, in which files are known by size and content.
case_portable()
{
	needs_mounts "portable epochs" || return 0
	local R=$T/tree file loader=/lib64/ld-linux-x86-64.so.2
	mkdir -p "$R"/{bin,lib,lib64,etc,proc,var/lib} "$R/usr/bin"
	for file in /bin/true $(ldd /bin/true | grep -o '/[^ ]*'); do
		mkdir -p "$R${file%/*}"
		cp -L "$file" "$R$file"
	done
	cp -p "$T/bin/tree1" "$R/usr/bin/program"
	cp -p "$T/lib1/libv.so" "$R/lib/"
	large "$R/usr/bin/large"
	check "epoch begin --root" "$MATR" --prefix /var/lib/matr epoch begin --only --root "$R"
	cp -a "$R" "$T/copy"
	mv "$T/copy$loader" "$T/copy/lib/real-ld.so"
	cp "$R/var/lib/matr/interpreter" "$T/copy$loader"
	mount -t proc proc "$T/copy/proc"
	in_copy "in a copy of the tree" "$MAPPED" program
	in_copy "a large program in a copy" "$MAPPED" large
	cp -p "$T/lib2/libv.so" "$T/copy/lib/libv.so"
	in_copy "another library of the same size and build-id" 'plain start: .*content' program
	cp -p "$T/lib1/libv.so" "$T/copy/lib/libv.so"
	cp -p "$T/bin/tree2" "$T/copy/usr/bin/program"
	in_copy "another program that binds alike, with its own data" "$MAPPED" program
	sed -i 's/libv.so/libw.so/' "$T/copy/usr/bin/program" && cp -p "$T/lib2/libv.so" "$T/copy/lib/libw.so"
	in_copy "another program, which needs another library" 'plain start: no entry' program
	small "$T/copy/usr/bin/large" "$(stat -c %s "$R/usr/bin/large")"
	in_copy "another program, in which nothing is where the recorded one has symbols" 'plain start: no entry' large
	umount "$T/copy/proc"
}

# in_copy NAME PATTERN PROGRAM: as with the tree's own ld.so.
in_copy()
{
	capture plain chroot "$T/copy" /lib/real-ld.so "/usr/bin/$3"
	capture matr env LD_STABLE_DEBUG=1 chroot "$T/copy" "/usr/bin/$3"
	heard matr
	expect "$1" "$2"
}

# A program with many symbols, and one of the same size and build-id with none.
large()
{
	{
		seq -f 'int a_function_with_a_long_name_%04g(void) { return 0; }' 2000
		echo 'int puts(const char *); int main(void) { puts("large"); return 4; }'
	} | "$CC" -x c -rdynamic "${FLAGS[@]}" -o "$1" -
}

small()
{
	echo 'int puts(const char *); int main(void) { puts("small"); return 5; }' | "$CC" -x c "${FLAGS[@]}" -o "$1" -
	truncate -s "$2" "$1"
}

run_cases "$@"
