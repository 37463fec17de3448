// TCP at the boundary: states, and the record of a connection as the host reads it (its address: PCB_TCB of
// abi/socket.ts). Offsets in bytes, u32 unless said. Sequence numbers count from the ISS and wrap.

// States (RFC 9293 §3.3.2), numbered as in RFC 4022's tcpConnectionState; 0 = the record is free.
export const TCP_CLOSED = 1;
export const TCP_LISTEN = 2;
export const TCP_SYN_SENT = 3;
export const TCP_SYN_RECEIVED = 4;
export const TCP_ESTABLISHED = 5;
export const TCP_FIN_WAIT_1 = 6;
export const TCP_FIN_WAIT_2 = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_CLOSING = 10;
export const TCP_TIME_WAIT = 11;

// OPT_TCP_CONGESTION
export const TCP_CONGESTION_RENO = 0;
export const TCP_CONGESTION_CUBIC = 1;

export const TCB_STATE = 0;
/** TCB_F_… below. */
export const TCB_FLAGS = 4;
export const TCB_SND_UNA = 16;
/** The least round-trip time of the last minutes, microseconds (0 = not known). */
export const TCB_MIN_RTT_US = 20;
/** One past the highest sequence number sent: SND.NXT, since what goes again is chosen by what is lost. */
export const TCB_SND_MAX = 24;
export const TCB_SND_WND = 28;
export const TCB_ISS = 44;
/** One past the last byte that the application has written. */
export const TCB_SND_END = 48;
export const TCB_RCV_NXT = 56;
/** Right edge of the window last advertised. */
export const TCB_RCV_ADV = 60;
/** One past the urgent data that is announced. */
export const TCB_RCV_UP = 64;
export const TCB_IRS = 68;
/** Next byte that the application reads. */
export const TCB_RCV_READ = 72;
/** Bytes of payload in a full segment. */
export const TCB_SND_MSS = 84;
/** u8: shift of SND.WND and of ours, TCP_CONGESTION_…, ranges that wait out of order. */
export const TCB_SND_SHIFT = 96;
export const TCB_RCV_SHIFT = 97;
export const TCB_CONGESTION = 98;
export const TCB_RANGES = 99;
/** u8: runs of what was sent, TCB_OPEN …, duplicate ACKs, retransmissions in a row. */
export const TCB_RECOVERY = 101;
export const TCB_DUP_ACKS = 102;
export const TCB_BACKOFF = 103;
/** Bytes of the rings, less one. */
export const TCB_SND_MASK = 108;
export const TCB_RCV_MASK = 116;
/** Microseconds: smoothed round-trip time (0 = not known), its variation, retransmission timeout. */
export const TCB_SRTT_US = 120;
export const TCB_RTTVAR_US = 124;
export const TCB_RTO_US = 128;
export const TCB_CWND = 140;
export const TCB_SSTHRESH = 144;
/** Segments retransmitted. */
export const TCB_RETRANSMITS = 216;
/** u64: bytes of payload acknowledged by the peer, and received in order. */
export const TCB_BYTES_ACKED = 224;
export const TCB_BYTES_RECEIVED = 232;
export const TCB_SEGS_OUT = 240;
export const TCB_SEGS_IN = 244;
/** A listener's: how many may wait, how many wait to be accepted, how many are half open. */
export const TCB_BACKLOG = 248;
export const TCB_ACCEPTABLE = 252;
export const TCB_HALF_OPEN = 256;
/** Timers: retransmission or window probe; keepalive and ends of patience. In each, u32: 0 = not armed; u64: when, us, or
 * from 2^63 on: it is stopped. */
export const TCB_TIMER_REXMT = 320;
export const TCB_TIMER_LIFE = 368;
export const TIMER_PREV = 4;
export const TIMER_AT = 8;

// TCB_RECOVERY
/** Nothing is lost, as far as is known. */
export const TCB_OPEN = 0;
/** Fast recovery (RFC 8985, RFC 6582). */
export const TCB_FAST = 1;
/** After a retransmission timeout (RFC 5681 §3.1). */
export const TCB_LOSS = 2;

// TCB_FLAGS
/** An application has the handle. */
export const TCB_F_HELD = 1;
/** The application sends no more: FIN follows TCB_SND_END. */
export const TCB_F_FIN_QUEUED = 2;
/** The peer sends no more: its FIN stands before TCB_RCV_NXT. */
export const TCB_F_FIN_RECEIVED = 4;
/** A FIN has come out of order. */
export const TCB_F_FIN_WAITS = 8;
/** Agreed on in the handshake. */
export const TCB_F_SACK = 16;
export const TCB_F_TIMESTAMPS = 32;
export const TCB_F_WSCALE = 64;
/** An ACK is to go now. */
export const TCB_F_ACK_NOW = 128;
/** The application waits for room to write. */
export const TCB_F_WANTS_ROOM = 512;
/** Opened by a peer. */
export const TCB_F_PASSIVE = 1024;
/** The application receives no more: what comes is discarded. */
export const TCB_F_DEAF = 2048;
/** Urgent data is announced to us; by us. */
export const TCB_F_URGENT_IN = 4096;
export const TCB_F_URGENT_OUT = 8192;
/** The retransmission timer is that of window probes. */
export const TCB_F_PERSIST = 16384;
/** More follows at once (SEND_MORE). */
export const TCB_F_MORE = 32768;
/** Waits in its listener's accept queue. */
export const TCB_F_QUEUED = 65536;
/** The first lost segment is to go again, whatever the congestion window says. */
export const TCB_F_RETRANSMIT = 131072;
/** A segment that is not full has been sent, and not all is acknowledged since. */
export const TCB_F_SMALL_OUT = 262144;
/** The path was seen to reorder (RFC 8985 §6.2 step 3). */
export const TCB_F_REORDERED = 524288;
/** Explicit congestion notification (RFC 3168): agreed on, or asked for while in SYN-SENT; CE has come, and ECE goes until
 * the peer says CWR; CWR is to go with the next new data. */
export const TCB_F_ECN = 16777216;
export const TCB_F_ECE = 33554432;
export const TCB_F_CWR = 67108864;
/** What was reduced last may have been for nothing; new data goes before what is lost, to find out (F-RTO, RFC 5682). */
export const TCB_F_UNDO = 2097152;
export const TCB_F_FRTO = 4194304;
/** The ring may become a larger one: that of what is sent; that of what is received. */
export const TCB_F_GROWS_OUT = 134217728;
export const TCB_F_GROWS_IN = 268435456;

// The record of a connection in TIME-WAIT (time_wait_record).
export const TW_LOCAL = 0;
export const TW_REMOTE = 16;
/** 0 = the record is free. */
export const TW_LOCAL_PORT = 32;
export const TW_REMOTE_PORT = 36;
/** u64: when it ends, microseconds. */
export const TW_UNTIL = 40;
