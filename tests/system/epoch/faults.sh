#!/usr/bin/env bash
# faults.sh - what goes wrong in an epoch: libraries replaced, images damaged or not to be trusted,
# stores lost, disks full, `epoch begin` killed. Programs run as without MatR, the next `epoch begin`
# works, and matr says in one line what is wrong.
#
# MATR_TEST_KILLS=N: kill `epoch begin` N times (default 5; the slow suite takes 25).
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

PLAIN='plain start: '
V=$T/victim
mkdir -p "$V/one" "$V/two"
cat >"$V/library.c" <<'END'
#include <stdio.h>
int data[] = VALUES;
int *pointers[] = {data, data + 1, &data[2]};
#ifdef MORE
int (*more)(const char *) = puts;
#endif
int call(int n) { return *pointers[n % 3] + (int)(sizeof data / sizeof data[0]); }
END
cat >"$V/main.c" <<'END'
#include <stdio.h>
extern int data[], *pointers[];
int call(int n);
static int (*const table[])(int) = {call};
int main(void) { printf("%d %d %d\n", table[0](1), data[2], pointers[0] == data); return 3; }
END
library() # FILE VALUES FLAGS...
{
	local out=$1 values=$2
	shift 2
	"$CC" -O1 -fPIC -shared -o "$out" "$V/library.c" "-DVALUES={$values}" -Wl,-soname,libvictim.so "$@"
}
library "$V/first.so" 1,2,3
library "$V/second.so" 4,5,6
library "$V/larger.so" 7,8,9,10 -DMORE=1
library "$V/noid.so" 1,2,3 -Wl,--build-id=none
library "$V/noid2.so" 4,5,6 -Wl,--build-id=none
restore()
{
	rm -f "$V"/one/* "$V"/two/*
	cp "$V/first.so" "$V/one/libvictim.so"
}
restore
"$CC" -O1 -fPIE -pie -o "$V/program" "$V/main.c" -L"$V/one" -lvictim -Wl,-rpath,"$V/one:$V/two"
P=$V/program

# again NAME: end the epoch, begin the next one, and the mapping is applied again.
again()
{
	check "$1: the next epoch begin works" begin "$P" /bin/bash
	same "$1: the program in the next epoch" "$P"
}
image()
{
	find "$MATR_PREFIX" -type f -exec sh -c '[ "$(head -c 8 "$1" | tr -d "\0")" = MATRXIMG ]' _ {} \; -print |
		head -n 1
}

put_back()
{
	rm -rf "$IMAGE"
	cp -p "$T/image" "$IMAGE"
}
# wrong NAME: `matr epoch status` says in one line what is wrong.
wrong()
{
	capture line timeout 120 "$MATR" epoch status
	cat "$T/line.out" >>"$T/line.err"
	if [ "$(cat "$T/line.status")" -eq 1 ] && [ "$(grep -c "${2:-image\|prefix}" "$T/line.err")" -ge 1 ]; then
		ok "$1: matr epoch status says what is wrong"
	else
		not_ok "$1: matr epoch status says what is wrong" "$T/line.status" "$T/line.err"
	fi
}
# damaged NAME: the program runs, after a plain start; matr says so.
damaged()
{
	same_unapplied "$1" "$P"
	wrong "$1"
}
flip() # OFFSET: invert one byte
{
	/usr/bin/python3 - "$IMAGE" "$1" <<'END'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 0xff]))
END
}
store_files()
{
	find "$MATR_PREFIX" -type f -exec sh -c 'head -c 15 "$1" | grep -q "SQLite format 3"' _ {} \; -print
}
now()
{
	date +%s%N
}
BIG=/usr/bin/gdb
[ -x /usr/bin/clang ] && BIG=/usr/bin/clang
before_case()
{
	restore
	begin "$P" /bin/bash
}

case_libraries()
{
	check "epoch begin" begin "$P" /bin/bash
	same "before anything goes wrong" "$P"

	cp "$V/second.so" "$V/one/new"
	mv "$V/one/new" "$V/one/libvictim.so"
	same_plain "a library replaced by rename" '' "$P"
	again "a library replaced by rename"
	cat "$V/first.so" >"$V/one/libvictim.so"
	same_plain "a library overwritten in place" '' "$P"
	again "a library overwritten in place"
	touch -r "$V/one/libvictim.so" "$T/stamp"
	cat "$V/second.so" >"$V/one/libvictim.so"
	touch -r "$T/stamp" "$V/one/libvictim.so"
	same_plain "a library overwritten in place, same size and time" '' "$P"
	again "a library overwritten in place, same size and time"
	cat "$V/larger.so" >"$V/one/libvictim.so"
	same_plain "a library replaced by a larger one" '' "$P"
	cp "$V/noid.so" "$V/one/new"
	mv "$V/one/new" "$V/one/libvictim.so"
	same_plain "a library replaced by one without build-id" '' "$P"
	again "a library without build-id"
	cat "$V/noid2.so" >"$V/one/libvictim.so"
	same_plain "a library without build-id overwritten in place" '' "$P"
	restore
	again "a library restored"
	rm "$V/one/libvictim.so"
	same_plain "a library removed" '' "$P"
	cp "$V/second.so" "$V/two/libvictim.so"
	same_plain "a library moved to another directory of the search path" '' "$P"
	rm -r "$V/one"
	same_plain "a directory of the search path removed" '' "$P"
	mkdir "$V/one"
	restore
	again "a directory restored"
	mv "$V/one/libvictim.so" "$V/one/libother.so"
	ln -s libother.so "$V/one/libvictim.so"
	same_any "a library turned into a symbolic link to itself" "$P"
	again "a library behind a symbolic link"
	cp "$V/second.so" "$V/two/libtarget.so"
	ln -sf "$V/two/libtarget.so" "$V/one/libvictim.so"
	same_plain "a symbolic link pointed elsewhere" '' "$P"
	restore
	begin "$P" /bin/bash
	head -c 2000 "$V/first.so" >"$V/one/new"
	mv "$V/one/new" "$V/one/libvictim.so"
	same_plain "a library replaced by a truncated one" '' "$P"
	: >"$V/one/libvictim.so"
	same_plain "a library replaced by an empty file" '' "$P"
	restore
	begin "$P" /bin/bash
	cp "$P" "$V/kept"
	"$CC" -O0 -fPIE -pie -o "$P" "$V/main.c" -DUNUSED=1 -g -L"$V/one" -lvictim -Wl,-rpath,"$V/one:$V/two"
	same_plain "the application itself replaced" '' "$P"
	mv "$V/kept" "$P"
	same "another application is not affected" /bin/bash -c 'type cd'

	if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
		mkdir -p "$T/upper" "$T/workdir"
		begin "$P" /bin/bash
		cat >"$T/preload.sh" <<END
mount -t tmpfs none "$T/upper" && mkdir "$T/upper/u" "$T/upper/w" || exit 77
mount -t overlay overlay -o lowerdir=/etc,upperdir="$T/upper/u",workdir="$T/upper/w" /etc || exit 77
echo "$V/second.so" >/etc/ld.so.preload
export LD_STABLE_DEBUG=1
"$MATR" run "$P"
END
		status=0
		unshare -m sh "$T/preload.sh" >"$T/preload.out" 2>"$T/preload.err" || status=$?
		if [ $status -eq 77 ]; then
			skip "/etc/ld.so.preload appears" "no overlay file system here"
		elif grep -q "ld-stable: $PLAIN" "$T/preload.err" && grep -q '^8 6' "$T/preload.out"; then
			ok "/etc/ld.so.preload appears: plain start, the library is preloaded"
		else
			not_ok "/etc/ld.so.preload appears: plain start, the library is preloaded" \
				"$T/preload.out" "$T/preload.err"
		fi
	else
		skip "/etc/ld.so.preload appears" "needs root"
	fi
}

case_image()
{
	begin "$P" /bin/bash
	IMAGE=$(image)
	check "the epoch image is in the prefix" [ -n "$IMAGE" ]
	cp -p "$IMAGE" "$T/image"
	size=$(stat -c %s "$T/image")
	for bytes in 0 1 64 80 $((size / 2)) $((size - 8)) $((size - 1)); do
		put_back
		truncate -s "$bytes" "$IMAGE"
		damaged "image truncated to $bytes of $size bytes"
	done
	put_back
	printf 'more' >>"$IMAGE"
	damaged "image with bytes at its end"
	put_back
	head -c "$size" /dev/urandom >"$T/random"
	cat "$T/random" >"$IMAGE"
	damaged "image of random bytes"
	put_back
	head -c "$size" /dev/zero >"$T/zeros"
	cat "$T/zeros" >"$IMAGE"
	damaged "image of zeros"
	put_back
	for offset in $(seq 0 3 63); do
		put_back
		flip "$offset"
		damaged "header byte $offset flipped"
	done
	"$HERE/../../lib/epoch_image.py" manifests "$T/image" |
		while read -r manifest length; do
			step=$((length / 8 > 0 ? length / 8 : 1))
			seq -s ' ' "$manifest" "$step" $((manifest + length - 1))
		done >"$T/manifests"
	# Both programs' manifests at once, so that it does not matter whose is whose.
	for column in 1 2 3 4 5 6 7 8; do
		put_back
		cut -d ' ' -f $column "$T/manifests" | while read -r offset; do
			flip "$offset"
		done
		damaged "manifest byte flipped, part $column"
	done
	put_back
	flip $((size - 20))
	wrong "a flipped byte in bulk data"
	put_back
	rm "$IMAGE"
	damaged "image removed"
	mkdir "$IMAGE"
	damaged "a directory for an image"
	rmdir "$IMAGE"
	mkfifo "$IMAGE"
	damaged "a FIFO for an image"
	rm "$IMAGE"
	ln -s "$T/no-such" "$IMAGE"
	damaged "a dangling symbolic link for an image"
	put_back
	same "image put back" "$P"

	if [ "$(id -u)" -eq 0 ]; then
		chown 12345 "$IMAGE"
		damaged "image owned by somebody else"
		put_back
		chown 12345 "$MATR_PREFIX"
		damaged "prefix owned by somebody else"
		chown 0 "$MATR_PREFIX"
	fi
	for mode in 664 646 666; do
		chmod $mode "$IMAGE"
		damaged "image with mode $mode"
		put_back
	done
	for mode in 775 757 777; do
		chmod $mode "$MATR_PREFIX"
		damaged "prefix with mode $mode"
		chmod 755 "$MATR_PREFIX"
	done
	chmod 777 "$T"
	damaged "a directory above the prefix with mode 777"
	chmod 755 "$T"
	same "modes put back" "$P"
	again "a damaged image"
}

# what else is in the prefix
case_prefix()
{
	for file in "$MATR_PREFIX/ld-stable" "$MATR_PREFIX/ld.so"; do
		[ -e "$file" ] || continue
		mv "$file" "$T/moved"
		same_any "${file##*/} removed from the prefix" "$P"
		[ -e "$file" ] || mv "$T/moved" "$file"
		echo garbage >"$T/garbage"
		cp "$file" "$T/moved"
		cat "$T/garbage" >"$file"
		capture plain "$P"
		capture_matr matr "$P"
		if alike || [ "$(wc -l <"$T/matr.err")" -eq 1 ]; then
			ok "${file##*/} replaced by garbage: the program runs, or one line says why not"
		else
			explain_difference
			not_ok "${file##*/} replaced by garbage: the program runs, or one line says why not" \
				"$T/difference"
		fi
		cat "$T/moved" >"$file"
	done
	begin "$P" /bin/bash
}

