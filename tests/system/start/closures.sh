#!/usr/bin/env bash
# closures.sh - what programs load with dlopen(), with the closures' mapping and without.
#
# A case makes libraries and a program of its own (closures/load.c, whose arguments say what to load), records a training
# run, begins an epoch, and compares: the run with MatR prints what the run without it prints, ld-stable said which loads it
# applied and which it left to ld.so, and `matr verify --loads` finds every word as ld.so would have written it.
#
#	closures.sh [CASE]...   all cases, or some
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh
# shellcheck disable=SC2016,SC2317,SC2120 # $ORIGIN is for ld.so; cases are called by name
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

"$CC" -O1 -g -D_GNU_SOURCE -Wall -Wextra -Wno-unused-result -c -o "$T/load.o" "$HERE/closures/load.c"

# A directory for the case, with the program `load` in it.
before_case()
{
	CASE=$1
	D=$T/$CASE
	mkdir -p "$D"
	cd "$D"
	end
	"$MATR" record --forget-all >/dev/null 2>&1 || :
	program
}

# program [FLAGS]...: each case's has a build-id of its own.
program()
{
	"$CC" -rdynamic "-Wl,--build-id=0x$(printf '%s %s' "$CASE" "$*" | md5sum | cut -c 1-32)" -o load "$T/load.o" \
		-Wl,--no-as-needed "$@" -ldl -pthread
}

# lib NAME [FLAGS]... <<<CODE: NAME.so
lib()
{
	local name=$1 compiler=$CC language=c
	shift
	[ "${name%++}" = "$name" ] || { name=${name%++} compiler=$CXX language=c++; }
	"$compiler" -O1 -g -D_GNU_SOURCE -fPIC -shared -o "$name.so" -x "$language" - -x none -L. '-Wl,-rpath,$ORIGIN' \
		-Wl,--no-as-needed "$@"
}

# learn STEP...: a training run. Then an epoch.
learn()
{
	if ! "$MATR" record ./load "$@" >"$T/learn" 2>&1 </dev/null || ! begin ./load; then
		not_ok "$CASE: record and epoch begin" "$T/learn" "$T/begin"
	fi
}

# The loads of the last run: "FILE applied" or "FILE REASON", one per line.
loads()
{
	sed -nE -e 's|^ld-stable: applied closure (.*/)?([^/ ]+) objects=.*|\2 applied|p' \
		-e 's|^ld-stable: left to ld.so: (.*/)?([^/: ]+): (.*)|\2 \3|p' "$T/matr.said"
}

# run WANTED STEP...: WANTED is what loads() shows, separated by ";"; each a regular expression; "*": whatever.
run()
{
	local wanted=$1
	shift
	${BEFORE:-:}
	capture plain ./load "$@"
	${BEFORE:-:}
	capture_matr matr ./load "$@"
	explain_difference
	loads >"$T/loads"
	tr ';' '\n' <<<"$wanted" | sed '/^$/d' >"$T/wanted"
	if ! alike; then
		not_ok "$CASE: behaves as without MatR" "$T/difference" "$T/matr.said" "$T/plain.out"
	elif ! said applied; then
		not_ok "$CASE: the program's own mapping" "$T/matr.said"
	elif [ "$wanted" != '*' ] && ! as_wanted; then
		not_ok "$CASE: what is applied" "$T/wanted" "$T/loads" "$T/matr.out"
	else
		ok "$CASE"
	fi
	[ "${VERIFY:-1}" = 0 ] || words "$@"
}

as_wanted()
{
	local pattern line
	exec 3<"$T/wanted" 4<"$T/loads"
	while read -r pattern <&3; do
		read -r line <&4 || return 1
		grep -Eqx -- "$pattern" <<<"$line" || return 1
	done
	! read -r line <&4
}

# words STEP...: every word is what ld.so writes.
words()
{
	capture words timeout -k 5 300 "$MATR" verify --loads ./load "$@"
	if grep -q 'differences: 0$' "$T/words.err" && ! grep -q '^  ' "$T/words.err"; then
		ok "$CASE: every word as ld.so writes it"
	else
		not_ok "$CASE: every word as ld.so writes it" "$T/words.err" "$T/words.out" "$T/words.status"
	fi
}

# ---- closures that are applied ----

case_plugin()
{
	lib plugin <<-'C'
	#include <stdio.h>
	#include <stdlib.h>
	static int numbers[] = {1, 2, 3};
	int *table[] = {numbers, numbers + 1, numbers + 2};
	int helper(void) { return *table[2]; }
	int (*pointer)(void) = helper;
	int go(void) { return helper() + pointer() + abs(-*table[1]) + (stdout != NULL); }
	C
	learn open p ./plugin.so n
	run '' open p ./plugin.so n call p go close p
	learn open p "$D/plugin.so" n
	run 'plugin.so applied' open p "$D/plugin.so" n call p go close p
	run 'plugin.so applied' open p "$D/plugin.so" l call p go close p
	run 'plugin.so applied' open p "$D/plugin.so" ng call - go close p
}

shared_dependency()
{
	lib common <<<'int state; int common(void) { return ++state; }'
	lib one -l:common.so <<<'int common(void); int go(void) { return 10 + common(); }'
	lib two -l:common.so <<<'int common(void); int go(void) { return 20 + common(); }'
}

case_dependencies()
{
	lib deep <<<'int deep(void) { return 5; } int deep_data = 7; int *deep_pointer = &deep_data;'
	lib middle -l:deep.so <<<'int deep(void); extern int deep_data; int *middle_pointer = &deep_data;
		int middle(void) { return deep() + *middle_pointer; }'
	lib top -l:middle.so -l:deep.so -lm <<<'#include <math.h>
		int middle(void); extern int *deep_pointer; double (*f)(double) = cos;
		int go(void) { return middle() * 100 + *deep_pointer + (int)f(0); }'
	learn open p "$D/top.so" n
	run 'top.so applied' open p "$D/top.so" n call p go close p loaded deep.so
	run 'top.so applied' open p "$D/top.so" l call p go close p loaded middle.so
}

case_shared_dependency()
{
	shared_dependency
	learn open a "$D/one.so" n open b "$D/two.so" n
	run 'one.so applied;two.so applied' open a "$D/one.so" n open b "$D/two.so" n call a go call b go
	run 'two.so applied;one.so applied' open b "$D/two.so" n open a "$D/one.so" n call a go call b go
	run 'two.so applied;one.so applied' open b "$D/two.so" n close b open a "$D/one.so" n call a go
	run 'two.so applied;one.so applied' open b "$D/two.so" n open a "$D/one.so" n close b call a go loaded two.so \
		loaded common.so close a loaded common.so
}

case_again()
{
	shared_dependency
	lib other <<<'int other(void) { return 3; }'
	learn open a "$D/one.so" n open b "$D/other.so" n
	run 'one.so applied;one.so applied' open a "$D/one.so" n call a go close a loaded one.so open a "$D/one.so" n \
		call a go
	run 'one.so applied;other.so applied;one.so applied' open a "$D/one.so" n call a go close a \
		open b "$D/other.so" n open a "$D/one.so" n call a go call b other
	run 'one.so applied;two.so no closure of this root was recorded;one.so applied' open a "$D/one.so" n call a go \
		close a open b "$D/two.so" n call b go close b open a "$D/one.so" n call a go
	# while it is there, nothing is loaded
	run 'one.so applied' open a "$D/one.so" n call a go open b "$D/one.so" n call b go close a call b go
	run 'one.so applied' open a "$D/one.so" n open b "$D/common.so" n call a go call b common close a call b common \
		loaded one.so loaded common.so
}

