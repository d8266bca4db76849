/** What a client has sent, as the server saw it, and what it says of what it could not send. */
import type { Client } from 'waton'
import { childrenOf, contentBytes } from '../../src/protocol/binary/node.ts'
import type { BinaryNode } from '../../src/protocol/binary/node.ts'
import { log } from './support.ts'
import type { World } from './support.ts'

/** What the server was sent under this id, each time. */
export function sentAs(world: World, id: string): readonly BinaryNode[] {
  return world.sent({ tag: 'message' }).filter(({ attrs }) => attrs.id === id)
}

/** The ciphertexts of a message in hexadecimal, by device. */
export function ciphertexts(stanza: BinaryNode | undefined): ReadonlyMap<string, string> {
  if (stanza === undefined) return new Map()
  const copies = childrenOf(stanza, 'participants').flatMap((list) => childrenOf(list, 'to'))
  return new Map(
    copies.flatMap((to) =>
      childrenOf(to, 'enc').map((enc) => [
        to.attrs.jid ?? '',
        Buffer.from(contentBytes(enc) ?? []).toString('hex'),
      ]),
    ),
  )
}

/** The `send.failed` events in the log. */
export async function sendFailures(client: Client): Promise<unknown[]> {
  return (await log(client)).filter(({ type }) => type === 'send.failed').map(({ payload }) => payload)
}
