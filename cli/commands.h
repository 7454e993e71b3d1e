/* SPDX-License-Identifier: MIT
 * commands.h -- the commands of `parley`: one file and one row each. argv[0] is the command's name. */
#ifndef PARLEY_CLI_COMMANDS_H
#define PARLEY_CLI_COMMANDS_H

/* Exit statuses every command uses. */
enum { EXIT_FINE = 0, EXIT_BAD = 1, EXIT_USAGE = 2 };

#define COMMAND_LIST(X)                                                                     \
    X(talk, "speak to a server as a device would, hear and time its answer")                \
    X(play, "run .talk files, scripted conversations, against a server")                    \
    X(devices, "who is here; what was said; forget or lock out a device")                   \
    X(meetings, "list, search, read, export and end meetings")                              \
    X(tasks, "the shared task list: add, assign, done, import from a meeting")              \
    X(say, "have a device say something, now or when it comes")                             \
    X(pair, "confirm the code that a new device shows")                                     \
    X(serials, "keys of boards that confirm themselves by serial number")                   \
    X(coding, "follow the log of a build or of tests, hear what matters in it")             \
    X(mock, "an OpenAI-compatible service with exact delays, to measure servers with")    \
    X(load, "thousands of simulated devices: what a server can carry, and how well")

#define X(name, help) int command_##name(int argc, char **argv);
COMMAND_LIST(X)
#undef X

#endif
