// SPDX-License-Identifier: Apache-2.0
/**
 * A later fragment that comes before its first one: programs cannot hold it, so it goes to the daemon
 * as it came (RFC 4787 REQ-14, RFC 6146 s3.4), and ends here when there is none.
 */
import type { Host } from './host.js';
import type { Count, Node, Outcome } from './outcome.js';

/** @param lost what is counted when it ends here */
export function early(
  host: Host,
  bytes: Uint8Array,
  nodes: readonly Node[],
  lost: readonly Count[],
): Outcome {
  if (host.daemon === undefined)
    return {
      verdict: 'dropped',
      emitted: undefined,
      reason: 'FRAG_UNHELD',
      nodes: [...nodes, 'FRAGMENT', 'DROP'],
      counts: lost,
      error: 'no',
    };
  return {
    verdict: 'punted',
    emitted: { bytes, ifindex: host.daemon, peer: false },
    reason: undefined,
    nodes: [...nodes, 'FRAGMENT', 'PUNT'],
    counts: [],
    error: 'no',
  };
}
