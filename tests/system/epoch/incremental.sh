#!/usr/bin/env bash
# incremental.sh - an epoch that builds on the one before: nothing that did not change is read again, everything that
# depends on what did change is made again, and the result is that of an epoch from nothing, whatever --jobs is.
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

TREE=$T/tree
mkdir -p "$TREE/bin" "$TREE/lib" "$TREE/early"
cat >"$T/conf" <<END
[programs]
directory = $TREE/bin
END

# library FILE NUMBER; program FILE OPTION...
library()
{
	echo "int f(void) { return $2; } const char *g(void) { return \"$2\"; }" >"$T/lib.c"
	$CC -fPIC -shared -o "$1.new" "$T/lib.c" && mv "$1.new" "$1"
}
program()
{
	local out=$1
	shift
	$CC -o "$out" "$T/main.c" -L"$TREE/lib" "$@" -Wl,-rpath,"$TREE/early:$TREE/lib"
}
echo 'int f(void); int main(void) { return f(); }' >"$T/main.c"
library "$TREE/lib/libone.so" 1
library "$TREE/lib/libtwo.so" 2
program "$TREE/bin/one" -lone
program "$TREE/bin/two" -ltwo
for name in bash ls sed sort; do cp "$(command -v $name)" "$TREE/bin/$name"; done
head -c 3000 "$TREE/bin/one" >"$TREE/bin/broken"
chmod 755 "$TREE/bin/broken"

# begin_all NAME CARRIED OPTION...: an epoch, so many programs of which are as before. Broken is declined every time.
begin_all()
{
	local name=$1 wanted=$2 got status=0
	shift 2
	timeout 300 "$MATR" epoch begin --config "$T/conf" "$@" >"$T/begin" 2>"$T/begin.err" </dev/null || status=$?
	got=$("$MATR" epoch status --format json | /usr/bin/python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["programs"], s["carried"], len(s["declined"]))')
	if [ "$got" = "6 $wanted 1" ] && [ $status -eq 3 ]; then
		ok "$name"
	else
		echo "programs, carried, declined: $got, wanted 6 $wanted 1; exit status $status" >"$T/got"
		not_ok "$name" "$T/got" "$T/begin.err"
	fi
}

# as_from_nothing NAME: image and records are those of an epoch without one before.
as_from_nothing()
{
	cp "$MATR_PREFIX/epoch.image" "$T/incremental.image"
	records >"$T/incremental.records"
	MATR_PREFIX=$T/fresh "$MATR" epoch begin --config "$T/conf" -q 2>/dev/null || :
	MATR_PREFIX=$T/fresh records >"$T/fresh.records"
	same_image "$T/incremental.image" "$T/fresh/epoch.image" && cmp -s "$T/incremental.records" "$T/fresh.records" &&
		ok "$1" || not_ok "$1"
	rm -rf "$T/fresh"
}

# Print the records of the newest epoch's programs, without row numbers.
records()
{
	/usr/bin/python3 - "$MATR_PREFIX/store.db" <<'END'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
epoch, = db.execute("SELECT max(id) FROM epochs").fetchone()
for query in (
    "SELECT application, position, path, object, rule, loaded_by, needed_as FROM scopes WHERE epoch = ?",
    "SELECT a.path, s.position, o.path, hex(b.hash) FROM applications a JOIN scope_entries s ON s.application_id = a.id"
    " JOIN vectors v ON v.id = s.vector_id JOIN objects o ON o.id = v.object_id JOIN blobs b ON b.id = v.blob_id"
    " WHERE a.epoch_id = ?",
    "SELECT d.path, d.mtime, a.path FROM directories d JOIN applications a ON a.id = d.application_id"
    " AND a.epoch_id = d.epoch_id WHERE d.epoch_id = ?",
    "SELECT path, reason FROM declined WHERE epoch_id = ?",
    "SELECT kind, files FROM skipped WHERE epoch_id = ?",
):
    for row in sorted(db.execute(query, (epoch,)).fetchall(), key=str):
        print(*row, sep="|")
END
}

# opened NAME PATTERN...: which of the files a begin opens; strace has its whole family.
opened()
{
	strace -f -e trace=open,openat -o "$T/strace" "$MATR" epoch begin --config "$T/conf" -q >/dev/null 2>&1 </dev/null || :
	grep -v ENOENT "$T/strace" | grep -F "$TREE/" | grep -v O_DIRECTORY >"$T/opened" || :
}

