/** USync: the query, and one file for each protocol. */
export { BOT, type UsyncBot } from './bot.ts'
export { BUSINESS, type UsyncBusiness } from './business.ts'
export { CONTACT, type UsyncContact } from './contact.ts'
export {
  DEVICES,
  HOSTED_DEVICE_ID,
  parseKeyIndex,
  type UsyncDevice,
  type UsyncDevices,
  type UsyncKeyIndex,
} from './devices.ts'
export { DISAPPEARING_MODE, type UsyncDisappearingMode } from './disappearing-mode.ts'
export { LID } from './lid.ts'
export { PICTURE } from './picture.ts'
export { MALFORMED_ANSWER, type UsyncError, type UsyncProtocol, type UsyncTarget } from './protocol.ts'
export { usync } from './query.ts'
export type {
  UsyncAnswer,
  UsyncContext,
  UsyncOptions,
  UsyncRequest,
  UsyncUser,
  UsyncValues,
} from './query.ts'
export { STATUS, type UsyncStatus } from './status.ts'
export { USERNAME } from './username.ts'