case_store()
{
	STORE=$(store_files | head -n 1)
	check "the store is in the prefix" [ -n "$STORE" ]
	rm -f "$STORE" "$STORE-wal" "$STORE-shm"
	same "store deleted: the image still serves" "$P"
	wrong "store deleted" store
	again "store deleted"
	head -c 20000 /dev/urandom >"$T/random"
	for what in random truncated emptied; do
		case $what in
		random) cat "$T/random" >"$STORE" ;;
		truncated) truncate -s 5000 "$STORE" ;;
		emptied) : >"$STORE" ;;
		esac
		rm -f "$STORE-wal" "$STORE-shm"
		same "store $what: the image still serves" "$P"
		wrong "store $what" store
		capture line "$MATR" epoch end
		capture line "$MATR" epoch begin --only "$P" /bin/bash
		if [ "$(cat "$T/line.status")" -ne 0 ]; then
			one_line "store $what: epoch begin says what is wrong" '!0' "$MATR" epoch begin --only "$P"
			rm -f "$STORE" "$STORE-wal" "$STORE-shm"
		fi
		again "store $what"
	done
}

# states that are not faults
case_commands()
{
	"$MATR" epoch end >/dev/null
	one_line "epoch end without an epoch" '!0' "$MATR" epoch end
	same_any "after epoch end" "$P"
	capture line "$MATR" epoch begin --only --jobs 0
	check "epoch begin with no jobs: a usage error" [ "$(cat "$T/line.status")" -eq 2 ]
	one_line "a prefix that cannot be made" '!0' env MATR_PREFIX=/proc/no "$MATR" epoch begin --only "$P"
	begin "$P" /bin/bash
	check "epoch begin in an epoch takes its place" "$MATR" epoch begin --only "$P" /bin/bash
	same "and is in force" "$P"
	"$MATR" epoch end >/dev/null
	for i in 1 2 3 4; do
		"$MATR" epoch begin --only "$P" /bin/bash >"$T/parallel.$i" 2>&1 </dev/null &
		pids[i]=$!
	done
	succeeded=0
	for i in 1 2 3 4; do
		status=0
		wait "${pids[i]}" || status=$?
		[ $status -ne 0 ] || succeeded=$((succeeded + 1))
		[ $status -lt 2 ] || succeeded=-100
	done
	check "four at once: each begins an epoch or says why not" [ $succeeded -ge 1 ]
	same "four at once: the program" "$P"
}

