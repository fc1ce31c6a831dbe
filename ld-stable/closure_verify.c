/* closure_verify.c - `matr verify --loads`: closures are not applied, but compared with what ld.so writes.
 *
 * ld.so relocates the new objects and then calls their initialisers. DT_INIT of each leads here first: the first call
 * compares the whole closure, and all go on to the object's own (arch/.../initialisers.S). What was found is appended to a file, which the
 * program and the programs that it starts have in common:
 *
 *	compared SLOTS DIFFERENCES RESIDUAL ROOT	decimal
 *	diff OFFSET EXPECTED FOUND OBJECT		hexadecimal; before their closure's line
 *	left ROOT: REASON				it would have been left to ld.so
 */
#include <linux/fcntl.h>

#include "verify.h"

enum { CLOSURE_INITIALISERS = 512, CALL_SIZE = 5 };

__attribute__((visibility("hidden"))) uint64_t closure_initialise(uint64_t return_address,
								  uint64_t initialisers);

/* The hook's mapping has one process to serve. */
__attribute__((section(".data"))) static struct handover *verified;

static long report_open(const struct handover *handover)
{
	return system_call(CALL_OPENAT, AT_FDCWD, (long)handover->verify_loads,
			   O_WRONLY | O_APPEND | O_CLOEXEC, 0, 0, 0);
}

static void report_close(long fd)
{
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
}

void closure_not_verified(const struct handover *handover, const char *root, const char *reason,
			  const char *object)
{
	struct line line = {.length = 0};
	long fd = report_open(handover);

	if (fd < 0)
		return;
	line_text(&line, "left ");
	line_text(&line, root);
	line_text(&line, ": ");
	line_text(&line, reason);
	if (object) {
		line_text(&line, ": ");
		line_text(&line, object);
	}
	line_write(&line, (int)fd);
	report_close(fd);
}

static Elf64_Dyn *initialiser(Elf64_Dyn *dyn)
{
	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_INIT)
			return dyn;
	}
	return NULL;
}

const char *closure_verify(struct handover *handover, const struct matr_image_closure *closure,
			   uint64_t initialisers)
{
	const uint32_t *numbers = image_at(&handover->image, closure->loaded);
	bool any = false;

	for (uint32_t i = 0; i < closure->n_members; i++) {
		struct loaded_object *object = &handover->loaded[numbers[i]];
		Elf64_Dyn *dyn = object->fresh ? initialiser(object->dynamic) : NULL;
		object->initialiser = 0;
		if (!dyn || numbers[i] >= CLOSURE_INITIALISERS)
			continue;
		object->initialiser = object->map->l_addr + dyn->d_un.d_ptr;
		dyn->d_un.d_ptr = initialisers + numbers[i] * CALL_SIZE - object->map->l_addr;
		any = true;
	}
	verified = handover;
	handover->compared = closure;
	return any ? NULL : "it has no initialiser at which to compare";
}

static void compare_closure(struct handover *handover, const struct matr_image_closure *closure)
{
	const struct matr_image_object *members = image_at(&handover->image, closure->members);
	const uint32_t *numbers = image_at(&handover->image, closure->loaded);
	const struct matr_image_ifunc *ifuncs = image_at(&handover->image, closure->ifuncs);
	const uint64_t *slots = image_at(&handover->image, closure->ifunc_slots);
	uint32_t n_objects = handover->image.manifest->n_objects;
	struct comparison comparison = {.bound_now = handover->bind_now, .loads = true};
	struct line line = {.length = 0};

	long fd = report_open(handover);
	if (fd < 0)
		return;
	comparison.fd = (int)fd;
	for (uint32_t i = 0; i < closure->n_members; i++) {
		if (handover->loaded[numbers[i]].fresh)
			compare_object(&comparison, handover, &members[i], n_objects + numbers[i]);
	}
	for (uint32_t i = 0; i < closure->n_ifuncs; i++)
		compare_ifunc(&comparison, handover, &ifuncs[i], slots);
	line_text(&line, "compared ");
	line_number(&line, comparison.slots);
	line_text(&line, " ");
	line_number(&line, comparison.differences);
	line_text(&line, " ");
	line_number(&line, closure->n_residual);
	line_text(&line, " ");
	line_text(&line, handover->loaded[numbers[0]].map->l_name);
	line_write(&line, comparison.fd);
	report_close(fd);
}

uint64_t closure_initialise(uint64_t return_address, uint64_t initialisers)
{
	struct handover *handover = verified;
	uint64_t number = (return_address - initialisers) / CALL_SIZE - 1;
	const struct matr_image_closure *closure = handover->compared;

	handover->compared = NULL;
	if (closure)
		compare_closure(handover, closure);
	return handover->loaded[number].initialiser;
}
