// SPDX-License-Identifier: Apache-2.0
/** What the operator is told when the kernel refuses a program. */
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import { Attachments, type Wanted } from '../../../src/daemon/datapath/attachments.js';
import type { Programs } from '../../../src/daemon/datapath/programs.js';
import type { BpfLoader } from '../../../src/daemon/ports/bpf.js';

const refused = 'bpf_link_create(program x, device 7): ERANGE: Numerical result out of range';
const loader = {
  attached: () => undefined,
  attach: () => {
    throw new Error(refused);
  },
  hasTcx: () => true,
} as unknown as BpfLoader;
const programs = { build: { program: () => ({ id: 1 }) } } as unknown as Programs;

test('a program that is not attached: device, MTU and rule are named', (t) => {
  const attachments = new Attachments(
    { loader, programs, log: silentLogger() },
    { pinDir: '/nowhere' },
  );
  const error = (more: Partial<Wanted>): string => {
    const wanted = { hook: 'xdp', ifindex: 7, device: 'ul0', allowGeneric: false } as const;
    return attachments.want('owner', { ...wanted, role: 'transit', mtu: 9000, ...more })!.error!;
  };
  for (const role of ['transit', 'agent'] as const) {
    t.match(error({ role }), /ERANGE.*\(ul0 has MTU 9000: above 3498 XDP needs a driver.*tc\)$/);
  }
  t.match(error({ mtu: 3498 }), /ERANGE.*spec\.allowGeneric permits/);
  t.equal(error({ mtu: 3498, role: 'agent' }), refused);
  t.equal(error({ hook: 'tc' }), refused);
  t.end();
});
