// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { SERVICE_DEFAULTS, type ServiceTimeouts } from '../../model/index.js';
import { addressField, doc, nameField } from '../fields.js';

/** 30 days, as of a Vpc's connections. */
const MAX_TIMEOUT = 2592000;
/** Shorter than an answer may take, nothing would come back. */
const MIN_TIMEOUT = 5;

const port = () => z.int().min(1).max(65535);

function timeout(name: keyof ServiceTimeouts, what: string) {
  return doc(z.int().min(MIN_TIMEOUT).max(MAX_TIMEOUT), what, {
    default: SERVICE_DEFAULTS.timeouts[name],
  }).optional();
}

/** Spec of a VirtualService. */
export const virtualServiceSpec = z
  .strictObject({
    vpcs: doc(
      z.array(nameField()).min(1).max(1024),
      'Names of the Vpcs that see the service. Give this or allVpcs.',
      { examples: ['blue'] },
    ).optional(),
    allVpcs: doc(
      z.literal(true),
      'All Vpcs see the service, those that come later included.',
    ).optional(),
    address: doc(
      addressField(),
      'Where the Vpcs see it: nobody else has the address there. IPv4 link-local addresses are allowed.',
      { examples: ['169.254.169.254'] },
    ),
    protocol: doc(z.enum(['tcp', 'udp', 'both']), 'Protocol.'),
    port: doc(port(), 'Port at which the Vpcs see it.', { examples: [53] }),
    server: doc(
      z.strictObject({
        address: doc(addressField(), 'Address in the underlay, of either family.', {
          examples: ['192.0.2.53'],
        }),
        port: doc(port(), "Port of the server. Default: the service's.").optional(),
      }),
      'What it is in the underlay. Hosts reach it by their routes, through a Droplet.',
    ),
    connectionsPerEndpoint: doc(
      z.int().min(1).max(65535),
      'Connections to the service that an endpoint may have at once, of each protocol.',
      { default: SERVICE_DEFAULTS.connectionsPerEndpoint },
    ).optional(),
    timeouts: doc(
      z.strictObject({
        tcpEstablished: timeout('tcpEstablished', 'Established TCP.'),
        tcpTransitory: timeout('tcpTransitory', 'TCP that opens, closes or was reset.'),
        udp: timeout('udp', 'UDP.'),
      }),
      'Seconds without a packet until a connection to the service goes, and its port is free.',
    ).optional(),
  })
  .check((context) => {
    const { vpcs, allVpcs } = context.value;
    if ((vpcs === undefined) !== (allVpcs === undefined)) return;
    context.issues.push({
      code: 'custom',
      path: ['vpcs'],
      input: vpcs,
      message: vpcs === undefined ? 'give vpcs or allVpcs' : 'give vpcs or allVpcs, not both',
    });
  })
  .meta({ id: 'VirtualServiceSpec', description: 'What a service of the underlay shall be.' });
