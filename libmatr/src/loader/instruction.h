/* instruction.h - one machine instruction, as far as finding system-call sites needs it.
 *
 * Made by the disassembler from what capstone says (disassembler.c) and by the architecture's own
 * knowledge (x86_64_machine.c); used without any of both.
 */
#ifndef MATR_LOADER_INSTRUCTION_H
#define MATR_LOADER_INSTRUCTION_H

#include <stdbool.h>
#include <stdint.h>

enum instruction_flow {
	FLOW_NEXT,	    /* to the next instruction */
	FLOW_BRANCH,	    /* to `target`, or to the next */
	FLOW_JUMP,	    /* to `target` */
	FLOW_JUMP_INDIRECT, /* to an address computed at run time */
	FLOW_CALL,	    /* elsewhere and back; `target` is 0 if computed at run time */
	FLOW_END,	    /* a return, or an instruction that stops the program */
	FLOW_SYSTEM_CALL,
};

/* Value that an instruction gives to a general register. */
enum instruction_value { VALUE_OTHER, VALUE_CONSTANT, VALUE_COPY };

struct instruction {
	uint64_t address;
	uint8_t size;
	enum instruction_flow flow;
	uint64_t target;    /* of a direct branch, jump or call */
	uint64_t reference; /* address of a data operand relative to the instruction; 0: none */
	bool movable; /* does the same at another address, and leaves the stack pointer alone */
	bool reads_flags, writes_flags;
	bool is_padding;  /* no operation, or a trap */
	uint32_t written; /* general registers that are written, one bit each */
	enum instruction_value value;
	uint8_t destination; /* VALUE_CONSTANT, VALUE_COPY: number of the register written */
	uint8_t source;	     /* VALUE_COPY: number of the register copied */
	uint64_t constant;   /* VALUE_CONSTANT */
};

#endif
