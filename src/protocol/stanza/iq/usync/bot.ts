/** USync protocol: how an assistant inside of WhatsApp presents itself. */
import {
  childOf,
  childrenOf,
  contentText,
  node,
  requireChild,
  type BinaryNode,
} from '../../../binary/node.ts'
import type { UsyncProtocol } from './protocol.ts'

/** The profile of an assistant. */
export interface UsyncBot {
  /** Whether it is the one that the account gets without choosing. */
  readonly isDefault: boolean
  /** Which face of it this is. */
  readonly personaId?: string
  readonly name?: string
  readonly attributes?: string
  readonly description?: string
  readonly category?: string
  /** What its commands are for. */
  readonly commandsDescription?: string
  readonly commands: readonly { readonly name?: string; readonly description?: string }[]
  /** What it proposes to be asked. */
  readonly prompts: readonly { readonly emoji?: string; readonly text?: string }[]
}

/**
 * ```xml
 * <bot><profile v="1"/></bot>
 * <user jid="13135550002@bot"><bot><profile persona_id="..."/></bot></user>
 * <bot><profile persona_id="..."><default/><name>...</name><attributes>...</attributes><description>...</description>
 *   <category>...</category><commands><description>...</description>
 *   <command><name>...</name><description>...</description></command></commands>
 *   <prompts><prompt><emoji>...</emoji><text>...</text></prompt></prompts></profile></bot>
 * ```
 *
 * @source Baileys 7.0.0-rc14 `UsyncBotProfileProtocol.js`
 */
export const BOT: UsyncProtocol<'bot', UsyncBot> = {
  name: 'bot',
  tag: 'bot',
  query: () => node('bot', {}, [node('profile', { v: '1' })]),
  target: ({ personaId }) => node('bot', {}, [node('profile', { persona_id: personaId })]),
  parse(element) {
    const profile = requireChild(element, 'profile')
    const commands = childOf(profile, 'commands')
    const prompts = childOf(profile, 'prompts')
    return {
      isDefault: childOf(profile, 'default') !== undefined,
      ...(profile.attrs.persona_id === undefined ? {} : { personaId: profile.attrs.persona_id }),
      ...texts(profile, ['name', 'attributes', 'description', 'category']),
      ...(commands === undefined ? {} : named('commandsDescription', textIn(commands, 'description'))),
      commands: childrenIn(commands, 'command').map((command) => texts(command, ['name', 'description'])),
      prompts: childrenIn(prompts, 'prompt').map((prompt) => texts(prompt, ['emoji', 'text'])),
    }
  },
}

function childrenIn(owner: BinaryNode | undefined, tag: string): readonly BinaryNode[] {
  return owner === undefined ? [] : childrenOf(owner, tag)
}

function textIn(owner: BinaryNode, tag: string): string | undefined {
  const child = childOf(owner, tag)
  return child === undefined ? undefined : contentText(child)
}

/** The texts of the children that are there. */
function texts<Name extends string>(
  owner: BinaryNode,
  names: readonly Name[],
): { readonly [Key in Name]?: string } {
  return Object.assign({}, ...names.map((name) => named(name, textIn(owner, name)))) as {
    readonly [Key in Name]?: string
  }
}

function named<Name extends string>(
  name: Name,
  text: string | undefined,
): { readonly [Key in Name]?: string } {
  return (text === undefined ? {} : { [name]: text }) as { readonly [Key in Name]?: string }
}