begin_all "the first epoch" 0
settle "$TREE"
begin_all "files too young to be trusted by their times are compared by content" 6
check "which the summary says" grep -q '[1-9][0-9]* files compared by content, ' "$T/begin"
begin_all "nothing has changed" 6
check "no image is written for that" sh -c "'$MATR' epoch status | grep -q '^state *epoch 3'"
same "a program" "$TREE/bin/one"
if have strace; then
	opened
	check "nothing has changed: no file is opened" [ ! -s "$T/opened" ]
else
	skip "nothing has changed: no file is opened" "no strace"
fi
"$MATR" epoch end
same_any "ended: a program" "$TREE/bin/one"
begin_all "after an end, with nothing changed" 6
same "a program again" "$TREE/bin/one"
as_from_nothing "the same as from nothing"
for format in json csv; do
	MATR_PREFIX=$T/fresh "$MATR" epoch begin --config "$T/conf" --format $format >"$T/numbers.first" 2>/dev/null || :
	rm -rf "$T/fresh"
	"$MATR" epoch begin --config "$T/conf" --format $format >"$T/numbers" 2>/dev/null || :
	# image_bytes depends on what was in the image when the program was compiled.
	sed -i -E 's/"image_bytes": ?[0-9]+/"image_bytes":N/; s/^((("[^"]*"|[^,]*),){7})[0-9]+,/\1N,/' "$T/numbers.first" "$T/numbers"
	check "begin in $format, with nothing changed: the numbers of a first one" cmp "$T/numbers.first" "$T/numbers"
done
check "begin in csv, with nothing changed: the numbers are not all 0" grep -Eq 'bin/bash,[1-9][0-9]*,[1-9][0-9]*,[1-9][0-9]*,' "$T/numbers"
begin_all "and then a table, with nothing changed" 6
as_from_nothing "the same as from nothing"

library "$TREE/lib/libone.so" 11
begin_all "a library is replaced: its program alone is resolved" 5
same "which has the new one" "$TREE/bin/one"
check "which returns what the new library does" [ "$(cat "$T/matr.status")" -eq 11 ]
same "the other program" "$TREE/bin/two"
as_from_nothing "the same as from nothing"

