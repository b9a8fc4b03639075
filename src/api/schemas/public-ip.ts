// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { addressField, doc, nameField } from '../fields.js';

/** The endpoint's address behind a public one. */
export const endpointAddressField = () =>
  doc(
    addressField(),
    "Address of the endpoint. Default: the endpoint's first of the family of spec.address. An IPv6 address behind an IPv4 one is a static entry of NAT64 (RFC 7757): the VPC needs a NatGateway with spec.nat64.",
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
