/** What information bulletins say, one file for each kind of child. */
export * from './client-expiration.ts'
export * from './dirty.ts'
export * from './edge-routing.ts'
export * from './offline-end.ts'
export * from './offline-preview.ts'
