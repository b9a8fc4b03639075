// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { parsePorts, portCount } from '../../model/index.js';
import { addressField, doc, nameField, portsField } from '../fields.js';
import { endpointAddressField } from './public-ip.js';

function countOf(ports: string | number): number {
  return portCount(parsePorts(String(ports)));
}

/** Spec of a PortForward. */
export const portForwardSpec = z
  .strictObject({
    address: doc(
      addressField(),
      "Public address: of its own, or of a NatGateway's pool on the same host.",
      { examples: ['203.0.113.7'] },
    ),
    protocol: doc(z.enum(['tcp', 'udp', 'both']), 'Protocol.'),
    port: doc(portsField(), 'Port or range of ports, 1..65535.', {
      examples: ['8080', '8000-8099'],
    }),
    endpoint: doc(nameField(), 'Name of the Endpoint. Its VPC has spec.outside.', {
      examples: ['web-1'],
    }),
    endpointAddress: endpointAddressField(),
    endpointPort: doc(
      portsField(),
      "Port or range of ports of the endpoint, as many as port has. Default: port's.",
      { examples: ['80', '9000-9099'] },
    ).optional(),
  })
  .check((context) => {
    const { port, endpointPort } = context.value;
    if (endpointPort === undefined) return;
    // Not reached while one of them is wrong by itself.
    const [inside, outside] = [countOf(endpointPort), countOf(port)];
    if (inside === outside) return;
    context.issues.push({
      code: 'custom',
      path: ['endpointPort'],
      input: endpointPort,
      message: `${endpointPort} has ${inside} ports, spec.port has ${outside}: must be as many`,
    });
  })
  .meta({ id: 'PortForwardSpec', description: 'What a port forwarding shall be.' });
