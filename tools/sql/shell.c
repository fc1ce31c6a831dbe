/* shell.c - the interactive shell: line editing and history by libedit, completion by complete.c.
 *
 * The history is in $XDG_STATE_HOME/matr/sql_history (else ~/.local/state), for its owner only.
 * Nothing is written to another user's home, which HOME may be under sudo(8).
 */
#include "common/safe.h"
#include "common/terminal.h"
#include "sql/complete.h"
#include "sql/session.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY_SIZE = 2000 };

struct shell {
	struct session *session;
	EditLine *editor;
	History *history;
	char *history_file;  /* NULL: none is kept */
	struct text pending; /* lines of a statement that is not complete */
	int input;	     /* the terminal */
};

/* The shell, for the signal handlers; libedit's callbacks get it as an argument. */
static sqlite3 *volatile running;
static volatile sig_atomic_t interrupted, resized;

static void on_interrupt(int signal)
{
	sqlite3 *db = running;

	(void)signal;
	interrupted = 1;
	if (db)
		sqlite3_interrupt(db);
}

static void on_resize(int signal)
{
	(void)signal;
	resized = 1;
}

/* ---- keys ---- */

/* Read a character for libedit. Signals are blocked except during the wait, so that none arrives
 * between the check of its effect and the wait. -1 with EINTR: SIGINT. */
static int get_character(EditLine *editor, wchar_t *character)
{
	struct shell *shell;
	sigset_t mask;
	char bytes[8];
	size_t n = 0;

	if (el_get(editor, EL_CLIENTDATA, &shell) != 0)
		return -1;
	struct pollfd input = {.fd = shell->input, .events = POLLIN};

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	sigdelset(&mask, SIGINT);
	sigdelset(&mask, SIGWINCH);
	while (n < sizeof bytes) {
		unsigned value;
		if (ppoll(&input, 1, NULL, &mask) < 0 && errno != EINTR)
			return -1;
		if (resized) {
			resized = 0;
			el_resize(editor);
		}
		if (interrupted) {
			errno = EINTR;
			return -1;
		}
		if (!input.revents)
			continue;
		ssize_t got = read(shell->input, bytes + n, 1);
		if (got < 0 && errno == EAGAIN)
			continue;
		if (got <= 0)
			return (int)got;
		if (text_decode(bytes, ++n, &value)) {
			*character = (wchar_t)value;
			return 1;
		}
		/* Drop a byte that begins no character. */
		if ((bytes[0] & 0xc0) != 0xc0 || n == 4)
			n = 0;
	}
	return 0;
}

/* Ctrl-C at the prompt: drop the line. A key, as ppoll(2) delivers no signal while there is
 * something to read: what was typed after Ctrl-C would be taken first, and dropped. */
static unsigned char on_interrupt_key(EditLine *editor, int key)
{
	(void)editor;
	(void)key;
	interrupted = 1;
	return CC_EOF;
}

/* A line; NULL: the end, or Ctrl-C. */
static const char *get_line(EditLine *editor)
{
	sigset_t blocked, before;
	int length;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGWINCH);
	interrupted = 0;
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	/* Before the prompt, not after it as libedit does: a Ctrl-D that comes in between would
	 * be lost. */
	el_set(editor, EL_PREP_TERM, 1);
	const char *line = el_gets(editor, &length);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return line && length > 0 ? line : NULL;
}

/* ---- history ---- */

static bool is_ours(const char *directory)
{
	struct stat status;
	return stat(directory, &status) == 0 && S_ISDIR(status.st_mode) &&
	       status.st_uid == geteuid();
}

/* Make a directory and those above it, as far as they are missing; for the user only. */
static bool make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		bool failed = mkdir(path, 0700) != 0 && errno != EEXIST;
		*slash = '/';
		if (failed)
			return false;
	}
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static char *history_path(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *directory, *path = NULL;
	int length;

	if (state && *state == '/')
		length = asprintf(&directory, "%s/matr", state);
	else if (home && *home == '/' && is_ours(home))
		length = asprintf(&directory, "%s/.local/state/matr", home);
	else
		return NULL;
	if (length < 0)
		return NULL;
	if (make_directories(directory) && is_ours(directory) &&
	    asprintf(&path, "%s/sql_history", directory) < 0)
		path = NULL;
	free(directory);
	return path;
}

/* A statement of several lines is one entry, unless a comment in it needs its line to end. */
static void remember(struct shell *shell, const char *statement)
{
	HistEvent event;
	char *entry = strdup(statement);

	if (!entry)
		return;
	size_t length = strlen(entry);
	while (length > 0 && strchr(" \t\n", entry[length - 1]))
		entry[--length] = 0;
	if (!strstr(entry, "--"))
		for (char *at = entry; *at; at++)
			if (*at == '\n')
				*at = ' ';
	if (*entry)
		history(shell->history, &event, H_ENTER, entry);
	free(entry);
}

/* ---- completion ---- */

static void list_candidates(const struct candidates *candidates)
{
	enum { MOST = 200 };
	size_t width = terminal_width();
	size_t widest = 0;

	for (size_t i = 0; i < candidates->n; i++)
		if (strlen(candidates->list[i]) > widest)
			widest = strlen(candidates->list[i]);
	size_t columns = width / (widest + 2) ? width / (widest + 2) : 1;
	size_t shown = candidates->n < MOST ? candidates->n : MOST;
	size_t rows = (shown + columns - 1) / columns;
	putchar('\n');
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = row; i < shown; i += rows) {
			struct text safe = {0};
			size_t used = text_add_safe(&safe, candidates->list[i],
						    strlen(candidates->list[i]));
			printf("%s%*s", text_string(&safe),
			       i + rows < shown ? (int)(widest + 2 - used) : 0, "");
			text_free(&safe);
		}
		putchar('\n');
	}
	if (shown < candidates->n)
		printf("... and %zu more\n", candidates->n - shown);
	fflush(stdout);
}

