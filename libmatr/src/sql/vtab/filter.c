/* filter.c - what a query asks of a table's columns, as row sources see it. */
#include "sql/vtab/row_source.h"

#include <string.h>

const char *filter_text(const struct filter *filter, int column)
{
	for (int i = 0; i < filter->n; i++)
		if (filter->constraints[i].column == column &&
		    filter->constraints[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
		    sqlite3_value_type(filter->constraints[i].value) == SQLITE_TEXT)
			return (const char *)sqlite3_value_text(filter->constraints[i].value);
	return NULL;
}

bool filter_excludes(const struct filter *filter, int column, const char *text)
{
	const char *wanted = filter_text(filter, column);
	return wanted && strcmp(wanted, text) != 0;
}

static void narrow(struct range *range, unsigned char op, int64_t value)
{
	bool empty = false;

	switch (op) {
	case SQLITE_INDEX_CONSTRAINT_EQ:
		if (value > range->low)
			range->low = value;
		if (value < range->high)
			range->high = value;
		break;
	case SQLITE_INDEX_CONSTRAINT_GT:
		empty = value == INT64_MAX;
		if (!empty && value + 1 > range->low)
			range->low = value + 1;
		break;
	case SQLITE_INDEX_CONSTRAINT_GE:
		if (value > range->low)
			range->low = value;
		break;
	case SQLITE_INDEX_CONSTRAINT_LT:
		empty = value == INT64_MIN;
		if (!empty && value - 1 < range->high)
			range->high = value - 1;
		break;
	case SQLITE_INDEX_CONSTRAINT_LE:
		if (value < range->high)
			range->high = value;
		break;
	default:
		break;
	}
	if (empty)
		*range = (struct range){1, 0};
}

struct range filter_range(const struct filter *filter, int column)
{
	struct range range = {INT64_MIN, INT64_MAX};

	for (int i = 0; i < filter->n && range.low <= range.high; i++) {
		const struct constraint *constraint = &filter->constraints[i];
		if (constraint->column != column)
			continue;
		if (sqlite3_value_type(constraint->value) == SQLITE_INTEGER)
			narrow(&range, constraint->op, sqlite3_value_int64(constraint->value));
		else if (sqlite3_value_type(constraint->value) == SQLITE_NULL)
			range = (struct range){1, 0}; /* nothing compares with NULL */
	}
	return range;
}

bool filter_is_bounded(struct range range)
{
	return range.low != INT64_MIN || range.high != INT64_MAX;
}
