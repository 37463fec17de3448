/* Lookups in the FIB of fib.h.
 *   lookup random|dependent FILE      prints millions of lookups a second
 */
#include "fib.h"

#define SECONDS 0.12

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    read_prefixes(argv[2]);
    build();
    int dependent = strcmp(argv[1], "dependent") == 0;
    uint32_t dst = 1, value = 0, sum = 0;
    for (uint64_t n = 1 << 20;; n *= 2) {
        double start = now();
        if (dependent)
            for (uint64_t i = 0; i < n; i++) value = lookup(dst = (dst * 1664525 + 1013904223) ^ value);
        else
            for (uint64_t i = 0; i < n; i++) sum += lookup(dst = dst * 1664525 + 1013904223);
        double elapsed = now() - start;
        if (elapsed < SECONDS) continue;
        printf("%.3f\n", (double)n / elapsed / 1e6);
        return sum + value == 0xdeadbeef;
    }
}
