/* resolve_ld_so_cache.c - caches as ldconfig writes them, and damaged ones. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "resolve/ld_so_cache.h"
#include "unit.h"

enum { X86_64 = 0x0303, I386 = 0x0803 };
#define LEVEL (UINT64_C(1) << 62) /* in hwcap: its lower half is an index of level names */

struct row {
	const char *name, *path;
	int32_t flags;
	uint64_t hwcap;
};

static struct matr_error err;
static int
	fd; /* in memory: some file systems write a file to disk when it is truncated and closed */
static char file[32];

static void setup(void)
{
	fd = memfd_create("cache", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	snprintf(file, sizeof file, "/proc/self/fd/%d", fd);
}

static void teardown(void)
{
	close(fd);
}

struct bytes {
	unsigned char data[65536];
	size_t size;
};

static uint32_t put(struct bytes *bytes, const void *data, size_t size)
{
	size_t at = bytes->size;

	ck_assert_uint_le(at + size, sizeof bytes->data);
	memcpy(bytes->data + at, data, size);
	bytes->size += size;
	return (uint32_t)at;
}

static void write_file(const struct bytes *bytes, size_t size)
{
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, bytes->data, size, 0), (ssize_t)size);
}

/* The format of glibc's cache.c: header, entries, strings, and at the end the extension with the
 * names of glibc-hwcaps levels. */
static void make(struct bytes *bytes, const struct row *rows, uint32_t n, const char *const *levels,
		 uint32_t n_levels)
{
	unsigned char header[48] = "glibc-ld.so.cache1.1", entry[24] = {0};
	uint32_t at, head[2] = {0xeaa42174, 1}, section[4] = {1, 0, 0, n_levels * 4};

	bytes->size = 0;
	memcpy(header + 20, &n, 4);
	put(bytes, header, sizeof header);
	for (uint32_t i = 0; i < n; i++)
		put(bytes, entry, sizeof entry);
	for (uint32_t i = 0; i < n; i++) {
		unsigned char *to = bytes->data + sizeof header + (size_t)i * sizeof entry;
		memcpy(to, &rows[i].flags, 4);
		at = put(bytes, rows[i].name, strlen(rows[i].name) + 1);
		memcpy(bytes->data + sizeof header + (size_t)i * sizeof entry + 4, &at, 4);
		at = put(bytes, rows[i].path, strlen(rows[i].path) + 1);
		memcpy(to + 8, &at, 4);
		memcpy(to + 16, &rows[i].hwcap, 8);
	}
	if (!n_levels)
		return;
	uint32_t names[8];
	for (uint32_t i = 0; i < n_levels; i++)
		names[i] = put(bytes, levels[i], strlen(levels[i]) + 1);
	while (bytes->size % 4)
		put(bytes, "", 1);
	section[2] = put(bytes, names, (size_t)n_levels * 4);
	at = put(bytes, head, sizeof head);
	put(bytes, section, sizeof section);
	memcpy(bytes->data + 32, &at, 4);
}

static const struct row rows[] = {
	{"libz.so.1", "/lib/v3/libz.so.1", X86_64, LEVEL | 1},
	{"libz.so.1", "/lib/v2/libz.so.1", X86_64, LEVEL},
	{"libz.so.1", "/lib32/libz.so.1", I386, 0},
	{"libz.so.1", "/lib/libz.so.1", X86_64, 0},
	{"libz.so.1", "/usr/lib/libz.so.1", X86_64, 0},
	{"libonly32.so", "/lib32/libonly32.so", I386, 0},
	{"libm.so.06", "/lib/libm.so.06", X86_64, 0},
	{"liblegacy.so", "/lib/tls/liblegacy.so", X86_64, UINT64_C(1) << 63},
};
enum { N_ROWS = sizeof rows / sizeof *rows };
static const char *const names[] = {"x86-64-v2", "x86-64-v3"};

