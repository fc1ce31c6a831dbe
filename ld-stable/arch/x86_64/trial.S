/* trial.S - the functions of a trial (trial.c) between ld.so and the program.
 *
 * trial_entry is entered in place of the program's entry point: rsp is the kernel's, rdx is the
 * function to register with atexit. trial_start_main is called in place of __libc_start_main, whose
 * first argument, in rdi, is main().
 */
#include <cet.h>

	.section .text.trial, "ax", @progbits
	.balign	16, 0xcc
	.globl	trial_entry
	.hidden	trial_entry
	.type	trial_entry, @function
trial_entry:
	endbr64
	pushq	%rdx
	subq	$8, %rsp		/* aligned to 16 bytes again */
	call	trial_at_entry
	addq	$8, %rsp
	popq	%rdx
	jmp	*%rax
	.size	trial_entry, . - trial_entry

	.globl	trial_start_main
	.hidden	trial_start_main
	.type	trial_start_main, @function
trial_start_main:
	endbr64
	leaq	trial_main(%rip), %rdi
	movq	trial_real_start_main(%rip), %rax
	jmp	*%rax
	.size	trial_start_main, . - trial_start_main

	.section .note.GNU-stack, "", @progbits
