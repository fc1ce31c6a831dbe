/* hook.c - the second role: the library that ld.so relocates first.
 *
 * All objects are mapped and none is relocated when ld.so comes to ld-stable's own two relocations: the
 * address of _r_debug, and an IRELATIVE whose resolver is hook(). All or nothing: either every object is
 * the recorded one and the mapping is applied to all of them, or nothing is written and ld.so relocates
 * everything itself.
 */
#include "ld_stable.h"

static void nothing(void)
{
}

/* Not called by name anywhere. */
__attribute__((used)) static void (*hook(void))(void)
{
	struct handover *handover = handover_find();
	struct link_map_public *maps;
	struct surprise surprise;

	if (!handover)
		return nothing; /* loaded by somebody else: no business of ours */
	maps = handover_debug(handover)->r_map;
	if (!objects_are_recorded(handover, maps, &surprise)) {
		give_back(handover, maps);
		report_plain(handover->debug, handover->verify_fd, surprise.what, surprise.object);
		return nothing;
	}
	handover->checked = true;
	if (handover->verify_fd >= 0)
		return nothing; /* initialise() goes on */
	relocate_all(handover);
	give_back(handover,
		  maps); /* before the tables are edited: the program's own stays as it was */
	leave_residual(handover);
	report_applied(handover);
	closures_follow(handover, maps);
	return nothing;
}

static void hooked(void) __attribute__((ifunc("hook")));

/* The word that the IRELATIVE relocation is for. */
__attribute__((used)) static void (*volatile trigger)(void) = hooked;

void initialise(void);

/* DT_INIT, before every other object's. */
__attribute__((visibility("hidden"))) void initialise(void)
{
	struct handover *handover = handover_find();

	if (handover && handover->checked && handover->verify_fd >= 0)
		verify_and_exit(handover);
}
