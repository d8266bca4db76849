/** What the unmodified Baileys is told to send for the transcripts, by the name of the file. All content is invented. */

/** A message: content for `sendMessage`, or a message of the schema for `relayMessage`. */
export interface BaileysKind {
  readonly about: string
  readonly content?: object
  readonly message?: object
  /** Texts that must be in the event, because the sender wrote them. */
  readonly sent?: readonly string[]
}

const BOB = '15550000002@s.whatsapp.net'
const ALICE = '15550000001@s.whatsapp.net'
const KEY = { remoteJid: ALICE, fromMe: true, id: '3EB0000000000000000001' }
const MEDIA = {
  url: 'https://mmg.whatsapp.net/v/t62/invented',
  directPath: '/v/t62/invented',
  mediaKey: new Uint8Array(32).fill(7),
  fileSha256: new Uint8Array(32).fill(8),
  fileEncSha256: new Uint8Array(32).fill(9),
  fileLength: 4321,
  mediaKeyTimestamp: 1_700_000_000,
}
const IMAGE = { ...MEDIA, mimetype: 'image/jpeg', width: 640, height: 480, caption: 'A picture' }
const VCARD = 'BEGIN:VCARD\nVERSION:3.0\nFN:Carol\nTEL;waid=15550000003:+1 555 000 0003\nEND:VCARD'
const SECRET: Uint8Array = new Uint8Array(32).fill(5)

/** The secret of the polls. */
export const POLL_SECRET: Uint8Array = SECRET

