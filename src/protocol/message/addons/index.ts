/** Encrypted add-ons to messages. See `README.md`. */
export { type OpenedAddon, chosenOptions, messageSecretOf, openAddon } from './open.ts'
export { type AddonUse, type SecretAddon, secretAddonOf } from './read.ts'
export { sealAddon } from './seal.ts'
