#!/usr/bin/env bash
# counts.sh - the calls that `matr trace` counts in Debian's programs, per caller and function, against what valgrind and gdb
# count (counts.py). A sample; MATR_TEST_COUNTS=all: many programs, some minutes.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2016
. "$(dirname "$0")/../../lib/matr.sh"
unset MATR_PREFIX # matr trace makes its own
export PATH=/usr/bin:/bin:/usr/sbin HOME=$T

# counted METHOD LEAST [--symbol GLOB]... -- PROGRAM [ARG]...: as many calls, and at least LEAST of them
counted()
{
	local method=$1 least=$2 name
	shift 2
	name="$*"
	name="${name#*-- }: as $method counts"
	if /usr/bin/python3 "$HERE/counts.py" "$MATR" "$T" "$method" "$@" >"$T/counted" 2>&1 </dev/null &&
		[ "$(sed -n 's/.* \([0-9]*\) calls: the same$/\1/p' "$T/counted")" -ge "$least" ]; then
		ok "$name ($(tail -n 1 "$T/counted"))"
	else
		not_ok "$name" "$T/counted"
	fi
}

git init -q "$T/repository" && seq 5000 >"$T/repository/file" && git -C "$T/repository" add file
git -C "$T/repository" -c user.email=a@b -c user.name=n commit -q -m one
head -c 300000 /bin/bash >"$T/data"

if have valgrind; then
	counted callgrind 800 -- git -C "$T/repository" log --stat
	if xz --version | grep -q ' 5\.[0-4]\.'; then
		counted callgrind 100 -- xz -kc "$T/data"
	else # it shuts itself in, so that valgrind cannot write what it has counted
		counted callgrind 1000 -- curl -s file:///etc/passwd
	fi
	counted callgrind 4000 -- cmake -P /dev/null
else
	skip "as valgrind counts" "no valgrind"
fi
if have gdb; then
	# By LC_ALL=C setlocale(), to which git comes by a jump (glibc 2.43), goes on to free() by another: gdb takes it for git's call.
	LC_ALL=C.UTF-8 counted gdb 250 --symbol 'inflate*' --symbol 'str[dt]*' --symbol malloc --symbol free -- git -C "$T/repository" log --stat
else
	skip "as gdb counts" "no gdb"
fi
if [ "${MATR_TEST_COUNTS:-}" = all ]; then
	counted callgrind 1000 -- bash -c 'f() { return 3; }; for i in 1 2 3; do f; done; echo $?'
	counted callgrind 1000 -- sqlite3 :memory: 'create table t(a); insert into t values (1), (2); select sum(a) from t'
	counted callgrind 200 -- gpg --version
	counted callgrind 1000 -- curl -s file:///etc/passwd
	counted callgrind 1000 -- vim -es -u NONE -c 'put =1+1' -c 'q!'
	counted callgrind 1000 -- zsh -f -c 'echo $((1 + 1))'
	counted callgrind 500 -- file "$T/data"
	counted callgrind 10000 -- jq -n '[range(100)] | map(. * 2) | add'
	counted callgrind 1000 -- find /usr/share/doc -maxdepth 1
	counted callgrind 100 -- tar cf - "$T/data"
	counted callgrind 100 -- make --version
	counted callgrind 20 -- mawk 'BEGIN { for (i = 0; i < 100; i++) s += sqrt(i); print s }'
	counted callgrind 40 --symbol '*xml*' -- xmllint --version
	counted callgrind 100 --symbol '_ZNSt*' -- dcmdump --version
	counted gdb 50 --symbol 'lzma*' --symbol 'str*' --symbol malloc --symbol free -- xz -T1 -kc "$T/data"
	counted gdb 500 --symbol 'XML*' --symbol 'str*' --symbol free --symbol '[cr]*alloc' -- python3 -s -c 'print(sum(range(1000)))'
	counted gdb 100 --symbol '_ZNSt7*' -- cmake -P /dev/null
	counted gdb 500 --symbol '*mb*' --symbol 'str*' --symbol malloc --symbol free -- bash -c 'f() { return 3; }; for i in 1 2 3; do f; done; echo $?'
	counted gdb 500 --symbol 'sqlite3*' --symbol 'str*' --symbol malloc --symbol free -- sqlite3 :memory: 'create table t(a); insert into t values (1), (2); select sum(a) from t'
fi
finish
