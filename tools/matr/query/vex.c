/* vex.c - the documents: OpenVEX 0.2.0, and the VEX part of CycloneDX 1.5. */
#include "matr/query/vex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <matr/packages.h>

#include "common/output.h"
#include "common/path.h"
#include "common/text.h"

struct names_of { /* the URLs of a subject's file and of its library's package */
	struct purl *programs, *libraries;
};

struct document {
	const struct vex_request *request;
	const struct vex_subjects *subjects;
	struct names_of names;
	char time[32];
	char uuid[48]; /* "urn:uuid:..." */
};

static const char *const openvex_statuses[] = {"not_affected", "under_investigation", "affected"};
static const char *const cyclonedx_states[] = {"not_affected", "in_triage", "exploitable"};

static void put(struct json_object *object, const char *key, const char *value)
{
	if (value)
		json_object_object_add(object, key, json_object_new_string(value));
}

/* Takes the string. */
static void put_url(struct json_object *object, const char *key, char *url)
{
	put(object, key, url);
	free(url);
}

/* ---- parts of both formats ---- */

static int make_uuid(char out[48], struct matr_error *err)
{
	unsigned char b[16];

	if (getrandom(b, sizeof b, 0) != sizeof b)
		return matr_fail_errno(err, NULL, "no random numbers");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4, RFC 4122 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, 48,
		 "urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
		 b[13], b[14], b[15]);
	return 0;
}

