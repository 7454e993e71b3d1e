/* SPDX-License-Identifier: MIT
 * cmd_mock.h -- parley mock. */
#ifndef PARLEY_CLI_CMD_MOCK_H
#define PARLEY_CLI_CMD_MOCK_H

int cmd_mock(int argc, char **argv); /* exit status */

#endif
