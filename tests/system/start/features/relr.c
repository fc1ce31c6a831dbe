/* relr.c - as a library and as a program: many relative relocations of all sorts of distances,
 * linked with -z pack-relative-relocs. Every word is checked. */
#include <stdint.h>
#include <stdio.h>

#define COUNT 3000

static char target[COUNT];
#define T1(n)  target + (n), 0, target + (n) / 2
#define T10(n) T1(n), T1(n + 1), T1(n + 2), T1(n + 3), T1(n + 4), T1(n + 5), T1(n + 6), T1(n + 7)
static void *dense[] = {T10(0), T10(8), T10(16), T10(24), T10(32), T10(40), T10(48), T10(56)};
static struct {
	void *pointer;
	char gap[1000];
} sparse[64] = {[0] = {target}, [1] = {target + 1}, [7] = {target + 7}, [63] = {target + 63}};
/* Not on a multiple of 8: such relocations stay in DT_RELA. */
static struct __attribute__((packed)) {
	char byte;
	void *pointer;
} unaligned = {1, target + 9};

int RELR_NAME(void);
int RELR_NAME(void)
{
	int wrong = 0;
	for (unsigned i = 0; i < sizeof dense / sizeof dense[0]; i++) {
		unsigned n = i / 3;
		void *volatile *word = (void *volatile *)&dense[i];
		void *wanted = i % 3 == 0 ? target + n : i % 3 == 1 ? NULL : target + n / 2;
		wrong += *word != wanted;
	}
	for (unsigned i = 0; i < 64; i++) {
		void *volatile *word = (void *volatile *)&sparse[i].pointer;
		int used = i < 2 || i == 7 || i == 63;
		wrong += *word != (used ? target + i : NULL);
	}
	wrong += unaligned.pointer != target + 9;
	return wrong;
}

#ifdef RELR_PROGRAM
extern int relr_library(void);
int main(void)
{
	printf("wrong words: %d in the program, %d in the library\n", RELR_NAME(), relr_library());
	return 0;
}
#endif
