/* matr-rescue.c - puts the real dynamic linker back where no dynamic program starts any more.
 *
 * Static and freestanding: no libc, no dynamic linker, no file except the ones it is about. An open
 * root shell can start it (a shell needs no other program for that), and so can the kernel: with
 * `rw init=/usr/sbin/matr-rescue` on its command line it runs as process 1, repairs, and goes on as
 * /sbin/init.
 *
 * There are three candidates for the loader path. It takes the first that leads to an ELF file
 * which is not an ld-stable: the original that `matr loader install` kept, a symbolic link to where
 * distributions have the real ld.so, and one to the copy in MatR's prefix. The loader path is
 * replaced with one rename. matr-ld.so, which programs of `matr enable` name, becomes a symbolic
 * link to the real ld.so, so that these start as well.
 */
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include <matr/loader_format.h>

#include "machine.h"

enum { /* system calls that ld-stable has no use for */
       CALL_GETPID = 39,
       CALL_FSYNC = 74,
       CALL_CHROOT = 161,
       CALL_CHDIR = 80,
       CALL_MOUNT = 165,
       CALL_RENAMEAT = 264,
       CALL_SYMLINKAT = 266,
       CALL_UNLINKAT = 263,
       ERROR_EXISTS = 17,
       ERROR_READ_ONLY = 30,
};

static const char loader[] = "/lib64/ld-linux-x86-64.so.2";
static const char original[] = "/lib64/matr-original.so";
static const char interpreter[] = "/lib64/matr-ld.so";
static const char temporary[] = "/lib64/matr-switch";

static const char *const real_places[] = {
	"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
	"/usr/lib/ld-linux-x86-64.so.2",
	"/var/lib/matr/ld.so",
};

static size_t length_of(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void say(const char *a, const char *b, const char *c)
{
	const char *const parts[] = {"matr-rescue: ", a, b, c, "\n"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		system_call(CALL_WRITE, 2, (long)parts[i], (long)length_of(parts[i]), 0, 0, 0);
}

static bool exists(const char *path)
{
	char status[256];
	return !system_call_failed(system_call(CALL_NEWFSTATAT, AT_FDCWD, (long)path, (long)status,
					       AT_SYMLINK_NOFOLLOW, 0, 0));
}

/* Bytes of the file that the segments take; 0: it is no shared object. */
static uint64_t segments_end(const void *bytes, uint64_t size)
{
	const Elf64_Ehdr *header = bytes;
	uint64_t end = 0;

	if (size < sizeof *header || header->e_ident[0] != ELFMAG0 ||
	    header->e_ident[1] != ELFMAG1 || header->e_ident[2] != ELFMAG2 ||
	    header->e_ident[3] != ELFMAG3 || header->e_type != ET_DYN ||
	    header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > size ||
	    header->e_phnum > (size - header->e_phoff) / sizeof(Elf64_Phdr))
		return 0;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)((const char *)bytes + header->e_phoff);
	for (unsigned i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD &&
		    segments[i].p_offset + segments[i].p_filesz > end)
			end = segments[i].p_offset + segments[i].p_filesz;
	}
	return end;
}

