// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { addressField, doc, nameField } from '../fields.js';

/** The endpoint's address behind a public one. */
export const endpointAddressField = () =>
  doc(
    addressField(),
    "Address of the endpoint, of the same family. Default: the endpoint's first of that family.",
    { examples: ['10.0.0.5'] },
  ).optional();

/** Spec of a PublicIp. */
export const publicIpSpec = z
  .strictObject({
    address: doc(addressField(), 'Public address.', { examples: ['203.0.113.7'] }),
    endpoint: doc(nameField(), 'Name of the Endpoint. Its VPC has spec.outside.', {
      examples: ['web-1'],
    }),
    endpointAddress: endpointAddressField(),
  })
  .meta({ id: 'PublicIpSpec', description: 'What a public address shall stand for.' });
