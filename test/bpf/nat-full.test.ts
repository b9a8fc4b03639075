// SPDX-License-Identifier: Apache-2.0
/**
 * No room for a mapping (NAT_TABLE_FULL): who comes too late is told by an ICMP error, and whoever
 * looks by the drop's counter, `transit get nat` and the condition WithinLimits. Who has a mapping
 * notices nothing, and there is room again when others have gone.
 */
import { test, t as suite } from 'tap';
import type { NatResponse } from '../../src/api/index.js';
import { nat } from '../../src/cli/commands/nat.js';
import { LimitStatus } from '../../src/daemon/datapath/limit-status.js';
import { natTables } from '../../src/daemon/datapath/nat-tables.js';
import { natUse } from '../../src/daemon/datapath/nat-use.js';
import { CounterMap, MAPS, REASON } from '../../src/maps/index.js';
import type { StoredObject } from '../../src/model/index.js';
import { object } from '../calc/support.js';
import { decode, differences } from '../support/decode.js';
import { bpfMap, type Gateway } from '../support/gateway.js';
import { HOOKS, isolate, type Hook } from '../support/rig.js';
import { drain } from './unique-audit.js';
import {
  addressOf,
  answerTo,
  DESTINATIONS,
  entry,
  FIRST,
  frameFrom,
  makeGateway,
  Objects,
  outside,
  receiverOf,
  seen,
  type Person,
  type Tuple,
} from './unique-place.js';

isolate();
suite.setTimeout(300_000);

/** Mappings that the table has room for. */
const ROOM = 32;
const DST = DESTINATIONS[0];
/** Slots of map counters. */
const SLOT = { xdp: 2, tc: 3 } as const;

/** As in production, refusals included: VPCs send ICMP errors. */
function objectsWithErrors(): readonly StoredObject[] {
  return new Objects().of(FIRST).map((o) => {
    if (o.kind !== 'Vpc' || o.metadata.name !== 'v') return o;
    return object('Vpc', 'v', { ...o.spec, icmp: { rate: 1000, burst: 1000 } });
  });
}

/** What the daemon and the CLI say of the gateway. */
function views(gateway: Gateway, objects: readonly StoredObject[]) {
  const map = (name: string) => bpfMap(gateway.map(name));
  const store = {
    get: (kind: string, name: string) =>
      objects.find((o) => o.kind === kind && o.metadata.name === name),
    list: (kind?: string) => objects.filter((o) => o.kind === kind),
  } as never;
  const status = new LimitStatus({ map, objects: store, clock: { monotonic: () => 0 } as never });
  const use = (): NatResponse => ({
    ...natUse(natTables(map, store)),
    prefixes: [],
    services: [],
  });
  const shown = async (): Promise<string> => {
    const { table } = await nat({ call: () => Promise.resolve(use()) } as never, {} as never);
    return table(false);
  };
  return { status, use, shown };
}

const refusedOn = (gateway: Gateway, hook: Hook): bigint =>
  new CounterMap(bpfMap(gateway.map('counters')), MAPS.counters).sum(SLOT[hook])!.drop[
    REASON.NAT_TABLE_FULL
  ]!;

for (const hook of HOOKS) {
  // @rfc 5508 REQ-8
  test(`${hook}: no room for a mapping`, async (t) => {
    const gateway = makeGateway(hook, 2 * ROOM);
    const objects = objectsWithErrors();
    await gateway.restart();
    await gateway.configure(objects);
    const send = (who: Person, sport: number): { data: Uint8Array; tuple: Tuple } => {
      const { program, ifindex } = entry(who);
      const { data } = gateway.run(program, ifindex, frameFrom(who, 'udp', sport, DST));
      return { data, tuple: seen(data, 'udp') };
    };
    const made = Array.from({ length: ROOM }, (_, i) => send('r0', 2000 + i).tuple);
    t.equal(new Set(made.map(({ port }) => port)).size, ROOM, 'as many as fit');
    t.equal(refusedOn(gateway, hook), 0n, 'nobody was refused');

    const { data } = send('l0', 2000);
    const told = [
      { layer: 'eth' },
      { layer: 'ip', dst: addressOf('l0') },
      { layer: 'icmp', type: 3, code: 13, checksum: 'good' },
      { layer: 'ip', src: addressOf('l0'), dst: DST },
      { layer: 'udp', sport: 2000, dport: 53 },
    ];
    t.same(differences(decode([data])[0]!, told), [], 'administratively prohibited');
    t.equal(refusedOn(gateway, hook), 1n, 'counted as a drop');

    const { status, use, shown } = views(gateway, objects);
    const l0 = use().endpoints.find(({ endpoint }) => endpoint === 'l0');
    t.equal(l0?.refusedTable, 1, 'of the endpoint');
    t.equal(use().gateways[0]?.refusedTable, 1, 'of the gateway');
    t.match(
      await shown(),
      /GATEWAY +REFUSED-QUOTA +REFUSED-POOL +REFUSED-TABLE .*\nn +0 +0 +1 +0/,
      'transit get nat',
    );
    const named = (kind: string, name: string): StoredObject =>
      objects.find((o) => o.kind === kind && o.metadata.name === name)!;
    t.match(status.of(named('Endpoint', 'l0'))?.refusal, {
      reason: 'TableFull',
      message:
        /a connection was refused: there is no room for a mapping \(datapath.nat.maxMappings\)/,
    });
    t.match(status.of(named('NatGateway', 'n'))?.refusal, {
      reason: 'TableFull',
      message: /endpoint l0: there is no room for a mapping/,
    });
    t.equal(status.of(named('Endpoint', 'l1'))?.refusal, undefined, 'l1 was not refused');

    t.same(send('r0', 2007).tuple, made[7], 'who has a mapping keeps it');
    const back = gateway.run('transit', outside(), answerTo(made[7]!, DST));
    t.equal(receiverOf(back.data, 'r0', 'udp'), 'udp r0 2007', 'and is answered');

    await drain(gateway);
    t.match(send('l0', 2000).tuple.address, /^203\.0\.113\./, 'room again');
    gateway.close();
  });
}
