/* Forwarding as a bare loop: from a ring of frames to a ring of frames, with the FIB of fib.h.
 *   forward few              16 routes
 *   forward internet FILE    the Internet's table
 * A frame: Ethernet and IPv4 header checked (addresses, lengths, checksum), route, TTL, checksum, new Ethernet header,
 * a descriptor. There is no own address, no neighbour's state, no counter, no owner of buffers, no second protocol.
 * Frames are filled in between the timed parts, 256 of them. Prints millions of frames a second.
 */
#include "fib.h"

#define SECONDS 0.12
#define SLOTS 256
#define STRIDE 2048
#define DESTINATIONS (1 << 18)
#define HOPS 257

struct desc { uint32_t ptr, len, pbuf, flags; };

static const uint8_t template[60] = {
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 1, 0, 0, 64, 17,
};
static uint8_t frames[SLOTS * STRIDE] __attribute__((aligned(64)));
static struct desc rx[SLOTS], tx[SLOTS];
static uint8_t ether[HOPS][16];
static uint32_t destinations[DESTINATIONS], seed = 1;

static uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static uint32_t load16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }

static uint32_t header_sum(const uint8_t *p)
{
    uint64_t s = (load64(p) & 0xffffffff) + (load64(p) >> 32) + (load64(p + 8) & 0xffffffff) + (load64(p + 8) >> 32);
    s += load32(p + 16);
    s = (s & 0xffffffff) + (s >> 32);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return (uint32_t)((s & 0xffff) + (s >> 16));
}

__attribute__((noinline)) static uint32_t forward(uint32_t n)
{
    uint64_t own = load64(template) << 16;
    uint32_t sent = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *p = frames + rx[i].ptr, *ip = p + 14;
        uint32_t len = rx[i].len, word = load32(ip), total = __builtin_bswap32(word) & 0xffff;
        if (len < 34 || load64(p) << 16 != own || load16(p + 12) != 8 || (word & 0xff) != 0x45) continue;
        if (total < 20 || total > len - 14 || header_sum(ip) != 0xffff || ip[8] <= 1) continue;
        uint32_t hop = lookup(__builtin_bswap32(load32(ip + 16)));
        if (hop == 0) continue;
        uint32_t ttl = load32(ip + 8), sum = (ttl >> 16) + 1;
        ttl = (ttl & 0xffff) - 1 + ((sum + (sum >= 0xffff)) << 16);
        memcpy(ip + 8, &ttl, 4);
        memcpy(p, ether[hop], 14);
        tx[sent++] = (struct desc){ rx[i].ptr, total + 14 < 60 ? 60 : total + 14, rx[i].pbuf, 0 };
    }
    return sent;
}

static uint32_t next_random(void)
{
    seed = seed * 1664525 + 1013904223;
    return seed ^ (seed >> 15);
}

static void fill(uint32_t i, uint32_t dst)
{
    uint8_t *p = frames + i * STRIDE + 50;
    uint32_t src = __builtin_bswap32(0x0a000002 + ((i * 0x9e3779b1) >> 25)), to = __builtin_bswap32(dst);
    memcpy(p, template, sizeof template);
    memcpy(p + 26, &src, 4);
    memcpy(p + 30, &to, 4);
    uint16_t sum = (uint16_t)~header_sum(p + 14);
    memcpy(p + 24, &sum, 2);
    rx[i] = (struct desc){ (uint32_t)(p - frames), sizeof template, i, 0 };
}

static void few_routes(void)
{
    static const uint8_t tops[16] = { 1, 2, 8, 20, 31, 42, 53, 64, 77, 88, 99, 120, 140, 160, 180, 203 };
    count = 16;
    table = calloc(count, sizeof *table);
    for (uint16_t i = 0; i < 16; i++) table[i] = (struct prefix){ (uint32_t)tops[i] << 24, (uint16_t)(i + 1), 8, 0 };
}

int main(int argc, char **argv)
{
    if (argc == 3) read_prefixes(argv[2]);
    else few_routes();
    build();
    for (uint32_t i = 0; i < DESTINATIONS; i++)
        do destinations[i] = next_random();
        while (lookup(destinations[i]) == 0);
    for (uint32_t i = 0; i < HOPS; i++) memcpy(ether[i], template, 14);
    uint32_t at = 0;
    uint64_t sent = 0;
    double seconds = 0;
    while (seconds < SECONDS) {
        for (uint32_t i = 0; i < SLOTS; i++) fill(i, destinations[at++ & (DESTINATIONS - 1)]);
        double start = now();
        sent += forward(SLOTS);
        seconds += now() - start;
    }
    printf("%.3f\n", (double)sent / seconds / 1e6);
    return sent % SLOTS != 0;
}
