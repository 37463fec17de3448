// lwIP on a TAP device, for a test that tells it what to do. Built from Debian's liblwip-dev, whose buffers do not hold
// a frame of more than about 590 bytes: the device's MTU is 576.
//
//   gcc $(pkg-config --cflags lwip) peer.c -o peer $(pkg-config --libs lwip) -lpthread
//   PRECONFIGURED_TAPIF=DEVICE ip netns exec NAME ./peer ADDRESS MASK GATEWAY
//
// Commands and answers are those of gvisor/main.go, without "connect".
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lwip/netif.h"
#include "lwip/sockets.h"
#include "lwip/sys.h"
#include "lwip/tcpip.h"
#include "netif/tapif.h"

#define MTU 576

struct service {
  int port, is_echo;
};

struct connection {
  struct service service;
  int socket;
  const char *wrong;  // what failed while speaking
};

static struct netif nif;
static ip4_addr_t address, mask, gateway;
static sys_sem_t is_up;

static void die(const char *what) {
  fprintf(stderr, "lwip: %s\n", what);
  exit(1);
}

static void begin(void *none) {
  if (netif_add(&nif, &address, &mask, &gateway, 0, tapif_init, tcpip_input) == 0) die("no interface");
  nif.mtu = MTU;
  netif_set_default(&nif);
  netif_set_up(&nif);
  netif_set_link_up(&nif);
  sys_sem_signal(&is_up);
}

static int open_file(int port, const char *kind, int flags) {
  char name[32];
  snprintf(name, sizeof name, "%d.%s", port, kind);
  return open(name, flags, 0600);
}

// Whether all of it could be said.
static int say(int socket, const char *bytes, int size) {
  for (int at = 0, done; at < size; at += done)
    if ((done = lwip_write(socket, bytes + at, size - at)) <= 0) return 0;
  return 1;
}

static const char *echo(int socket) {
  char bytes[8192];
  int size, on = 1;
  lwip_setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  while ((size = lwip_read(socket, bytes, sizeof bytes)) > 0)
    if (!say(socket, bytes, size)) return "write";
  return size < 0 ? "read" : 0;
}

static void *say_file(void *of) {
  struct connection *c = of;
  char bytes[8192];
  ssize_t size = 0;
  int file = open_file(c->service.port, "out", O_RDONLY);
  while (file >= 0 && (size = read(file, bytes, sizeof bytes)) > 0)
    if (!say(c->socket, bytes, size)) break;
  if (file < 0 || size != 0) c->wrong = file < 0 ? "no file" : "write";
  if (file >= 0) close(file);
  lwip_shutdown(c->socket, SHUT_WR);
  return 0;
}

static const char *exchange(struct connection *c) {
  char bytes[8192];
  int size;
  pthread_t speaker;
  int file = open_file(c->service.port, "in", O_WRONLY | O_CREAT | O_TRUNC);
  if (file < 0) return "no file";
  if (pthread_create(&speaker, 0, say_file, c) != 0) die("no thread");
  while ((size = lwip_read(c->socket, bytes, sizeof bytes)) > 0)
    if (write(file, bytes, size) != size) die("cannot write");
  close(file);
  pthread_join(speaker, 0);
  return size < 0 ? "read" : c->wrong;
}

static void *serve(void *of) {
  struct connection *c = of;
  const char *wrong = c->service.is_echo ? echo(c->socket) : exchange(c);
  lwip_close(c->socket);
  if (wrong == 0) printf("end %d\n", c->service.port);
  if (wrong != 0) printf("failed %d: %s\n", c->service.port, wrong);
  free(c);
  return 0;
}

static void *listens(void *of) {
  struct service *service = of;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = lwip_htons(service->port)};
  int listener = lwip_socket(AF_INET, SOCK_STREAM, 0);
  if (lwip_bind(listener, (void *)&at, sizeof at) != 0 || lwip_listen(listener, 8) != 0) die("cannot listen");
  printf("listening %d\n", service->port);
  for (;;) {
    struct connection *c = calloc(1, sizeof *c);
    pthread_t thread;
    c->service = *service;
    c->socket = lwip_accept(listener, 0, 0);
    if (c->socket < 0) die("cannot accept");
    if (pthread_create(&thread, 0, serve, c) != 0) die("no thread");
    pthread_detach(thread);
  }
  return 0;
}

int main(int count, char **words) {
  if (count != 4) die("ADDRESS MASK GATEWAY");
  setvbuf(stdout, 0, _IOLBF, 0);
  ip4addr_aton(words[1], &address);
  ip4addr_aton(words[2], &mask);
  ip4addr_aton(words[3], &gateway);
  sys_sem_new(&is_up, 0);
  tcpip_init(begin, 0);
  sys_sem_wait(&is_up);
  puts("ready");
  char verb[16];
  for (int port; scanf("%15s %d", verb, &port) == 2;) {
    struct service *service = malloc(sizeof *service);
    pthread_t thread;
    *service = (struct service){port, strcmp(verb, "echo") == 0};
    if (pthread_create(&thread, 0, listens, service) != 0) die("no thread");
  }
}
