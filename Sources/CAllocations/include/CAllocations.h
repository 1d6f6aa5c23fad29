/* Counts calls of the allocator, of every thread, in the device's programs: they are linked with --wrap for
   each of them. */
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

/* -1 where they are not counted, in builds for the host. */
long allocations_so_far(void);

#endif
