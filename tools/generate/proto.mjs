// Generates src/protocol/proto/generated/*.js and *.d.ts from the WhatsApp Web schema of the pinned
// `@wppconnect/wa-proto` package. Running it again changes nothing unless that package or this file changed.
//
// The schema is a dump of what the web client contains. Three things in it are put right on the way:
//  - it says proto3 but is proto2 (unpacked repeated fields, `required`, enums that do not start at 0);
//  - `required` becomes `optional`: a message that lacks one field must not be lost;
//  - enums are open: a value that is newer than the schema stays readable as its number.
// Each group below becomes one module with only the types that its roots reach, because importing all 752 messages costs
// every process tens of megabytes. A later part of the library adds a group here instead of growing an existing one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import protobuf from 'protobufjs'
import pbjs from 'protobufjs-cli/pbjs.js'
import pbts from 'protobufjs-cli/pbts.js'

const GROUPS = {
  connection: [
    'HandshakeMessage',
    'CertChain',
    'ClientPayload',
    'DeviceProps',
    'ADVDeviceIdentity',
    'ADVSignedDeviceIdentity',
    'ADVSignedDeviceIdentityHMAC',
    'ADVKeyIndexList',
    'ADVSignedKeyIndexList',
    'ClientPairingProps',
    'VerifiedNameCertificate',
  ],
  message: ['Message', 'MessageSecretMessage'],
  media: ['MediaRetryNotification', 'ServerErrorReceipt'],
  'app-state': ['SyncdPatch', 'SyncdSnapshot', 'SyncdMutations', 'SyncActionData', 'SyncdSnapshotRecovery'],
  history: ['HistorySync'],
}

// Types that a group does not take along: what refers to them stays bytes, or a number where it is an enum. A history
// would otherwise bring a second copy of all content, and its messages are read one by one.
const OPAQUE = {
  history: ['Message', 'MessageContextInfo'],
}

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const schemaFolder = join(projectRoot, 'node_modules', '@wppconnect', 'wa-proto')
const outputFolder = join(projectRoot, 'src', 'protocol', 'proto', 'generated')

function readSchema() {
  const text = readFileSync(join(schemaFolder, 'WAProto.proto'), 'utf8')
    .replace('syntax = "proto3"', 'syntax = "proto2"')
    .replace(/^package .*$/m, '')
    .replace(/^(\s*)required /gm, '$1optional ')
  return protobuf.parse(text).root.resolveAll()
}

/** The types that the fields of `type` and of everything nested in it refer to. */
function referredTypes(type) {
  const own = (type.fieldsArray ?? []).flatMap((field) => (field.resolvedType ? [field.resolvedType] : []))
  return [...own, ...(type.nestedArray ?? []).flatMap(referredTypes)]
}

function outermost(type) {
  let current = type
  while (current.parent.name !== '') current = current.parent
  return current
}

/** Names of the outermost types that `names` reach without `opaque`, in the order of the schema. */
function closureOf(schema, names, opaque) {
  const reached = new Set(names.map((name) => schema.lookup(name)))
  for (const type of reached) {
    const others = referredTypes(type).map(outermost)
    for (const other of others) if (!opaque.includes(other.name)) reached.add(other)
  }
  return schema.nestedArray.filter((type) => reached.has(type)).map((type) => type.name)
}

/** A type's JSON descriptor in which fields of an opaque type are bytes, or numbers where that is an enum. */
function withOpaque(type, descriptor, opaque) {
  const fields = Object.entries(descriptor.fields ?? {}).map(([name, field]) => {
    const { resolvedType } = type.fields[name]
    if (!resolvedType || !opaque.includes(outermost(resolvedType).name)) return [name, field]
    return [name, { ...field, type: resolvedType instanceof protobuf.Enum ? 'int32' : 'bytes' }]
  })
  const nested = Object.entries(descriptor.nested ?? {}).map(([name, inner]) => [
    name,
    withOpaque(type.nested[name], inner, opaque),
  ])
  return {
    ...descriptor,
    ...(descriptor.fields && { fields: Object.fromEntries(fields) }),
    ...(descriptor.nested && { nested: Object.fromEntries(nested) }),
  }
}

/** Marks every enum in a JSON descriptor as open. */
function openEnums(descriptor) {
  if (descriptor.values) descriptor.options = { ...descriptor.options, features: { enum_type: 'OPEN' } }
  for (const nested of Object.values(descriptor.nested ?? {})) openEnums(nested)
  return descriptor
}

/** Static code for a descriptor: compact to run, or with the comments that declarations are made from. */
function staticModule(name, descriptorFile, outputFile, extra) {
  const unused = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'].map(
    (part) => `--no-${part}`,
  )
  return promisify(pbjs.main)([
    ...[
      '--target',
      'static-module',
      '--wrap',
      'esm',
      '--dependency',
      'protobufjs/minimal.js',
      '--root',
      `waton-${name}`,
    ],
    ...[
      '--lint',
      '',
      '--force-number',
      '--null-defaults',
      ...unused,
      ...extra,
      '--out',
      outputFile,
      descriptorFile,
    ],
  ])
}

/** A third of the generated code is indentation that nobody reads and everybody downloads. */
function withoutIndentation(code) {
  return code.replace(/^\s+/gm, '')
}

async function generate(name, nested, header) {
  const scratch = mkdtempSync(join(tmpdir(), 'waton-proto-'))
  try {
    const file = (suffix) => join(scratch, `${name}.${suffix}`)
    writeFileSync(file('json'), JSON.stringify(openEnums({ nested })))
    await staticModule(name, file('json'), file('js'), ['--no-comments', '--no-beautify'])
    await staticModule(name, file('json'), file('commented.js'), [])
    await promisify(pbts.main)(['--no-comments', '--out', file('d.ts'), file('commented.js')])
    const code = withoutIndentation(readFileSync(file('js'), 'utf8'))
    // Every 64-bit field is a number here, so the declarations need no Long.
    const types = readFileSync(file('d.ts'), 'utf8').replace('import Long = require("long");\n', '')
    writeFileSync(join(outputFolder, `${name}.js`), `${header}\n${code}`)
    writeFileSync(join(outputFolder, `${name}.d.ts`), `${header}\n${types}`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const { version } = JSON.parse(readFileSync(join(schemaFolder, 'package.json'), 'utf8'))
const header = `// Generated by tools/generate/proto.mjs from @wppconnect/wa-proto ${version} (Apache-2.0). Do not edit.`
const schema = readSchema()
const descriptors = schema.toJSON().nested
mkdirSync(outputFolder, { recursive: true })
for (const [name, roots] of Object.entries(GROUPS)) {
  const opaque = OPAQUE[name] ?? []
  const nested = Object.fromEntries(
    closureOf(schema, roots, opaque).map((type) => [
      type,
      withOpaque(schema.lookup(type), descriptors[type], opaque),
    ]),
  )
  await generate(name, nested, header)
}