case_noload()
{
	shared_dependency
	learn open a "$D/one.so" n open b "$D/two.so" n
	VERIFY=0 run '.*' open a "$D/one.so" no loaded one.so loaded common.so list
	VERIFY=0 run '.*;.*;two.so applied' open a "$D/one.so" no open a "$D/one.so" no open b "$D/two.so" n call b go list
	run '.*;one.so applied' open a "$D/one.so" no open b "$D/one.so" n call b go open c "$D/one.so" no call c go \
		close b call c go close c loaded one.so list
	run 'one.so applied' open a "$D/one.so" nN close a loaded one.so loaded common.so open b "$D/one.so" no call b go list
}

# Libraries that need each other's many: ld.so's walk through their names is made shorter.
case_many_names()
{
	local i needed=() more # what n3 and n9 define alike is found by the order of what n15 needs
	for ((i = 0; i < 16; i++)); do
		more=
		[ "$i" != 3 ] && [ "$i" != 9 ] || more="int only(void) { return $i; }"
		lib "n$i" "${needed[@]}" <<<"int n$i(void) { return $i; } int (*pointer$i)(void) = n$i; int who(void) { return $i; } $more"
		needed+=("-l:n$i.so")
	done
	lib first "${needed[@]}" <<<'int n3(void); int (*pointer)(void) = n3; int go(void) { return pointer(); }'
	lib second -l:n15.so -l:n2.so <<<'int n15(void), n2(void); int (*pointer)(void) = n2; int go(void) { return pointer() + n15(); }'
	lib fails -l:n14.so -l:n7.so <<<'int n7(void); extern int nowhere; int *pointer = &nowhere; int go(void) { return n7(); }'
	lib unknown -l:n13.so <<<'int n13(void); int go(void) { return n13(); }'
	learn open a "$D/first.so" n open b "$D/second.so" n
	run 'first.so applied;second.so applied;first.so applied' open a "$D/first.so" n list call a go call a who \
		open b "$D/second.so" n list call b go call b who call b only close a list open a "$D/first.so" n call a who list
	run 'second.so applied;first.so applied' open b "$D/second.so" n list open a "$D/first.so" l call a go call a who close b list
	run 'first.so applied;unknown.so no closure.*;second.so applied' open a "$D/first.so" n open u "$D/unknown.so" n list \
		open b "$D/second.so" n call b go call b who call u go close b close a call u who list
	# a load that fails in the middle
	"$MATR" record --forget-all
	lib nowhere <<<'int nowhere = 6;'
	learn open a "$D/first.so" n open n "$D/nowhere.so" ng open f "$D/fails.so" n
	run 'first.so applied;nowhere.so applied;fails.so applied' open a "$D/first.so" n open n "$D/nowhere.so" ng \
		open f "$D/fails.so" n call f go call f who list
	VERIFY=0 run 'first.so applied;fails.so applied;nowhere.so applied;fails.so applied' open a "$D/first.so" n open f "$D/fails.so" n list \
		open n "$D/nowhere.so" ng open f "$D/fails.so" n call f go call f who list close a list
	# by several threads, and in a child
	run 'first.so applied;nowhere.so applied;fails.so applied' open a "$D/first.so" n thread open n "$D/nowhere.so" ng list end \
		thread open f "$D/fails.so" l call f go list end list
	VERIFY=0 run 'first.so applied;nowhere.so applied;fails.so applied;fails.so applied' open a "$D/first.so" n \
		open n "$D/nowhere.so" ng fork open f "$D/fails.so" n call f go list end open f "$D/fails.so" n call f who list
}

# Constructors and destructors that load.
case_destructor()
{
	lib inner <<<'int inner(void) { return 8; } int (*pointer)(void) = inner;'
	lib outer <<-C
	#include <dlfcn.h>
	#include <stdio.h>
	int go(void) { return 1; }
	__attribute__((destructor)) static void stop(void)
	{
		void *inner = dlopen("$D/inner.so", RTLD_NOW);
		printf("%d\n", inner ? ((int (*)(void))dlsym(inner, "inner"))() : -1);
	}
	C
	learn open a "$D/outer.so" n close a
	run 'outer.so applied;inner.so applied' open a "$D/outer.so" n call a go close a list
	run 'outer.so applied;inner.so applied' open a "$D/outer.so" n call a go
}

case_from_the_start()
{
	lib early <<<'int early(void) { return 4; }'
	lib user -l:early.so <<<'int early(void); int go(void) { return early(); }'
	program -L. -l:early.so '-Wl,-rpath,$ORIGIN'
	learn open a "$D/early.so" n open b "$D/user.so" n open c libm.so.6 n
	run 'user.so applied;libm.so.6 applied' open a "$D/early.so" n call a early open b "$D/user.so" n call b go \
		open c libm.so.6 n
}

case_symlink()
{
	lib real <<<'int go(void) { return 6; } int (*pointer)(void) = go;'
	ln -s real.so alias.so
	learn open a "$D/alias.so" n
	run 'alias.so applied' open a "$D/alias.so" n call a go open b "$D/real.so" n call b go
	run 'real.so (no closure of this root was|an object that was not) recorded.*' open b "$D/real.so" n call b go \
		open a "$D/alias.so" n call a go
}

case_many()
{
	local i steps=()
	for ((i = 0; i < 120; i++)); do
		lib "p$i" -O0 <<<"int same(void) { return $i; } int (*pointer)(void) = same; int go(void) { return same() + pointer(); }" &
		[ $((i % 4)) -ne 3 ] || wait
		steps+=(open "p$i" "$D/p$i.so" n call "p$i" go)
	done
	wait
	learn "${steps[@]}"
	run "$(for ((i = 0; i < 120; i++)); do printf 'p%d.so applied;' "$i"; done)" "${steps[@]}"
}

case_constructor()
{
	lib inner <<<'int inner(void) { return 8; } int (*pointer)(void) = inner;'
	lib outer <<-C
	#include <dlfcn.h>
	static int seen;
	static int (*function)(void);
	__attribute__((constructor)) static void start(void)
	{
		void *inner = dlopen("$D/inner.so", RTLD_NOW);
		function = (int (*)(void))dlsym(inner, "inner");
		seen = function();
	}
	int go(void) { return seen * 10 + function(); }
	C
	learn open a "$D/outer.so" n
	run 'outer.so applied;inner.so applied' open a "$D/outer.so" n call a go
	lib byname <<-'C'
	#include <dlfcn.h>
	int secret(void) { return 1; }
	int go(void)
	{
		void *inner = dlopen("asks.so", RTLD_NOW);
		int (*function)(void) = (int (*)(void))dlsym(inner, "asks");
		return function();
	}
	C
	lib asks <<<'extern int secret(void) __attribute__((weak)); int asks(void) { return secret ? secret() : -1; }'
	learn open a "$D/byname.so" n call a go
	run 'byname.so applied;asks.so applied' open a "$D/byname.so" n call a go
}

