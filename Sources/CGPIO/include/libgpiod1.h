/* CGPIO for libgpiod 1.6 and version 1 of the kernel's interface. It cannot hand out the descriptor of
   an output that it requested: see pg_request. Included by CGPIO.h alone. */
#pragma once

static inline int pg_value_fd(int fd) {
    struct gpiohandle_data d;
    memset(&d, 0, sizeof d);
    return ioctl(fd, GPIOHANDLE_GET_LINE_VALUES_IOCTL, &d) < 0 ? -errno : d.values[0];
}

static inline int pg_set_fd(int fd, int value) {
    struct gpiohandle_data d;
    memset(&d, 0, sizeof d);
    d.values[0] = value != 0;
    return ioctl(fd, GPIOHANDLE_SET_LINE_VALUES_IOCTL, &d) < 0 ? -errno : 0;
}

/* The name of the chip that has this line; 0, or a negative errno. Asks the kernel, not the driver. */
static inline int pg_chip(const char *name, char chip[PG_CHIP_NAME]) {
    struct gpiod_line *line = gpiod_line_find(name);
    if (!line) return errno ? -errno : -ENOENT;
    snprintf(chip, PG_CHIP_NAME, "%s", gpiod_chip_name(gpiod_line_get_chip(line)));
    gpiod_line_close_chip(line);
    return 0;
}

/* Requests a line; its descriptor, or a negative errno (ENOENT: no chip has a line of this name). */
static inline int pg_request(const char *name, int is_output, int safe_value, int active_low, int bias, int drive) {
    struct gpiod_line *line = gpiod_line_find(name);
    if (!line) return errno ? -errno : -ENOENT;
    struct gpiod_line_request_config c = {.consumer = "penstock"};
    c.request_type = is_output ? GPIOD_LINE_REQUEST_DIRECTION_OUTPUT : GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES;
    c.flags = (active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0)
        | (drive == PG_OPEN_DRAIN ? GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN : drive == PG_OPEN_SOURCE ? GPIOD_LINE_REQUEST_FLAG_OPEN_SOURCE : 0)
        | (bias == PG_BIAS_UP ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP
           : bias == PG_BIAS_DOWN ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN : GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE);
    int result, next = dup(0); /* the number that the request will get: the lowest free one */
    if (next < 0) { result = -errno; goto out; }
    close(next);
    if (gpiod_line_request(line, &c, safe_value) < 0) { result = -errno; goto out; }
    int fd = is_output ? next : gpiod_line_event_get_fd(line);
    result = pg_value_fd(fd); /* proves that it is the line's */
    if (result >= 0) {
        result = fcntl(fd, F_DUPFD_CLOEXEC, PG_LOWEST);
        if (result < 0) result = -errno;
    }
    gpiod_line_release(line);
out:
    gpiod_line_close_chip(line);
    return result;
}

/* Reads one edge: 1 rising, 0 falling, or a negative errno; *ns is the kernel's time of it. */
static inline int pg_edge(int fd, int64_t *ns) {
    struct gpiod_line_event e;
    if (gpiod_line_event_read_fd(fd, &e) < 0) return -errno;
    *ns = (int64_t)e.ts.tv_sec * 1000000000 + e.ts.tv_nsec;
    return e.event_type == GPIOD_LINE_EVENT_RISING_EDGE;
}
