#!/usr/bin/env bash
# limits.sh - starts under limits, and while what they need is changed: output and status are as without MatR.
#
# Each case starts two programs, one in shared and one in random placement; each loads a plugin that is recorded. What ld-stable
# says of it is the second half of a case: a limit that does not concern the mapping must not lead to a plain start.
#
#	limits.sh [CASE]...   all cases, or some
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh source=../../lib/build.sh
# shellcheck disable=SC2317 # cases are called by name
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/build.sh"

APPLIED='applied closure .*/plugin.so objects=1'
LAUNCH=$T/launch
"$CC" -O1 -D_GNU_SOURCE -Wall -Wextra -o "$LAUNCH" "$HERE/limits/launch.c"

# Two versions of a library, of which a link chooses one.
for v in 1 2; do
	mkdir "$T/version$v"
	library "$T/version$v/libone.so" <<<"int one_value = $v; static int *pointer = &one_value; int one(int n) { return n + *pointer; }"
done
ln -s version1 "$T/current"
library "$T/lib/libtwo.so" -L"$T/current" -lone <<'C'
int one(int);
extern int one_value;
int two_value = 22;
int *pointers[] = {&one_value, &two_value};
int two(int n) { return one(n) + *pointers[1]; }
C
library "$T/lib/plugin.so" <<<'int one(int); int (*pointer)(int) = one; int go(void) { return pointer(100); }'
for name in shared random other; do
	RUN_PATH=$T/current:$T/lib program $name -L"$T/current" -lone -ltwo "-DNAME=\"$name\"" <"$HERE/limits/program.c"
done
for name in shared random other fixed; do
	printf '[program %s]\npath = %s\nload-now = %s\n' $name "$T/bin/$name" "$T/lib/plugin.so"
	[ $name = random ] || echo 'layout = shared' # random is what small programs have
done >"$T/matr.conf"
PROGRAMS=("$T/bin/shared" "$T/bin/random" "$T/bin/other")
IMAGE=$MATR_PREFIX/epoch.image

# The epoch that a case finds, and another one of the same programs.
before_case()
{
	local image
	end
	ln -sfn version1 "$T/current"
	for image in another.image epoch.image; do
		begin --config "$T/matr.conf" "${PROGRAMS[@]}" || not_ok "$1: epoch begin" "$T/begin"
		cp "$IMAGE" "$T/$image"
	done
	fresh
}

# Everything as it was when the epoch began.
fresh()
{
	ln -sfn version1 "$T/current"
	cmp -s "$T/epoch.image" "$IMAGE" || put epoch.image
}

# put FILE: in the image's place.
put()
{
	cp "$T/$1" "$IMAGE.new" && mv "$IMAGE.new" "$IMAGE"
}

# under NAME PATTERN RULE...: both programs under the rules; ld-stable says PATTERN of them.
under()
{
	local program name=$1 pattern=$2
	shift 2
	for program in shared random; do
		fresh
		capture plain "$LAUNCH" "$@" -- "$T/bin/$program" load "$T/lib/plugin.so" 2>/dev/null # bash, of crashes
		fresh
		capture_matr matr "$LAUNCH" "$@" -- "$T/bin/$program" load "$T/lib/plugin.so" 2>/dev/null
		SAID=last expect "$name, $program placement" "$pattern"
	done
}

# as_ever NAME RULE...: the same; whatever ld-stable says.
as_ever()
{
	under "$1" '' "${@:2}"
}

# A field of the image's header: its offset
field() { od -A n -t u8 -j "$1" -N 8 "$IMAGE" | tr -d ' '; }
region() { field 40; }
region_size() { field 48; }

# The lowest address of a library, relative to the region.
first_library()
{
	python3 - "$TESTS/lib" "$IMAGE" <<-END
	import sys
	sys.dont_write_bytecode = True
	sys.path.insert(0, sys.argv[1])
	import epoch_image
	print(min(library.base for library in epoch_image.Image(sys.argv[2]).libraries))
	END
}

# ---- addresses ----

