#!/usr/bin/env bash
# placement.sh - who gets shared and who random placement, how that is shown, and other addresses by `matr epoch rebase`.
#
#	placement.sh [CASE]...   all cases, or some
# shellcheck source-path=SCRIPTDIR source=../../lib/matr.sh source=../../lib/build.sh
# shellcheck disable=SC2317 # cases are called by name
set -eu
if [ "$(id -u)" -eq 0 ] && [ -z "${MATR_TEST_NAMESPACE:-}" ] && unshare -m true 2>/dev/null; then
	MATR_TEST_NAMESPACE=1 exec unshare -m "$0" "$@"
fi
. "$(dirname "$0")/../../lib/matr.sh"
. "$TESTS/lib/build.sh"

# A large program: 64 libraries that are one file but for the name. A small one.
library "$T/lib/libn00.so" <<<'static int value = 5; int *pointer = &value; int get(void) { return *pointer; }'
python3 - "$T/lib" <<'END2'
import sys
whole = open(sys.argv[1] + "/libn00.so", "rb").read()
for n in range(1, 64):
    open(f"{sys.argv[1]}/libn{n:02}.so", "wb").write(whole.replace(b"libn00.so", b"libn%02d.so" % n))
END2
for name in large small; do
	libraries=("$T/lib/libn00.so")
	[ $name = small ] || libraries=("$T"/lib/libn*.so)
	program $name "${libraries[@]}" <<-C
	#include <stdio.h>
	int get(void);
	int (*const function)(void) = get;
	int main(void) { printf("$name %d\n", function()); return 6; }
	C
done
: >"$T/default.conf"

before_case() { end; }

# places CONF LARGE SMALL: an epoch with that configuration; both programs start in these layouts, and inspect says so.
places()
{
	local conf=$1 wanted name
	"$MATR" epoch begin --only --config "$conf" "$T/bin/large" "$T/bin/small" >"$T/begin" 2>&1 || not_ok "epoch begin" "$T/begin"
	for name in large small; do
		wanted=$2
		[ $name = large ] || wanted=$3
		capture plain "$T/bin/$name"
		capture_matr matr "$T/bin/$name"
		expect "${conf##*/}: $name is $wanted" "applied .*placement=${wanted/pack/shared}"
		"$MATR" inspect "$T/bin/$name" >"$T/inspect.$name"
		check "${conf##*/}: inspect $name" grep -Eq "^placement +$wanted( at 0x6[0-9a-f]+)?: ." "$T/inspect.$name"
	done
}

why() { sed -n 's/^placement[^:]*: //p' "$T/inspect.$1"; }
region() { od -A n -t x8 -j 40 -N 8 "$MATR_PREFIX/epoch.image" | tr -d ' ' | sed 's/^0*/0x/'; }

case_auto()
{
	places "$T/default.conf" shared random
	check "... why: many" grep -Eq 'relocations in 6[0-9] objects are many$' "$T/inspect.large"
	check "... why: few" grep -q 'are few$' "$T/inspect.small"
	"$MATR" epoch status >"$T/status" || :
	check "status: one of each" grep -Eq "^placement +1 random, 1 shared at $(region)\$" "$T/status"
	equal "status --format json" "{'random': 1, 'shared': 1, 'pack': 0, 'region': '$(region)'}" \
		"$("$MATR" epoch status --format json | python3 -c 'import json, sys; print(json.load(sys.stdin)["placement"])')"
	equal "inspect --format json" "shared $(region)" "$("$MATR" inspect --format json "$T/bin/large" |
		python3 -c 'import json, sys; p = json.load(sys.stdin)["placement"]; print(p["layout"], p["region"])')"
	end
	check "no placement without an epoch" sh -c "! '$MATR' inspect '$T/bin/large' | grep -q ^placement"
}

case_configured()
{
	local layout
	for layout in shared random pack; do
		printf '[epochs]\nlayout = %s\n' $layout >"$T/$layout.conf"
		places "$T/$layout.conf" $layout $layout
		equal "... why" "layout = $layout in the configuration" "$(why small)"
	done
	printf '[epochs]\nlayout = shared\n[program large]\npath = %s\nlayout = random\n' "$T/bin/large" >"$T/program.conf"
	places "$T/program.conf" random shared
	equal "... why" "layout = random in the configuration" "$(why large)"
}

# Place programs that face the outside at random, however large.
case_outward()
{
	if [ -z "${MATR_TEST_NAMESPACE:-}" ] || [ ! -d /etc/systemd/system ] || [ ! -d /usr/share/applications ]; then
		skip "units and browsers" "needs root, a mount namespace and the directories"
		return
	fi
	mount -t tmpfs none /etc/systemd/system
	printf '[Service]\nType=simple\n  ExecStart = no\nExecStart=-@%s "large" --daemon\n' "$T/bin/large" \
		>/etc/systemd/system/large.service
	places "$T/default.conf" random random
	equal "... why" "a systemd unit starts it" "$(why large)"
	umount /etc/systemd/system
	places "$T/default.conf" shared random
	mount -t tmpfs none /usr/share/applications
	printf '[Desktop Entry]\nName=Large\nExec="%s" %%u\nMimeType=text/html;x-scheme-handler/http;\n' "$T/bin/large" \
		>/usr/share/applications/large.desktop
	places "$T/default.conf" random random
	equal "... why" "it opens addresses of the web" "$(why large)"
	umount /usr/share/applications
}

case_rebase()
{
	local before
	printf '[epochs]\nlayout = shared\n' >"$T/shared.conf"
	places "$T/shared.conf" shared shared
	before=$(region)
	cp "$MATR_PREFIX/epoch.image" "$T/before.image"
	check "rebase --once-per-boot: the image is of this boot" "$MATR" epoch rebase --once-per-boot
	equal "... and stays as it is" "$before" "$(region)"
	check "rebase" "$MATR" epoch rebase
	check "... the image has a name of its own, which epoch.image leads to" [ -L "$MATR_PREFIX/epoch.image" ]
	check "... other addresses" [ "$before" != "$(region)" ]
	check "... the image is whole" "$TESTS/lib/epoch_image.py" check "$MATR_PREFIX/epoch.image"
	check "... and gives every program the same" same_image "$T/before.image" "$MATR_PREFIX/epoch.image"
	same "... programs start from it" "$T/bin/large"
	check "... every word is as ld.so writes it" "$MATR" verify "$T/bin/large" "$T/bin/small"
	check "... status finds nothing wrong" "$MATR" epoch status
	before=$(region)
	"$MATR" epoch begin --only --config "$T/shared.conf" "$T/bin/large" "$T/bin/small" /bin/true >/dev/null 2>&1
	equal "an incremental begin keeps the addresses" "$before" "$(region)"
	check "... and every word is right" "$MATR" verify "$T/bin/large" "$T/bin/small"
	end
	check "rebase without an epoch: nothing to do" "$MATR" epoch rebase
}

run_cases "$@"