# a full disk
case_disk_full()
{
	if unshare -m true 2>/dev/null; then
		cat >"$T/full.sh" <<'END'
# In a private mount namespace: the prefix on a file system of $SIZE.
set -u
mount -t tmpfs -o "size=$SIZE,mode=755" none "$MATR_PREFIX" || exit 99
"$MATR" epoch begin --only "$BIG" "$P" >"$T/full.out" 2>"$T/full.err"
echo "begin $?"
wc -l <"$T/full.err" | sed 's/^/lines /'
"$MATR" run "$P" >/dev/null 2>&1
echo "run $?"
"$MATR" epoch status >/dev/null 2>&1
find "$MATR_PREFIX" -type f | sed "s|^$MATR_PREFIX/|left |"
mount -o remount,size=300m "$MATR_PREFIX" || exit 99
"$MATR" epoch end >/dev/null 2>&1
"$MATR" epoch begin --only "$BIG" "$P" >/dev/null 2>"$T/next.err"
echo "next $?"
LD_STABLE_DEBUG=1 "$MATR" run "$P" 2>&1 >/dev/null | head -n 1
END
		export BIG P MATR T
		mkdir -p "$MATR_PREFIX"
		failed_begins=0
		for SIZE in 4k 64k 256k 1m 2m 3m; do
			export SIZE
			unshare -m bash "$T/full.sh" >"$T/full" 2>&1 || :
			if grep -q '^begin 0' "$T/full"; then
				echo "# epoch begin fits into $SIZE"
				continue
			fi
			failed_begins=$((failed_begins + 1))
			if grep -q '^lines 1$' "$T/full" && grep -q '^run 3$' "$T/full" &&
				grep -q '^next 0$' "$T/full" && grep -q 'ld-stable: applied' "$T/full"; then
				ok "disk full at $SIZE: one line, the program runs, the next epoch begin works"
			else
				not_ok "disk full at $SIZE: one line, the program runs, the next epoch begin works" \
					"$T/full" "$T/full.err" "$T/next.err"
			fi
		done
		check "the disk was full at least twice" [ $failed_begins -ge 2 ]
	else
		skip "a full disk" "no mount namespaces"
	fi
}

