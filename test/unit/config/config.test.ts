// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import {
  ConfigError,
  loadSettings,
  parseArguments,
  parseSettings,
  settingsJsonSchema,
} from '../../../src/daemon/config/index.js';

function problem(text: string): string {
  try {
    parseSettings(text, '/etc/transit/a.yaml');
  } catch (error) {
    if (error instanceof ConfigError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  return '';
}

test('an empty file gives every default', (t) => {
  const settings = parseSettings('# nothing\n', 'x.yaml');
  t.equal(settings.instance, 'default');
  t.equal(settings.host, hostname());
  t.equal(settings.dataDir, '/var/lib/transit/default');
  t.equal(settings.rest.socket, '/run/transit/default/api.sock');
  t.equal(settings.rest.tcp, undefined);
  t.equal(settings.log.level, 'info');
  t.match(settings.datapath, {
    pinDir: '/sys/fs/bpf/transit/default',
    vxlanPort: 4789,
    tunnelGro: true,
    maxFlows: 262144,
    maxGroups: 1024,
    timeouts: { tcp: 300, udp: 120, other: 60, closing: 2, fragment: 30 },
    dropEvents: { enabled: true, perSecond: 20 },
  });
  t.match(settings.datapath.bpfDir, /\/bpf$/);
  t.end();
});

test('paths follow the instance', (t) => {
  const settings = parseSettings('instance: blue-1\nrunDir: /tmp/run\nhost: h1\n', 'x.yaml');
  t.equal(settings.dataDir, '/var/lib/transit/blue-1');
  t.equal(settings.rest.socket, '/tmp/run/api.sock');
  t.equal(settings.datapath.pinDir, '/sys/fs/bpf/transit/blue-1');
  t.equal(settings.host, 'h1');
  t.end();
});

test('errors name file, line, field and rule', (t) => {
  t.match(problem('instance: Blue'), /^\/etc\/transit\/a\.yaml:1: instance: is not 1 to 32/);
  t.match(
    problem('log:\n  level: info\ndatapath:\n  maxFlows: 1\n'),
    /a\.yaml:4: datapath\.maxFlows: .*16/,
  );
  t.match(problem('datapath:\n  maxFlow: 1\n'), /a\.yaml:2: datapath\.maxFlow: is not a setting/);
  t.match(problem('log: {level: loud}'), /log\.level: .*"info"/);
  t.match(problem('dataDir: data'), /dataDir: is not an absolute path/);
  t.match(problem('host: "-x"'), /host: is not a host name/);
  t.match(problem('- a'), /a\.yaml:1: .*object/);
  t.match(problem('log: {level: info'), /a\.yaml:\d+: /);
  t.match(problem('host: a\nhost: b\n'), /a\.yaml:2: .*unique/);
  t.match(problem(`rest: {socket: /${'x'.repeat(107)}}`), /rest\.socket: .*107 bytes/);
  t.equal(problem('instance: B\nhost: "-"\n').split('\n').length, 2, 'all at once');
  t.end();
});

test('TCP needs a token', (t) => {
  t.match(problem('rest: {tcp: {port: 8080}}'), /rest\.tcp\.tokenFile: is required/);
  t.match(problem('rest: {tcp: {port: 0, tokenFile: /t}}'), /rest\.tcp\.port/);
  t.match(problem('rest: {tcp: {address: x, port: 1, tokenFile: /t}}'), /rest\.tcp\.address/);
  const { tcp } = parseSettings('rest: {tcp: {port: 8080, tokenFile: /t}}', 'x').rest;
  t.same(tcp, { address: '127.0.0.1', port: 8080, tokenFile: '/t' });
  t.end();
});

test('files', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'transit-config-'));
  t.teardown(() => {
    rmSync(dir, { recursive: true });
  });
  const path = join(dir, 'a.yaml');
  t.throws(() => loadSettings(path), { code: 'CONFIG_UNREADABLE', message: new RegExp(path) });
  writeFileSync(path, 'instance: a\n');
  t.equal(loadSettings(path).instance, 'a');
  t.end();
});

test('the command line', (t) => {
  t.same(parseArguments(['--config', 'a']), { mode: 'run', config: 'a' });
  t.same(parseArguments(['--check', '--config=a']), { mode: 'check', config: 'a' });
  t.same(parseArguments(['--version']), { mode: 'version' });
  t.same(parseArguments(['-h']), { mode: 'help' });
  for (const words of [[], ['--check'], ['--instance', 'x'], ['a'], ['--config']]) {
    t.throws(() => parseArguments(words), { code: 'USAGE' }, words.join(' '));
  }
  t.end();
});

test('every field says what it is for', (t) => {
  const missing: string[] = [];
  const visit = (node: unknown, path: string): void => {
    const { properties } = node as { properties?: Record<string, { description?: string }> };
    for (const [name, field] of Object.entries(properties ?? {})) {
      if (field.description === undefined) missing.push(`${path}${name}`);
      visit(field, `${path}${name}.`);
    }
  };
  visit(settingsJsonSchema(), '');
  t.same(missing, []);
  t.end();
});