/** See the file comment. */
export const BAILEYS_KINDS: Readonly<Record<string, BaileysKind>> = {
  text: { about: 'a text', content: { text: 'Hello from Baileys' }, sent: ['Hello from Baileys'] },
  'text-unicode': {
    about: 'a text with letters of many scripts',
    content: { text: 'Grüße, 你好, 👋🏽' },
    sent: ['Grüße, 你好, 👋🏽'],
  },
  'text-long': { about: 'a text of 4,000 letters', content: { text: 'long '.repeat(800) } },
  'text-mention': {
    about: 'a text that mentions somebody',
    content: { text: 'Hello @15550000001', mentions: [ALICE] },
    sent: ['Hello @15550000001'],
  },
  'text-quoted': {
    about: 'a text that quotes another',
    message: {
      extendedTextMessage: {
        text: 'This one',
        contextInfo: { stanzaId: KEY.id, participant: ALICE, quotedMessage: { conversation: 'Which one?' } },
      },
    },
    sent: ['This one'],
  },
  'text-forwarded': {
    about: 'a text that was forwarded',
    message: {
      extendedTextMessage: { text: 'Passed on', contextInfo: { isForwarded: true, forwardingScore: 3 } },
    },
    sent: ['Passed on'],
  },
  'text-link': {
    about: 'a text with a preview of its link',
    message: {
      extendedTextMessage: {
        text: 'See https://example.com',
        matchedText: 'https://example.com',
        title: 'Example',
        description: 'A site',
      },
    },
    sent: ['See https://example.com'],
  },
  'text-ephemeral': {
    about: 'a text that disappears',
    message: {
      ephemeralMessage: {
        message: { extendedTextMessage: { text: 'Soon gone', contextInfo: { expiration: 86400 } } },
      },
    },
    sent: ['Soon gone'],
  },
  reaction: { about: 'a reaction', content: { react: { text: '👍', key: KEY } } },
  'reaction-removed': { about: 'a reaction that is taken back', content: { react: { text: '', key: KEY } } },
  edit: { about: 'an edit', content: { text: 'Better said', edit: { ...KEY, remoteJid: ALICE } } },
  delete: { about: 'a deletion', content: { delete: KEY } },
  location: {
    about: 'a location',
    content: { location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'Berlin' } },
  },
  'live-location': {
    about: 'a location that moves',
    message: {
      liveLocationMessage: {
        degreesLatitude: 52.5,
        degreesLongitude: 13.4,
        caption: 'On my way',
        sequenceNumber: 1,
      },
    },
  },
  contact: {
    about: 'a contact card',
    content: { contacts: { displayName: 'Carol', contacts: [{ displayName: 'Carol', vcard: VCARD }] } },
  },
  contacts: {
    about: 'two contact cards',
    content: {
      contacts: {
        displayName: 'Two',
        contacts: [
          { displayName: 'Carol', vcard: VCARD },
          { displayName: 'Carol 2', vcard: VCARD },
        ],
      },
    },
  },
  poll: {
    about: 'a poll with one choice',
    content: { poll: { name: 'Lunch?', values: ['yes', 'no'], selectableCount: 1, messageSecret: SECRET } },
  },
  'poll-many': {
    about: 'a poll with many choices',
    content: {
      poll: { name: 'Days?', values: ['Mo', 'Tu', 'We'], selectableCount: 3, messageSecret: SECRET },
    },
  },
  'poll-vote': {
    about: 'a vote for a poll that is not known',
    message: {
      pollUpdateMessage: {
        pollCreationMessageKey: KEY,
        senderTimestampMs: 1_700_000_000_000,
        vote: { encPayload: new Uint8Array(48).fill(1), encIv: new Uint8Array(12).fill(2) },
      },
    },
  },
  event: {
    about: 'an event to come',
    content: {
      event: {
        name: 'Party',
        description: 'At home',
        startDate: new Date(1_800_000_000_000),
        messageSecret: SECRET,
      },
    },
  },
  'event-response': {
    about: 'an answer to an event that is not known',
    message: {
      encEventResponseMessage: {
        eventCreationMessageKey: KEY,
        encPayload: new Uint8Array(48).fill(1),
        encIv: new Uint8Array(12).fill(2),
      },
    },
  },
  'encrypted-reaction': {
    about: 'an encrypted reaction',
    message: {
      encReactionMessage: {
        targetMessageKey: KEY,
        encPayload: new Uint8Array(48).fill(1),
        encIv: new Uint8Array(12).fill(2),
      },
    },
  },
  pin: { about: 'a message is pinned', content: { pin: KEY, type: 1, time: 86400 } },
  unpin: { about: 'a message is unpinned', content: { pin: KEY, type: 2 } },
  keep: {
    about: 'a message is kept',
    message: { keepInChatMessage: { key: KEY, keepType: 1, timestampMs: 1_700_000_000_000 } },
  },
  'disappearing-on': {
    about: 'disappearing messages are switched on',
    content: { disappearingMessagesInChat: 86400 },
  },
  'group-invite': {
    about: 'an invitation to a group',
    message: {
      groupInviteMessage: {
        groupJid: '120363000000000001@g.us',
        inviteCode: 'INVENTED',
        inviteExpiration: 1_800_000_000,
        groupName: 'Friends',
        caption: 'Join us',
      },
    },
  },
  'phone-number-request': {
    about: 'somebody asks for the phone number',
    content: { requestPhoneNumber: true },
  },
  'phone-number-share': { about: 'somebody shares the phone number', content: { sharePhoneNumber: true } },
  'limit-sharing': { about: 'sharing is limited', content: { limitSharing: true } },
  'button-reply': {
    about: 'a pressed button',
    content: { buttonReply: { displayText: 'Yes', id: 'yes', index: 0 }, type: 'plain' },
  },
  'list-reply': {
    about: 'a choice in a list',
    message: {
      listResponseMessage: { title: 'Pizza', listType: 1, singleSelectReply: { selectedRowId: 'pizza' } },
    },
  },
  image: { about: 'an image', message: { imageMessage: IMAGE } },
  'image-view-once': {
    about: 'an image to view once',
    message: { viewOnceMessageV2: { message: { imageMessage: { ...IMAGE, viewOnce: true } } } },
  },
  video: {
    about: 'a video',
    message: { videoMessage: { ...MEDIA, mimetype: 'video/mp4', seconds: 7, caption: 'A film' } },
  },
  gif: {
    about: 'a video that plays like a GIF',
    message: { videoMessage: { ...MEDIA, mimetype: 'video/mp4', gifPlayback: true } },
  },
  'video-note': {
    about: 'a round video note',
    message: { ptvMessage: { ...MEDIA, mimetype: 'video/mp4', seconds: 3 } },
  },
  audio: {
    about: 'a piece of music',
    message: { audioMessage: { ...MEDIA, mimetype: 'audio/mp4', seconds: 60 } },
  },
  voice: {
    about: 'a voice message',
    message: {
      audioMessage: {
        ...MEDIA,
        mimetype: 'audio/ogg; codecs=opus',
        ptt: true,
        seconds: 4,
        waveform: new Uint8Array(64).fill(3),
      },
    },
  },
  document: {
    about: 'a document',
    message: {
      documentMessage: {
        ...MEDIA,
        mimetype: 'application/pdf',
        fileName: 'plan.pdf',
        title: 'plan',
        pageCount: 2,
      },
    },
  },
  'document-caption': {
    about: 'a document with words',
    message: {
      documentWithCaptionMessage: {
        message: {
          documentMessage: {
            ...MEDIA,
            mimetype: 'application/pdf',
            fileName: 'plan.pdf',
            caption: 'Read this',
          },
        },
      },
    },
  },
  sticker: {
    about: 'a sticker',
    message: { stickerMessage: { ...MEDIA, mimetype: 'image/webp', width: 512, height: 512 } },
  },
  'sticker-pack': {
    about: 'a pack of stickers',
    message: { stickerPackMessage: { ...MEDIA, stickerPackId: 'pack', name: 'Cats', publisher: 'Somebody' } },
  },
  album: {
    about: 'the announcement of an album',
    message: { albumMessage: { expectedImageCount: 2, expectedVideoCount: 1 } },
  },
  buttons: {
    about: 'a message with buttons',
    message: {
      buttonsMessage: {
        contentText: 'Choose',
        footerText: 'please',
        headerType: 1,
        buttons: [{ buttonId: 'a', buttonText: { displayText: 'A' }, type: 1 }],
      },
    },
  },
  list: {
    about: 'a message with a list',
    message: {
      listMessage: {
        title: 'Menu',
        description: 'Choose',
        buttonText: 'Open',
        listType: 1,
        sections: [{ title: 'Food', rows: [{ title: 'Pizza', rowId: 'pizza' }] }],
      },
    },
  },
  template: {
    about: 'a message from a template',
    message: {
      templateMessage: {
        hydratedTemplate: {
          hydratedContentText: 'Dear customer',
          hydratedFooterText: 'Bye',
          hydratedButtons: [],
        },
      },
    },
  },
  interactive: {
    about: 'an interactive message',
    message: {
      interactiveMessage: {
        body: { text: 'Choose' },
        nativeFlowMessage: { buttons: [{ name: 'cta_url', buttonParamsJson: '{}' }] },
      },
    },
  },
  product: {
    about: 'a product',
    message: {
      productMessage: {
        product: { productId: '1', title: 'Mug', currencyCode: 'EUR', priceAmount1000: 5000 },
        businessOwnerJid: BOB,
      },
    },
  },
  order: {
    about: 'an order',
    message: {
      orderMessage: {
        orderId: '1',
        itemCount: 2,
        status: 1,
        surface: 1,
        message: 'My order',
        sellerJid: BOB,
        token: 'invented',
      },
    },
  },
  'payment-request': {
    about: 'somebody asks for money',
    message: {
      requestPaymentMessage: {
        currencyCodeIso4217: 'EUR',
        amount1000: 5000,
        requestFrom: BOB,
        noteMessage: { conversation: 'For lunch' },
      },
    },
  },
  'scheduled-call': {
    about: 'a call is planned',
    message: {
      scheduledCallCreationMessage: { scheduledTimestampMs: 1_800_000_000_000, callType: 1, title: 'Weekly' },
    },
  },
  'call-log': {
    about: 'a call that was missed',
    message: { callLogMesssage: { isVideo: false, callOutcome: 1, durationSecs: 0, callType: 0 } },
  },
  comment: {
    about: 'a comment',
    message: { commentMessage: { message: { conversation: 'I agree' }, targetMessageKey: KEY } },
  },
  'newsletter-invite': {
    about: 'an invitation to a channel',
    message: {
      newsletterAdminInviteMessage: {
        newsletterJid: '120363000000000002@newsletter',
        newsletterName: 'News',
        caption: 'Help me',
        inviteExpiration: 1_800_000_000,
      },
    },
  },
  'bot-invoke': {
    about: 'a message for a bot',
    message: { botInvokeMessage: { message: { extendedTextMessage: { text: 'What is new?' } } } },
  },
  empty: { about: 'a message without content', message: {} },
  'sender-key': {
    about: 'a sender key that cannot be read, and nothing else',
    message: {
      senderKeyDistributionMessage: {
        groupId: '120363000000000001@g.us',
        axolotlSenderKeyDistributionMessage: new Uint8Array(8),
      },
    },
  },
  'protocol-revoke-other': {
    about: 'somebody deletes a message of somebody else',
    message: { protocolMessage: { type: 0, key: { ...KEY, fromMe: false, participant: ALICE } } },
  },
  'protocol-history-forged': {
    about: 'somebody else pretends to send history',
    message: {
      protocolMessage: {
        type: 5,
        historySyncNotification: { syncType: 0, directPath: '/invented', fileLength: 1 },
      },
    },
  },
  'protocol-key-share-forged': {
    about: 'somebody else pretends to share keys of the app state',
    message: { protocolMessage: { type: 6, appStateSyncKeyShare: { keys: [] } } },
  },
}
