// What takes the place of each event of Baileys 7.0.0-rc14 (`lib/Types/Events.d.ts`, BaileysEventMap): the names of our events,
// also of those that are still to come, and a sentence about the difference. tests/events checks that none is missing.

/** By the name in Baileys. */
export const BAILEYS_EVENTS = {
  'connection.update': {
    events: [
      'pairing.qr',
      'pairing.success',
      'connection.state',
      'connection.open',
      'connection.closed',
      'sync.offline',
    ],
    note: 'One event for each thing. The client comes back by itself; `connection.closed` says whether it does, and why it was closed.',
  },
  'creds.update': {
    events: [],
    note: 'Nothing to do: keys and credentials are in the store before anything depends on them. What it tells of settings is in `account.changed`.',
  },
  'messaging-history.set': { events: ['history.chunk'], note: '' },
  'messaging-history.status': { events: ['sync.history'], note: '' },
  'chats.upsert': {
    events: ['chat.changed'],
    note: 'A chat exists when something happens in it: its first message, or a change of it.',
  },
  'chats.update': {
    events: ['chat.changed', 'chat.cleared'],
    note: 'What was changed on another device. `origin` says whether it was so when the device was linked; nothing depends on a chat of the history being here. Messages are events of their own: nothing counts what is unread.',
  },
  'chats.delete': {
    events: ['chat.deleted'],
    note: 'One event for each chat, with the moment up to which messages are meant.',
  },
  'chats.lock': { events: ['chat.changed'], note: 'Told as `changes.isLocked`.' },
  'lid-mapping.update': {
    events: ['lid.mapping'],
    note: 'What the phone tells of its address book and of chats. Events about people carry both addresses anyway.',
  },
  'presence.update': {
    events: ['presence', 'chat.state'],
    note: 'Online and last seen; writing and recording.',
  },
  'contacts.upsert': {
    events: ['contact.saved'],
    note: 'The address book of the phone; also when somebody is taken out of it. The name that people gave themselves stands beside each message (`pushName`).',
  },
  'contacts.update': {
    events: ['contact.saved', 'contact.changed', 'contact.picture', 'contact.about'],
    note: 'One event for each thing.',
  },
  'messages.upsert': {
    events: ['message', 'message.undecryptable'],
    note: 'One event for each message. `origin` says what `type: notify | append` has to be guessed from.',
  },
  'messages.update': {
    events: ['message', 'message.receipt', 'message.seen', 'message.starred', 'send.failed'],
    note: 'An edit, a vote or the answer to an event is a `message` with that content; a status is a receipt; a star is `message.starred`.',
  },
  'messages.delete': {
    events: ['message', 'message.hidden', 'chat.cleared'],
    note: 'For all: a message whose content is `delete`. For this account alone: `message.hidden`, or `chat.cleared` for all of a chat.',
  },
  'messages.media-update': { events: ['media.retry'], note: '' },
  'messages.reaction': { events: ['message'], note: 'A message whose content is `reaction`.' },
  'message-receipt.update': { events: ['message.receipt'], note: 'Also for chats with one person.' },
  'groups.upsert': { events: ['group.created'], note: '' },
  'groups.update': { events: ['group.changed'], note: '' },
  'group-participants.update': { events: ['group.participants'], note: '' },
  'group.join-request': { events: ['group.request'], note: '' },
  'group.member-tag.update': { events: ['message'], note: 'A message whose content is `memberLabel`.' },
  'blocklist.set': { events: [], note: 'Baileys declares it and never emits it.' },
  'blocklist.update': { events: ['blocklist.changed'], note: '' },
  call: { events: ['call'], note: '' },
  'labels.edit': { events: ['label.changed'], note: '' },
  'labels.association': {
    events: ['label.assigned'],
    note: 'With `message` when the label is on a message, and without it when it is on the chat.',
  },
  'newsletter.reaction': { events: ['newsletter.reactions'], note: '' },
  'newsletter.view': { events: ['newsletter.views'], note: '' },
  'newsletter-participants.update': { events: ['newsletter.participant'], note: '' },
  'newsletter-settings.update': { events: ['newsletter.changed'], note: '' },
  'message-capping.update': { events: ['account.restricted'], note: '' },
  'settings.update': {
    events: ['account.changed'],
    note: 'A member for each setting. The own name and what becomes of archived chats, which Baileys keeps in `creds.update`, are members too.',
  },
}
