/* object.c - reading an ELF file as ld.so would (matr/object.h).
 *
 * libelf checks the ELF header and the program headers and gives the file's bytes; the rest is found through
 * the dynamic section. The strings an object refers to are copied, so that the file can be closed.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <matr/image_format.h>

#include "elf_file.h"

enum { MAX_DYNAMIC = 1 << 16 }; /* entries; real ones have some thirty */

struct kept { /* private_data: what the object's strings lie in */
	char *strings;
	char *interpreter;
};

int elf_file_malformed(const struct elf_file *file, struct matr_error *err, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return matr_fail(err, MATR_ERROR_MALFORMED, file->path, "%s", what);
}

uint64_t elf_file_room(const struct elf_file *file, uint64_t vaddr)
{
	const struct matr_object *object = file->object;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type == PT_LOAD && vaddr >= segment->vaddr &&
		    vaddr - segment->vaddr < segment->file_size)
			return segment->file_size - (vaddr - segment->vaddr);
	}
	return 0;
}

/* The bytes of one segment, whatever its type. */
static const unsigned char *segment_bytes(struct elf_file *file, size_t index)
{
	const struct matr_segment *segment = &file->object->segments[index];

	if (!file->loaded[index] && segment->file_size) {
		const Elf_Data *data = elf_getdata_rawchunk(file->elf, (int64_t)segment->offset,
		                                            (size_t)segment->file_size, ELF_T_BYTE);
		if (data && data->d_size == segment->file_size)
			file->loaded[index] = data->d_buf;
	}
	return file->loaded[index];
}

const void *elf_file_at(struct elf_file *file, uint64_t vaddr, uint64_t size)
{
	const struct matr_object *object = file->object;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_LOAD || vaddr < segment->vaddr ||
		    vaddr - segment->vaddr >= segment->file_size)
			continue;
		uint64_t skip = vaddr - segment->vaddr;
		if (size > segment->file_size - skip)
			return NULL;
		const unsigned char *bytes = segment_bytes(file, i);
		return bytes ? bytes + skip : NULL;
	}
	return NULL;
}

bool elf_file_tag(const struct elf_file *file, int64_t tag, uint64_t *value)
{
	bool found = false;

	for (size_t i = 0; i < file->object->n_dynamic; i++) {
		if (file->object->dynamic[i].tag == tag) {
			*value = file->object->dynamic[i].value;
			found = true;
		}
	}
	return found;
}

const char *elf_file_string(const struct elf_file *file, uint64_t offset)
{
	/* The copy ends with a NUL of our own, so every string in it ends. */
	return offset < file->strings_size ? file->strings + offset : NULL;
}

/* ---- opening ---- */

static int open_file(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	struct stat status;

	/* O_NONBLOCK: a fifo must not stop us. */
	file->fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0 || fstat(file->fd, &status) < 0)
		return matr_fail_errno(err, file->path, "cannot be opened");
	if (S_ISDIR(status.st_mode))
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is a directory");
	if (!S_ISREG(status.st_mode))
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is not a regular file");
	if (!status.st_size)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is empty");
	object->file = (struct matr_file_id){
	        .device = status.st_dev,
	        .inode = status.st_ino,
	        .size = (uint64_t)status.st_size,
	        .mtime = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
	        .ctime = (int64_t)status.st_ctim.tv_sec * 1000000000 + status.st_ctim.tv_nsec,
	};
	object->path = realpath(file->path, NULL);
	if (!object->path)
		return matr_fail_errno(err, file->path, "cannot be resolved");
	return 0;
}

static int read_header(struct elf_file *file, struct matr_error *err)
{
	if (elf_version(EV_CURRENT) == EV_NONE)
		return matr_fail(err, MATR_ERROR_SYSTEM, file->path, "libelf is too old");
	/* Read, not mapped: a file that shrinks meanwhile must not kill us with SIGBUS. */
	file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
	if (!file->elf)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is not an ELF file: %s",
		                 elf_errmsg(-1));
	if (elf_kind(file->elf) != ELF_K_ELF)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path, "is not an ELF file");
	const Elf64_Ehdr *header = elf64_getehdr(file->elf);
	const char *ident = elf_getident(file->elf, NULL);
	if (!header || !ident || ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_X86_64)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path,
		                 "is not an ELF file for x86-64");
	file->object->machine = header->e_machine;
	if (header->e_type == ET_EXEC)
		file->object->flags |= MATR_OBJECT_FIXED;
	else if (header->e_type != ET_DYN)
		return matr_fail(err, MATR_ERROR_NOT_ELF, file->path,
		                 "is neither a program nor a shared library");
	file->size = (size_t)file->object->file.size;
	return 0;
}

/* ---- program headers ---- */

