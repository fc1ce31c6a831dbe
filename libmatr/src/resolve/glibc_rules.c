/* glibc_rules.c - the table of rules by version. tests/oracle/rules has a case for each, which runs
 * on every release.
 *
 * Not here is what makes no difference to a mapping:
 * - the platform's name, which is taken from ld.so itself and is the kernel's from 2.40 on;
 * - "/" and plain files in search paths (2.38, 2.39), which find the same libraries in every
 *   version;
 * - versions that hash to 0 (2.42), which are looked up as none in every version, the check of
 *   needed versions apart;
 * - $ORIGIN of a program named to ld.so (2.42), because such a start is a plain one if $ORIGIN took
 *   part;
 * - empty versions such as GLIBC_ABI_GNU2_TLS, which are versions like others.
 */
#include "resolve/glibc_rules.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST = 0, LAST = 1 << 16 };

static const struct {
	unsigned from, until; /* minor numbers */
} rules[] = {
	[GLIBC_LEGACY_HWCAPS] = {FIRST, 36},	       /* 6099908fb8 */
	[GLIBC_STOPS_AT_LOST_VERSIONS] = {FIRST, 40},  /* bdaf500353 */
	[GLIBC_RELR_NEEDS_VERSION] = {36, LAST},       /* NEWS */
	[GLIBC_RELOCATES_LIBC_FIRST] = {39, LAST},     /* 78ca44da01 */
	[GLIBC_DLOPEN_EXECUTABLE_STACK] = {FIRST, 40}, /* 0ca8785a28 */
};

unsigned glibc_minor(const char *version)
{
	char *end;

	if (!version || strncmp(version, "2.", 2) != 0)
		return 0;
	unsigned long minor = strtoul(version + 2, &end, 10);
	return (*end && *end != '.') || minor >= LAST ? 0 : (unsigned)minor;
}

bool glibc_has(unsigned minor, enum glibc_rule rule)
{
	return minor >= rules[rule].from && minor <= rules[rule].until;
}