case_threads()
{
	shared_dependency
	lib thread1 -l:common.so <<<'int common(void); int (*pointer)(void) = common; int go(void) { return pointer() > 0; }'
	for i in 2 3 4 5 6 7 8; do cp thread1.so "thread$i.so"; done
	cat >threads.c <<-'C'
	#include <dlfcn.h>
	#include <pthread.h>
	#include <stdio.h>
	#include <stdlib.h>
	static const char *directory;
	static void *load(void *argument)
	{
		long number = (long)argument, failures = 0;
		char path[4096];
		for (int round = 0; round < 200; round++) {
			snprintf(path, sizeof path, "%s/thread%ld.so", directory, (number + round) % 8 + 1);
			void *handle = dlopen(path, round & 1 ? RTLD_NOW : RTLD_LAZY);
			int (*go)(void) = handle ? (int (*)(void))dlsym(handle, "go") : NULL;
			failures += !go || go() != 1;
			if (handle)
				dlclose(handle);
		}
		return (void *)failures;
	}
	int main(int argc, char **argv)
	{
		pthread_t threads[8];
		long sum = 0;
		directory = argv[1];
		for (long i = 0; i < 8; i++)
			pthread_create(&threads[i], NULL, load, (void *)i);
		for (int i = 0; i < 8; i++) {
			void *failures;
			pthread_join(threads[i], &failures);
			sum += (long)failures;
		}
		printf("%ld failures\n", sum);
		return argc != 2;
	}
	C
	"$CC" -O1 -o load threads.c -ldl -pthread
	learn "$D"
	capture plain ./load "$D"
	capture_matr matr ./load "$D"
	grep -c 'applied closure' "$T/matr.said" >"$T/count" || :
	if alike && [ "$(cat "$T/count")" -gt 8 ] && ! grep -q 'left to' "$T/matr.said"; then
		ok "$CASE: 8 threads, 1600 dlopen(), $(cat "$T/count") of them loads"
	else
		not_ok "$CASE" "$T/matr.said" "$T/matr.out" "$T/count"
	fi
	program
	learn open a "$D/one.so" n open b "$D/two.so" n
	run 'one.so applied;two.so applied' thread open a "$D/one.so" n call a go end \
		thread open b "$D/two.so" n call b go end call a go
	run 'one.so applied;two.so applied' small open a "$D/one.so" n call a go end small open b "$D/two.so" n call b go end
	VERIFY=0 run 'one.so applied;two.so applied' open a "$D/one.so" n fork open b "$D/two.so" n call b go end call a go
}

case_exec()
{
	lib plugin <<<'int go(void) { return 9; } int (*pointer)(void) = go;'
	lib starter <<-'C'
	#include <stdlib.h>
	#include <stdio.h>
	int go(void) { fflush(NULL); return system(getenv("AGAIN")); }
	C
	learn open a "$D/starter.so" n open p "$D/plugin.so" n
	export AGAIN="$D/load open p $D/plugin.so n call p go"
	VERIFY=0 run 'starter.so applied;plugin.so applied' open a "$D/starter.so" n call a go
	unset AGAIN
}

# ---- interposition ----

case_global()
{
	lib first <<<'int answer(void) { return 1; } int datum = 1;'
	lib second -Wl,-z,now <<<'int answer(void) { return 2; } int datum = 2; int *pointer = &datum;
		int other(void) { return 30; } int (*function)(void) = answer;
		int go(void) { return answer() * 1000 + *pointer * 100 + function() * 10 + other(); }'
	# both recorded: what they share is left to ld.so
	learn open a "$D/first.so" ng open b "$D/second.so" n
	run 'first.so applied;second.so applied' open a "$D/first.so" ng open b "$D/second.so" n call b go
	run 'first.so applied;second.so applied' open a "$D/first.so" n open b "$D/second.so" n call b go
	run 'second.so applied;first.so applied' open b "$D/second.so" n open a "$D/first.so" ng call b go
	run 'first.so applied;second.so applied' open a "$D/first.so" n open a "$D/first.so" nog open b "$D/second.so" n call b go
	# only the second: an object that was not recorded and has such a symbol
	"$MATR" record --forget-all
	learn open b "$D/second.so" n
	run 'first.so no closure of this root was recorded;second.so in the process is an object with a symbol.*' \
		open a "$D/first.so" ng open b "$D/second.so" n call b go
	run 'first.so no closure of this root was recorded;second.so applied' \
		open a "$D/first.so" ng close a open b "$D/second.so" n call b go
	# one that has none of them
	lib harmless <<<'int harmless(void) { return 1; }'
	run 'harmless.so no closure of this root was recorded;second.so applied' \
		open a "$D/harmless.so" ng open b "$D/second.so" n call b go
	# one without the table to look it up in
	lib sysv -Wl,--hash-style=sysv <<<'int answer(void) { return 1; }'
	run 'sysv.so no closure of this root was recorded;second.so in the process is an object .*without DT_GNU_HASH.*' \
		open a "$D/sysv.so" ng open b "$D/second.so" n call b go
	# loaded by a plug-in's dependency
	lib carrier -l:first.so <<<'int carrier(void) { return 1; }'
	run 'carrier.so no closure of this root was recorded;second.so in the process is an object with a symbol.*' \
		open a "$D/carrier.so" ng open b "$D/second.so" n call b go
	# comes later than a function is first called, where functions are bound when they are called
	lib lazy <<<'int answer(void) { return 2; } int go(void) { return answer(); }'
	"$MATR" record --forget-all
	learn open b "$D/lazy.so" l
	run 'lazy.so applied;first.so no closure of this root was recorded' open b "$D/lazy.so" l open a "$D/first.so" lg call b go
	run 'lazy.so applied;first.so no closure of this root was recorded' open b "$D/lazy.so" l call b go \
		open a "$D/first.so" lg call b go
	learn open b "$D/lazy.so" l open a "$D/first.so" lg
	run 'lazy.so applied;first.so applied' open b "$D/lazy.so" l open a "$D/first.so" lg call b go
	run 'lazy.so applied;first.so applied' open b "$D/lazy.so" l call b go open a "$D/first.so" lg call b go
	# recorded with RTLD_NOW, and loaded with RTLD_LAZY
	"$MATR" record --forget-all
	learn open b "$D/lazy.so" n open a "$D/first.so" n
	run 'lazy.so applied;first.so applied' open b "$D/lazy.so" l open a "$D/first.so" lg call b go
	run 'lazy.so applied;first.so applied' open b "$D/lazy.so" n open a "$D/first.so" lg call b go
}

case_deepbind()
{
	lib early <<<'int answer(void) { return 1; } int datum = 1; int untouched(void) { return 3; }'
	program -L. -l:early.so '-Wl,-rpath,$ORIGIN'
	lib plugin -l:early.so <<<'int answer(void) { return 2; } int datum = 2; int *pointer = &datum; int untouched(void);
		int own(void) { return 4; } int (*function)(void) = answer;
		int go(void) { return answer() * 10000 + *pointer * 1000 + function() * 100 + untouched() * 10 + own(); }'
	learn open b "$D/plugin.so" n
	run 'plugin.so applied' open b "$D/plugin.so" n call b go
	run 'plugin.so applied' open b "$D/plugin.so" nd call b go
	run 'plugin.so applied' open b "$D/plugin.so" ld call b go
	lib foreign <<<'int answer(void) { return 5; } int own(void) { return 6; }'
	run 'foreign.so no closure.*;plugin.so in the process is an object with a symbol.*' open a "$D/foreign.so" ng \
		open b "$D/plugin.so" nd call b go
}

