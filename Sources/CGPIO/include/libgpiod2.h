/* CGPIO for libgpiod 2 and version 2 of the kernel's interface. Included by CGPIO.h alone. */
#pragma once

static inline int pg_value_fd(int fd) {
    struct gpio_v2_line_values v = {.mask = 1};
    return ioctl(fd, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0 ? -errno : (int)(v.bits & 1);
}

static inline int pg_set_fd(int fd, int value) {
    struct gpio_v2_line_values v = {.mask = 1, .bits = value != 0};
    return ioctl(fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0 ? -errno : 0;
}

/* Finds a line by its name: its chip, which the caller closes, and *offset in it; or NULL. This library
   does not search all chips itself. Their numbers may have gaps; no board has 64 of them. */
static inline struct gpiod_chip *pg_find(const char *name, unsigned *offset) {
    for (int number = 0; number < 64; number++) {
        char path[PG_CHIP_NAME];
        snprintf(path, sizeof path, "/dev/gpiochip%d", number);
        struct gpiod_chip *chip = gpiod_chip_open(path);
        if (!chip) continue;
        int found = gpiod_chip_get_line_offset_from_name(chip, name);
        if (found >= 0) {
            *offset = (unsigned)found;
            return chip;
        }
        gpiod_chip_close(chip);
    }
    errno = ENOENT;
    return NULL;
}

/* The name of the chip that has this line; 0, or a negative errno. Asks the kernel, not the driver. */
static inline int pg_chip(const char *name, char chip_name[PG_CHIP_NAME]) {
    unsigned offset;
    struct gpiod_chip *chip = pg_find(name, &offset);
    if (!chip) return -errno;
    struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
    int result = info ? 0 : -errno;
    if (info) snprintf(chip_name, PG_CHIP_NAME, "%s", gpiod_chip_info_get_name(info));
    gpiod_chip_info_free(info);
    gpiod_chip_close(chip);
    return result;
}

static inline int pg_apply(struct gpiod_line_settings *s, int is_output, int safe_value, int active_low, int bias, int drive) {
    gpiod_line_settings_set_active_low(s, active_low);
    if (gpiod_line_settings_set_bias(s, bias == PG_BIAS_UP ? GPIOD_LINE_BIAS_PULL_UP
            : bias == PG_BIAS_DOWN ? GPIOD_LINE_BIAS_PULL_DOWN : GPIOD_LINE_BIAS_DISABLED) < 0) return -errno;
    if (!is_output) {
        if (gpiod_line_settings_set_direction(s, GPIOD_LINE_DIRECTION_INPUT) < 0) return -errno;
        return gpiod_line_settings_set_edge_detection(s, GPIOD_LINE_EDGE_BOTH) < 0 ? -errno : 0;
    }
    if (gpiod_line_settings_set_direction(s, GPIOD_LINE_DIRECTION_OUTPUT) < 0) return -errno;
    if (gpiod_line_settings_set_drive(s, drive == PG_OPEN_DRAIN ? GPIOD_LINE_DRIVE_OPEN_DRAIN
            : drive == PG_OPEN_SOURCE ? GPIOD_LINE_DRIVE_OPEN_SOURCE : GPIOD_LINE_DRIVE_PUSH_PULL) < 0) return -errno;
    return gpiod_line_settings_set_output_value(s, safe_value ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE) < 0 ? -errno : 0;
}

/* Requests a line; its descriptor, or a negative errno (ENOENT: no chip has a line of this name). */
static inline int pg_request(const char *name, int is_output, int safe_value, int active_low, int bias, int drive) {
    unsigned offset;
    struct gpiod_chip *chip = pg_find(name, &offset);
    if (!chip) return -errno;
    struct gpiod_line_settings *settings = gpiod_line_settings_new();
    struct gpiod_line_config *lines = gpiod_line_config_new();
    struct gpiod_request_config *config = gpiod_request_config_new();
    int result = settings && lines && config ? pg_apply(settings, is_output, safe_value, active_low, bias, drive) : -ENOMEM;
    if (result == 0 && gpiod_line_config_add_line_settings(lines, &offset, 1, settings) < 0) result = -errno;
    if (result == 0) {
        gpiod_request_config_set_consumer(config, "penstock");
        struct gpiod_line_request *request = gpiod_chip_request_lines(chip, config, lines);
        if (request) {
            result = fcntl(gpiod_line_request_get_fd(request), F_DUPFD_CLOEXEC, PG_LOWEST);
            if (result < 0) result = -errno;
            gpiod_line_request_release(request);
        } else {
            result = -errno;
        }
    }
    gpiod_request_config_free(config);
    gpiod_line_config_free(lines);
    gpiod_line_settings_free(settings);
    gpiod_chip_close(chip);
    return result;
}

/* Reads one edge: 1 rising, 0 falling, or a negative errno; *ns is the kernel's time of it. */
static inline int pg_edge(int fd, int64_t *ns) {
    struct gpio_v2_line_event e;
    ssize_t count = read(fd, &e, sizeof e);
    if (count < 0) return -errno;
    if (count != sizeof e) return -EIO;
    *ns = (int64_t)e.timestamp_ns;
    return e.id == GPIO_V2_LINE_EVENT_RISING_EDGE;
}
