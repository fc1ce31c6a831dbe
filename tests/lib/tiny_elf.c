/* tiny_elf.c - small ELF files, made in memory. */
#include "tiny_elf.h"

#include <stddef.h>
#include <string.h>

/* Append a string to the table; returns its offset. */
static uint32_t add_string(struct tiny_elf *elf, uint32_t *used, const char *string)
{
	uint32_t at = *used;

	strcpy(elf->strings + at, string);
	*used += (uint32_t)strlen(string) + 1;
	return at;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static void make_headers(struct tiny_elf *elf)
{
	elf->header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = TINY_AT(load),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4,
	};
	elf->load = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_filesz = sizeof *elf,
		.p_memsz = sizeof *elf + 64,
		.p_align = 4096,
	};
	elf->dynamic_header = (Elf64_Phdr){
		.p_type = PT_DYNAMIC,
		.p_offset = TINY_AT(dynamic),
		.p_vaddr = TINY_AT(dynamic),
		.p_filesz = sizeof elf->dynamic,
		.p_memsz = sizeof elf->dynamic,
		.p_align = 8,
	};
	elf->note_header = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = TINY_AT(note),
		.p_vaddr = TINY_AT(note),
		.p_filesz = sizeof elf->note,
		.p_memsz = sizeof elf->note,
		.p_align = 4,
	};
	elf->interpreter_header = (Elf64_Phdr){
		.p_type = PT_INTERP,
		.p_offset = TINY_AT(interpreter),
		.p_vaddr = TINY_AT(interpreter),
		.p_filesz = sizeof elf->interpreter,
		.p_memsz = sizeof elf->interpreter,
		.p_align = 1,
	};
	strcpy(elf->interpreter, "/lib/ld-tiny.so");
	elf->note.head = (Elf64_Nhdr){4, sizeof elf->note.bytes, NT_GNU_BUILD_ID};
	memcpy(elf->note.name, "GNU", 4);
	for (size_t i = 0; i < sizeof elf->note.bytes; i++)
		elf->note.bytes[i] = (uint8_t)i;
}

static void set_dynamic(struct tiny_elf *elf, enum tiny_dynamic index, int64_t tag, uint64_t value)
{
	elf->dynamic[index].d_tag = tag;
	elf->dynamic[index].d_un.d_val = value;
}

static void make_dynamic(struct tiny_elf *elf, uint32_t *used)
{
	set_dynamic(elf, TINY_NEEDED, DT_NEEDED, add_string(elf, used, "libneeded.so"));
	set_dynamic(elf, TINY_SONAME, DT_SONAME, add_string(elf, used, "libtiny.so"));
	set_dynamic(elf, TINY_RPATH, DT_RPATH, add_string(elf, used, "/opt"));
	set_dynamic(elf, TINY_STRTAB, DT_STRTAB, TINY_AT(strings));
	set_dynamic(elf, TINY_STRSZ, DT_STRSZ, sizeof elf->strings);
	set_dynamic(elf, TINY_SYMTAB, DT_SYMTAB, TINY_AT(symbols));
	set_dynamic(elf, TINY_SYMENT, DT_SYMENT, sizeof(Elf64_Sym));
	set_dynamic(elf, TINY_HASH, DT_HASH, TINY_AT(hash));
	set_dynamic(elf, TINY_GNU_HASH, DT_GNU_HASH, TINY_AT(gnu_hash));
	set_dynamic(elf, TINY_RELA, DT_RELA, TINY_AT(rela));
	set_dynamic(elf, TINY_RELASZ, DT_RELASZ, sizeof elf->rela);
	set_dynamic(elf, TINY_RELAENT, DT_RELAENT, sizeof(Elf64_Rela));
	set_dynamic(elf, TINY_JMPREL, DT_JMPREL, TINY_AT(jmprel));
	set_dynamic(elf, TINY_PLTRELSZ, DT_PLTRELSZ, sizeof elf->jmprel);
	set_dynamic(elf, TINY_PLTREL, DT_PLTREL, DT_RELA);
	set_dynamic(elf, TINY_RELR, DT_RELR, TINY_AT(relr));
	set_dynamic(elf, TINY_RELRSZ, DT_RELRSZ, sizeof elf->relr);
	set_dynamic(elf, TINY_RELRENT, DT_RELRENT, 8);
	set_dynamic(elf, TINY_VERSYM, DT_VERSYM, TINY_AT(versions));
	set_dynamic(elf, TINY_VERNEED, DT_VERNEED, TINY_AT(verneed));
	set_dynamic(elf, TINY_VERNEEDNUM, DT_VERNEEDNUM, 1);
	set_dynamic(elf, TINY_VERDEF, DT_VERDEF, TINY_AT(verdef));
	set_dynamic(elf, TINY_VERDEFNUM, DT_VERDEFNUM, 2);
	set_dynamic(elf, TINY_FLAGS, DT_FLAGS, DF_BIND_NOW);
}