case_address_taken()
{
	local low taking
	low=$(region)
	# Link the program at the address of the first library. The start-up files of a non-PIE program are for the
	# low 2 GiB.
	RUN_PATH=$T/current:$T/lib program fixed -no-pie -mcmodel=large -nostartfiles -L"$T/current" -lone -ltwo \
		-Wl,-Ttext-segment="$(printf '0x%x' $((low + $(first_library))))" <<'C'
int one(int);
int two(int);
int printf(const char *, ...);
void exit(int);
__attribute__((force_align_arg_pointer)) void _start(void) { printf("%d %d\n", one(1), two(2)); exit(7); }
C
	"$MATR" epoch begin --only --config "$T/matr.conf" "${PROGRAMS[@]}" "$T/bin/fixed" >"$T/begin" 2>&1 || not_ok "epoch begin with a program in the region" "$T/begin"
	equal "an incremental begin keeps the region" "$low" "$(region)"
	same_plain "a program that is linked where its libraries belong" 'address range is taken' "$T/bin/fixed" a
	taking=(take $((low + $(first_library))) $((low + $(region_size))) load "$T/lib/plugin.so")
	capture plain "$T/bin/shared" "${taking[@]}"
	capture_matr matr "$T/bin/shared" "${taking[@]}"
	SAID=last expect "the address of a plugin is taken when it is loaded" 'left to ld.so: .*address range is taken'
}

case_old_kernels()
{
	under "MAP_FIXED_NOREPLACE is ignored" "$APPLIED" hint
	local low taking
	low=$(region)
	taking=(take $((low + $(first_library))) $((low + $(region_size))) load "$T/lib/plugin.so")
	capture plain "$LAUNCH" hint -- "$T/bin/shared" "${taking[@]}"
	capture_matr matr "$LAUNCH" hint -- "$T/bin/shared" "${taking[@]}"
	SAID=last expect "MAP_FIXED_NOREPLACE is ignored, and the address taken" 'left to ld.so: .*address range is taken'
}

case_layouts()
{
	for program in shared random; do
		capture plain "$LAUNCH" personality=0x40000 -- "$T/bin/$program"
		capture_matr matr "$LAUNCH" personality=0x40000 -- "$T/bin/$program"
		SAID=last expect "no randomness (setarch -R), $program placement: at the epoch's addresses" 'applied .*placement=shared'
	done
	under "legacy layout (setarch -L)" "$APPLIED" personality=0x200000
	under "legacy layout for a stack without limit" "$APPLIED" stack=-1
	under "readable pages are executable (setarch -X)" "$APPLIED" personality=0x400000
}

# ---- limits of the process ----

case_address_space()
{
	as_ever "RLIMIT_AS: too little for ld.so" as=200000
	as_ever "RLIMIT_AS: too little for libc" as=1000000
	under "RLIMIT_AS: any limit is for the program alone" 'plain start: .*address space is limited' as=100000000
	under "RLIMIT_AS: 2^62" 'plain start: .*address space is limited' as=4611686018427387904
}

case_data_and_stack()
{
	as_ever "RLIMIT_DATA: too little for the libraries" data=8192
	under "RLIMIT_DATA: 2 MB" "$APPLIED" data=2000000
	under "RLIMIT_STACK: 64 KB" "$APPLIED" stack=65536
	under "RLIMIT_MEMLOCK: nothing" "$APPLIED" memlock=0
}

case_descriptors()
{
	as_ever "RLIMIT_NOFILE of 3: nothing can be opened" nofile=3 descriptors
	under "RLIMIT_NOFILE of 4: the image or a library" 'plain start: .*cannot be read' nofile=4 descriptors
	under "RLIMIT_NOFILE of 5: both" "$APPLIED" nofile=5 descriptors
}

# Calls that ld.so makes for libraries, those that only ld-stable makes, and some that neither does.
case_filters()
{
	local call
	for call in openat mmap exec-map mprotect pread64 newfstatat munmap getrandom prlimit64; do
		as_ever "a filter refuses $call" errno=$call
	done
	# Skip a filter that kills a plain start: a mapped one may not make the call. ld.so's own calls depend on its version.
	for call in fstat personality prctl readlinkat; do
		capture plain "$LAUNCH" kill=$call -- "$T/bin/shared" load "$T/lib/plugin.so" 2>/dev/null
		[ "$(cat "$T/plain.status")" = 7 ] || continue
		under "a filter kills for $call, which ld.so does not call" "$APPLIED" kill=$call
	done
}

# ---- mounts ----

