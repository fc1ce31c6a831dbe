/* unaligned.c - relocations at addresses that are no multiple of 8, symbolic ones too, with
 * addends. */
#include <stdio.h>

extern char copied_block[1000];
extern int copy_function(int n);

struct __attribute__((packed)) record {
	char tag;
	char *pointer;
	int (*function)(int);
	short gap;
	char *own;
};
static char text[] = "own";
struct record records[] = {{'a', copied_block + 1, copy_function, 0, text},
			   {'b', copied_block + 3, copy_function, 0, text + 1},
			   {'c', copied_block + 999, copy_function, 0, text + 2}};

int main(void)
{
	struct record *volatile at = records;
	for (int i = 0; i < 3; i++, at++)
		printf("%c %d %d %s\n", at->tag, (int)(at->pointer - copied_block), at->function(i),
		       at->own);
	return 0;
}
