/* sites.S - the thunks that ld.so's system-call sites jump to (sites.h, matr/loader_format.h).
 *
 * A slot of 64 bytes for each site. libmatr writes three places of it: `before` and `after`, the
 * instructions that the jump has replaced, and the target of the jump back. The rest is as here.
 *
 * Not armed, a thunk is a comparison and the system call: no stack, no register that the kernel
 * does not overwrite. Armed, it first steps over the 128 bytes below the stack pointer, the red
 * zone: functions that call nothing keep variables there (psABI 3.2.2).
 *
 * frames.S describes them to debuggers, and the functions below like any other: rbp is the frame
 * pointer.
 */
#include <cet.h>

#define SLOTS	   32 /* MATR_SITES_MAX */
#define SLOT_SIZE  64
#define RED_ZONE   128

	.section .text.thunks, "ax", @progbits
	.balign SLOT_SIZE, 0xcc
	.type	thunks, @function
thunks:
	.set	site, 0
	.rept	SLOTS
0:	.fill	16, 1, 0x90		/* before */
	cmpb	$0, sites_armed(%rip)
	jne	3f
	syscall
1:	.fill	12, 1, 0x90		/* after */
2:	.byte	0xe9			/* back: jmp */
	.long	-5
3:	movl	$site, %ecx
	addq	$-RED_ZONE, %rsp
	call	sites_dispatch
	subq	$-RED_ZONE, %rsp
	jmp	1b
	.org	0b + SLOT_SIZE, 0xcc	/* an error if the thunk is larger */
	.set	site, site + 1
	.endr
	.size	thunks, . - thunks

	.text
/* In: the registers of the system call, and the site's number in rcx. Out: the call's result in
 * rax, all others unchanged except rcx and r11. struct site_call is made on the stack. */
	.type	sites_dispatch, @function
sites_dispatch:
	pushq	%rbp
	movq	%rsp, %rbp
	andq	$-16, %rsp
	pushq	%rcx
	pushq	%r9
	pushq	%r8
	pushq	%r10
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%rax
	movq	%rsp, %rdi
	call	site_call
	movq	8(%rsp), %rdi
	movq	16(%rsp), %rsi
	movq	24(%rsp), %rdx
	movq	32(%rsp), %r10
	movq	40(%rsp), %r8
	movq	48(%rsp), %r9
	movabsq	$0x8000000000000000, %rcx	/* SITE_REAL_CALL */
	cmpq	%rcx, %rax
	jne	0f
	movq	(%rsp), %rax
	syscall
0:	leave
	ret
	.size	sites_dispatch, . - sites_dispatch

/* struct matr_sites */
	.section .rodata
	.balign 8
	.globl	ld_so_sites
	.hidden	ld_so_sites
	.type	ld_so_sites, @object
ld_so_sites:
	.quad	0x534554495352544d	/* MATR_SITES_MAGIC */
	.long	thunks - .
	.short	SLOT_SIZE, SLOTS
	.short	0, 16			/* before */
	.short	27, 12			/* after */
	.short	39, 5			/* back */
	.long	0			/* n_sites */
	.fill	SLOTS * 16, 1, 0	/* sites */
	.size	ld_so_sites, . - ld_so_sites

	.section .note.GNU-stack, "", @progbits
