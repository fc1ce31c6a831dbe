/* start.S - where the kernel enters ld-stable, and the function debuggers stop at.
 *
 * At entry the stack is as the kernel made it (psABI 3.4.1, "Initial Stack and Register State").
 * interpreter_main() decides what to start and gives back where to go and with which stack pointer;
 * the real ld.so is then entered as if the kernel had done it.
 */
	.text
	.globl	_start
	.hidden	_start
	.type	_start, @function
_start:
	.cfi_startproc
	.cfi_undefined rip
	xorl	%ebp, %ebp
	movq	%rsp, %rdi
	call	interpreter_main	/* the kernel aligned the stack to 16 bytes */
	movq	%rdx, %rsp
	xorl	%edx, %edx		/* rdx: a function to register with atexit; the kernel gives 0 */
	xorl	%ecx, %ecx
	xorl	%esi, %esi
	xorl	%edi, %edi
	jmp	*%rax
	.cfi_endproc
	.size	_start, . - _start

/* Debuggers look for this name in the symbol table of the file that PT_INTERP names and set a
 * breakpoint on it (debugger.c). One byte, so that a breakpoint shows as another byte. */
	.globl	_dl_debug_state
	.hidden	_dl_debug_state
	.type	_dl_debug_state, @function
	.p2align 4
_dl_debug_state:
	ret
	.size	_dl_debug_state, . - _dl_debug_state

	.section .note.GNU-stack, "", @progbits
