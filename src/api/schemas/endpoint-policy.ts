// SPDX-License-Identifier: Apache-2.0
/** What policies know an endpoint by. */
import { z } from 'zod';
import { doc, nameField } from '../fields.js';
import { portNameField } from './policy-fields.js';

const port = z.strictObject({
  name: doc(portNameField(), 'Name that rules use (RFC 6335 s5.1).', { examples: ['http'] }),
  protocol: doc(z.enum(['tcp', 'udp', 'sctp']), 'Protocol.'),
  port: doc(z.int().min(1).max(65535), 'Port.', { examples: [8080] }),
});

/** Names of Profiles, none of them twice. */
export const profilesField = z
  .array(nameField())
  .max(64)
  .check((context) => {
    for (const [i, name] of context.value.entries()) {
      if (context.value.indexOf(name) === i) continue;
      context.issues.push({
        code: 'custom',
        path: [i],
        input: name,
        message: `Profile/${name} is given twice`,
      });
    }
  });

/** Ports; a name means one port of each protocol. */
export const endpointPortsField = z
  .array(port)
  .max(256)
  .check((context) => {
    const seen = new Set<string>();
    for (const [i, { name, protocol }] of context.value.entries()) {
      const what = `${name} of ${protocol}`;
      if (seen.has(what))
        context.issues.push({
          code: 'custom',
          path: [i, 'name'],
          input: name,
          message: `${what} is given twice`,
        });
      seen.add(what);
    }
  });
