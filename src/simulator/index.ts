/** The simulator's public names: `import { startSimulator } from 'waton/simulator'`. */
export { startSimulator } from './simulator.ts'
export type { PhoneRequest, Simulator, SimulatorEndpoint, SimulatorOptions } from './simulator.ts'
export type { DeliverOptions, DeliveryPersistence, DeliveryResult } from './deliver.ts'
export * as stanzas from './stanzas.ts'
export { createPhone, SimulatedPhone } from './peer/phone.ts'
export type { ChatChange, LabelChange, SettingsChange } from './peer/app-state-actions.ts'
export type { PhoneAppState, PhoneChatState, PhoneLabel, PhoneSettings } from './peer/app-state-view.ts'
export type { PhoneMessage } from './peer/mailbox.ts'
export type { PhoneContent } from './peer/phone.ts'
export type { SentHistory } from './peer/history.ts'
export type { PastPlan } from './peer/history-invention.ts'
export type { PastDetails, PastMessage } from './peer/history-past.ts'
export type { ChatFacts, MessageFacts, PastReaction } from './peer/history-payload.ts'
export type { HistoryHabits } from './peer/history-plan.ts'
export type { HistoryFaults } from './history-faults.ts'
export type { HistoryFault } from './world/history-plans.ts'
export type { MemoryCloseReason, MemorySocket } from './server/wire.ts'
export { Faults } from './faults.ts'
export type { AppStateFaults } from './app-state-faults.ts'
export type { AppStateHabits, AppStateSpoil } from './world/app-state-plans.ts'
export type { StreamErrorOptions } from './faults.ts'
export type { LoginRefusalOptions } from './server/login-plans.ts'
export type { MediaFaults } from './media/media-faults.ts'
export type { MediaHabits } from './media/media-habits.ts'
export type { MediaDirection, MediaFault, MediaRetryFault, PlannedRetry } from './media/media-plans.ts'
export type { RetryStorm } from './retry-storm.ts'
export { assertNoKeyReuse, CiphertextRecord } from './ciphertexts.ts'
export type { CiphertextRecordOptions, SentCiphertext } from './ciphertexts.ts'
export { drawFaults } from './fault-plan/draw.ts'
export type { DrawOptions } from './fault-plan/draw.ts'
export type {
  AtByte,
  AtFrame,
  AtStanza,
  AtTime,
  CorruptFault,
  CutFault,
  DelayFault,
  DropFault,
  DuplicateFault,
  FaultName,
  FaultPlan,
  HoldAnswersFault,
  LoseFault,
  PlannedFault,
  RefuseConnectionsFault,
  RefuseFault,
  ReorderFault,
  RestartFault,
} from './fault-plan/plan.ts'
export type { FaultRun, HappenedFault } from './fault-plan/run.ts'
export { ReplayServer } from './replay-server.ts'
export type { ReplayServerOptions } from './replay-server.ts'
export type { OfflineHabits } from './world/offline.ts'
export type { StrangerHabits } from './world/strangers.ts'
export type { Profile } from './world/profile.ts'
export type { DirectoryFault } from './world/world.ts'
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
  HistoryDesk,
  HistoryKind,
  LinkCodeServices,
  LinkListener,
  MediaDesk,
  PairingApproval,
  PieceFault,
  PrimaryServices,
} from './link.ts'
