/* The shim with libgpiod 2 on a kernel that is played here: what the library asks of it, for lines found by
   name. The linker leads the library's calls to the __wrap_ functions (see LibraryTests.swift). */
#define _GNU_SOURCE
#include "CGPIO.h"
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Two chips whose numbers have a gap. */
static const struct { int number; const char *lines[3]; } chips[] = {{0, {"spare", "inlet-open", "heater"}}, {3, {"", "door", "pump-set"}}};
enum { FIRST_CHIP = 100 };

static struct gpio_v2_line_request asked;
static int asked_chip = -1, line_ends[2];
static uint64_t level;
static int refuses;

static int chip_of(const char *path) {
    for (int i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "/dev/gpiochip%d", chips[i].number);
        if (!strcmp(path, name)) return i;
    }
    errno = ENOENT;
    return -1;
}

int __wrap_lstat(const char *path, struct stat *s) {
    int i = chip_of(path);
    if (i < 0) return -1;
    memset(s, 0, sizeof *s);
    s->st_mode = S_IFCHR;
    s->st_rdev = makedev(254, (unsigned)chips[i].number);
    return 0;
}
int __wrap_stat(const char *path, struct stat *s) { return __wrap_lstat(path, s); }
char *__wrap_realpath(const char *path, char *to) { (void)path; (void)to; return strdup("/sys/bus/gpio"); }
int __wrap_open(const char *path, int flags, ...) {
    (void)flags;
    int i = chip_of(path);
    return i < 0 ? -1 : dup2(0, FIRST_CHIP + i);
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    int i = fd - FIRST_CHIP;
    switch ((unsigned)request) { /* the kernel takes 32 bits of it */
    case GPIO_GET_CHIPINFO_IOCTL: {
        struct gpiochip_info *info = argument;
        snprintf(info->name, sizeof info->name, "gpiochip%d", chips[i].number);
        info->lines = 3;
        return 0;
    }
    case GPIO_V2_GET_LINEINFO_IOCTL: {
        struct gpio_v2_line_info *info = argument;
        snprintf(info->name, sizeof info->name, "%s", chips[i].lines[info->offset]);
        return 0;
    }
    case GPIO_V2_GET_LINE_IOCTL:
        if (refuses) { errno = refuses; return -1; }
        asked = *(struct gpio_v2_line_request *)argument;
        asked_chip = i;
        if (pipe(line_ends)) return -1;
        ((struct gpio_v2_line_request *)argument)->fd = line_ends[0];
        return 0;
    case GPIO_V2_LINE_GET_VALUES_IOCTL: {
        struct gpio_v2_line_values *values = argument;
        values->bits = level & values->mask;
        return 0;
    }
    case GPIO_V2_LINE_SET_VALUES_IOCTL: {
        struct gpio_v2_line_values *values = argument;
        level = (level & ~values->mask) | (values->bits & values->mask);
        return 0;
    }
    }
    errno = ENOTTY;
    return -1;
}

static int failures;
static void check(const char *what, int holds) {
    if (!holds) { printf("FAIL %s\n", what); failures++; }
}

/* The flags of the one line, and the value that it is to have from the first moment. */
static uint64_t flags(void) {
    uint64_t result = asked.config.flags;
    for (unsigned i = 0; i < asked.config.num_attrs; i++)
        if (asked.config.attrs[i].attr.id == GPIO_V2_LINE_ATTR_ID_FLAGS) result = asked.config.attrs[i].attr.flags;
    return result;
}
static int value(void) {
    for (unsigned i = 0; i < asked.config.num_attrs; i++)
        if (asked.config.attrs[i].attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES) return (int)(asked.config.attrs[i].attr.values & asked.config.attrs[i].mask);
    return 0;
}

int main(void) {
    int fd = pg_request("heater", 1, 1, 1, PG_BIAS_UP, PG_OPEN_DRAIN);
    check("an output is requested", fd >= PG_LOWEST && asked_chip == 0 && asked.num_lines == 1 && asked.offsets[0] == 2);
    check("its name for the kernel", !strcmp(asked.consumer, "penstock"));
    check("its flags", flags() == (GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_OPEN_DRAIN | GPIO_V2_LINE_FLAG_ACTIVE_LOW | GPIO_V2_LINE_FLAG_BIAS_PULL_UP));
    check("its safe value", value() == 1);
    check("driven and read back", pg_set_fd(fd, 1) == 0 && pg_value_fd(fd) == 1 && pg_set_fd(fd, 0) == 0 && pg_value_fd(fd) == 0);

    check("push-pull is asked for", pg_request("inlet-open", 1, 0, 0, PG_BIAS_OFF, PG_PUSH_PULL) >= PG_LOWEST && asked.offsets[0] == 1);
    check("its flags, bias off", flags() == (GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_BIAS_DISABLED) && value() == 0);
    check("open source", pg_request("pump-set", 1, 0, 0, PG_BIAS_DOWN, PG_OPEN_SOURCE) >= PG_LOWEST && asked_chip == 1 && asked.offsets[0] == 2);
    check("its flags, pull-down", flags() == (GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_OPEN_SOURCE | GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN));

    fd = pg_request("door", 0, 0, 0, PG_BIAS_UP, PG_PUSH_PULL);
    check("an input on the second chip", fd >= PG_LOWEST && asked_chip == 1 && asked.offsets[0] == 1);
    check("both edges", flags() == (GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING | GPIO_V2_LINE_FLAG_BIAS_PULL_UP));
    struct gpio_v2_line_event edges[2] = {{.timestamp_ns = 7, .id = GPIO_V2_LINE_EVENT_RISING_EDGE}, {.timestamp_ns = 9, .id = GPIO_V2_LINE_EVENT_FALLING_EDGE}};
    int64_t ns = 0;
    check("edges are written", write(line_ends[1], edges, sizeof edges) == sizeof edges);
    check("a rising edge, alone", pg_edge(fd, &ns) == 1 && ns == 7);
    check("a falling edge", pg_edge(fd, &ns) == 0 && ns == 9);
    check("half an edge is an error", write(line_ends[1], edges, 8) == 8 && pg_edge(fd, &ns) == -EIO);

    char chip[PG_CHIP_NAME];
    check("the chip of a line", pg_chip("door", chip) == 0 && !strcmp(chip, "gpiochip3"));
    check("a line that no chip has", pg_request("nowhere", 1, 0, 0, PG_BIAS_OFF, PG_PUSH_PULL) == -ENOENT && pg_chip("nowhere", chip) == -ENOENT);
    refuses = EBUSY;
    check("a line that another holds", pg_request("heater", 1, 0, 0, PG_BIAS_OFF, PG_PUSH_PULL) == -EBUSY);
    return failures != 0;
}
