// SPDX-License-Identifier: Apache-2.0
/** Asks the data path itself what policies say: program judge, which changes and counts nothing. */
import { parseAddress } from '../../base/net.js';
import { decode, encode, polJudge, REASON } from '../../maps/index.js';
import type { JudgedPacket } from '../calc/index.js';
import type { BpfProgram } from '../ports/bpf.js';
import { DataPathError } from './errors.js';

export interface KernelVerdict {
  readonly allowed: boolean;
  /** Index of the rule that decided; 0: none, as it is open. */
  readonly hit: number;
}

/** Twice in the key of an echo. */
const ECHO_ID = 1;
const ECHO = { 4: 8, 6: 128 } as const;

/** @throws DataPathError JUDGE_FAILED; what loading and running the program throws */
export function askKernel(
  program: BpfProgram,
  endpoint: number,
  sends: boolean,
  packet: JudgedPacket,
): KernelVerdict {
  const { family, protocol, source, destination } = packet;
  const key = {
    scope: 0,
    saddr: parseAddress(source).bytes,
    daddr: parseAddress(destination).bytes,
    ...portsOf(packet),
    proto: protocol,
    family,
  };
  const data = encode(polJudge, { ep: endpoint, sends: Number(sends), reply: 0, hit: 0, key });
  const run = program.testRun({ data });
  if (run.verdict !== 0 && run.verdict !== REASON.POLICY)
    throw new DataPathError('JUDGE_FAILED', `program judge answers ${run.verdict}`);
  return { allowed: run.verdict === 0, hit: decode(polJudge, run.data).hit };
}

/** As lib/parse.h has them in a key. */
function portsOf({ family, ports, icmp }: JudgedPacket): {
  readonly sport: number;
  readonly dport: number;
} {
  if (ports !== undefined) return { sport: ports.source, dport: ports.destination };
  if (icmp === undefined) return { sport: 0, dport: 0 };
  if (icmp.type === ECHO[family]) return { sport: ECHO_ID, dport: ECHO_ID };
  const what = (icmp.type << 8) | icmp.code;
  return { sport: what === 0 ? 0xffff : 0, dport: what };
}
