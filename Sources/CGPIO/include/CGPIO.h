/* libgpiod for finding and requesting lines by name, with bias and drive set explicitly; after that
   a line is a descriptor. libgpiod can take over no line that another process requested, and here
   lines outlive processes (the supervisor holds duplicates): so values are set and read by the
   kernel's own ioctl on the descriptor (linux/gpio.h, the version of its interface that this libgpiod
   asks for). Each version of the library has a file with the same functions; no policy in either.
   Only module GPIO imports this. */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <linux/gpio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PG_BIAS_OFF, PG_BIAS_UP, PG_BIAS_DOWN };
enum { PG_PUSH_PULL, PG_OPEN_DRAIN, PG_OPEN_SOURCE };

/* The first free descriptor from here up, out of the way of those that roles are given. */
#define PG_LOWEST 64
/* Room for a chip's name, with its zero. */
#define PG_CHIP_NAME 32

#ifdef GPIOD_LINE_BULK_MAX_LINES /* which 1.x has and 2.x has not */
#include "libgpiod1.h"
#else
#include "libgpiod2.h"
#endif
