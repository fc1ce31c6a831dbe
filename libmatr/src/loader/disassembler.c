/* disassembler.c - capstone, loaded on demand (disassembler.h). */
#include "loader/disassembler.h"

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <stdlib.h>

#include <matr/loader.h>

#include "loader/machine.h"

#define TEXT(value)    #value
#define LIBRARY(major) "libcapstone.so." TEXT(major)

struct disassembler {
	void *library;
	csh handle;
	cs_insn *instruction;
	/* capstone's functions; their types are those of its header */
	__typeof__(cs_open) *open;
	__typeof__(cs_close) *close;
	__typeof__(cs_option) *option;
	__typeof__(cs_malloc) *malloc;
	__typeof__(cs_free) *free;
	__typeof__(cs_disasm_iter) *decode;
	__typeof__(cs_regs_access) *registers;
};

static int load(struct disassembler *d, struct matr_error *err)
{
	d->library = dlopen(LIBRARY(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
	if (d->library) {
		d->open = dlsym(d->library, "cs_open");
		d->close = dlsym(d->library, "cs_close");
		d->option = dlsym(d->library, "cs_option");
		d->malloc = dlsym(d->library, "cs_malloc");
		d->free = dlsym(d->library, "cs_free");
		d->decode = dlsym(d->library, "cs_disasm_iter");
		d->registers = dlsym(d->library, "cs_regs_access");
	}
	if (d->open && d->close && d->option && d->malloc && d->free && d->decode && d->registers)
		return 0;
	return matr_fail(err, MATR_ERROR_UNSUPPORTED, LIBRARY(CS_API_MAJOR),
			 "cannot be loaded, which disassembles ld.so: %s", dlerror());
}

void matr_loader_prepare(void)
{
	/* Never closed: a later dlopen() of the name gets this one. */
	dlopen(LIBRARY(CS_API_MAJOR), RTLD_NOW | RTLD_LOCAL);
}

int disassembler_open(struct disassembler **out, struct matr_error *err)
{
	struct disassembler *d = calloc(1, sizeof *d);

	*out = NULL;
	if (!d)
		return matr_fail_memory(err);
	int result = load(d, err);
	if (!result && (d->open((cs_arch)machine.capstone_arch, (cs_mode)machine.capstone_mode,
				&d->handle) != CS_ERR_OK ||
			d->option(d->handle, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK))
		result = matr_fail(err, MATR_ERROR_UNSUPPORTED, LIBRARY(CS_API_MAJOR),
				   "does not disassemble this machine's instructions");
	if (!result) {
		d->instruction = d->malloc(d->handle);
		result = d->instruction ? 0 : matr_fail_memory(err);
	}
	if (result) {
		disassembler_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

void disassembler_close(struct disassembler *d)
{
	if (!d)
		return;
	if (d->instruction)
		d->free(d->instruction, 1);
	if (d->handle)
		d->close(&d->handle);
	if (d->library)
		dlclose(d->library);
	free(d);
}

bool disassembler_decode(struct disassembler *d, const unsigned char *bytes, size_t size,
			 uint64_t address, struct instruction *out)
{
	cs_regs read, written;
	uint8_t n_read = 0, n_written = 0;
	uint64_t next = address;

	if (!d->decode(d->handle, &bytes, &size, &next, d->instruction) ||
	    d->registers(d->handle, d->instruction, read, &n_read, written, &n_written) !=
		    CS_ERR_OK)
		return false;
	*out = (struct instruction){.address = address, .size = (uint8_t)d->instruction->size};
	machine_describe(d->instruction, written, n_written, out);
	return true;
}
