// One table is the whole architecture: each layer and what it may import besides itself.
// Verified on Node 20.20.2 with dependency-cruiser 17.4 and typescript 6.0.3 (2026-11-22).
const LAYERS = {
  base: [],
  transport: ['base'],
  protocol: ['base'],
  'persistence/contract': ['base'],
  'persistence/memory': ['base', 'persistence/contract'],
  'persistence/sqlite': ['base', 'persistence/contract'],
  'persistence/postgres': ['base', 'persistence/contract'],
  client: ['base', 'transport', 'protocol', 'persistence/contract'],
  app: ['base', 'client'],
  testing: ['base', 'persistence/contract'],
}

// Single files outside the layers: the one that picks a back end is what makes `new Bot({ store: 'me.db' })` possible.
const FILES = { app: ['^src/open-store[.]ts$'] }

const layerRule = ([layer, allowed]) => ({
  name: `layer-${layer.replace('/', '-')}`,
  severity: 'error',
  comment: `src/${layer} may import only: ${[...allowed, 'itself'].join(', ')}. See docs/explanation/layers.md`,
  from: { path: `^src/${layer}/` },
  to: { path: '^src/', pathNot: [...[layer, ...allowed].map((l) => `^src/${l}/`), ...(FILES[layer] ?? [])] },
})

module.exports = {
  forbidden: [
    ...Object.entries(LAYERS).map(layerRule),
    {
      name: 'every-file-has-a-layer',
      severity: 'error',
      comment: 'a new top-level folder in src/ needs a row in LAYERS first',
      from: {
        path: '^src/[^/]+/',
        pathNot: [...Object.keys(LAYERS), 'simulator', 'cli', 'dashboard']
          .map((l) => `^src/${l}/`)
          .concat('^src/persistence/index[.]ts$'),
      },
      to: {},
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'content is nested in content (quotes, edits), so its types may refer to each other; nothing else may',
      from: { path: '^src/', pathNot: '^src/(protocol/message/|client/(added-)?content[.]ts$)' },
      to: { circular: true },
    },
    {
      name: 'no-cycles-of-content-at-run-time',
      severity: 'error',
      from: { path: '^src/(protocol/message/|client/(added-)?content[.]ts$)' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'protocol-is-sans-io',
      severity: 'error',
      comment:
        'protocol code takes and returns bytes and records; sockets, files and timers belong to transport, persistence and client',
      from: {
        path: '^src/protocol/',
        pathNot: ['[.]test[.]ts$', '^src/protocol/crypto/signature-backend[.]ts$'],
      },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|zlib)$' },
    },
    {
      name: 'accelerator-loads-on-demand',
      severity: 'error',
      comment:
        'the optional native signature code is looked for with createRequire, which is all that this file may do besides',
      from: { path: '^src/protocol/crypto/signature-backend[.]ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|module)$' },
    },
    {
      name: 'crypto-has-one-door',
      severity: 'error',
      comment: 'only src/protocol/crypto may touch a crypto provider, so it can be audited in one sitting',
      from: { path: '^src/(protocol|client|app)/', pathNot: ['^src/protocol/crypto/', '[.]test[.]ts$'] },
      to: { path: ['^(node:)?crypto$', 'node_modules/@noble/'] },
    },
    {
      name: 'simulator-shares-no-sentences',
      severity: 'error',
      comment:
        'the simulator may reuse byte-level primitives only; shared builders and parsers would let one bug on both sides cancel out',
      from: { path: '^src/simulator/' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/simulator/',
          '^src/base/',
          '^src/protocol/(binary|crypto|proto|signal|sender-key)/',
          '^src/protocol/jid[.]ts$',
        ],
      },
    },
    {
      name: 'satellites-use-the-front-door',
      severity: 'error',
      comment:
        "cli and dashboard import waton by its public names, so either could move to its own package with 'git mv'",
      from: { path: '^src/(cli|dashboard)/' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/$1/',
          '^src/index[.]ts$',
          '^src/[^/]+/index[.]ts$',
          '^src/persistence/[^/]+/index[.]ts$',
        ],
      },
    },
    {
      name: 'driver-only-in-its-backend',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/persistence/(sqlite|postgres)/' },
      to: { path: 'node_modules/(@types/)?(pg|better-sqlite3)/' },
    },
    {
      name: 'backends-load-on-demand',
      severity: 'error',
      comment: 'a static import would make every user install the driver; use await import()',
      from: { path: '^src/', pathNot: ['^src/persistence/', '[.]test[.]ts$'] },
      to: { path: '^src/persistence/(sqlite|postgres)/', dynamic: false },
    },
    {
      name: 'main-entry-never-reaches-pg',
      severity: 'error',
      from: { path: '^src/index[.]ts$' },
      to: { path: 'node_modules/pg/', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify', // sees `import type` too, and can tell it apart
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.cjs', '.mjs'],
    },
  },
}
