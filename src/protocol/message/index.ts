/** Message content between plaintext bytes and plain objects. */
export * from './content.ts'
export * from './device-sent.ts'
export * from './kinds/index.ts'
export * from './message-id.ts'
export * from './padding.ts'
export * from './reporting-token.ts'
export * from './secret.ts'
export * from './wrappers.ts'