/* A whole shared object that does not have an ld-stable's configuration. */
static bool is_real_loader(const char *path)
{
	static uint64_t words[8192];
	long fd = system_call(CALL_OPENAT, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	uint64_t end = 0;
	bool is_ours = false;
	long offset = 0, n;

	if (system_call_failed(fd))
		return false;
	while ((n = system_call(CALL_PREAD, fd, (long)words, sizeof words, offset, 0, 0)) > 0) {
		if (offset == 0)
			end = segments_end(words, (uint64_t)n);
		for (long i = 0; i < n / 8; i++)
			is_ours |= words[i] == MATR_CONFIG_MAGIC;
		offset += n;
		if (n % 8) /* the end */
			break;
	}
	system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	return end && end <= (uint64_t)offset && !is_ours;
}

/* Test whether the loader path leads to matr-ld.so, whatever that has become. */
static bool is_switched(void)
{
	static const char name[] = "matr-ld.so";
	char target[sizeof name];
	long n = system_call(CALL_READLINKAT, AT_FDCWD, (long)loader, (long)target, sizeof target,
			     0, 0);

	if (n != sizeof name - 1)
		return false;
	target[n] = 0;
	return equal(target, name);
}

static long rename_to(const char *from, const char *to)
{
	return system_call(CALL_RENAMEAT, AT_FDCWD, (long)from, AT_FDCWD, (long)to, 0, 0);
}

static bool link_at(const char *target, const char *path)
{
	long result = 0;

	for (int attempt = 0; attempt < 2; attempt++) {
		result = system_call(CALL_SYMLINKAT, (long)target, AT_FDCWD, (long)temporary, 0, 0,
				     0);
		if (result != -ERROR_EXISTS)
			break;
		system_call(CALL_UNLINKAT, AT_FDCWD, (long)temporary, 0, 0, 0, 0);
	}
	if (!system_call_failed(result))
		result = rename_to(temporary, path);
	if (system_call_failed(result))
		say(path, ": cannot be replaced", "");
	return !system_call_failed(result);
}

static void sync_directory(void)
{
	long fd =
		system_call(CALL_OPENAT, AT_FDCWD, (long)"/lib64", O_RDONLY | O_DIRECTORY, 0, 0, 0);
	if (!system_call_failed(fd)) {
		system_call(CALL_FSYNC, fd, 0, 0, 0, 0, 0);
		system_call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	}
}

static const char *find_real(void)
{
	for (size_t i = 0; i < sizeof real_places / sizeof *real_places; i++) {
		if (is_real_loader(real_places[i]))
			return real_places[i];
	}
	return NULL;
}

static bool restore_loader(void)
{
	if (!is_switched() && is_real_loader(loader)) {
		say(loader, ": the real dynamic linker is there", "");
		return true;
	}
	if (is_real_loader(original)) {
		if (!system_call_failed(rename_to(original, loader))) {
			say(loader, ": the original is back", "");
			return true;
		}
		say(loader, ": cannot be replaced", "");
		return false;
	}
	const char *real = find_real();
	if (!real) {
		say("no real dynamic linker is to be found", "", "");
		return false;
	}
	if (!link_at(real, loader))
		return false;
	say(loader, " leads to ", real);
	return true;
}

static void print_status(void)
{
	const char *const paths[] = {loader, original, interpreter};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		say(paths[i],
		    !exists(paths[i])	       ? ": is not there"
		    : is_real_loader(paths[i]) ? ": the real dynamic linker"
					       : ": an ld-stable, or no dynamic linker",
		    "");
}

static int rescue(void)
{
	bool done = restore_loader();

	/* Programs that name it are to start, whatever it is. */
	if (done && exists(interpreter) && !is_real_loader(interpreter) &&
	    link_at(loader, interpreter))
		say(interpreter, " leads to ", loader);
	if (done && is_real_loader(original))
		system_call(CALL_UNLINKAT, AT_FDCWD, (long)original, 0, 0, 0, 0);
	sync_directory();
	return done ? 0 : 1;
}

static _Noreturn void leave(int status)
{
	for (;;)
		system_call(CALL_EXIT_GROUP, status, 0, 0, 0, 0, 0);
}

_Noreturn void rescue_main(long *stack);

_Noreturn void rescue_main(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **envp = argv + argc + 1;
	int at = 1;

	if (system_call(CALL_GETPID, 0, 0, 0, 0, 0, 0) == 1) {
		/* The kernel passes on unknown arguments, which are for init. */
		system_call(CALL_MOUNT, (long)"", (long)"/", 0, MS_REMOUNT, 0, 0);
		rescue();
		argv[0] = (char *)"/sbin/init";
		system_call(CALL_EXECVE, (long)argv[0], (long)argv, (long)envp, 0, 0, 0);
		say("/sbin/init cannot be executed", "", "");
		argv[0] = (char *)"/bin/sh";
		argv[1] = NULL;
		system_call(CALL_EXECVE, (long)argv[0], (long)argv, (long)envp, 0, 0, 0);
		leave(1);
	}
	if (argc > at + 1 && equal(argv[at], "--root")) {
		if (system_call_failed(
			    system_call(CALL_CHROOT, (long)argv[at + 1], 0, 0, 0, 0, 0)) ||
		    system_call_failed(system_call(CALL_CHDIR, (long)"/", 0, 0, 0, 0, 0))) {
			say(argv[at + 1], ": cannot be entered", "");
			leave(1);
		}
		at += 2;
	}
	if (argc == at + 1 && equal(argv[at], "status")) {
		print_status();
		leave(0);
	}
	if (argc == at || (argc == at + 1 && equal(argv[at], "restore")))
		leave(rescue());
	say("usage: matr-rescue [--root DIR] [restore|status]", "", "");
	leave(2);
}

__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	call rescue_main\n"
	"	hlt\n");
