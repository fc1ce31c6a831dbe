// installed_sql.cc - the same in C++: matr_sql_register() in a connection of the program's own.
#include <cstdio>
#include <string>

#include <matr/object.h>
#include <matr/sql.h>
#include <sqlite3.h>

static int print(void *, int n, char **values, char **)
{
	for (int i = 0; i < n; i++)
		std::printf("%s%s", i ? " " : "", values[i] ? values[i] : "NULL");
	std::putchar('\n');
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	matr_error err = {};
	matr_object *object = nullptr;
	std::string missing = std::string(argv[1]) + ".missing";
	if (matr_object_open(missing.c_str(), &object, &err) == 0 || err.code != MATR_ERROR_SYSTEM)
		return 3;
	std::printf("missing %s\n", err.file == missing ? "names its file" : err.file);

	matr_sql_options options = {};
	options.files = &argv[1];
	options.n_files = 1;
	sqlite3 *db = nullptr;
	if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
	    matr_sql_register(db, &options, &err) < 0) {
		std::fprintf(stderr, "installed_sql: %s: %s\n", err.file, err.message);
		return 1;
	}
	char *message = nullptr;
	if (sqlite3_exec(db, "SELECT 'needed', name FROM elf_needed ORDER BY name", print, nullptr,
			 &message) != SQLITE_OK) {
		std::fprintf(stderr, "installed_sql: %s\n", message);
		return 1;
	}
	return sqlite3_close(db) != SQLITE_OK;
}
