/* bench.c - matr bench: what a program gains here, in a sentence and a table. */
#include "matr/bench/bench.h"
#include "common/options.h"
#include "common/output.h"
#include "common/path.h"
#include "common/terminal.h"
#include "matr/bench/commands.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
	"usage: matr bench [OPTION]... PROGRAM [ARG]...\n"
	"\n"
	"Measure what a program gains here: as ld.so starts it and as MatR does, in turns. It is "
	"run\n"
	"for that, again and again, with /dev/null as input and output; so choose arguments with\n"
	"which it changes nothing and ends soon, such as --version. Where no epoch is in force "
	"that\n"
	"has the program, one is begun for it alone and removed again. Root is not needed.\n"
	"\n"
	"  loader           from exec until everything is relocated, before constructors\n"
	"  whole run        from before the exec to the end\n"
	"  times less       median of the ratios within a round\n"
	"  between          the confidence interval of that median (95 of 100)\n"
	"  private memory   private dirty memory at the exit\n";

static const char help_after[] =
	"Exit status: 0 measured; 1 failure, or there is nothing to compare; 2 usage.\n"
	"\n"
	"  matr bench git --version\n"
	"  matr bench --rounds 50 --format json clang --version\n"
	"  matr bench --start-only /usr/sbin/sshd\n";

/* ---- the sentence ---- */

/* "1.9 times less time (between 1.8 and 2.0)" */
static void put_gain(const char *what, const struct estimate *ratio, size_t rounds)
{
	bool more = ratio->median < 1;
	double times = more ? 1 / ratio->median : ratio->median;

	if (ratio->has_interval && ratio->low <= 1 && ratio->high >= 1) {
		printf("%s about the same: %zu rounds tell no difference (%.2f times less time, "
		       "between %.2f and %.2f)",
		       what, rounds, ratio->median, ratio->low, ratio->high);
		return;
	}
	printf("%s %.*f times %s time", what, times < 1.1 ? 2 : 1, times, more ? "MORE" : "less");
	if (ratio->has_interval)
		printf(" (between %.*f and %.*f)", times < 1.1 ? 2 : 1,
		       more ? 1 / ratio->high : ratio->low, times < 1.1 ? 2 : 1,
		       more ? 1 / ratio->low : ratio->high);
}

static const char *text_of_time(double seconds, char buffer[32])
{
	if (seconds < 1)
		snprintf(buffer, 32, "%.*f ms", seconds < 0.1 ? 2 : 0, seconds * 1e3);
	else
		snprintf(buffer, 32, "%.2f s", seconds);
	return buffer;
}

static void put_sentence(const struct bench_result *result)
{
	safe_printf("%s: ", path_name(result->program));
	put_gain("with MatR the dynamic linker takes", &result->loader.ratio, result->rounds);
	if (result->has_whole)
		put_gain(", a whole run", &result->whole.ratio, result->rounds);
	puts(".");
}

/* ---- the table ---- */

static void put_times(struct output *output, const char *name, const struct bench_times *times)
{
	char text[32];

	output_text(output, name);
	for (int linker = 0; linker < BENCH_LINKERS; linker++)
		output_text(output, text_of_time(times->seconds[linker], text));
	snprintf(text, sizeof text, "%.2f", times->ratio.median);
	output_text(output, text);
	text[0] = '\0';
	if (times->ratio.has_interval)
		snprintf(text, sizeof text, "%.2f to %.2f", times->ratio.low, times->ratio.high);
	output_text(output, text);
}

static void put_ratio(struct output *output, const long counts[BENCH_LINKERS])
{
	char text[32] = "";

	if (counts[BENCH_LD_SO] > 0 && counts[BENCH_MATR] > 0)
		snprintf(text, sizeof text, "%.2f",
			 (double)counts[BENCH_LD_SO] / (double)counts[BENCH_MATR]);
	output_text(output, text);
	output_text(output, "");
}

