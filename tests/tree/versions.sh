# versions.sh - what each program says to --version. Sourced by scripts that run in a tree, after lib.sh.
# shellcheck shell=bash

# Programs that ld.so starts. killall5 would end the test, and MatR's own go with it.
list_programs() # DIRECTORY...
{
	find "$@" -type f -perm -1 ! -name killall5 ! -name 'matr*' | sort | while read -r program; do
		readelf -lW "$program" 2>/dev/null | grep -q 'program interpreter: /lib64/ld-linux' && echo "$program"
	done
}

# Output, errors and status of PROGRAM --version, without what ld-stable says (which goes to its own file).
run_version() # PROGRAM DIRECTORY
{
	local name=${1##*/}
	(
		cd /tmp || exit
		LD_STABLE_DEBUG=1 timeout -k 2 20 "$1" --version </dev/null >"$2/$name.all" 2>&1
		echo "status $?" >>"$2/$name.all"
	)
	grep -av '^ld-stable: ' "$2/$name.all" | sed 's/0x[0-9a-f]*//g; s/[0-9][0-9]:[0-9][0-9]:[0-9][0-9]//g' >"$2/$name.out"
	grep -a '^ld-stable: ' "$2/$name.all" | head -n 1 >"$2/$name.said"
	rm "$2/$name.all"
}
