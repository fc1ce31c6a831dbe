#!/usr/bin/env bash
# features.sh - what programs do with their libraries, with the mapping applied and without: the
# programs of features/, each built for one thing that could go wrong.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

F=$T/features
"$HERE/build-features" "$F"
"$SOURCE/tests/bench/generate" 320 4 "$T/many"
cd "$F"

PROGRAMS=()
for file in threads threads-tlsdesc threads-ie threads-ld threads-fixed exceptions exceptions-fixed dl \
	dl-fixed dl-now dl-sysv forkexec nss ifunc ifunc-fixed copy copy-fixed copy-fixed-now copy-noplt \
	unaligned unaligned-fixed lazy unique binding binding-reversed textrel relr relr-none order \
	order-first origin/process origin/process-fixed process process-noid secure; do
	PROGRAMS+=("$F/$file")
done
PROGRAMS+=("$T/many/dynamic")
SYSTEM_PROGRAMS=(/bin/bash)
have gdb && SYSTEM_PROGRAMS+=(/usr/bin/gdb)

check "epoch begin for ${#PROGRAMS[@]} feature programs" begin "${PROGRAMS[@]}" "${SYSTEM_PROGRAMS[@]}"

# It is entered before anything could relocate it (matr/loader_format.h).
check "ld-stable has no relocations" [ -z "$(readelf -rW "$LD_STABLE" | grep R_X86_64)" ]
check "ld-stable needs nothing" [ -z "$(readelf -dW "$LD_STABLE" | grep -E 'NEEDED|TEXTREL|PIE')" ]

case_behaviour()
{
	for program in threads threads-tlsdesc threads-ie threads-ld threads-fixed; do
		same "$program: threads and thread-local variables" "$F/$program"
	done
	same "C++ exceptions, casts and type_info across libraries" "$F/exceptions"
	same "the same in a non-PIE program" "$F/exceptions-fixed"
	for program in dl dl-fixed dl-now dl-sysv; do
		same "$program: dlopen, dlsym, dladdr, dl_iterate_phdr, dlinfo, dlmopen" \
			"$F/$program" "$F/plugins/plugin.so"
	done
	same "fork, exec, posix_spawn, /proc/self/exe" "$F/forkexec"
	same "locale, iconv, NSS" "$F/nss"
	for program in ifunc ifunc-fixed; do
		same "$program: IFUNCs" "$F/$program"
		same "$program: the resolvers are called as often" "$F/$program" count
	done
	for program in copy copy-fixed copy-fixed-now copy-noplt; do
		same "$program: copied data, function addresses, weak references" "$F/$program"
	done
	same "unaligned relocations" "$F/unaligned"
	same "unaligned relocations, non-PIE" "$F/unaligned-fixed"
	same "an undefined function that is not called" "$F/lazy"
	same "an undefined function that is called" "$F/lazy" call
	same "STB_GNU_UNIQUE with plugins" "$F/unique" "$F/plugins/unique1.so" "$F/plugins/unique2.so"
	same "interposition, protected, hidden, -Bsymbolic" "$F/binding"
	same "the same in another order" "$F/binding-reversed"
	same "text relocations" "$F/textrel"
	same "DT_RELR" "$F/relr"
	same "the same words with DT_RELA" "$F/relr-none"
	same "order of constructors and destructors" "$F/order"
	same "the same with -z initfirst" "$F/order-first"
	same "auxiliary vector, arguments, link map" "$F/process" one '' 'three words'
	same "\$ORIGIN" "$F/origin/process"
	same "\$ORIGIN in DT_RPATH, non-PIE" "$F/origin/process-fixed"
	same "a program without build-id" "$F/process-noid"
	same "320 libraries" "$T/many/dynamic" check
	cd "$F/origin"
	same "started by a relative name" ./process
	cd "$F"
	mkdir "$T/bin"
	ln -s "$F/process" "$T/bin/link"
	same "started through a symbolic link" "$T/bin/link"
	PATH=$T/bin:$PATH same "started by PATH" link
	# exec -a: argv[0] is not the file's name
	SAID=last same "another argv[0]" /bin/bash -c "exec -a other-name '$F/process' x"
	SAID=last same "an empty environment" /usr/bin/env -i "MATR_PREFIX=$MATR_PREFIX" LD_STABLE_DEBUG=1 \
		"$F/process"
	same "many arguments" "$F/process" $(seq 5000)
	for program in "${PROGRAMS[@]}"; do
		check "matr verify ${program#"$T/"}" "$MATR" verify "$program"
	done
}

