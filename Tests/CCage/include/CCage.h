/* System calls by their number, as a process would make them that no longer runs our code. */
#pragma once

/* The result, or a negative errno. */
long cage_call(long number, const long arguments[6]);
/* getpid by the 32-bit gate of x86 (int 0x80), which numbers calls differently; elsewhere -1. */
long cage_other_architecture(void);
/* Waits for this child: its status as waitpid(2) gives it. */
int cage_wait(int pid);
