import { describe, expect, it } from 'vitest'
import { utf8Bytes, utf8Text } from '../base/bytes.ts'
import { UsageError } from '../base/errors.ts'
import type { CloseReason } from './byte-socket.ts'
import { SocketInbox } from './socket-inbox.ts'

function newInbox(): { inbox: SocketInbox; failures: unknown[] } {
  const failures: unknown[] = []
  const inbox = new SocketInbox((error) => {
    failures.push(error)
    inbox.shut()
  })
  return { inbox, failures }
}

function deliver(inbox: SocketInbox, ...texts: string[]): void {
  for (const text of texts) inbox.deliverData(utf8Bytes(text))
}

describe('the inbox of a socket', () => {
  it('ends the connection when more arrives than can be kept while nobody listens', () => {
    const { inbox, failures } = newInbox()
    for (let count = 0; count < 17; count++) inbox.deliverData(new Uint8Array(1024 * 1024))
    expect(failures).toEqual([expect.objectContaining({ code: 'WATON_TRANSPORT_BACKLOG' })])
  })

  it('bounds the number of kept pieces, too', () => {
    const { inbox, failures } = newInbox()
    for (let count = 0; count < 20_000; count++) inbox.deliverData(new Uint8Array(0))
    expect(failures).toHaveLength(1)
  })

  it('ends the connection when the listener throws, and gives it nothing more', () => {
    const { inbox, failures } = newInbox()
    const seen: string[] = []
    const bug = new UsageError('TEST', 'a bug of the listener')
    deliver(inbox, 'one', 'two')
    inbox.onData = (bytes) => {
      seen.push(utf8Text(bytes))
      throw bug
    }
    deliver(inbox, 'three')
    expect(failures).toEqual([bug])
    expect(seen).toEqual(['one'])
  })

  it('delivers nothing after it was shut', () => {
    const { inbox } = newInbox()
    const seen: string[] = []
    deliver(inbox, 'kept')
    inbox.shut()
    inbox.onData = (bytes) => seen.push(utf8Text(bytes))
    deliver(inbox, 'late')
    expect(seen).toEqual([])
  })

  it('keeps what arrives early and delivers it in order, also what arrives meanwhile', () => {
    const { inbox } = newInbox()
    const seen: string[] = []
    deliver(inbox, 'one', 'two')
    inbox.onData = (bytes) => {
      if (seen.push(utf8Text(bytes)) === 1) deliver(inbox, 'three')
    }
    deliver(inbox, 'four')
    expect(seen).toEqual(['one', 'two', 'three', 'four'])
  })

  it('keeps what arrives while the listener is taken away', () => {
    const { inbox } = newInbox()
    const seen: string[] = []
    const listener = (bytes: Uint8Array): void => {
      seen.push(utf8Text(bytes))
      inbox.onData = undefined
    }
    deliver(inbox, 'one', 'two')
    inbox.onData = listener
    expect(seen).toEqual(['one'])
    inbox.onData = listener
    expect(seen).toEqual(['one', 'two'])
  })

  it('tells the end exactly once, to whoever listens first, after the data', () => {
    const { inbox } = newInbox()
    const seen: (string | CloseReason)[] = []
    deliver(inbox, 'one')
    inbox.deliverClose({ code: 1006 })
    inbox.deliverClose({ code: 1000 })
    inbox.onData = (bytes) => seen.push(utf8Text(bytes))
    inbox.onClose = (reason) => seen.push(reason)
    inbox.onClose = (reason) => seen.push(reason)
    inbox.deliverClose({ code: 1001 })
    expect(seen).toEqual(['one', { code: 1006 }])
  })

  it('tells an end that comes during delivery after everything that is kept', () => {
    const { inbox } = newInbox()
    const seen: (string | CloseReason)[] = []
    inbox.onClose = (reason) => seen.push(reason)
    deliver(inbox, 'one', 'two')
    inbox.onData = (bytes) => {
      seen.push(utf8Text(bytes))
      inbox.deliverClose({})
    }
    expect(seen).toEqual(['one', 'two', {}])
  })
})
