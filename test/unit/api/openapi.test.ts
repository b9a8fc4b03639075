// SPDX-License-Identifier: Apache-2.0
/** The generated description: complete, and with every reference leading somewhere. */
import t from 'tap';
import {
  ROUTES,
  docsPage,
  kindInfo,
  openApiDocument,
  type FieldInfo,
  type RouteDeclaration,
} from '../../../src/api/index.js';
import { KINDS } from '../../../src/model/index.js';

const document = openApiDocument('1.2.3');
const text = JSON.stringify(document);

t.equal(document.openapi, '3.1.0');
t.equal(document.info.version, '1.2.3');

void t.test('every route is there, with an operation of its own', (t) => {
  const ids = new Set<string>();
  for (const [id, route] of Object.entries<RouteDeclaration>(ROUTES)) {
    const operation = document.paths?.[route.path]?.[route.method];
    t.equal(operation?.operationId, id);
    ids.add(id);
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const declared = (operation?.parameters ?? []).flatMap((p) =>
      'in' in p && p.in === 'path' ? [p.name] : [],
    );
    t.same(declared.sort(), inPath.sort(), `${id}: path parameters`);
    t.ok(operation?.responses?.['200'], `${id}: an answer`);
    t.ok(operation?.responses?.['default'], `${id}: an error`);
  }
  t.equal(ids.size, Object.keys(ROUTES).length);
  t.end();
});

void t.test('every reference leads somewhere', (t) => {
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
  t.ok(references.length > 20);
  for (const [, name = ''] of references)
    if (document.components?.schemas?.[name] === undefined) t.fail(`no schema ${name}`);
  t.end();
});

void t.test('kinds are strict and every field is described', (t) => {
  const undescribed = (field: FieldInfo, path: string): string[] => [
    ...(field.description === '' ? [path] : []),
    ...field.fields.flatMap((child) => undescribed(child, `${path}.${child.name}`)),
  ];
  for (const kind of KINDS) {
    t.match(document.components?.schemas?.[`${kind}Spec`], { additionalProperties: false }, kind);
    t.same(undescribed(kindInfo(kind), kind), []);
  }
  t.end();
});

void t.test('the page for people names every route and kind', (t) => {
  const page = docsPage(document);
  for (const route of Object.values(ROUTES)) t.ok(page.includes(route.path));
  for (const kind of KINDS) t.ok(page.includes(`>${kind}</h3>`));
  t.notMatch(page, /<script|https?:\/\//, 'nothing is fetched or run');
  t.end();
});
