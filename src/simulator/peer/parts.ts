/**
 * What a simulated phone is made of, put together: each part gets exactly what it works with. No behaviour of its own but
 * the three things that need several parts: publishing keys, saying hello, and serving a new device.
 */
import type { Clock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import type { Logger } from '../../base/logger.ts'
import type { RandomSource } from '../../base/random.ts'
import { formatJid, SERVER_LID, SERVER_USER, userJid } from '../../protocol/jid.ts'
import type { MessageProperties } from '../../protocol/proto/message.ts'
import type { PrimaryServices } from '../link.ts'
import type { PhoneAccount } from './account.ts'
import { AddressBook } from './address-book.ts'
import { Album } from './album.ts'
import { AppStateHand } from './app-state-human.ts'
import { AppState } from './app-state.ts'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './connection.ts'
import { DeviceKeys } from './device-keys.ts'
import { Directory } from './directory.ts'
import { FirstLogin } from './first-login.ts'
import { Histories } from './history.ts'
import { Past } from './history-past.ts'
import { HistoryView } from './history-view.ts'
import { Inbox } from './inbox.ts'
import { LinkedDevices } from './link-device.ts'
import { Mailbox } from './mailbox.ts'
import { MediaRetries } from './media-retry.ts'
import { Outbox } from './outbox.ts'
import { Reception } from './reception.ts'
import { Sessions } from './sessions.ts'
import { buildKeyUpload, buildPresence, buildTokenIssue } from './stanzas.ts'

/** What {@link createPhone} needs. */
export interface PhoneOptions {
  /** Digits with country code, e.g. `15550000001`. */
  readonly phoneNumber: string
  /** The name others see. */
  readonly name: string
  /** The account's LID, `1234@lid` or only `1234`. */
  readonly lid: string
  readonly random: RandomSource
  readonly clock: Clock
  readonly services: PrimaryServices
  /** @default silent */
  readonly logger?: Logger
  /** What a newly linked device gets of the past. @default 'recent' */
  readonly history?: 'none' | 'recent'
  /** One-time pre-keys published at once. @default 100 */
  readonly preKeyCount?: number
  /** Wait for one answer or ack of the server. @default 20,000 */
  readonly answerTimeoutMs?: number
}

const DEFAULT_PRE_KEYS = 100
const DEFAULT_ANSWER_TIMEOUT_MS = 20_000

/** The parts that the phone's own methods use. */
export interface PhoneParts {
  readonly account: PhoneAccount
  readonly album: Album
  readonly appState: AppState
  /** Changes app state as the human does. */
  readonly appStateHand: AppStateHand
  readonly connection: Connection
  readonly histories: Histories
  readonly inbox: Inbox
  readonly keys: DeviceKeys
  readonly linked: LinkedDevices
  readonly mailbox: Mailbox
  readonly outbox: Outbox
  readonly past: Past
  readonly reception: Reception
  readonly sessions: Sessions
  /** Tells the record of something that was lost on purpose. */
  readonly noteFault: (text: string) => void
  /** Uploads the device keys with fresh one-time pre-keys. */
  readonly publishKeys: () => Promise<void>
  /** Hands out a token with which somebody may write to this account. */
  readonly giveToken: (jid: string, atSeconds?: number) => Promise<void>
  /** Tells the linked devices the salt of the account's tokens, with a piece of history. */
  readonly shareSalt: (salt: Uint8Array) => Promise<void>
  /** Makes everything anew that an installation makes, and publishes it. */
  readonly reinstall: () => Promise<void>
  /** Says that the human is there, and looks for devices that wait to be served. */
  readonly announce: () => void
}

/** Builds a phone that is not connected yet. */
export function createParts(options: PhoneOptions): PhoneParts {
  const core: Core = createCore(options, {
    onNode: (stanza) => {
      reception.receive(stanza)
    },
    onReattached: () => {
      announce()
    },
  })
  const { account, connection, keys } = core
  const outbox = new Outbox(core)
  const mediaRetries = new MediaRetries({ ...core, desk: options.services.media })
  const firstLogin = new FirstLogin(account)
  const { past, histories } = createHistory(core, outbox, options.services)
  const appState = new AppState({ ...core, firstLogin, desk: options.services.media })
  const linked: LinkedDevices = new LinkedDevices({
    account,
    keys,
    services: options.services,
    welcome: (device) =>
      welcome({ core, firstLogin, histories, outbox, history: options.history ?? 'recent' }, device),
    spawn: (work) => {
      reception.spawn(work)
    },
  })
  const publishKeys = async (): Promise<void> => {
    const fresh = keys.makePreKeys(options.preKeyCount ?? DEFAULT_PRE_KEYS)
    await connection.request(buildKeyUpload(keys, fresh))
  }
  const announce = (): void => {
    connection.send(buildPresence(account.name, 'available'))
    linked.welcomeNewDevices()
  }
  const inbox = new Inbox({
    ...core,
    onPeerMessage: (...message) => {
      reception.receivePeer(...message)
    },
  })
  const reception: Reception = new Reception({
    ...core,
    ...{ appState, firstLogin, histories, inbox, linked, mediaRetries, outbox },
    replenish: publishKeys,
  })
  return {
    ...{ account, appState, connection, histories, inbox, keys, linked, outbox, past, reception },
    ...{ album: core.album, mailbox: core.mailbox, sessions: core.sessions },
    appStateHand: appStateHand({ core, appState, firstLogin, linked, outbox }),
    noteFault: (text) => options.services.noteFault?.(text),
    publishKeys,
    giveToken: (jid, atSeconds) => giveToken(core, jid, atSeconds),
    shareSalt: (salt) => histories.shareSalt(linked.all, salt),
    reinstall: () => reinstall(core, linked, publishKeys),
    announce,
  }
}

function createHistory(
  core: Core,
  outbox: Outbox,
  services: PrimaryServices,
): { readonly past: Past; readonly histories: Histories } {
  const past = new Past(core)
  const view = new HistoryView({ ...core, past })
  return { past, histories: new Histories({ account: core.account, outbox, services, view }) }
}

/** The human's hand on app state. */
function appStateHand(parts: {
  readonly core: Core
  readonly appState: AppState
  readonly firstLogin: FirstLogin
  readonly linked: LinkedDevices
  readonly outbox: Outbox
}): AppStateHand {
  const { core, appState, firstLogin, linked, outbox } = parts
  return new AppStateHand({
    ...core,
    ...{ appState, firstLogin },
    tellDevices: (content) => tellDevices(linked, outbox, content),
    showName: (name) => {
      core.connection.send(buildPresence(name, 'available'))
    },
  })
}

async function reinstall(
  { keys, sessions }: Core,
  linked: LinkedDevices,
  publishKeys: () => Promise<void>,
): Promise<void> {
  keys.renew()
  sessions.lose()
  linked.beginAnew()
  await publishKeys()
}

async function giveToken({ account, connection }: Core, jid: string, atSeconds?: number): Promise<void> {
  const nowSeconds = Math.floor(account.clock.nowMs() / 1000)
  await connection.request(buildTokenIssue(jid, atSeconds ?? nowSeconds))
}

interface Core {
  readonly account: PhoneAccount
  readonly addresses: AddressBook
  readonly album: Album
  readonly connection: Connection
  readonly directory: Directory
  readonly keys: DeviceKeys
  readonly mailbox: Mailbox
  readonly sessions: Sessions
}

/** What the other parts are built on. */
function createCore(
  options: PhoneOptions,
  handlers: Pick<ConnectionOptions, 'onNode' | 'onReattached'>,
): Core {
  const account = createAccount(options)
  const { clock, logger, random } = account
  const keys = new DeviceKeys(random)
  const addresses: AddressBook = new AddressBook((pn, lid) => {
    sessions.move(pn, lid)
    mailbox.unify(lid, pn)
  })
  const sessions = new Sessions({ keys, addresses, clock, random })
  const mailbox = new Mailbox(clock, (error) => {
    logger.error({ error }, 'a listener of the phone failed')
  })
  const connection = new Connection({
    services: options.services,
    clock,
    logger,
    idPrefix: options.phoneNumber,
    answerTimeoutMs: options.answerTimeoutMs ?? DEFAULT_ANSWER_TIMEOUT_MS,
    ...handlers,
  })
  const directory = new Directory({ account, keys, addresses, sessions, connection })
  const album = new Album(account, options.services.media)
  // before anybody else hears of it: whoever does finds the file on the phone
  mailbox.onMessage((message) => {
    album.keep(message)
  })
  addresses.learn(account.pn, account.lid)
  return { account, addresses, album, connection, directory, keys, mailbox, sessions }
}

interface Welcome {
  readonly core: Core
  readonly firstLogin: FirstLogin
  readonly histories: Histories
  readonly outbox: Outbox
  readonly history: 'none' | 'recent'
}

/** Gives a new device its keys and history; false when it has not published its own keys yet. */
async function welcome(
  { core, firstLogin, histories, outbox, history }: Welcome,
  device: string,
): Promise<boolean> {
  const { directory, sessions } = core
  await directory.ensureSessions([device])
  if (!sessions.has(device)) return false
  await outbox.sendPeer(device, firstLogin.keyShare())
  if (history !== 'none') await histories.welcome(device)
  return true
}

async function tellDevices(linked: LinkedDevices, outbox: Outbox, content: MessageProperties): Promise<void> {
  for (const { jid } of linked.all) await outbox.sendPeer(jid, content)
}

function createAccount(options: PhoneOptions): PhoneAccount {
  const { clock, logger = silentLogger, name, phoneNumber, random } = options
  return {
    pn: formatJid({ user: phoneNumber, server: SERVER_USER, device: 0 }),
    lid: userJid(options.lid.includes('@') ? options.lid : `${options.lid}@${SERVER_LID}`),
    name,
    clock,
    random,
    logger: logger.child({ phone: phoneNumber }),
  }
}