case_symbolic()
{
	lib first <<<'int answer(void) { return 1; } int shown(void) { return 1; }'
	lib second -Wl,-Bsymbolic <<<'int answer(void) { return 2; } int (*function)(void) = answer;
		__attribute__((visibility("protected"))) int shown(void) { return 2; } int (*protected_one)(void) = shown;
		int go(void) { return answer() * 100 + function() * 10 + shown() * 1000 + protected_one(); }'
	learn open a "$D/first.so" ng open b "$D/second.so" n
	run 'first.so applied;second.so applied' open a "$D/first.so" ng open b "$D/second.so" n call b go
}

case_undefined()
{
	lib missing <<<'int nowhere(void); int go(void) { return 1; } int fails(void) { return nowhere(); }'
	lib missing_data <<<'extern int nowhere_data; int go(void) { return nowhere_data; }'
	lib provider <<<'int nowhere(void) { return 77; }'
	learn open a "$D/missing.so" l open c "$D/provider.so" n open b "$D/missing_data.so" l
	run 'missing.so applied' open a "$D/missing.so" l call a go child a fails
	VERIFY=0 run 'missing.so applied;missing.so applied' open a "$D/missing.so" n open b "$D/missing.so" n loaded missing.so
	run 'missing.so applied;provider.so applied' open a "$D/missing.so" l call a go open b "$D/provider.so" ng \
		call a fails
	run 'provider.so applied;missing.so applied' open b "$D/provider.so" ng open a "$D/missing.so" n call a fails
	VERIFY=0 run 'missing.so applied;missing.so applied' open a "$D/missing.so" n open a "$D/missing.so" l call a go
	VERIFY=0 run 'missing_data.so applied' open a "$D/missing_data.so" l
	run 'missing.so applied' open a "$D/missing.so" n loaded missing.so
}

# A library that no search finds: it is there if it was loaded by its path before.
case_found_nowhere()
{
	mkdir -p hidden
	lib hidden/base -Wl,-soname,base.so <<<'int state; int base(void) { return ++state; } int *datum = &state;'
	lib hidden/upper -Wl,-soname,upper.so -L hidden -l:base.so <<<'int base(void); int upper(void) { return 10 * base(); }'
	lib user -L hidden -l:base.so <<<'int base(void); extern int *datum; int (*pointer)(void) = base; int **p = &datum;
		int go(void) { return pointer() * 10 + **p; }'
	lib second -L hidden -l:upper.so -l:user.so <<<'int upper(void), go(void); int (*pointer)(void) = upper;
		int both(void) { return upper() + go(); }'
	program '-Wl,-rpath,$ORIGIN/none'
	learn open b "$D/hidden/base.so" n open u "$D/user.so" n open o "$D/hidden/upper.so" n open s "$D/second.so" n
	run 'base.so applied;user.so applied' open b "$D/hidden/base.so" n open u "$D/user.so" n call u go call b base
	run 'base.so applied;upper.so applied;second.so applied' open b "$D/hidden/base.so" n open o "$D/hidden/upper.so" n \
		open s "$D/second.so" n call s both loaded user.so call b base
	run 'base.so applied;upper.so applied;user.so applied;second.so applied' open b "$D/hidden/base.so" n \
		open o "$D/hidden/upper.so" n close b open u "$D/user.so" n open s "$D/second.so" n call s both call u go
	# not loaded before: ld.so does not find it
	VERIFY=0 run '.*user.so applied;base.so applied;user.so applied' open u "$D/user.so" n open b "$D/hidden/base.so" n \
		open u "$D/user.so" n call u go loaded base.so
	VERIFY=0 run 'base.so applied;user.so applied' open b "$D/hidden/base.so" n close b open u "$D/user.so" n loaded base.so
	run 'base.so applied;user.so applied' open b "$D/hidden/base.so" n open u "$D/user.so" n close b call u go \
		loaded base.so close u loaded base.so
	# by another file of that name, which was not recorded
	mkdir -p other
	lib other/base -Wl,-soname,base.so <<<'int base(void) { return 50; } int value = 3; int *datum = &value;'
	run 'base.so no closure.*;user.so in the process is another library of a name.*' open b "$D/other/base.so" n \
		open u "$D/user.so" n call u go
}

# Symbols that no library of the closure defines: they are there if another was loaded with RTLD_GLOBAL before.
case_undefined_until_loaded()
{
	lib sym <<<'int answer(void) { return 42; } int datum = 5;'
	lib other <<<'int answer(void) { return 43; } int datum = 6;'
	lib wants <<<'int answer(void); extern int datum; int *pointer = &datum; int (*function)(void) = answer;
		int own = 7; int *own_pointer = &own; int go(void) { return answer() * 100 + *pointer * 10 + function() + *own_pointer; }'
	lib upper -l:wants.so <<<'int go(void); int (*pointer)(void) = go; int up(void) { return pointer(); }'
	learn open s "$D/sym.so" ng open w "$D/wants.so" n open u "$D/upper.so" n
	run 'sym.so applied;wants.so applied;upper.so applied' open s "$D/sym.so" ng open w "$D/wants.so" n open u "$D/upper.so" n \
		call w go call u up
	run 'sym.so applied;wants.so applied' open s "$D/sym.so" lg open w "$D/wants.so" l call w go
	run 'sym.so applied;upper.so applied' open s "$D/sym.so" ng open u "$D/upper.so" n call u up call u go
	VERIFY=0 run 'wants.so applied;sym.so applied;wants.so applied' open w "$D/wants.so" n open s "$D/sym.so" ng \
		open w "$D/wants.so" n call w go
	VERIFY=0 run 'sym.so applied;wants.so applied' open s "$D/sym.so" n open w "$D/wants.so" n loaded wants.so
	run 'other.so no closure.*;wants.so applied' open o "$D/other.so" ng open w "$D/wants.so" n call w go
	learn open s "$D/sym.so" ng open w "$D/wants.so" n close w close s open o "$D/other.so" ng open w "$D/wants.so" n
	run 'other.so applied;sym.so applied;wants.so applied' open o "$D/other.so" ng open s "$D/sym.so" ng \
		open w "$D/wants.so" n call w go
	run 'sym.so applied;other.so applied;wants.so applied' open s "$D/sym.so" ng open o "$D/other.so" ng \
		open w "$D/wants.so" n call w go
}

case_weak()
{
	lib weak <<<'extern int perhaps(void) __attribute__((weak)); extern int perhaps_data __attribute__((weak));
		int go(void) { return (perhaps ? perhaps() : -1) * 100 + (&perhaps_data ? perhaps_data : -1); }'
	lib perhaps <<<'int perhaps(void) { return 1; } int perhaps_data = 2;'
	learn open a "$D/weak.so" n
	run 'weak.so applied' open a "$D/weak.so" n call a go
	run 'perhaps.so no closure.*;weak.so in the process is an object with a symbol.*' open b "$D/perhaps.so" ng \
		open a "$D/weak.so" n call a go
	learn open a "$D/weak.so" n open b "$D/perhaps.so" ng
	run 'perhaps.so applied;weak.so applied' open b "$D/perhaps.so" ng open a "$D/weak.so" n call a go
	run 'weak.so applied;perhaps.so applied' open a "$D/weak.so" n open b "$D/perhaps.so" ng call a go
}

