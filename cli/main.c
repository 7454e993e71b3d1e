/* SPDX-License-Identifier: MIT
 * main.c -- `parley COMMAND ...`. */
#include "base/base.h"
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
#define X(name, help) { #name, help, command_##name },
    COMMAND_LIST(X)
#undef X
};

static int usage(void)
{
    printf("parley " PARLEY_VERSION "\n\nusage: parley COMMAND [options]     (parley COMMAND --help)\n\n");
    for (size_t i = 0; i < COUNT(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return usage();
    if (strcmp(argv[1], "--version") == 0)
        return printf("parley " PARLEY_VERSION "\n") > 0 ? EXIT_FINE : EXIT_BAD;
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "parley: %s: no such command\n", argv[1]);
    usage();
    return EXIT_USAGE;
}
