/* isa.h - the CPU level that an object demands (x86-64 psABI, GNU_PROPERTY_X86_ISA_1_NEEDED). */
#ifndef MATR_ELF_ISA_H
#define MATR_ELF_ISA_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ELF_ISA_SHIFT = 16,	   /* its bits in the flags of a struct matr_object */
	ELF_ISA_BASELINE = 1,	   /* what every x86-64 CPU has */
	ELF_ISA_UNKNOWN = 1 << 15, /* some bit for which there is no room */
};

static inline uint32_t elf_isa_flags(uint32_t needed)
{
	uint32_t known = needed & (ELF_ISA_UNKNOWN - 1);

	return (known == needed ? known : known | ELF_ISA_UNKNOWN) << ELF_ISA_SHIFT;
}

static inline uint32_t elf_isa_needed(uint32_t object_flags)
{
	return object_flags >> ELF_ISA_SHIFT;
}

#endif
