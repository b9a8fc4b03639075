// SPDX-License-Identifier: Apache-2.0
/** The data path as the slow path sees it, through its maps. */
import {
  algExpect,
  AGE_KIND,
  decode,
  encode,
  MAPS,
  reasonName,
  TypedMap,
  type RawMap,
} from '../../maps/index.js';
import type { BpfProgram } from '../ports/bpf.js';
import type {
  AlgKernel,
  Deltas,
  Direction,
  Expected,
  ExpectResult,
  KnownConnection,
} from './kernel.js';

/** How long a data connection is waited for, seconds: servers give up after a minute. */
const EXPECT_S = 60;

export class SlowPathMaps implements AlgKernel {
  readonly #nodes;
  readonly #flows;
  readonly #nat;
  readonly #clock;
  readonly #device;
  readonly #deltas;
  readonly #fragments;

  constructor(
    map: (name: string) => RawMap,
    /** Program alg_expect. */
    private readonly program: () => BpfProgram,
  ) {
    this.#nodes = new TypedMap(map('age_node'), MAPS.age_node);
    this.#flows = new TypedMap(map('flow'), MAPS.flow);
    this.#nat = new TypedMap(map('nat'), MAPS.nat);
    this.#clock = new TypedMap(map('clock'), MAPS.clock);
    this.#device = new TypedMap(map('alg_dev'), MAPS.alg_dev);
    this.#deltas = new TypedMap(map('alg_delta'), MAPS.alg_delta);
    this.#fragments = new TypedMap(map('frag'), MAPS.frag);
  }

  /** Whether the data path knows the ports of a datagram, by its name. */
  hasFirst(id: bigint): boolean {
    return this.#fragments.get(id) !== undefined;
  }

  /** Packets come to this device as long as this is said every few seconds. */
  alive(ifindex: number): void {
    this.#device.set(0, { ifindex, alive_s: this.#clock.get(0)?.now_s ?? 0 });
  }

  connection(node: number): KnownConnection | undefined {
    const named = this.#nodes.get(node);
    if (named?.kind !== AGE_KIND.FLOW) return undefined;
    const fwd = this.#flows.get(named.id);
    const reply = this.#flows.get(named.reply);
    const nat = this.#nat.get(node);
    if (fwd?.node !== node || reply?.node !== node || nat === undefined) return undefined;
    const direction = (
      { key }: typeof fwd,
      rewrite: (typeof nat)['fwd'],
      back: typeof fwd,
    ): Direction => ({
      vni: back.vni,
      family: key.family === 6 ? 6 : 4,
      source: key.saddr,
      destination: key.daddr,
      sport: key.sport,
      dport: key.dport,
      outFamily: back.key.family === 6 ? 6 : 4,
      outSource: rewrite.saddr,
      outDestination: rewrite.daddr,
    });
    const kept = this.#deltas.get(node);
    return {
      id: named.id,
      proto: fwd.key.proto,
      fwd: direction(fwd, nat.fwd, reply),
      reply: direction(reply, nat.reply, fwd),
      deltas: kept?.id === named.id ? { fwd: kept.fwd, reply: kept.reply } : { fwd: 0, reply: 0 },
    };
  }

  keep(node: number, id: bigint, deltas: Deltas | undefined): void {
    if (deltas === undefined) this.#deltas.delete(node);
    else this.#deltas.set(node, { id, ...deltas });
  }

  expect(expected: Expected): ExpectResult {
    const data = encode(algExpect, {
      vni: expected.vni,
      addr: expected.address,
      pub: expected.publicAddress,
      remote: expected.remote,
      port: expected.port,
      pub_port: 0,
      proto: expected.proto,
      family: expected.family,
      seconds: EXPECT_S,
      pub_family: expected.publicFamily,
    });
    const { verdict, data: answer } = this.program().testRun({ data });
    if (verdict !== 0) return { reason: reasonName(verdict) };
    return { port: decode(algExpect, answer).pub_port };
  }
}