case_soname()
{
	mkdir -p x y
	lib x/name -Wl,-soname,name.so <<<'int name(void) { return 1; }'
	lib y/name -Wl,-soname,name.so <<<'int name(void) { return 2; }'
	lib user -l:x/name.so '-Wl,-rpath,$ORIGIN/x' <<<'int name(void); int (*pointer)(void) = name; int go(void) { return pointer(); }'
	learn open u "$D/user.so" n
	run 'user.so applied' open u "$D/user.so" n call u go
	run 'name.so no closure.*;user.so in the process is another library of a name that is needed.*' open y "$D/y/name.so" n open u "$D/user.so" n call u go
	learn open y "$D/y/name.so" n
	run 'name.so applied;user.so .*' open y "$D/y/name.so" n open u "$D/user.so" n call u go
	run 'user.so .*;name.so applied' open u "$D/user.so" n open y "$D/y/name.so" n call u go
}

# Names by which members are known: what is loaded by ld.so later finds them, not another file.
case_names()
{
	mkdir -p other
	lib inner -Wl,-soname,inner.so <<<'int inner(void) { return 1; } int (*inner_pointer)(void) = inner;'
	lib target -Wl,-soname,target.so <<<'int target(void) { return 0; }'
	lib one -l:inner.so <<<'int inner(void); int (*pointer)(void) = inner; int go(void) { return pointer(); }'
	lib two -l:target.so <<<'int target(void); int (*pointer)(void) = target; int go(void) { return 10 + pointer(); }'
	# needed as target.so, its name is another
	lib target -Wl,-soname,target.so.1 <<<'int target(void) { return 1; } int (*target_pointer)(void) = target;'
	lib other/inner -Wl,-soname,inner.so <<<'int inner(void) { return 2; }'
	lib other/target -Wl,-soname,target.so.1 <<<'int target(void) { return 2; }'
	mv other/target.so other/target.so.1
	lib other/late -l:inner.so <<<'int inner(void); int go(void) { return 20 + inner(); }'
	lib other/last -l:target.so <<<'int target(void); int go(void) { return 30 + target(); }'
	learn open c "$D/inner.so" n open d "$D/target.so" n
	learn open a "$D/one.so" n open b "$D/two.so" n
	run 'one.so applied;two.so applied;late.so no closure.*;last.so no closure.*' open a "$D/one.so" n \
		open b "$D/two.so" n open c "$D/other/late.so" n call c go open d "$D/other/last.so" n call d go \
		open e inner.so no open f target.so.1 no open g target.so no list
	run 'inner.so applied;target.so applied;one.so applied;two.so applied;late.so .*;last.so .*' open e "$D/inner.so" n \
		open f "$D/target.so" n open a "$D/one.so" n open b "$D/two.so" n call a go call b go \
		open c "$D/other/late.so" n call c go open d "$D/other/last.so" n call d go list
}

case_not_a_dependency()
{
	# a plug-in that uses what another brought in: it has to stay as long as it is used
	lib provider <<<'int provided(void) { return 12; } int provided_data = 13;'
	lib user <<<'int provided(void); extern int provided_data; int (*pointer)(void) = provided;
		int go(void) { return provided() + pointer() + provided_data; }'
	lib both -l:provider.so -l:user.so <<<'int both;'
	learn open b "$D/both.so" n
	run 'both.so applied' open b "$D/both.so" n open u "$D/user.so" no call u go close b loaded both.so \
		loaded provider.so call u go close u loaded provider.so loaded user.so
	# loaded with RTLD_GLOBAL on its own
	learn open p "$D/provider.so" ng open u "$D/user.so" n
	run '.*;.*' open p "$D/provider.so" ng open u "$D/user.so" n close p call u go loaded provider.so close u \
		loaded provider.so
}

# ---- kinds of relocations ----

case_tls()
{
	local model
	for model in global-dynamic local-dynamic initial-exec descriptors; do
		local flags=("-ftls-model=$model")
		[ "$model" != descriptors ] || flags=(-mtls-dialect=gnu2)
		[ "$model" != local-dynamic ] || flags+=(-Dlocal=static)
		lib "tls-$model" "${flags[@]}" -pthread <<-'C'
		#include <pthread.h>
		#ifndef local
		#define local
		#endif
		local __thread int shown = 3;
		static __thread int hidden[4] = {1, 2, 3, 4};
		int *address(void) { return &shown; }
		int *(*pointer)(void) = address;
		static void *thread(void *unused) { (void)unused; hidden[1] += 10; ++*pointer(); return (void *)(long)(hidden[1] + shown); }
		int go(void)
		{
			pthread_t id; void *sum;
			pthread_create(&id, NULL, thread, NULL);
			pthread_join(id, &sum);
			return (int)(long)sum * 100 + hidden[1] + shown++ + *pointer();
		}
		C
		[ "$model" != local-dynamic ] || continue
		lib "tls-user-$model" "${flags[@]}" "-l:tls-$model.so" <<<'extern __thread int shown; int go(void) { return ++shown; }'
	done
	local steps=() wanted=''
	for model in global-dynamic initial-exec descriptors; do
		steps+=(open "$model" "$D/tls-$model.so" n call "$model" go
			open "$model-user" "$D/tls-user-$model.so" l call "$model-user" go call "$model" go)
		wanted+="tls-$model.so applied;tls-user-$model.so applied;"
	done
	steps+=(open local "$D/tls-local-dynamic.so" n call local go)
	wanted+="tls-local-dynamic.so applied;"
	learn "${steps[@]}"
	run "$wanted" "${steps[@]}"
	run "$wanted" thread "${steps[@]}" end
	# no room for it
	lib large -ftls-model=initial-exec <<<'__thread char large[1 << 16]; int go(void) { return large[0]; }'
	learn open l "$D/large.so" n
	VERIFY=0 run 'large.so applied' open l "$D/large.so" n loaded large.so
}

case_ifunc()
{
	lib chosen <<-'C'
	static int calls;
	static int impl(void) { return 21; }
	int other(void) { return 22; }
	static int (*resolve(void))(void) { calls++; return impl; }
	int chosen(void) __attribute__((ifunc("resolve")));
	int (*pointer)(void) = chosen;
	int count(void) { return calls; }
	int go(void) { return chosen() * 100 + pointer() + other(); }
	C
	lib user -l:chosen.so <<<'#include <string.h>
		int chosen(void); int (*pointer)(void) = chosen; size_t (*length)(const char *) = strlen;
		int go(void) { char text[20]; memset(text, 65, 19); text[19] = 0;
			return chosen() + pointer() + (int)length(text) + (strchr(text, 66) != 0) + (memcpy == memmove); }'
	learn open a "$D/chosen.so" n open b "$D/user.so" n
	run 'chosen.so applied;user.so applied' open a "$D/chosen.so" n call a go open b "$D/user.so" n call b go
	run 'user.so applied' open b "$D/user.so" n call b go
	run 'chosen.so applied;user.so applied' open a "$D/chosen.so" l call a go open b "$D/user.so" l call b go
}

