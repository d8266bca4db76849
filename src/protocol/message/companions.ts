/** The fields of `Message` that stand beside content of any kind: a list, for those who look for the content itself. */
import type { MessageField } from './kinds/reader.ts'

/** Fields that accompany content without being any. Keys for groups are among them, and go to nobody else. */
export const COMPANION_FIELDS: readonly MessageField[] = [
  'messageContextInfo',
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
  'groupRootKeyShare',
  'rootSecretDistributeMessage',
  'statusLinkPreviewMetadata',
]
