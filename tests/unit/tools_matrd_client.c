/* tools_matrd_client.c - requests to matrd: lines of JSON in pieces of any size, and the limits. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "matrd/client.h"
#include "unit.h"

static struct client *client;
static int peer;

static void connect_client(bool owner)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	peer = ends[1];
	client = client_new(ends[0], 1000, owner, 5);
	ck_assert_ptr_nonnull(client);
	ck_assert(client->owner == owner && client->uid == 1000 && client->since == 5);
}

static void setup(void)
{
	connect_client(false);
}

static void teardown(void)
{
	client_free(client);
	if (peer >= 0)
		close(peer);
}

static void say(const char *bytes, size_t size)
{
	ck_assert_int_eq(write(peer, bytes, size), (ssize_t)size);
	ck_assert_int_eq(client_read(client), 0);
}

static int next_request(char *command, size_t size)
{
	struct json_object *request, *value;
	int result = client_request(client, &request);

	ck_assert((result == 1) == (request != NULL));
	if (result == 1 && json_object_object_get_ex(request, "request", &value))
		snprintf(command, size, "%s", json_object_get_string(value));
	json_object_put(request);
	return result;
}

START_TEST(takes_a_request_byte_by_byte)
{
	static const char line[] = "{\"request\": \"status\"}\n";
	char command[16] = "";

	for (size_t i = 0; i < sizeof line - 1; i++) {
		ck_assert_int_eq(next_request(command, sizeof command), 0);
		say(line + i, 1);
	}
	ck_assert_int_eq(next_request(command, sizeof command), 1);
	ck_assert_str_eq(command, "status");
	ck_assert_int_eq(next_request(command, sizeof command), 0);
}
END_TEST

START_TEST(takes_several_requests_at_once)
{
	static const char lines[] = "{\"request\":\"a\"}\n{\"request\":\"b\"}\n{\"requ";
	char command[16] = "";

	say(lines, sizeof lines - 1);
	ck_assert_int_eq(next_request(command, sizeof command), 1);
	ck_assert_str_eq(command, "a");
	ck_assert_int_eq(next_request(command, sizeof command), 1);
	ck_assert_str_eq(command, "b");
	ck_assert_int_eq(next_request(command, sizeof command), 0);
	say("est\":\"c\"}\n", 10);
	ck_assert_int_eq(next_request(command, sizeof command), 1);
	ck_assert_str_eq(command, "c");
}
END_TEST

START_TEST(refuses_what_is_no_object)
{
	static const char *const lines[] = {
		"\n",
		"[]\n",
		"1\n",
		"null\n",
		"\"x\"\n",
		"{\n",
		"{} {}\n",
		"nonsense\n",
		"{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1}}}}}\n", /* too deep */
	};
	char command[16] = "";

	say(lines[_i], strlen(lines[_i]));
	ck_assert_int_eq(next_request(command, sizeof command), -1);
}
END_TEST

START_TEST(refuses_bytes_that_are_no_text)
{
	static const char line[] = "{\"request\":\"a\0\"}\n";
	char command[16] = "";

	say(line, sizeof line - 1);
	ck_assert_int_eq(next_request(command, sizeof command), -1);
}
END_TEST

/* Fill the client's input with `size` bytes without a line end. Returns false when it gives up. */
static bool flood(size_t size)
{
	static char bytes[1024];

	memset(bytes, 'x', sizeof bytes);
	for (size_t sent = 0; sent < size; sent += sizeof bytes) {
		ck_assert_int_eq(write(peer, bytes, sizeof bytes), (ssize_t)sizeof bytes);
		if (client_read(client) != 0)
			return false;
	}
	return true;
}

START_TEST(limits_what_anybody_sends)
{
	ck_assert(flood(CLIENT_LINE));
	ck_assert(!flood(1024));
}
END_TEST

START_TEST(allows_more_to_the_owner)
{
	teardown();
	connect_client(true);
	ck_assert(flood(CLIENT_LINE * 10));
	ck_assert(flood(CLIENT_LINE_OWNER - CLIENT_LINE * 10));
	ck_assert(!flood(1024));
}
END_TEST

START_TEST(notices_the_end)
{
	ck_assert_int_eq(client_read(client), 0); /* nothing there, which is no end */
	close(peer);
	peer = -1;
	ck_assert_int_eq(client_read(client), -1);
}
END_TEST

START_TEST(keeps_what_is_not_read)
{
	char received[8192];
	size_t n = 0, expected = 0;

	/* More than the socket takes. */
	for (int i = 0; i < 200; i++) {
		char text[4000];
		memset(text, 'a' + i % 26, sizeof text - 1);
		text[sizeof text - 1] = 0;
		struct json_object *answer = json_object_new_object();
		json_object_object_add(answer, "text", json_object_new_string(text));
		ck_assert_int_eq(client_send(client, answer), 0);
		expected += sizeof text - 1 + strlen("{\"text\":\"\"}\n");
	}
	while (n < expected) {
		ck_assert_int_eq(client_write(client), 0);
		ssize_t part = recv(peer, received, sizeof received, MSG_DONTWAIT);
		ck_assert_int_gt(part, 0);
		n += (size_t)part;
	}
	ck_assert_uint_eq(client->output.size, 0);
	ck_assert_int_eq(recv(peer, received, sizeof received, MSG_DONTWAIT), -1);
}
END_TEST

START_TEST(limits_what_waits)
{
	char *text = malloc(1 << 20);
	int sent = 0;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = 0;
	for (; sent < 100; sent++) {
		struct json_object *answer = json_object_new_object();
		json_object_object_add(answer, "text", json_object_new_string(text));
		if (client_send(client, answer) != 0)
			break;
	}
	ck_assert_int_eq(sent, CLIENT_OUTPUT / (1 << 20) - 1);
	ck_assert_uint_le(client->output.size, CLIENT_OUTPUT);
	free(text);
}
END_TEST

START_TEST(notices_a_reader_that_is_gone)
{
	close(peer);
	peer = -1;
	ck_assert_int_eq(client_send(client, json_object_new_object()), 0);
	ck_assert_int_eq(client_write(client), -1); /* and no SIGPIPE */
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("client");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, takes_a_request_byte_by_byte);
	tcase_add_test(tests, takes_several_requests_at_once);
	tcase_add_loop_test(tests, refuses_what_is_no_object, 0, 9);
	tcase_add_test(tests, refuses_bytes_that_are_no_text);
	tcase_add_test(tests, limits_what_anybody_sends);
	tcase_add_test(tests, allows_more_to_the_owner);
	tcase_add_test(tests, notices_the_end);
	tcase_add_test(tests, keeps_what_is_not_read);
	tcase_add_test(tests, limits_what_waits);
	tcase_add_test(tests, notices_a_reader_that_is_gone);
	return unit_run(tests, "client");
}
