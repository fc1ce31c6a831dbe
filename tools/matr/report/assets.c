/* assets.c - report.css, report.js and report.html, as the build has turned them into bytes. */
#include "matr/report/report.h"

const unsigned char report_style[] = {
#include "report.css.inc"
};

const unsigned char report_script[] = {
#include "report.js.inc"
};

const unsigned char report_body[] = {
#include "report.html.inc"
};
