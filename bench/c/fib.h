/* The FIB of assembly/route/ in C: the same direct table and the same nodes (bitmap, ranks, values, children), built
 * once from prefixes.
 * A file of them: records of 8 bytes, little-endian: u32 address in host order, u16 next hop, u8 length, u8 0.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BITS 16
#define CHILD 0xff00u
#define HEADER 36

struct prefix { uint32_t dst; uint16_t nexthop; uint8_t plen, zero; };

static struct prefix *table;
static size_t count;
static uint8_t *nodes;
static uint32_t top, direct[1 << BITS];

static int by_prefix(const void *a, const void *b)
{
    const struct prefix *p = a, *q = b;
    if (p->dst != q->dst) return p->dst < q->dst ? -1 : 1;
    return (int)p->plen - (int)q->plen;
}

static uint32_t node_of(size_t from, size_t to, uint32_t depth, uint32_t background);

/* A node of one value: what a slot of the direct table without routes of its own refers to. */
static uint32_t pseudo(uint32_t value)
{
    uint8_t *n = nodes + value * 40;
    for (int q = 0; q < 32; q += 8) n[q] = 1;
    memcpy(n + HEADER, &value, 2);
    return value * 40;
}

/* Values of the slots of 256, children built on the way: table[from..to) are the longer prefixes under it. */
static uint32_t node_of(size_t from, size_t to, uint32_t depth, uint32_t background)
{
    uint16_t value[256];
    uint8_t start[257] = { 1 };
    uint32_t child[256], children = 0, runs = 0;
    for (int s = 0; s < 256; s++) value[s] = (uint16_t)background;
    for (size_t i = from; i < to; i++) {
        uint32_t slot = (table[i].dst << depth) >> 24;
        if (table[i].plen <= depth + 8) {
            uint32_t n = 1u << (depth + 8 - table[i].plen);
            for (uint32_t s = slot; s < slot + n; s++) value[s] = table[i].nexthop;
            start[slot] = start[slot + n] = 1;
            continue;
        }
        size_t end = i;
        while (end < to && (table[end].dst << depth) >> 24 == slot) end++;
        child[children] = node_of(i, end, depth + 8, value[slot]);
        value[slot] = (uint16_t)(CHILD + children++);
        start[slot] = start[slot + 1] = 1;
        i = end - 1;
    }
    uint32_t ref = top;
    uint8_t *n = nodes + ref;
    for (int s = 0; s < 256; s++) {
        if ((s & 63) == 0) n[32 + (s >> 6)] = (uint8_t)runs;
        if (!start[s]) continue;
        n[s >> 3] |= (uint8_t)(1 << (s & 7));
        memcpy(n + HEADER + 2 * runs++, &value[s], 2);
    }
    memcpy(n + HEADER + ((2 * runs + 3) & ~3u), child, 4 * children);
    top += (HEADER + ((2 * runs + 3) & ~3u) + 4 * children + 7) & ~7u;
    return ref;
}

static void read_prefixes(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) exit(2);
    fseek(f, 0, SEEK_END);
    count = (size_t)ftell(f) / sizeof *table;
    rewind(f);
    table = malloc(count * sizeof *table);
    if (!table || fread(table, sizeof *table, count, f) != count) exit(2);
    fclose(f);
}

/* Builds the FIB of table[0..count). */
static void build(void)
{
    nodes = calloc(64 << 20, 1);
    if (!nodes) exit(2);
    qsort(table, count, sizeof *table, by_prefix);
    uint16_t *value = calloc(1 << BITS, 2);
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) if (table[i].nexthop > most) most = table[i].nexthop;
    top = (most + 1) * 40;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = table[i].dst >> (32 - BITS);
        if (table[i].plen <= BITS)
            for (uint32_t s = 0; s < 1u << (BITS - table[i].plen); s++) value[slot + s] = table[i].nexthop;
    }
    size_t i = 0;
    for (uint32_t slot = 0; slot < 1 << BITS; slot++) {
        while (i < count && table[i].dst >> (32 - BITS) == slot && table[i].plen <= BITS) i++;
        size_t from = i;
        while (i < count && table[i].dst >> (32 - BITS) == slot) i++;
        direct[slot] = from == i ? pseudo(value[slot]) : node_of(from, i, BITS, value[slot]);
    }
    free(value);
}

static inline uint32_t value_of(const uint8_t *n, uint32_t key)
{
    uint64_t word;
    uint16_t value;
    memcpy(&word, n + (key >> 30) * 8, 8);
    uint32_t run = n[32 + (key >> 30)] + (uint32_t)__builtin_popcountll(word << (~(key >> 24) & 63));
    memcpy(&value, n + HEADER - 2 + 2 * run, 2);
    return value;
}

static inline uint32_t lookup(uint32_t dst)
{
    const uint8_t *n = nodes + direct[dst >> (32 - BITS)];
    uint32_t key = dst << BITS, value = value_of(n, key);
    while (__builtin_expect(value >= CHILD, 0)) {
        uint32_t ref, runs = n[35] + (uint32_t)__builtin_popcountll(*(const uint64_t *)(n + 24));
        memcpy(&ref, n + HEADER + ((2 * runs + 3) & ~3u) + 4 * (value - CHILD), 4);
        n = nodes + ref;
        key <<= 8;
        value = value_of(n, key);
    }
    return value;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
