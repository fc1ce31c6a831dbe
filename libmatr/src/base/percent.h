/* percent.h - %xx for bytes that a line of text cannot have. */
#ifndef MATR_PERCENT_H
#define MATR_PERCENT_H

#include <stdbool.h>

/* Replace each %xx (lower case) in the text by its byte, in place. False if a % is followed by
 * something else, or by 00. */
bool percent_decode(char *text);

#endif
