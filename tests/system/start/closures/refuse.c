/* refuse.c - runs a program under a seccomp filter that refuses some mprotect() calls, for
 * start/closures.sh.
 *
 *	refuse write-exec PROGRAM...            what is both writable and executable, as SELinux
 *	                                        without execmem does
 *	refuse exec PROGRAM...                  whatever is executable, as systemd does for
 *	                                        MemoryDenyWriteExecute=
 *	refuse write-exec-kill-later PROGRAM... both at once passes, executable alone does not
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))

static int install(unsigned mask, unsigned wanted)
{
	struct sock_filter code[] = {
		FIELD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 0, 4),
		FIELD(args[2]),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, wanted, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	int failed = 1;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "write-exec"))
		failed = install(PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC);
	else if (!strcmp(argv[1], "exec"))
		failed = install(PROT_EXEC, PROT_EXEC);
	else
		failed = install(PROT_WRITE | PROT_EXEC, PROT_EXEC);
	if (failed) {
		perror("refuse");
		return 125;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
