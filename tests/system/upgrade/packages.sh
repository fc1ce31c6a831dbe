#!/usr/bin/env bash
# packages.sh - matr check-upgrade with packages of Debian's archive, of which apt offers two versions, against ld.so.
#
# Packages are downloaded with an apt configuration of our own. For each case the machine's root is the lower layer of an
# overlay in a private mount namespace; there dpkg installs the versions that are to be upgraded, check-upgrade says what
# the others would change, dpkg really installs these, and packages.py asks ld.so before and after, for every
# program that loads something of the packages. Then the way back.
#
# usage: packages.sh [CASE...]     without: the sample (MATR_TEST_SLOW=1: all cases) of the release that is here
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh disable=SC2015,SC2016
set -eu
. "$(dirname "$0")/../../lib/matr.sh"

# NAME: PACKAGE/SUITE... -> PACKAGE/SUITE...
cases='
expat: libexpat1/bookworm -> libexpat1/bookworm-security
png: libpng16-16/bookworm -> libpng16-16/bookworm-security
ssl: libssl3/bookworm-updates -> libssl3/bookworm-security
glib: libglib2.0-0/bookworm-security -> libglib2.0-0/bookworm
libc: libc6/bookworm-security -> libc6/bookworm
curl: curl/bookworm libcurl4/bookworm -> curl/bookworm-backports libcurl4/bookworm-backports
webp: libwebp7/bookworm libwebpmux3/bookworm libwebpdemux2/bookworm -> libwebp7/bookworm-backports libwebpmux3/bookworm-backports libwebpdemux2/bookworm-backports libsharpyuv0/bookworm-backports
systemd: libsystemd0/bookworm libudev1/bookworm -> libsystemd0/bookworm-backports libudev1/bookworm-backports
expat-trixie: libexpat1/bookworm -> libexpat1/trixie
stdc++-old: libstdc++6/bookworm -> libstdc++6/bullseye
curl-old: libcurl4/bookworm -> libcurl4/bullseye
glib-old: libglib2.0-0/bookworm -> libglib2.0-0/bullseye
expat-old: libexpat1/bookworm -> libexpat1/bullseye
curl-13: curl/trixie libcurl4t64/trixie -> curl/trixie-backports libcurl4t64/trixie-backports
'
release=${MATR_TREE_SUITE:-$(sed -n "s/^VERSION_CODENAME=//p" /etc/os-release)}
mapfile -t all < <(sed -n "s|^\([^:]*\): [a-z0-9+.-]*/$release.*|\1|p" <<<"$cases")
if [ $# -eq 0 ] && [ ${#all[@]} -eq 0 ]; then
	skip "packages of the archive" "no case for the release $release"
	finish
fi
[ $# -gt 0 ] || if [ -n "${MATR_TEST_SLOW:-}" ]; then
	set -- "${all[@]}"
elif [ "$release" = bookworm ]; then
	set -- curl
else
	set -- "${all[0]}"
fi

# ---- the archive ----

apt_directory=$T/apt
apt()
{
	local tool=$1
	shift
	"$tool" -o Dir::Etc::sourcelist="$apt_directory/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
		-o Dir::State="$apt_directory/state" -o Dir::Cache="$apt_directory/cache" \
		-o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User=root \
		-o Acquire::Retries=3 -o Acquire::http::Timeout=20 "$@"
}

mkdir -p "$apt_directory/state/lists/partial" "$apt_directory/cache/archives/partial"
wanted=$(for name; do sed -n "s/^$name: //p" <<<"$cases"; done)
for suite in $(tr ' ' '\n' <<<"$wanted" | sed -n 's|.*/||p' | sort -u); do
	url=http://deb.debian.org/debian
	[ "$suite" != bookworm-security ] || url+=-security
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $url $suite main"
done >"$apt_directory/sources.list"
if ! apt apt-get update >"$T/update" 2>&1 || grep -q '^[EW]:' "$T/update"; then
	sed 's/^/# /' "$T/update"
	skip "packages of the archive" "NO ARCHIVE: apt-get update failed, and NOTHING of check-upgrade with real packages was tested"
	finish
fi

# download NAME DIRECTORY PACKAGE/SUITE...
download()
{
	local directory=$1
	shift
	mkdir -p "$directory"
	(cd "$directory" && apt apt-get download "$@") >"$T/download" 2>&1
}

# ---- a system to upgrade ----

# in_overlay DIRECTORY COMMAND...: with a root that is a copy of the machine's, in namespaces of its own
in_overlay()
{
	unshare -mpf bash -eu -c '
		mount --make-rprivate /
		mkdir -p "$1"
		mount -t tmpfs tmpfs "$1"
		mkdir "$1/upper" "$1/work" "$1/root"
		mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
		root=$1/root
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/run"
		for directory in "$2" "$3" "$4"; do # where these are file systems of their own
			[ -e "$root$directory/." ] || mkdir -p "$root$directory"
			mount --bind "$directory" "$root$directory"
		done
		printf "#!/bin/sh\nexit 101\n" >"$root/usr/sbin/policy-rc.d"
		chmod 755 "$root/usr/sbin/policy-rc.d"
		shift 4
		exec chroot "$root" "$@"
	' bash "$T/overlay" "$SOURCE" "$BUILD" "$T/debs" "$@"
}

for name; do
	pair=$(sed -n "s/^$name: //p" <<<"$cases")
	if [ -z "$pair" ]; then
		echo "packages.sh: no case $name" >&2
		exit 2
	fi
	mkdir -p "$T/debs"
	# shellcheck disable=SC2086
	if ! download "$T/debs/$name/old" ${pair% -> *} || ! download "$T/debs/$name/new" ${pair#* -> }; then
		not_ok "$name: packages can be downloaded" "$T/download"
		continue
	fi
	if [ "$(ls "$T/debs/$name/old")" = "$(ls "$T/debs/$name/new")" ]; then
		skip "$name" "THE ARCHIVE HAS ONE VERSION ONLY: $(ls "$T/debs/$name/old")"
		continue
	fi
	mkdir -p "$T/debs/$name/prefix"
	status=0
	in_overlay python3 "$HERE/packages.py" "$MATR" "$T/debs/$name" >"$T/$name.tap" 2>"$T/$name.err" || status=$?
	while read -r line; do
		case $line in
		'ok '*) ok "$name: ${line#ok * - }" ;;
		'not ok '*) not_ok "$name: ${line#not ok * - }" ;;
		*) echo "$line" ;;
		esac
	done <"$T/$name.tap"
	[ $status -eq 0 ] && grep -q '^ok [0-9]* - finished' "$T/$name.tap" || not_ok "$name: the comparison came to its end" "$T/$name.err"
done
finish
