/** The simulator's public names: `import { startSimulator } from 'waton/simulator'`. */
export { startSimulator } from './simulator.ts'
export type { PhoneRequest, Simulator, SimulatorEndpoint, SimulatorOptions } from './simulator.ts'
export { createPhone, SimulatedPhone } from './peer/phone.ts'
export type { MemoryCloseReason, MemorySocket } from './server/wire.ts'
export { Faults } from './faults.ts'
export type { LoginRefusalOptions, StreamErrorOptions } from './faults.ts'
export { Trace } from './trace.ts'
export type {
  TracedPayload,
  TracedStanza,
  TraceDirection,
  TraceEntry,
  TraceFilter,
  TraceNote,
  TraceNoteKind,
  TraceParty,
} from './trace.ts'
export type {
  AnnouncedCode,
  CodeAnswer,
  CompanionKeys,
  DeviceLink,
  LinkCodeServices,
  LinkListener,
  PairingApproval,
  PrimaryServices,
} from './link.ts'
