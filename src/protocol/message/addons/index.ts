/** Encrypted add-ons to messages. See `README.md`. */
export { type ChosenOptions, type OpenedAddon, chosenOptions, messageSecretOf, openAddon } from './open.ts'
export { type AddonUse, type SecretAddon, secretAddonOf } from './read.ts'
export { type AddonBinding, type AddonCandidates, sealAddon, unsealAddon } from './seal.ts'
