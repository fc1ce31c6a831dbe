/* x86_unknown_length.c - the length of instructions that capstone cannot decode.
 *
 * capstone 4 lacks parts of AVX2 and AVX-512, and glibc's string functions are full of them. A
 * disassembler that goes on one byte behind an unknown instruction shows nonsense from there on;
 * with the length it goes on at the next instruction. The encoding is regular (Intel SDM volume 2,
 * 2.3 "Intel AVX" and 2.7 "Intel AVX-512 encoding"): prefix, opcode, ModRM, and an immediate byte
 * that follows from the opcode map and opcode.
 */
#include "sql/reader/x86_unknown_length.h"

static bool is_segment_prefix(uint8_t byte)
{
	return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
	       byte == 0x65;
}

/* ModRM with SIB and displacement. */
static size_t operand_length(const uint8_t *bytes, size_t size)
{
	if (size < 1)
		return 0;
	unsigned mod = bytes[0] >> 6, rm = bytes[0] & 7;
	size_t length = 1;
	if (mod == 3)
		return length;
	if (rm == 4) {
		if (size < 2)
			return 0;
		length++;
		if (mod == 0 && (bytes[1] & 7) == 5)
			length += 4;
	} else if (mod == 0 && rm == 5) {
		length += 4;
	}
	if (mod == 1)
		length += 1;
	else if (mod == 2)
		length += 4;
	return length;
}

static bool has_immediate(unsigned map, uint8_t opcode)
{
	if (map == 3)
		return true;
	return map == 1 && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
			    (opcode >= 0xc4 && opcode <= 0xc6));
}

static size_t vector_length(const uint8_t *bytes, size_t size, bool wide)
{
	size_t at = 0, prefix;
	unsigned map = 1;

	while (at < size && at < 4 && is_segment_prefix(bytes[at]))
		at++;
	if (size - at < 3 || (!wide && bytes[at + 1] < 0xc0)) /* else LES, LDS, BOUND */
		return 0;
	switch (bytes[at]) {
	case 0xc5:
		prefix = 2;
		break;
	case 0xc4:
		prefix = 3;
		map = bytes[at + 1] & 0x1f;
		break;
	case 0x62:
		prefix = 4;
		map = bytes[at + 1] & 7;
		if (!(bytes[at + 2] & 4)) /* a bit that is always set */
			return 0;
		break;
	default:
		return 0;
	}
	bool is_evex = bytes[at] == 0x62;
	if (map == 0 || map == 4 || map > (is_evex ? 6u : 3u))
		return 0;
	at += prefix;
	if (at >= size)
		return 0;
	uint8_t opcode = bytes[at++];
	if (!is_evex && map == 1 && opcode == 0x77) /* VZEROUPPER, VZEROALL: no ModRM */
		return at;
	size_t operand = operand_length(bytes + at, size - at);
	if (operand == 0)
		return 0;
	size_t length = at + operand + has_immediate(map, opcode);
	return length <= size ? length : 0;
}

/* [66, F2 or F3] [REX] 0F, where ModRM follows the opcode: shadow stacks, protection keys,
 * waiting, ... */
static size_t two_byte_length(const uint8_t *bytes, size_t size, bool wide)
{
	size_t at = 0, immediate = 0;

	while (at < size && at < 3 && (bytes[at] == 0x66 || bytes[at] == 0xf2 || bytes[at] == 0xf3))
		at++;
	if (wide && at < size && (bytes[at] & 0xf0) == 0x40)
		at++;
	if (size - at < 3 || bytes[at] != 0x0f)
		return 0;
	switch (bytes[at + 1]) {
	case 0x01:
	case 0x1e:
	case 0xae:
		at += 2;
		break;
	case 0x3a:
		immediate = 1;
		at += 3;
		break;
	case 0x38:
		at += 3;
		break;
	default:
		return 0;
	}
	size_t operand = at < size ? operand_length(bytes + at, size - at) : 0;
	return operand && at + operand + immediate <= size ? at + operand + immediate : 0;
}

size_t x86_unknown_length(const uint8_t *bytes, size_t size, bool wide)
{
	size_t length = vector_length(bytes, size, wide);
	return length ? length : two_byte_length(bytes, size, wide);
}
