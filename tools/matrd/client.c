/* client.c - a connection to matrd. */
#include "matrd/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client *client_new(int fd, uid_t uid, bool owner, int64_t now)
{
	struct client *client = calloc(1, sizeof *client);

	if (client) {
		client->fd = fd;
		client->uid = uid;
		client->owner = owner;
		client->since = now;
	}
	return client;
}

void client_free(struct client *client)
{
	close(client->fd);
	json_object_put(client->request);
	text_free(&client->input);
	text_free(&client->output);
	free(client);
}

int client_read(struct client *client)
{
	size_t limit = client->owner ? CLIENT_LINE_OWNER : CLIENT_LINE;
	char buffer[4096];
	ssize_t n = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0 || client->input.size + (size_t)n > limit)
		return -1;
	text_add(&client->input, buffer, (size_t)n);
	return client->input.failed ? -1 : 0;
}

int client_request(struct client *client, struct json_object **out)
{
	struct text *input = &client->input;
	char *end = input->size ? memchr(input->bytes, '\n', input->size) : NULL;

	*out = NULL;
	if (!end)
		return 0;
	struct json_tokener *tokener = json_tokener_new_ex(4); /* levels */
	size_t length = (size_t)(end - input->bytes);
	if (tokener) {
		*out = json_tokener_parse_ex(tokener, input->bytes, (int)length + 1);
		size_t used = json_tokener_get_parse_end(tokener);
		used += strspn(input->bytes + used, " \t\r");
		if (json_tokener_get_error(tokener) != json_tokener_success || used < length) {
			json_object_put(*out);
			*out = NULL;
		}
		json_tokener_free(tokener);
	}
	text_drop(input, length + 1);
	if (*out && json_object_is_type(*out, json_type_object))
		return 1;
	json_object_put(*out);
	*out = NULL;
	return -1;
}

int client_send(struct client *client, struct json_object *object)
{
	size_t length = 0;
	const char *text =
		object ? json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &length)
		       : NULL;
	bool fits = text && client->output.size + length + 1 <= CLIENT_OUTPUT;

	if (fits) {
		text_add(&client->output, text, length);
		text_add(&client->output, "\n", 1);
	}
	json_object_put(object);
	return fits && !client->output.failed ? 0 : -1;
}

int client_write(struct client *client)
{
	while (client->output.size) {
		ssize_t n = send(client->fd, client->output.bytes, client->output.size,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		text_drop(&client->output, (size_t)n);
	}
	text_free(&client->output);
	return 0;
}