static int show_table(const struct bench_result *result, struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"", COLUMN_LEFT},	   {"ld.so", COLUMN_RIGHT},
		{"MatR", COLUMN_RIGHT},	   {"times less", COLUMN_RIGHT},
		{"between", COLUMN_RIGHT},
	};
	struct output output;
	char text[32];

	put_sentence(result);
	putchar('\n');
	output_open(&output, FORMAT_TABLE, columns, sizeof columns / sizeof *columns);
	put_times(&output, "loader", &result->loader);
	if (result->has_whole)
		put_times(&output, "whole run", &result->whole);
	output_text(&output, "page faults");
	for (int linker = 0; linker < BENCH_LINKERS; linker++)
		output_text(&output,
			    result->faults[linker] < 0
				    ? "?"
				    : output_grouped((uint64_t)result->faults[linker], text));
	put_ratio(&output, result->faults);
	output_text(&output, result->has_whole ? "private memory" : "private memory at entry");
	for (int linker = 0; linker < BENCH_LINKERS; linker++)
		output_text(
			&output,
			result->private_kb[linker] < 0
				? "?"
				: output_bytes((uint64_t)result->private_kb[linker] * 1024, text));
	put_ratio(&output, result->private_kb);
	if (output_close(&output, err) != 0)
		return -1;
	printf("\n%zu rounds in turns; ", result->rounds);
	if (result->temporary)
		puts("with an epoch of its own, removed again.");
	else
		printf("with epoch %lld, which is in force.\n", (long long)result->epoch);
	if (!result->loader.ratio.has_interval)
		printf("Fewer than %d rounds allow no confidence interval.\n", ESTIMATE_LEAST);
	if (result->has_whole && result->status != 0)
		printf("The program ends with %s %d each time.\n",
		       WIFEXITED(result->status) ? "exit status" : "signal",
		       WIFEXITED(result->status) ? WEXITSTATUS(result->status)
						 : WTERMSIG(result->status));
	return output_flush(err);
}

/* ---- rows and json ---- */

struct measure { /* what is compared */
	const char *name, *unit;
	double values[BENCH_LINKERS]; /* negative: not known */
	const struct estimate *ratio; /* NULL: both were measured once */
};

enum { MEASURES = 4 };

static size_t list_measures(const struct bench_result *result, struct measure out[MEASURES])
{
	const struct bench_times *loader = &result->loader, *whole = &result->whole;
	size_t n = 0;

	out[n++] = (struct measure){
		"loader", "s", {loader->seconds[0], loader->seconds[1]}, &loader->ratio};
	if (result->has_whole)
		out[n++] = (struct measure){
			"whole", "s", {whole->seconds[0], whole->seconds[1]}, &whole->ratio};
	out[n++] = (struct measure){
		"page_faults", "", {(double)result->faults[0], (double)result->faults[1]}, NULL};
	out[n++] = (struct measure){
		"private_memory",
		"bytes",
		{(double)result->private_kb[0] * 1024, (double)result->private_kb[1] * 1024},
		NULL};
	return n;
}

/* false: not known. */
static bool ratio_of(const struct measure *measure, double *ratio)
{
	const double *values = measure->values;

	if (measure->ratio) {
		*ratio = measure->ratio->median;
		return true;
	}
	if (values[BENCH_LD_SO] < 0 || values[BENCH_MATR] <= 0)
		return false;
	*ratio = values[BENCH_LD_SO] / values[BENCH_MATR];
	return true;
}

static void put_number(struct output *output, bool known, double number)
{
	if (known)
		output_real(output, number);
	else
		output_text(output, NULL);
}

static int show_rows(const struct bench_result *result, enum output_format format,
		     struct matr_error *err)
{
	static const struct render_column columns[] = {
		{"program", COLUMN_LEFT}, {"measure", COLUMN_LEFT}, {"unit", COLUMN_LEFT},
		{"ld_so", COLUMN_RIGHT},  {"matr", COLUMN_RIGHT},   {"ratio", COLUMN_RIGHT},
		{"low", COLUMN_RIGHT},	  {"high", COLUMN_RIGHT},   {"rounds", COLUMN_RIGHT},
	};
	struct measure measures[MEASURES];
	struct output output;

	size_t n = list_measures(result, measures);
	output_open(&output, format, columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; i < n; i++) {
		const struct measure *measure = &measures[i];
		const struct estimate none = {.has_interval = false};
		const struct estimate *interval = measure->ratio ? measure->ratio : &none;
		double ratio = 0;
		output_text(&output, result->program);
		output_text(&output, measure->name);
		output_text(&output, measure->unit);
		put_number(&output, measure->values[BENCH_LD_SO] >= 0,
			   measure->values[BENCH_LD_SO]);
		put_number(&output, measure->values[BENCH_MATR] >= 0, measure->values[BENCH_MATR]);
		bool known = ratio_of(measure, &ratio);
		put_number(&output, known, ratio);
		put_number(&output, interval->has_interval, interval->low);
		put_number(&output, interval->has_interval, interval->high);
		output_number(&output, (int64_t)result->rounds);
	}
	return output_close(&output, err);
}

