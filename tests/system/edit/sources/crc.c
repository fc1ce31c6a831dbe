/* crc32() of zlib's interface, in another way than zlib's; it notes which programs call it. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static unsigned long table[256];
static void note(void)
{
	static int done;
	const char *log = getenv("CRC_LOG");
	char name[4096];
	if (done++ || !log)
		return;
	ssize_t length = readlink("/proc/self/exe", name, sizeof name - 1);
	int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || length < 0)
		return;
	name[length++] = '\n';
	(void)!write(fd, name, length);
	close(fd);
}
unsigned long crc32(unsigned long crc, const unsigned char *data, unsigned size)
{
	note();
	if (!data)
		return 0;
	if (!table[1])
		for (unsigned long i = 255; i; i--) {
			unsigned long c = i;
			for (int k = 0; k < 8; k++)
				c = c & 1 ? 0xedb88320UL ^ c >> 1 : c >> 1;
			table[i] = c;
		}
	crc ^= 0xffffffffUL;
	while (size--)
		crc = table[(crc ^ *data++) & 255] ^ crc >> 8;
	return crc ^ 0xffffffffUL;
}
