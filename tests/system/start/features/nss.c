/* nss.c - what glibc loads with dlopen behind a program's back: locales, iconv modules, NSS. */
#include <arpa/inet.h>
#include <grp.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <wchar.h>

static void convert(const char *to)
{
	char in[] = "gr\303\274n", out[64] = "", *from = in, *target = out;
	size_t left = strlen(in), room = sizeof out - 1;
	iconv_t converter = iconv_open(to, "UTF-8");
	if (converter == (iconv_t)-1) {
		printf("%s: none\n", to);
		return;
	}
	size_t result = iconv(converter, &from, &left, &target, &room);
	printf("%s: %zd ", to, (ssize_t)result);
	for (char *c = out; c < target; c++)
		printf("%02x", (unsigned char)*c);
	printf("\n");
	iconv_close(converter);
}

static void resolve(const char *name)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	int error = getaddrinfo(name, "80", &hints, &list);
	printf("%s: %s", name, error != 0 ? gai_strerror(error) : "");
	if (error == 0) {
		char text[64];
		struct sockaddr_in *address = (struct sockaddr_in *)list->ai_addr;
		printf("%s", inet_ntop(AF_INET, &address->sin_addr, text, sizeof text));
		freeaddrinfo(list);
	}
	printf("\n");
}

int main(void)
{
	const char *name = setlocale(LC_ALL, "C.UTF-8");
	printf("locale %s %s\n", name != NULL ? name : "-", nl_langinfo(CODESET));
	wchar_t wide[8];
	printf("wide %zd\n", (ssize_t)mbstowcs(wide, "gr\303\274n", 8));
	convert("ISO-8859-15");
	convert("UTF-16LE");
	convert("EUC-JP");
	convert("no such charset");
	struct passwd *root = getpwnam("root");
	printf("root: %s\n", root != NULL ? root->pw_dir : "none");
	struct passwd *nobody = getpwuid(65534);
	printf("65534: %s\n", nobody != NULL ? nobody->pw_name : "none");
	printf("no such: %d\n", getpwnam("no-such-user") == NULL);
	struct group *group = getgrgid(0);
	printf("group: %s\n", group != NULL ? group->gr_name : "none");
	struct protoent *protocol = getprotobyname("tcp");
	printf("tcp: %d\n", protocol != NULL ? protocol->p_proto : -1);
	resolve("127.0.0.1");
	resolve("localhost");
	return 0;
}
