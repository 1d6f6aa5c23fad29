/* Counts calls of the allocator, in a program that is linked with --wrap for each of them. */
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

long allocations_so_far(void);

#endif
