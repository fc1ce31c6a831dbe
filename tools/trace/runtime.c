/* runtime.c - matr-trace.so: thunks that count and time calls.
 *
 * `matr trace` edits the mapping of one run (matr/edit.h). A traced binding goes to a thunk. The
 * thunk's target is an undefined symbol of this library, which is bound to the original provider.
 * So the caller calls the thunk, which jumps to the original function. To see it return, the return
 * address on the stack is replaced, and kept in a separate stack, one for each thread. Arguments
 * are not changed: nothing here touches a vector register (-mgeneral-regs-only), and the integer
 * ones are saved.
 *
 * - Functions that look at their return address, or return twice, are counted and not timed.
 * - Before an unwinding begins (exceptions, pthread_exit) all true return addresses are put back.
 * - A frame that was left with longjmp() is noticed when its stack slot is used again, or never.
 *   Nothing is dropped on a guess: a return without its address would crash. When there is no room
 *   left, calls are only counted.
 * - The results are in a file that all processes map, so a killed process has left its figures.
 *
 * No libc: its functions may be what is traced.
 */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stddef.h>

#include "trace/trace_format.h"

enum { /* system calls of x86-64 */
       CALL_CLOSE = 3,
       CALL_MMAP = 9,
       CALL_SCHED_YIELD = 24,
       CALL_GETPID = 39,
       CALL_GETTID = 186,
       CALL_TGKILL = 234,
       CALL_OPENAT = 257,
};

enum { FRAMES = 2000, REUSE_TRIES = 8, TOP = 4 };

struct entry {		 /* a thunk's; the assembly below depends on the layout */
	uint64_t target; /* relocated */
	uint64_t unused;
};

struct frame {
	uint64_t *slot; /* where the return address was; NULL: free */
	uint64_t address;
	uint64_t start;
	uint64_t children; /* ticks */
	uint64_t number;
};

struct stack { /* one thread's */
	struct stack *next;
	long tid;
	volatile uint32_t depth; /* frames in use, free ones in between included */
	struct frame frames[FRAMES];
};

extern struct entry matr_trace_entries[TRACE_SLOTS] __attribute__((visibility("hidden")));
extern const char matr_trace_return[] __attribute__((visibility("hidden")));

__attribute__((section(".data"))) static volatile struct trace_config config = {
	.magic = TRACE_MAGIC, .magic_again = TRACE_MAGIC, .path = {1}};
static struct trace_results own_results; /* until the file is mapped, or where it cannot be */
static struct trace_results *results = &own_results;
static struct stack *stacks;
static long stacks_pid;
static int lock;
static __thread struct stack *mine __attribute__((tls_model("initial-exec")));

uint64_t trace_enter(struct entry *entry, uint64_t *slot);
uint64_t trace_leave(uint64_t *slot, uint64_t now);

