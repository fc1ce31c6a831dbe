/* bindings.c - the bindings of one object in one application as a blob, and back.
 *
 * An object has many relocations but far fewer symbols, and all references to one symbol nearly
 * always bind alike (COPY and PLT references to the same symbol need not). So a binding is written
 * only where it is not the one the same symbol had last:
 *
 *	exceptions: count, then per exception the distance to it among repeated references
 *	columns:    provider code, symbol index for first references and exceptions
 *
 * Provider codes: 0 none, 1 weak and null, 2 undefined, 3 the object itself, 4... the list. Symbol
 * indices are written as difference from the relocation's own symbol where the object binds to
 * itself (nearly always 0), else as they are.
 */
#include "codec/bindings.h"

#include <stdlib.h>

enum { CODE_NONE, CODE_WEAK_NULL, CODE_UNDEFINED, CODE_SELF, CODE_LISTED };

/* Binding of the last reference to each symbol; `seen`: there was one. */
struct prediction {
	bool seen;
	struct matr_binding binding;
};

static bool same(struct matr_binding a, struct matr_binding b)
{
	return a.provider == b.provider && a.symbol == b.symbol;
}

/* Codes of providers as they are given out while encoding: codes[scope index], 0 for none yet. */
static uint64_t provider_code(uint32_t provider, size_t requester, uint32_t *codes,
			      uint32_t *providers, size_t *n_providers)
{
	switch (provider) {
	case MATR_PROVIDER_NONE:
		return CODE_NONE;
	case MATR_PROVIDER_WEAK_NULL:
		return CODE_WEAK_NULL;
	case MATR_PROVIDER_UNDEFINED:
		return CODE_UNDEFINED;
	default:
		break;
	}
	if (provider == requester)
		return CODE_SELF;
	if (!codes[provider]) {
		codes[provider] = (uint32_t)(CODE_LISTED + *n_providers);
		providers[(*n_providers)++] = provider;
	}
	return codes[provider];
}

void codec_encode_bindings(const struct matr_mapping *mapping, size_t requester,
			   struct varint_buffer *out, uint32_t *providers, size_t *n_providers)
{
	const struct matr_object *object = mapping->scope[requester].object;
	const struct matr_binding *bindings = mapping->objects[requester].bindings;
	struct prediction *predictions = calloc(object->n_symbols + 1, sizeof *predictions);
	uint32_t *codes = calloc(mapping->n_scope, sizeof *codes);
	struct varint_buffer exceptions = {0}, symbols = {0}, column = {0};
	size_t n_exceptions = 0, distance = 0;

	*n_providers = 0;
	if (!predictions || !codes) {
		out->failed = true;
		goto done;
	}
	for (size_t i = 0; i < object->n_relocations; i++) {
		const struct matr_relocation *relocation = &object->relocations[i];
		struct prediction *last = &predictions[relocation->symbol];
		if (last->seen && same(last->binding, bindings[i])) {
			distance++;
			continue;
		}
		if (last->seen) {
			varint_put(&exceptions, distance);
			distance = 0;
			n_exceptions++;
		}
		*last = (struct prediction){.seen = true, .binding = bindings[i]};
		uint64_t code = provider_code(bindings[i].provider, requester, codes, providers,
					      n_providers);
		varint_put(&column, code);
		if (code == CODE_SELF)
			varint_put_signed(&symbols, (int64_t)bindings[i].symbol -
							    (int64_t)relocation->symbol);
		else if (code >= CODE_LISTED)
			varint_put(&symbols, bindings[i].symbol);
	}
	varint_put(out, n_exceptions);
	varint_put_bytes(out, exceptions.data, exceptions.size);
	varint_put(out, column.size);
	varint_put_bytes(out, column.data, column.size);
	varint_put_bytes(out, symbols.data, symbols.size);
	out->failed |= exceptions.failed | symbols.failed | column.failed;
done:
	varint_buffer_free(&exceptions);
	varint_buffer_free(&column);
	varint_buffer_free(&symbols);
	free(predictions);
	free(codes);
}

