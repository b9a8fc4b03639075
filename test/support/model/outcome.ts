// SPDX-License-Identifier: Apache-2.0
/** What becomes of one packet. */
import type { Reason } from './reasons.js';

/** Stations of a packet's way that are counted, by the names that operators see. */
export type Node =
  | 'CLASSIFY'
  | 'PARSE'
  | 'FLOW'
  | 'WALK'
  | 'ARP'
  | 'ND'
  | 'ECHO'
  | 'ROUTE'
  | 'COMMIT'
  | 'DECAP'
  | 'DELIVER'
  | 'ENCAP'
  | 'REPLY'
  | 'PASS'
  | 'DROP'
  | 'ICMP_ERROR'
  | 'NAT'
  | 'NAT_ICMP'
  | 'FORWARD'
  | 'FRAGMENT'
  | 'PUNT';

/** A frame that leaves. */
export interface Emitted {
  readonly bytes: Uint8Array;
  /** The device it leaves through. */
  readonly ifindex: number;
  /** It enters the workload's end of a veth pair directly, where the hook can. */
  readonly peer: boolean;
}

/** Changes of an endpoint's counters. */
export interface Count {
  readonly identity: string;
  readonly what: 'tx' | 'rx' | 'tx_drop';
  /** Of IP packet and Ethernet header, without padding. */
  readonly bytes: number;
}

export interface Outcome {
  /** punted: it leaves for the daemon, behind a tag. */
  readonly verdict: 'sent' | 'passed' | 'dropped' | 'punted';
  /** What leaves, or goes on to the host. */
  readonly emitted: Emitted | undefined;
  readonly reason: Reason | undefined;
  readonly nodes: readonly Node[];
  readonly counts: readonly Count[];
  /**
   * An ICMP error tells the sender: the packet counts as dropped, and yet a frame leaves. 'perhaps':
   * only the program's clock knows whether the rate limit lets it.
   */
  readonly error: 'yes' | 'perhaps' | 'no';
}