case_unique()
{
	lib unique1++ <<-'C'
	struct counter { static inline int value = 5; };
	extern "C" int go(void) { return ++counter::value; }
	C
	cp unique1.so unique2.so
	lib unique2++ <<-'C'
	struct counter { static inline int value = 5; };
	int *pointer = &counter::value;
	extern "C" int go(void) { return ++counter::value * 10 + (pointer == &counter::value); }
	C
	learn open a "$D/unique1.so" n open b "$D/unique2.so" n
	run 'unique1.so applied;unique2.so applied' open a "$D/unique1.so" n call a go open b "$D/unique2.so" n call b go \
		call a go close a close b loaded unique1.so loaded unique2.so
	run 'unique2.so applied;unique1.so applied' open b "$D/unique2.so" n call b go open a "$D/unique1.so" n call a go call b go
	"$MATR" record --forget-all
	learn open b "$D/unique2.so" n
	run 'unique1.so no closure.*;unique2.so .*' open a "$D/unique1.so" n call a go open b "$D/unique2.so" n call b go
}

case_exceptions()
{
	lib thrower++ <<-'C'
	#include <stdexcept>
	struct failure : std::runtime_error { using std::runtime_error::runtime_error; };
	extern "C" void throw_one(int which) { if (which) throw failure("one"); throw std::out_of_range("two"); }
	C
	lib catcher++ -l:thrower.so <<-'C'
	#include <stdexcept>
	#include <iostream>
	#include <typeinfo>
	struct failure : std::runtime_error { using std::runtime_error::runtime_error; };
	extern "C" void throw_one(int);
	extern "C" int go(void)
	{
		int sum = 0;
		for (int i = 0; i < 2; i++)
			try { throw_one(i); }
			catch (const failure &e) { std::cout << e.what() << typeid(e).name() << std::endl; sum += 1; }
			catch (const std::exception &e) { std::cout << e.what() << std::endl; sum += 10; }
		return sum;
	}
	C
	learn open a "$D/catcher.so" n
	run 'catcher.so applied' open a "$D/catcher.so" n call a go close a
	run 'catcher.so applied' open a "$D/catcher.so" l call a go
	learn open b "$D/thrower.so" n
	run 'thrower.so applied;catcher.so applied' open b "$D/thrower.so" n open a "$D/catcher.so" nd call a go
}

case_textrel()
{
	# left to ld.so in itself, not what it needs
	printf '%s\n' '.data' 'datum: .long 31' '.text' '.globl go' '.type go, @function' 'go: movabs $datum, %rax' \
		'mov (%rax), %eax' 'ret' '.section .note.GNU-stack,"",@progbits' >text.s
	lib partner <<<'int partner(void) { return 1; } int (*pointer)(void) = partner;'
	"$CC" -shared -o text.so text.s -Wl,-z,notext -L. -l:partner.so '-Wl,-rpath,$ORIGIN' -Wl,--no-as-needed 2>/dev/null
	learn open a "$D/text.so" n
	run 'text.so applied' open a "$D/text.so" n call a go call a partner
}

case_relr()
{
	lib relr -Wl,-z,pack-relative-relocs <<<'static int n[] = {1, 2, 3}; int *t[] = {n, n + 1, n + 2, n, n, n, n + 2};
		int go(void) { return *t[0] + *t[1] + *t[6]; }'
	learn open a "$D/relr.so" n
	run 'relr.so applied' open a "$D/relr.so" n call a go
}

case_plt()
{
	# all of a PLT's kinds: none, now, IBT
	local flags i=0 steps=() wanted=''
	for flags in '-fno-plt' '-Wl,-z,now' '-fcf-protection=full' '-Wl,-z,lazy -Wl,-z,norelro' '-Wl,-z,relro -Wl,-z,now -Wl,--hash-style=both'; do
		i=$((i + 1))
		# shellcheck disable=SC2086 # several flags
		lib "plt$i" $flags <<<'#include <stdlib.h>
			int helper(void) { return 3; } int go(void) { return helper() + abs(-4) + atoi("12"); }'
		steps+=(open "p$i" "$D/plt$i.so" l call "p$i" go)
		wanted+="plt$i.so applied;"
	done
	learn "${steps[@]}"
	run "$wanted" "${steps[@]}"
}

case_data()
{
	# segments, alignments, read-only dynamic sections, no section headers
	lib rodynamic -fuse-ld=lld -Wl,-z,rodynamic <<<'int x = 4; int *p = &x; int go(void) { return *p; }' || return 0
	lib stripped -s <<<'int x = 5; int *p = &x; int go(void) { return *p; }'
	lib aligned <<<'__attribute__((aligned(65536))) int x = 6; int *p = &x; int go(void) { return *p + ((long)p & 65535 ? 1 : 0); }'
	lib packed <<<'int x = 7; struct { char c; int *p; } __attribute__((packed)) s = {1, &x}; int go(void) { return *s.p; }'
	lib soname_less -Wl,-z,nodelete -Wl,-z,initfirst <<<'int x = 8; int *p = &x; int go(void) { return *p; }'
	local name steps=() wanted=''
	for name in rodynamic stripped aligned packed soname_less; do
		steps+=(open "$name" "$D/$name.so" n call "$name" go close "$name" loaded "$name.so")
		wanted+="$name.so applied;"
	done
	learn "${steps[@]}"
	run "$wanted" "${steps[@]}"
}

case_interpreter()
{
	lib linker /lib64/ld-linux-x86-64.so.2 <<<'extern void *__tls_get_addr(void *); extern void *_r_debug;
		void *pointer = &_r_debug; int go(void) { return pointer != 0; }'
	learn open a "$D/linker.so" n
	run 'linker.so applied' open a "$D/linker.so" n call a go
}

case_versions()
{
	printf 'V1 { global: f; }; V2 { global: g; } V1;\n' >map
	lib versioned -Wl,--version-script=map -Wl,-soname,versioned.so <<-'C'
	int old(void) { return 1; }
	int new(void) { return 2; }
	__asm__(".symver old, f@V1\n.symver new, f@@V2");
	int g(void) { return 3; }
	C
	lib uses -l:versioned.so <<<'int f(void), g(void); int (*p)(void) = f; int go(void) { return f() * 100 + p() * 10 + g(); }'
	lib uses_old -l:versioned.so <<<'int old_f(void); __asm__(".symver old_f, f@V1"); int go(void) { return old_f(); }'
	learn open a "$D/uses.so" n open b "$D/uses_old.so" n
	run 'uses.so applied;uses_old.so applied' open a "$D/uses.so" n call a go open b "$D/uses_old.so" n call b go
	# a version that has gone
	printf 'V1 { global: f; };\n' >map
	sleep 0.01
	rm versioned.so
	lib versioned -Wl,--version-script=map -Wl,-soname,versioned.so <<<'int f(void) { return 9; }'
	VERIFY=0 run '*' open a "$D/uses.so" n
}

# ---- changes since the recording ----

