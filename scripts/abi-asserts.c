/* The records which a C host reads and writes, as C sees them, held against the offsets of build/ringstack.h:
 *   gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only -Ibuild scripts/abi-asserts.c */
#include <stddef.h>
#include <stdint.h>

#include "ringstack.h"

#define AT(record, field, offset) \
  _Static_assert(offsetof(struct record, field) == (offset), #record "." #field " is not at " #offset)
#define SIZE(record, bytes) _Static_assert(sizeof(struct record) == (bytes), #record " is not of " #bytes)

/* One slot of a ring (assembly/abi/ring.ts). */
struct rs_desc {
  uint32_t ptr;
  uint32_t len;
  uint32_t pbuf;
  uint32_t flags;
};
AT(rs_desc, ptr, RS_DESC_PTR);
AT(rs_desc, len, RS_DESC_LEN);
AT(rs_desc, pbuf, RS_DESC_PBUF);
AT(rs_desc, flags, RS_DESC_FLAGS);
SIZE(rs_desc, RS_DESC_BYTES);
_Static_assert(1 << RS_DESC_SHIFT == RS_DESC_BYTES, "a descriptor's size is a power of two");

/* A ring: each cursor on a cache line of its own, then the descriptors. */
struct rs_ring {
  uint32_t host;
  uint32_t host_line[15];
  uint32_t stack;
  uint32_t stack_line[15];
  struct rs_desc desc[1];
};
AT(rs_ring, host, RS_RING_HOST);
AT(rs_ring, stack, RS_RING_STACK);
AT(rs_ring, desc, RS_RING_DESC);

/* The boot record (assembly/abi/config.ts). */
struct rs_config {
  uint32_t small_buffers, large_buffers, interfaces, ring_slots;
  uint32_t addresses, neighbours, routes4, routes6, next_hops;
  uint32_t fib_direct_bits, sockets, socket_errors;
  uint32_t day_ms;
  uint32_t seed[4];
  uint32_t error, least, most, pages;
  uint32_t memberships, reassemblies, destinations;
  uint32_t tcp_blocks, time_waits;
  uint32_t rings_2k, rings_16k, rings_64k, rings_1m;
  uint32_t tcp_ranges;
  uint32_t rest;
};
AT(rs_config, small_buffers, RS_CONFIG_SMALL_BUFFERS);
AT(rs_config, large_buffers, RS_CONFIG_LARGE_BUFFERS);
AT(rs_config, interfaces, RS_CONFIG_INTERFACES);
AT(rs_config, ring_slots, RS_CONFIG_RING_SLOTS);
AT(rs_config, addresses, RS_CONFIG_ADDRESSES);
AT(rs_config, neighbours, RS_CONFIG_NEIGHBOURS);
AT(rs_config, routes4, RS_CONFIG_ROUTES4);
AT(rs_config, routes6, RS_CONFIG_ROUTES6);
AT(rs_config, next_hops, RS_CONFIG_NEXT_HOPS);
AT(rs_config, fib_direct_bits, RS_CONFIG_FIB_DIRECT_BITS);
AT(rs_config, sockets, RS_CONFIG_SOCKETS);
AT(rs_config, socket_errors, RS_CONFIG_SOCKET_ERRORS);
AT(rs_config, day_ms, RS_CONFIG_DAY_MS);
AT(rs_config, seed, RS_CONFIG_SEED);
AT(rs_config, error, RS_CONFIG_ERROR);
AT(rs_config, least, RS_CONFIG_LEAST);
AT(rs_config, most, RS_CONFIG_MOST);
AT(rs_config, pages, RS_CONFIG_PAGES);
AT(rs_config, memberships, RS_CONFIG_MEMBERSHIPS);
AT(rs_config, reassemblies, RS_CONFIG_REASSEMBLIES);
AT(rs_config, destinations, RS_CONFIG_DESTINATIONS);
AT(rs_config, tcp_blocks, RS_CONFIG_TCP_BLOCKS);
AT(rs_config, time_waits, RS_CONFIG_TIME_WAITS);
AT(rs_config, rings_2k, RS_CONFIG_RINGS_2K);
AT(rs_config, rings_16k, RS_CONFIG_RINGS_16K);
AT(rs_config, rings_64k, RS_CONFIG_RINGS_64K);
AT(rs_config, rings_1m, RS_CONFIG_RINGS_1M);
AT(rs_config, tcp_ranges, RS_CONFIG_TCP_RANGES);
SIZE(rs_config, RS_CONFIG_BYTES);

/* An interface (assembly/abi/netif.ts). */
struct rs_netif {
  uint32_t index, medium, flags, mtu;
  uint8_t mac[6];
  uint8_t mac_pad[2];
  char name[RS_NETIF_NAME_LEN];
  uint32_t rx_ring, tx_ring, mask;
  uint32_t stack_only[3];
  uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
  uint64_t rx_errors, tx_errors, rx_dropped, tx_dropped;
  uint64_t rx_overruns, rx_frame, tx_carrier, rx_multicast;
  uint8_t stack_rest[32];
};
AT(rs_netif, index, RS_NETIF_INDEX);
AT(rs_netif, medium, RS_NETIF_MEDIUM);
AT(rs_netif, flags, RS_NETIF_FLAGS);
AT(rs_netif, mtu, RS_NETIF_MTU);
AT(rs_netif, mac, RS_NETIF_MAC);
AT(rs_netif, name, RS_NETIF_NAME);
AT(rs_netif, rx_ring, RS_NETIF_RX_RING);
AT(rs_netif, tx_ring, RS_NETIF_TX_RING);
AT(rs_netif, mask, RS_NETIF_MASK);
AT(rs_netif, rx_packets, RS_NETIF_RX_PACKETS);
AT(rs_netif, tx_packets, RS_NETIF_TX_PACKETS);
AT(rs_netif, rx_bytes, RS_NETIF_RX_BYTES);
AT(rs_netif, tx_bytes, RS_NETIF_TX_BYTES);
AT(rs_netif, rx_errors, RS_NETIF_RX_ERRORS);
AT(rs_netif, tx_errors, RS_NETIF_TX_ERRORS);
AT(rs_netif, rx_dropped, RS_NETIF_RX_DROPPED);
AT(rs_netif, tx_dropped, RS_NETIF_TX_DROPPED);
AT(rs_netif, rx_overruns, RS_NETIF_RX_OVERRUNS);
AT(rs_netif, rx_frame, RS_NETIF_RX_FRAME);
AT(rs_netif, tx_carrier, RS_NETIF_TX_CARRIER);
AT(rs_netif, rx_multicast, RS_NETIF_RX_MULTICAST);
SIZE(rs_netif, RS_NETIF_BYTES);

/* An address of an interface (assembly/abi/netif.ts). */
struct rs_addr {
  uint8_t ip[16];
  uint32_t plen, netif, family, order;
  uint32_t state;
  uint8_t private_[36], peer[16], rival[6], rival_pad[2];
  uint32_t conflicts;
  uint8_t private_end[4];
};
AT(rs_addr, ip, RS_ADDR_IP);
AT(rs_addr, plen, RS_ADDR_PLEN);
AT(rs_addr, netif, RS_ADDR_NETIF);
AT(rs_addr, family, RS_ADDR_FAMILY);
AT(rs_addr, order, RS_ADDR_ORDER);
AT(rs_addr, state, RS_ADDR_STATE);
AT(rs_addr, peer, RS_ADDR_PEER);
AT(rs_addr, rival, RS_ADDR_RIVAL);
AT(rs_addr, conflicts, RS_ADDR_CONFLICTS);
SIZE(rs_addr, RS_ADDR_BYTES);

/* The event ring's head (assembly/abi/event.ts); the ring and the pending words stand elsewhere. */
struct rs_events {
  uint32_t head;
  uint32_t head_line[15];
  uint32_t tail, mask, ring, pending, first_netif;
  uint32_t rest[11];
};
AT(rs_events, head, RS_EVENTS_HEAD);
AT(rs_events, tail, RS_EVENTS_TAIL);
AT(rs_events, mask, RS_EVENTS_MASK);
AT(rs_events, ring, RS_EVENTS_RING);
AT(rs_events, pending, RS_EVENTS_PENDING);
AT(rs_events, first_netif, RS_EVENTS_FIRST_NETIF);
SIZE(rs_events, RS_EVENTS_BYTES);

/* The call block (assembly/abi/call.ts). */
struct rs_call {
  uint8_t addr[16];
  uint32_t port, ifindex;
  uint8_t addr2[16], addr3[16];
  uint32_t ptr, len, ttl, tos, err, icmp;
  uint32_t time_low, time_high;
  uint32_t rest[3];
  uint8_t mac[6];
  uint8_t mac_pad[6];
  char name[16];
  uint8_t options[40];
  uint32_t ip, ip_len;
  uint32_t call_rest[4];
};
AT(rs_call, addr, RS_CALL_ADDR);
AT(rs_call, port, RS_CALL_PORT);
AT(rs_call, ifindex, RS_CALL_IFINDEX);
AT(rs_call, addr2, RS_CALL_ADDR2);
AT(rs_call, addr3, RS_CALL_ADDR3);
AT(rs_call, ptr, RS_CALL_PTR);
AT(rs_call, len, RS_CALL_LEN);
AT(rs_call, ttl, RS_CALL_TTL);
AT(rs_call, tos, RS_CALL_TOS);
AT(rs_call, err, RS_CALL_ERRNO);
AT(rs_call, icmp, RS_CALL_ICMP);
AT(rs_call, time_low, RS_CALL_TIME);
AT(rs_call, mac, RS_CALL_MAC);
AT(rs_call, name, RS_CALL_NAME);
AT(rs_call, options, RS_CALL_OPTIONS);
AT(rs_call, ip, RS_CALL_IP);
AT(rs_call, ip_len, RS_CALL_IP_LEN);
SIZE(rs_call, RS_CALL_BYTES);

/* A route (assembly/abi/route.ts). */
struct rs_route {
  uint8_t family, plen, origin, pad;
  uint32_t metric, flags, ifindex;
  uint8_t dst[16], gateway[16], source[16];
  uint32_t seq, next_hop;
};
AT(rs_route, family, RS_ROUTE_FAMILY);
AT(rs_route, plen, RS_ROUTE_PLEN);
AT(rs_route, origin, RS_ROUTE_ORIGIN);
AT(rs_route, metric, RS_ROUTE_METRIC);
AT(rs_route, flags, RS_ROUTE_FLAGS);
AT(rs_route, ifindex, RS_ROUTE_IFINDEX);
AT(rs_route, dst, RS_ROUTE_DST);
AT(rs_route, gateway, RS_ROUTE_GATEWAY);
AT(rs_route, source, RS_ROUTE_SOURCE);
AT(rs_route, seq, RS_ROUTE_SEQ);
AT(rs_route, next_hop, RS_ROUTE_NEXTHOP);
SIZE(rs_route, RS_ROUTE_BYTES);

/* A neighbour (assembly/abi/netif.ts): what a host may read. */
struct rs_neigh {
  uint8_t ip[16];
  uint32_t hash_next, netif;
  uint8_t ether[14];
  uint8_t state;
};
AT(rs_neigh, ip, RS_NEIGH_IP);
AT(rs_neigh, hash_next, RS_NEIGH_HASH_NEXT);
AT(rs_neigh, netif, RS_NEIGH_NETIF);
AT(rs_neigh, ether, RS_NEIGH_ETHER);
AT(rs_neigh, state, RS_NEIGH_STATE);

/* A socket (assembly/abi/socket.ts): what a host may read. */
struct rs_pcb {
  uint8_t local[16], remote[16];
  uint32_t local_port, remote_port, proto, handle;
  uint32_t stack_only[4];
  uint32_t rx_count;
  uint32_t stack_rest[46];
  uint32_t tcb;
};
AT(rs_pcb, local, RS_PCB_LOCAL);
AT(rs_pcb, remote, RS_PCB_REMOTE);
AT(rs_pcb, local_port, RS_PCB_LOCAL_PORT);
AT(rs_pcb, remote_port, RS_PCB_REMOTE_PORT);
AT(rs_pcb, proto, RS_PCB_PROTO);
AT(rs_pcb, handle, RS_PCB_HANDLE);
AT(rs_pcb, rx_count, RS_PCB_RX_COUNT);
AT(rs_pcb, tcb, RS_PCB_TCB);
SIZE(rs_pcb, RS_PCB_BYTES);

/* A TCP connection (assembly/abi/tcp.ts): what a host may read. */
struct rs_tcb {
  uint32_t state, flags;
  uint32_t stack_only_8[2];
  uint32_t snd_una, min_rtt_us, snd_max, snd_wnd;
  uint32_t stack_only_32[3];
  uint32_t iss, snd_end;
  uint32_t stack_only_52;
  uint32_t rcv_nxt, rcv_adv, rcv_up, irs, rcv_read;
  uint32_t stack_only_76[2];
  uint32_t snd_mss;
  uint32_t stack_only_88[2];
  uint8_t snd_shift, rcv_shift, congestion;
  uint8_t stack_only_99[2];
  uint8_t recovery, dup_acks, backoff;
  uint32_t stack_only_104;
  uint32_t snd_mask;
  uint32_t stack_only_112;
  uint32_t rcv_mask;
  uint32_t srtt_us, rttvar_us, rto_us;
  uint32_t stack_only_132[2];
  uint32_t cwnd, ssthresh;
  uint32_t stack_only_148[17];
  uint32_t retransmits;
  uint32_t stack_only_220;
  uint64_t bytes_acked, bytes_received;
  uint32_t segs_out, segs_in;
  uint32_t backlog, acceptable, half_open;
};
AT(rs_tcb, state, RS_TCB_STATE);
AT(rs_tcb, flags, RS_TCB_FLAGS);
AT(rs_tcb, snd_una, RS_TCB_SND_UNA);
AT(rs_tcb, min_rtt_us, RS_TCB_MIN_RTT_US);
AT(rs_tcb, snd_max, RS_TCB_SND_MAX);
AT(rs_tcb, snd_wnd, RS_TCB_SND_WND);
AT(rs_tcb, iss, RS_TCB_ISS);
AT(rs_tcb, snd_end, RS_TCB_SND_END);
AT(rs_tcb, rcv_nxt, RS_TCB_RCV_NXT);
AT(rs_tcb, rcv_adv, RS_TCB_RCV_ADV);
AT(rs_tcb, rcv_up, RS_TCB_RCV_UP);
AT(rs_tcb, irs, RS_TCB_IRS);
AT(rs_tcb, rcv_read, RS_TCB_RCV_READ);
AT(rs_tcb, snd_mss, RS_TCB_SND_MSS);
AT(rs_tcb, snd_shift, RS_TCB_SND_SHIFT);
AT(rs_tcb, rcv_shift, RS_TCB_RCV_SHIFT);
AT(rs_tcb, congestion, RS_TCB_CONGESTION);
AT(rs_tcb, recovery, RS_TCB_RECOVERY);
AT(rs_tcb, dup_acks, RS_TCB_DUP_ACKS);
AT(rs_tcb, backoff, RS_TCB_BACKOFF);
AT(rs_tcb, snd_mask, RS_TCB_SND_MASK);
AT(rs_tcb, rcv_mask, RS_TCB_RCV_MASK);
AT(rs_tcb, srtt_us, RS_TCB_SRTT_US);
AT(rs_tcb, rttvar_us, RS_TCB_RTTVAR_US);
AT(rs_tcb, rto_us, RS_TCB_RTO_US);
AT(rs_tcb, cwnd, RS_TCB_CWND);
AT(rs_tcb, ssthresh, RS_TCB_SSTHRESH);
AT(rs_tcb, retransmits, RS_TCB_RETRANSMITS);
AT(rs_tcb, bytes_acked, RS_TCB_BYTES_ACKED);
AT(rs_tcb, bytes_received, RS_TCB_BYTES_RECEIVED);
AT(rs_tcb, segs_out, RS_TCB_SEGS_OUT);
AT(rs_tcb, segs_in, RS_TCB_SEGS_IN);
AT(rs_tcb, backlog, RS_TCB_BACKLOG);
AT(rs_tcb, acceptable, RS_TCB_ACCEPTABLE);
AT(rs_tcb, half_open, RS_TCB_HALF_OPEN);

/* A connection in TIME-WAIT (assembly/abi/tcp.ts): what a host may read. */
struct rs_time_wait {
  uint8_t local[16], remote[16];
  uint32_t local_port, remote_port;
  uint64_t until;
};
AT(rs_time_wait, local, RS_TW_LOCAL);
AT(rs_time_wait, remote, RS_TW_REMOTE);
AT(rs_time_wait, local_port, RS_TW_LOCAL_PORT);
AT(rs_time_wait, remote_port, RS_TW_REMOTE_PORT);
AT(rs_time_wait, until, RS_TW_UNTIL);

/* Byte rings of one size (assembly/abi/byte-ring.ts). */
struct rs_byte_ring {
  uint32_t bytes, total, free;
  uint32_t stack_only[3];
};
AT(rs_byte_ring, bytes, RS_BYTE_RING_BYTES);
AT(rs_byte_ring, total, RS_BYTE_RING_TOTAL);
AT(rs_byte_ring, free, RS_BYTE_RING_FREE);
SIZE(rs_byte_ring, RS_BYTE_RING_ROW);
