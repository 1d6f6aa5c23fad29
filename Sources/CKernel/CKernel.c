/* What cannot be inline: what the C library passes to constructors (as it does in static binaries too)
   is kept for main; and the last word of a process whose system call was refused. */
#include "CKernel.h"

static int argument_count;
static char **argument_list;

const char *pk_argument(int index) { return index < argument_count ? argument_list[index] : NULL; }

__attribute__((constructor)) static void keep_arguments(int count, char **arguments) {
    argument_count = count;
    argument_list = arguments;
}

/* SECCOMP_RET_TRAP ends here: the number on the log, then the end. The filter lets nobody replace this
   handler, and without it the signal ends the process all the same. */
static void call_refused(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    char text[] = "refused system call 000000\n";
    int number = info->si_syscall;
    for (char *digit = text + sizeof text - 3; number > 0 && *digit == '0'; digit--, number /= 10) *digit = (char)('0' + number % 10);
    long ignored = write(2, text, sizeof text - 1);
    (void)ignored;
    _exit(PK_EXIT_CALL_REFUSED);
}

int pk_catch_refused_calls(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = call_refused;
    action.sa_flags = SA_SIGINFO;
    return sigaction(SIGSYS, &action, NULL) < 0 ? -errno : 0;
}
