#!/usr/bin/env bash
# doctor.sh - matr doctor finds what is wrong and says what to do; where that is done, it is content.
# Runs in the tree: tests/tree/tree /tests/tree/doctor.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

states() # SUBJECT: its findings' states
{
	matr doctor --format json | jq -r ".[] | select(.subject == \"$1\") | .state" | sort -u | paste -sd ' '
}
# finds NAME SUBJECT STATE: doctor fails with that finding.
finds()
{
	matr doctor >"$T/doctor" 2>&1
	local status=$?
	if [ $status -eq 1 ] && matr doctor --format json |
		jq -e "any(.[]; .subject == \"$2\" and .state == \"$3\" and .advice != null)" >/dev/null; then
		ok "$1"
	else
		not_ok "$1" "$T/doctor"
	fi
}

check "management time: nothing is wrong" matr doctor
equal "the real loader is a note" note "$(states loader)"
matr epoch begin -q
finds "an epoch without hooks" hooks warning
check "hooks install" matr hooks install
matr loader install -q
check "all is well" matr doctor
equal "and it says so" "all is well" "$(matr doctor)"
equal "a start from the mapping" 1 "$(matr doctor -v | grep -c 'start .*applied')"
check "csv" matr doctor --format csv
check "an ordinary user" su user -c 'matr doctor'
refuses "a wrong option" 'unrecognized|no such' sh -c 'matr doctor --frobnicate 2>&1 | head -n 1; exit 2'

chmod 777 /var/lib/matr
finds "others may write to the prefix" prefix error
chmod 755 /var/lib/matr
check "and not any more" matr doctor
touch -r /usr/lib/x86_64-linux-gnu/libselinux.so.1 "$T/time"
touch /usr/lib/x86_64-linux-gnu/libselinux.so.1
finds "a library has changed" files warning
touch -r "$T/time" /usr/lib/x86_64-linux-gnu/libselinux.so.1
check "it is as it was" matr doctor
cp /var/lib/matr/epoch.image "$T/image"
dd if=/dev/urandom of=/var/lib/matr/epoch.image bs=1 seek=5000 count=64 conv=notrunc 2>/dev/null
finds "a damaged image" epoch error
matr epoch begin -q
check "the advice: epoch begin" matr doctor
rm /var/lib/matr/epoch.image
finds "an image that is gone" epoch error
matr epoch begin -q
echo garbage >/var/lib/matr/store.db
finds "a damaged store" epoch error
matr epoch begin -q 2>/dev/null
check "the advice: epoch begin" matr doctor
matr epoch suspend --by apt
finds "suspended and not resumed" epoch warning
equal "by whom" 1 "$(matr doctor | grep -c 'suspended by apt')"
matr epoch resume
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$T/link"
mv "$T/link" $LOADER
finds "a package has put its loader back" loader warning
matr loader refresh -q
check "the advice: loader refresh" matr doctor
mv /usr/local/sbin/matr-rescue "$T"
finds "no rescue" loader warning
mv "$T/matr-rescue" /usr/local/sbin
mv /usr/local/libexec/matr/ld-stable "$T"
finds "no ld-stable" ld-stable error
mv "$T/ld-stable" /usr/local/libexec/matr
matr hooks uninstall apt >/dev/null
finds "a hook is gone" hooks warning
matr hooks install >/dev/null
check "all is well in the end" matr doctor
matr loader uninstall -q
finish
