// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import {
  addressField,
  deviceField,
  doc,
  hostField,
  macField,
  mtuField,
  nameField,
  netnsField,
} from '../fields.js';
import { endpointPortsField, profilesField } from './endpoint-policy.js';
import { limitsField } from './limits.js';

const veth = z.strictObject({
  kind: doc(z.literal('veth'), 'A veth pair that is created.'),
  name: doc(
    deviceField(),
    "Name of the host's end. Default: derived from the endpoint's name.",
  ).optional(),
  netns: doc(
    netnsField(),
    "Network namespace of the workload's end: a name under /run/netns or an absolute path.",
    { examples: ['web-1'] },
  ),
  peer: doc(deviceField(), "Name of the workload's end.", { default: 'eth0' }).optional(),
});

const existing = z.strictObject({
  kind: doc(z.literal('existing'), 'A device that something else creates.'),
  name: doc(deviceField(), 'Name of the device on the host.', { examples: ['tap0'] }),
});

/** Spec of an Endpoint. */
export const endpointSpec = z
  .strictObject({
    host: doc(hostField(), 'Name of the host the workload runs on.', { examples: ['host-a'] }),
    vpc: doc(nameField(), 'Name of the Vpc. Cannot be changed later.', { examples: ['blue'] }),
    subnet: doc(nameField(), 'Name of the Subnet, one of the VPC.', { examples: ['blue-a'] }),
    addresses: doc(
      z
        .array(doc(addressField(), 'Address within the subnet.', { examples: ['10.0.0.5'] }))
        .min(1)
        .max(64),
      "Addresses of the workload, within the subnet's prefixes; 1 to 64.",
    ),
    mac: doc(
      macField(),
      'MAC address of the workload. Default: derived from VPC and name, the same on every host.',
    ).optional(),
    device: doc(
      z.discriminatedUnion('kind', [veth, existing]),
      "The host's end of the interface. Needed on the endpoint's host.",
    ).optional(),
    hook: doc(
      z.enum(['auto', 'xdp', 'tc']),
      'Where the program is attached; auto is tc for veth and xdp otherwise.',
      { default: 'auto' },
    ).optional(),
    mtu: doc(
      mtuField(),
      "Largest packet in bytes (L3), 576..65535, at least 1280 with IPv6. Default: the droplet's MTU less the tunnel's overhead.",
    ).optional(),
    limits: limitsField("Quotas of the endpoint; what is not said is the VPC's.").optional(),
    profiles: doc(
      profilesField,
      'Names of Profiles whose labels and rules the endpoint has, in this order. One that is not there denies all.',
      { examples: ['web'] },
    ).optional(),
    ports: doc(endpointPortsField, 'Ports that rules of policies name.').optional(),
  })
  .meta({ id: 'EndpointSpec', description: 'What an endpoint shall be.' });
