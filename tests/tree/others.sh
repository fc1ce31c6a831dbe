#!/usr/bin/env bash
# others.sh - what other tools see of MatR as the system's dynamic linker: debsums, dpkg --verify, AIDE, rpm -V, needrestart,
# checkrestart. docs/loader.md has the table. Runs in the tree: tests/tree/tree /tests/tree/others.sh
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

check "the tools" apt-get -y -q install debsums needrestart debian-goodies lsof aide aide-common rpm systemd

# Files to compare: the loader's directory, ld.so, libc, some programs.
cat >"$T/aide.conf" <<END
database_in=file:$T/aide.db
database_out=file:$T/aide.new
/usr/lib64 p+i+n+u+g+s+m+c+sha256
/usr/lib/x86_64-linux-gnu/(ld|libc|libz) p+i+n+u+g+s+m+c+sha256
/usr/bin/(perl|sleep|sh|bash|dash) p+i+n+u+g+s+m+c+sha256
END
aide --config="$T/aide.conf" --init >"$T/aide" 2>&1
mv "$T/aide.new" "$T/aide.db"
mkdir -p "$T/rpm"
cat >"$T/subject.spec" <<'END'
Name: subject
Version: 1
Release: 1
Summary: A subject
License: none
AutoReqProv: no
%description
%install
mkdir -p %{buildroot}/usr/lib64 %{buildroot}/usr/bin
cp -a /usr/lib64/ld-linux-x86-64.so.2 %{buildroot}/usr/lib64
cp -p /usr/bin/perl %{buildroot}/usr/bin
%files
/usr/lib64/ld-linux-x86-64.so.2
/usr/bin/perl
END
rpmbuild -bb --define "_topdir $T/rpm" --define '__os_install_post %{nil}' --define '_build_id_links none' \
	"$T/subject.spec" >"$T/rpmbuild" 2>&1
check "a package for rpm" rpm -i --justdb --nodeps "$T"/rpm/RPMS/*/subject-*.rpm

by_debsums() { debsums -s 2>&1 | sed 's/.*changed file \([^ ]*\) .*/\1/' | sort | paste -sd ' '; }
by_dpkg() { dpkg --verify 2>/dev/null | grep -Ev '/usr/share/(doc|man|locale|info)' | awk '{print $NF}' | paste -sd ' '; }
by_rpm() { rpm -V subject 2>/dev/null | awk '{print $NF}' | sort | paste -sd ' '; }
# Names of files that are another or new, without those whose times only have changed.
by_aide()
{
	aide --config="$T/aide.conf" --check 2>/dev/null | sed -n 's/^[fdl][^:]*: \(\/[^ ]*\)$/\1/p' | sort -u | paste -sd ' '
}
see() # WHEN DEBSUMS DPKG RPM AIDE
{
	equal "debsums, $1" "$2" "$(by_debsums)"
	equal "dpkg --verify, $1" "$3" "$(by_dpkg)"
	equal "rpm -V, $1" "$4" "$(by_rpm)"
	equal "AIDE, $1" "$5" "$(by_aide)"
}
L=/usr/lib64
see "before" "" "" "" ""
check "an epoch" matr epoch begin -q
see "in an epoch" "" "" "" ""
check "loader install" matr loader install
see "with the loader" "" "" "$L/ld-linux-x86-64.so.2" "$L $L/ld-linux-x86-64.so.2 $L/matr-ld.so $L/matr-original.so"

# Processes that started from their mappings: nothing is to be restarted but for a library that was replaced.
sleep 1000 &
slept=$!
python3 -c 'import time, zlib; time.sleep(1000)' &
python=$!
wait_until sh -c "grep -q libz /proc/$python/maps"
check "a process from its mapping" grep -q '/var/lib/matr/epoch\..*image' "/proc/$slept/maps"
by_needrestart() { needrestart -v -l -r l 2>&1 | sed -n 's/^\[main\] #\([0-9]*\) uses \(deleted\|obsolete\) \(.*\)/\1 \3/p' | sort -u | paste -sd ' '; }
by_checkrestart() { checkrestart -v 2>&1 | sed -n 's/.*(PID: \([0-9]*\)).*/\1/p' | sort -u | paste -sd ' '; }
by_matr() { matr running --format csv | tr -d '\r' | sed 1d | cut -d , -f 4 | sort -u | paste -sd ' '; }
restart() # WHEN PIDS NEEDRESTART
{
	equal "needrestart, $1" "$3" "$(by_needrestart)"
	equal "checkrestart, $1" "$2" "$(by_checkrestart)"
	equal "matr running, $1" "$2" "$(by_matr)"
}
restart "in the epoch" "" ""
touch /usr/bin/dash
check "the next epoch" matr epoch begin -q
restart "in the next epoch" "" ""
library=$(realpath /lib/x86_64-linux-gnu/libz.so.1)
cp -p "$library" "$library.new"
mv "$library.new" "$library"
restart "after a library was replaced" "$python" "$python $library"
kill "$python" "$slept"
wait 2>/dev/null

# A single program is another file, and is back afterwards.
aide --config="$T/aide.conf" --init >"$T/aide" 2>&1
mv "$T/aide.new" "$T/aide.db"
check "loader uninstall" matr loader uninstall
equal "rpm -V, without the loader" "" "$(by_rpm)"
check "enable" matr enable /usr/bin/perl
equal "debsums, enabled" "/usr/bin/perl" "$(by_debsums)"
equal "dpkg --verify, enabled" "/usr/bin/perl" "$(by_dpkg)"
equal "rpm -V, enabled" "/usr/bin/perl" "$(by_rpm)"
check "disable" matr disable /usr/bin/perl
equal "debsums, disabled" "" "$(by_debsums)"
equal "rpm -V, disabled" "" "$(by_rpm)"
finish
