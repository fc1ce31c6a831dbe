/* propagation.h - mounts that do not reach the namespaces we come from. */
#ifndef MATR_TOOLS_NAMESPACE_PROPAGATION_H
#define MATR_TOOLS_NAMESPACE_PROPAGATION_H

#include <matr/error.h>

/* In a mount namespace that was just made: what is mounted from here on stays in it.
 * propagation: MS_SLAVE (mounts made elsewhere still arrive here) or MS_PRIVATE (they do not).
 * Works in a chroot whose root is no mount point too. */
int propagation_set(unsigned long propagation, struct matr_error *err);

#endif
