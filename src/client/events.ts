/** The event contract in one place: the types that users see. What exists at run time is in `events/registry.ts`. */
export type * from './events/index.ts'