static int check_segment(const struct elf_file *file, const Elf64_Phdr *header, uint64_t *last_end,
                         struct matr_error *err)
{
	if (header->p_type != PT_LOAD && header->p_type != PT_DYNAMIC &&
	    header->p_type != PT_INTERP && header->p_type != PT_NOTE)
		return 0;
	if (header->p_offset > INT64_MAX || header->p_offset > file->size ||
	    header->p_filesz > file->size - header->p_offset)
		return elf_file_malformed(file, err,
		                          "a segment is outside of the file (truncated?)");
	if (header->p_type != PT_LOAD)
		return 0;
	if (header->p_filesz > header->p_memsz ||
	    header->p_vaddr + header->p_memsz < header->p_vaddr || header->p_vaddr < *last_end)
		return elf_file_malformed(file, err, "its segments make no sense");
	*last_end = header->p_vaddr + header->p_memsz;
	return 0;
}

static int read_segments(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	size_t n;
	uint64_t last_end = 0;

	const Elf64_Phdr *headers = NULL;
	if (elf_getphdrnum(file->elf, &n) == 0 && n)
		headers = elf64_getphdr(file->elf);
	if (!headers)
		return elf_file_malformed(file, err, "has no program headers (truncated?)");
	object->segments = calloc(n, sizeof *object->segments);
	file->loaded = calloc(n, sizeof *file->loaded);
	if (!object->segments || !file->loaded)
		return matr_fail_memory(err);
	for (size_t i = 0; i < n; i++) {
		if (check_segment(file, &headers[i], &last_end, err) < 0)
			return -1;
		object->segments[object->n_segments++] = (struct matr_segment){
		        .type = headers[i].p_type,
		        .flags = headers[i].p_flags,
		        .offset = headers[i].p_offset,
		        .vaddr = headers[i].p_vaddr,
		        .file_size = headers[i].p_filesz,
		        .memory_size = headers[i].p_memsz,
		        .align = headers[i].p_align,
		};
	}
	return 0;
}

static int read_interpreter(struct elf_file *file, struct kept *kept, struct matr_error *err)
{
	struct matr_object *object = file->object;

	for (size_t i = 0; i < object->n_segments; i++) {
		const struct matr_segment *segment = &object->segments[i];
		if (segment->type != PT_INTERP)
			continue;
		const char *text = (const char *)segment_bytes(file, i);
		if (!text || !segment->file_size || segment->file_size > PATH_MAX ||
		    text[segment->file_size - 1])
			return elf_file_malformed(file, err, "PT_INTERP is not a path");
		kept->interpreter = strdup(text);
		if (!kept->interpreter)
			return matr_fail_memory(err);
		object->interpreter = kept->interpreter;
		return 0;
	}
	return 0;
}

/* ---- the dynamic section ---- */

static int read_dynamic(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;
	const struct matr_segment *segment = NULL;

	for (size_t i = 0; i < object->n_segments; i++) {
		if (object->segments[i].type == PT_DYNAMIC)
			segment = &object->segments[i];
	}
	if (!segment)
		return 0;
	object->dynamic_vaddr = segment->vaddr;
	/* ld.so reads it in memory, up to DT_NULL. */
	uint64_t room = elf_file_room(file, segment->vaddr);
	const unsigned char *bytes = elf_file_at(file, segment->vaddr, room);
	size_t n = 0, limit = (size_t)(room / sizeof(Elf64_Dyn));
	Elf64_Dyn entry;
	for (; bytes && n < limit; n++) {
		memcpy(&entry, bytes + n * sizeof entry, sizeof entry);
		if (entry.d_tag == DT_NULL)
			break;
	}
	if (!bytes || n == limit || n > MAX_DYNAMIC)
		return elf_file_malformed(file, err, "its dynamic section has no end");
	object->dynamic = calloc(n + 1, sizeof *object->dynamic);
	if (!object->dynamic)
		return matr_fail_memory(err);
	for (; object->n_dynamic < n; object->n_dynamic++) {
		memcpy(&entry, bytes + object->n_dynamic * sizeof entry, sizeof entry);
		object->dynamic[object->n_dynamic] =
		        (struct matr_dynamic){entry.d_tag, entry.d_un.d_val};
		object->dynamic_fingerprint = matr_image_fingerprint(object->dynamic_fingerprint,
		                                                     entry.d_tag, entry.d_un.d_val);
	}
	return 0;
}

static int read_strings(struct elf_file *file, struct kept *kept, struct matr_error *err)
{
	uint64_t vaddr, size;

	if (!elf_file_tag(file, DT_STRTAB, &vaddr) || !elf_file_tag(file, DT_STRSZ, &size))
		return elf_file_malformed(file, err, "has no dynamic string table");
	const void *bytes = elf_file_at(file, vaddr, size);
	if (!bytes)
		return elf_file_malformed(file, err, "its string table is outside of the file");
	kept->strings = malloc((size_t)size + 1);
	if (!kept->strings)
		return matr_fail_memory(err);
	memcpy(kept->strings, bytes, (size_t)size);
	kept->strings[size] = 0;
	file->strings = kept->strings;
	file->strings_size = (size_t)size;
	return 0;
}

