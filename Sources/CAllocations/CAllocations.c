#include "CAllocations.h"
#include <stddef.h>

#ifdef PENSTOCK_DEVICE
static long count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);

static inline void counted(void) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); }

void *__wrap_malloc(size_t size) { counted(); return __real_malloc(size); }
void *__wrap_calloc(size_t number, size_t size) { counted(); return __real_calloc(number, size); }
void *__wrap_realloc(void *old, size_t size) { counted(); return __real_realloc(old, size); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) { counted(); return __real_aligned_alloc(alignment, size); }
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) { counted(); return __real_posix_memalign(out, alignment, size); }

long allocations_so_far(void) { return __atomic_load_n(&count, __ATOMIC_RELAXED); }
#else
long allocations_so_far(void) { return -1; }
#endif
