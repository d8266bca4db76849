/** What a server makes of recorded messages that Baileys cannot be told to send: by the name of the file. */
import { Message, encodeMessage } from '../../src/protocol/proto/message.ts'
import type { BinaryNode } from 'waton/protocol'
import { node } from 'waton/protocol'
import { stanzas } from 'waton/simulator'
import { POLL_SECRET } from './baileys-kinds.ts'

/** Stanzas that come out of one that was recorded. */
export interface ArrangedKind {
  readonly about: string
  /** Where the shape is from. */
  readonly source: string
  /** The recorded message, by its name in `baileys-kinds.ts`. */
  readonly of: string
  readonly arrange: (recorded: BinaryNode) => readonly BinaryNode[]
  /** Texts that must be in the events. */
  readonly sent: readonly string[]
}

const GROUP = '120363000000000001@g.us'
const BOB = '15550000002@s.whatsapp.net'
const BOT = '867051314767696@bot'

/** The parts of an answer, each a message of the bot: the others edit the first, as Meta AI does. */
function growingAnswer(question: BinaryNode): readonly BinaryNode[] {
  const target = { targetId: question.attrs['id'] ?? '', targetSender: BOB, targetChat: BOB }
  const facts = { from: BOT, secret: POLL_SECRET, atSeconds: 1_795_333_140, ...target }
  const edits = (text: string): Uint8Array =>
    encodeMessage({
      protocolMessage: {
        key: { remoteJid: BOB, fromMe: true, id: 'BOT1' },
        type: Message.ProtocolMessage.Type.MESSAGE_EDIT,
        editedMessage: { conversation: text },
      },
    })
  return [
    question,
    stanzas.botReply({ ...facts, id: 'BOT1', edit: 'first' }, encodeMessage({ conversation: 'Lunch' })),
    stanzas.botReply({ ...facts, id: 'BOT2', edit: 'inner', editTargetId: 'BOT1' }, edits('Lunch is')),
    stanzas.botReply(
      { ...facts, id: 'BOT3', edit: 'last', editTargetId: 'BOT1' },
      edits('Lunch is at noon.'),
    ),
  ]
}

/** The message of a group behind the key that it takes to read it. */
function groupMessage(key: BinaryNode): readonly BinaryNode[] {
  const { from = '', id = '', t = '' } = key.attrs
  const sealed = node('enc', { v: '2', type: 'skmsg' }, new Uint8Array(80).fill(0x33))
  const content = [...(key.content as readonly BinaryNode[]), sealed]
  return [{ ...key, attrs: { from: GROUP, participant: from, id, t, type: 'text' }, content }]
}

/** See the file comment. */
export const ARRANGED_KINDS: Readonly<Record<string, ArrangedKind>> = {
  'bot-answer': {
    about: 'a bot answers a message of somebody else, in three parts',
    source: 'WhatsApp Web WAWebBotMessageSecret',
    of: 'poll',
    arrange: growingAnswer,
    sent: ['Lunch is', 'Lunch is at noon.'],
  },
  'group-sender-key': {
    about: 'a message of a group behind the key that it takes to read it',
    source: 'Baileys 7.0.0-rc14 Socket/messages-send.js',
    of: 'sender-key',
    arrange: groupMessage,
    sent: [],
  },
}
