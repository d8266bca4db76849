/**
 * Settings of the account, its own name, and the salt of its tokens.
 *
 * @source Baileys 7.0.0-rc14 `Utils/chat-utils.js` processSyncAction; whatsmeow `appstate/keys.go` for the names
 */
import type { SyncActionValue } from '../../../protocol/proto/app-state.ts'
import type { AccountChangedPayload, StatusAudience } from '../../events.ts'
import { personOf } from '../../identity/addresses.ts'
import { learnOwnName } from '../../identity/own-name.ts'
import { NCT_SALT, SELF } from '../../state/records.ts'
import { SILENT, accountChat, actionKind, addressIn } from './action.ts'
import type { ActionKind } from './action.ts'

type Value = SyncActionValue.$Properties
type Settings = Omit<AccountChangedPayload, 'atMs' | 'origin'>

/** @source `SyncActionValue.StatusPrivacyAction.StatusDistributionMode` */
const AUDIENCES: readonly StatusAudience['mode'][] = ['allow', 'deny', 'contacts', 'close-friends']

/** @source `SyncActionValue.NotificationActivitySettingAction.NotificationActivitySetting` */
const NOTIFICATIONS: readonly Settings['notifications'][] = [
  'default-all',
  'all',
  'highlights',
  'default-highlights',
]

/** What a setting is when it was never made is for the phone to know: an entry that is taken away says nothing. */
function setting(name: string, read: (value: Value) => Settings | null | undefined): ActionKind {
  return actionKind<Settings>({
    name,
    read: ({ value, isRemoval }) => (isRemoval ? SILENT : (read(value) ?? undefined)),
    async apply(unit, settings, { atMs, origin }, context) {
      unit.event('account.changed', { ...settings, atMs, origin }, await accountChat(unit, context))
    },
  })
}

const LOCALE = setting('setting_locale', ({ localeSetting: said }) =>
  said?.locale ? { locale: said.locale } : undefined,
)

const TIME_FORMAT = setting(
  'time_format',
  ({ timeFormatAction: said }) => said && { isTwentyFourHours: said.isTwentyFourHourFormatEnabled === true },
)

const UNARCHIVE = setting(
  'setting_unarchiveChats',
  ({ unarchiveChatsSetting: said }) => said && { unarchivesChats: said.unarchiveChats === true },
)

const LINK_PREVIEWS = setting(
  'setting_disableLinkPreviews',
  ({ privacySettingDisableLinkPreviewsAction: said }) =>
    said && { areLinkPreviewsOff: said.isPreviewsDisabled === true },
)

const RELAY = setting(
  'setting_relayAllCalls',
  ({ privacySettingRelayAllCalls: said }) => said && { areCallsRelayed: said.isEnabled === true },
)

const RECOMMENDATIONS = setting(
  'setting_channels_personalised_recommendation_optout',
  ({ privacySettingChannelsPersonalisedRecommendationAction: said }) =>
    said && { areChannelRecommendationsOff: said.isUserOptedOut === true },
)

const ACTIVITY = setting('notificationActivitySetting', ({ notificationActivitySettingAction: said }) => {
  const notifications = NOTIFICATIONS[said?.notificationActivitySetting ?? -1]
  return notifications && { notifications }
})

const STATUS = actionKind({
  name: 'status_privacy',
  read({ value: { statusPrivacy: said }, isRemoval }) {
    if (isRemoval) return SILENT
    const mode = AUDIENCES[said?.mode ?? -1]
    const people = (said?.userJid ?? []).map(addressIn).filter((jid) => jid !== undefined)
    return mode && { mode, people }
  },
  async apply(unit, { mode, people }, { atMs, origin }, context) {
    const persons = []
    for (const jid of people) persons.push(await personOf(unit, jid))
    const statusAudience = { mode, people: persons }
    unit.event('account.changed', { statusAudience, atMs, origin }, await accountChat(unit, context))
  },
})

/** The name may be known by now from a message of another device: told once all the same. */
const PUSH_NAME = actionKind({
  name: 'setting_pushName',
  read({ value: { pushNameSetting: said }, isRemoval }) {
    if (isRemoval || said?.name === '') return SILENT
    return said?.name ? { name: said.name } : undefined
  },
  async apply(unit, { name }, { atMs, origin }, context) {
    const stanza = await learnOwnName(unit, context.self, name)
    if (stanza === undefined) return
    unit.onCommit(() => {
      context.send(stanza)
    })
    unit.event('account.changed', { name, atMs, origin }, await accountChat(unit, context))
  },
})

/** Without it people who have handed out no privacy token cannot be written to: see `tokens/`. */
const SALT = actionKind({
  name: 'nct_salt_sync',
  read({ value: { nctSaltSyncAction: said }, isRemoval }) {
    if (isRemoval) return {}
    return said?.salt?.length ? { salt: said.salt } : undefined
  },
  // eslint-disable-next-line @typescript-eslint/require-await -- nothing has to be read for it
  async apply(unit, { salt }) {
    if (salt === undefined) unit.delete(NCT_SALT, SELF)
    else unit.put(NCT_SALT, SELF, salt)
  },
})

/** Those of this file. */
export const SETTING_ACTIONS: readonly ActionKind[] = [
  LOCALE,
  TIME_FORMAT,
  UNARCHIVE,
  LINK_PREVIEWS,
  RELAY,
  RECOMMENDATIONS,
  ACTIVITY,
  STATUS,
  PUSH_NAME,
  SALT,
]