case_changed()
{
	lib plugin <<<'int go(void) { return 1; } int (*pointer)(void) = go;'
	lib dependency <<<'int value(void) { return 1; }'
	lib user -l:dependency.so <<<'int value(void); int (*pointer)(void) = value; int go(void) { return pointer(); }'
	lib noid -Wl,--build-id=none <<<'int go(void) { return 5; } int (*pointer)(void) = go;'
	learn open p "$D/plugin.so" n open u "$D/user.so" n open n "$D/noid.so" n
	run 'plugin.so applied;user.so applied;noid.so applied' open p "$D/plugin.so" n call p go open u "$D/user.so" n call u go \
		open n "$D/noid.so" n call n go
	# another build-id, the same layout
	rm plugin.so dependency.so
	lib plugin <<<'int go(void) { return 2; } int (*pointer)(void) = go;'
	lib dependency <<<'int other(void) { return 7; } int value(void) { return 2; }'
	cp noid.so noid.copy && sleep 0.01 && touch noid.copy && mv noid.copy noid.so
	run 'plugin.so a library is not the recorded file.*;user.so it is in the process at another address.*;noid.so .*' \
		open p "$D/plugin.so" n call p go open u "$D/user.so" n call u go open n "$D/noid.so" n call n go
	# while the program runs
	learn open p "$D/plugin.so" n
	lib later <<<'int go(void) { return 3; } int (*pointer)(void) = go;'
	cp -p plugin.so kept.so
	restore() { cp -p --remove-destination kept.so plugin.so && begin ./load; } # another inode
	BEFORE=restore VERIFY=0 run 'plugin.so applied;plugin.so a library is not the recorded file.*' open p "$D/plugin.so" n call p go close p \
		link "$D/plugin.so" "$D/later.so" open p "$D/plugin.so" n call p go
	rm plugin.so
	VERIFY=0 run '' open p "$D/plugin.so" n
	cp kept.so plugin.so
	run 'plugin.so a library is not the recorded file.*' open p "$D/plugin.so" n call p go # the same content
	rm dependency.so
	VERIFY=0 run '*' open u "$D/user.so" n loaded user.so
	: >dependency.so
	VERIFY=0 run '*' open u "$D/user.so" n loaded user.so
}

case_epochs()
{
	lib plugin <<<'int go(void) { return 1; } int (*pointer)(void) = go;'
	lib second <<<'int second(void) { return 2; } int (*other)(void) = second;'
	learn open p "$D/plugin.so" n
	run 'plugin.so applied;second.so no closure of this root was recorded' open p "$D/plugin.so" n call p go open s "$D/second.so" n
	# another recording, an unchanged program
	learn open s "$D/second.so" n
	run 'plugin.so applied;second.so applied' open p "$D/plugin.so" n call p go open s "$D/second.so" n
	# a changed plug-in, an unchanged program
	sleep 0.01
	rm plugin.so
	lib plugin <<<'int go(void) { return 4; } int (*pointer)(void) = go; int more = 1;'
	run 'plugin.so a library is not the recorded file.*;second.so .*' open p "$D/plugin.so" n call p go open s "$D/second.so" n
	check "$CASE: epoch begin" begin ./load
	run 'plugin.so applied;second.so applied' open p "$D/plugin.so" n call p go open s "$D/second.so" n
	# one that cannot be mapped, and one that can again
	cp plugin.so good.so && echo no library >plugin.so
	check "$CASE: epoch begin with a broken plug-in" begin ./load
	VERIFY=0 run 'plugin.so no closure.*;second.so applied' open p "$D/plugin.so" n open s "$D/second.so" n
	rm plugin.so
	check "$CASE: epoch begin without it" begin ./load
	VERIFY=0 run 'second.so applied' open p "$D/plugin.so" n open s "$D/second.so" n
	mv good.so plugin.so
	check "$CASE: epoch begin with it back" begin ./load
	run 'plugin.so applied;second.so applied' open p "$D/plugin.so" n call p go open s "$D/second.so" n
	# forgotten
	"$MATR" record --forget ./load
	check "$CASE: epoch begin with nothing recorded" begin ./load
	run '' open p "$D/plugin.so" n call p go open s "$D/second.so" n
}

case_not_loadable()
{
	# what ld.so does not load, for reasons of the library's own
	local code='int go(void) { return 1; } int (*pointer)(void) = go;'
	lib sound <<<"$code"
	lib nodlopen -Wl,-z,nodlopen <<<"$code"
	lib level -nostdlib -fcf-protection <<<"$code"
	"$TESTS/oracle/rules/elf-patch" level.so property 0xc0000002 0xc0008002 0x10000
	lib type <<<"$code"
	"$TESTS/oracle/rules/elf-patch" type.so retype 1 24
	program
	"$MATR" record --forget-all
	printf '%s\n' '[programs]' "directory = $D/nowhere" "include = $D/load" '[program test]' "path = $D/load" \
		"load-now = $D/*.so" >conf
	mkdir nowhere
	check "$CASE: epoch begin" "$MATR" epoch begin --only --config conf
	"$MATR" inspect --closures ./load >"$T/closures" 2>&1 || :
	for reason in 'nodlopen.so.* does not let dlopen.. load it' 'level.so.* CPU ISA level' 'type.so.* relocation of type 24'; do
		check "$CASE: $reason" grep -q "$reason" "$T/closures"
	done
	run '*' open a "$D/nodlopen.so" n open b "$D/level.so" n open d "$D/sound.so" n call d go
	check "$CASE: ld.so's reasons" sh -c 'grep -q "cannot be dlopen" "$0" && grep -q "ISA level" "$0"' "$T/plain.out"
}

case_configuration()
{
	mkdir -p plugins/deep
	lib plugins/one <<<'int go(void) { return 1; } int (*pointer)(void) = go;'
	lib plugins/deep/two <<<'int go(void) { return 2; } int (*pointer)(void) = go;'
	lib lazy <<<'int helper(void) { return 3; } int go(void) { return helper(); }'
	echo text >plugins/text.so
	program
	"$MATR" record --forget-all
	cat >conf <<-C
	[programs]
	directory = $D/nowhere
	include = $D/load
	[program test]
	path = $D/load
	load-now = $D/plugins/*.so
	load-now = $D/plugins/*/*.so
	load = $D/lazy.so
	load = $D/not-there.so
	C
	mkdir nowhere
	configured() { "$MATR" epoch begin --only --config conf >"$T/begin" 2>&1 </dev/null || { cat "$T/begin"; return 1; }; }
	check "$CASE: epoch begin" configured
	check "$CASE: four loads, one of which is not there" grep -q ' 4 loads (1 left to ld.so)' "$T/begin"
	run 'one.so applied;two.so applied;lazy.so applied' open a "$D/plugins/one.so" n call a go \
		open b "$D/plugins/deep/two.so" n call b go open c "$D/lazy.so" l call c go
	settle .
	check "$CASE: again" configured
	check "$CASE: and again" configured
	check "$CASE: nothing has changed" grep -q '1 programs (1 as before), 4 loads' "$T/begin"
	# a plug-in that was not there, in a directory that was not there
	mkdir plugins/new
	lib plugins/new/three <<<'int go(void) { return 4; } int (*pointer)(void) = go;'
	check "$CASE: with a new plug-in" configured
	check "$CASE: five loads" grep -q ' 5 loads (1 left to ld.so)' "$T/begin"
	run 'three.so applied;one.so applied' open a "$D/plugins/new/three.so" n call a go open b "$D/plugins/one.so" n call b go
	# one that is gone, and one that came late
	settle .
	check "$CASE: again" configured
	rm plugins/one.so
	lib not-there <<<'int go(void) { return 5; } int (*pointer)(void) = go;'
	check "$CASE: other plug-ins" configured
	check "$CASE: four loads again" grep -q ' 4 loads (0 left to ld.so)' "$T/begin"
	run 'three.so applied;not-there.so applied' open a "$D/plugins/new/three.so" n call a go open b "$D/not-there.so" n call b go
	# changed while the epoch is in force: status says so
	lib plugins/new/three <<<'int go(void) { return 6; } int (*pointer)(void) = go;'
	"$MATR" epoch status >"$T/status" 2>&1 || :
	check "$CASE: status knows of the changed plug-in" grep -q 'plugins/new/three.so' "$T/status"
	check "$CASE: status counts loads" grep -q '^loads  *4, 0 of them left' "$T/status"
	# out of the configuration
	sed -i '/^load/d' conf
	check "$CASE: without them" configured
	run '' open a "$D/plugins/new/three.so" n call a go
}