# killed_after NANOSECONDS: returns 1 if the begin had ended before.
killed_after()
{
	local pid status=0
	[ $((i % 3)) -ne 0 ] || rm -rf "$MATR_PREFIX" # from nothing too
	"$MATR" epoch begin --only "$BIG" "$P" >/dev/null 2>&1 </dev/null &
	pid=$!
	sleep "$(printf '%d.%09d' $(($1 / 1000000000)) $(($1 % 1000000000)))"
	kill -9 $pid 2>/dev/null || :
	wait $pid 2>/dev/null || status=$?
	[ $status -eq 137 ] && killed=$((killed + 1))
}

# kill -9
case_killed()
{
	end
	rm -rf "$MATR_PREFIX"
	begin "$BIG" "$P"
	find "$MATR_PREFIX" | sed 's/epoch\.[0-9]*\.image/epoch.ID.image/' | sort >"$T/files.clean"
	end
	from=$(now)
	begin "$BIG" "$P"
	took=$(($(now) - from))
	end
	KILLS=${MATR_TEST_KILLS:-5}
	killed=0
	for i in $(seq "$KILLS"); do
		delay=$((took * i / (KILLS + 1)))
		until killed_after $delay; do # it was quicker this time
			delay=$((delay / 2))
			[ $delay -gt 1000000 ] || break
		done
		same_any "epoch begin killed, $i of $KILLS: the program runs" "$P"
		capture line "$MATR" epoch status
		if [ "$(cat "$T/line.status")" -lt 126 ] && [ "$(wc -l <"$T/line.err")" -le 1 ]; then
			ok "epoch begin killed, $i of $KILLS: epoch status"
		else
			not_ok "epoch begin killed, $i of $KILLS: epoch status" "$T/line.err"
		fi
		again "epoch begin killed, $i of $KILLS"
		end
	done
	check "all were killed in time" [ $killed -eq "$KILLS" ]
	begin "$BIG" "$P"
	find "$MATR_PREFIX" | sed 's/epoch\.[0-9]*\.image/epoch.ID.image/' | sort >"$T/files.after"
	check "nothing is left behind by those killed" diff "$T/files.clean" "$T/files.after"
}

run_cases "$@"
