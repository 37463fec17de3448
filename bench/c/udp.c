/* UDP through the kernel's loopback: two connected sockets, one thread that alternates between them.
 *   udp oneway BYTES      batches of 32 messages sent, then received; prints millions of messages a second
 *   udp pingpong BYTES    prints millions of round trips a second
 *   udp fragments BYTES MTU   one way in batches of 8 over a loopback of this MTU, in a network namespace of its own;
 *                         prints thousands of messages a second
 * Every byte is written before it is sent and read after it has come.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define SECONDS 0.12
#define MOST 8192

static uint32_t batch = 32;

static uint64_t message[MOST / 8], received[MOST / 8], total;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int open_socket(struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)address, len) || getsockname(fd, (struct sockaddr *)address, &len)) exit(3);
    return fd;
}

static void put(int fd, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes / 8; i++) message[i] = value + i;
    if (send(fd, message, bytes, 0) != (ssize_t)bytes) exit(4);
}

static void take(int fd, size_t bytes)
{
    if (recv(fd, received, sizeof received, 0) != (ssize_t)bytes) exit(5);
    for (size_t i = 0; i < bytes / 8; i++) total += received[i];
}

static void one_way(int a, int b, size_t bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i += batch) {
        for (uint32_t j = 0; j < batch; j++) put(a, bytes, i + j);
        for (uint32_t j = 0; j < batch; j++) take(b, bytes);
    }
}

static void ping_pong(int a, int b, size_t bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        put(a, bytes, i);
        take(b, bytes);
        put(b, bytes, i);
        take(a, bytes);
    }
}

/* A network of our own, whose loopback cuts what is longer than mtu. */
static void own_loopback(int mtu)
{
    struct ifreq request;
    int fd;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) || (fd = socket(AF_INET, SOCK_DGRAM, 0)) < 0) exit(7);
    request.ifr_mtu = mtu;
    if (ioctl(fd, SIOCSIFMTU, &request)) exit(8);
    request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request)) exit(9);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at_a, at_b;
    size_t bytes = argc > 2 ? (size_t)atoi(argv[2]) : 0;
    if (bytes < 8 || bytes > MOST || bytes % 8) return 2;
    if (argc > 3) {
        own_loopback(atoi(argv[3]));
        batch = 8;
    }
    int a = open_socket(&at_a), b = open_socket(&at_b);
    if (connect(a, (struct sockaddr *)&at_b, sizeof at_b) || connect(b, (struct sockaddr *)&at_a, sizeof at_a)) return 3;
    for (uint32_t n = 1024;; n *= 2) {
        double start = now();
        if (argv[1][0] == 'p') ping_pong(a, b, bytes, n);
        else one_way(a, b, bytes, n);
        double elapsed = now() - start;
        if (elapsed < SECONDS / 2) continue;
        if (total == 0) return 6;
        printf("%.6f\n", n / elapsed / (argc > 3 ? 1e3 : 1e6));
        return 0;
    }
}
