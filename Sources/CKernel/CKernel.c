/* CKernel: compiled once so that the package has a translation unit; all that matters is in the header. */
#include "CKernel.h"