# the same with the libraries elsewhere; small programs are placed at random otherwise
case_layouts()
{
	local layout
	for layout in shared pack; do
		echo "# layout = $layout"
		rm -rf "${T:?}/bin"
		printf '[epochs]\nlayout = %s\n' "$layout" >"$T/layout.conf"
		begin --config "$T/layout.conf" "${PROGRAMS[@]}" "${SYSTEM_PROGRAMS[@]}"
		case_behaviour
		check "the image's independent reader" /usr/bin/python3 "$TESTS/lib/epoch_image.py" check "$MATR_PREFIX/epoch.image"
	done
	# A packed library's file is compared, though it is not mapped.
	begin --config "$T/layout.conf" "$T/many/dynamic"
	same "packed: 320 libraries" "$T/many/dynamic" check
	mv "$T/many/libbench0007.so" "$T/away.so"
	cp "$T/away.so" "$T/many/libbench0007.so"
	same_plain "packed: a library is another file" "not the recorded file" "$T/many/dynamic" check
	rm "$T/many/libbench0007.so"
	mv "$T/away.so" "$T/many/libbench0007.so"
	begin "${PROGRAMS[@]}" "${SYSTEM_PROGRAMS[@]}"
}

# the loader by name, like ld.so itself
case_loader_by_name()
{
	capture plain "$F/binding"
	capture matr env LD_STABLE_DEBUG=1 "$MATR_PREFIX/ld-stable" "$F/binding"
	heard matr
	expect "ld-stable PROGRAM" applied
	# AT_BASE: the kernel has started ld.so as a program, without it; here it is what ld.so's is elsewhere.
	# exe: it is the loader in both cases.
	FILTER="s/^AT_BASE.*/AT_BASE/; s|^exe .*/(ld-stable\|ld-linux-x86-64.so.2)$|exe LOADER|"
	capture plain /lib64/ld-linux-x86-64.so.2 "$F/process" one two
	filter plain
	capture matr env LD_STABLE_DEBUG=1 "$MATR_PREFIX/ld-stable" "$F/process" one two
	heard matr
	filter matr
	FILTER=
	expect "ld-stable PROGRAM sees what ld.so PROGRAM sees" applied
	one_line "ld-stable NO-SUCH-PROGRAM" 127 "$MATR_PREFIX/ld-stable" "$T/no-such-program"
}

# a namespace is not to be had: the loader is invoked by name
case_no_namespace()
{
	if unshare -Urm true 2>/dev/null; then
		capture plain "$F/binding"
		# shellcheck disable=SC2016 # for the inner shell
		capture matr unshare -Ur /bin/sh -c '
		echo 0 >/proc/sys/user/max_mnt_namespaces
		echo 0 >/proc/sys/user/max_user_namespaces
		export LD_STABLE_DEBUG=1
		exec "$0" run "$1"' "$MATR" "$F/binding"
		heard matr
		SAID=last expect "matr run where no namespace is to be had" applied
		# AppArmor lets everybody have the namespaces, and nobody mount in them (Ubuntu 24.04).
		mount_denied()
		{
			setpriv --bounding-set=-all --inh-caps=-all strace -f -qq -o /dev/null -e trace=mount -e inject=mount:error=EACCES "$@"
		}
		if have strace && mount_denied true 2>/dev/null; then
			export LD_STABLE_DEBUG=1
			mount_denied "$MATR" run "$F/binding" >"$T/matr.out" 2>"$T/matr.err" </dev/null && status=0 || status=$?
			unset LD_STABLE_DEBUG
			echo "$status" >"$T/matr.status"
			heard matr
			SAID=last expect "matr run where nothing can be mounted in a namespace" applied
			check "matr verify there" mount_denied "$MATR" verify "$F/binding"
			check "matr run -v says it" grep -q 'is started by name' <(mount_denied "$MATR" run -v "$F/binding" 2>&1)
			check "doctor says it" grep -q 'namespaces are refused here' <(mount_denied "$MATR" doctor 2>&1)
		else
			skip "matr run where nothing can be mounted in a namespace" "no strace here"
		fi
	else
		skip "matr run where no namespace is to be had" "no user namespaces here to forbid them in"
	fi
}

