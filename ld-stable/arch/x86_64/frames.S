/* frames.S - call frame information for debuggers, in the form of .eh_frame (LSB, "Exception
 * Frames").
 *
 * libmatr adds it to ld.so's .eh_frame in the interpreter file. (Not as .debug_frame: where there
 * is one, elfutils looks for no separate debugging information, which is ld.so's.) There is room
 * for little: one entry for all thunks, and one for all functions, which are compiled with frame
 * pointers and described as they are between prologue and epilogue.
 *
 * The ranges are in ld-stable.lds, which checks the sizes: a linker cannot compute them here.
 */
#include <cet.h>

#define THUNKS_SIZE 0x800
#define START_SIZE  0x40
#define TEXT_SIZE   0xd000 /* or less: read-only data follows */

	.section .matr_frames, "a", @progbits
	.balign	8
cie:
	.long	1f - 0f
0:	.long	0
	.byte	1			/* version */
	.asciz	"zR"
	.uleb128 1			/* code alignment */
	.sleb128 -8			/* data alignment */
	.byte	16			/* return address: rip */
	.uleb128 1
	.byte	0x1b			/* pointers: relative to themselves, 4 bytes */
	.byte	0x0c, 7, 8		/* DW_CFA_def_cfa rsp + 8 */
	.byte	0x90, 1			/* DW_CFA_offset rip, cfa - 8 */
	.balign	8
1:

/* Functions: rbp is the frame pointer. */
	.long	1f - 0f
0:	.long	0b - cie
	.long	frames_text - .
	.long	TEXT_SIZE
	.uleb128 0
	.byte	0x0c, 6, 16		/* DW_CFA_def_cfa rbp + 16 */
	.byte	0x86, 2			/* DW_CFA_offset rbp, cfa - 16 */
	.balign	8
1:

/* The entry point has no caller. */
	.long	1f - 0f
0:	.long	0b - cie
	.long	frames_start - .
	.long	START_SIZE
	.uleb128 0
	.byte	0x07, 16		/* DW_CFA_undefined rip */
	.balign	8
1:

/* Thunks, slots of 64 bytes at multiples of 64 (sites.S). A thunk is a function that the site has
 * called, its frame starts at the site's stack pointer, and it returns to the target of its jump
 * back, which is (uint32 at slot + 40) + (slot + 44) - (1 << 32). From byte 53 to 61 the stack
 * pointer is 128 lower. */
	.long	1f - 0f
0:	.long	0b - cie
	.long	frames_thunks - .
	.long	THUNKS_SIZE
	.uleb128 0
	.byte	0x0f			/* DW_CFA_def_cfa_expression */
	.uleb128 3f - 2f
2:	.byte	0x77, 0			/* rsp */
	.byte	0x80, 0, 0x08, 63, 0x1a	/* rip & 63 */
	.byte	0x08, 53, 0x2a		/* >= 53 */
	.byte	0x80, 0, 0x08, 63, 0x1a	/* rip & 63 */
	.byte	0x08, 62, 0x2d		/* < 62 */
	.byte	0x1a, 0x37, 0x24	/* both: 1 << 7 */
	.byte	0x22			/* + */
3:	.byte	0x16, 16		/* DW_CFA_val_expression rip */
	.uleb128 5f - 4f
4:	.byte	0x80, 0, 0x09, -64, 0x1a	/* rip & -64 */
	.byte	0x23, 40, 0x06		/* the 8 bytes at + 40 */
	.byte	0x08, 32, 0x24, 0x08, 32, 0x25	/* their lower half */
	.byte	0x80, 0, 0x09, -64, 0x1a	/* rip & -64 */
	.byte	0x22, 0x23, 44		/* + 44, + */
	.byte	0x31, 0x08, 32, 0x24, 0x1c	/* - (1 << 32) */
5:	.balign	8
1:

	.section .note.GNU-stack, "", @progbits
