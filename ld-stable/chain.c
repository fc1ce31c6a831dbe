/* chain.c - keeping ld.so's list of objects short while it opens a large scope.
 *
 * For each name ld.so walks the list of all objects three times: by name, by device and inode, and
 * to its end. With a thousand libraries that is most of a start. The names of the scope come in an
 * order in which no walk finds anything but the object that was opened last. So objects that were
 * opened are taken out of the list until all are there. l_next and l_prev are public members
 * (<link.h>).
 */
#include "ld_stable.h"

enum { WORTHWHILE = 32 }; /* objects; shorter lists cost nothing */

/* The objects behind the tail join those that were taken out before. */
static void take_out(struct served *served)
{
	struct link_map_public *first = served->chain_tail->l_next;

	if (!first)
		return;
	if (served->chain_last) {
		served->chain_last->l_next = first;
		first->l_prev = served->chain_last;
	} else {
		served->chain_first = first;
	}
	while (first->l_next)
		first = first->l_next;
	served->chain_last = first;
	served->chain_tail->l_next = NULL;
}

void chain_restore(struct served *served)
{
	struct link_map_public *tail = served->chain_tail, *first = served->chain_first;

	if (!first)
		return;
	served->chain_last->l_next = tail->l_next;
	if (tail->l_next)
		tail->l_next->l_prev = served->chain_last;
	tail->l_next = first;
	first->l_prev = tail;
	served->chain_first = served->chain_last = NULL;
}

void chain_open(struct served *served, uint32_t index)
{
	uint32_t n = served->manifest->n_objects;

	if (n < WORTHWHILE || (served->manifest->flags & MATR_MANIFEST_FILTER))
		return;
	if (!served->chain_tail) {
		const struct r_debug_public *debug = handover_debug(served);
		if (!debug || !debug->r_map)
			return;
		served->chain_tail = debug->r_map;
		while (served->chain_tail->l_next)
			served->chain_tail = served->chain_tail->l_next;
	}
	/* An object that was opened before, by another name: ld.so must find that it has it. */
	bool again = index <= served->chain_index;
	if (!again) {
		served->chain_index = index;
		take_out(served);
	}
	if (again || index == served->last_library)
		chain_restore(served);
}
