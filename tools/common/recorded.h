/* recorded.h - what the store has on one program. */
#ifndef MATR_TOOLS_COMMON_RECORDED_H
#define MATR_TOOLS_COMMON_RECORDED_H

#include <matr/applied.h>
#include <matr/edit.h>
#include <matr/resolve.h>
#include <matr/store.h>

struct recorded {
	struct matr_store *store;     /* owns the mapping's objects; NULL: the session does */
	struct matr_session *session; /* resolved.h; NULL otherwise */
	struct matr_store_epoch epoch;
	struct matr_mapping *mapping;
	int64_t application;		    /* its id in the store */
	struct matr_edited_binding *edited; /* matr_edited_find() */
	size_t n_edited;
	size_t first; /* scope index that views begin with: 0, or a closure's first new object */
};

/* The epoch's application that the user calls so: path, name on PATH, or file name. NOT_FOUND:
 * the message has the nearest ones. */
int recorded_find(struct matr_store *store, int64_t epoch, const char *program,
		  int64_t *application, struct matr_error *err);

/* Find the epoch of a name. A number; "current" or NULL: the one in force, or else the newest;
 * "previous": the one before that. USAGE: none of these; NOT_FOUND: there is no such epoch. */
int recorded_epoch(const char *prefix, struct matr_store *store, const char *name,
		   struct matr_store_epoch *out, struct matr_error *err);

/* Read the mapping of `program` (path, or name on PATH) in an epoch, which is named as above. To
 * be closed also after an error. */
int recorded_open(const char *prefix, const char *program, const char *epoch, struct recorded *out,
		  struct matr_error *err);

/* All closures of the program that have objects, and which of them has this root (path, or file
 * name): its mapping takes the place of the program's. *applied: matr_applied_free(). NOT_FOUND:
 * none has. */
int recorded_closure(struct recorded *recorded, const char *root,
		     struct matr_applied_mapping **applied, struct matr_error *err);
void recorded_close(struct recorded *recorded);

/* Loads of the program with dlopen(). */
struct recorded_loads {
	struct matr_store_closure *records;
	size_t n_records;
	struct matr_closure *
		list; /* parallel; mapping NULL: it is left to ld.so, and not known what it needs */
};

/* All closures of the program. *out: recorded_loads_free(), also after an error. */
int recorded_loads(const struct recorded *recorded, struct recorded_loads *out,
		   struct matr_error *err);
void recorded_loads_free(struct recorded_loads *loads);

/* The canonical path of an object of the scope. The application has the name under which it was
 * recorded: it may be one of several hard links. */
const char *recorded_path(const struct matr_mapping *mapping, size_t index);

/* The edit of a relocation; NULL: it was not edited. */
const struct matr_edited_binding *recorded_edit(const struct recorded *recorded, size_t object,
						size_t relocation);

/* The version that a symbol of the object carries or asks for; NULL: none. */
const char *recorded_version(const struct matr_object *object, uint32_t symbol);

/* "R_X86_64_GLOB_DAT" and so on; a number for an unknown type. */
const char *relocation_name(uint32_t type, char buffer[32]);

#endif
