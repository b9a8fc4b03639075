/* Import rules: base < model, maps, api < daemon parts < daemon/kernel < daemon/main; the CLI sees base, model, api. */
const layer = (name, from, to, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: to },
});
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    layer('base-is-bottom', '^src/base/', '^src/(?!base/)', 'base imports nothing of the rest'),
    layer('model-sees-base', '^src/model/', '^src/(?!base/|model/)', 'model is pure'),
    layer('maps-sees-base', '^src/maps/', '^src/(?!base/|maps/)', 'maps knows layouts only'),
    layer('api-sees-model', '^src/api/', '^src/(?!base/|model/|api/)', 'api maps wire to model'),
    layer('cli-is-a-client', '^src/cli/', '^src/(daemon|maps)/', 'the CLI speaks REST'),
    layer(
      'ports-are-interfaces',
      '^src/daemon/ports/',
      '^src/daemon/(?!ports/)',
      'ports import no adapter',
    ),
    layer(
      'no-adapter-inside',
      '^src/daemon/(calc|datapath|store|rest|metrics|interfaces|config)/',
      '^src/daemon/kernel/',
      'only main wires adapters',
    ),
    layer(
      'calc-is-pure',
      '^src/daemon/calc/',
      '^src/daemon/(?!calc/|ports/)',
      'values in, values out',
    ),
    {
      name: 'ffi-in-kernel-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/daemon/kernel/' },
      to: { path: '(^|node_modules/)(koffi|netlink)(/|$)' },
    },
    {
      name: 'lmdb-in-store-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/daemon/store/lmdb/' },
      to: { path: '(^|node_modules/)lmdb(/|$)' },
    },
    {
      name: 'src-not-to-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|lab|tools)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
