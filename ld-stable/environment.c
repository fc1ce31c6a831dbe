/* environment.c - the initial stack: arguments, environment, auxiliary vector.
 *
 * A mapping is only valid for the scope and the binding that ld.so would arrive at by itself. Many
 * LD_* variables change that, or make ld.so print what it does; new glibcs add new ones. So every
 * LD_* variable asks for a plain start unless it is on the list of harmless ones.
 */
#include "ld_stable.h"

static void read_auxv(struct start *start, long *stack)
{
	long argc = stack[0];

	*start = (struct start){.stack = stack, .verify_fd = -1, .cpu_fd = -1, .trial_fd = -1};
	start->argv = (char **)(stack + 1);
	start->envp = start->argv + argc + 1;
	char **at = start->envp;
	while (*at)
		at++;
	start->auxv = (Elf64_auxv_t *)(at + 1);

	for (Elf64_auxv_t *aux = start->auxv; aux->a_type != AT_NULL; aux++) {
		uint64_t value = aux->a_un.a_val;
		switch (aux->a_type) {
		case AT_PHDR:
			start->phdr = aux;
			break;
		case AT_PHNUM:
			start->phnum = aux;
			break;
		case AT_BASE:
			start->base = aux;
			break;
		case AT_ENTRY:
			start->entry = aux;
			break;
		case AT_EXECFN:
			start->execfn = aux;
			break;
		case AT_SECURE:
			start->secure = value != 0;
			break;
		case AT_UID:
			start->uid = (uint32_t)value;
			break;
		case AT_EUID:
			start->euid = (uint32_t)value;
			break;
		case AT_SYSINFO_EHDR:
			start->vdso = value;
			break;
		case AT_HWCAP:
			start->hwcap = aux;
			break;
		case AT_HWCAP2:
			start->hwcap2 = aux;
			break;
		case AT_PLATFORM:
			start->platform = aux;
			break;
		case AT_MINSIGSTKSZ:
			start->minsigstksz = aux;
			break;
		default:
			break;
		}
	}
}

static const char trial_variable[] = "LD_STABLE_TRIAL=";

static int descriptor(const char *digits)
{
	int fd = 0;
	for (; *digits >= '0' && *digits <= '9' && fd < 100000; digits++)
		fd = fd * 10 + (*digits - '0');
	return fd;
}

/* FD or FD,plain */
static void read_trial(struct start *start, const char *value)
{
	start->trial_fd = descriptor(value);
	while (*value && *value != ',')
		value++;
	start->trial_plain = string_equal(value, ",plain");
}

/* Variables of our own. */
static void read_environment(struct start *start)
{
	for (char **at = start->envp; *at; at++) {
		if (string_starts(*at, "GLIBC_TUNABLES="))
			start->tunables = true;
		if (string_equal(*at, "LD_BIND_NOW=1"))
			start->bind_now = true;
		/* A second one is a reason for a plain start, whatever it is. */
		if (string_starts(*at, "LD_LIBRARY_PATH=") && (*at)[16] && !start->library_path)
			start->library_path = *at;
		if (string_starts(*at, "LD_STABLE_DEBUG="))
			start->debug = string_equal(*at + 16, "1");
		if (string_starts(*at, "LD_STABLE_VERIFY_LOADS="))
			start->verify_loads = *at + 23;
		if (string_starts(*at, "LD_STABLE_VERIFY="))
			start->verify_fd = descriptor(*at + 17);
		if (string_starts(*at, "LD_STABLE_CPU="))
			start->cpu_fd = descriptor(*at + 14);
		if (string_starts(*at, "LD_STABLE_RECORD="))
			start->record = *at + 17;
		if (string_starts(*at, trial_variable))
			read_trial(start, *at + sizeof trial_variable - 1);
	}
}

/* Move everything from `source` up to the end of auxv down to `target`. */
static void move_down(const struct start *start, char *target, const char *source)
{
	const Elf64_auxv_t *end = start->auxv;

	while (end->a_type != AT_NULL)
		end++;
	end++;
	bytes_copy(target, source, (size_t)((const char *)end - source));
}