static int string_tag(const struct elf_file *file, int64_t tag, const char **out,
                      struct matr_error *err)
{
	uint64_t offset;

	if (!elf_file_tag(file, tag, &offset))
		return 0;
	*out = elf_file_string(file, offset);
	return *out ? 0 : elf_file_malformed(file, err, "a name is outside of its string table");
}

static int read_names(struct elf_file *file, struct matr_error *err)
{
	struct matr_object *object = file->object;

	if (string_tag(file, DT_SONAME, &object->soname, err) < 0 ||
	    string_tag(file, DT_RPATH, &object->rpath, err) < 0 ||
	    string_tag(file, DT_RUNPATH, &object->runpath, err) < 0)
		return -1;
	if (object->runpath)
		object->rpath = NULL;
	for (size_t i = 0; i < object->n_dynamic; i++)
		object->n_needed += object->dynamic[i].tag == DT_NEEDED;
	object->needed = calloc(object->n_needed + 1, sizeof *object->needed);
	if (!object->needed)
		return matr_fail_memory(err);
	size_t n = 0;
	for (size_t i = 0; i < object->n_dynamic; i++) {
		if (object->dynamic[i].tag != DT_NEEDED)
			continue;
		object->needed[n] = elf_file_string(file, object->dynamic[i].value);
		if (!object->needed[n++])
			return elf_file_malformed(file, err,
			                          "DT_NEEDED is outside of its string table");
	}
	return 0;
}

static void read_flags(struct elf_file *file)
{
	struct matr_object *object = file->object;
	uint64_t flags = 0, flags_1 = 0, ignored;

	elf_file_tag(file, DT_FLAGS, &flags);
	elf_file_tag(file, DT_FLAGS_1, &flags_1);
	if (!(object->flags & MATR_OBJECT_FIXED) && (object->interpreter || (flags_1 & DF_1_PIE)))
		object->flags |= MATR_OBJECT_PIE;
	if ((flags & DF_SYMBOLIC) || elf_file_tag(file, DT_SYMBOLIC, &ignored))
		object->flags |= MATR_OBJECT_SYMBOLIC;
	if ((flags & DF_BIND_NOW) || (flags_1 & DF_1_NOW) ||
	    elf_file_tag(file, DT_BIND_NOW, &ignored))
		object->flags |= MATR_OBJECT_BIND_NOW;
	if ((flags & DF_TEXTREL) || elf_file_tag(file, DT_TEXTREL, &ignored))
		object->flags |= MATR_OBJECT_TEXTREL;
	if (flags & DF_STATIC_TLS)
		object->flags |= MATR_OBJECT_STATIC_TLS;
	if (flags_1 & DF_1_NODEFLIB)
		object->flags |= MATR_OBJECT_NODEFLIB;
	if (elf_file_tag(file, DT_FILTER, &ignored) || elf_file_tag(file, DT_AUXILIARY, &ignored))
		object->flags |= MATR_OBJECT_FILTER;
}

/* ---- the whole ---- */

static int read_object(struct elf_file *file, struct kept *kept, struct matr_error *err)
{
	if (open_file(file, err) < 0 || read_header(file, err) < 0 ||
	    read_segments(file, err) < 0 || read_interpreter(file, kept, err) < 0 ||
	    read_dynamic(file, err) < 0)
		return -1;
	read_build_id(file);
	if (!file->object->n_dynamic)
		return 0;
	if (read_strings(file, kept, err) < 0 || read_names(file, err) < 0)
		return -1;
	read_flags(file);
	if (read_relocations(file, err) < 0 || read_symbols(file, err) < 0)
		return -1;
	return read_versions(file, err);
}

int matr_object_open(const char *path, struct matr_object **out, struct matr_error *err)
{
	struct matr_object *object = calloc(1, sizeof *object);
	struct kept *kept = calloc(1, sizeof *kept);
	struct elf_file file = {.path = path, .fd = -1, .object = object};

	if (!object || !kept) {
		free(object);
		free(kept);
		return matr_fail_memory(err);
	}
	object->private_data = kept;
	int result = read_object(&file, kept, err);
	free(file.loaded);
	if (file.elf)
		elf_end(file.elf);
	if (file.fd >= 0)
		close(file.fd);
	if (result < 0) {
		matr_object_free(object);
		return -1;
	}
	*out = object;
	return 0;
}

void matr_object_free(struct matr_object *object)
{
	if (!object)
		return;
	struct kept *kept = object->private_data;
	if (kept) {
		free(kept->strings);
		free(kept->interpreter);
	}
	free(kept);
	free(object->path);
	free(object->needed);
	free(object->segments);
	free(object->dynamic);
	free(object->symbols);
	free(object->versions);
	free(object->relocations);
	free(object->relatives);
	free(object->relr);
	free(object);
}
