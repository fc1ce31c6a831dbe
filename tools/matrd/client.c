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
	free(client->input);
	free(client->output);
	free(client);
}

int client_read(struct client *client)
{
	size_t limit = client->owner ? CLIENT_LINE_OWNER : CLIENT_LINE;
	char buffer[4096];
	ssize_t n = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0 || client->n_input + (size_t)n > limit)
		return -1;
	char *grown = realloc(client->input, client->n_input + (size_t)n);
	if (!grown)
		return -1;
	client->input = grown;
	memcpy(grown + client->n_input, buffer, (size_t)n);
	client->n_input += (size_t)n;
	return 0;
}

int client_request(struct client *client, struct json_object **out)
{
	char *end = client->n_input ? memchr(client->input, '\n', client->n_input) : NULL;

	*out = NULL;
	if (!end)
		return 0;
	struct json_tokener *tokener = json_tokener_new_ex(4); /* levels */
	size_t length = (size_t)(end - client->input);
	if (tokener) {
		*out = json_tokener_parse_ex(tokener, client->input, (int)length + 1);
		if (json_tokener_get_error(tokener) != json_tokener_success) {
			json_object_put(*out);
			*out = NULL;
		}
		json_tokener_free(tokener);
	}
	client->n_input -= length + 1;
	memmove(client->input, end + 1, client->n_input);
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
	char *grown = text && client->n_output + length + 1 <= CLIENT_OUTPUT
			      ? realloc(client->output, client->n_output + length + 1)
			      : NULL;

	if (grown) {
		client->output = grown;
		memcpy(grown + client->n_output, text, length);
		grown[client->n_output + length] = '\n';
		client->n_output += length + 1;
	}
	json_object_put(object);
	return grown ? 0 : -1;
}

int client_write(struct client *client)
{
	while (client->n_output) {
		ssize_t n = send(client->fd, client->output, client->n_output,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		client->n_output -= (size_t)n;
		memmove(client->output, client->output + n, client->n_output);
	}
	free(client->output);
	client->output = NULL;
	return 0;
}
