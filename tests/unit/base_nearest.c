/* Nearest names, and what people call symbols. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <matr/nearest.h>

#include "base/nearest.h"
#include "query/names.h"
#include "unit.h"

static const char *nearest_of(const char *wanted, const char *const *names)
{
	static struct matr_error err;
	struct matr_nearest nearest = {.wanted = wanted};

	for (size_t i = 0; names[i]; i++)
		matr_nearest_offer(&nearest, names[i], NULL);
	ck_assert_int_eq(matr_nearest_fail(&nearest, &err, "none"), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_NOT_FOUND);
	ck_assert_str_eq(err.file, wanted);
	ck_assert_uint_eq(nearest.n, 0);
	return err.message;
}

START_TEST(edit_distance)
{
	ck_assert_uint_eq(nearest_distance("", "", 9), 0);
	ck_assert_uint_eq(nearest_distance("", "abc", 9), 3);
	ck_assert_uint_eq(nearest_distance("kitten", "sitting", 9), 3);
	ck_assert_uint_eq(nearest_distance("clang-41", "clang-14", 9), 1);
	ck_assert_uint_eq(nearest_distance("Git", "git", 9), 0);
	ck_assert_uint_eq(nearest_distance("ca", "abc", 9), 3); /* what is swapped stays so */
	ck_assert_uint_eq(nearest_distance("kitten", "sitting", 2), 3);
	ck_assert_uint_eq(nearest_distance("a", "abcdefgh", 2), 3);
	ck_assert_uint_eq(nearest_distance("abcdefgh", "ijklmnop", 2), 3);
}
END_TEST

START_TEST(edit_distance_is_symmetric)
{
	static const char *const words[] = {"malloc", "mallco",	 "calloc", "free",
					    "fre",    "realloc", "llocma", "m"};
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < 8; j++)
			for (unsigned most = 0; most < 7; most++)
				ck_assert_uint_eq(nearest_distance(words[i], words[j], most),
						  nearest_distance(words[j], words[i], most));
}
END_TEST

START_TEST(long_names)
{
	char a[2000], b[2000];

	memset(a, 'x', sizeof a - 1);
	memset(b, 'x', sizeof b - 1);
	a[sizeof a - 1] = b[sizeof b - 1] = 0;
	b[3] = 'y';
	ck_assert_uint_eq(nearest_distance(a, b, 4), 1);
}
END_TEST

START_TEST(nearest_first)
{
	static const char *const names[] = {"clang-14", "git",	    "clang",
					    "python3",	"clang-14", NULL};
	ck_assert_str_eq(nearest_of("clang-41", names), "none; nearest: clang-14, clang");
	ck_assert_str_eq(nearest_of("pyhton3", names), "none; nearest: python3");
	ck_assert_str_eq(nearest_of("soffice", names), "none");
}
END_TEST

START_TEST(parts)
{
	static const char *const names[] = {"libxml2.so.2", "libxslt.so.1", "xmllint", NULL};
	ck_assert_str_eq(nearest_of("xml", names), "none; nearest: xmllint, libxml2.so.2");
	ck_assert_str_eq(nearest_of("libxml2.so.2.9.14", names), "none; nearest: libxml2.so.2");
}
END_TEST

START_TEST(a_handful)
{
	static const char *const names[] = {"name8", "name1", "name7", "name2", "name6",
					    "name3", "name5", "name4", NULL};
	ck_assert_str_eq(nearest_of("name9", names),
			 "none; nearest: name1, name2, name3, name4, name5");
}
END_TEST

START_TEST(too_long_to_say)
{
	char names[5][200];
	const char *list[6] = {NULL};

	for (int i = 0; i < 5; i++) {
		memset(names[i], 'n', sizeof names[i] - 1);
		names[i][sizeof names[i] - 1] = 0;
		names[i][0] = (char)('a' + i);
		list[i] = names[i];
	}
	const char *message = nearest_of("nnn", list);
	ck_assert_uint_eq(strlen(message), strlen("none; nearest: ") + 199 + 2 + 199);
}
END_TEST

