// SPDX-License-Identifier: Apache-2.0
/**
 * Discovers how a NAT behaves, by RFC 5780 s4.3 (mapping), s4.4 (filtering) and s4.5 (hairpin), and
 * prints what it found as JSON (NatBehaviour). A binding request that is to be answered is sent
 * again until it is; one that need not be answered is given a fixed time, and a last request shows
 * that the server was still there.
 *
 * usage: stun-client.ts SERVER PORT
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  type Change,
  type Endpoint,
  type Response,
} from './stun.js';

export interface NatBehaviour {
  readonly local: Endpoint;
  readonly mapped: Endpoint;
  readonly mapping: 'endpoint' | 'address' | 'address-port';
  readonly filtering: 'endpoint' | 'address' | 'address-port';
  /** An own mapped address is reached from inside, and seen from the other's. */
  readonly hairpin: boolean;
  readonly hairpinSource: Endpoint | undefined;
}

/** How long an answer that may be filtered is waited for, ms. */
const SILENCE = 700;
const AGAIN = 250;
const DEADLINE = 10_000;
const SAME: Change = { ip: false, port: false };

const [server = '', port = '3478'] = process.argv.slice(2);
const primary: Endpoint = { address: server, port: Number(port) };

function open(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
    socket.on('error', reject);
    socket.bind(0, () => {
      resolve(socket);
    });
  });
}

/** undefined: no answer in time. may: the answer may be filtered. */
function ask(
  socket: Socket,
  to: Endpoint,
  change: Change,
  may: boolean,
): Promise<Response | undefined> {
  const id = randomBytes(12);
  const request = encodeRequest(id, change);
  return new Promise((resolve) => {
    const send = (): void => {
      socket.send(request, to.port, to.address);
    };
    const again = setInterval(send, AGAIN);
    const end = (answer?: Response): void => {
      clearInterval(again);
      clearTimeout(limit);
      socket.off('message', heard);
      resolve(answer);
    };
    const heard = (data: Buffer): void => {
      const answer = decodeResponse(data);
      if (answer?.id.equals(id)) end(answer);
    };
    const limit = setTimeout(end, may ? SILENCE : DEADLINE);
    socket.on('message', heard);
    send();
  });
}

async function must(socket: Socket, to: Endpoint): Promise<Response> {
  const answer = await ask(socket, to, SAME, false);
  if (!answer) throw new Error(`${to.address} port ${to.port} does not answer`);
  return answer;
}

const equal = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port;

async function mapping(socket: Socket, first: Response): Promise<NatBehaviour['mapping']> {
  const second = await must(socket, { address: first.other.address, port: primary.port });
  if (equal(second.mapped, first.mapped)) return 'endpoint';
  const third = await must(socket, first.other);
  return equal(third.mapped, second.mapped) ? 'address' : 'address-port';
}

/** A socket of its own: it must not have sent to the other address. */
async function filtering(): Promise<NatBehaviour['filtering']> {
  const socket = await open();
  await must(socket, primary);
  const both = await ask(socket, primary, { ip: true, port: true }, true);
  const onlyPort = both ?? (await ask(socket, primary, { ip: false, port: true }, true));
  await must(socket, primary);
  socket.close();
  return both ? 'endpoint' : onlyPort ? 'address' : 'address-port';
}

/** From a second socket to the first one's mapped address. */
async function hairpin(first: Socket, to: Endpoint): Promise<Endpoint | undefined> {
  const second = await open();
  const id = randomBytes(12);
  const source = await new Promise<Endpoint | undefined>((resolve) => {
    const send = (): void => {
      second.send(encodeRequest(id, SAME), to.port, to.address);
    };
    const again = setInterval(send, AGAIN);
    const end = (from?: Endpoint): void => {
      clearInterval(again);
      clearTimeout(limit);
      resolve(from);
    };
    const limit = setTimeout(end, SILENCE * 2);
    first.on('message', (data, { address, port: sender }) => {
      if (decodeRequest(data)?.id.equals(id)) end({ address, port: sender });
    });
    send();
  });
  second.close();
  return source;
}

const socket = await open();
const first = await must(socket, primary);
const kind = await mapping(socket, first);
const source = await hairpin(socket, first.mapped);
const found: NatBehaviour = {
  local: { address: socket.address().address, port: socket.address().port },
  mapped: first.mapped,
  mapping: kind,
  filtering: await filtering(),
  hairpin: source !== undefined,
  hairpinSource: source,
};
console.log(JSON.stringify(found));
process.exit(0);
