/* sqlite_api.c - in the extension, the pointer through which all of its files call SQLite.
 *
 * A file of its own: extension.c sets it, and everything that extension.c calls uses it.
 */
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1
