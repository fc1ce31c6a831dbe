/* api.h - marks what libmatr and libmatr-sql export.
 *
 * Both are compiled with -fvisibility=hidden: without this mark a function is not visible outside
 * its library.
 */
#ifndef MATR_API_H
#define MATR_API_H

#define MATR_API __attribute__((visibility("default")))

#endif