# ---- other company ----

case_namespaces()
{
	lib plugin -lm <<<'#include <math.h>
		int state; int go(void) { return ++state + (int)cos(0); } int (*pointer)(void) = go; double (*f)(double) = cos;'
	learn open p "$D/plugin.so" n
	run 'plugin.so there are other namespaces;libm.so.6 no .*;plugin.so there are other namespaces' private q "$D/plugin.so" call q go open p "$D/plugin.so" n call p go call q go
	run 'plugin.so applied' open p "$D/plugin.so" n call p go private q "$D/plugin.so" call q go close q call p go
}

case_debugger()
{
	if ! have gdb; then
		skip "$CASE" "no gdb"
		return
	fi
	lib plugin <<<'int inside(int x) { return x + 1; } int (*pointer)(int) = inside; int go(void) { return pointer(2); }'
	learn open p "$D/plugin.so" n
	gdb -nx -batch -ex 'set breakpoint pending on' -ex 'set debuginfod enabled off' -ex 'break inside' -ex run -ex bt -ex 'info sharedlibrary' \
		-ex finish -ex continue --args "$MATR" run ./load open p "$D/plugin.so" n call p go >"$T/gdb" 2>&1 </dev/null || :
	check "$CASE: a breakpoint in a plug-in" grep -q 'Breakpoint 1, inside (x=2)' "$T/gdb"
	check "$CASE: its caller" grep -q ' go () ' "$T/gdb"
	check "$CASE: the library is listed" grep -Eq '^0x.*Yes .*/plugin.so' "$T/gdb"
	check "$CASE: the program ends as it should" grep -q 'p.go() = 3' "$T/gdb"
	# attached to a process that has been redirected
	cat >wait.c <<-C
	#include <dlfcn.h>
	#include <stdio.h>
	#include <unistd.h>
	int main(void)
	{
		char c;
		puts("ready"); fflush(stdout);
		(void)!read(0, &c, 1);
		void *h = dlopen("$D/plugin.so", RTLD_NOW);
		printf("%d\n", ((int (*)(void))dlsym(h, "go"))());
		return 0;
	}
	C
	"$CC" -g -o load wait.c -ldl
	(echo; ) | "$MATR" record ./load >/dev/null 2>&1 || :
	begin ./load
	mkfifo fifo
	LD_STABLE_DEBUG=1 "$MATR" run ./load <fifo >out 2>err &
	local pid=$!
	exec 5>fifo
	wait_until grep -q ready out
	gdb -nx -batch -p "$pid" -ex 'set debuginfod enabled off' -ex 'set breakpoint pending on' -ex 'break inside' \
		-ex 'shell echo >fifo' -ex continue -ex bt -ex continue >"$T/gdb" 2>&1 </dev/null || :
	exec 5>&-
	wait "$pid" || :
	check "$CASE: attached: a breakpoint in a plug-in" grep -q 'inside (x=2)' "$T/gdb"
	check "$CASE: attached: the program ends as it should" grep -qx 3 out
	if readelf -nW "$(readlink -f /lib64/ld-linux-x86-64.so.2)" 2>/dev/null | grep -q stapsdt; then
		skip "$CASE: attached: the closure was left to ld.so" "gdb follows this ld.so by probes, not at _dl_debug_state"
	else
		check "$CASE: attached: the closure was left to ld.so" grep -q 'left to ld.so: .*plugin.so: a debugger follows' err
	fi
}

# seccomp: a kernel that lets nobody make memory executable, as systemd's MemoryDenyWriteExecute= does.
case_refused()
{
	lib plugin <<<'int go(void) { return 1; } int (*pointer)(void) = go;'
	"$CC" -O1 -Wall -o refuse "$HERE/closures/refuse.c"
	learn open p "$D/plugin.so" n
	local how
	for how in write-exec exec write-exec-kill-later; do
		capture plain ./refuse "$how" ./load open p "$D/plugin.so" n call p go
		capture matr env LD_STABLE_DEBUG=1 ./refuse "$how" "$MATR" run ./load open p "$D/plugin.so" n call p go
		heard matr
		explain_difference
		if alike && said applied && grep -q "applied closure .*plugin.so" "$T/matr.said"; then
			ok "$CASE: mprotect $how"
		else
			not_ok "$CASE: mprotect $how" "$T/difference" "$T/matr.said" "$T/plain.err"
		fi
	done
}

case_system()
{
	cat >nss.c <<-'C'
	#include <iconv.h>
	#include <netdb.h>
	#include <pwd.h>
	#include <stdio.h>
	#include <string.h>
	int main(void)
	{
		static const char *const sets[] = {"UTF-16", "ISO-8859-15", "EUC-JP", "KOI8-R", "BIG5"};
		struct passwd *root = getpwnam("root");
		char from[] = "gr\xc3\xbc\xc3\x9f", to[64];
		printf("%s %d\n", root ? root->pw_dir : "?", getpwnam("nobody-there") != NULL);
		for (int i = 0; i < 5; i++) {
			char *in = from, *out = to; size_t n = strlen(from), room = sizeof to;
			iconv_t set = iconv_open(sets[i], "UTF-8");
			size_t result = iconv(set, &in, &n, &out, &room);
			printf("%s %zd %zu\n", sets[i], (ssize_t)result, sizeof to - room);
			for (char *c = to; c < out; c++) printf("%02x", *c & 255);
			puts("");
			iconv_close(set);
		}
		printf("%d\n", gethostbyname("localhost") != NULL);
		return 0;
	}
	C
	"$CC" -o load nss.c
	learn
	VERIFY=0 run '*'
	check "$CASE: nothing is left to ld.so" [ "$(grep -c ' applied$' "$T/loads") $(grep -vc ' applied$' "$T/loads")" = \
		"$(wc -l <"$T/loads") 0" ]
	check "$CASE: iconv's modules are applied" grep -q 'EUC-JP.so applied' "$T/loads"
	words
}

# The loads' number depends on the system here: all of them are to be applied.
case_perl()
{
	local run=(/usr/bin/perl -MPOSIX -MSocket -MList::Util=sum -MData::Dumper -MStorable -MFcntl -MEncode -MDigest::MD5)
	"$MATR" record --forget-all
	"$MATR" record "${run[@]}" -e 1 >"$T/learn" 2>&1
	check "$CASE: epoch begin" begin /usr/bin/perl
	run+=(-e 'print strftime("%Y", gmtime(0)), inet_ntoa(INADDR_LOOPBACK), sum(1, 2), Digest::MD5::md5_hex("x")')
	capture plain "${run[@]}"
	capture_matr matr "${run[@]}"
	loads >"$T/loads"
	explain_difference
	if alike && [ "$(grep -c ' applied$' "$T/loads")" -ge 6 ] && ! grep -vq ' applied$' "$T/loads"; then
		ok "$CASE: $(wc -l <"$T/loads") extension modules"
	else
		not_ok "$CASE" "$T/difference" "$T/loads" "$T/learn"
	fi
}

run_cases "$@"