static void make_time(char out[32])
{
	time_t now = time(NULL);
	struct tm utc;

	out[0] = 0;
	if (gmtime_r(&now, &utc))
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static int find_packages(const struct vex_subjects *subjects, bool libraries, struct purl **out,
			 struct matr_error *err)
{
	const char **paths = calloc(subjects->n + 1, sizeof *paths);
	char **packages = NULL;

	if (!paths)
		return matr_fail_memory(err);
	for (size_t i = 0; i < subjects->n; i++)
		paths[i] = libraries ? subjects->list[i].library : subjects->list[i].path;
	int result = matr_packages(NULL, paths, subjects->n, &packages, err);
	if (!result)
		result = purls_make(packages, subjects->n, out, err);
	if (packages)
		matr_packages_free(packages, subjects->n);
	free(paths);
	return result;
}

/* All programs are one product: the worst counts, and is the evidence. */
static size_t worst(const struct vex_subjects *subjects)
{
	size_t index = 0;

	for (size_t i = 1; i < subjects->n; i++)
		if (subjects->list[i].status > subjects->list[index].status)
			index = i;
	return index;
}

/* Of what was not looked at nothing is known; a product that has such programs is in doubt. */
static int doubt_product(struct vex_subjects *subjects, size_t n_declined, struct matr_error *err)
{
	struct vex_subject *subject = &subjects->list[worst(subjects)];
	char *notes;

	if (subject->status != VEX_NOT_AFFECTED || !n_declined)
		return 0;
	if (asprintf(&notes, "%s But %zu programs were declined, and not looked at.",
		     subject->notes, n_declined) < 0)
		return matr_fail_memory(err);
	free(subject->notes);
	subject->notes = notes;
	subject->status = VEX_UNDER_INVESTIGATION;
	return 0;
}

/* ---- OpenVEX ---- */

/* An element of `products`: the program, and the library as its subcomponent. */
static struct json_object *openvex_product(const struct document *document, size_t i)
{
	const struct purl *program = &document->names.programs[i],
			  *library = &document->names.libraries[i];
	struct json_object *product = json_object_new_object(), *list = json_object_new_array(),
			   *part = json_object_new_object();
	char *url = purl_of_file(program, document->subjects->list[i].path);

	if (document->request->product) {
		put(product, "@id", document->request->product);
	} else {
		put(product, "@id", url);
		if (program->url) {
			struct json_object *identifiers = json_object_new_object();
			put(identifiers, "purl", url);
			json_object_object_add(product, "identifiers", identifiers);
		}
	}
	free(url);
	if (library->url)
		put(part, "@id", library->url);
	else
		put_url(part, "@id", purl_of_file(library, document->subjects->list[i].library));
	json_object_array_add(list, part);
	json_object_object_add(product, "subcomponents", list);
	return product;
}

static struct json_object *openvex_statement(const struct document *document, size_t i)
{
	const struct vex_request *request = document->request;
	const struct vex_subject *subject = &document->subjects->list[i];
	struct json_object *statement = json_object_new_object(),
			   *vulnerability = json_object_new_object(),
			   *products = json_object_new_array();
	struct text action = {0};

	put(vulnerability, "name", request->vulnerability);
	json_object_object_add(statement, "vulnerability", vulnerability);
	json_object_array_add(products, openvex_product(document, i));
	json_object_object_add(statement, "products", products);
	put(statement, "status", openvex_statuses[subject->status]);
	if (subject->status == VEX_NOT_AFFECTED)
		put(statement, "justification", "vulnerable_code_not_in_execute_path");
	if (subject->status == VEX_AFFECTED) {
		const char *package = document->names.libraries[i].package;
		text_printf(&action, "Update %s when there is a fix, and restart the program.",
			    package ? package : subject->library);
		put(statement, "action_statement",
		    request->action ? request->action : text_string(&action));
	}
	put(statement, "status_notes", subject->notes);
	text_free(&action);
	return statement;
}

static int show_openvex(const struct document *document, struct matr_error *err)
{
	const struct vex_request *request = document->request;
	struct json_object *top = json_object_new_object(), *statements = json_object_new_array();
	size_t i;

	put(top, "@context", "https://openvex.dev/ns/v0.2.0");
	put(top, "@id", document->uuid);
	put(top, "author", request->author ? request->author : "Unknown Author");
	put(top, "timestamp", document->time);
	json_object_object_add(top, "version", json_object_new_int(1));
	put(top, "tooling", "matr exposed");
	if (request->product) {
		i = worst(document->subjects);
		json_object_array_add(statements, openvex_statement(document, i));
	} else {
		for (i = 0; i < document->subjects->n; i++)
			json_object_array_add(statements, openvex_statement(document, i));
	}
	json_object_object_add(top, "statements", statements);
	return output_json(top, err);
}

/* ---- CycloneDX ---- */

static struct json_object *component(const char *type, const char *name, const char *ref,
				     const struct purl *purl)
{
	struct json_object *object = json_object_new_object();

	put(object, "type", type);
	put(object, "bom-ref", ref);
	put(object, "name", name);
	put(object, "version", purl ? purl->version : NULL);
	put(object, "purl", purl && purl->url ? ref : NULL);
	return object;
}

/* Every reference in a document is to be there once. */
static void add_component(struct json_object *components, struct json_object *refs,
			  struct json_object *made)
{
	const char *ref = json_object_get_string(json_object_object_get(made, "bom-ref"));

	if (json_object_object_get_ex(refs, ref, NULL)) {
		json_object_put(made);
		return;
	}
	json_object_object_add(refs, ref, NULL);
	json_object_array_add(components, made);
}

static struct json_object *cyclonedx_vulnerability(const struct document *document, size_t i,
						   const char *ref)
{
	const struct vex_request *request = document->request;
	const struct vex_subject *subject = &document->subjects->list[i];
	struct json_object *made = json_object_new_object(), *analysis = json_object_new_object(),
			   *affects = json_object_new_array(), *target = json_object_new_object(),
			   *properties = json_object_new_array(),
			   *property = json_object_new_object();

	put(made, "id", request->vulnerability);
	if (subject->status == VEX_AFFECTED)
		put(made, "recommendation", request->action);
	put(analysis, "state", cyclonedx_states[subject->status]);
	if (subject->status == VEX_NOT_AFFECTED)
		put(analysis, "justification", "code_not_reachable");
	put(analysis, "detail", subject->notes);
	json_object_object_add(made, "analysis", analysis);
	put(target, "ref", ref);
	json_object_array_add(affects, target);
	json_object_object_add(made, "affects", affects);
	put(property, "name", "matr:library");
	put(property, "value", subject->library);
	json_object_array_add(properties, property);
	json_object_object_add(made, "properties", properties);
	return made;
}

static void add_cyclonedx(const struct document *document, size_t i, struct json_object *components,
			  struct json_object *refs, struct json_object *vulnerabilities)
{
	const struct vex_subject *subject = &document->subjects->list[i];
	const struct purl *program = &document->names.programs[i],
			  *library = &document->names.libraries[i];
	const char *product = document->request->product;
	char *file = purl_of_file(program, subject->path);
	char *other = library->url ? NULL : purl_of_file(library, subject->library);
	const char *ref = product ? product : file ? file : "";

	add_component(components, refs,
		      product ? component("application", product, ref, NULL)
			      : component("application", path_name(subject->path), ref, program));
	add_component(components, refs,
		      component("library",
				library->package ? library->package : path_name(subject->library),
				library->url ? library->url
				: other	     ? other
					     : "",
				library));
	json_object_array_add(vulnerabilities, cyclonedx_vulnerability(document, i, ref));
	free(file);
	free(other);
}

static int show_cyclonedx(const struct document *document, struct matr_error *err)
{
	struct json_object *top = json_object_new_object(), *metadata = json_object_new_object(),
			   *tools = json_object_new_object(), *list = json_object_new_array(),
			   *components = json_object_new_array(),
			   *vulnerabilities = json_object_new_array(),
			   *refs = json_object_new_object();
	size_t i;

	put(top, "bomFormat", "CycloneDX");
	put(top, "specVersion", "1.5");
	put(top, "serialNumber", document->uuid);
	json_object_object_add(top, "version", json_object_new_int(1));
	put(metadata, "timestamp", document->time);
	json_object_array_add(list, component("application", "matr", "matr", NULL));
	json_object_object_add(tools, "components", list);
	json_object_object_add(metadata, "tools", tools);
	if (document->request->author) {
		struct json_object *authors = json_object_new_array(),
				   *author = json_object_new_object();
		put(author, "name", document->request->author);
		json_object_array_add(authors, author);
		json_object_object_add(metadata, "authors", authors);
	}
	json_object_object_add(top, "metadata", metadata);
	if (document->request->product) {
		i = worst(document->subjects);
		add_cyclonedx(document, i, components, refs, vulnerabilities);
	} else {
		for (i = 0; i < document->subjects->n; i++)
			add_cyclonedx(document, i, components, refs, vulnerabilities);
	}
	json_object_object_add(top, "components", components);
	json_object_object_add(top, "vulnerabilities", vulnerabilities);
	json_object_put(refs);
	return output_json(top, err);
}

/* ---- the answer ---- */

/* On standard error, so that the document stays well-formed. */
static void say(const struct vex_request *request, const struct vex_subjects *subjects,
		size_t n_declined)
{
	size_t counts[3] = {0};

	for (size_t i = 0; i < subjects->n; i++)
		counts[subjects->list[i].status]++;
	safe_fprintf(stderr,
		     "%s: %zu programs have %s: %zu affected, %zu not affected, %zu under "
		     "investigation; %zu declined ones are not looked at\n",
		     request->vulnerability, subjects->n, request->library, counts[VEX_AFFECTED],
		     counts[VEX_NOT_AFFECTED], counts[VEX_UNDER_INVESTIGATION], n_declined);
}

static int count_declined(struct matr_store *store, int64_t epoch, size_t *n,
			  struct matr_error *err)
{
	struct matr_store_declined *declined;

	if (matr_store_declined(store, epoch, &declined, n, err) != 0)
		return -1;
	matr_store_declined_free(declined, *n);
	return 0;
}

int vex_show(struct matr_store *store, int64_t epoch, const struct vex_request *request,
	     struct matr_error *err)
{
	struct vex_subjects subjects;
	struct document document = {.request = request, .subjects = &subjects};
	size_t n_declined = 0;

	int result = vex_judge(store, epoch, request, &subjects, err);
	if (!result && !subjects.n)
		result =
			matr_fail(err, MATR_ERROR_NOT_FOUND, request->library, "no program has it");
	if (!result)
		result = find_packages(&subjects, false, &document.names.programs, err);
	if (!result)
		result = find_packages(&subjects, true, &document.names.libraries, err);
	if (!result)
		result = make_uuid(document.uuid, err);
	make_time(document.time);
	if (!result)
		result = count_declined(store, epoch, &n_declined, err);
	if (!result)
		say(request, &subjects, n_declined);
	if (!result && request->product)
		result = doubt_product(&subjects, n_declined, err);
	if (!result)
		result = request->format == VEX_OPENVEX ? show_openvex(&document, err)
							: show_cyclonedx(&document, err);
	purls_free(document.names.programs, subjects.n);
	purls_free(document.names.libraries, subjects.n);
	vex_subjects_free(&subjects);
	return result;
}
