/* initialisers.S - functions to stand in for the initialisers of loaded objects (closure_verify.c).
 *
 * ld.so does not tell an initialiser which object it belongs to. So there is one for every object: a call, whose return
 * address says which one it was. closure_initialise() gets that address and returns the object's own initialiser, which
 * is entered as ld.so meant to enter it.
 */
#define N 512 /* CLOSURE_INITIALISERS */

	.text
	.balign 16
	.hidden closure_initialisers
	.globl closure_initialisers
	.type closure_initialisers, @function
closure_initialisers:
	.rept N
	call .Lcommon
	.endr
	.size closure_initialisers, . - closure_initialisers

	.type .Lcommon, @function
.Lcommon:
	pushq %rdi /* argc, argv, envp */
	pushq %rsi
	pushq %rdx
	subq $8, %rsp
	movq 32(%rsp), %rdi
	leaq closure_initialisers(%rip), %rsi
	call closure_initialise
	addq $8, %rsp
	popq %rdx
	popq %rsi
	popq %rdi
	addq $8, %rsp
	jmp *%rax
	.size .Lcommon, . - .Lcommon

	.section .note.GNU-stack, "", @progbits
