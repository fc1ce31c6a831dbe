#!/usr/bin/env bash
# interpreter.sh - the interpreter file in ld.so's place, for plain starts: programs, and tools that look
# at programs and at the file, find what they find with ld.so itself.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"
[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP only root can bind over ld.so"; exit 0; }

MAKE=$BUILD/tests/system/make-interpreter
LOADER=$(readlink -f /lib64/ld-linux-x86-64.so.2)

# under FILE COMMAND...: with FILE for ld.so, in a mount namespace of its own
under()
{
	local file=$1
	shift
	# shellcheck disable=SC2016 # for the shell in the namespace
	unshare -m sh -c 'mount --make-rprivate / && mount --bind "$1" "$2" && shift 2 && exec "$@"' \
		sh "$file" "$LOADER" "$@"
}

# Accept lines of ld.so's diagnostics that it prints itself now, on any processor. A virtual machine's processors
# may be moved to others while the test runs.
diagnostics_fit()
{
	local name=$1 processor
	cp "$T/$reference/diagnostics" "$T/own"
	for processor in $(seq 0 $(($(nproc) - 1))); do
		QUICK=1 ONLY=diagnostics taskset -c "$processor" "$HERE/interpreter/observe" "$T/programs" "$T/now"
		cat "$T/now/diagnostics" >>"$T/own"
	done
	! grep -qvxFf "$T/own" "$T/$name/diagnostics" &&
		cmp -s <(cut -d= -f1 "$T/$reference/diagnostics") <(cut -d= -f1 "$T/$name/diagnostics")
}

# compare NAME: every observation of NAME with that of the real ld.so
compare()
{
	local name=$1 file
	for file in "$T/$name"/*; do
		if cmp -s "$T/$reference/${file##*/}" "$file" ||
			{ [ "${file##*/}" = diagnostics ] && diagnostics_fit "$name"; }; then
			ok "$name: ${file##*/}"
		else
			diff "$T/$reference/${file##*/}" "$file" >"$T/difference" 2>&1 || :
			not_ok "$name: ${file##*/}: $(sed -n 2p "$T/difference" | cut -c1-100)" "$T/difference"
		fi
	done
	equal "$name: as many observations" "$(cd "$T/$reference" && ls)" "$(cd "$T/$name" && ls)"
}

"$HERE/interpreter/build" "$T/programs"
QUICK=1 "$HERE/interpreter/observe" "$T/programs" "$T/quick"

# the file as it is used, and with every call going to the handler
case_programs_and_tools()
{
	local kind armed=
	"$HERE/interpreter/observe" "$T/programs" "$T/plain" 2>/dev/null
	reference=plain
	for kind in auto armed; do
		"$MAKE" "$LOADER" "$LD_STABLE" "$T/$kind.file" auto ${armed:+armed} >"$T/reason"
		check "$kind: made, with its sites" grep -qx served "$T/reason"
		check "$kind: it is in ld.so's place" under "$T/$kind.file" cmp "$T/$kind.file" "$LOADER"
		under "$T/$kind.file" "$HERE/interpreter/observe" "$T/programs" "$T/$kind" 2>/dev/null
		compare $kind
		armed=1
	done
}

# The shadow stack, which glibc turns off if a file of the process is not marked for it.
case_shadow_stack()
{
	properties() { readelf -nW "$1" 2>/dev/null | sed -n 's/.*x86 feature: //p'; }
	property_segments() { readelf -lW "$1" | grep -c GNU_PROPERTY || :; }
	equal "ld-stable is marked" "IBT, SHSTK" "$(properties "$LD_STABLE")"
	"$MAKE" "$LOADER" "$LD_STABLE" "$T/file" auto >/dev/null
	equal "the interpreter file is marked as ld.so is" "$(properties "$LOADER")" "$(properties "$T/file")"
	equal "and has the header for it as ld.so has" "$(property_segments "$LOADER")" "$(property_segments "$T/file")"
	# Compare processes started by ld.so and by the file, if the kernel gives them a shadow stack.
	grep -q x86_Thread_features /proc/self/status || {
		skip "a shadow stack" "this kernel or CPU has none"
		return
	}
	features() { GLIBC_TUNABLES=glibc.cpu.x86_shstk=on under "$1" grep x86_Thread_features /proc/self/status; }
	equal "the same features in a process" "$(features "$LOADER")" "$(features "$T/file")"
}

