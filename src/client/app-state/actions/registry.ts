/**
 * Every action of app state by its name: what changes something here, and what is known and of no concern to a linked device
 * without a screen. What has no line is counted as unknown. Nothing is lost either way: entries are kept as they came.
 */
import { equalBytes } from '../../../base/bytes.ts'
import { hasCode } from '../../../base/errors.ts'
import type { AppStateMutation } from '../../../protocol/app-state/index.ts'
import { SyncActionData, SyncActionValue } from '../../../protocol/proto/app-state.ts'
import { decodeProto, encodeProto } from '../../../protocol/proto/codec.ts'
import type { ChangeOrigin } from '../../events.ts'
import type { Unit } from '../../state/unit.ts'
import { momentOf } from './action.ts'
import type { ActionContext, ActionKind } from './action.ts'
import { CHAT_ACTIONS } from './chats.ts'
import { CONTACT_ACTIONS } from './contacts.ts'
import { LABEL_ACTIONS } from './labels.ts'
import { MESSAGE_ACTIONS } from './messages.ts'
import { SETTING_ACTIONS } from './settings.ts'

/** What is said by a verified change of one entry. */
export type Mutation = Pick<AppStateMutation, 'operation' | 'index' | 'value'>

/** A change, and what is known around it. */
export interface AppliedMutation {
  /** The collection that it came in. */
  readonly collection: string
  readonly mutation: Mutation
  /** What was known of the same index: serialised `SyncActionData`. */
  readonly previous?: Uint8Array | undefined
  /** `history` while nothing was known of the collection. */
  readonly origin: ChangeOrigin
}

/** What changes something here. */
export const ACTIONS: ReadonlyMap<string, ActionKind> = new Map(
  [CHAT_ACTIONS, MESSAGE_ACTIONS, CONTACT_ACTIONS, LABEL_ACTIONS, SETTING_ACTIONS]
    .flat()
    .map((action) => [action.name, action]),
)

/**
 * What is known and tells nobody anything: upkeep of app state itself, things of the screen, drafts of business tools,
 * payments, and what is asked for when it is needed.
 *
 * @source Baileys 7.0.0-rc14 `WAProto` SyncActionValue; WhatsApp Web 2.3000.1043028647, the names of its actions
 */
export const SILENT_ACTIONS: ReadonlySet<string> = new Set([
  // upkeep
  'sentinel',
  'primary_feature',
  'primary_version',
  'android_unsupported_actions',
  'device_capabilities',
  'device_capabilities_v2',
  'external_web_beta',
  'coexV2Version',
  'wasa_root_secret',
  'shared_device_allowlist',
  // things of the screen
  'nux',
  'settings_sync',
  'setting_chatLock',
  'setting_securityNotification',
  'recent_emoji_weights_action',
  'favoriteSticker',
  'removeRecentSticker',
  'avatar_updated_action',
  'favorites',
  'label_reordering',
  'label_sublist',
  'lock_message',
  'music_user_id',
  'newsletter_saved_interests',
  'status_post_opt_in_notification_preferences_action',
  'userStatusMute',
  'usernameChatStartMode',
  'interactive_message_action',
  // calls, and contacts who are in no address book
  'call_log',
  'delete_individual_call_log',
  'out_contact',
  'shareOwnPn',
  'contact_manager_metadata',
  // bots
  'bot_welcome_request',
  'ugc_bot',
  'ai_thread_delete',
  'ai_thread_rename',
  'thread_pin',
  'maiba_ai_features_control',
  'private_processing_setting',
  // business tools
  'agentChatAssignment',
  'agentChatAssignmentOpenedStatus',
  'deviceAgent',
  'biz_ai_settings_nudge',
  'broadcast',
  'broadcast_jid',
  'business_broadcast_campaign',
  'business_broadcast_insights_sync',
  'business_broadcast_list',
  'business_folder_activation',
  'ctwaPerCustomerDataSharing',
  'ctwa_message_received',
  'customer_data',
  'detected_outcomes_status_action',
  'galaxy_flow_action',
  'marketingMessage',
  'marketingMessageBroadcast',
  'note_edit',
  'setting_autoOrganizeBusinessChat',
  // payments and accounts elsewhere
  'custom_payment_methods',
  'generated_wui',
  'merchant_payment_partner',
  'payment_info',
  'payment_tos',
  'subscription',
  'subscriptions_sync_v2',
  'waffle_account_link_state',
])

/** What app state is counted under. */
const COUNTED = 'action'

/**
 * Stages what one change of app state means: events, and what is kept of addresses, the own name and the salt. Never fails
 * because of what the change says; what cannot be understood is counted, logged without its content, and passed over.
 * Give it changes in their order, and no removal of an entry that only went over to another key.
 */
export async function applyMutation(
  unit: Unit,
  { collection, mutation, previous, origin }: AppliedMutation,
  context: ActionContext,
): Promise<void> {
  const { index, operation } = mutation
  const [name = ''] = index
  const action = ACTIONS.get(name)
  if (action === undefined) {
    if (!SILENT_ACTIONS.has(name)) context.unknowns.count(COUNTED, name === '' ? '(none)' : name)
    return
  }
  const isRemoval = operation === 'remove'
  if (!isRemoval && isKnown(mutation.value, previous, action)) return
  const atMs = momentOf(mutation.value.timestamp) ?? unit.nowMs
  const value = isRemoval ? {} : mutation.value
  if (await action.receive(unit, { index, value, isRemoval, atMs, origin }, context)) return
  context.unknowns.count(COUNTED, `${name} (malformed)`)
  context.logger.warn(
    { collection, action: name, parts: index.length, operation },
    'a change by another device of the account cannot be understood and was passed over',
  )
}

/** Whether the same was said before: phones write entries again that have not changed. */
function isKnown(
  value: SyncActionValue.$Properties,
  previous: Uint8Array | undefined,
  { isMoment }: ActionKind,
): boolean {
  const known = previous === undefined ? undefined : valueIn(previous)
  if (known === undefined || (isMoment && known.timestamp !== value.timestamp)) return false
  return equalBytes(withoutTime(known), withoutTime(value))
}

function withoutTime(value: SyncActionValue.$Properties): Uint8Array {
  return encodeProto(SyncActionValue, { ...value, timestamp: null }, 'SyncActionValue')
}

/** Of a damaged entry nothing is known. */
function valueIn(data: Uint8Array): SyncActionValue.$Properties | undefined {
  try {
    return decodeProto(SyncActionData, data, 'SyncActionData').value ?? undefined
  } catch (error) {
    if (hasCode(error, 'WATON_PROTO_MALFORMED')) return undefined
    throw error
  }
}
