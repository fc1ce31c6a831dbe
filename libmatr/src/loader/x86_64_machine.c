/* x86_64_machine.c - system-call sites of x86-64 (machine.h). */
#include "loader/machine.h"

#include <capstone/capstone.h>
#include <string.h>

#include <matr/loader_format.h>

const struct machine machine = {
	.capstone_arch = CS_ARCH_X86,
	.capstone_mode = CS_MODE_64,
	.call = {0x0f, 0x05},
	.call_size = 2,
	.jump_size = 5,
	.short_jump_reach = 130,
	.number_register = 0,
};

/* The number of a general register, whatever part of it is named; -1 if it is none. */
static int general_register(unsigned name)
{
	static const uint16_t names[16][5] = {
		{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
		{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
		{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
		{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
		{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},
		{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
		{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
		{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
		{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
		{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
		{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B},
		{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
		{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
		{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
		{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
		{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
	};

	for (int i = 0; name != X86_REG_INVALID && i < 16; i++) {
		for (int k = 0; k < 5; k++) {
			if (names[i][k] == name)
				return i;
		}
	}
	return -1;
}

static bool in_group(const cs_insn *insn, unsigned group)
{
	for (size_t i = 0; i < insn->detail->groups_count; i++) {
		if (insn->detail->groups[i] == group)
			return true;
	}
	return false;
}

static void describe_flow(const cs_insn *insn, struct instruction *out)
{
	const cs_x86 *x86 = &insn->detail->x86;
	bool direct = x86->op_count == 1 && x86->operands[0].type == X86_OP_IMM;

	if (insn->id == X86_INS_SYSCALL)
		out->flow = FLOW_SYSTEM_CALL;
	else if (insn->id == X86_INS_JMP || insn->id == X86_INS_LJMP)
		out->flow = direct ? FLOW_JUMP : FLOW_JUMP_INDIRECT;
	else if (in_group(insn, CS_GRP_CALL))
		out->flow = FLOW_CALL;
	else if (in_group(insn, CS_GRP_RET) || in_group(insn, CS_GRP_IRET) ||
		 insn->id == X86_INS_HLT || insn->id == X86_INS_UD2 || insn->id == X86_INS_INT3)
		out->flow = FLOW_END;
	else if (in_group(insn, CS_GRP_JUMP) || insn->id == X86_INS_LOOP ||
		 insn->id == X86_INS_LOOPE || insn->id == X86_INS_LOOPNE ||
		 insn->id == X86_INS_XBEGIN)
		out->flow = FLOW_BRANCH;
	if (direct && out->flow != FLOW_NEXT && out->flow != FLOW_SYSTEM_CALL)
		out->target = (uint64_t)x86->operands[0].imm;
}

/* Instructions that compilers put before and after a system call. Anything else stays in place. */
static bool is_plain(unsigned id)
{
	switch (id) {
	case X86_INS_MOV:
	case X86_INS_MOVABS:
	case X86_INS_MOVSXD:
	case X86_INS_MOVSX:
	case X86_INS_MOVZX:
	case X86_INS_LEA:
	case X86_INS_XOR:
	case X86_INS_OR:
	case X86_INS_AND:
	case X86_INS_ADD:
	case X86_INS_SUB:
	case X86_INS_CMP:
	case X86_INS_TEST:
		return true;
	default:
		return false;
	}
}

static void describe_operands(const cs_insn *insn, struct instruction *out)
{
	const cs_x86 *x86 = &insn->detail->x86;

	for (size_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *operand = &x86->operands[i];
		if (operand->type == X86_OP_MEM &&
		    (operand->mem.base == X86_REG_RIP || operand->mem.base == X86_REG_EIP))
			out->reference = insn->address + insn->size + (uint64_t)operand->mem.disp;
	}
}

/* A register set to a constant or to another register. Writing the low half clears the high one. */
static void describe_value(const cs_insn *insn, struct instruction *out)
{
	const cs_x86_op *operands = insn->detail->x86.operands;

	if (insn->detail->x86.op_count != 2 || operands[0].type != X86_OP_REG ||
	    operands[0].size < 4)
		return;
	int destination = general_register(operands[0].reg);
	if (destination < 0)
		return;
	out->destination = (uint8_t)destination;
	if (insn->id == X86_INS_XOR && operands[1].type == X86_OP_REG &&
	    operands[1].reg == operands[0].reg) {
		out->value = VALUE_CONSTANT;
	} else if ((insn->id == X86_INS_MOV || insn->id == X86_INS_MOVABS) &&
		   operands[1].type == X86_OP_IMM) {
		out->value = VALUE_CONSTANT;
		out->constant = operands[0].size == 4 ? (uint32_t)operands[1].imm
						      : (uint64_t)operands[1].imm;
	} else if (insn->id == X86_INS_MOV && operands[1].type == X86_OP_REG) {
		int source = general_register(operands[1].reg);
		if (source >= 0) {
			out->value = VALUE_COPY;
			out->source = (uint8_t)source;
		}
	}
}

static void describe_flags(const cs_insn *insn, struct instruction *out)
{
	const uint64_t reads = X86_EFLAGS_TEST_OF | X86_EFLAGS_TEST_SF | X86_EFLAGS_TEST_ZF |
			       X86_EFLAGS_TEST_PF | X86_EFLAGS_TEST_CF | X86_EFLAGS_TEST_AF;
	uint64_t effect = insn->detail->x86.eflags;

	/* `eflags` means other flags for floating-point instructions. */
	out->reads_flags = in_group(insn, X86_GRP_FPU) || (effect & reads) ||
			   insn->id == X86_INS_PUSHFQ || insn->id == X86_INS_LAHF;
	out->writes_flags = insn->id == X86_INS_CMP || insn->id == X86_INS_TEST ||
			    insn->id == X86_INS_ADD || insn->id == X86_INS_SUB ||
			    insn->id == X86_INS_AND || insn->id == X86_INS_OR ||
			    insn->id == X86_INS_XOR || insn->id == X86_INS_NEG;
}

void machine_describe(const cs_insn *insn, const uint16_t *written, size_t n_written,
		      struct instruction *out)
{
	const uint32_t stack_pointer = UINT32_C(1) << 4;

	for (size_t i = 0; i < n_written; i++) {
		int number = general_register(written[i]);
		if (number >= 0)
			out->written |= UINT32_C(1) << number;
	}
	describe_flow(insn, out);
	if (out->flow == FLOW_SYSTEM_CALL) /* the result, and what the instruction overwrites */
		out->written |= 1 << 0 | 1 << 1 | 1 << 11;
	describe_operands(insn, out);
	describe_value(insn, out);
	describe_flags(insn, out);
	out->movable = is_plain(insn->id) && out->flow == FLOW_NEXT && !out->reference &&
		       !(out->written & stack_pointer);
	out->is_padding = insn->id == X86_INS_NOP || insn->id == X86_INS_INT3 ||
			  (insn->id == X86_INS_XCHG && insn->size == 2);
}

bool machine_long_reference(const unsigned char *bytes, size_t size, uint64_t address,
			    uint64_t *target)
{
	enum { CALL = 0xe8, JUMP = 0xe9, TWO_BYTES = 0x0f, LEA = 0x8d, XBEGIN = 0xc7 };
	size_t opcode = 2;
	int32_t distance;

	if (size < 6)
		return false;
	if (bytes[0] == CALL || bytes[0] == JUMP)
		opcode = 1;
	else if (!(bytes[0] == TWO_BYTES && (bytes[1] & 0xf0) == 0x80) &&
		 !(bytes[0] == LEA && (bytes[1] & 0xc7) == 0x05) &&
		 !(bytes[0] == XBEGIN && bytes[1] == 0xf8))
		return false;
	memcpy(&distance, bytes + opcode, sizeof distance);
	*target = address + opcode + sizeof distance + (uint64_t)(int64_t)distance;
	return true;
}

int machine_call_kind(uint64_t number)
{
	switch (number) {
	case 0:
		return MATR_SITE_READ;
	case 3:
		return MATR_SITE_CLOSE;
	case 5:
		return MATR_SITE_FSTAT;
	case 9:
		return MATR_SITE_MMAP;
	case 10:
		return MATR_SITE_MPROTECT;
	case 11:
		return MATR_SITE_MUNMAP;
	case 17:
		return MATR_SITE_PREAD;
	case 21:
		return MATR_SITE_ACCESS;
	case 218:
		return MATR_SITE_SET_TID_ADDRESS;
	case 257:
		return MATR_SITE_OPENAT;
	case 262:
		return MATR_SITE_NEWFSTATAT;
	case 2:	  /* open */
	case 4:	  /* stat */
	case 6:	  /* lstat */
	case 19:  /* readv */
	case 25:  /* mremap */
	case 269: /* faccessat */
	case 295: /* preadv */
	case 327: /* preadv2 */
	case 332: /* statx */
	case 436: /* close_range */
	case 437: /* openat2 */
	case 439: /* faccessat2 */
		return MACHINE_CALL_UNEXPECTED;
	default:
		return MATR_SITE_NONE;
	}
}

bool machine_write_jump(unsigned char *at, size_t size, uint64_t from, uint64_t to)
{
	enum { JUMP = 0xe9, TRAP = 0xcc };
	int64_t distance = (int64_t)(to - (from + machine.jump_size));
	int32_t relative = (int32_t)distance;

	if (relative != distance || size < machine.jump_size)
		return false;
	memset(at, TRAP, size);
	at[0] = JUMP;
	memcpy(at + 1, &relative, sizeof relative);
	return true;
}

void machine_write_padding(unsigned char *at, size_t size)
{
	/* The forms that the processor manuals recommend; the longest has nine bytes. */
	static const unsigned char forms[9][9] = {
		{0x90},
		{0x66, 0x90},
		{0x0f, 0x1f, 0x00},
		{0x0f, 0x1f, 0x40, 0x00},
		{0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
		{0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
	};

	while (size > 0) {
		size_t n = size < 9 ? size : 9;
		memcpy(at, forms[n - 1], n);
		at += n;
		size -= n;
	}
}
