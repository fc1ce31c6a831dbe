/* baseline_write.c - the text of a baseline; baseline_read.c reads it.
 *
 *	matr-baseline 1
 *	covers chosen
 *
 *	program /usr/bin/xz
 *	  xz = /usr/bin/xz (the application itself)
 *	  liblzma.so.5 = /usr/lib/x86_64-linux-gnu/liblzma.so.5.4.1 (ld.so.cache)
 *	  xz: lzma_code@XZ_5.0 -> liblzma.so.5
 *	  xz: stderr@GLIBC_2.2.5 -> libc.so.6 copy
 *	load /usr/lib/x86_64-linux-gnu/gconv/UTF-16.so
 *	  ...
 *
 * Names stand between single spaces. What would be mistaken in them (spaces, control characters,
 * the backslash, a colon, an at sign) is written \xNN, nothing at all as \e. Only the heads of
 * blocks begin in the first column: diff -p and git show them with what differs.
 */
#include <matr/baseline.h>

#include <string.h>

#include "compare/baseline.h"

static void put_name(FILE *out, const char *name, const char *special)
{
	if (!*name)
		fputs("\\e", out);
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;
		if (byte <= ' ' || byte == 0x7f || byte == '\\' || strchr(special, byte))
			fprintf(out, "\\x%02x", byte);
		else
			putc(byte, out);
	}
}

static void put_block(FILE *out, const struct matr_baseline_block *block)
{
	for (size_t i = 0; i < block->n_objects; i++) {
		fputs("  ", out);
		put_name(out, block->objects[i].name, ":");
		fputs(" = ", out);
		put_name(out, block->objects[i].path, "");
		fprintf(out, " (%s)\n", block->objects[i].rule);
	}
	for (size_t i = 0; i < block->n_bindings; i++) {
		const struct matr_baseline_binding *binding = &block->bindings[i];
		fputs("  ", out);
		put_name(out, binding->requester, ":");
		fputs(": ", out);
		put_name(out, binding->symbol, "@");
		if (*binding->version) {
			putc('@', out);
			put_name(out, binding->version, "@");
		}
		fputs(" -> ", out);
		put_name(out, binding->provider, ":");
		fputs(binding->copy ? " copy\n" : "\n", out);
	}
}

void matr_baseline_write_head(FILE *out, bool all)
{
	fprintf(out, "matr-baseline %d\ncovers %s\n", MATR_BASELINE_VERSION,
		all ? "all" : "chosen");
}

void matr_baseline_write(FILE *out, const struct matr_baseline_program *program)
{
	fputs("\nprogram ", out);
	put_name(out, program->path, "");
	putc('\n', out);
	for (size_t i = 0; i < program->n_blocks; i++) {
		if (program->blocks[i].load) {
			fputs("load ", out);
			put_name(out, program->blocks[i].load, "");
			putc('\n', out);
		}
		put_block(out, &program->blocks[i]);
	}
}
