/** Encrypted add-ons to messages. See `README.md`. */
export {
  type OpenedAddon,
  type PollChoices,
  chosenOptions,
  messageSecretOf,
  openAddon,
  pollOf,
} from './open.ts'
export { type AddonUse, type SecretAddon, secretAddonOf } from './read.ts'
export { sealAddon } from './seal.ts'
