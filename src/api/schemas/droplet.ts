// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import {
  DEFAULT_TTL,
  MIN_SERVICE_PORTS,
  parsePorts,
  portCount,
  SERVICE_DEFAULTS,
} from '../../model/index.js';
import { addressField, deviceField, doc, hostField, portsField } from '../fields.js';

const dscpRule = 'dscp is "copy" or a number 0..63';

/** Ports below this are for what listens on the host (RFC 6335 s6). */
const FIRST_USER_PORT = 1024;

/** How packets to servers of VirtualServices leave. */
const services = z.strictObject({
  addresses: doc(
    z
      .array(doc(addressField(), 'Address in the underlay.', { examples: ['192.0.2.210'] }))
      .min(1)
      .max(2)
      .check((context) => {
        const [first, second] = context.value;
        if (first === undefined || second === undefined) return;
        if (first.includes(':') !== second.includes(':')) return;
        context.issues.push({
          code: 'custom',
          path: [1],
          input: second,
          message: 'must be one address, or one of each family',
        });
      }),
    "Sources: one, or one of each family. The host does not have them; ARP and neighbour discovery for them are answered on the interface. Default: the droplet's own address.",
  ).optional(),
  ports: doc(
    portsField().check((context) => {
      let count: number;
      let first: number;
      try {
        const range = parsePorts(String(context.value));
        count = portCount(range);
        ({ first } = range);
      } catch {
        return;
      }
      const rule =
        first < FIRST_USER_PORT
          ? `must begin at ${FIRST_USER_PORT} or above`
          : `has ${count} ports, must have at least ${MIN_SERVICE_PORTS}`;
      if (first >= FIRST_USER_PORT && count >= MIN_SERVICE_PORTS) return;
      context.issues.push({
        code: 'custom',
        input: context.value,
        message: `${context.value} ${rule}`,
      });
    }),
    `Source ports, a range that every service has for itself. At the droplet's own address it must not meet the host's net.ipv4.ip_local_port_range. Default: ${SERVICE_DEFAULTS.ports.aside}, at the droplet's own address ${SERVICE_DEFAULTS.ports.own}.`,
    { examples: ['16384-32767'] },
  ).optional(),
});

/** Spec of a Droplet. */
export const dropletSpec = z
  .strictObject({
    host: doc(hostField(), 'Name of the host that has the interface.', { examples: ['host-a'] }),
    device: doc(deviceField(), 'Name of the interface on that host.', { examples: ['eth0'] }),
    addresses: doc(
      z
        .array(doc(addressField(), 'Underlay address (VTEP).', { examples: ['192.0.2.10'] }))
        .min(1)
        .max(2)
        .check((context) => {
          const [first, second] = context.value;
          if (first === undefined || second === undefined) return;
          if (first.includes(':') !== second.includes(':')) return;
          context.issues.push({
            code: 'custom',
            path: [1],
            input: second,
            message: 'a droplet has one address, or one of each family',
          });
        }),
      'Underlay addresses: one, or one of each family.',
    ),
    hook: doc(z.enum(['auto', 'xdp', 'tc']), 'Where the program is attached; auto is xdp.', {
      default: 'auto',
    }).optional(),
    allowGeneric: doc(
      z.boolean(),
      'Use generic XDP where the driver has no native XDP. It is slow.',
      { default: false },
    ).optional(),
    dscp: doc(
      z.union([z.literal('copy'), z.int().min(0).max(63)], { error: dscpRule }),
      "DSCP of the outer header: copy takes the inner packet's, 0..63 sets one.",
      { default: 'copy' },
    ).optional(),
    ttl: doc(z.int().min(1).max(255), 'TTL or hop limit of the outer header.', {
      default: DEFAULT_TTL,
    }).optional(),
    outside: doc(
      z.boolean(),
      "The interface leads to the outside: the kernel's routes over it are those of the outside.",
      { default: false },
    ).optional(),
    services: doc(
      services,
      "What packets of this host's endpoints to servers of VirtualServices look like.",
    ).optional(),
  })
  .meta({ id: 'DropletSpec', description: 'What a droplet shall be.' });