# what asks for a plain start, and gets the right result
case_plain_starts()
{
	SAID=last
	same_plain "LD_PRELOAD" LD_PRELOAD env LD_PRELOAD="$F/plugins/preload.so" "$F/process"
	same_plain "LD_LIBRARY_PATH" LD_LIBRARY_PATH env LD_LIBRARY_PATH="$F/plugins" "$F/process"
	same_plain "LD_BIND_NOW" LD_BIND_NOW env LD_BIND_NOW=1 "$F/lazy"
	same_plain "LD_BIND_NOT" LD_BIND_NOT env LD_BIND_NOT=1 "$F/binding"
	same_plain "LD_DYNAMIC_WEAK" LD_DYNAMIC_WEAK env LD_DYNAMIC_WEAK=1 "$F/binding"
	same_plain "LD_AUDIT" LD_AUDIT env LD_AUDIT="$F/plugins/preload.so" "$F/process"
	same_plain "an LD_ variable nobody knows" LD_FUTURE env LD_FUTURE=1 "$F/process"
	same_plain "GLIBC_TUNABLES that change the order" GLIBC_TUNABLES \
		env GLIBC_TUNABLES=glibc.rtld.dynamic_sort=1 "$F/order"
	same "GLIBC_TUNABLES that do not matter" env GLIBC_TUNABLES=glibc.malloc.perturb=3 "$F/process"
	same "an empty LD_PRELOAD" env LD_PRELOAD= "$F/process"
	FILTER='s/0x[0-9a-f]+/ADDRESS/g; s/(AT_(EGID|GID|UID|EUID|CLKTCK|PAGESZ|HWCAP|HWCAP2|MINSIGSTKSZ)).*/\1/'
	same_plain "LD_SHOW_AUXV" LD_SHOW_AUXV env LD_SHOW_AUXV=1 "$F/binding"
	FILTER='s/0x[0-9a-f]+/ADDRESS/g'
	same_plain "LD_TRACE_LOADED_OBJECTS" LD_TRACE_LOADED_OBJECTS env LD_TRACE_LOADED_OBJECTS=1 "$F/process"
	for program in dl origin/process textrel copy-fixed; do
		same_plain "ldd $program" '' ldd "$F/$program"
	done
	same_plain "ldd -r of a program with an undefined symbol" '' ldd -r "$F/lazy"
	same_plain "ldd of a library" '' ldd "$F/lib/libdl1.so.1"
	FILTER=
	SAID=first

	said_once() # NAME LINE-REGEX COMMAND...: ld-stable says that, and nothing else
	{
		"${@:3}" 2>&1 >/dev/null | grep '^ld-stable: ' >"$T/lines" || :
		check "$1" test "$(wc -l <"$T/lines") $(grep -Ec "$2" "$T/lines")" = "1 1"
	}
	local debug=(env LD_STABLE_DEBUG=1)
	said_once "one line: applied" applied "${debug[@]}" "$MATR" run "$F/process"
	said_once "one line: plain" 'plain start: LD_BIND_NOW=1$' "${debug[@]}" LD_BIND_NOW=1 "$MATR" run "$F/process"
	said_once "one line: started again" 'plain start: what: whose$' \
		"${debug[@]}" LD_STABLE_PLAIN="what: whose" "$MATR" run "$F/process"
	said_once "run -v: why it starts plainly" 'plain start: LD_BIND_NOW=1$' \
		env LD_BIND_NOW=1 "$MATR" run -v "$F/process"
	said_once "run -v: started again" 'plain start: what$' \
		env LD_STABLE_PLAIN=what "$MATR" run -v "$F/process"
	check "run -v: nothing about a mapped start" test -z "$("$MATR" run -v "$F/process" 2>&1 >/dev/null)"
	check "run -v: the program does not see it" \
		test -z "$("$MATR" run -v /bin/bash -c env | grep LD_STABLE_DEBUG)"
	"$MATR" run -v /bin/true 2>"$T/absent" || :
	check "run -v: a program that is not in the epoch" grep -q 'true: not in epoch' "$T/absent"
	"$MATR" run -v "$BUILD/tools/matr-rescue" --help >/dev/null 2>"$T/static" || :
	check "run -v: a static program" grep -q 'matr-rescue: is not dynamically linked' "$T/static"

	debug_bindings() # NAME COMMAND...: what ld.so says it binds, in a form to compare
	{
		rm -f "$T"/debug.*
		env LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT="$T/debug" "${@:2}" >/dev/null 2>&1 || :
		cat "$T"/debug.* | sed 's/^ *[0-9]*:\t//; s/ \[[0-9]*\]//g' | grep binding | grep -v ld-stable |
			sort -u >"$T/$1"
	}
	debug_bindings bindings.plain "$F/dl" "$F/plugins/plugin.so"
	debug_bindings bindings.matr "$MATR" run "$F/dl" "$F/plugins/plugin.so"
	grep -F "$F" "$T/bindings.plain" >"$T/bindings.wanted"
	grep -F "$F" "$T/bindings.matr" >"$T/bindings.found" || :
	check "LD_DEBUG=bindings shows ld.so's own work" diff "$T/bindings.wanted" "$T/bindings.found"
}

