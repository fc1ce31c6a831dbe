/* The state machine: every state as it is found on disk, every action in it, and what is left by
 * who was killed. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <matr/epoch.h>
#include <matr/image_format.h>
#include <matr/prefix.h>

#include "base/prefix.h"
#include "epoch/state.h"
#include "store/store.h"
#include "unit.h"

static char prefix[64];

static void write_to(const char *name, const void *data, size_t size)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", prefix, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static bool is_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", prefix, name);
	return access(path, F_OK) == 0;
}

static void put_image(uint64_t epoch)
{
	const struct matr_image_header header = {
		.magic = MATR_IMAGE_MAGIC, .format = MATR_IMAGE_FORMAT, .epoch = epoch};

	write_to(MATR_IMAGE_FILE, &header, sizeof header);
}

/* Epochs in the store, the last one ended or not. */
static void put_records(int n, bool ended)
{
	struct matr_store *store;
	int64_t epoch = 0;

	ck_assert_int_eq(store_open_to_write(prefix, &store, NULL), 0);
	for (int i = 0; i < n; i++) {
		ck_assert_int_eq(store_begin(store, "", 0, &epoch, NULL), 0);
		ck_assert_int_eq(store_commit(store, 20, NULL), 0);
	}
	ck_assert_int_eq(epoch, n);
	if (ended)
		ck_assert_int_eq(store_end_epoch(store, epoch, NULL), 0);
	matr_store_close(store);
}

static pid_t holder;

