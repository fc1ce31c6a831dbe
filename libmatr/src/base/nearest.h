/* nearest.h - how far names are apart. */
#ifndef MATR_BASE_NEAREST_H
#define MATR_BASE_NEAREST_H

/* The number of characters to leave out, add, replace, or swap with their neighbour to get from one
 * name to the other, upper and lower case being the same; `most` + 1 if there are more than
 * `most`. */
unsigned nearest_distance(const char *a, const char *b, unsigned most);

#endif
