/* start.S - the entry point of ld-stable.
 *
 * At entry the stack is as the kernel made it (psABI 3.4.1, "Initial Stack and Register State").
 * interpreter_main() decides what to start and returns the address and the stack pointer; the real
 * ld.so is then entered as if the kernel had done it.
 */
#include <cet.h>

	.section .text.start, "ax", @progbits
	.balign	64, 0xcc
	.globl	_start
	.hidden	_start
	.type	_start, @function
_start:
	endbr64
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	leaq	_start(%rip), %rsi
	call	interpreter_main	/* the kernel aligned the stack to 16 bytes */
	movq	%rdx, %rsp
	xorl	%edx, %edx		/* for atexit; the kernel gives 0 */
	xorl	%ecx, %ecx
	xorl	%esi, %esi
	xorl	%edi, %edi
	jmp	*%rax
	.size	_start, . - _start
	.balign	64, 0xcc

	.section .note.GNU-stack, "", @progbits
