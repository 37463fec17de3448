/* The kernels of assembly/wire/ in C, with SSE2: what the same code does natively.
 *   checksum sum LEN | header | copy LEN      prints GB/s
 *   checksum parse                            prints millions of Ethernet + IPv4 + UDP frames verified a second
 */
#include <emmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS 0.12
#define NOINLINE __attribute__((noinline))

static uint64_t load64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint32_t load16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t swap16(uint32_t v) { return ((v << 8) | (v >> 8)) & 0xffff; }
static uint32_t swap32(uint32_t v) { return __builtin_bswap32(v); }
static uint64_t halves(uint64_t v) { return (v & 0xffffffffu) + (v >> 32); }

static uint32_t fold(uint64_t s)
{
    uint32_t t = (uint32_t)((s + ((s << 32) | (s >> 32))) >> 32);
    return (t + ((t << 16) | (t >> 16))) >> 16;
}

static uint64_t tail(const uint8_t *end, uint32_t len)
{
    return halves((load64(end - 8) >> 8) >> ((7 - (len & 7)) << 3));
}

static uint64_t sum_short(const uint8_t *p, uint32_t len)
{
    uint64_t acc = 0;
    if (len < 8) {
        if (len & 4) { acc = load32(p); p += 4; }
        if (len & 2) { acc += load16(p); p += 2; }
        if (len & 1) acc += *p;
        return acc;
    }
    acc = tail(p + len, len);
    if (len & 32) {
        acc += halves(load64(p)) + halves(load64(p + 8)) + halves(load64(p + 16)) + halves(load64(p + 24));
        p += 32;
    }
    if (len & 16) { acc += halves(load64(p)) + halves(load64(p + 8)); p += 16; }
    if (len & 8) acc += halves(load64(p));
    return acc;
}

/* a adds lanes modulo 2^64, b their high halves: low halves are a - (b << 32). */
#define ADD(a, b, v) (a = _mm_add_epi64(a, v), b = _mm_add_epi64(b, _mm_srli_epi64(v, 32)))
#define LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)

static uint64_t lanes(__m128i a, __m128i b)
{
    uint64_t s[2];
    STORE(s, _mm_add_epi64(_mm_sub_epi64(a, _mm_slli_epi64(b, 32)), b));
    return s[0] + s[1];
}

NOINLINE static uint32_t sum(const uint8_t *p, uint32_t len)
{
    if (len < 64) return fold(sum_short(p, len));
    const uint8_t *end = p + len, *stop = p + (len & ~63u), *stop16 = p + (len & ~15u);
    __m128i a0 = _mm_setzero_si128(), a1 = a0, b0 = a0, b1 = a0;
    do {
        __m128i v0 = LOAD(p), v1 = LOAD(p + 16), v2 = LOAD(p + 32), v3 = LOAD(p + 48);
        ADD(a0, b0, v0);
        ADD(a1, b1, v1);
        ADD(a0, b0, v2);
        ADD(a1, b1, v3);
        p += 64;
    } while (p < stop);
    for (; p < stop16; p += 16) {
        __m128i v = LOAD(p);
        ADD(a0, b0, v);
    }
    uint64_t acc = lanes(_mm_add_epi64(a0, a1), _mm_add_epi64(b0, b1)) + tail(end, len);
    if (len & 8) acc += halves(load64(p));
    return fold(acc);
}

/* Of 64 bytes or more. */
NOINLINE static uint32_t copy_sum(uint8_t *to, const uint8_t *p, uint32_t len)
{
    const uint8_t *end = p + len, *stop = p + (len & ~63u), *stop16 = p + (len & ~15u);
    uint8_t *to_end = to + len;
    __m128i a0 = _mm_setzero_si128(), a1 = a0, b0 = a0, b1 = a0;
    do {
        __m128i v0 = LOAD(p), v1 = LOAD(p + 16), v2 = LOAD(p + 32), v3 = LOAD(p + 48);
        STORE(to, v0);
        STORE(to + 16, v1);
        STORE(to + 32, v2);
        STORE(to + 48, v3);
        ADD(a0, b0, v0);
        ADD(a1, b1, v1);
        ADD(a0, b0, v2);
        ADD(a1, b1, v3);
        p += 64;
        to += 64;
    } while (p < stop);
    for (; p < stop16; p += 16, to += 16) {
        __m128i v = LOAD(p);
        STORE(to, v);
        ADD(a0, b0, v);
    }
    uint64_t acc = lanes(_mm_add_epi64(a0, a1), _mm_add_epi64(b0, b1)) + tail(end, len);
    if (len & 8) { uint64_t v = load64(p); memcpy(to, &v, 8); acc += halves(v); }
    memcpy(to_end - 8, end - 8, 8);
    return fold(acc);
}