# In the frames out of a system call of ld.so the thunk has no name; armed, there are functions behind it.
case_frames_without_names()
{
	if ! have gdb || [ ! -x "$T/programs/load" ]; then
		skip "frames without names" "gdb is missing"
		return
	fi
	unnamed()
	{
		"$MAKE" "$LOADER" "$LD_STABLE" "$T/file" auto "$1" >/dev/null
		(cd "$T/programs" && under "$T/file" gdb -nx -batch -iex 'set debuginfod enabled off' \
			-ex 'break main' -ex run -ex 'catch syscall openat' -ex continue -ex backtrace ./load) 2>&1 |
			grep -c '^#[0-9]* .* in ?? ()'
	}
	equal "a call of ld.so goes through one function without a name" 1 "$(unnamed unarmed)"
	check "armed, through more" [ "$(unnamed armed)" -gt 1 ]
}

# wherever the table of program headers is put
case_tables()
{
	local kind
	reference=quick
	for kind in page place segment; do
		check "table of program headers, $kind: made" "$MAKE" "$LOADER" "$LD_STABLE" "$T/file" $kind
		under "$T/file" env QUICK=1 "$HERE/interpreter/observe" "$T/programs" "$T/$kind"
		compare $kind
	done
}

# what is made without sites is still a loader
case_unserved()
{
	python3 - "$LOADER" "$T/no-tid.so" <<-'END'
		import sys
		data = open(sys.argv[1], 'rb').read()
		call = b'\xb8\xda\0\0\0\x0f\x05'  # set_tid_address
		assert data.count(call) == 1
		open(sys.argv[2], 'wb').write(data.replace(call, b'\xb8\xba\0\0\0\x0f\x05'))  # gettid
	END
	chmod 755 "$T/no-tid.so"
	"$MAKE" "$T/no-tid.so" "$LD_STABLE" "$T/file" >"$T/reason"
	check "a site is missing: the reason" grep -q 'makes no system call set_tid_address' "$T/reason"
	under "$T/file" env QUICK=1 "$HERE/interpreter/observe" "$T/programs" "$T/unserved"
	reference=quick
	compare unserved

	# and everybody is told; the spoilt ld.so is in the place of the real one
	under "$T/no-tid.so" "$MATR" epoch begin --only /bin/bash >"$T/out" 2>"$T/err" || :
	check "epoch begin says why" grep -q 'cannot be served: .*set_tid_address' "$T/err"
	under "$T/no-tid.so" "$MATR" epoch status >"$T/out" 2>&1 || :
	check "epoch status says why" grep -q '^served  *no: .*set_tid_address' "$T/out"
	under "$T/no-tid.so" "$MATR" epoch status --format json >"$T/out" 2>&1 || :
	check "and for programs" grep -q '"unserved": *".*set_tid_address' "$T/out"
	local status=0
	LD_STABLE_DEBUG=1 under "$T/no-tid.so" "$MATR" run /bin/bash -c 'exit 3' 2>"$T/run.err" || status=$?
	equal "a program starts" 3 $status "$T/run.err"
	check "plainly" grep -q '^ld-stable: plain start: ' "$T/run.err"
}

# what no file can be made of: one line
case_not_made()
{
	local file
	head -c 100000 "$LOADER" >"$T/cut.so"
	cp "$LOADER" "$T/bare.so"
	printf '\0\0\0\0\0\0\0\0' | dd of="$T/bare.so" bs=1 seek=40 conv=notrunc 2>/dev/null # e_shoff
	printf '\0\0\0\0' | dd of="$T/bare.so" bs=1 seek=60 conv=notrunc 2>/dev/null # e_shnum, e_shstrndx
	cp "$LOADER" "$T/foreign.so"
	printf '\267' | dd of="$T/foreign.so" bs=1 seek=18 conv=notrunc 2>/dev/null # EM_AARCH64
	for file in cut bare foreign; do
		one_line "an ld.so that is $file" '!0' "$MAKE" "$T/$file.so" "$LD_STABLE" "$T/not-made"
	done
	one_line "a program instead of ld.so" '!0' "$MAKE" /bin/true "$LD_STABLE" "$T/not-made"
	one_line "a text" '!0' "$MAKE" /etc/passwd "$LD_STABLE" "$T/not-made"
	check "nothing was made of them" [ ! -e "$T/not-made" ]
}

run_cases "$@"
