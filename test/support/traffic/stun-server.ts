// SPDX-License-Identifier: Apache-2.0
/**
 * A STUN server with two addresses and two ports of each (RFC 5780 s7.3): answers from the address
 * and port that a request asks for. Runs until it is killed.
 *
 * usage: stun-server.ts ADDRESS OTHER-ADDRESS PORT OTHER-PORT
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { decodeRequest, encodeResponse } from './stun.js';

const [first = '', second = '', one, two] = process.argv.slice(2);
const addresses = [first, second];
const ports = [Number(one), Number(two)];
/** By index of the address, then of the port. */
const sockets: Socket[][] = addresses.map(() => []);

function other(index: number): number {
  return 1 - index;
}

addresses.forEach((address, a) => {
  ports.forEach((port, p) => {
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: true });
    socket.on('message', (data, from) => {
      const request = decodeRequest(data);
      if (!request) return;
      const fromA = request.change.ip ? other(a) : a;
      const fromP = request.change.port ? other(p) : p;
      const response = encodeResponse({
        id: request.id,
        mapped: { address: from.address, port: from.port },
        origin: { address: addresses[fromA]!, port: ports[fromP]! },
        other: { address: addresses[other(a)]!, port: ports[other(p)]! },
      });
      sockets[fromA]![fromP]!.send(response, from.port, from.address);
    });
    socket.bind(port, address);
    sockets[a]![p] = socket;
  });
});
