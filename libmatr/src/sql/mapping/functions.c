/* functions.c - functions for the queries that the tables of the mapping consist of. They exist
 * on the store's own connection only. */
#include "sql/mapping/functions.h"

#include <elf.h>
#include <string.h>

#include "base/path.h"

/* base_name(PATH): its last part. */
static void base_name(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const char *path = (const char *)sqlite3_value_text(argv[0]);

	(void)argc;
	if (path)
		sqlite3_result_text(context, path_name(path), -1, SQLITE_TRANSIENT);
}

static void image_epoch(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const struct mapping_store *store = sqlite3_user_data(context);

	(void)argc;
	(void)argv;
	sqlite3_result_int64(context, mapping_store_image(store));
}

/* The object with its segments; NULL: the result is an error. */
static struct mapping_object *headers_of(sqlite3_context *context, sqlite3_value *id)
{
	struct matr_error err;
	struct mapping_object *object = mapping_object(
		sqlite3_user_data(context), sqlite3_value_int64(id), 1U << CODEC_HEADERS, &err);
	if (!object)
		sqlite3_result_error(context, err.message, -1);
	return object;
}

static const struct matr_segment *find_segment(const struct matr_object *object, uint32_t type)
{
	for (size_t i = 0; i < object->n_segments; i++)
		if (object->segments[i].type == type)
			return &object->segments[i];
	return NULL;
}

static void relro(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct mapping_object *object = headers_of(context, argv[0]);
	const char *result = "none";

	(void)argc;
	if (!object)
		return;
	if (find_segment(&object->object, PT_GNU_RELRO))
		result = object->object.flags & MATR_OBJECT_BIND_NOW ? "full" : "partial";
	sqlite3_result_text(context, result, -1, SQLITE_STATIC);
	mapping_unpin(sqlite3_user_data(context), object);
}

/* ld.so takes an object without PT_GNU_STACK for one that wants an executable stack. */
static void executable_stack(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	struct mapping_object *object = headers_of(context, argv[0]);

	(void)argc;
	if (!object)
		return;
	const struct matr_segment *stack = find_segment(&object->object, PT_GNU_STACK);
	sqlite3_result_int(context, !stack || (stack->flags & PF_X));
	mapping_unpin(sqlite3_user_data(context), object);
}

int mapping_functions_add(struct mapping_store *store)
{
	static const struct {
		const char *name;
		int arguments;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{"base_name", 1, base_name},
		{"image_epoch", 0, image_epoch},
		{"relro", 1, relro},
		{"executable_stack", 1, executable_stack},
	};
	int result = SQLITE_OK;

	for (size_t i = 0; i < sizeof functions / sizeof *functions && result == SQLITE_OK; i++)
		result = sqlite3_create_function_v2(store->db, functions[i].name,
						    functions[i].arguments, SQLITE_UTF8, store,
						    functions[i].function, NULL, NULL, NULL);
	return result;
}
