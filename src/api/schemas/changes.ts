// SPDX-License-Identifier: Apache-2.0
/** Bodies of requests that change objects, and their answers. */
import { z } from 'zod';
import { doc } from '../fields.js';
import { inputObjectSchema, kindSchema, outputObjectSchema } from './objects.js';

const revision = doc(z.int().min(0), 'Revision of the store.');
const kind = doc(kindSchema, 'Kind of the object.');
const name = doc(z.string(), 'Name of the object.');
const action = doc(
  z.enum(['created', 'updated', 'unchanged', 'deleted']),
  'What was done, or with dryRun would be.',
);

/** Objects are judged one by one (parseObjects), so that every problem names its object. */
export const objectsBody = z.strictObject({
  objects: doc(z.array(z.unknown()), 'Objects of any kind.'),
});

/** What objectsBody holds, for OpenAPI. */
export const objectsBodyDoc = z
  .strictObject({ objects: doc(z.array(inputObjectSchema), 'Objects of any kind.') })
  .meta({ id: 'Objects', description: 'A set of objects.' });

export const deleteBody = z
  .strictObject({
    objects: doc(
      z.array(
        z.strictObject({
          kind: doc(z.string(), 'Kind: plural, singular or short name in any case.'),
          name,
          resourceVersion: doc(
            z.int().min(0),
            'When given, the stored object must have this resourceVersion.',
          ).optional(),
        }),
      ),
      'Objects to delete.',
    ),
  })
  .meta({ id: 'Deletion', description: 'Objects to delete, all or none.' });

export const resultSchema = z.object({ kind, name, action });

export const changeResponse = z
  .object({ revision, results: doc(z.array(resultSchema), 'One per object, in the order given.') })
  .meta({ id: 'ChangeResult', description: 'What a change did.' });

export const fieldChangeSchema = z.object({
  path: doc(z.string(), 'Path of the field.', { examples: ['spec.mtu'] }),
  old: doc(z.unknown(), 'Value stored; absent when the field is new.').optional(),
  new: doc(z.unknown(), 'Value proposed; absent when the field goes.').optional(),
});

export const diffResponse = z
  .object({
    revision,
    results: doc(
      z.array(
        resultSchema.extend({
          changes: doc(z.array(fieldChangeSchema), 'Fields that differ; empty when unchanged.'),
        }),
      ),
      'One per object, in the order given.',
    ),
  })
  .meta({ id: 'Diff', description: 'What an apply of the same objects would change.' });

export const objectResponse = z.object({
  revision,
  action,
  object: outputObjectSchema,
});

export const listResponse = z
  .object({
    kind: z.literal('List'),
    revision,
    items: doc(z.array(outputObjectSchema), 'The objects, by name.'),
  })
  .meta({ id: 'List', description: 'Objects of one kind.' });

export const watchEventSchema = z
  .discriminatedUnion('type', [
    z.object({
      type: doc(z.enum(['ADDED', 'MODIFIED', 'DELETED']), 'What happened.'),
      object: doc(outputObjectSchema, 'The object; when deleted, as it was last.'),
      revision,
    }),
    z.object({
      type: doc(z.literal('BOOKMARK'), 'Everything up to revision has been sent.'),
      revision,
    }),
  ])
  .meta({ id: 'WatchEvent', description: 'One line of a watch.' });
