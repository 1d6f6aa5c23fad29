/* The one thing that cannot be inline: what the C library passes to constructors (as it does in static
   binaries too) is kept for main. */
#include "CKernel.h"

static int argument_count;
static char **argument_list;

const char *pk_argument(int index) { return index < argument_count ? argument_list[index] : NULL; }

__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
    argument_count = count;
    argument_list = arguments;
}
