/* cpu_level.c - the x86-64 microarchitecture level (psABI table 3.1), which decides which
 * glibc-hwcaps directories ld.so searches. Only asked for where such a directory took part. */
#include "ld_stable.h"

static bool has(uint32_t word, uint32_t bits)
{
	return (word & bits) == bits;
}

uint32_t cpu_level(void)
{
	const uint32_t v2_c = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
	const uint32_t v3_c = 1u << 12 | 1u << 22 | 1u << 27 | 1u << 28 | 1u << 29;
	const uint32_t v3_b = 1u << 3 | 1u << 5 | 1u << 8;
	const uint32_t v4_b = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
	struct machine_cpuid basic = machine_cpuid(1, 0);
	struct machine_cpuid extended = machine_cpuid(0x80000001, 0);

	/* sse3 ssse3 cx16 sse4.1 sse4.2 popcnt; lahf */
	if (!has(basic.c, v2_c) || !has(extended.c, 1u << 0))
		return 1;
	/* fma movbe osxsave avx f16c; lzcnt; the system saves the ymm registers */
	if (!has(basic.c, v3_c) || !has(extended.c, 1u << 5) || !has(machine_xcr0(&basic), 0x6))
		return 2;
	struct machine_cpuid seven = machine_cpuid(7, 0);
	if (!has(seven.b, v3_b)) /* bmi1 avx2 bmi2 */
		return 2;
	/* avx512 f dq cd bw vl; the system saves the zmm registers */
	if (!has(seven.b, v4_b) || !has(machine_xcr0(&basic), 0xe6))
		return 3;
	return 4;
}