static inline uint32_t header_sum(const uint8_t *p)
{
    return fold(halves(load64(p)) + halves(load64(p + 8)) + load32(p + 16));
}

NOINLINE static uint32_t parse(const uint8_t *p, uint32_t len)
{
    if (len < 34 || load16(p + 12) != 8) return 0;
    const uint8_t *ip = p + 14;
    uint32_t total = swap16(load16(ip + 2));
    if (*ip != 0x45 || header_sum(ip) != 0xffff || total < 28 || total > len - 14) return 0;
    if (ip[9] != 17 || (load16(ip + 6) & 0xff3f)) return 0;
    const uint8_t *udp = ip + 20;
    uint32_t length = swap16(load16(udp + 4));
    if (length < 8 || length > total - 20) return 0;
    if (load16(udp + 6)) {
        uint64_t s = halves(load64(ip + 12)) + 0x1100 + load16(udp + 4) + sum(udp, length);
        if (fold(s) != 0xffff) return 0;
    }
    return swap32(load32(ip + 12)) ^ swap32(load32(ip + 16)) ^ (swap16(load16(udp)) << 16) ^ swap16(load16(udp + 2));
}

static const uint8_t frame[97] = {
    0x00, 0x05, 0x5d, 0x67, 0xd0, 0xb1, 0x00, 0x05, 0x5d, 0x61, 0x58, 0xa8, 0x08, 0x00, 0x45, 0x00, 0x00, 0x53, 0x93,
    0x25, 0x00, 0x00, 0x80, 0x11, 0x25, 0xec, 0xc0, 0xa8, 0x00, 0x37, 0xc0, 0xa8, 0x00, 0x01, 0x05, 0xd4, 0x00, 0x45,
    0x00, 0x3f, 0xac, 0x40, 0x00, 0x01, 0x63, 0x3a, 0x5c, 0x71, 0x77, 0x65, 0x72, 0x71, 0x2e, 0x71, 0x77, 0x65, 0x00,
    0x6e, 0x65, 0x74, 0x61, 0x73, 0x63, 0x69, 0x69, 0x00, 0x62, 0x6c, 0x6b, 0x73, 0x69, 0x7a, 0x65, 0x00, 0x35, 0x31,
    0x32, 0x00, 0x74, 0x69, 0x6d, 0x65, 0x6f, 0x75, 0x74, 0x00, 0x31, 0x30, 0x00, 0x74, 0x73, 0x69, 0x7a, 0x65, 0x00,
    0x30, 0x00};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint32_t work(char kind, uint8_t *to, const uint8_t *p, uint32_t len, uint32_t n)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < n; i++) {
        switch (kind) {
        case 's': all += sum(p + ((i & 1) << 4), len); break;
        case 'h': all += header_sum(p + ((i & 1) << 4)); break;
        case 'c': all += copy_sum(to, p, len); break;
        default: all ^= parse(p + (i & 15) * 128, len);
        }
        __asm__ volatile("" : "+r"(all) : : "memory");
    }
    return all;
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    char kind = argv[1][0];
    uint32_t len = kind == 'h' ? 20 : kind == 'p' ? 97 : argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    uint8_t *p = malloc(1 << 18), *to = malloc(1 << 18);
    if (!p || !to || (kind == 'c' && len < 64) || len > 65535) return 2;
    for (uint32_t i = 0; i < 1 << 18; i++) p[i] = (uint8_t)(i * 167 + (i >> 8));
    memset(to, 0, 1 << 18);
    if (kind == 'p')
        for (int i = 0; i < 16; i++) memcpy(p + i * 128, frame, sizeof frame);
    if (kind == 'p' && !parse(p, len)) return 3;
    for (uint32_t n = 1000;; n *= 2) {
        double start = now();
        (void)work(kind, to, p, len, n);
        double elapsed = now() - start;
        if (elapsed < SECONDS / 2) continue;
        printf("%.4f\n", kind == 'p' ? n / elapsed / 1e6 : (double)n * len / elapsed / 1e9);
        return 0;
    }
}