# in_namespace NAME PATTERN SETUP: both programs in a mount namespace in which SETUP was done.
in_namespace()
{
	local program name=$1 pattern=$2 setup=$3
	for program in shared random; do
		capture plain unshare -m sh -c "$setup"'; "$@"; echo "status $?"' sh "$T/bin/$program" load "$T/lib/plugin.so"
		capture_matr matr unshare -m sh -c "$setup"'; "$@"; echo "status $?"' sh "$T/bin/$program" load "$T/lib/plugin.so"
		SAID=last expect "$name, $program placement" "$pattern"
	done
}

case_mounts()
{
	if ! unshare -m true 2>/dev/null; then
		skip "/proc, noexec" "no mount namespace is to be had"
		return
	fi
	in_namespace "/proc is not mounted" 'plain start: /proc is not there' 'umount -l /proc'
	in_namespace "/proc is another directory, about another program" 'plain start: no entry' \
		"umount -l /proc; mount -t tmpfs none /proc; mkdir /proc/self; ln -s $T/bin/other /proc/self/exe"
	in_namespace "a library on a noexec mount" 'plain start: .*not allowed' \
		"mount --bind $T/lib $T/lib; mount -o remount,bind,noexec $T/lib"
	in_namespace "the prefix on a noexec mount" "$APPLIED" \
		"mount --bind $MATR_PREFIX $MATR_PREFIX; mount -o remount,bind,noexec $MATR_PREFIX"
	in_namespace "the prefix is empty" 'plain start: no epoch image' "mount -t tmpfs none $MATR_PREFIX"
}

# ---- changes during a start ----

case_replaced_library()
{
	under "a library is replaced when it was checked" "$APPLIED" \
		"at=$T/current/libone.so" "ln -s version2 $T/new && mv -T $T/new $T/current"
	under "a library is removed when it was checked" "$APPLIED" "at=$T/current/libone.so" "rm $T/current"
}

case_replaced_image()
{
	local library=$T/current/libone.so put="cp $T/another.image $IMAGE.new && mv $IMAGE.new $IMAGE"
	under "the epoch ends when the image was opened" 'left to ld.so: .*image is gone' "at=$IMAGE" "$MATR epoch end"
	under "another epoch begins when the image was opened" 'left to ld.so: .*image is gone' \
		"at=$IMAGE" "$put"
	under "the epoch ends when a library was checked" 'left to ld.so: .*image is gone' "at=$library" "$MATR epoch end"
	under "another epoch begins when a library was checked" 'left to ld.so: .*image is gone' \
		"at=$library" "$put"
	under "the program is withdrawn when the image was opened" 'plain start: no entry' "at=$IMAGE" "$T/withdraw"
	under "the program is withdrawn when a library was checked" "$APPLIED" "at=$library" "$T/withdraw"
}

# Invert each key of the image in place, as matrd does to withdraw a program.
cat >"$T/withdraw" <<END2
#!/usr/bin/env python3
import struct, sys
sys.path.insert(0, "$TESTS/lib")
import epoch_image
image = epoch_image.Image("$IMAGE")
with open("$IMAGE", "r+b") as file:
    for i, key, manifest in image.slots():
        if key == manifest.key:
            file.seek(image.header.hash + 16 * i)
            file.write(struct.pack("<Q", key ^ (1 << 64) - 1))
END2
chmod 755 "$T/withdraw"

# ---- memory, debuggers, programs of odd sizes ----

case_cgroup()
{
	local group=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
	[ -e $group/$limit ] || group=/sys/fs/cgroup limit=memory.max
	group=$group/matr-test.$$
	if ! mkdir $group 2>/dev/null || [ ! -w $group/$limit ]; then
		rmdir $group 2>/dev/null || :
		skip "a cgroup's memory limit" "no cgroup with one can be made"
		return
	fi
	echo $((8 << 20)) >$group/$limit
	for program in shared random; do
		capture plain sh -c "echo \$\$ >$group/cgroup.procs; exec $T/bin/$program load $T/lib/plugin.so"
		capture_matr matr sh -c "echo \$\$ >$group/cgroup.procs; exec $T/bin/$program load $T/lib/plugin.so"
		SAID=last expect "a cgroup's memory limit of 8 MB, $program placement" "$APPLIED"
	done
	wait_until rmdir $group
}

