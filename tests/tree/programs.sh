#!/usr/bin/env bash
# programs.sh - ld-stable as the loader of a whole system. tests/tree/programs starts it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=versions.sh
. "$(dirname "$0")/versions.sh"
# Without inodes and times: what is renamed in a layer is another inode of it.
loader_names()
{
	(cd /lib64 && for name in *; do stat -c '%N %h %u:%g %a' "$name"; done; md5sum ./*)
}
loader_before=$(loader_names)
export -f run_version

# Run all programs, with their output in files of DIRECTORY.
run_all() # DIRECTORY
{
	mkdir "$1"
	# shellcheck disable=SC2016 # expanded there
	xargs -P "$(nproc)" -n 1 bash -c 'run_version "$1" "$0"' "$1" <"$T/programs"
}

list_programs /usr/bin /usr/sbin >"$T/programs"
run_all "$T/real"
matr epoch begin -q >"$T/begin" 2>&1
status=$?
grep ': declined: ' "$T/begin" | sed 's/^/# /'
check "epoch begin: its exit status is 0, or 3 for programs that are declined: $status" test $status -eq 0 -o $status -eq 3
check "loader install" matr loader install
run_all "$T/ours"
total=$(wc -l <"$T/programs") applied=0 different=''
while read -r program; do
	name=${program##*/}
	grep -q applied "$T/ours/$name.said" && applied=$((applied + 1))
	cmp -s "$T/real/$name.out" "$T/ours/$name.out" || different+=" $program"
done <"$T/programs"
matr loader uninstall -q
# Run these plainly once more: output that differs from run to run anyway does not count.
mkdir "$T/again"
really=''
for program in $different; do
	run_version "$program" "$T/again"
	name=${program##*/}
	if cmp -s "$T/real/$name.out" "$T/again/$name.out" &&
		! cmp -s <(sort "$T/real/$name.out") <(sort "$T/ours/$name.out"); then # processes that write at the same time
		really+=" $program"
		diff "$T/real/$name.out" "$T/ours/$name.out" | head -n 4 | sed 's/^/# /'
	fi
done
equal "$total programs, $applied from their mapping: the same output, errors and status" "" "$really"
equal "nearly all of them from their mapping" yes "$([ $applied -gt $((total * 19 / 20)) ] && [ "$applied" -ge 200 ] && echo yes)"
echo "# started plainly:"
(cd "$T/ours" && grep -L applied ./*.said) | while read -r file; do
	echo "#   ${file:2:-5}: $(cut -c 1-150 "$T/ours/$file")"
done

# gdb in a library, with the loader installed: at the start and in a library that is loaded later.
matr loader install -q
zlib=$(ldconfig -p | awk '$1 == "libz.so.1" && /x86-64/ { print $NF; exit }')
ldd /usr/bin/git >"$T/ldd"
check "git has libz" grep -q libz "$T/ldd"
gdb -q -batch -ex 'set breakpoint pending on' -ex 'break zlibVersion' -ex run -ex bt -ex 'info sharedlibrary' \
	--args python3 -c 'import zlib' >"$T/gdb" 2>&1 </dev/null
check "gdb: a breakpoint in a library that is loaded later" grep -Eq '^#0 .* zlibVersion' "$T/gdb"
check "gdb: libz is listed" grep -q "$zlib" "$T/gdb"
gdb -q -batch -ex 'set breakpoint pending on' -ex 'break write' -ex run -ex bt -ex 'info sharedlibrary' \
	--args /bin/echo hello >"$T/gdb" 2>&1 </dev/null
check "gdb: a breakpoint in libc" grep -Eq '^#0 .*write' "$T/gdb"
check "gdb: the stack ends in main" grep -Eq ' main |_start|libc_start' "$T/gdb"
check "gdb: libc is listed" grep -Eq 'Yes .*libc\.so\.6' "$T/gdb"
equal "doctor finds no error" "" "$(matr doctor --format json | jq -r '.[] | select(.state == "error") | .finding')"
check "uninstall" matr loader uninstall
equal "the loader's directory is as it was before MatR" "$loader_before" "$(loader_names)"
finish
