/* secure_exec.c - programs that gain privileges when they are started. */
#include <matr/secure_exec.h>

#include <stddef.h>
#include <sys/stat.h>
#include <sys/xattr.h>

bool matr_is_secure_exec(const char *program)
{
	struct stat status;

	if (stat(program, &status) != 0)
		return false;
	return status.st_mode & (S_ISUID | S_ISGID) ||
	       getxattr(program, "security.capability", NULL, 0) > 0;
}