static struct json_object *number_or_null(bool known, double number)
{
	char text[40];

	snprintf(text, sizeof text, "%.9g", number);
	return known ? json_object_new_double_s(number, text) : NULL;
}

struct json_object *bench_to_json(const struct bench_result *result)
{
	struct json_object *top = json_object_new_object();
	struct measure measures[MEASURES];

	size_t n = list_measures(result, measures);
	json_object_object_add(top, "program", json_object_new_string(result->program));
	json_object_object_add(top, "epoch",
			       result->temporary ? NULL : json_object_new_int64(result->epoch));
	json_object_object_add(top, "rounds", json_object_new_uint64(result->rounds));
	json_object_object_add(top, "confidence", json_object_new_double_s(0.95, "0.95"));
	for (size_t i = 0; i < n; i++) {
		const struct measure *measure = &measures[i];
		struct json_object *object = json_object_new_object();
		double ratio = 0;
		if (measure->unit[0])
			json_object_object_add(object, "unit",
					       json_object_new_string(measure->unit));
		json_object_object_add(object, "ld_so",
				       number_or_null(measure->values[BENCH_LD_SO] >= 0,
						      measure->values[BENCH_LD_SO]));
		json_object_object_add(object, "matr",
				       number_or_null(measure->values[BENCH_MATR] >= 0,
						      measure->values[BENCH_MATR]));
		bool known = ratio_of(measure, &ratio);
		json_object_object_add(object, "ratio", number_or_null(known, ratio));
		if (measure->ratio) {
			bool has = measure->ratio->has_interval;
			json_object_object_add(object, "low",
					       number_or_null(has, measure->ratio->low));
			json_object_object_add(object, "high",
					       number_or_null(has, measure->ratio->high));
		}
		json_object_object_add(top, measure->name, object);
	}
	if (result->has_whole)
		json_object_object_add(top, "exit_status",
				       WIFEXITED(result->status)
					       ? json_object_new_int(WEXITSTATUS(result->status))
					       : NULL);
	json_object_object_add(top, "ld_stable", json_object_new_string(result->said));
	return top;
}

/* ---- the command ---- */

static int take_rounds(void *context, const char *argument)
{
	unsigned *rounds = context;
	char *end;
	unsigned long number = strtoul(argument, &end, 10);

	if (*argument < '0' || *argument > '9' || *end || number < 1 || number > BENCH_ROUNDS_MAX)
		return usage_error_because("bench", "rounds: 1 to 1000", argument);
	*rounds = (unsigned)number;
	return -1;
}

static int show(const struct bench_result *result, enum output_format format,
		struct matr_error *err)
{
	return format == FORMAT_JSON	? output_json(bench_to_json(result), err)
	       : format_is_rows(format) ? show_rows(result, format, err)
					: show_table(result, err);
}

int command_bench(const struct context *context, int argc, char **argv)
{
	struct bench_options request = {.prefix = context->prefix,
					.progress = terminal_shows_progress()};
	enum output_format format = FORMAT_TABLE;
	struct bench_result result;
	struct matr_error err = {0};
	int status;
	const struct option_row rows[] = {
		{"rounds", .take = take_rounds, .context = &request.rounds, .argument = "N",
		 .help = "so many rounds, 1 to 1000 (else as many as fit into ten seconds, 6 to "
			 "100); a confidence interval takes 6"},
		{"start-only", .flag = &request.start_only,
		 .help = "start it only, up to main(): for programs that do not end by themselves"},
		{"format", .format = &format},
		{"prefix", .text = &request.prefix, .argument = "DIR",
		 .help = "whose epoch is measured", .completes = COMPLETES_DIRECTORY},
		{0},
	};
	const struct options options = {.command = "bench",
					.help = help,
					.after = help_after,
					.arguments = {COMPLETES_COMMAND},
					.rows = rows,
					.stop_early = true};

	int at = options_parse(&options, argc, argv, &status);
	if (at < 0)
		return status;
	if (at == argc)
		return usage_error_because("bench", "which program?", NULL);
	int ended = bench_run(&request, argv + at, &result, &err);
	if (ended > 0) {
		/* Raise the signal again after the clean-up, so that the parent sees it. */
		raise(ended);
		return STATUS_FAILURE;
	}
	if (ended == 0)
		ended = show(&result, format, &err);
	if (ended != 0)
		print_error(&err);
	return ended == 0 ? STATUS_OK : STATUS_FAILURE;
}