# setuid, as an ordinary user
case_setuid()
{
	if [ "$(id -u)" -eq 0 ] && have setpriv; then
		cp "$F/secure" "$T/setuid"
		chmod 4755 "$T/setuid"
		as_nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		same "a program before it becomes setuid" "$F/secure"
		if "${as_nobody[@]}" "$T/setuid" | grep -q 'AT_SECURE 1 uid 65534 euid 0'; then
			SAID=last same_plain "a setuid program as an ordinary user" '' "${as_nobody[@]}" "$T/setuid"
			SAID=last same_plain "a setuid program with LD_PRELOAD" '' "${as_nobody[@]}" \
				env LD_PRELOAD="$F/plugins/preload.so" "$T/setuid"
		else
			skip "a setuid program as an ordinary user" "setuid has no effect on $T"
		fi
		SAID=last same "an ordinary user in root's epoch" "${as_nobody[@]}" "$F/binding"
	else
		skip "a setuid program as an ordinary user" "needs root and setpriv"
	fi
}

case_gdb()
{
	# Addresses and process ids differ, ld-stable is one more library, and ld.so comes last in gdb's list
	# instead of first, because the kernel has started another file.
	FILTER='s/0x[0-9a-f]+/ADDRESS/g; s/process [0-9]+/process N/g; s/LWP [0-9]+/LWP N/g
/ld-stable/d; /Yes .*ld-linux-x86-64/d'
	gdb_commands=(gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set auto-load off'
		-ex 'set breakpoint pending on' -ex 'break dl_exported' -ex 'break plugin_run' -ex 'run'
		-ex 'backtrace' -ex 'print dl_data' -ex 'info symbol dl_exported' -ex 'delete 1' -ex 'continue'
		-ex 'backtrace' -ex 'finish' -ex 'info sharedlibrary' -ex 'delete' -ex 'continue')
	if have gdb; then
		for program in dl dl-fixed; do
			gdb_run=("${gdb_commands[@]}" --args "$F/$program" "$F/plugins/plugin.so")
			same "gdb $program: breakpoints in a library and in a plugin" "${gdb_run[@]}"
			if grep -q 'applied.*' <(sed 1d "$T/matr.said") && grep -Eq '^#0 .*plugin_run \(n=' "$T/matr.out" &&
				grep -Eq '^#0 .*dl_exported \(n=' "$T/matr.out"; then
				ok "gdb $program: both breakpoints hit, the mapping applied"
			else
				not_ok "gdb $program: both breakpoints hit, the mapping applied" \
					"$T/matr.said" "$T/matr.out" "$T/matr.err"
			fi
		done
		begin "${SYSTEM_PROGRAMS[@]}"
		same "gdb with a program that has no entry" "${gdb_run[@]}"
		end
		same_any "gdb without an epoch" "${gdb_run[@]}"
		if grep -Eq '^#0 .*plugin_run \(n=' "$T/matr.out" && grep -Eq '^#0 .*dl_exported \(n=' "$T/matr.out"; then
			ok "gdb without an epoch: both breakpoints hit"
		else
			not_ok "gdb without an epoch: both breakpoints hit" "$T/matr.out" "$T/matr.err"
		fi
	else
		skip "gdb" "not installed"
	fi
	FILTER=
}

# a copy of ld.so by another name is covered too
case_interpreter_by_another_name()
{
	cp /lib64/ld-linux-x86-64.so.2 "$T/my-ld.so"
	echo 'int main(void) { return 6; }' | $CC -xc - -o "$T/odd" -Wl,--dynamic-linker="$T/my-ld.so"
	begin "$T/odd"
	same "a program whose interpreter is a copy of ld.so" "$T/odd"
	begin "${PROGRAMS[@]}" "${SYSTEM_PROGRAMS[@]}"
}

# no epoch, and programs that MatR may decline
case_no_epoch()
{
	end
	same_any "no epoch" "$F/process"
	begin "$F/binding"
	same_plain "an application without an entry" '' "$F/process"
	"$MATR" epoch end >/dev/null
	"$MATR" epoch begin --only "$F/process-relative" "$F/binding" >/dev/null 2>&1 || :
	same_any "a library by a path relative to the working directory" "$F/process-relative"
}

run_cases "$@"