static unsigned char on_tab(EditLine *editor, int key)
{
	struct shell *shell;
	struct candidates candidates;
	size_t start;
	unsigned char result = CC_ERROR;

	(void)key;
	if (el_get(editor, EL_CLIENTDATA, &shell) != 0)
		return CC_ERROR;
	const LineInfo *info = el_line(editor);
	char *line = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	if (!line)
		return CC_ERROR;
	complete(shell->session, text_string(&shell->pending), line, &start, &candidates);
	size_t typed = strlen(line) - start, common = candidates_common(&candidates);
	if (candidates.n > 0 && (common > typed || candidates.n == 1)) {
		const char *name = candidates.list[0];
		size_t length = strlen(name);
		char *insert = NULL;
		bool whole = candidates.n == 1 && length > 0 && name[length - 1] != '/';
		if (asprintf(&insert, "%.*s%s", (int)common, name, whole ? " " : "") >= 0) {
			el_deletestr(editor, (int)typed);
			result = el_insertstr(editor, insert) == 0 ? CC_REFRESH : CC_ERROR;
			free(insert);
		}
	} else if (candidates.n > 1) {
		list_candidates(&candidates);
		result = CC_REDISPLAY;
	}
	candidates_free(&candidates);
	free(line);
	return result;
}

/* ---- the loop ---- */

static char *prompt(EditLine *editor)
{
	struct shell *shell;
	static char first[] = "matr> ", more[] = " ...> ";

	return el_get(editor, EL_CLIENTDATA, &shell) == 0 && shell->pending.size ? more : first;
}

static int open_shell(struct shell *shell)
{
	HistEvent event;

	/* A description of its own: others that have standard input too would not like it to be
	 * non-blocking. */
	shell->input = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (shell->input < 0)
		shell->input = dup(STDIN_FILENO);
	shell->history = history_init();
	shell->editor = el_init("matr", stdin, stdout, stderr);
	if (!shell->history || !shell->editor)
		return -1;
	el_set(shell->editor, EL_CLIENTDATA, shell);
	el_set(shell->editor, EL_PROMPT, prompt);
	el_set(shell->editor, EL_EDITOR, "emacs");
	el_set(shell->editor, EL_GETCFN, get_character);
	history(shell->history, &event, H_SETSIZE, HISTORY_SIZE);
	history(shell->history, &event, H_SETUNIQUE, 1);
	el_set(shell->editor, EL_HIST, history, shell->history);
	el_wset(shell->editor, EL_ADDFN, L"matr-complete", L"complete a name", on_tab);
	el_set(shell->editor, EL_BIND, "^I", "matr-complete", NULL);
	el_set(shell->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_wset(shell->editor, EL_ADDFN, L"matr-interrupt", L"drop the line", on_interrupt_key);
	el_set(shell->editor, EL_BIND, "^C", "matr-interrupt", NULL);
	/* In libedit's mode only: while a query runs, Ctrl-C is a signal. */
	el_set(shell->editor, EL_SETTY, "-d", "intr=", NULL);
	el_source(shell->editor, NULL);
	shell->history_file = history_path();
	if (shell->history_file)
		history(shell->history, &event, H_LOAD, shell->history_file);
	return 0;
}

static void close_shell(struct shell *shell)
{
	HistEvent event;

	if (shell->history && shell->history_file) {
		mode_t mask = umask(077);
		history(shell->history, &event, H_SAVE, shell->history_file);
		umask(mask);
	}
	if (shell->editor)
		el_end(shell->editor);
	if (shell->history)
		history_end(shell->history);
	free(shell->history_file);
	text_free(&shell->pending);
	close(shell->input);
}

/* Errors have been shown; the shell goes on. */
static void run_pending(struct shell *shell, const char *line)
{
	struct session *session = shell->session;

	interrupted = 0;
	running = session->db;
	if (*line == '.' && shell->pending.size == 0) {
		remember(shell, line);
		session->command(session, line, NULL, 1);
	} else {
		text_add_string(&shell->pending, line);
		if (session_is_blank(text_string(&shell->pending))) {
			text_clear(&shell->pending);
		} else if (sqlite3_complete(text_string(&shell->pending))) {
			remember(shell, text_string(&shell->pending));
			session_run(session, text_string(&shell->pending), NULL, 1);
			text_clear(&shell->pending);
		}
	}
	running = NULL;
	fflush(stdout);
}

void session_shell(struct session *session)
{
	struct shell shell = {.session = session};
	struct sigaction interrupt = {.sa_handler = on_interrupt}, before;
	struct sigaction resize = {.sa_handler = on_resize};

	if (open_shell(&shell) != 0) {
		session_complain(NULL, 0, "the terminal cannot be used for line editing");
		close_shell(&shell);
		return;
	}
	sigemptyset(&interrupt.sa_mask);
	sigemptyset(&resize.sa_mask);
	sigaction(SIGINT, &interrupt, &before);
	sigaction(SIGWINCH, &resize, NULL);
	while (!session->quit) {
		const char *line = get_line(shell.editor);
		if (line) {
			run_pending(&shell, line);
		} else if (interrupted) { /* what was typed is dropped */
			text_clear(&shell.pending);
			puts("^C");
		} else { /* the end, in the middle of a statement too */
			putchar('\n');
			break;
		}
	}
	sigaction(SIGINT, &before, NULL);
	close_shell(&shell);
}
