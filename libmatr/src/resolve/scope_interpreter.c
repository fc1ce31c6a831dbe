/* scope_interpreter.c - the dynamic linker of an application, if it is the one that is reproduced.
 *
 * Another C library's dynamic linker (musl) has other rules. Another build of glibc's has other
 * default directories and another ld.so.cache.
 */
#include "resolve/scope_interpreter.h"

#include <string.h>

#include <matr/loader.h>

#include "base/process_path.h"

static int find_real(struct matr_session *session, const char *path, uint32_t *object,
		     struct matr_error *err)
{
	const struct known_path *known = NULL;
	const char *real;

	*object = NO_INDEX;
	if (session_interpreter(session, path, &real, err) < 0 ||
	    (real && session_path(session, real, &known, err) < 0))
		return -1;
	if (known)
		*object = known->object;
	return 0;
}

static bool has_soname(const struct matr_object *object, const char *start)
{
	return object->soname && strncmp(object->soname, start, strlen(start)) == 0;
}

/* musl is recognised by its path: Debian's file has no soname. */
static bool is_musl(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && strncmp(slash, "/ld-musl-", strlen("/ld-musl-")) == 0;
}

static bool is_copy(const struct matr_object *one, const struct matr_object *other)
{
	return one == other ||
	       (one->file.size == other->file.size && one->build_id.size &&
		one->build_id.size == other->build_id.size &&
		memcmp(one->build_id.bytes, other->build_id.bytes, one->build_id.size) == 0);
}

static int check_system(struct matr_session *session, const struct matr_object *application,
			const struct matr_object *found, struct matr_error *err)
{
	uint32_t system;

	if (find_real(session, MATR_SYSTEM_LOADER, &system, err) < 0)
		return -1;
	if (system != NO_INDEX && is_copy(session->objects[system].object, found))
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, application->path,
			 "its interpreter %s belongs to another build of glibc than %s",
			 application->interpreter, MATR_SYSTEM_LOADER);
}

int scope_interpreter(struct matr_session *session, const struct matr_object *application,
		      uint32_t *object, struct matr_error *err)
{
	const char *path = application->interpreter;
	struct matr_error why = {0};

	if (path_depends_on_process(path))
		return matr_fail(err, MATR_ERROR_UNSUPPORTED, application->path,
				 "its interpreter %s depends on the process", path);
	int result = find_real(session, path, object, &why);
	if (result < 0 && (why.code == MATR_ERROR_RESOURCES || why.code == MATR_ERROR_STATE))
		return matr_error_copy(err, &why);
	if (result == 0 && *object == NO_INDEX)
		return matr_fail(err, MATR_ERROR_NOT_FOUND, application->path,
				 "its interpreter %s is not found", path);
	if (result < 0 || !has_soname(session->objects[*object].object, "ld-linux"))
		return matr_fail(
			err, MATR_ERROR_UNSUPPORTED, application->path, "its interpreter %s is %s",
			path, is_musl(path) ? "musl's, not glibc's" : "not glibc's dynamic linker");
	return check_system(session, application, session->objects[*object].object, err);
}
