/* blake2b.h - the content hash of the store: BLAKE2b (RFC 7693) without a key.
 *
 * Blobs are found again by the hash of their contents, and a wrong match would give an application
 * another one's bindings. Libraries may come from untrusted sources, so the hash has to resist
 * collision attacks, and it has to be fast; BLAKE2b is both, and short enough not to be worth a
 * dependency.
 */
#ifndef MATR_BASE_BLAKE2B_H
#define MATR_BASE_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

#define MATR_HASH_SIZE 20 /* bytes: 160 bits, 80 against collisions */

void blake2b(const void *data, size_t size, uint8_t hash[MATR_HASH_SIZE]);

#endif
