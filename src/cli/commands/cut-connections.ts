// SPDX-License-Identifier: Apache-2.0
import type { PolicyDiffResponse } from '../../api/index.js';
import { tableText } from '../output/table.js';
import { durationText, paint, socketText } from '../output/text.js';

/** Connections that a change would cut, as `diff` shows them. */
export function cutText({ connections }: PolicyDiffResponse, colours: boolean): string {
  if (connections.length === 0) return 'no connections on this host would be cut\n';
  const head = ['ENDPOINT', 'DIRECTION', 'PROTO', 'SOURCE', 'DESTINATION', 'IDLE', 'DENIED BY'];
  const rows = connections.map((one) => [
    one.endpoint,
    one.direction,
    one.proto,
    socketText(one.source, one.sourcePort),
    socketText(one.destination, one.destinationPort),
    durationText(one.idleSeconds),
    one.rule,
  ]);
  return `${paint('connections on this host that would be cut', 'bold', colours)}\n${tableText(head, rows)}`;
}