static void make_symbols(struct tiny_elf *elf, uint32_t *used)
{
	uint32_t answer = gnu_hash("answer"), question = gnu_hash("question");

	elf->symbols[TINY_PRINT] = (Elf64_Sym){
		.st_name = add_string(elf, used, "print"),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	};
	elf->symbols[TINY_ANSWER] = (Elf64_Sym){
		.st_name = add_string(elf, used, "answer"),
		.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
		.st_shndx = 1,
		.st_value = TINY_AT(words[1]),
		.st_size = 8,
	};
	elf->symbols[TINY_QUESTION] = (Elf64_Sym){
		.st_name = add_string(elf, used, "question"),
		.st_info = ELF64_ST_INFO(STB_WEAK, STT_FUNC),
		.st_shndx = 1,
		.st_other = STV_PROTECTED,
		.st_value = TINY_AT(words[2]),
	};
	elf->versions[TINY_PRINT] = 3;
	elf->versions[TINY_ANSWER] = 2;
	elf->versions[TINY_QUESTION] = 2 | 0x8000;
	elf->hash.n_buckets = 1;
	elf->hash.n_chains = TINY_N_SYMBOLS;
	elf->hash.buckets[0] = TINY_PRINT;
	elf->hash.chains[TINY_PRINT] = TINY_ANSWER;
	elf->hash.chains[TINY_ANSWER] = TINY_QUESTION;
	elf->gnu_hash.n_buckets = 1;
	elf->gnu_hash.first = TINY_ANSWER;
	elf->gnu_hash.n_bloom = 1;
	elf->gnu_hash.shift = 5;
	elf->gnu_hash.bloom[0] = UINT64_MAX;
	elf->gnu_hash.buckets[0] = TINY_ANSWER;
	elf->gnu_hash.chains[0] = answer & ~1u;
	elf->gnu_hash.chains[1] = question | 1;
}

static void make_relocations(struct tiny_elf *elf)
{
	elf->rela[0] = (Elf64_Rela){TINY_AT(words[0]), ELF64_R_INFO(0, R_X86_64_RELATIVE), 7};
	elf->rela[1] = (Elf64_Rela){TINY_AT(words[1]),
				    ELF64_R_INFO((uint64_t)TINY_ANSWER, R_X86_64_GLOB_DAT), 0};
	elf->rela[2] = (Elf64_Rela){TINY_AT(words[2]),
				    ELF64_R_INFO((uint64_t)TINY_QUESTION, R_X86_64_64), 4};
	elf->jmprel[0] = (Elf64_Rela){TINY_AT(words[3]),
				      ELF64_R_INFO((uint64_t)TINY_PRINT, R_X86_64_JUMP_SLOT), 0};
	elf->relr[0] = TINY_AT(words[4]);
	elf->relr[1] = 1 | 1 << 1 | 1 << 3;
	for (uint64_t i = 0; i < 8; i++)
		elf->words[i] = 0x1000 + i;
}

static void make_versions(struct tiny_elf *elf, uint32_t *used)
{
	elf->verneed.need = (Elf64_Verneed){
		.vn_version = VER_NEED_CURRENT,
		.vn_cnt = 1,
		.vn_file = (uint32_t)elf->dynamic[TINY_NEEDED].d_un.d_val,
		.vn_aux = sizeof(Elf64_Verneed),
	};
	elf->verneed.version = (Elf64_Vernaux){
		.vna_hash = 0x1234,
		.vna_other = 3,
		.vna_name = add_string(elf, used, "NEEDED_1"),
	};
	elf->verdef.base = (Elf64_Verdef){
		.vd_version = VER_DEF_CURRENT,
		.vd_flags = VER_FLG_BASE,
		.vd_ndx = 1,
		.vd_cnt = 1,
		.vd_aux = sizeof(Elf64_Verdef),
		.vd_next = sizeof(Elf64_Verdef) + sizeof(Elf64_Verdaux),
	};
	elf->verdef.base_name.vda_name = (uint32_t)elf->dynamic[TINY_SONAME].d_un.d_val;
	elf->verdef.one = (Elf64_Verdef){
		.vd_version = VER_DEF_CURRENT,
		.vd_ndx = 2,
		.vd_cnt = 1,
		.vd_hash = 0x5678,
		.vd_aux = sizeof(Elf64_Verdef),
	};
	elf->verdef.one_name.vda_name = add_string(elf, used, "TINY_1");
}

void tiny_elf_make(struct tiny_elf *elf)
{
	uint32_t used = 1; /* the string table starts with an empty string */

	memset(elf, 0, sizeof *elf);
	make_headers(elf);
	make_dynamic(elf, &used);
	make_symbols(elf, &used);
	make_relocations(elf);
	make_versions(elf, &used);
}