settle "$TREE"
begin_all "settled" 6
if have strace; then
	library "$TREE/lib/libone.so" 12
	opened
	check "only what changed is opened" [ "$(sed 's/.*"\([^"]*\)".*/\1/' "$T/opened" | sort -u)" = "$TREE/lib/libone.so" ]
	settle "$TREE"
	begin_all "settled" 6
else
	skip "only what changed is opened" "no strace"
fi

library "$TREE/early/libone.so" 21
begin_all "a new file that is found first" 5
same "the program has it" "$TREE/bin/one"
check "which returns what the library found first does" [ "$(cat "$T/matr.status")" -eq 21 ]
level=$(/lib64/ld-linux-x86-64.so.2 --help | sed -n 's/^ *\(x86-64-v[0-9]\) (supported, searched)/\1/p' | head -n 1)
if [ -n "$level" ]; then
	mkdir -p "$TREE/early/glibc-hwcaps/$level"
	library "$TREE/early/glibc-hwcaps/$level/libtwo.so" 22
	begin_all "a new file in a glibc-hwcaps directory" 4
	same "the program has it" "$TREE/bin/two"
	check "which returns what the glibc-hwcaps library does" [ "$(cat "$T/matr.status")" -eq 22 ]
else
	skip "a new file in a glibc-hwcaps directory" "the CPU has no level"
fi
rm -r "$TREE/early"
begin_all "and all of them gone" 4
check "back to the first" sh -c "'$TREE/bin/one'; [ \$? -eq 12 ] || [ \$? -eq 11 ]"
same "the program" "$TREE/bin/one"
as_from_nothing "the same as from nothing"

settle "$TREE"
begin_all "settled" 6

# ---- other times or another inode, the same content ----

# reinstall FILE...: each is another file with the same bytes.
reinstall()
{
	local file
	for file; do
		cp "$file" "$file.dpkg-new"
		mv "$file.dpkg-new" "$file"
	done
}

# Rows that are made when a program is resolved, and the layout of the image.
resolved()
{
	PYTHONPATH=$TESTS/lib PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 - "$MATR_PREFIX" <<'END'
import sqlite3, sys
from epoch_image import Image
db = sqlite3.connect(f"file:{sys.argv[1]}/store.db?mode=ro", uri=True)
for table in "objects", "vectors", "application_records", "scope_entries":
    print(table, *db.execute(f"SELECT count(*) FROM {table}").fetchone())
image = Image(f"{sys.argv[1]}/epoch.image")
print("pages", image.header.region, image.header.file_size - image.header.metadata_size)
for library in image.libraries:
    print(image.string(library.path), library.base)
END
}

# Test whether the records have the identities of the files.
identities()
{
	/usr/bin/python3 - "$MATR_PREFIX/store.db" <<'END'
import os, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
n = 0
for path, *was in db.execute(
    "SELECT DISTINCT o.path, device, inode, size, mtime, ctime FROM objects o JOIN locations l ON l.object_id = o.id"
    " JOIN scope_entries s ON s.location_id = l.id JOIN epoch_applications e ON e.application_id = s.application_id"
    " WHERE e.epoch_id = (SELECT max(id) FROM epochs)"
):
    now = os.stat(path)
    assert was == [now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns], (path, was, now)
    n += 1
assert n > 6
END
}

# compared NAME N: at least so many files were compared by content (those of the case before are young), nothing was
# resolved, and the programs start mapped.
compared()
{
	begin_all "$1" 6
	local n
	n=$(sed -n 's/.* \([0-9]*\) files\? compared by content, .*/\1/p' "$T/begin")
	check "... at least $2 files compared by content" [ "${n:-0}" -ge "$2" ]
	resolved >"$T/resolved.now"
	check "... and nothing is resolved again" cmp "$T/resolved" "$T/resolved.now"
	check "... the records are of the files as they are" identities
	same "... a program starts mapped" "$TREE/bin/one"
	same "... and another one" "$TREE/bin/bash" -c 'echo ok'
	check "... as ld.so would" "$MATR" verify "$TREE/bin/one" "$TREE/bin/bash"
}

resolved >"$T/resolved"
touch "$TREE/lib/libone.so"
compared "a library is touched" 1
touch "$TREE/bin/one"
compared "a program is touched" 1
cat "$TREE/lib/libone.so" >"$T/kept"
cat "$T/kept" >"$TREE/lib/libone.so"
compared "a library is written in place" 1
reinstall "$TREE/lib/libone.so"
compared "a library is replaced by an equal one" 1
ln "$TREE/lib/libtwo.so" "$T/link"
compared "a library is given another hard link" 1
rm "$T/link"
reinstall "$TREE/lib/libone.so" "$TREE/lib/libtwo.so" "$TREE/bin/"*
compared "everything is installed again" 8
as_from_nothing "the same as from nothing"

touch -r "$TREE/lib/libone.so" "$T/stamp"
cp "$TREE/lib/libone.so" "$T/kept"
library "$TREE/lib/libone.so" 13
touch -r "$T/stamp" "$TREE/lib/libone.so"
check "another library has the same size" [ "$(stat -c %s "$T/kept")" -eq "$(stat -c %s "$TREE/lib/libone.so")" ]
begin_all "... and time of modification: it is another" 5
check "... which the summary says" grep -q ' compared by content (1 changed), ' "$T/begin"
same "... the program has it" "$TREE/bin/one"
check "... which returns what the other library does" [ "$(cat "$T/matr.status")" -eq 13 ]
as_from_nothing "the same as from nothing"

export MATR_PREFIX=$T/portable
"$MATR" epoch begin --portable -q "$TREE/bin/one" "$TREE/bin/two"
settle "$TREE"
touch "$TREE/lib/libone.so"
reinstall "$TREE/lib/libtwo.so"
"$MATR" epoch begin --portable "$TREE/bin/one" "$TREE/bin/two" >"$T/begin"
check "a portable epoch: nothing is resolved again" grep -q '2 programs (2 as before)' "$T/begin"
same "... a program starts mapped" "$TREE/bin/one"
export MATR_PREFIX=$T/prefix
settle "$TREE"
begin_all "settled" 6
cp -p "$TREE/bin/two" "$T/two"
touch -r "$TREE/bin/two" "$T/stamp"
printf '\1' | dd of="$TREE/bin/two" bs=1 seek=$(($(stat -c %s "$TREE/bin/two") - 1)) conv=notrunc status=none
touch -r "$T/stamp" "$TREE/bin/two"
begin_all "a program is changed, its size and mtime are as before" 5
cp "$T/two" "$TREE/bin/two"

mv "$TREE" "$TREE.moved"
mv "$TREE.moved" "$TREE"
settle "$TREE"
begin_all "settled" 5
rm "$TREE/bin/sort"
mkdir "$T/elsewhere"
cp "$TREE/bin/sed" "$TREE/bin/sort"
begin_all "a program goes, another has its name" 5
MATR_PREFIX_WAS=$MATR_PREFIX
cp "$T/conf" "$T/other-conf"
"$MATR" epoch begin --config "$T/other-conf" -q 2>/dev/null || :
check "another configuration file: from nothing" sh -c "'$MATR' epoch status --format json | grep -q '\"carried\": *0,'"
settle "$TREE"
echo "exclude = $TREE/bin/ls" >>"$T/other-conf"
"$MATR" epoch begin --config "$T/other-conf" -q 2>/dev/null || :
check "it changes, and no file: a program is excluded" sh -c "'$MATR' epoch status --format json | grep -q '\"programs\": *5,'"
sed -i '/exclude/d' "$T/other-conf"
"$MATR" epoch begin --config "$T/other-conf" -q 2>/dev/null || :
check "... and is not" sh -c "'$MATR' epoch status --format json | grep -q '\"programs\": *6,'"
MATR_PREFIX=$MATR_PREFIX_WAS

# ---- kept files that are damaged or gone: image, store ----

settle "$TREE"
begin_all "settled" 0
begin_all "nothing has changed" 6
printf '\1' | dd of="$MATR_PREFIX/epoch.image" bs=1 seek=5000 conv=notrunc status=none
begin_all "the image is damaged: it is compiled anew" 6
check "and is sound" "$MATR" epoch status
same "a program" "$TREE/bin/one"
rm "$MATR_PREFIX/epoch.image"
begin_all "the image is gone" 6
same "a program" "$TREE/bin/one"
"$MATR" epoch end
rm "$MATR_PREFIX/ended.image"
begin_all "the kept image is gone" 6
same "a program" "$TREE/bin/one"
echo nonsense >"$MATR_PREFIX/store.db"
begin_all "the store is damaged: from nothing" 0
same "a program" "$TREE/bin/one"

# ---- a file system without inodes that last ----

if [ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null; then
	cat >"$T/remount" <<'END'
set -eu
fill()
{
	mount -t tmpfs none "$TREE/mounted"
	# others come first, so that the same name has another inode
	for i in $(seq "$1"); do : >"$TREE/mounted/filler$i"; done
	cp -p "$TREE/lib/libone.so" "$TREE/lib/libtwo.so" "$TREE/mounted"
	cp -p "$2" "$TREE/mounted/libone.so"
}
fill 0 "$TREE/lib/libone.so"
"$MATR" epoch begin -q "$TREE/m1"
"$TREE/m1" || [ $? -eq "$FIRST" ]
umount "$TREE/mounted"
fill 7 "$TREE/lib/libtwo.so"
"$MATR" epoch begin -q "$TREE/m1"
"$MATR" inspect --format csv --symbol f "$TREE/m1" | grep -q mounted/libone.so
"$MATR" verify "$TREE/m1"
LD_STABLE_DEBUG=1 "$MATR" run "$TREE/m1" 2>"$T/said" || [ $? -eq 2 ]
grep -q applied "$T/said"
END
	mkdir "$TREE/mounted"
	$CC -o "$TREE/m1" "$T/main.c" -L"$TREE/lib" -lone -Wl,-rpath,"$TREE/mounted"
	FIRST=$("$TREE/bin/one" && echo 0 || echo $?)
	check "other files under the same names after a remount" env TREE="$TREE" MATR="$MATR" T="$T" FIRST="$FIRST" \
		MATR_PREFIX="$T/remounted" unshare -m bash "$T/remount"
else
	skip "other files under the same names after a remount" "not possible here"
fi

# ---- --jobs ----

whole_store()
{
	/usr/bin/python3 - "$1" <<'END'
import sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for line in db.iterdump():
    if 'INTO "epochs"' not in line:  # when it was begun
        print(line)
END
}
PROGRAMS=$(find /usr/bin -maxdepth 1 -type f -perm -111 ! -perm /6000 | sort | head -n 200 | xargs -d '\n' file | sed -n 's/: *ELF 64.*interpreter.*//p' | head -n 80)
for jobs in 1 2 7; do
	# shellcheck disable=SC2086 # a list
	MATR_PREFIX=$T/jobs "$MATR" epoch begin -q --jobs $jobs $PROGRAMS >/dev/null 2>&1 || :
	mv "$T/jobs" "$T/jobs$jobs" # the prefix's path is in the store
	whole_store "$T/jobs$jobs/store.db" >"$T/jobs$jobs.dump"
done
check "one, two and seven jobs: the same image" same_image "$T/jobs1/epoch.image" "$T/jobs2/epoch.image" "$T/jobs7/epoch.image"
check "and the same store, $(wc -l <"$T/jobs1.dump") rows" sh -c \
	"[ \$(wc -l <'$T/jobs1.dump') -gt 1000 ] && cmp '$T/jobs1.dump' '$T/jobs2.dump' && cmp '$T/jobs1.dump' '$T/jobs7.dump'"
finish