START_TEST(symbol_names)
{
	struct matr_symbol_name name;
	struct matr_error err;

	ck_assert_int_eq(matr_symbol_name_parse("memcpy", &name, &err), 0);
	ck_assert(query_symbol_name_is(&name, "memcpy", "GLIBC_2.14"));
	ck_assert(query_symbol_name_is(&name, "memcpy", NULL));
	ck_assert(!query_symbol_name_is(&name, "memcp", NULL));
	matr_symbol_name_free(&name);

	static const char *const versioned[] = {"memcpy@GLIBC_2.14", "memcpy@@GLIBC_2.14"};
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(matr_symbol_name_parse(versioned[i], &name, &err), 0);
		ck_assert(query_symbol_name_is(&name, "memcpy", "GLIBC_2.14"));
		ck_assert(!query_symbol_name_is(&name, "memcpy", "GLIBC_2.2.5"));
		ck_assert(!query_symbol_name_is(&name, "memcpy", NULL));
		matr_symbol_name_free(&name);
	}

	ck_assert_int_eq(matr_symbol_name_parse("memcpy@", &name, &err), 0);
	ck_assert(query_symbol_name_is(&name, "memcpy", NULL));
	ck_assert(!query_symbol_name_is(&name, "memcpy", "GLIBC_2.14"));
	matr_symbol_name_free(&name);

	ck_assert_int_eq(matr_symbol_name_parse("@GLIBC_2.14", &name, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_USAGE);
	ck_assert_int_eq(matr_symbol_name_parse("", &name, &err), -1);
}
END_TEST

static bool pattern_is(const char *pattern, const char *name)
{
	struct matr_symbol_name parsed;
	struct matr_error err;

	ck_assert_int_eq(matr_symbol_pattern_parse(pattern, &parsed, &err), 0);
	bool is = query_symbol_name_is(&parsed, name, NULL);
	matr_symbol_name_free(&parsed);
	return is;
}

START_TEST(symbol_patterns)
{
	static const char push[] = "_ZNSt6vectorIiSaIiEE9push_backERKi";
	static const char rust[] = "_RNvCs1234_7mycrate3foo",
			  legacy[] = "_ZN4core3fmt5write17h0123456789abcdefE";

	ck_assert(pattern_is("pthread_*", "pthread_create"));
	ck_assert(pattern_is("*_create", "pthread_create"));
	ck_assert(pattern_is("pthread_[ab]*", "pthread_attr_init"));
	ck_assert(!pattern_is("pthread_*", "xpthread_create"));
	ck_assert(pattern_is("*", push));
	ck_assert(pattern_is("f", "_Z1fi"));
	ck_assert(pattern_is("f(int)", "_Z1fi"));
	ck_assert(!pattern_is("f(long)", "_Z1fi"));
	ck_assert(pattern_is("f(char const*)", "_Z1fPKc"));
	ck_assert(pattern_is("ns::f", "_ZN2ns1fEi"));
	ck_assert(pattern_is("ns::*", "_ZN2ns1fEi"));
	ck_assert(!pattern_is("f", "_ZN2ns1fEi"));
	ck_assert(pattern_is("std::vector<int, std::allocator<int> >::push_back", push));
	ck_assert(pattern_is("std::vector<*>::push_back(*)", push));
	ck_assert(pattern_is("std::allocator<char>::allocator()", "_ZNSaIcEC1Ev"));
	ck_assert(pattern_is("operator new[](unsigned long)", "_Znam"));
	ck_assert(pattern_is("std::ostream::operator<<(int)", "_ZNSolsEi"));
	ck_assert(pattern_is("vtable for ns::A", "_ZTVN2ns1AE"));
	ck_assert(pattern_is("mycrate::foo", rust));
	ck_assert(pattern_is("core::fmt::write", legacy));
	ck_assert(pattern_is("core::*::write", legacy));
	ck_assert(pattern_is(push, push));
}
END_TEST

int main(void)
{
	TCase *names = tcase_create("names");

	tcase_add_test(names, edit_distance);
	tcase_add_test(names, edit_distance_is_symmetric);
	tcase_add_test(names, long_names);
	tcase_add_test(names, nearest_first);
	tcase_add_test(names, parts);
	tcase_add_test(names, a_handful);
	tcase_add_test(names, too_long_to_say);
	tcase_add_test(names, symbol_names);
	tcase_add_test(names, symbol_patterns);
	return unit_run(names, "nearest");
}
