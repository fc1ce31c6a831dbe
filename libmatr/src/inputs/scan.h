/* scan.h - what of scan.c snapshot.c needs. */
#ifndef MATR_SCAN_PRIVATE_H
#define MATR_SCAN_PRIVATE_H

#include <stdbool.h>

#include <matr/scan.h>

/* Make the list of programs from the files. */
int scan_list_programs(struct matr_scan *scan, struct matr_error *err);

/* Test whether a scan with this configuration would start from the same directories and included
 * files. */
bool scan_starts_alike(const struct matr_config *config, const struct matr_scan *scan);

#endif
