/* SPDX-License-Identifier: MIT
 * driver.c -- runs a fuzz target without libFuzzer: every seed file given on the command line, then
 * every prefix of it and some thousand seeded mutations. Prints one cmocka-like line per seed. */
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t random_state = 88172645463325252ull;

static uint32_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* An exact heap copy, so that a read beyond the end is seen by ASan. */
static void run_once(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void mutate(uint8_t *data, size_t *size, size_t cap)
{
    unsigned changes = 1 + next_random() % 8;
    while (changes--) {
        if (*size == 0)
            return;
        size_t at = next_random() % *size;
        switch (next_random() % 5) {
        case 0: data[at] = (uint8_t)next_random(); break;
        case 1: data[at] ^= (uint8_t)(1u << (next_random() % 8)); break;
        case 2: *size = at; break;
        case 3:
            if (*size < cap) {
                memmove(data + at + 1, data + at, *size - at);
                data[at] = (uint8_t)next_random();
                (*size)++;
            }
            break;
        default:
            memmove(data + at, data + at + 1, *size - at - 1);
            (*size)--;
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t seed[1 << 16], work[1 << 17];
    const char *rounds_text = getenv("FUZZ_ROUNDS");
    long rounds = rounds_text ? strtol(rounds_text, NULL, 10) : 300;
    int files = 0;

    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            printf("[  FAILED  ] %s: cannot be read\n", argv[i]);
            return 1;
        }
        size_t size = fread(seed, 1, sizeof(seed), f);
        fclose(f);
        run_once(seed, size);
        for (size_t cut = 0; cut < size && cut < 2048; cut++)
            run_once(seed, cut);
        for (long round = 0; round < rounds; round++) {
            size_t work_size = size;
            memcpy(work, seed, size);
            mutate(work, &work_size, sizeof(work));
            run_once(work, work_size);
        }
        printf("[       OK ] %s\n", argv[i]);
        files++;
    }
    return files ? 0 : 1;
}
