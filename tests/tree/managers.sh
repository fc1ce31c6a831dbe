#!/usr/bin/env bash
# managers.sh - the hooks of dnf, rpm and pacman, which Debian has packages of: a package of each kind is installed and
# removed, and each time one epoch ends and one begins. Runs in the tree: tests/tree/tree /tests/tree/managers.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

epoch() # the number of the epoch in force, or "none"
{
	matr epoch status --format json | jq -r 'if .state == "epoch" then .epoch else "none" end'
}
# one_epoch NAME COMMAND...: the command succeeds, in management time, and one epoch begins after it.
one_epoch()
{
	local before
	before=$(epoch)
	check "$@"
	equal "$1: one epoch" $((before + 1)) "$(epoch)"
}
ln -sf /proc/self/mounts /etc/mtab
check "dnf and pacman" apt-get -y -q install dnf rpm pacman-package-manager zstd

sed -i 's/^CheckSpace/#CheckSpace/' /etc/pacman.conf # it looks for the root file system's mount point
mkdir -p "$T/rpm" /usr/share/libalpm/hooks "$(python3 -c 'import dnf, os; print(os.path.dirname(os.path.dirname(dnf.__file__)))')/dnf-plugins"
cat >"$T/subject.spec" <<'EOF'
Name: subject
Version: %{subject_version}
Release: 1
Summary: A subject
License: none
AutoReqProv: no
%description
A subject.
%install
mkdir -p %{buildroot}/opt/subject
cp /bin/ls %{buildroot}/opt/subject/list
%files
/opt/subject
%preun -p <lua>
os.execute("matr epoch status --format json | jq -r .state >>/tmp/preun")
EOF
# shellcheck disable=SC2317 # called by check
build_rpm() # SPEC VERSION
{
	rpmbuild -bb --define "_topdir $T/rpm" --define "subject_version $2" --define '__os_install_post %{nil}' \
		--define 'debug_package %{nil}' "$1"
}
check "an rpm" build_rpm "$T/subject.spec" 1
check "its next version" build_rpm "$T/subject.spec" 2
check "the package with triggers for rpm" build_rpm /usr/local/share/matr/hooks/rpm.spec 0
mkdir -p "$T/pacman/opt/pacman-subject"
cp /bin/ls "$T/pacman/opt/pacman-subject/list"
printf 'pkgname = pacman-subject\npkgbase = pacman-subject\npkgver = 1-1\npkgdesc = A subject\narch = x86_64\nsize = 1\nbuilddate = 1\n' \
	>"$T/pacman/.PKGINFO"
check "a pacman package" tar -C "$T/pacman" --zstd -cf "$T/pacman-subject-1-1-x86_64.pkg.tar.zst" .PKGINFO opt

matr epoch begin -q
matr loader install -q
check "hooks install" matr hooks install
matr hooks status | sed 's/^/# /'
equal "dnf's and pacman's are installed" 3 "$(matr hooks status --format csv | grep -Ec '^(dnf|pacman),installed')"
rpm=$(find "$T/rpm/RPMS" -name 'subject-1-*.rpm')
rpm2=$(find "$T/rpm/RPMS" -name 'subject-2-*.rpm')
triggers=$(find "$T/rpm/RPMS" -name 'matr-hooks-*.rpm')
one_epoch "dnf install" dnf -y --disablerepo='*' --nogpgcheck install "$rpm"
check "what was installed is there" /opt/subject/list /
one_epoch "dnf remove" dnf -y --disablerepo='*' remove subject

# rpm by itself. Its database does not know of Debian's /bin/sh, which the triggers want.
# shellcheck disable=SC2317 # called by check
bare_rpm()
{
	rpm --nodeps "$@"
}
before=$(epoch)
check "without the triggers: rpm -i" bare_rpm -i "$rpm"
check "rpm -e" bare_rpm -e subject
equal "no epoch ends for them" "$before" "$(epoch)"
check "rpm -i of the triggers" bare_rpm -i "$triggers"
matr epoch begin -q
one_epoch "rpm -i" bare_rpm -i "$rpm"
check "what was installed is there" /opt/subject/list /
: >/tmp/preun
one_epoch "rpm -U" bare_rpm -U "$rpm2"
equal "no epoch was in force when the old one was replaced" suspended "$(sort -u /tmp/preun)"
: >/tmp/preun
one_epoch "rpm -e" bare_rpm -e subject
equal "no epoch was in force when it was removed" suspended "$(sort -u /tmp/preun)"
one_epoch "dnf install, with both hooks" dnf -y --disablerepo='*' --nogpgcheck install "$rpm"
one_epoch "dnf remove, with both hooks" dnf -y --disablerepo='*' remove subject
matr epoch end
check "rpm -i in management time" bare_rpm -i "$rpm"
equal "begins none" none "$(epoch)"
matr epoch begin -q
mv /usr/local/libexec/matr/package-hook "$T/package-hook"
check "the hook is gone: rpm -e" bare_rpm -e subject
mv "$T/package-hook" /usr/local/libexec/matr/package-hook
mv /usr/local/bin/matr "$T/matr"
printf '#!/bin/sh\nkill -SEGV $$\n' >/usr/local/bin/matr
chmod 755 /usr/local/bin/matr
check "matr crashes: rpm -i" bare_rpm -i "$rpm"
check "matr crashes: rpm -e" bare_rpm -e subject
mv "$T/matr" /usr/local/bin/matr
check "rpm -e of the triggers" bare_rpm -e matr-hooks
matr epoch begin -q

pacman=$(find "$T" -name '*.pkg.tar.zst')
one_epoch "pacman -U" pacman -U --noconfirm "$pacman"
check "what was installed is there" /opt/pacman-subject/list /
one_epoch "pacman -R" pacman -R --noconfirm pacman-subject
mv /usr/local/bin/matr "$T/matr"
check "matr is gone: dnf" dnf -y --disablerepo='*' --nogpgcheck install "$rpm"
check "matr is gone: pacman" pacman -U --noconfirm "$pacman"
printf '#!/bin/sh\nexit 1\n' >/usr/local/bin/matr
chmod 755 /usr/local/bin/matr
check "matr fails: dnf" dnf -y --disablerepo='*' remove subject
check "matr fails: pacman" pacman -R --noconfirm pacman-subject
mv "$T/matr" /usr/local/bin/matr
check "hooks uninstall" matr hooks uninstall
finish
