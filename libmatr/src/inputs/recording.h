/* recording.h - lines that an ld-stable has noted. */
#ifndef MATR_INPUTS_RECORDING_H
#define MATR_INPUTS_RECORDING_H

#include <stddef.h>

#include <matr/recording.h>

/* Add the loads that the text has, which is written to. What is not a whole line is passed over. */
int recordings_parse_noted(char *text, size_t size, struct matr_recordings *out,
			   struct matr_error *err);

#endif
