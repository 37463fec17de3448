/* TCP through the kernel's loopback.
 *   tcp bulk              one thread that alternates between both ends; prints GB/s
 *   tcp bulk2             two threads, one for each end, that block; prints GB/s
 *   tcp pingpong 64 N     one thread, a message there and one back, over N connections in turn (1); prints millions of
 *                         round trips a second
 *   tcp crowd 64 N        one thread, 4 KiB over each of N connections in turn, 32 of them before they are read; prints GB/s
 *   tcp connect           one thread: connected, accepted, closed at both ends; prints thousands of connections a second
 * Every byte is copied in and out; of what comes, every message's numbers are added up, or of bulk data one byte in each
 * piece compared.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECONDS 0.12
#define PIECE 65536
#define MOST 10000
#define CHUNK 4096
#define BATCH 32

static unsigned char out[PIECE], in[PIECE];
static struct sockaddr_in at;
static uint64_t total;
/* Both ends of each connection. */
static int from[MOST], to[MOST];
static uint32_t connections = 1;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int listener(void)
{
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || getsockname(fd, (struct sockaddr *)&at, &len)) exit(3);
    if (listen(fd, 128)) exit(3);
    return fd;
}

static int connected(void)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at)) exit(4);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) exit(4);
    return fd;
}

static void put(int fd, const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = send(fd, (const char *)from + done, bytes - done, MSG_NOSIGNAL);
        if (n <= 0) exit(5);
        done += (size_t)n;
    }
}

/* Takes so many bytes of a stream that repeats `out`. */
static void take(int fd, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = recv(fd, in, bytes - done < PIECE ? bytes - done : PIECE, 0);
        if (n <= 0 || in[0] != out[done % PIECE]) exit(6);
        done += (size_t)n;
    }
}

struct sending {
    int fd;
    uint32_t pieces;
};

static void *put_all(void *arg)
{
    struct sending *s = arg;
    for (uint32_t i = 0; i < s->pieces; i++) put(s->fd, out, PIECE);
    return NULL;
}

static void bulk(int a, int b, uint32_t pieces, int threads)
{
    struct sending s = { a, pieces };
    pthread_t sender;
    if (threads == 1) {
        for (uint32_t i = 0; i < pieces; i++) {
            put(a, out, PIECE);
            take(b, PIECE);
        }
        return;
    }
    if (pthread_create(&sender, NULL, put_all, &s)) exit(7);
    take(b, (size_t)pieces * PIECE);
    pthread_join(sender, NULL);
}

static void message(int from, int to, size_t bytes, uint64_t value)
{
    uint64_t sent[8], received[8];
    for (size_t i = 0; i < bytes / 8; i++) sent[i] = value + i;
    put(from, sent, bytes);
    if (recv(to, received, bytes, MSG_WAITALL) != (ssize_t)bytes) exit(6);
    for (size_t i = 0; i < bytes / 8; i++) total += received[i];
}

/* One chunk over each connection. */
static void round_of(void)
{
    for (uint32_t first = 0; first < connections; first += BATCH) {
        uint32_t last = first + BATCH < connections ? first + BATCH : connections;
        for (uint32_t i = first; i < last; i++) put(from[i], out, CHUNK);
        for (uint32_t i = first; i < last; i++) take(to[i], CHUNK);
    }
}

static void connect_close(int server, uint32_t n)
{
    char none;
    for (uint32_t i = 0; i < n; i++) {
        int a = connected();
        int b = accept(server, NULL, NULL);
        if (b < 0) exit(8);
        close(a);
        if (recv(b, &none, 1, 0) != 0) exit(8);
        close(b);
    }
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "";
    size_t bytes = argc > 2 ? (size_t)atoi(argv[2]) : 64;
    if (argc > 3) connections = (uint32_t)atoi(argv[3]);
    if (bytes < 8 || bytes > 64 || bytes % 8 || connections < 1 || connections > MOST) return 2;
    for (size_t i = 0; i < PIECE; i++) out[i] = (unsigned char)((i * 2654435761u) >> 24);
    int server = listener();
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files)) return 3;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files)) return 3;
    for (uint32_t i = 0; i < connections; i++) {
        int on = 1;
        from[i] = connected();
        to[i] = accept(server, NULL, NULL);
        if (to[i] < 0 || setsockopt(to[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) return 3;
    }
    int a = from[0], b = to[0];
    for (uint32_t n = *kind == 'c' && kind[1] == 'r' ? 1 : 512;; n *= 2) {
        double start = now();
        if (!strcmp(kind, "bulk")) bulk(a, b, n, 1);
        else if (!strcmp(kind, "bulk2")) bulk(a, b, n, 2);
        else if (!strcmp(kind, "connect")) connect_close(server, n);
        else if (!strcmp(kind, "pingpong")) {
            for (uint32_t i = 0; i < n; i++) {
                message(from[i % connections], to[i % connections], bytes, i);
                message(to[i % connections], from[i % connections], bytes, i);
            }
        } else if (!strcmp(kind, "crowd")) {
            for (uint32_t i = 0; i < n; i++) round_of();
        } else return 2;
        double elapsed = now() - start;
        if (elapsed < SECONDS / 2) continue;
        if (!strcmp(kind, "crowd")) printf("%.6f\n", n * (double)CHUNK * connections / elapsed / 1e9);
        else if (!strncmp(kind, "bulk", 4)) printf("%.6f\n", n * (double)PIECE / elapsed / 1e9);
        else printf("%.6f\n", n / elapsed / (*kind == 'p' ? 1e6 : 1e3));
        return 0;
    }
}