# core FILTER FILE: what gdb makes of a process that has aborted, with that coredump_filter.
core()
{
	# shellcheck disable=SC2016 # for the inner shell
	"$MATR" run sh -c 'echo "$1" >/proc/self/coredump_filter; shift; exec "$@"' sh "$1" gdb -nx -batch \
		-iex 'set debuginfod enabled off' -ex run -ex "generate-core-file $2" \
		--args "$T/bin/shared" load "$T/lib/plugin.so" crash >"$T/gdb.out" 2>&1 </dev/null
}

# read_core FILE: the same from the core file.
read_core()
{
	gdb -nx -batch -iex 'set debuginfod enabled off' -c "$1" "$T/bin/shared" -ex backtrace -ex 'info sharedlibrary' \
		-ex 'print (int)two_value' -ex 'print *(int **)&pointers == (int *)&one_value' >"$T/core.out" 2>&1 </dev/null
}

case_core()
{
	if ! have gdb; then
		skip "core files" "no gdb"
		return
	fi
	core 0x33 "$T/core.default"
	core 0x37 "$T/core.full"
	end # the image is gone
	read_core "$T/core.default"
	check "a core file with the image gone: backtrace" grep -q '^#[0-9]* .* in main ' "$T/core.out"
	check "a core file with the image gone: libraries" grep -q 'Yes.*/libtwo.so' "$T/core.out"
	read_core "$T/core.full"
	check "coredump_filter 0x37: backtrace" grep -q '^#[0-9]* .* in main ' "$T/core.out"
	# shellcheck disable=SC2016 # gdb's
	check "coredump_filter 0x37: data of libraries" grep -q '^$1 = 22$' "$T/core.out"
	# shellcheck disable=SC2016 # gdb's
	check "coredump_filter 0x37: relocated words" grep -q '^$2 = 1$' "$T/core.out"
}

case_sanitizers()
{
	local kind placed
	for kind in address undefined leak thread; do
		if ! echo 'int main(void) { return 0; }' | "$CC" -x c -fsanitize=$kind -o "$T/bin/try" - 2>/dev/null ||
			! "$T/bin/try" >/dev/null 2>&1; then
			skip "-fsanitize=$kind" "it does not work here without MatR either"
			continue
		fi
		"$CC" -fsanitize=$kind -g -o "$T/bin/$kind" "$HERE/limits/program.c" -L"$T/current" -L"$T/lib" -lone -ltwo \
			-Wl,-rpath,"$T/current:$T/lib"
		for placed in shared random; do
			end
			printf '[epochs]\nlayout = %s\n' $placed >"$T/sanitizer.conf"
			"$MATR" epoch begin --only --config "$T/sanitizer.conf" "$T/bin/$kind" "$T/bin/other" >"$T/begin" 2>&1 || : # declined
			same_any "-fsanitize=$kind, $placed placement" "$T/bin/$kind" load "$T/lib/plugin.so"
		done
	done
}

case_thousand_libraries()
{
	local pattern='applied objects=100[0-9] .*placement'
	mkdir "$T/many"
	library "$T/many/libm0000.so" -Wl,--hash-style=gnu,--build-id <<<'int data = 1; int *pointer = &data; int again(void) { return *pointer; }'
	python3 - "$T/many" <<'END2'
import sys
whole = open(sys.argv[1] + "/libm0000.so", "rb").read()
for n in range(1, 1000):
    open(f"{sys.argv[1]}/libm{n:04}.so", "wb").write(whole.replace(b"libm0000.so", b"libm%04d.so" % n))
END2
	program many "$T"/many/libm0*.so -Wl,-rpath,"$T/many" <"$HERE/limits/many.c"
	for layout in shared random; do
		end
		printf '[epochs]\nlayout = %s\n' $layout >"$T/many.conf"
		"$MATR" epoch begin --only --config "$T/many.conf" "$T/bin/many" >"$T/begin" 2>&1 || not_ok "epoch begin" "$T/begin"
		for rule in stack=-1 nofile=5 stack=262144; do
			capture plain "$LAUNCH" $rule -- "$T/bin/many"
			capture_matr matr "$LAUNCH" $rule -- "$T/bin/many"
			SAID=last expect "1,000 libraries, $layout placement, $rule" "$pattern=$layout"
		done
	done
	check "a program of 1,000 libraries" grep -qx '1000 libraries, sum 1000' "$T/matr.out"
}

run_cases "$@"
