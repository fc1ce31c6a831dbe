/* debug_state.S - the function that debuggers stop at.
 *
 * They look for this name in the symbol table of the file that PT_INTERP names and set a breakpoint
 * on it (debugger.c). One byte, so that a breakpoint shows as another byte.
 */
	.text
	.globl	_dl_debug_state
	.hidden	_dl_debug_state
	.type	_dl_debug_state, @function
	.p2align 4
_dl_debug_state:
	ret
	.size	_dl_debug_state, . - _dl_debug_state

	.section .note.GNU-stack, "", @progbits
