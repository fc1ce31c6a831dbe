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

# advised NAME SUBJECT STATE: doctor finds that, and when the command is given that it names all is well.
advised()
{
	local command
	finds "$@"
	# shellcheck disable=SC2016 # not for the shell
	command=$(matr doctor --format json | jq -r "[.[] | select(.subject == \"$2\" and .state == \"$3\")][0].advice" | sed -n 's/^[^`]*`\([^`]*\)`.*/\1/p')
	case $command in
	'matr '*) check "$1: the advice, $command, repairs it" sh -c "$command -q >/dev/null 2>&1 || $command >/dev/null; matr doctor" ;;
	*) not_ok "$1: no command is advised" "$T/doctor" ;;
	esac
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
touch /usr/lib/x86_64-linux-gnu/libselinux.so.1
finds "a library has changed" files warning
matr epoch begin -q # its time of change cannot be set back
check "the next epoch has it as it is" matr doctor
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
advised "a hook is gone" hooks warning
echo >>/etc/apt/apt.conf.d/80matr
advised "a hook differs" hooks warning
chmod 644 /usr/local/libexec/matr/package-hook
finds "what the hooks call is not executable" hooks warning
chmod 755 /usr/local/libexec/matr/package-hook

# ---- the kernel ----
setarch --uname-2.6 matr doctor >"$T/doctor"
equal "an old kernel: exit status" 1 $?
check "and what it is tried with" grep -q '5.4 and later' "$T/doctor"
check "an ordinary user in a chroot: no namespaces, a note" sh -c "su user -c 'matr doctor' | grep -A 1 'namespaces are refused' | grep -q 'matr run'"

# ---- permissions ----
for mode in epoch.image:666 ld-stable:777; do
	file=/var/lib/matr/${mode%:*}
	before=$(stat -c %a "$file")
	chmod "${mode#*:}" "$file"
	finds "others may write to $file" prefix error
	chmod "$before" "$file"
done
chmod 600 /var/lib/matr/epoch.image
finds "only root can read the image" prefix warning
check "its file is named" grep -q '/var/lib/matr/epoch.image' "$T/doctor"
chmod 644 /var/lib/matr/epoch.image
chmod 700 /var/lib/matr
finds "only root can enter the prefix" prefix warning
chmod 755 /var/lib/matr
chmod 777 /var/lib
finds "others may write above the prefix" prefix error
equal "and it does not advise what would not help" 0 "$(grep -c 'puts it right' "$T/doctor")"
chmod 755 /var/lib
chown user /lib64/matr-ld.so
finds "a user's matr-ld.so" loader error
chown root /lib64/matr-ld.so
chmod 777 /usr/local/libexec/matr/ld-stable
finds "others may write to the shipped ld-stable" ld-stable error
chmod 755 /usr/local/libexec/matr/ld-stable
check "all these are well again" matr doctor
mount -t tmpfs -o size=32m tmpfs /opt
check "little room" sh -c 'matr --prefix /opt/matr doctor >/dev/null; mkdir /opt/matr; matr --prefix /opt/matr doctor | grep -q "less than 64 MB"'
umount /opt

# ---- image against store and disk ----
cp -p /var/lib/matr/epoch.image "$T/image"
matr epoch begin --only -q bash perl ls
cp -p "$T/image" /var/lib/matr/epoch.image
advised "the image of an epoch before" epoch error
rm /var/lib/matr/store.db
advised "the store is gone" epoch error
truncate -s 100000 /var/lib/matr/epoch.image
advised "the image is truncated" epoch error
rm /var/lib/matr/ld-stable
advised "PREFIX/ld-stable is gone" epoch error
cp /bin/ls /var/lib/matr/ld-stable
advised "PREFIX/ld-stable is another program" epoch error
mv /usr/bin/bc "$T/bc"
advised "a program is gone" files warning
mv "$T/bc" /usr/bin/bc
matr epoch begin -q
echo /usr/lib/x86_64-linux-gnu/libm.so.6 >/etc/ld.so.preload
advised "a library is preloaded" start warning
rm /etc/ld.so.preload
matr epoch begin -q
matr epoch suspend --by test
advised "suspended" epoch warning

# ---- loader and enabled programs ----
rm /lib64/matr-original.so
advised "the original's name is gone" loader warning
ln -s /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$T/link"
mv "$T/link" $LOADER
advised "the loader is displaced" loader warning
matr enable -q bc
cp -p /usr/bin/.bc.matr-original /usr/bin/bc.new
mv /usr/bin/bc.new /usr/bin/bc
advised "an enabled program was replaced" enabled warning
cp -p /usr/bin/bc "$T/bc"
rm /usr/bin/bc
finds "an enabled program is gone" enabled warning
matr enable --refresh >/dev/null
cp -p "$T/bc" /usr/bin/bc
matr epoch begin -q
# Nothing starts any more by the loader path: by the real one's name doctor does.
head -c 3000 /dev/urandom >/lib64/matr-ld.so.bad
chmod 755 /lib64/matr-ld.so.bad
real=$(realpath /lib64/matr-original.so)
matr=$(command -v matr)
mv /lib64/matr-ld.so.bad /lib64/matr-ld.so
"$real" "$matr" doctor >"$T/doctor" 2>&1
equal "a broken matr-ld.so: exit status" 1 $?
read -r -d '' found <"$T/doctor"
case $found in
*error*loader*matr-rescue*) ok "it names matr-rescue" ;;
*) not_ok "it names matr-rescue" ;;
esac
matr-rescue >/dev/null
check "programs start after it" starts
matr loader install -q
check "all is well in the end" matr doctor
matr loader uninstall -q
finish