/* One binding, written out. */
static struct matr_binding get_binding(struct varint_cursor *codes, struct varint_cursor *symbols,
				       const struct matr_mapping *mapping, size_t requester,
				       uint32_t symbol, const uint32_t *providers,
				       size_t n_providers)
{
	struct matr_binding binding = {.provider = MATR_PROVIDER_NONE};
	uint64_t code = varint_get(codes);
	uint64_t index;

	switch (code) {
	case CODE_NONE:
		return binding;
	case CODE_WEAK_NULL:
		binding.provider = MATR_PROVIDER_WEAK_NULL;
		return binding;
	case CODE_UNDEFINED:
		binding.provider = MATR_PROVIDER_UNDEFINED;
		return binding;
	case CODE_SELF:
		binding.provider = (uint32_t)requester;
		index = symbol + (uint64_t)varint_get_signed(symbols);
		break;
	default:
		if (code - CODE_LISTED >= n_providers) {
			codes->damaged = true;
			return binding;
		}
		binding.provider = providers[code - CODE_LISTED];
		index = varint_get(symbols);
		break;
	}
	if (index >= mapping->scope[binding.provider].object->n_symbols)
		symbols->damaged = true;
	binding.symbol = (uint32_t)index;
	return binding;
}

int codec_decode_bindings(struct matr_mapping *mapping, size_t requester, struct varint_cursor *in,
			  const uint32_t *providers, size_t n_providers)
{
	const struct matr_object *object = mapping->scope[requester].object;
	struct matr_binding *bindings = mapping->objects[requester].bindings;
	/* Per symbol, the number, from 1, of the relocation whose binding was written last. It is
	 * small, since most objects have more symbols than relocations: clearing it takes long. */
	uint32_t *lasts = calloc(object->n_symbols + 1, sizeof *lasts);

	if (!lasts)
		return -1;
	/* The three columns are read side by side, a cursor each. */
	size_t n_exceptions = varint_get_count(in);
	struct varint_cursor exceptions = *in;
	for (size_t i = 0; i < n_exceptions; i++)
		varint_get(in);
	size_t size = varint_get_count(in);
	struct varint_cursor codes = {.at = in->at, .end = in->at + size};
	struct varint_cursor symbols = {.at = in->at + size, .end = in->end};
	uint64_t distance = n_exceptions ? varint_get(&exceptions) : UINT64_MAX;

	for (size_t i = 0; i < object->n_relocations; i++) {
		uint32_t symbol = object->relocations[i].symbol;
		uint32_t last = lasts[symbol];
		if (last && distance > 0) {
			distance--;
			bindings[i] = bindings[last - 1];
			continue;
		}
		if (last)
			distance = --n_exceptions ? varint_get(&exceptions) : UINT64_MAX;
		bindings[i] = get_binding(&codes, &symbols, mapping, requester, symbol, providers,
					  n_providers);
		lasts[symbol] = (uint32_t)i + 1;
	}
	in->damaged |= exceptions.damaged | codes.damaged | symbols.damaged;
	free(lasts);
	return in->damaged ? -1 : 0;
}

bool codec_find_provider(const uint8_t *contents, size_t size, size_t n_symbols, size_t place,
			 uint32_t *provider)
{
	struct varint_cursor in = {.at = contents, .end = contents + size};
	bool alike = varint_get(&in) == 0; /* no exceptions: a code per symbol */
	size_t n = varint_get_count(&in);

	if (!alike || in.damaged || n != n_symbols || place >= n)
		return false; /* n is larger where codes have several bytes */
	uint8_t code = in.at[place];
	*provider = code >= CODE_LISTED ? (uint32_t)code - CODE_LISTED : UINT32_MAX;
	return true;
}
