/* PID 1 of the initramfs that tools/bench control measures beside the board: the least that a program can
 * do on an edge. It waits for edges of level-high by libgpiod (1.6) and drives inlet-close to the same
 * value. No envelope, no tick, no other process, nothing to lose. Never part of a device. */
#include <gpiod.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static int fail(const char *step) {
    dprintf(2, "echo: FAILED: %s\n", step);
    for (;;) sleep(60);
}

int main(void) {
    if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && access("/dev/null", F_OK)) return fail("devtmpfs");
    if (mount("sysfs", "/sys", "sysfs", 0, NULL)) return fail("sysfs");
    struct gpiod_line *sensed = gpiod_line_find("level-high"), *driven = gpiod_line_find("inlet-close");
    if (!sensed || !driven) return fail("lines");
    if (gpiod_line_request_output(driven, "echo", 0)) return fail("output");
    if (gpiod_line_request_both_edges_events(sensed, "echo")) return fail("edges");
    dprintf(2, "echo: ready\n");
    for (;;) {
        struct gpiod_line_event event;
        if (gpiod_line_event_wait(sensed, NULL) != 1 || gpiod_line_event_read(sensed, &event)) return fail("wait");
        if (gpiod_line_set_value(driven, event.event_type == GPIOD_LINE_EVENT_RISING_EDGE)) return fail("drive");
    }
}
