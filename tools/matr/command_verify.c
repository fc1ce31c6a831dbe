#include "command.h"
int command_verify(const struct context *context, int argc, char **argv)
{
	(void)context;
	(void)argc;
	(void)argv;
	return 1;
}