static void hold_lock(void)
{
	int ready[2];
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	holder = fork();
	if (holder == 0) {
		bool held = prefix_lock(prefix, false, NULL) >= 0;
		_exit(!held || write(ready[1], "", 1) != 1 || pause());
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
}

static void kill_holder(void)
{
	if (holder > 0) {
		kill(holder, SIGKILL);
		waitpid(holder, NULL, 0);
	}
	holder = 0;
}

/* Make the state as it comes about. */
static void make_state(enum epoch_state state)
{
	switch (state) {
	case EPOCH_STATE_MANAGEMENT:
		put_records(1, true);
		break;
	case EPOCH_STATE_SUSPENDED:
		put_records(1, true);
		write_to(MATR_SUSPENDED_FILE, "apt\n", 4);
		break;
	case EPOCH_STATE_EPOCH:
		put_records(1, false);
		put_image(1);
		break;
	case EPOCH_STATE_AHEAD: /* begin, killed between the commit and the rename */
		put_records(2, false);
		put_image(1);
		break;
	case EPOCH_STATE_UNKNOWN: /* the store was removed */
		put_image(7);
		break;
	case EPOCH_STATE_LOST: /* end, killed after the rename */
		put_records(1, false);
		break;
	case EPOCH_STATE_DAMAGED: /* power loss with a file system that keeps no order */
		put_records(1, false);
		write_to(MATR_IMAGE_FILE, "", 0);
		break;
	case EPOCH_STATE_BUSY:
		put_records(1, false);
		put_image(1);
		hold_lock();
		break;
	case EPOCH_STATES:
		abort();
	}
}

static enum epoch_state state_now(void)
{
	struct epoch_evidence evidence;

	epoch_examine(prefix, &evidence);
	return epoch_state_of(&evidence);
}

static void make_prefix(void)
{
	strcpy(prefix, "/tmp/matr-test-state.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(prefix));
	write_to(MATR_PREFIX_MARK, "MatR prefix 1\n", 14);
}

static void remove_prefix(void)
{
	char command[128];

	kill_holder();
	snprintf(command, sizeof command, "rm -rf %s", prefix);
	ck_assert_int_eq(system(command), 0);
}

/* As docs/states.md has it: m may, n nothing to be done, r refused, w wait. */
static const char *const expected[EPOCH_STATES] = {
	[EPOCH_STATE_MANAGEMENT] = "mrrnm", [EPOCH_STATE_SUSPENDED] = "mmrnm",
	[EPOCH_STATE_EPOCH] = "mmmmm",	    [EPOCH_STATE_AHEAD] = "mmmmm",
	[EPOCH_STATE_UNKNOWN] = "mmmmm",    [EPOCH_STATE_LOST] = "mmmnm",
	[EPOCH_STATE_DAMAGED] = "mmmnm",    [EPOCH_STATE_BUSY] = "wwwww",
};

START_TEST(each_cell)
{
	enum epoch_state state = (enum epoch_state)_i;

	make_state(state);
	ck_assert_str_eq(epoch_state_name(state_now()), epoch_state_name(state));
	for (int i = 0; i < EPOCH_ACTIONS; i++) {
		enum epoch_permission permission = EPOCH_BUSY;
		struct matr_error err = {0};
		int lock = epoch_enter(prefix, (enum epoch_action)i, false, &permission, &err);
		switch (expected[state][i]) {
		case 'm':
		case 'n':
			ck_assert_int_ge(lock, 0);
			ck_assert_int_eq(permission,
					 expected[state][i] == 'm' ? EPOCH_ALLOWED : EPOCH_NO_OP);
			/* It is ours: another one finds it busy. */
			ck_assert_int_eq(state_now(), EPOCH_STATE_BUSY);
			close(lock);
			break;
		case 'r':
			ck_assert_int_eq(lock, -1);
			ck_assert_int_eq(err.code, MATR_ERROR_STATE);
			break;
		default:
			ck_assert_int_eq(lock, -1);
			ck_assert_int_eq(err.code, MATR_ERROR_BUSY);
		}
		ck_assert_int_eq(state_now(),
				 state); /* to ask changes nothing, and leaves no lock */
	}
}
END_TEST

START_TEST(end_in_each_state)
{
	enum epoch_state state = (enum epoch_state)_i;
	struct matr_error err = {0};

	make_state(state);
	int result = matr_epoch_end(prefix, NULL, &err);
	if (state == EPOCH_STATE_MANAGEMENT || state == EPOCH_STATE_BUSY) {
		ck_assert_int_eq(result, -1);
		ck_assert_int_eq(err.code,
				 state == EPOCH_STATE_BUSY ? MATR_ERROR_BUSY : MATR_ERROR_STATE);
		ck_assert_int_eq(state_now(), state);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(state_now(), EPOCH_STATE_MANAGEMENT);
	ck_assert_int_eq(matr_epoch_end(prefix, NULL, &err), -1);
	ck_assert_int_eq(err.code, MATR_ERROR_STATE);
}
END_TEST

START_TEST(suspend_in_each_state)
{
	enum epoch_state state = (enum epoch_state)_i;

	if (state == EPOCH_STATE_BUSY)
		return; /* it waits */
	make_state(state);
	bool image = is_there(MATR_IMAGE_FILE);
	ck_assert_int_eq(matr_epoch_suspend(prefix, "test", NULL), image);
	ck_assert_int_eq(state_now(), image ? EPOCH_STATE_SUSPENDED : state);
}
END_TEST

START_TEST(who_is_killed_leaves_no_lock)
{
	make_state(EPOCH_STATE_BUSY);
	ck_assert_int_eq(state_now(), EPOCH_STATE_BUSY);
	kill_holder();
	ck_assert_int_eq(state_now(), EPOCH_STATE_EPOCH);
	ck_assert_int_eq(matr_epoch_end(prefix, NULL, NULL), 0);
}
END_TEST

/* The note of a suspension comes before the end: killed in between, both are there. */
START_TEST(suspending_was_interrupted)
{
	make_state(EPOCH_STATE_EPOCH);
	write_to(MATR_SUSPENDED_FILE, "apt\n", 4);
	ck_assert_int_eq(state_now(), EPOCH_STATE_EPOCH);
	ck_assert_int_eq(matr_epoch_suspend(prefix, "again", NULL), 1);
	ck_assert_int_eq(state_now(), EPOCH_STATE_SUSPENDED);
}
END_TEST

/* A store that is no database: the image alone decides. */
START_TEST(the_store_is_damaged)
{
	write_to(MATR_STORE_FILE, "nonsense", 8);
	ck_assert_int_eq(state_now(), EPOCH_STATE_MANAGEMENT);
	put_image(1);
	ck_assert_int_eq(state_now(), EPOCH_STATE_UNKNOWN);
	ck_assert_int_eq(matr_epoch_end(prefix, NULL, NULL), 0);
	ck_assert_int_eq(state_now(), EPOCH_STATE_MANAGEMENT);
}
END_TEST

/* In any state but BUSY an epoch can be begun. */
START_TEST(all_evidence)
{
	for (unsigned bits = 0; bits < 256; bits++) {
		const struct epoch_evidence evidence = {
			.locked = bits & 1,
			.image = bits & 2,
			.image_header = bits & 4,
			.image_number = bits & 4 ? 1 : 0,
			.suspended = bits & 8,
			.record = bits & 16,
			.record_ended = bits & 32,
			.image_known = bits & 64,
			.record_image = bits & 128 ? 1 : 2,
		};
		enum epoch_state state = epoch_state_of(&evidence);
		ck_assert_uint_lt(state, EPOCH_STATES);
		ck_assert_int_eq(epoch_permission(state, EPOCH_BEGIN),
				 evidence.locked ? EPOCH_BUSY : EPOCH_ALLOWED);
		/* If an image is in force, it can be ended. */
		if (evidence.image && !evidence.locked)
			ck_assert_int_eq(epoch_permission(state, EPOCH_END), EPOCH_ALLOWED);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("states");

	tcase_add_checked_fixture(tests, make_prefix, remove_prefix);
	tcase_add_loop_test(tests, each_cell, 0, EPOCH_STATES);
	tcase_add_loop_test(tests, end_in_each_state, 0, EPOCH_STATES);
	tcase_add_loop_test(tests, suspend_in_each_state, 0, EPOCH_STATES);
	tcase_add_test(tests, who_is_killed_leaves_no_lock);
	tcase_add_test(tests, suspending_was_interrupted);
	tcase_add_test(tests, the_store_is_damaged);
	tcase_add_test(tests, all_evidence);
	return unit_run(tests, "epoch_state");
}