START_TEST(finds_paths)
{
	static const char *const none[] = {NULL}, *const v2[] = {"x86-64-v2", NULL};
	static const char *const v3[] = {"x86-64-v3", "x86-64-v2", NULL};
	static struct bytes bytes;
	struct ld_so_cache cache;
	bool by_level = false;

	make(&bytes, rows, N_ROWS, names, 2);
	write_file(&bytes, bytes.size);
	ck_assert_int_eq(ld_so_cache_open(file, &cache, &err), 0);
	ck_assert_ptr_null(ld_so_cache_find(&cache, "libonly32.so", none, &by_level));
	ck_assert_ptr_null(ld_so_cache_find(&cache, "libnone.so", none, &by_level));
	ck_assert_ptr_null(ld_so_cache_find(&cache, "liblegacy.so", none, &by_level));
	ck_assert(!by_level);
	ck_assert_str_eq(ld_so_cache_find(&cache, "libz.so.1", none, &by_level), "/lib/libz.so.1");
	ck_assert(by_level);
	ck_assert_str_eq(ld_so_cache_find(&cache, "libz.so.1", v2, &by_level), "/lib/v2/libz.so.1");
	ck_assert_str_eq(ld_so_cache_find(&cache, "libz.so.1", v3, &by_level), "/lib/v3/libz.so.1");
	/* Digits compare as numbers (glibc: elf/dl-cache.c, _dl_cache_libcmp). */
	ck_assert_str_eq(ld_so_cache_find(&cache, "libm.so.6", none, &by_level), "/lib/libm.so.06");
	ck_assert_str_eq(ld_so_cache_find(&cache, "libm.so.0006", none, &by_level),
			 "/lib/libm.so.06");
	ld_so_cache_close(&cache);
}
END_TEST

START_TEST(reads_behind_the_old_format)
{
	static const char *const none[] = {NULL};
	static struct bytes bytes, both;
	struct ld_so_cache cache;
	unsigned char old[16 + 12] = "ld.so-1.7.0";
	uint32_t one = 1;
	bool by_level;

	make(&bytes, rows, N_ROWS, names, 2);
	memcpy(old + 12, &one, 4);
	both.size = 0;
	put(&both, old, sizeof old);
	put(&both, "\0\0\0\0", 4); /* the new format begins at a multiple of 8 */
	put(&both, bytes.data, bytes.size);
	write_file(&both, both.size);
	ck_assert_int_eq(ld_so_cache_open(file, &cache, &err), 0);
	ck_assert_str_eq(ld_so_cache_find(&cache, "libz.so.1", none, &by_level), "/lib/libz.so.1");
	ld_so_cache_close(&cache);
	/* Alone it is one that ld.so reads and MatR does not. */
	write_file(&both, sizeof old);
	ck_assert_int_eq(ld_so_cache_open(file, &cache, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_UNSUPPORTED);
}
END_TEST

START_TEST(is_empty_without_a_file)
{
	static const char *const none[] = {NULL};
	struct ld_so_cache cache;
	bool by_level = false;

	ck_assert_int_eq(ld_so_cache_open("/proc/self/fd/none", &cache, &err), 0);
	ck_assert_ptr_null(ld_so_cache_find(&cache, "libz.so.1", none, &by_level));
	ld_so_cache_close(&cache);
	write_file(&(struct bytes){"no cache", 8}, 8);
	ck_assert_int_eq(ld_so_cache_open(file, &cache, &err), 0);
	ck_assert_ptr_null(ld_so_cache_find(&cache, "libz.so.1", none, &by_level));
	ld_so_cache_close(&cache);
}
END_TEST

/* Cut anywhere, it is refused or has fewer entries; nothing outside is read (ASan). */
START_TEST(survives_every_cut)
{
	static const char *const v3[] = {"x86-64-v3", "x86-64-v2", NULL};
	static struct bytes bytes;
	struct ld_so_cache cache;
	bool by_level;

	make(&bytes, rows, N_ROWS, names, 2);
	for (size_t size = 0; size < bytes.size; size++) {
		write_file(&bytes, size);
		if (ld_so_cache_open(file, &cache, &err) != 0) {
			ck_assert_int_eq(err.code, MATR_ERROR_MALFORMED);
			continue;
		}
		(void)ld_so_cache_find(&cache, "libz.so.1", v3, &by_level);
		ld_so_cache_close(&cache);
	}
}
END_TEST

START_TEST(survives_every_changed_byte)
{
	static const char *const v3[] = {"x86-64-v3", "x86-64-v2", NULL};
	static struct bytes bytes;
	struct ld_so_cache cache;
	bool by_level;

	make(&bytes, rows, N_ROWS, names, 2);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 0xff;
		write_file(&bytes, bytes.size);
		bytes.data[i] ^= 0xff;
		if (ld_so_cache_open(file, &cache, &err) != 0)
			continue;
		(void)ld_so_cache_find(&cache, "libz.so.1", v3, &by_level);
		ld_so_cache_close(&cache);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("ld_so_cache");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, finds_paths);
	tcase_add_test(tests, reads_behind_the_old_format);
	tcase_add_test(tests, is_empty_without_a_file);
	tcase_add_test(tests, survives_every_cut);
	tcase_add_test(tests, survives_every_changed_byte);
	return unit_run(tests, "ld_so_cache");
}