static long call(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

__attribute__((constructor)) static void attach(void)
{
	long fd = call(CALL_OPENAT, AT_FDCWD, (long)config.path, O_RDWR | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return;
	long at = call(CALL_MMAP, 0, sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	call(CALL_CLOSE, fd, 0, 0, 0, 0, 0);
	if (at < 0 && at > -4096)
		return;
	struct trace_results *file = (struct trace_results *)at; /* never at 0 */
	/* cppcheck-suppress nullPointerRedundantCheck */
	if (file->magic != TRACE_MAGIC)
		return;
	__atomic_add_fetch(&file->processes, 1, __ATOMIC_RELAXED);
	/* Add the calls of constructors, which came before the file was mapped. */
	for (size_t i = 0; i < TRACE_SLOTS; i++) {
		if (!own_results.slots[i].calls)
			continue;
		__atomic_add_fetch(&file->slots[i].calls, own_results.slots[i].calls,
				   __ATOMIC_RELAXED);
		__atomic_add_fetch(&file->slots[i].returns, own_results.slots[i].returns,
				   __ATOMIC_RELAXED);
		__atomic_add_fetch(&file->slots[i].total, own_results.slots[i].total,
				   __ATOMIC_RELAXED);
		__atomic_add_fetch(&file->slots[i].self, own_results.slots[i].self,
				   __ATOMIC_RELAXED);
	}
	results = file;
}

/* ---- a thread's stack ---- */

/* One whose thread has ended; looks at a few only. */
static struct stack *find_free(long pid)
{
	struct stack *stack = stacks;

	for (int i = 0; stack && i < REUSE_TRIES; i++, stack = stack->next)
		if (call(CALL_TGKILL, pid, stack->tid, 0, 0, 0, 0) == -3 /* ESRCH */)
			return stack;
	return NULL;
}

/* Once per thread. A signal's handler that comes in between only counts; and so does the child
 * of a fork() that happened while another thread was here. */
static bool take_lock(int tid)
{
	enum { PATIENCE = 10000 };

	for (int i = 0; i < PATIENCE; i++) {
		int owner = 0;
		if (__atomic_compare_exchange_n(&lock, &owner, tid, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
		if (owner == tid)
			return false;
		call(CALL_SCHED_YIELD, 0, 0, 0, 0, 0, 0);
	}
	return false;
}

__attribute__((noinline)) static struct stack *new_stack(void)
{
	long pid = call(CALL_GETPID, 0, 0, 0, 0, 0, 0);
	long tid = call(CALL_GETTID, 0, 0, 0, 0, 0, 0);

	if (!take_lock((int)tid))
		return NULL;
	/* In the child of a fork() one of them is in use under another number. */
	if (stacks_pid != pid) {
		stacks = NULL;
		stacks_pid = pid;
	}
	struct stack *stack = find_free(pid);
	if (!stack) {
		long at = call(CALL_MMAP, 0, sizeof *stack, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (!(at < 0 && at > -4096)) {
			stack = (struct stack *)at;
			/* cppcheck-suppress nullPointerRedundantCheck */
			stack->next = stacks;
			stacks = stack;
		}
	}
	if (stack) {
		stack->tid = tid;
		stack->depth = 0;
		mine = stack;
	}
	__atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
	return stack;
}

static void trim(struct stack *stack)
{
	while (stack->depth && !stack->frames[stack->depth - 1].slot)
		stack->depth--;
}

/* A reused stack slot means that its call has ended (longjmp): drop it. */
static void forget_abandoned(struct stack *stack, const uint64_t *slot)
{
	uint32_t depth = stack->depth;

	for (uint32_t i = 0; i < TOP && i < depth; i++)
		if (stack->frames[depth - 1 - i].slot == slot)
			stack->frames[depth - 1 - i].slot = NULL;
	trim(stack);
}

static void restore_all(struct stack *stack)
{
	for (uint32_t i = stack->depth; i-- > 0;) {
		struct frame *frame = &stack->frames[i];
		if (frame->slot && *frame->slot == (uint64_t)matr_trace_return)
			*frame->slot = frame->address;
		frame->slot = NULL;
	}
	stack->depth = 0;
}

/* ---- a call ---- */

uint64_t trace_enter(struct entry *entry, uint64_t *slot)
{
	uint64_t number = (uint64_t)(entry - matr_trace_entries);
	struct stack *stack = mine;

	__atomic_add_fetch(&results->slots[number].calls, 1, __ATOMIC_RELAXED);
	uint8_t kind = config.kinds[number];
	if (kind == TRACE_COUNT)
		return entry->target;
	if (kind == TRACE_RESTORE) {
		if (stack)
			restore_all(stack);
		return entry->target;
	}
	if (!stack)
		stack = new_stack();
	if (stack &&
	    *slot != (uint64_t)matr_trace_return) /* else a tail call: both are to return */
		forget_abandoned(stack, slot);
	if (!stack || stack->depth >= FRAMES) {
		__atomic_add_fetch(&results->untimed, 1, __ATOMIC_RELAXED);
		return entry->target;
	}
	/* A signal's handler takes the next one from here on. */
	struct frame *frame = &stack->frames[stack->depth++];
	__asm__ volatile("" ::: "memory");
	frame->number = number;
	frame->children = 0;
	frame->address = *slot;
	frame->slot = slot;
	*slot = (uint64_t)matr_trace_return;
	frame->start = ticks();
	return entry->target;
}

/* Returns to where the call came from. */
uint64_t trace_leave(uint64_t *slot, uint64_t now)
{
	struct stack *stack = mine;
	uint32_t i = stack->depth;

	while (i > 0 && stack->frames[i - 1].slot != slot)
		i--;
	if (i == 0)
		__builtin_trap(); /* cannot be: the address was put there with the frame */
	struct frame *frame = &stack->frames[i - 1];
	uint64_t elapsed = now - frame->start, address = frame->address;
	struct trace_slot *result = &results->slots[frame->number];
	uint64_t children = frame->children < elapsed ? frame->children : elapsed;
	__atomic_add_fetch(&result->returns, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&result->total, elapsed, __ATOMIC_RELAXED);
	__atomic_add_fetch(&result->self, elapsed - children, __ATOMIC_RELAXED);
	for (uint32_t below = i - 1; below > 0; below--) {
		if (stack->frames[below - 1].slot) {
			stack->frames[below - 1].children += elapsed;
			break;
		}
	}
	__asm__ volatile("" ::: "memory");
	frame->slot = NULL;
	trim(stack);
	return address;
}

/* ---- the thunks ----
 *
 * r11 is free at a call through the PLT; r10 may be the static chain, rax has the number of vector
 * registers of a variadic function. On return rax and rdx may have the result.
 */
__asm__(".text\n"
	".p2align 4\n"
	"matr_trace_common:\n"
	"	push %rax\n"
	"	push %rdi\n"
	"	push %rsi\n"
	"	push %rdx\n"
	"	push %rcx\n"
	"	push %r8\n"
	"	push %r9\n"
	"	push %r10\n"
	"	mov %r11, %rdi\n"
	"	lea 64(%rsp), %rsi\n"
	"	push %rbp\n" /* the stack may not be aligned at a call from assembly */
	"	mov %rsp, %rbp\n"
	"	and $-16, %rsp\n"
	"	call trace_enter\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp\n"
	"	mov %rax, %r11\n"
	"	pop %r10\n"
	"	pop %r9\n"
	"	pop %r8\n"
	"	pop %rcx\n"
	"	pop %rdx\n"
	"	pop %rsi\n"
	"	pop %rdi\n"
	"	pop %rax\n"
	"	jmp *%r11\n"

	".p2align 4\n"
	".hidden matr_trace_return\n"
	".globl matr_trace_return\n"
	".type matr_trace_return, @function\n"
	"	nop\n" /* who looks up a return address subtracts one */
	"matr_trace_return:\n"
	"	sub $8, %rsp\n"
	"	push %rax\n"
	"	push %rdx\n"
	"	rdtsc\n"
	"	shl $32, %rdx\n"
	"	lea (%rdx,%rax), %rsi\n"
	"	lea 16(%rsp), %rdi\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	and $-16, %rsp\n"
	"	call trace_leave\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp\n"
	"	mov %rax, 16(%rsp)\n"
	"	pop %rdx\n"
	"	pop %rax\n"
	"	ret\n"
	".size matr_trace_return, . - matr_trace_return\n"

	".altmacro\n"
	".macro matr_thunk n\n"
	".globl matr_trace_thunk_\\n\n"
	".type matr_trace_thunk_\\n, @function\n"
	".p2align 4\n"
	"matr_trace_thunk_\\n:\n"
	"	endbr64\n"
	"	lea matr_trace_entries+16*\\n(%rip), %r11\n"
	"	jmp matr_trace_common\n"
	".size matr_trace_thunk_\\n, . - matr_trace_thunk_\\n\n"
	".endm\n"
	".macro matr_target n\n"
	".weak matr_trace_target_\\n\n"
	"	.quad matr_trace_target_\\n, 0\n"
	".endm\n"
	".set number, 0\n"
	".rept 2048\n"
	"matr_thunk %number\n"
	".set number, number + 1\n"
	".endr\n"
	".data\n"
	".p2align 4\n"
	".hidden matr_trace_entries\n"
	".globl matr_trace_entries\n"
	"matr_trace_entries:\n"
	".set number, 0\n"
	".rept 2048\n"
	"matr_target %number\n"
	".set number, number + 1\n"
	".endr\n"
	".noaltmacro\n"
	".text\n");

_Static_assert(TRACE_SLOTS == 2048 && sizeof(struct entry) == 16, "the assembly counts on that");