/* Remove the variable, which the program's children are not to inherit. Returns NULL if it is not
 * there, else its value, which stays where it is. */
static const char *drop_variable(struct start *start, const char *name)
{
	for (char **at = start->envp; *at; at++) {
		const char *value = *at;
		if (!string_starts(value, name))
			continue;
		move_down(start, (char *)at, (const char *)(at + 1));
		read_auxv(start, start->stack);
		while (*value++ != '=')
			;
		return value;
	}
	return NULL;
}

bool start_read(struct start *start, long *stack)
{
	read_auxv(start, stack);
	if (!start->secure) {
		/* Reads everything again. */
		const char *plain = drop_variable(start, "LD_STABLE_PLAIN=");
		bool debug_plain = drop_variable(start, "LD_STABLE_DEBUG=plain") != NULL;
		read_environment(start);
		int trial_fd = start->trial_fd;
		bool trial_plain = start->trial_plain;
		if (trial_fd >= 0 && drop_variable(start, trial_variable)) {
			read_environment(start);
			start->trial_fd = trial_fd;
			start->trial_plain = trial_plain;
		}
		start->plain = plain;
		start->debug_plain = debug_plain;
	}
	return start->phdr && start->phnum && start->base && start->entry;
}

/* Variables that ld.so takes for unset when they are empty. */
static bool harmless_when_empty(const char *variable)
{
	static const char names[][16] = {
		"LIBRARY_PATH=", "PRELOAD=", "AUDIT=", "BIND_NOW=", "DEBUG="};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (string_equal(variable, names[i]))
			return true;
	}
	return false;
}

const char *library_path_reason(const struct start *start, const char *recorded)
{
	static const char name[] = "LD_LIBRARY_PATH=";

	if (!recorded)
		return start->library_path;
	if (!start->library_path)
		return "started without the LD_LIBRARY_PATH that the mapping is for";
	return string_equal(start->library_path + sizeof name - 1, recorded) ? NULL
									     : start->library_path;
}

/* glibc.cpu tunables choose glibc-hwcaps directories, glibc.rtld ones the order of relocation. */
static bool tunables_matter(const char *value)
{
	for (; *value; value++) {
		if (string_starts(value, "glibc.cpu") || string_starts(value, "glibc.rtld"))
			return true;
	}
	return false;
}

const char *environment_reason(const struct start *start)
{
	if (start->secure)
		return "AT_SECURE";
	if (start->plain)
		return start->plain;
	if (start->trial_plain)
		return "a trial without the mapping";
	for (char **at = start->envp; *at; at++) {
		const char *variable = *at;
		/* LD_LIBRARY_PATH depends on the mapping: library_path_reason(). Most variables
		 * fail on the first letter. */
		if (variable[0] == 'G' && string_starts(variable, "GLIBC_TUNABLES=") &&
		    tunables_matter(variable + 15))
			return "GLIBC_TUNABLES";
		if (variable[0] != 'L' || variable[1] != 'D' || variable[2] != '_')
			continue;
		variable += 3;
		if (string_starts(variable, "STABLE_") || string_starts(variable, "RUN_PATH=") ||
		    harmless_when_empty(variable) || *at == start->library_path)
			continue;
		if ((start->verify_fd >= 0 || start->verify_loads) &&
		    string_equal(variable, "BIND_NOW=1"))
			continue;
		return *at;
	}
	return NULL;
}

void start_drop_arguments(struct start *start, int count)
{
	char *target = (char *)(start->stack + 1); /* the stack pointer stays aligned */
	int verify_fd = start->verify_fd, trial_fd = start->trial_fd;

	move_down(start, target, target + (size_t)count * sizeof(char *));
	start->stack[0] -= count;
	start_read(start, start->stack);
	start->verify_fd = verify_fd;
	start->trial_fd = trial_fd;
}
